"""A file as a table: CSV as text, Parquet in its own types, and the place of each row in it.

Text stays text: `NA`, `TRUE` and `007` are what they are. What does not belong here: what the
columns mean (`columns.py`), and what their texts say (`values.py`).
"""

import csv
import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from quant_platform.errors import VendorError

if TYPE_CHECKING:
    import pyarrow as pa

CSV_ENDINGS = (".csv", ".csv.gz")
ENDINGS = (*CSV_ENDINGS, ".parquet")

DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class FileTable:
    """The rows of a file.

    Attributes
    ----------
    path : the file
    rows : its columns; those of CSV are text, without missing values
    broken : rows of CSV with another number of columns than the first line, as text
    """

    path: Path
    rows: "pa.Table"
    broken: list[str] = field(default_factory=list)

    @cached_property
    def places(self) -> list[str]:
        """Place of each row, for a message. Only asked for where some row is faulty."""
        if not self.path.name.lower().endswith(CSV_ENDINGS):
            return [f"{self.path.name}, row {number + 1}" for number in range(len(self.rows))]
        width = len(self.rows.column_names)
        places = [line for line, count in _csv_rows(self.path) if count == width]
        return [f"{self.path.name}, line {line}" for line in places]

    @property
    def broken_places(self) -> list[str]:
        """Place of each row in `broken`."""
        width = len(self.rows.column_names)
        places = [line for line, count in _csv_rows(self.path) if count != width]
        return [f"{self.path.name}, line {line}" for line in places]


def read_table(path: Path) -> FileTable:
    """Read a file.

    Raises
    ------
    VendorError
        It cannot be read; the message names the file and, of CSV, the line.
    """
    import pyarrow as pa
    import pyarrow.parquet

    try:
        if path.suffix == ".parquet":
            return FileTable(path, pyarrow.parquet.read_table(path, partitioning=None))
        return _read_csv(path)
    except (OSError, pa.ArrowInvalid, EOFError) as error:
        reason = str(error).splitlines()[0]
        raise VendorError(f"{path} cannot be read: {reason}", "Write it anew") from error


def _read_csv(path: Path) -> FileTable:
    import pyarrow as pa
    import pyarrow.csv

    content = _content(path)
    if not content.strip():
        raise VendorError(f"{path} is empty", "Its first line must name the columns")
    first = _decoded(content.partition(b"\n")[0], path)
    delimiter = _delimiter(first)
    names = next(csv.reader([first], delimiter=delimiter))
    broken: list[str] = []

    def note(row: "pyarrow.csv.InvalidRow") -> str:
        broken.append(row.text)
        return "skip"

    try:
        rows = pyarrow.csv.read_csv(
            io.BytesIO(content),
            pyarrow.csv.ReadOptions(use_threads=False, block_size=max(len(content), 1)),
            pyarrow.csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=note
            ),
            pyarrow.csv.ConvertOptions(
                column_types={name: pa.string() for name in names}, strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        _decoded(content, path)
        raise
    return FileTable(path, rows, broken)


def _content(path: Path) -> bytes:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        return bytes(file.read())


def _delimiter(first: str) -> str:
    """Sign between the columns: the one that the first line has most of."""
    return max(DELIMITERS, key=first.count)


def _decoded(content: bytes, path: Path) -> str:
    """Text of a file.

    Raises
    ------
    VendorError
        It is not UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise VendorError(
            f"{path}, line {line}: the text is not UTF-8", "Save the file as UTF-8"
        ) from error


def _csv_rows(path: Path) -> Iterator[tuple[int, int]]:
    """Line of each row after the first, and how many columns it has; blank lines are no rows."""
    text = _decoded(_content(path), path)
    delimiter = _delimiter(text.partition("\n")[0])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    next(reader)
    begun = reader.line_num + 1
    for row in reader:
        if row:
            yield begun, len(row)
        begun = reader.line_num + 1
