"""Days, names and folders as a person writes them in a notebook.

What does not belong here: sessions (`market/calendar.py`) and moments (`storage/known_at.py`).
"""

import os
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path

import numpy as np

from quant_platform.errors import SessionError, SettingsError
from quant_platform.market.calendar import parse_date
from quant_platform.settings import Settings

Day = str | date | np.datetime64
"""A day: ISO text, or a date; of a moment its date."""

Names = str | Sequence[str]
"""One name, or several."""


def iso_range(start: Day, end: Day) -> tuple[str, str]:
    """Read the first and last day of a range as ISO dates.

    Raises
    ------
    SessionError
        One of them cannot be read, or they are reversed.
    """
    first, last = _day(start), _day(end)
    if first > last:
        raise SessionError(f"The range {first} to {last} is reversed", "Put the earlier date first")
    return first.isoformat(), last.isoformat()


def iso_day(value: Day) -> str:
    """Read a day as an ISO date."""
    return _day(value).isoformat()


def open_range(start: Day | None, end: Day | None) -> tuple[str | None, str | None]:
    """Read a range as `iso_range` does; None leaves that side open."""
    if start is not None and end is not None:
        return iso_range(start, end)
    return (
        None if start is None else _day(start).isoformat(),
        None if end is None else _day(end).isoformat(),
    )


def several(names: Names) -> Sequence[str]:
    """Return the names as a sequence, one alone too.

    Raises
    ------
    SettingsError
        They are no names.
    """
    found = [names] if isinstance(names, str) or not isinstance(names, Iterable) else list(names)
    if strange := [each for each in found if not isinstance(each, str)]:
        raise SettingsError(f"{strange[0]!r:.80} is no name", "Give a name, or a list of names")
    return found


def _day(value: Day) -> date:
    if isinstance(value, np.datetime64):
        # As NumPy writes it: a day, or a moment whose day counts.
        return parse_date(str(value.astype("datetime64[D]")))
    if isinstance(value, str):
        return parse_date(value)
    if not isinstance(value, date) or value != value:  # NaT is a date that equals nothing
        raise SessionError(f"{value!r:.80} is not a date", "Write it as YYYY-MM-DD")
    return value.date() if isinstance(value, datetime) else value


def settings_of(folder: Path | str | None) -> Settings:
    """Read the settings of a project's folder, or those with another database's URL.

    None is the current folder.

    Raises
    ------
    SettingsError
        There is no such folder, or a setting has no valid value.
    """
    if folder is None:
        return Settings.load()
    if isinstance(folder, str) and "://" in folder:
        return Settings.load({**os.environ, "DATABASE_URL": folder})
    path = Path(folder).expanduser().resolve()
    if not path.is_dir():
        raise SettingsError(f"There is no folder {str(folder)!r}", "Name the project's folder")
    return Settings.load(start=path)
