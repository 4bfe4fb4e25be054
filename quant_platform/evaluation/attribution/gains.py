"""Gains and costs of an account by session and security: they add up to the change of its equity.

With V the value of a position, q the shares of a fill and p its price, a security gains

    V − V of the session before − Σ q · p − commission − tax + dividends − borrow fees

in a session. Neither a split nor a new ticker changes a value, so neither has to be looked up. The
price holds spread and impact; without them, what prices did is

1. `trading`: Σ q · (close − p + what spread and impact took), of the session's own trades;
2. `ending`: what a position gained that was closed because its security stopped trading;
3. `holding`: the rest, on the shares of the session before.

Dividends are those of the shares before the session's trades. Borrow fees of a session are divided
by value × rate of the short positions. Interest is the line `cash`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.evaluation.attribution.account import Account
from quant_platform.kernels.arrays import FloatArray
from quant_platform.trading.attribution import CASH_LINE
from quant_platform.trading.columns import names_of
from quant_platform.trading.engine.layout import BY_END, IN_LIEU, REASONS

GAINS = ("holding", "trading", "ending", "dividends", "interest")
COSTS = ("commission", "tax", "spread", "impact", "borrow_fees")
"""Columns of lines that add to the P&L, and those that are taken from it."""

LINE_COLUMNS = ("date", "security_id", "group", "value_before", "pnl", *GAINS, *COSTS)


@dataclass(frozen=True)
class Lines:
    """Cells (session, security) of an account in which something was held or traded.

    Attributes
    ----------
    session, column : numbers of the session and security of each cell, ordered by both
    amounts : name → amounts in currency: `value_before`, `value`, `shares_paid` (the shares that a
        dividend is paid on), `GAINS` and `COSTS` without interest
    """

    session: NDArray[np.int64]
    column: NDArray[np.int64]
    amounts: Mapping[str, FloatArray]

    @property
    def pnl(self) -> FloatArray:
        """Gains less costs of each cell."""
        total = np.zeros(len(self.session))
        for name in GAINS[:-1]:
            total += self.amounts[name]
        for name in COSTS:
            total -= self.amounts[name]
        return total


def gains_of(account: Account) -> Lines:
    """Divide the P&L of an account among its sessions and securities."""
    width, count = len(account.security_ids), len(account.sessions)
    held, fills = account.held, account.fills
    held_keys = account.rows(held) * width + account.columns(held)
    fill_at, fill_column = account.rows(fills), account.columns(fills)
    fill_keys = fill_at * width + fill_column
    value = np.asarray(held["value"], dtype=np.float64)
    before_keys, before = held_keys + width, value
    if account.opening is not None:
        held_before = account.opening[account.opening["shares"] != 0.0]
        before_keys = np.concatenate((account.columns(held_before), before_keys))
        before = np.concatenate((held_before["value"].to_numpy(np.float64), before))
    inside = before_keys < count * width
    before_keys, before = before_keys[inside], before[inside]
    keys = np.unique(np.concatenate((held_keys, before_keys, fill_keys)))

    def of(some: NDArray[np.int64], amounts: FloatArray) -> FloatArray:
        places = np.searchsorted(keys, some)
        return np.bincount(places, weights=amounts, minlength=len(keys)).astype(np.float64)

    figures = {name: np.asarray(fills[name], dtype=np.float64) for name in COSTS[:-1]}
    shares = np.asarray(fills["shares"], dtype=np.float64)
    priced = shares * np.asarray(fills["price"], dtype=np.float64)
    without = priced - figures["spread"] - figures["impact"]
    reason = np.asarray(fills["reason"])
    in_lieu, by_end = reason == REASONS[IN_LIEU], reason == REASONS[BY_END]
    close = account.close[fill_at, fill_column]
    traded = ~(in_lieu | by_end) & np.isfinite(close)
    moved = np.where(traded, shares * np.where(traded, close, 0.0) - without, 0.0)
    amounts = {name: of(fill_keys, each) for name, each in figures.items()}
    amounts["value_before"], amounts["value"] = of(before_keys, before), of(held_keys, value)
    gain = amounts["value"] - amounts["value_before"] - of(fill_keys, without)
    ended = of(fill_keys, by_end.astype(np.float64)) > 0.0
    amounts["trading"] = of(fill_keys, moved)
    amounts["ending"] = np.where(ended, gain - amounts["trading"], 0.0)
    amounts["holding"] = np.where(ended, 0.0, gain - amounts["trading"])
    session, column = keys // width, keys % width
    paid_on = of(held_keys, np.asarray(held["shares"], dtype=np.float64))
    paid_on -= of(fill_keys, np.where(in_lieu, 0.0, shares))
    each = account.dividend[session, column]
    paid = np.where(each != 0.0, paid_on * each, 0.0)
    amounts["dividends"] = np.where(paid > 0.0, paid * (1.0 - account.withholding), paid)
    amounts["shares_paid"] = paid_on
    amounts["borrow_fees"] = _fees(account, session, column, amounts["value_before"])
    return Lines(session, column, amounts)


def _fees(
    account: Account,
    session: NDArray[np.int64],
    column: NDArray[np.int64],
    before: FloatArray,
) -> FloatArray:
    """Divide each session's borrow fees among the positions that were short before it."""
    fees = np.asarray(account.portfolios["borrow_fees"], dtype=np.float64)
    short = np.maximum(-before, 0.0)
    if account.borrow is not None:
        own = account.borrow[session, column]
        rates = np.where(own >= 0.0, own, account.borrow_rate)
        by_rate = short * rates
        charged = np.bincount(session, weights=by_rate, minlength=len(fees))
        # Where no rate is known, the values alone say who is charged.
        short = np.where(charged[session] > 0.0, by_rate, short)
    total = np.bincount(session, weights=short, minlength=len(fees))[session]
    return np.asarray(
        np.where(total > 0.0, fees[session] * (short / np.where(total > 0.0, total, 1.0)), 0.0)
    )


def gain_lines(account: Account) -> pd.DataFrame:
    """Return one row per session and security, and one per session for the cash.

    Returns
    -------
    DataFrame
        `LINE_COLUMNS`, in currency, ordered by date: what a session's rows of `pnl` add up to is
        the change of the equity. `pnl` is `GAINS` less `COSTS`.
    """
    lines = gains_of(account)
    frame = pd.DataFrame(
        {
            "date": account.sessions[lines.session].astype("datetime64[s]"),
            "security_id": names_of(account.security_ids, lines.column),
            "group": account.group_of(lines.session, lines.column),
            "value_before": lines.amounts["value_before"],
            "pnl": lines.pnl,
            **{name: lines.amounts[name] for name in GAINS[:-1]},
            "interest": 0.0,
            **{name: lines.amounts[name] for name in COSTS},
        }
    )
    divided = np.bincount(
        lines.session, weights=lines.amounts["borrow_fees"], minlength=len(account.sessions)
    )
    interest = np.asarray(account.portfolios["interest"], dtype=np.float64)
    # A fee that nobody short can be found for stays with the cash.
    fees = np.asarray(account.portfolios["borrow_fees"], dtype=np.float64)
    left = np.where(divided == 0.0, fees, 0.0)
    invested = np.bincount(
        lines.session, weights=lines.amounts["value_before"], minlength=len(account.sessions)
    )
    cash = pd.DataFrame(
        {
            "date": account.sessions.astype("datetime64[s]"),
            "security_id": CASH_LINE,
            "group": CASH_LINE,
            "value_before": account.before - invested,
            "pnl": interest - left,
            **dict.fromkeys(GAINS[:-1], 0.0),
            "interest": interest,
            **dict.fromkeys(COSTS[:-1], 0.0),
            "borrow_fees": left,
        }
    )
    rows = pd.concat([frame, cash], ignore_index=True)
    ordered = rows.sort_values("date", kind="stable", ignore_index=True)
    return ordered[list(LINE_COLUMNS)].astype({"security_id": "str", "group": "str"})


def unexplained(lines: pd.DataFrame, account: Account) -> FloatArray:
    """Return what the lines of each session miss of the change of equity, in currency.

    Rounding alone is left where the rows are those that the equity was made of. A dividend that was
    corrected afterwards is more than that.
    """
    summed = lines.groupby("date")["pnl"].sum()
    days = account.sessions.astype("datetime64[s]")
    return np.asarray(account.equity - account.before - summed.reindex(days).to_numpy())
