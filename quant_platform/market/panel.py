"""`Panel`: sessions × securities arrays of bars, actions, membership, sectors and features.

It is the input of every computation, and what a strategy sees. Prices stay raw, as traded, and are
NaN where a security did not trade. Nothing is adjusted "as of today": a computation that looks back
over a split carries older prices into the units of its own last session with `split` (see
`kernels/windows.py`), so a value of session D can only depend on actions with an ex-date ≤ D.
`adjusted` gives series as of a session, `filled` a panel whose gaps are closed.

News is optional. A panel without it has NaN for `sentiment` and `articles`, one with it has 0 where
there is none. What does not belong here: functions of cross-sections (`cross_section.py`), and rows
of a database. A panel knows none, and no session after its last one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.conventions import FILL_LIMIT
from quant_platform.errors import UnknownNameError
from quant_platform.kernels.adjustment import Reinvested, later_product, reinvestment_factors
from quant_platform.kernels.arrays import BoolArray, FloatArray, IntArray, SessionArray
from quant_platform.market.calendar import XNYS, Calendar
from quant_platform.market.cross_section import CrossSection
from quant_platform.market.deferred import changed
from quant_platform.market.grid import (
    Grid,
    Rows,
    column_names,
    long_frame,
    securities_in,
    securities_on,
)
from quant_platform.market.grid import pivot as pivot  # read from here by `trading`

BAR_COLUMNS = {
    "open": "open_price",
    "high": "high_price",
    "low": "low_price",
    "close": "close_price",
    "volume": "volume",
}
"""Panel field → column of `market_data`."""

VWAP = "vwap"
"""Panel field, and column of `market_data`, that a vendor need not have."""

PRICES = ("open", "high", "low", "close")

FIELDS = (*BAR_COLUMNS, VWAP, "split", "dividend", "sentiment", "articles")
"""Fields that `panel[name]` knows beside features."""

_ROWS = (*FIELDS, "traded", "member", "sectors")
"""Arrays with a row per session."""

_ABSENT = cast(Any, None)
"""Default of an array that the panel then fills with one constant, which takes no memory."""

_CONSTANTS = dict.fromkeys(FIELDS, np.nan) | {"split": 1.0, "dividend": 0.0}

_NOT_FEATURES = ("date", "symbol", "security_id", "recorded_at")


@dataclass(frozen=True)
class Panel(CrossSection):
    """Bars of securities over consecutive sessions; arrays have shape (sessions, securities).

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
    member : True where the security is in the trading universe of the session; without a universe,
        where it has a bar
    sectors : number of the sector in `sector_names`, as the universe of the session has it; −1
        where unknown
    features : name → array in units of its own session, NaN where unknown
    symbols : what `wide` calls the columns; default: `security_ids`
    calendar : the exchange's, of which `sessions` are
    vwap : volume-weighted average price as traded; NaN where the vendor has none or it was not read
    """

    sessions: SessionArray
    security_ids: tuple[str, ...]
    open: FloatArray = _ABSENT
    high: FloatArray = _ABSENT
    low: FloatArray = _ABSENT
    close: FloatArray = _ABSENT
    volume: FloatArray = _ABSENT
    split: FloatArray = _ABSENT
    dividend: FloatArray = _ABSENT
    traded: BoolArray = _ABSENT
    sentiment: FloatArray = _ABSENT
    articles: FloatArray = _ABSENT
    member: BoolArray = _ABSENT
    sectors: NDArray[np.int32] = _ABSENT
    sector_names: tuple[str, ...] = ()
    features: Mapping[str, FloatArray] = field(default_factory=dict)
    symbols: tuple[str, ...] = ()
    calendar: Calendar = XNYS
    vwap: FloatArray = _ABSENT

    def __post_init__(self) -> None:
        shape = (len(self.sessions), len(self.security_ids))
        for name, constant in _CONSTANTS.items():
            self._default(name, lambda constant=constant: np.broadcast_to(constant, shape))
        self._default("traded", lambda: ~np.isnan(self.close))
        self._default("member", lambda: self.traded)
        self._default("sectors", lambda: np.broadcast_to(np.int32(-1), shape))

    def _default(self, name: str, value: Any) -> None:
        if getattr(self, name) is _ABSENT:
            object.__setattr__(self, name, value())

    def __getitem__(self, name: str) -> FloatArray:
        """Return a feature, or a field such as "close".

        Raises
        ------
        UnknownNameError
            The panel holds neither.
        """
        if name in self.features:
            return self.features[name]
        # A field that was not given is one constant seen as an array.
        given = [each for each in FIELDS if getattr(self, each).strides != (0, 0)]
        if name not in given:
            raise UnknownNameError(
                f"The panel holds no {name!r}",
                f"It has: {', '.join([*given, *self.features])}",
            )
        values: FloatArray = getattr(self, name)
        return values

    @classmethod
    def from_frames(
        cls,
        bars: Rows,
        actions: Rows | None,
        sessions: Sequence[object] | SessionArray,
        *,
        news: Rows | None = None,
        universe: Rows | None = None,
        features: Rows | Sequence[Rows] | None = None,
        calendar: Calendar = XNYS,
    ) -> "Panel":
        """Build a panel from rows, as pandas or Arrow has them, of the tables of the same names.

        Parameters
        ----------
        bars : columns date, security_id, close_price, and of open_price, high_price, low_price,
            volume and vwap those that are wanted
        actions : columns date (the ex-date), security_id, action_type, split_ratio, cash_amount
        sessions : the consecutive sessions of the panel; rows of other dates are ignored
        news : columns date, security_id, sentiment; rows of securities without a bar are ignored
        universe : columns date, security_id, and sector where it is wanted; a row makes the
            security a member of that session
        features : columns date, security_id and one per feature, or several such tables; rows of
            securities that are in neither bars nor universe are ignored
        """
        days = np.asarray(sessions, dtype="datetime64[D]")
        # A security without a bar here may still have a split that changes a position.
        securities = {
            *securities_in(bars),
            *(() if actions is None else securities_on(actions, days)),
        }
        security_ids = tuple(
            sorted({*securities, *(() if universe is None else securities_in(universe))})
        )
        grid = Grid(days, security_ids)
        having = column_names(bars)
        fields = {**BAR_COLUMNS, VWAP: VWAP}
        wanted = {name: column for name, column in fields.items() if column in having}
        arrays: dict[str, Any] = {**grid.columns(bars, wanted)}
        if actions is not None:
            arrays |= grid.actions(actions)
        if news is not None:
            arrays |= grid.news(news)
        named: dict[str, FloatArray] = {}
        for rows in _several(features):
            columns = [name for name in column_names(rows) if name not in _NOT_FEATURES]
            named |= grid.columns(rows, {name: name for name in columns})
        members: dict[str, Any] = {} if universe is None else grid.members(universe)
        return cls(days, security_ids, **arrays, **members, features=named, calendar=calendar)

    def filled(self) -> "Panel":
        """Return the panel with short gaps closed, as features are computed.

        A security that did not trade in a session keeps its last close (in the units of the
        session) as open, high, low and close, with volume 0, for at most `FILL_LIMIT` sessions;
        after that, and before its first bar, its cells are NaN. `traded` stays what it is, and so
        does `vwap`: where nothing was traded, there is no average of it.
        """
        if self.traded.all():
            return self
        rows, columns = np.nonzero(~self.traded)
        last = np.maximum.accumulate(
            np.where(self.traded, np.arange(len(self.sessions), dtype=np.int32)[:, None], -1),
            axis=0,
        )[rows, columns]
        near = (last >= 0) & (rows - last <= FILL_LIMIT)
        if not near.any():
            return self
        rows, columns, last = rows[near], columns[near], last[near]
        carried = self.close[last, columns]
        for step in range(1, FILL_LIMIT + 1):
            # One session a step, so that a cell's value is that of the session before, carried on.
            on = last + step <= rows
            carried[on] /= self.split[last[on] + step, columns[on]]
        values = {name: getattr(self, name).copy() for name in BAR_COLUMNS}
        for name in PRICES:
            values[name][rows, columns] = carried
        values["volume"][rows, columns] = 0.0
        return replace(self, **values)

    def adjusted(
        self,
        field: str = "close",
        as_of: object = None,
        kind: Literal["split", "total_return"] = "total_return",
        reinvested: Reinvested = "close",
    ) -> FloatArray:
        """Return a price or the volume in the units of a session, NaN after it.

        The level of such a series changes with every later split and dividend, so a strategy uses
        features, or ratios of it.

        Parameters
        ----------
        field : "open", "high", "low", "close" (with dividends reinvested) or "volume"
        as_of : session after which nothing is known; default: the panel's last one
        kind : "total_return", or "split" for split-adjusted
        reinvested : at which price dividends are, see `adjustment.py`

        Raises
        ------
        UnknownNameError
            There is no such field, or the panel was built without corporate actions.
        """
        raw = self[field]
        if field not in BAR_COLUMNS:
            raise UnknownNameError(
                f"The field {field!r} cannot be adjusted", f"Choose from: {', '.join(BAR_COLUMNS)}"
            )
        split, dividend = self["split"], self["dividend"]
        last = len(self.sessions) if as_of is None else self._count_until(as_of)
        past, result = slice(None, last), np.full(raw.shape, np.nan)
        later = later_product(split[past])
        if field == "volume":
            result[past] = raw[past] * later
            return result
        result[past] = raw[past] / later
        if kind == "total_return":
            close, cash = self.close[past] / later, dividend[past] / later
            factors = reinvestment_factors(close, cash, self.traded[past], reinvested)
            result[past] *= later_product(factors)
        return result

    def cut(self, start: int = 0, stop: int | None = None, columns: slice = slice(None)) -> "Panel":
        """Return the sessions from number `start` up to, not including, `stop`, as views.

        Parameters
        ----------
        columns : securities to keep; default: all
        """
        part = (slice(start, stop), columns)
        arrays: dict[str, Any] = {name: getattr(self, name)[part] for name in _ROWS}
        return replace(
            self,
            sessions=self.sessions[start:stop],
            security_ids=self.security_ids[columns],
            symbols=self.symbols[columns],
            features=changed(self.features, lambda values: values[part]),
            **arrays,
        )

    def of_securities(self, columns: IntArray) -> "Panel":
        """Return the securities at these places, ascending; itself where that is all of them."""
        count = len(columns)
        if count == len(self.security_ids):
            return self

        def of(values: NDArray[Any]) -> NDArray[Any]:
            # A field that was not given stays one constant seen as an array.
            return values[:, :count] if values.strides == (0, 0) else values[:, columns]

        arrays: dict[str, Any] = {name: of(getattr(self, name)) for name in _ROWS}
        return replace(
            self,
            security_ids=tuple(self.security_ids[each] for each in columns),
            symbols=tuple(self.symbols[each] for each in columns) if self.symbols else (),
            features=changed(self.features, of),
            **arrays,
        )

    def until(self, session: object) -> "Panel":
        """Return the panel without its sessions after `session`, as views."""
        return self.cut(0, self._count_until(session))

    def _count_until(self, session: object) -> int:
        day = np.datetime64(cast(Any, session), "D")
        return int(np.searchsorted(self.sessions, day, side="right"))

    def frame(
        self,
        values: Mapping[str, NDArray[np.generic]],
        *,
        where: BoolArray | None = None,
        last: int | None = None,
    ) -> pd.DataFrame:
        """Unpivot (sessions, securities) arrays to rows: date, security_id, a column per array.

        Parameters
        ----------
        where : cells that become rows; default: those with a real bar
        last : keeps the last so many sessions

        Returns
        -------
        Rows ordered by date, then security_id.
        """
        kept = self.traded if where is None else where
        return long_frame(self.sessions, self.security_ids, values, kept, last=last)

    def wide(self, values: NDArray[np.generic]) -> pd.DataFrame:
        """Return an array as a frame: index `date`, a column per security."""
        return pd.DataFrame(
            values,
            index=pd.DatetimeIndex(self.sessions.astype("datetime64[s]"), name="date"),
            columns=pd.Index(list(self.symbols or self.security_ids), name="symbol", dtype="str"),
        )


def _several(rows: Rows | Sequence[Rows] | None) -> Sequence[Rows]:
    if rows is None:
        return ()
    return rows if isinstance(rows, Sequence) else (rows,)
