"""`Folder`: the rows of a folder's files as frames, read once until a file changes."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from quant_platform.errors import VendorError
from quant_platform.vendors.files import values
from quant_platform.vendors.files.columns import BARS, SECURITIES, Kind, chosen_columns
from quant_platform.vendors.files.settings import COLUMNS, FOLDER, TIME_ZONE
from quant_platform.vendors.files.tables import ENDINGS, FileTable, read_table
from quant_platform.vendors.symbols import normal_symbol

USABLE = 0.5
"""Share of a file's rows below which the file is refused, and not its rows one by one."""

Signature = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Rows:
    """Rows of one kind.

    Attributes
    ----------
    frame : all rows by day, those that cannot be used with their `reason`
    days : day of each row
    """

    frame: pd.DataFrame
    days: np.ndarray


class Folder:
    """Files of bars, actions and securities.

    Parameters
    ----------
    path : the folder
    names : columns of the files that have other names than usual, to the platform's
    zone : clock by which a moment with an offset has its day
    """

    def __init__(self, path: Path, names: Mapping[str, str], zone: ZoneInfo) -> None:
        self._path, self._names, self._zone = path, names, zone
        self._read: dict[str, tuple[Signature, Rows]] = {}
        self._one_at_a_time = threading.Lock()

    def rows(self, kind: Kind, first: date, last: date) -> pd.DataFrame:
        """Rows from `first` to `last`; a row without a readable day has that of the one before."""
        found = self._rows(kind)
        start, end = np.searchsorted(
            found.days, [np.datetime64(first, "D"), np.datetime64(last, "D") + 1]
        )
        return found.frame.iloc[start:end].reset_index(drop=True)

    def first_day(self) -> date:
        """Day of the first bar.

        Raises
        ------
        VendorError
            There is no bar.
        """
        usable = self._usable_days()
        if not len(usable):
            raise VendorError(f"The bars in {self._path} have no row", "Write bars into them")
        first: date = usable[0].item()
        return first

    def has_bars_of(self, session: date) -> bool:
        """Whether there is a usable bar of a session."""
        usable, day = self._usable_days(), np.datetime64(session, "D")
        place = int(np.searchsorted(usable, day))
        return place < len(usable) and bool(usable[place] == day)

    def securities(self) -> pd.DataFrame:
        """One row a symbol; without a file of them, one for each symbol of the bars."""
        bars = self._rows(BARS).frame
        usable = bars[bars["reason"] == ""]
        first = usable.groupby("symbol")["date"].min()
        if not self._files(SECURITIES):
            names = pd.Series(first.index, dtype="str")
            return pd.DataFrame(
                {
                    "symbol": names,
                    "company_name": names,
                    "sector": pd.Series([None] * len(names), dtype="str"),
                    "listing_date": first.to_numpy(),
                }
            )
        frame = self._rows(SECURITIES).frame
        listed = frame["listing_date"].fillna(frame["symbol"].map(first))
        return frame.assign(listing_date=listed)

    def summary(self, kind: Kind) -> tuple[str, str]:
        """What there is of a kind, and what cannot be used, in words."""
        files = self._files(kind)
        if not files and kind is not BARS:
            return "none", f"no file {kind.name} in {self._path}"
        found = self._rows(kind)
        unread = found.frame[found.frame["reason"] != ""]
        span = ""
        if kind is not SECURITIES and len(found.days):
            span = f", {found.days[0]} to {found.days[-1]}"
        reason = f"{len(unread)} cannot be used: {unread['reason'].iloc[0]}" if len(unread) else ""
        return f"{len(found.frame):,} rows{span}", reason

    def _usable_days(self) -> np.ndarray:
        found = self._rows(BARS)
        usable: np.ndarray = found.days[(found.frame["reason"] == "").to_numpy()]
        return usable

    def _rows(self, kind: Kind) -> Rows:
        """Rows of a kind, by day; read anew where a file changed."""
        with self._one_at_a_time:
            files = self._files(kind)
            if not files and kind is BARS:
                raise VendorError(
                    f"There are no bars in {self._path}: no bars.csv, bars.parquet or folder bars",
                    f"Put one there, or set {FOLDER}",
                )
            signature = tuple(
                (str(file), stat.st_mtime_ns, stat.st_size)
                for file, stat in ((file, file.stat()) for file in files)
            )
            if kind.name not in self._read or self._read[kind.name][0] != signature:
                self._read[kind.name] = (signature, self._read_all(kind, files))
            return self._read[kind.name][1]

    def _files(self, kind: Kind) -> list[Path]:
        if not self._path.is_dir():
            raise VendorError(f"There is no folder {self._path}", f"Make it, or set {FOLDER}")
        single = [self._path / f"{kind.name}{ending}" for ending in ENDINGS]
        inside = self._path / kind.name
        many = sorted(inside.iterdir()) if inside.is_dir() else []
        return [file for file in (*single, *many) if file.is_file() and _is_table(file)]

    def _read_all(self, kind: Kind, files: list[Path]) -> Rows:
        frames = [self._frame(kind, read_table(file)) for file in files]
        if not frames:
            empty = {name: pd.Series(dtype=_type_of(kind, name)) for name in kind.columns}
            texts = {name: pd.Series(dtype="str") for name in ("source", "reason", "sent")}
            return Rows(pd.DataFrame(empty | texts), np.empty(0, dtype="datetime64[D]"))
        frame = pd.concat(frames, ignore_index=True)
        order = frame.pop("day").to_numpy().astype("datetime64[D]")
        by_day = np.argsort(order, kind="stable")
        return Rows(frame.iloc[by_day].reset_index(drop=True), order[by_day])

    def _frame(self, kind: Kind, table: FileTable) -> pd.DataFrame:
        """Rows of a file; `day` orders them, also those whose own day cannot be read."""
        names = table.rows.column_names
        chosen = chosen_columns(names, kind, self._names, table.path)
        count = len(table.rows)
        columns: dict[str, Any] = {}
        faults: dict[int, str] = {}
        for ours in kind.columns:
            if ours not in chosen:
                columns[ours] = pd.Series([None] * count, dtype=_type_of(kind, ours))
                continue
            read = self._values(kind, ours, table.rows[chosen[ours]])
            columns[ours] = pd.Series(read.values).astype(_type_of(kind, ours))
            for row, fault in read.faults.items():
                faults.setdefault(row, f"{chosen[ours]}: {fault}")
        if "symbol" not in chosen:
            if table.path.parent == self._path:
                raise VendorError(
                    f"{table.path} has no column for symbol; it has: {', '.join(names)}",
                    f"Name it in {COLUMNS}, such as 'Code=symbol', or keep a file for each symbol,"
                    f" such as {kind.name}/IBM.csv",
                )
            columns["symbol"] = pd.Series([_stem(table.path)] * count, dtype="str")
        forms = {text: normal_symbol(text) for text in columns["symbol"].dropna().unique()}
        columns["symbol"] = columns["symbol"].map(forms).astype("str")
        self._refuse_unreadable(table, count, faults)
        reasons = np.full(count, "", dtype=object)
        sent = np.full(count, None, dtype=object)
        for row, fault in faults.items():
            reasons[row] = f"{table.places[row]}, {fault}"
            sent[row] = str(table.rows.slice(row, 1).to_pylist()[0])
        frame = pd.DataFrame(columns, copy=False).assign(
            source=pd.Series([f"files {table.path.name}"] * count, dtype="str"),
            reason=pd.Series(reasons, dtype="str"),
            sent=pd.Series(sent, dtype="str"),
        )
        frame["day"] = frame[kind.days[0]].ffill().bfill()
        return self._with_broken(frame, table)

    def _values(self, kind: Kind, ours: str, column: Any) -> values.Values:
        if ours in kind.days:
            return values.days(column, self._zone)
        return values.numbers(column) if ours in kind.numbers else values.texts(column)

    def _refuse_unreadable(self, table: FileTable, count: int, faults: Mapping[int, str]) -> None:
        """Refuse a file of which most rows cannot be read: it is of another kind."""
        unusable = len(faults) + len(table.broken)
        if unusable <= (1.0 - USABLE) * (count + len(table.broken)):
            return
        if faults:
            row = min(faults)
            first = f"{table.places[row]}, {faults[row]}"
        else:
            first = f"{table.broken_places[0]}: another number of columns than the first line"
        raise VendorError(
            f"Most rows of {table.path} cannot be read. {first}",
            f"Days are written 2012-01-31, with an offset or without ({TIME_ZONE}); numbers with a"
            " point and no other sign",
        )

    @staticmethod
    def _with_broken(frame: pd.DataFrame, table: FileTable) -> pd.DataFrame:
        """Add the rows of another number of columns, on the file's first day."""
        if not table.broken:
            return frame
        reasons = [
            f"{place}: another number of columns than the first line"
            for place in table.broken_places
        ]
        broken = pd.DataFrame(
            {
                "reason": pd.Series(reasons, dtype="str"),
                "sent": pd.Series(table.broken, dtype="str"),
                "day": frame["day"].iloc[0],
            }
        )
        return pd.concat([frame, broken], ignore_index=True)


def _is_table(file: Path) -> bool:
    return file.name.lower().endswith(ENDINGS)


def _stem(file: Path) -> str:
    """Symbol that a file's name says."""
    ending = next(ending for ending in ENDINGS if file.name.lower().endswith(ending))
    return file.name[: -len(ending)]


def _type_of(kind: Kind, name: str) -> Any:
    if name in kind.days:
        return "datetime64[s]"
    return "float64" if name in kind.numbers else "str"
