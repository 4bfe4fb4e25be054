"""`ColumnCache`: Arrow files of what was read, memory-mapped, in the platform's home.

A file holds columns of one part (rows of a table's year that meet some condition) at one version:

    <home>/cache/<database>/<part>/<version>-<columns>.arrow

It is written beside its place and renamed, so that a reader sees all of it or none; processes may
read, write and delete at once, and a folder may be deleted at any time. A file that is cut off, or
of another format, counts as absent. A new version takes the place of the older ones of its part,
and beyond the limit of size those go that were not used for longest. Where nothing can be written,
that is said once, and everything is read from the database. What does not belong here: which
version is current, and how rows are read (`columnar.py`).
"""

import logging
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pyarrow as pa

FORMAT = b"1"
"""Raised when files of before can no longer be read."""

_MARK = b"quant_platform"

DRAFT = ".draft"
DRAFT_SECONDS = 3600.0
"""Age from which on a file that was never finished is deleted."""

logger = logging.getLogger(__name__)

_complained: set[Path] = set()
"""Folders of which was said that they cannot be written."""


@dataclass(frozen=True)
class Part:
    """Rows that are kept together: of a database, at a version.

    Attributes
    ----------
    database : its random id
    name : table, year and condition, as a file's name
    version : changes with every change of a row
    """

    database: str
    name: str
    version: str


@dataclass(frozen=True)
class ColumnCache:
    """A folder of Arrow files.

    Attributes
    ----------
    folder : made at the first use
    limit : bytes that the files may take together; 0: nothing is kept
    """

    folder: Path
    limit: int

    def find(self, part: Part, columns: Sequence[str]) -> pa.Table | None:
        """Return these columns of a part, memory-mapped; None where they are not kept."""
        if self.limit <= 0:
            return None
        for path in _files(self._folder_of(part)):
            if path.name.startswith(part.version):
                data = _mapped(path)
                if data is not None and set(columns) <= set(data.column_names):
                    with suppress(OSError):
                        os.utime(path)  # the time of its last use
                    return data.select(list(columns))
        return None

    def keep(self, part: Part, data: pa.Table) -> pa.Table:
        """Keep a part's columns, and return them: memory-mapped, or as they are."""
        if not 0 < data.nbytes <= self.limit:
            return data
        folder = self._folder_of(part)
        names = sha256("\n".join(sorted(data.column_names)).encode()).hexdigest()[:12]
        path = folder / f"{part.version}-{names}.arrow"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(path, data)
        except OSError as error:
            self._complain(error)
            return data
        for other in _files(folder):
            if not other.name.startswith(part.version):
                _delete(other)
        self.prune()
        mapped = _mapped(path)
        return data if mapped is None else mapped

    def prune(self) -> None:
        """Delete what was never finished, and beyond the limit the files longest not used."""
        now, kept = time.time(), []
        for path in _files(self.folder, f"*{DRAFT}", "*.arrow"):
            with suppress(OSError):
                state = path.stat()
                if path.suffix != DRAFT:
                    kept.append((state.st_mtime, state.st_size, path))
                elif now - state.st_mtime > DRAFT_SECONDS:
                    _delete(path)
        size = sum(each for _, each, _ in kept)
        for _, each, path in sorted(kept):
            if size <= self.limit:
                return
            _delete(path)
            size -= each

    def _folder_of(self, part: Part) -> Path:
        return self.folder / part.database / part.name

    def _complain(self, error: OSError) -> None:
        if self.folder not in _complained:
            _complained.add(self.folder)
            logger.warning(
                "Nothing is kept in %s (%s): reading goes on from the database."
                " Let this user write there, or set QUANT_PLATFORM_CACHE_GIGABYTES=0",
                self.folder,
                error.strerror or error,
            )


def _write(path: Path, data: pa.Table) -> None:
    data = data.replace_schema_metadata({_MARK: FORMAT})
    file, name = tempfile.mkstemp(suffix=DRAFT, dir=path.parent)  # of mode 0600
    draft = Path(name)
    try:
        with os.fdopen(file, "wb") as sink, pa.ipc.new_file(sink, data.schema) as writer:
            writer.write_table(data)
        draft.replace(path)
    except BaseException:
        _delete(draft)
        raise


def _mapped(path: Path) -> pa.Table | None:
    """Map a file into memory; None, and it is deleted, where it is none of ours or cut off."""
    try:
        source = pa.memory_map(str(path), "r")
        data = pa.ipc.open_file(source).read_all()
    except FileNotFoundError:
        return None
    except (pa.ArrowException, OSError):
        _delete(path)
        return None
    if (data.schema.metadata or {}).get(_MARK) != FORMAT:
        _delete(path)
        return None
    return data


def _files(folder: Path, *patterns: str) -> Iterator[Path]:
    """Files in a folder, or below it with `patterns`; what vanishes meanwhile is passed over."""
    try:
        if patterns:
            yield from [path for pattern in patterns for path in folder.rglob(pattern)]
        else:
            yield from sorted(folder.glob("*.arrow"))
    except OSError:
        return


def _delete(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
