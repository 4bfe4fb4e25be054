"""Where `sql` gets its statement from, and its rows as text for a person or a program."""

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import typer

from quant_platform.errors import SettingsError

STANDARD_INPUT = "-"

RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r")
"""Signs at the beginning of a text that spreadsheets take for a formula (OWASP, CSV injection)."""


def the_statement(given: str | None, file: Path | None) -> str:
    """Return the statement that was given, or that of a file or of standard input.

    Raises
    ------
    BadParameter
        There is none, or there are two.
    SettingsError
        The file cannot be read.
    """
    if (given is None) == (file is None):
        raise typer.BadParameter(
            "Give one statement: as text, with --file, or - for standard input"
        )
    if file is None:
        return sys.stdin.read() if given == STANDARD_INPUT else str(given)
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise SettingsError(f"{file} cannot be read: {reason}", "Check the name") from None


def table_rows(frame: pd.DataFrame) -> list[list[str]]:
    """Cells as a person reads them."""
    return [[_cell(value) for value in row] for row in frame.itertuples(index=False, name=None)]


def csv_text(frame: pd.DataFrame, *, raw: bool = False) -> str:
    """All rows as CSV; text that a spreadsheet would run gets a ' before it, unless `raw`."""
    if not raw:
        frame = frame.rename(columns=_harmless)
        texts = frame.dtypes.map(lambda kind: kind.kind == "O")
        columns = [
            column.map(_harmless, na_action="ignore") if is_text else column
            for (_, column), is_text in zip(frame.items(), texts, strict=True)
        ]
        frame = pd.concat(columns, axis=1) if columns else frame
    return str(frame.to_csv(index=False))


def json_text(frame: pd.DataFrame) -> str:
    """All rows as a JSON list of objects; days and moments as ISO 8601, no value as null."""
    names = [str(name) for name in frame.columns]
    rows = [
        dict(zip(names, map(_plain, row), strict=True))
        for row in frame.itertuples(index=False, name=None)
    ]
    return json.dumps(rows, allow_nan=False, ensure_ascii=False, default=str)


def _plain(value: Any) -> Any:
    """Return a value that JSON has; infinity, which it lacks, as text."""
    if isinstance(value, np.ndarray):
        return [_plain(each) for each in value.tolist()]
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return _cell(value) if value.tz is None else value.isoformat()
    if isinstance(value, np.generic):
        value = value.item()
    return str(value) if isinstance(value, float) and math.isinf(value) else value


def _harmless(value: Any) -> Any:
    return (
        f"'{value}" if isinstance(value, str) and value.startswith(RUN_BY_SPREADSHEETS) else value
    )


def _cell(value: Any) -> str:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return ""
    if isinstance(value, pd.Timestamp):
        return (
            f"{value:%Y-%m-%d}" if value == value.normalize() and value.tz is None else str(value)
        )
    return f"{value:.10g}" if isinstance(value, float) else str(value)
