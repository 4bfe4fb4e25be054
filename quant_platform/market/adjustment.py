"""Adjusted series, made on read from raw bars and actions, always as of a session.

What belongs here: split-adjusted and total-return series, and the comparison of two adjusted
series. What does not: anything stored, and anything that knows an action after its as-of session.

As of session A, with p(t) a raw price, r(s) the split ratio and d(s) the cash per share with
ex-date s, every product running over the ex-dates t < s ≤ A:

    split-adjusted   P(t) = p(t) / Π r(s),   volume(t) · Π r(s)
    total return     P(t) · Π f(s),          volume as above

Bars after A are dropped, and an action after A does not exist yet. The factor f of a dividend says
at which price it is reinvested; D is d in the units of A, as P is:

    "close"           f(s) = P(b) / (P(b) + D(s)),  b the first bar in or after s
    "previous_close"  f(s) = 1 − D(s) / P(b),       b the last bar before s

`"close"` is the rule here. From one session to the next such a series grows by the holding return
(p + d) · r / (p of the session before), which is CRSP's total return ("Data Description Guide",
chapter 5, Holding Period Total Returns), `quality.prices.total_returns`, what the features compute
with, and the adjusted close of Quandl WIKI. Before b no dividend is reinvested.

`"previous_close"` supposes that the ex-date's price falls by the dividend. It is the rule of Yahoo
Finance (help page "What is the adjusted close?", which names CRSP as its standard as well), of
zipline and, by what others measured, of Massive's factors; it is there to compare with such a
vendor. A dividend that is not smaller than the close before it has no factor: NaN.

The two rules differ by about d/p times the ex-date's own move: by 0.2 % at most over the 13 years
of the sample, most of it Microsoft's 3.08 of November 2004.
"""

from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.kernels.adjustment import (
    Reinvested,
    later_product,
    reinvestment_factor,
    reinvestment_factors,
)
from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.market.panel import Panel

Kind = Literal["split", "total_return"]
Day = date | str | np.datetime64
IntArray = NDArray[np.int64]
Array = TypeVar("Array", FloatArray, IntArray)

PRICE_COLUMNS = ("open_price", "high_price", "low_price", "close_price", "vwap")
"""Columns of `market_data` that are prices of the session; the vendor's own adjusted close stays
what it is."""

AGREEMENT = 0.005
"""Relative difference up to which two adjusted series agree."""

_DAY_BITS = 20
_DAY_ZERO = 1 << (_DAY_BITS - 1)
"""A place is one number, security and day: code · 2^20 + days since 1970 + 2^19."""


def split_adjusted(panel: Panel, as_of: Day) -> Panel:
    """Panel up to `as_of` in the share units of that session.

    Splits are used up (all ratios 1); dividends are per share of `as_of`, still to be received.

    Parameters
    ----------
    panel : raw bars and actions
    as_of : last session known
    """
    past = panel.until(_day(as_of))
    later = later_product(past.split)
    return replace(
        past,
        open=past.open / later,
        high=past.high / later,
        low=past.low / later,
        close=past.close / later,
        volume=past.volume * later,
        split=np.ones_like(past.split),
        dividend=past.dividend / later,
    )


def total_return(panel: Panel, as_of: Day, reinvested: Reinvested = "close") -> Panel:
    """Panel up to `as_of` whose prices hold every dividend reinvested; no action is left in it.

    Parameters
    ----------
    panel : raw bars and actions
    as_of : last session known
    reinvested : at which price, see the module
    """
    split = split_adjusted(panel, as_of)
    factor = later_product(
        reinvestment_factors(split.close, split.dividend, split.traded, reinvested)
    )
    return replace(
        split,
        open=split.open * factor,
        high=split.high * factor,
        low=split.low * factor,
        close=split.close * factor,
        dividend=np.zeros_like(split.dividend),
    )


def adjust(
    bars: pd.DataFrame,
    actions: pd.DataFrame,
    as_of: Day,
    kind: Kind = "split",
    reinvested: Reinvested = "close",
) -> pd.DataFrame:
    """Adjust rows of `market_data` by rows of `corporate_actions`.

    Rows after `as_of` are dropped; order and columns stay, prices and volume are adjusted. A series
    is a `security_id` where both frames have that column, else a `symbol`. Ex-dates need not be
    sessions.

    Parameters
    ----------
    bars : date, security_id or symbol, volume, and prices of `PRICE_COLUMNS` with close_price
    actions : date (the ex-date), security_id or symbol, split_ratio, cash_amount
    as_of : last session known
    kind : split-adjusted, or total return
    reinvested : at which price dividends are, see the module

    Examples
    --------
    >>> bars = pd.DataFrame({"date": pd.to_datetime(["2014-06-06", "2014-06-09"]),
    ...     "symbol": "AAPL", "close_price": [645.57, 93.70], "volume": [12.0, 75.0]})
    >>> actions = pd.DataFrame({"date": pd.to_datetime(["2014-06-09"]), "symbol": "AAPL",
    ...     "split_ratio": [7.0], "cash_amount": [np.nan]})
    >>> adjust(bars, actions, "2014-06-09")["close_price"].round(2).tolist()
    [92.22, 93.7]
    """
    bars, actions = (frame[_days(frame) <= _day(as_of)] for frame in (bars, actions))
    key = "security_id" if {"security_id"} <= {*bars.columns} & {*actions.columns} else "symbol"
    codes, securities = pd.factorize(bars[key])
    places = _places(codes, _days(bars))
    splits, dividends = _events(actions, key, pd.Index(securities))
    shares = splits.later(places)
    growth = np.ones(len(bars))
    if kind == "total_return":
        close = bars["close_price"].to_numpy(dtype=np.float64) / shares
        paid = dividends.factors / splits.later(dividends.places)
        price = _prices(close, places, dividends.places, reinvested)
        factors = reinvestment_factor(paid, price, reinvested)
        growth = _Events(dividends.places, factors).later(places)
    adjusted = {
        name: bars[name].to_numpy(dtype=np.float64) / shares * growth
        for name in PRICE_COLUMNS
        if name in bars.columns
    }
    volume = bars["volume"].to_numpy(dtype=np.float64) * shares
    return bars.assign(**adjusted, volume=volume).reset_index(drop=True)


def disagreements(
    own: pd.DataFrame, vendor: pd.DataFrame, tolerance: float = AGREEMENT
) -> pd.DataFrame:
    """Name the sessions in which two adjusted series part.

    The series are put on the same level in the last session that both have, and followed back. The
    session after the first one that lies further apart than `tolerance` is named (for an action
    that one side lacks, its ex-date), the series are put on the same level there, and so on: one
    row where they part, none for the sessions before. A single wrong price shows in its session
    and in the next. A drift too slow to show in any one session is named each time it has grown to
    the tolerance. What only one side has, and prices that are no positive number, are passed over.

    Parameters
    ----------
    own, vendor : date, security_id, price: adjusted, each as of any session
    tolerance : relative difference up to which they agree

    Returns
    -------
    Rows of security_id, date, own, vendor, difference, ordered by security and date. `own` and
    `vendor` are each side's price in that session over its price in the session before (of those
    that both have); `difference` is how far own has come from vendor where they part, as a
    fraction.
    """
    securities = pd.Index(own["security_id"].unique()).intersection(vendor["security_id"].unique())
    days = np.union1d(pd.unique(_days(own)), pd.unique(_days(vendor))).astype("datetime64[D]")
    own_prices, vendor_prices = (_prices_grid(frame, days, securities) for frame in (own, vendor))
    rows, before, columns, difference = _partings(own_prices / vendor_prices, tolerance)
    partings = pd.DataFrame(
        {
            "security_id": securities.astype("str").take(columns),
            "date": days[rows].astype("datetime64[s]"),
            "own": own_prices[rows, columns] / own_prices[before, columns],
            "vendor": vendor_prices[rows, columns] / vendor_prices[before, columns],
            "difference": difference,
        }
    )
    return partings.sort_values(["security_id", "date"], ignore_index=True)


@dataclass(frozen=True)
class _Events:
    """Factors (or amounts) at the places of their ex-dates: ascending places, none twice."""

    places: IntArray
    factors: FloatArray

    def later(self, places: IntArray) -> FloatArray:
        """Product of the factors of the same security after each place."""
        if not len(self.places):
            return np.ones(len(places))
        backwards = pd.Series(self.factors[::-1])
        cumulated = backwards.groupby(_codes(self.places)[::-1]).cumprod(skipna=False)
        product: FloatArray = np.asarray(cumulated, dtype=np.float64)[::-1]
        following = np.searchsorted(self.places, places, side="right")
        return np.where(_hit(self.places, following, places), _at(product, following), 1.0)


def _events(actions: pd.DataFrame, key: str, securities: pd.Index) -> tuple[_Events, _Events]:
    """Split ratios and dividends; several of one ex-date are multiplied, or added."""
    codes = securities.get_indexer(pd.Index(actions[key])).astype(np.int64)
    places = _places(codes, _days(actions))
    events = []
    for column, combine, start in (
        ("split_ratio", np.multiply, 1.0),
        ("cash_amount", np.add, 0.0),
    ):
        values = actions[column].to_numpy(dtype=np.float64)
        given = (codes >= 0) & ~np.isnan(values)
        unique, inverse = np.unique(places[given], return_inverse=True)
        combined = np.full(len(unique), start)
        combine.at(combined, inverse, values[given])
        events.append(_Events(unique, combined))
    return events[0], events[1]


def _prices(
    close: FloatArray, places: IntArray, wanted: IntArray, reinvested: Reinvested
) -> FloatArray:
    """Close of the bar at which each dividend is reinvested, NaN where there is none."""
    if not len(places):
        return np.full(len(wanted), np.nan)
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    bar = np.searchsorted(ordered, wanted, side="left")
    if reinvested == "previous_close":
        bar = bar - 1
    return np.where(_hit(ordered, bar, wanted), _at(close[order], bar), np.nan)


def _hit(places: IntArray, index: NDArray[np.intp], wanted: IntArray) -> BoolArray:
    """Whether `index` points at a place of the wanted security."""
    inside = (index >= 0) & (index < len(places))
    same: BoolArray = inside & (_codes(_at(places, index)) == _codes(wanted))
    return same


def _at(values: Array, index: NDArray[np.intp]) -> Array:
    """Take values; an index outside the array takes an arbitrary one."""
    return values[np.clip(index, 0, len(values) - 1)]


def _places(codes: NDArray[np.integer], days: NDArray[np.datetime64]) -> IntArray:
    return (codes.astype(np.int64) << _DAY_BITS) + days.astype(np.int64) + _DAY_ZERO


def _codes(places: IntArray) -> IntArray:
    return places >> _DAY_BITS


def _day(day: Day) -> np.datetime64:
    return np.datetime64(pd.Timestamp(day).date(), "D")


def _days(frame: pd.DataFrame) -> NDArray[np.datetime64]:
    return frame["date"].to_numpy().astype("datetime64[D]")


def _prices_grid(
    frame: pd.DataFrame, days: NDArray[np.datetime64], securities: pd.Index
) -> FloatArray:
    """Prices that are positive numbers as (days, securities) array, NaN elsewhere."""
    codes, names = pd.factorize(frame["security_id"])
    columns = securities.get_indexer(names)[codes]
    prices = frame["price"].to_numpy(dtype=np.float64)
    usable = (codes >= 0) & (columns >= 0) & (prices > 0) & (prices < np.inf)
    grid = np.full((len(days), len(securities)), np.nan)
    rows = np.searchsorted(days, _days(frame))
    grid[rows[usable], columns[usable]] = prices[usable]
    return grid


def _partings(
    quotient: FloatArray, tolerance: float
) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    """Row, row before, column and difference of each parting, searched from the last row."""
    level = np.full(quotient.shape[1], np.nan)
    following = np.zeros(quotient.shape[1], dtype=np.int64)
    partings: list[tuple[IntArray, IntArray, IntArray, FloatArray]] = []
    for row in range(len(quotient) - 1, -1, -1):
        here = quotient[row]
        difference = level / here - 1.0
        apart = np.abs(difference) > tolerance
        columns = np.flatnonzero(apart)
        partings.append(
            (following[columns], np.full(len(columns), row), columns, difference[columns])
        )
        level = np.where(apart | np.isnan(level), here, level)
        following = np.where(np.isnan(here), following, row)
    none = np.empty(0, dtype=np.int64)
    parts = zip(*partings, strict=True) if partings else ((none,), (none,), (none,), (np.empty(0),))
    rows, before, columns, differences = (np.concatenate(part) for part in parts)
    return rows, before, columns, differences
