"""Round trips: what each share gained from the fill that opened it to the one that closed it.

1. Fills are brought into the units of the last session by the later splits, and matched first in,
   first out (`matching.py`); what was held before the first session was opened by no fill.
2. A trip gains what the price does from one fill to the other, before spread and impact, or to the
   last price where it is still open. It bears its share of what both fills cost.
3. Dividends and borrow fees of a session are divided among the shares held before its trades.

So all trips together, and the interest, are the P&L of the account. Series follow the security:
neither a split nor a new ticker ends a trip. A turn from long to short ends one and begins another.

`largest_gain` and `largest_loss` are the best and the worst that a trip had been worth while it was
open, as a share of the value at entry: at the closes from the entry on, and at the exit; dividends
count, costs do not (J. Sweeney, *Maximum Adverse Excursion*, Wiley 1997, by closes in place of the
day's extremes, since what came first in a bar is unknown).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.evaluation.attribution.account import Account
from quant_platform.evaluation.attribution.excursions import Spans, excursions
from quant_platform.evaluation.attribution.gains import Lines, gains_of
from quant_platform.evaluation.attribution.matching import Pieces, match
from quant_platform.kernels.adjustment import later_product
from quant_platform.kernels.arrays import FloatArray
from quant_platform.trading.attribution import CASH_LINE
from quant_platform.trading.columns import names_of
from quant_platform.trading.engine.layout import IN_LIEU, REASONS

HELD, OPEN = "held", "open"
"""Reason of a trip's entry before the first session, and of an exit that did not come yet."""

PARTS = ("price_gain", "dividends", "costs", "borrow_fees")

TRIP_COLUMNS = (
    *("security_id", "group", "side", "entry_date", "exit_date", "entry_reason", "exit_reason"),
    *("sessions", "shares", "entry_price", "exit_price", "pnl", *PARTS, "return"),
    *("largest_gain", "largest_loss", "position", "entry", "exit"),
)

STAGES = 4
"""Moments of a session in their order: borrow fees, splits, dividends, trades."""

FEES, SPLITS, DIVIDENDS, TRADES = range(STAGES)


@dataclass(frozen=True)
class _Fills:
    """Fills with the positions held before as the first ones, ordered by security and time.

    Attributes
    ----------
    row : number among the account's fills, −1: held before
    session, column, moment : when and of what; the moment counts stages from the session before
    shares : in the units of the last session
    cash : shares × price before spread and impact, as paid
    costs : commission, tax, spread and impact
    price : of the fill, before spread and impact, in the units of the last session
    """

    row: NDArray[np.int64]
    session: NDArray[np.int64]
    column: NDArray[np.int64]
    moment: NDArray[np.int64]
    shares: FloatArray
    cash: FloatArray
    costs: FloatArray
    price: FloatArray


def round_trips(account: Account) -> pd.DataFrame:
    """Return one row per round trip, in the order of their entries.

    Returns
    -------
    DataFrame
        `TRIP_COLUMNS`. Shares and prices are in units of the last session. `entry` and `exit` are
        the rows of the account's fills, −1: none; `position` numbers the times from flat to flat.
        `sessions` counts from entry to exit, or to the last session. `return` is P&L over the value
        at entry.
    """
    factor = _units(account)
    fills = _ordered_fills(account, factor)
    pieces = match(fills.column, fills.shares)
    spans, amounts = _amounts(account, factor, fills, pieces)
    first, closed = pieces.opened, pieces.closed >= 0
    exit_row = np.where(closed, fills.row[np.maximum(pieces.closed, 0)], -1)
    entry = np.maximum(spans.entry, 0)
    value = pieces.size * spans.price
    days = account.sessions.astype("datetime64[s]")
    reasons = np.array([*account.fills["reason"].astype(object), HELD], dtype=object)
    frame = pd.DataFrame(
        {
            "security_id": names_of(account.security_ids, spans.column),
            "group": account.group_of(entry, spans.column),
            "side": np.where(spans.side > 0.0, "long", "short"),
            "entry_date": pd.Series(days[entry]).where(spans.entry >= 0),
            "exit_date": pd.Series(days[spans.exit]).where(closed),
            "entry_reason": reasons[fills.row[first]],
            "exit_reason": np.where(closed, reasons[exit_row], OPEN),
            "sessions": spans.exit - spans.entry,
            "shares": pieces.size,
            "entry_price": spans.price,
            **amounts,
            "return": amounts["pnl"] / np.where(value > 0.0, value, np.nan),
            "position": pieces.episode,
            "entry": fills.row[first],
            "exit": exit_row,
        }
    )
    texts = dict.fromkeys(("group", "side", "entry_reason", "exit_reason"), "str")
    ordered = frame.sort_values(["entry_date", "entry"], na_position="first", kind="stable")
    return ordered[list(TRIP_COLUMNS)].astype(texts).reset_index(drop=True)


def _amounts(
    account: Account, factor: FloatArray, fills: _Fills, pieces: Pieces
) -> tuple[Spans, dict[str, FloatArray]]:
    """From when to when each piece was held, and what it gained and cost."""
    first, closed = pieces.opened, pieces.closed >= 0
    exit_at, last = np.maximum(pieces.closed, 0), len(account.sessions) - 1
    column, side = fills.column[first], np.sign(fills.shares[first])
    worth, marked = _marks(account, fills, pieces)
    exit_price = np.where(closed, fills.price[exit_at], marked)
    gain = np.where(closed, -pieces.of_closed * fills.cash[exit_at], worth)
    gain = gain - pieces.of_opened * fills.cash[first]
    costs = pieces.of_opened * fills.costs[first]
    costs = costs + np.where(closed, pieces.of_closed * fills.costs[exit_at], 0.0)
    begin = fills.moment[first]
    end = np.where(closed, fills.moment[exit_at], (last + 2) * STAGES)
    paid, charged = _per_share(account, fills, gains_of(account))
    each = paid.until(column, end) - paid.until(column, begin)
    dividends = side * pieces.size * each
    fees = pieces.size * (charged.until(column, end) - charged.until(column, begin))
    spans = Spans(
        column,
        side,
        fills.session[first],
        np.where(closed, fills.session[exit_at], last),
        closed,
        fills.price[first],
        exit_price - fills.price[first] + each,
    )
    received = np.zeros(account.close.shape)
    np.add.at(received, (paid.session, paid.column), paid.amounts)
    received = np.cumsum(received, axis=0)
    best, worst = excursions(account.close / factor[1:], received, spans)
    return spans, {
        "exit_price": exit_price,
        "pnl": gain + dividends - costs - fees,
        "price_gain": gain,
        "dividends": dividends,
        "costs": costs,
        "borrow_fees": fees,
        "largest_gain": best,
        "largest_loss": worst,
    }


def _units(account: Account) -> FloatArray:
    """Shares of the last session that a share after each session's splits is, (T + 1, N).

    The first row is of a share before the first session.
    """
    later: FloatArray = later_product(account.split)
    return np.vstack((later[:1] * account.split[:1], later)) if len(later) else later


def _ordered_fills(account: Account, factor: FloatArray) -> _Fills:
    fills = account.fills
    session, column = account.rows(fills), account.columns(fills)
    shares, price, commission, tax, spread, impact = (
        np.asarray(fills[name], dtype=np.float64)
        for name in ("shares", "price", "commission", "tax", "spread", "impact")
    )
    in_lieu = np.asarray(fills["reason"]) == REASONS[IN_LIEU]
    moment = (session + 1) * STAGES + np.where(in_lieu, SPLITS, TRADES)
    cash = shares * price - spread - impact
    costs, row = commission + tax + spread + impact, np.arange(len(fills))
    if account.opening is not None and len(account.opening):
        held = account.opening[account.opening["shares"] != 0.0]
        count = len(held)
        row = np.concatenate((np.full(count, -1), row))
        session = np.concatenate((np.full(count, -1), session))
        column = np.concatenate((account.columns(held), column))
        moment = np.concatenate((np.full(count, TRADES), moment))
        shares = np.concatenate((held["shares"].to_numpy(np.float64), shares))
        cash = np.concatenate((held["value"].to_numpy(np.float64), cash))
        costs = np.concatenate((np.zeros(count), costs))
    traded = shares != 0.0
    order = np.flatnonzero(traded)
    order = order[np.lexsort((row[order], moment[order], column[order]))]
    units = shares[order] * factor[session[order] + 1, column[order]]
    return _Fills(
        row[order],
        session[order],
        column[order],
        moment[order],
        units,
        cash[order],
        costs[order],
        cash[order] / units,
    )


def _marks(account: Account, fills: _Fills, pieces: Pieces) -> tuple[FloatArray, FloatArray]:
    """Value of each open piece at the last prices, and those prices; 0 and NaN of closed ones."""
    held = account.held
    now = held[account.rows(held) == len(account.sessions) - 1]
    worth, price = np.zeros(len(account.security_ids)), np.full(len(account.security_ids), np.nan)
    columns = account.columns(now)
    worth[columns], price[columns] = now["value"], now["price"]
    column, is_open = fills.column[pieces.opened], pieces.closed < 0
    sizes = np.bincount(
        column[is_open], weights=pieces.size[is_open], minlength=len(account.security_ids)
    )
    share = pieces.size / np.where(sizes[column] > 0.0, sizes[column], 1.0)
    return np.where(is_open, share * worth[column], 0.0), price[column]


@dataclass(frozen=True)
class _PerShare:
    """Amounts per share of the last session: cumulative, by security and moment.

    Attributes
    ----------
    keys : security × moments + moment of each amount, ascending
    totals : sums up to each of them, with 0 in front
    session, column, amounts : the amounts themselves
    moments : in all
    """

    keys: NDArray[np.int64]
    totals: FloatArray
    session: NDArray[np.int64]
    column: NDArray[np.int64]
    amounts: FloatArray
    moments: int

    def until(self, column: NDArray[np.int64], moment: NDArray[np.int64]) -> FloatArray:
        """Sums of all amounts before a moment; differences within a security mean something."""
        return self.totals[np.searchsorted(self.keys, column * self.moments + moment)]


def _per_share(account: Account, fills: _Fills, lines: Lines) -> tuple[_PerShare, _PerShare]:
    """Dividends and borrow fees per share, each signed as of a long position."""
    moments = (len(account.sessions) + 2) * STAGES
    keys = fills.column * moments + fills.moment
    held_after = np.concatenate(([0.0], np.cumsum(fills.shares)))
    of_security = np.searchsorted(keys, np.arange(len(account.security_ids)) * moments)

    def of(name: str, stage: int) -> _PerShare:
        amounts = lines.amounts[name]
        some = np.flatnonzero(amounts != 0.0)
        some = some[np.lexsort((lines.session[some], lines.column[some]))]
        session, column = lines.session[some], lines.column[some]
        key = column * moments + (session + 1) * STAGES + stage
        held = held_after[np.searchsorted(keys, key)] - held_after[of_security[column]]
        size = held if stage == DIVIDENDS else np.abs(held)
        each = np.where(size != 0.0, amounts[some] / np.where(size != 0.0, size, 1.0), 0.0)
        totals = np.concatenate(([0.0], np.cumsum(each)))
        return _PerShare(key, totals, session, column, each, moments)

    return of("dividends", DIVIDENDS), of("borrow_fees", FEES)


def by_position(trips: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """Return one row per time from flat to flat, the greatest gain first; the cash is a row."""
    keys = {
        "security_id": "first",
        "group": "first",
        "side": "first",
        "entry_date": "min",
        "pnl": "sum",
        **dict.fromkeys(PARTS, "sum"),
        "sessions": "max",
    }
    rows = trips.groupby("position").agg(keys)
    rows["trips"] = trips.groupby("position").size()
    # One piece that is open, and the position is.
    rows["exit_date"] = trips.groupby("position")["exit_date"].max()
    still = trips[trips["exit_reason"] == OPEN]["position"].unique()
    rows.loc[rows.index.isin(still), "exit_date"] = pd.NaT
    both: pd.DataFrame = pd.concat([rows, _cash(lines)], ignore_index=True)
    return both.sort_values("pnl", ascending=False, kind="stable", ignore_index=True)


def by_fill(trips: pd.DataFrame, lines: pd.DataFrame, account: Account) -> pd.DataFrame:
    """Return the fills with the P&L that each settled, and rows of what was held, and the cash.

    A fill that closes has the P&L of the shares that it closed, with what both sides cost, as
    brokers state realised gains. A fill that opens has that of the shares still open at the end.
    """
    fills = account.fills
    shown = fills[["date", "security_id", "number", "reason", "shares", "price"]]
    settled = np.where(trips["exit"] >= 0, trips["exit"], trips["entry"])
    by_row = trips.groupby(settled)["pnl"].sum()
    rows = shown.reset_index(drop=True)
    rows["pnl"] = by_row.reindex(range(len(fills))).fillna(0.0).to_numpy()
    before = trips[settled < 0].groupby("security_id", as_index=False)["pnl"].sum()
    parts: list[pd.DataFrame] = [rows, before.assign(reason=HELD), _cash(lines)]
    return pd.concat(parts, ignore_index=True)


def _cash(lines: pd.DataFrame) -> pd.DataFrame:
    """A row of what belongs to no security: interest, and fees of nobody."""
    cash = lines[lines["security_id"] == CASH_LINE]
    return pd.DataFrame(
        {
            "security_id": [CASH_LINE],
            "group": [CASH_LINE],
            "pnl": [float(cash["pnl"].sum())],
        }
    )


def trade_figures(trips: pd.DataFrame) -> pd.Series:
    """Return what the closed trips were like: how many, how long, how good.

    Null where there is no closed trip of the kind.
    """
    closed = trips[trips["exit_reason"] != OPEN]
    won, lost = closed[closed["pnl"] > 0.0], closed[closed["pnl"] < 0.0]
    losses = -float(lost["pnl"].sum())
    count = len(closed)
    nan = float("nan")
    return pd.Series(
        {
            "trips": float(len(trips)),
            "closed": float(count),
            "win_rate": len(won) / count if count else nan,
            "mean_sessions": float(closed["sessions"].mean()) if count else nan,
            "median_sessions": float(closed["sessions"].median()) if count else nan,
            "mean_gain": float(won["pnl"].mean()) if len(won) else nan,
            "mean_loss": float(lost["pnl"].mean()) if len(lost) else nan,
            "profit_factor": float(won["pnl"].sum()) / losses if losses > 0.0 else nan,
            "mean_largest_gain": float(closed["largest_gain"].mean()) if count else nan,
            "mean_largest_loss": float(closed["largest_loss"].mean()) if count else nan,
        },
        dtype=np.float64,
    )


def best_and_worst(trips: pd.DataFrame, count: int = 10) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the trips that gained most, and those that lost most, by P&L in currency."""
    ordered = trips.sort_values("pnl", ascending=False, kind="stable", ignore_index=True)
    best = ordered[ordered["pnl"] > 0.0].head(count)
    worst = ordered[ordered["pnl"] < 0.0].tail(count)[::-1]
    return best.reset_index(drop=True), worst.reset_index(drop=True)
