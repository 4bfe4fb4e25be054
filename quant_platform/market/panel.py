"""`Panel`: raw daily bars and corporate actions as sessions × securities arrays.

It is the input of every computation. Prices stay raw, as traded. Nothing here is adjusted "as of
today": a computation that looks back over a split carries older prices into the units of its own
last session with `split` (see `kernels/windows.py`), so a value of session D can only depend on
actions with an ex-date ≤ D.

A security that did not trade in a session keeps its last close (in the units of the session) as
open, high, low and close, with volume 0, for at most `FILL_LIMIT` sessions; after that, and before
its first bar, its cells are NaN. `traded` says where a real bar exists.

News is optional. A panel without it has NaN for `sentiment` and `articles`, one with it has 0 where
there is none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.conventions import FILL_LIMIT
from quant_platform.kernels.arrays import BoolArray, FloatArray, SessionArray

BAR_COLUMNS = {
    "open": "open_price",
    "high": "high_price",
    "low": "low_price",
    "close": "close_price",
    "volume": "volume",
}
"""Panel field → column of `market_data`."""

_UNKNOWN = cast(FloatArray, None)
"""Default of an array that becomes NaN in every cell."""


@dataclass(frozen=True)
class Panel:
    """Raw bars of securities over consecutive sessions; arrays have shape (sessions, securities).

    Attributes
    ----------
    sessions : datetime64[D] array, ascending, consecutive exchange sessions
    security_ids : sorted, one per column
    open, high, low, close : raw prices as traded, in currency per share; NaN where unknown
    volume : shares traded; NaN where unknown
    split : new shares per old share that take effect at the open of the session (1.0: none)
    dividend : cash per share with ex-date that session, after its split (0.0: none)
    traded : True where the vendor has a bar
    sentiment : sum of the sentiment (1, 0 or -1) of the articles that count in the session; NaN
        where no news is known of
    articles : number of these articles; one without a sentiment is not counted
    """

    sessions: SessionArray
    security_ids: tuple[str, ...]
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    split: FloatArray
    dividend: FloatArray
    traded: BoolArray
    sentiment: FloatArray = _UNKNOWN
    articles: FloatArray = _UNKNOWN

    def __post_init__(self) -> None:
        for name in ("sentiment", "articles"):
            if getattr(self, name) is _UNKNOWN:
                # One NaN seen as an array of the panel's shape: it takes no memory.
                object.__setattr__(self, name, np.broadcast_to(np.nan, self.close.shape))

    @classmethod
    def from_frames(
        cls,
        bars: pd.DataFrame,
        actions: pd.DataFrame,
        sessions: Sequence[object] | SessionArray,
        *,
        news: pd.DataFrame | None = None,
    ) -> "Panel":
        """Build a panel from rows of `market_data`, `corporate_actions` and, optionally, `news`.

        Parameters
        ----------
        bars : columns date, security_id, open_price, high_price, low_price, close_price, volume
        actions : columns date (the ex-date), security_id, action_type, split_ratio, cash_amount
        sessions : the consecutive sessions of the panel; rows of other dates are ignored
        news : columns date, security_id, sentiment; rows of securities without a bar are ignored
        """
        days = np.asarray(sessions, dtype="datetime64[D]")
        # A security without a bar here may still have a split that changes a position.
        in_sessions = _of_sessions(actions, days)
        security_ids = tuple(sorted({*securities_in(bars), *securities_in(in_sessions)}))
        rows, columns, inside = _locate(bars, days, security_ids)
        fields = {
            name: _scatter(
                bars[column].to_numpy(dtype=np.float64)[inside], rows, columns, days, security_ids
            )
            for name, column in BAR_COLUMNS.items()
        }
        split = np.ones((len(days), len(security_ids)))
        dividend = np.zeros((len(days), len(security_ids)))
        rows, columns, inside = _locate(actions, days, security_ids)
        ratios = actions["split_ratio"].to_numpy(dtype=np.float64)[inside]
        amounts = actions["cash_amount"].to_numpy(dtype=np.float64)[inside]
        np.multiply.at(split, (rows, columns), np.where(np.isnan(ratios), 1.0, ratios))
        np.add.at(dividend, (rows, columns), np.where(np.isnan(amounts), 0.0, amounts))
        traded = ~np.isnan(fields["close"])
        _fill_gaps(fields, split)
        if news is not None:
            fields |= _news(news, days, security_ids)
        return cls(days, security_ids, split=split, dividend=dividend, traded=traded, **fields)

    def frame(
        self, values: Mapping[str, NDArray[np.generic]], *, last: int | None = None
    ) -> pd.DataFrame:
        """Unpivot (sessions, securities) arrays to rows: date, security_id, a column per array.

        Only cells with a real bar become rows; `last` keeps the last so many sessions. Ordered by
        date, then security_id.
        """
        return long_frame(self.sessions, self.security_ids, values, self.traded, last=last)


def long_frame(
    sessions: SessionArray,
    security_ids: Sequence[str],
    values: Mapping[str, NDArray[np.generic]],
    where: BoolArray,
    *,
    last: int | None = None,
) -> pd.DataFrame:
    """Unpivot (sessions, securities) arrays into rows of date and security_id, in `where`."""
    start = 0 if last is None else max(len(sessions) - last, 0)
    rows, columns = np.nonzero(where[start:])
    frame: dict[str, object] = {
        "date": sessions[start:][rows].astype("datetime64[s]"),
        # Taking from an Arrow array is several times faster than converting one object per row.
        "security_id": pd.array(list(security_ids), dtype="str").take(columns),
    }
    frame.update({name: array[start:][rows, columns] for name, array in values.items()})
    return pd.DataFrame(frame)


def pivot(
    frame: pd.DataFrame, column: str, sessions: SessionArray, security_ids: Sequence[str]
) -> FloatArray:
    """Arrange a column of rows as (sessions, securities) array, NaN where absent."""
    rows, columns, inside = _locate(frame, sessions, security_ids)
    return _scatter(
        frame[column].to_numpy(dtype=np.float64)[inside], rows, columns, sessions, security_ids
    )


def securities_in(frame: pd.DataFrame) -> NDArray[np.object_]:
    """Distinct securities of a frame; a ticker that means no security has none."""
    return np.asarray(frame["security_id"].dropna().unique(), dtype=object)


def _of_sessions(frame: pd.DataFrame, days: SessionArray) -> pd.DataFrame:
    return frame[np.isin(frame["date"].to_numpy().astype("datetime64[D]"), days)]


def _locate(
    frame: pd.DataFrame, days: SessionArray, security_ids: Sequence[str]
) -> tuple[NDArray[np.intp], NDArray[np.intp], BoolArray]:
    """Row and column of every frame row that lies inside the panel, and which ones do."""
    if len(frame) == 0 or len(days) == 0 or len(security_ids) == 0:
        none = np.empty(0, dtype=np.intp)
        return none, none, np.zeros(len(frame), dtype=bool)
    dates = frame["date"].to_numpy().astype("datetime64[D]")
    rows = np.searchsorted(days, dates)
    has_session = days[np.minimum(rows, len(days) - 1)] == dates
    # Text is hashed once per distinct security, not once per row.
    codes, distinct = pd.factorize(frame["security_id"])
    columns = pd.Index(security_ids).get_indexer(pd.Index(np.asarray(distinct, dtype=object)))[
        codes
    ]
    inside = has_session & (codes >= 0) & (columns >= 0)
    return rows[inside], columns[inside], inside


def _news(
    news: pd.DataFrame, days: SessionArray, security_ids: Sequence[str]
) -> dict[str, FloatArray]:
    """Sum and number of the sentiments of each cell."""
    judged = news[news["sentiment"].notna()]
    rows, columns, inside = _locate(judged, days, security_ids)
    total, count = np.zeros((2, len(days), len(security_ids)))
    np.add.at(total, (rows, columns), judged["sentiment"].to_numpy(dtype=np.float64)[inside])
    np.add.at(count, (rows, columns), 1.0)
    return {"sentiment": total, "articles": count}


def _scatter(
    values: FloatArray,
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    days: SessionArray,
    security_ids: Sequence[str],
) -> FloatArray:
    array = np.full((len(days), len(security_ids)), np.nan)
    array[rows, columns] = values
    return array


def _fill_gaps(fields: dict[str, FloatArray], split: FloatArray) -> None:
    """Fill missing bars in place, at most `FILL_LIMIT` sessions after the last real one."""
    missing = np.isnan(fields["close"])
    if not missing.any():
        return
    carried = fields["close"].copy()
    for _ in range(FILL_LIMIT):
        gap = np.isnan(carried[1:]) & ~np.isnan(carried[:-1])
        # One step a pass: a gap's n-th session is filled in the n-th pass, from the session
        # before it.
        carried[1:][gap] = (carried[:-1] / split[1:])[gap]
    filled = missing & ~np.isnan(carried)
    for name in ("open", "high", "low", "close"):
        fields[name][filled] = carried[filled]
    fields["volume"][filled] = 0.0
