"""`Bars`: the raw bars of one session as arrays, and their rows in the API's JSON.

Rendering goes column by column through Arrow: 12,000 rows take some 10 ms instead of 100.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quant_platform_tests.support.polygon_server.plans import NEW_YORK

if TYPE_CHECKING:
    import pandas as pd

FIELDS = ("open", "high", "low", "close", "volume", "vwap", "trades")
PRICES = ("open", "high", "low", "close", "vwap")

KEYS = {
    "volume": "v",
    "vwap": "vw",
    "open": "o",
    "close": "c",
    "high": "h",
    "low": "l",
    "trades": "n",
}
"""Field to key, in the order of the vendor's bodies."""

SCIENTIFIC = 50
"""Every so many rows the volume is written as 1.300741e+06, as the vendor does at times."""


@dataclass(frozen=True)
class Bars:
    """Raw bars of one session; arrays of equal length, NaN where a value is absent."""

    session: date
    symbol: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray
    vwap: np.ndarray
    trades: np.ndarray
    otc: np.ndarray

    @classmethod
    def none(cls, session: date) -> "Bars":
        return cls.from_rows(session, [])

    @classmethod
    def from_rows(cls, session: date, rows: Sequence[Mapping[str, Any]]) -> "Bars":
        values = {
            name: np.array([_number(row.get(name)) for row in rows], dtype=float) for name in FIELDS
        }
        return cls(
            session,
            np.array([row["symbol"] for row in rows], dtype=object),
            otc=np.array([row.get("otc") is True for row in rows], dtype=bool),
            **values,
        )

    def __len__(self) -> int:
        return len(self.symbol)

    def frame(self) -> "pd.DataFrame":
        """Return the bars as a frame, for a test to compare with."""
        import pandas as pd

        columns = {name: getattr(self, name) for name in FIELDS}
        return pd.DataFrame({"date": self.session, "symbol": self.symbol.astype(str), **columns})

    def where(self, chosen: np.ndarray) -> "Bars":
        return replace(
            self, **{name: getattr(self, name)[chosen] for name in ("symbol", *FIELDS, "otc")}
        )

    def joined(self, other: "Bars") -> "Bars":
        joined: dict[str, Any] = {
            name: np.concatenate([getattr(self, name), getattr(other, name)])
            for name in ("symbol", *FIELDS, "otc")
        }
        return replace(self, **joined)

    def row(self, symbol: str) -> dict[str, Any] | None:
        """Return the first bar of `symbol`, without absent values."""
        places = np.flatnonzero(self.symbol == symbol)
        if not len(places):
            return None
        values = {name: float(getattr(self, name)[places[0]]) for name in FIELDS}
        present = {name: value for name, value in values.items() if value == value}
        return {"date": self.session, "symbol": symbol, **present}

    def adjusted(self, factors: Mapping[str, float]) -> "Bars":
        """Return the bars with prices times and volumes divided by each symbol's factor."""
        if not factors:
            return self
        factor = np.array([factors.get(symbol, 1.0) for symbol in self.symbol])
        changed = {name: np.round(getattr(self, name) * factor, 6) for name in PRICES}
        return replace(self, **changed, volume=np.round(self.volume / factor, 6))

    def render(self) -> bytes:
        """Return the rows of a grouped answer: JSON objects with commas between them."""
        parts: list[Any] = ['{"T":', _quoted(self.symbol)]
        for name, key in KEYS.items():
            text = _numbers(getattr(self, name), whole=name == "trades")
            if name == "volume":
                text = _with_scientific(text, self.volume)
            # An absent value makes the whole "key":value null, which joins as nothing.
            parts.append(pc.binary_join_element_wise(f',"{key}":', text, ""))
        parts.append(f',"t":{close_ms(self.session)}')
        if self.otc.any():
            parts.append(pa.array(np.where(self.otc, ',"otc":true', "")))
        parts.append("}")
        rows = pc.binary_join_element_wise(*parts, "", null_handling="replace", null_replacement="")
        return ",".join(rows.to_pylist()).encode()


def close_ms(session: date) -> int:
    """16:00 New York of `session` in ms: `t` of grouped daily and of the previous close."""
    return _ms(session, time(16))


def midnight_ms(session: date) -> int:
    """Midnight New York of `session` in ms: `t` of a daily bar of a range."""
    return _ms(session, time())


def aggregate(row: Mapping[str, Any], t: int, *, named: bool) -> dict[str, Any]:
    """Return one bar's row in the API's keys."""
    values = {key: row[name] for name, key in KEYS.items() if name in row}
    if "n" in values:
        values["n"] = int(values["n"])
    return ({"T": row["symbol"]} if named else {}) | values | {"t": t}


def _ms(session: date, at: time) -> int:
    return int(datetime.combine(session, at, NEW_YORK).timestamp()) * 1000


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _quoted(symbols: np.ndarray) -> pa.Array:
    return pa.array([json.dumps(symbol) for symbol in symbols], pa.string())


def _numbers(values: np.ndarray, *, whole: bool) -> pa.Array:
    column = pa.array(values, from_pandas=True)
    return pc.cast(pc.cast(column, pa.int64()) if whole else column, pa.string())


def _with_scientific(text: pa.Array, volume: np.ndarray) -> pa.Array:
    if len(volume) <= SCIENTIFIC:
        return text
    chosen = np.zeros(len(volume), dtype=bool)
    chosen[SCIENTIFIC::SCIENTIFIC] = True
    chosen &= volume > 1e6
    written = [np.format_float_scientific(value, exp_digits=2) for value in volume[chosen]]
    return pc.replace_with_mask(text, chosen, pa.array(written, pa.string()))
