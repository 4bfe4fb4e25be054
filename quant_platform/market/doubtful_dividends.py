"""Dividends that prices or other actions contradict.

A share of D trades without the dividend that has its ex-date in D, so its price falls by about as
much. With p the close of the session before, in the units of D (after a split of D), d what is paid
in D, and "the fall" the distance from p to the lower of open and close of D, a dividend is doubtful

1. where it is large, d ≥ `share` · p, and the price did not follow: the fall is less than half of d
   and smaller than d by at least 2.5 % of p. A split of D has its part of the fall already: where
   both were listed for one event, nothing is left for the dividend. In a market that rose, p rises
   with its median, so that the rise does not hide a fall;
2. where the same amount has an ex-date in one of the five sessions before already, and no price
   followed this one. Who pays that often has a dividend in the week before these as well, and is
   not doubted.

Of several dividends of a day the larger is doubted first. Nothing is judged without a bar in D and
in the session before. A verdict on D needs D and what is before it, and nothing else. What does not
belong here: where doubtful rows are kept, and what a person decides about them
(`pipeline/dividends.py`).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.market.corporate_actions import SPLIT

LARGE = 0.03
"""Share of the price from which on a dividend's fall can be told from a usual night."""

FOLLOWED = 0.5
"""Part of the dividend that a fall has to reach …"""

SHORTFALL = 0.025
"""… or else come within this share of the price of it."""

REPEATED_SESSIONS = 5
"""Sessions within which no company pays the same amount twice …"""

WEEKLY_SESSIONS = 12
"""… unless it had an ex-date within so many sessions, before these, as one that pays weekly has."""

SAME_AMOUNT = 0.001
"""Relative difference up to which two amounts are the same."""

NEIGHBOURS = 4
"""Dividends of a symbol before one, among which its repetition is looked for."""


def large_dividends(nights: pd.DataFrame, share: float = LARGE) -> BoolArray:
    """Rows of `nights` whose dividends are large enough to be looked for in the price."""
    large: BoolArray = (nights["cash_amount"] >= share * _price_before(nights)).to_numpy()
    return large


def without_fall(nights: pd.DataFrame, share: float = LARGE) -> BoolArray:
    """Whether each row's price did not fall by its dividend (rule 1).

    Parameters
    ----------
    nights : cash_amount (of all dividends of the day), split_ratio (1 without), close_before,
        open_price, close_price; NaN where there is no bar; and market, the median of the market's
        rise as a fraction
    share : of the price, from which on a dividend is judged
    """
    missing = nights["cash_amount"] - _fall(nights)
    contradicted = (_fall(nights) < FOLLOWED * nights["cash_amount"]) & (
        missing >= SHORTFALL * _price_before(nights)
    )
    return large_dividends(nights, share) & contradicted.to_numpy()


def doubtful(
    dividends: pd.DataFrame, nights: pd.DataFrame, sessions: Sequence[str], share: float = LARGE
) -> pd.Series:
    """Say of each dividend what contradicts it; empty text for what nothing does.

    Parameters
    ----------
    dividends : date (the ex-date), symbol, action_type, cash_amount; earlier ones among them
    nights : date, symbol and the columns that `without_fall` takes, but for cash_amount; a dividend
        without a row is judged by rule 2 alone
    sessions : consecutive ISO dates that hold all ex-dates, ascending

    Returns
    -------
    Reasons by the index of `dividends`.
    """
    rows = dividends.sort_values(["date", "symbol", "cash_amount"], kind="stable")
    # What is paid on the day beside the larger dividends that were doubted already.
    rows = rows.assign(paid=rows.groupby(["date", "symbol"])["cash_amount"].cumsum())
    known = rows.reset_index().merge(nights, on=["date", "symbol"], how="left").set_index("index")
    total = known.drop(columns="cash_amount").rename(columns={"paid": "cash_amount"})
    unfollowed = without_fall(total, share)
    followed = large_dividends(total, share) & ~unfollowed
    reasons = pd.Series("", index=known.index, dtype=object)
    again = _repeated(known, sessions) & ~followed
    reasons[again] = "the same amount has an ex-date in one of the five sessions before"
    fall = _fall(total)
    for place in np.flatnonzero(unfollowed).tolist():
        row = total.iloc[place]
        split = f", beside a split by {row['split_ratio']:g}" if row["split_ratio"] != 1.0 else ""
        reasons.iloc[place] = (
            f"the price fell by {fall.iloc[place]:.4g}{split}: from {row['close_before']:g} to"
            f" {row['open_price']:g} at the open and {row['close_price']:g} at the close"
        )
    return reasons.reindex(dividends.index)


def _price_before(nights: pd.DataFrame) -> pd.Series:
    return nights["close_before"] / nights["split_ratio"]


def _fall(nights: pd.DataFrame) -> pd.Series:
    """Fall of the price in the night or the session, less the market's rise."""
    lowest = nights[["open_price", "close_price"]].min(axis=1, skipna=False)
    rise = 1.0 + nights["market"].clip(lower=0.0).fillna(0.0)
    return _price_before(nights) * rise - lowest


def _repeated(rows: pd.DataFrame, sessions: Sequence[str]) -> BoolArray:
    """Rule 2, without what the price says; `rows` are ordered by date."""
    days = np.asarray(sessions, dtype="datetime64[D]")
    at = np.searchsorted(days, rows["date"].to_numpy().astype("datetime64[D]"))
    ordered = rows.assign(at=at, place=np.arange(len(rows)))
    ordered = ordered.sort_values(["symbol", "at"], kind="stable")
    amount = ordered["cash_amount"].to_numpy(np.float64)
    again, weekly = np.zeros((2, len(rows)), dtype=bool)
    for back in range(1, NEIGHBOURS + 1):
        before = ordered.groupby("symbol")[["at", "cash_amount"]].shift(back)
        distance: FloatArray = (ordered["at"] - before["at"]).to_numpy(np.float64)
        same = np.isclose(before["cash_amount"].to_numpy(np.float64), amount, rtol=SAME_AMOUNT)
        again |= (distance >= 1) & (distance <= REPEATED_SESSIONS) & same
        weekly |= (distance > REPEATED_SESSIONS) & (distance <= WEEKLY_SESSIONS)
    repeated = np.zeros(len(rows), dtype=bool)
    repeated[ordered["place"].to_numpy()] = again & ~weekly
    return repeated


def dividends_of(actions: pd.DataFrame) -> pd.DataFrame:
    """Rows of `corporate_actions` that are dividends."""
    return actions[actions["action_type"] != SPLIT]
