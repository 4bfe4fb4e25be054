"""A book's gains and costs by member: they add up to the change of the book's equity.

Every session, of each security and member, in the engine's order of events (`engine/loop.py`):

1. Borrow fees are those of the members that are short, by the value of their shares.
2. A split changes the shares; what is paid in lieu of part of a share changes no value.
3. A dividend is paid on each member's shares at the rate that the book is paid at.
4. A trade moves shares to, from and between members at the price that the book trades at, before
   spread and impact (`allocation.py`). Its costs are divided by the members' traded shares.
5. Holdings gain what the price does, from the last price to that of the trade, and on to the close
   or the price at which an ended security is paid.

Interest is the line `cash`. What does not belong here: the trades themselves (`engine/`), and
targets (`book.py`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.kernels.arrays import FloatArray, SessionArray
from quant_platform.trading.allocation import allocate, shares_of_sum
from quant_platform.trading.columns import names_of
from quant_platform.trading.costs import Costs
from quant_platform.trading.engine import layout
from quant_platform.trading.market_arrays import MarketArrays
from quant_platform.trading.portfolio_state import PortfolioState
from quant_platform.trading.simulation import Simulation

CASH_LINE = "cash"
"""The line of what belongs to no member: interest on the book's cash."""

GAINS = ("price_gain", "dividends", "costs", "borrow_fees")

ATTRIBUTION_COLUMNS = ("date", "member", "capital_share", "pnl", *GAINS, "interest")
"""Columns of the table `book_attribution` that a book fills."""

HOLDING_COLUMNS = (
    *("date", "member", "security_id", "shares", "price"),
    *("target_weight", "asked_weight", "traded_ask"),
)
"""Columns of the table `book_holdings` that a book fills."""


@dataclass(frozen=True)
class Wanted:
    """What the members want of a book's securities in each session; weights of shape (T, M, N).

    Attributes
    ----------
    targets, asked : of the member's own capital, after and before it is scaled
    capital : (T, M) each member's share of the book's capital
    references : (T, N) close of the session before; NaN: unknown
    """

    targets: FloatArray
    asked: FloatArray
    capital: FloatArray
    references: FloatArray


@dataclass
class Holdings:
    """What the members hold after a session.

    Attributes
    ----------
    shares, asked : (M, N) shares, and the weights of the book's equity that were asked for when
        they were last traded
    price : (N,) last known price of what somebody holds; else NaN
    book : (N,) shares of the book
    """

    shares: FloatArray
    asked: FloatArray
    price: FloatArray
    book: FloatArray


@dataclass
class _Day:
    """Gains and costs of one session, (M, N) by the names of `GAINS`."""

    gains: dict[str, FloatArray] = field(default_factory=dict)

    def add(self, name: str, columns: Any, amounts: FloatArray) -> None:
        self.gains[name][:, columns] += amounts


class Attribution:
    """Divides a simulated book among its members, session by session."""

    def __init__(
        self,
        members: Sequence[str],
        done: Simulation,
        market: MarketArrays,
        wanted: Wanted,
        holdings: Holdings,
        before: PortfolioState,
        costs: Costs,
        borrow: FloatArray | None = None,
        released: SessionArray | None = None,
        halted: SessionArray | None = None,
    ) -> None:
        """Take what was simulated, and the state before it.

        Parameters
        ----------
        market : of the securities of `done`
        borrow : (T, N) annual fees of short positions; NaN or None: that of the costs
        released, halted : sessions before whose open a halted book is released, or it is halted
        """
        self._members, self._done, self._market, self._costs = members, done, market, costs
        self._wanted, self._now, self._borrow = wanted, holdings, borrow
        rows = done.tape.rows
        self._rows = {
            name: rows[:, place - layout.ROW]
            for name, place in (
                ("equity", layout.R_EQUITY),
                ("interest", layout.R_INTEREST),
                ("borrow", layout.R_BORROW),
                ("ruined", layout.R_RUINED),
                ("halted", layout.R_HALTED),
                ("factor", layout.R_FACTOR),
            )
        }
        self._before = before
        nothing = np.zeros(0, dtype="datetime64[D]")
        self._released = np.isin(done.sessions, nothing if released is None else released)
        self._stopped = np.isin(done.sessions, nothing if halted is None else halted)
        self._traded_at = _prices(costs, market)
        fills = done.tape.fills.T
        edges = np.arange(len(done.sessions) + 1)
        self._fills = fills
        self._first = np.searchsorted(fills[:, layout.F_SESSION], edges)

    def run(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return rows of `book_attribution` and of `book_holdings`, without the book."""
        capital = self._wanted.capital
        lines: list[tuple[Any, ...]] = []
        written: list[tuple[NDArray[Any], ...]] = []
        for t, session in enumerate(self._done.sessions):
            gains = self._session(t)
            day = pd.Timestamp(session).as_unit("s")
            for number, member in enumerate(self._members):
                sums = [math.fsum(gains[name][number].tolist()) for name in GAINS]
                pnl = math.fsum((sums[0], sums[1], -sums[2], -sums[3]))
                lines.append((day, member, float(capital[t, number]), pnl, *sums, 0.0))
            left = 1.0 - math.fsum(capital[t].tolist())
            interest = float(self._rows["interest"][t])
            lines.append((day, CASH_LINE, left, interest, 0.0, 0.0, 0.0, 0.0, interest))
            written.append(self._written(t))
        attribution = pd.DataFrame(lines, columns=list(ATTRIBUTION_COLUMNS))
        attribution["date"] = attribution["date"].astype("datetime64[s]")
        return attribution, self._holdings(written)

    def _session(self, t: int) -> Mapping[str, FloatArray]:
        now, market = self._now, self._market
        day = _Day({name: np.zeros(now.shares.shape) for name in GAINS})
        fills = self._fills[self._first[t] : self._first[t + 1]]
        reasons = fills[:, layout.F_REASON]
        self._charge_fees(t, day)
        self._split(t, fills[reasons == layout.IN_LIEU])
        self._pay_dividends(t, day)
        trades = fills[(reasons != layout.IN_LIEU) & (reasons != layout.BY_END)]
        self._trade(t, trades, day)
        traded = np.flatnonzero(market.traded[t])
        self._mark(traded, market.close[t, traded], day)
        ends = fills[reasons == layout.BY_END]
        ended = ends[:, layout.F_SECURITY].astype(np.intp)
        self._mark(ended, ends[:, layout.F_PRICE], day)
        now.shares[:, ended], now.book[ended] = 0.0, 0.0
        now.price[~(now.shares != 0.0).any(axis=0)] = np.nan
        return day.gains

    def _charge_fees(self, t: int, day: _Day) -> None:
        """Divide the session's borrow fees among the members that are short."""
        fees = float(self._rows["borrow"][t])
        short = np.flatnonzero(self._now.book < 0.0)
        if fees == 0.0 or not len(short):
            return
        rates = np.full(len(short), self._costs.borrow_rate)
        if self._borrow is not None:
            known = self._borrow[t, short]
            rates = np.where(known >= 0.0, known, rates)
        values = -self._now.book[short] * self._now.price[short] * rates
        each = fees * (values / math.fsum(values.tolist()))
        parts = shares_of_sum(np.maximum(-self._now.shares[:, short], 0.0))
        day.add("borrow_fees", short, parts * each)

    def _split(self, t: int, in_lieu: FloatArray) -> None:
        """Apply the session's splits; the rest of a share is taken by the size of the holdings."""
        now, ratio = self._now, self._market.split[t]
        now.shares *= ratio
        now.book *= ratio
        now.price /= ratio
        for fill in in_lieu:
            column = int(fill[layout.F_SECURITY])
            sizes = np.abs(now.shares[:, [column]])
            now.shares[:, [column]] += shares_of_sum(sizes) * fill[layout.F_SHARES]
            now.book[column] += fill[layout.F_SHARES]

    def _pay_dividends(self, t: int, day: _Day) -> None:
        paid = np.flatnonzero(self._market.dividend[t] != 0.0)
        if not len(paid):
            return
        each = self._market.dividend[t, paid]
        withheld = np.where(self._now.book[paid] * each > 0.0, self._costs.withholding, 0.0)
        day.add("dividends", paid, self._now.shares[:, paid] * (each * (1.0 - withheld)))

    def _trade(self, t: int, fills: FloatArray, day: _Day) -> None:
        """Move shares where the book trades, and where members trade with each other alone."""
        now, market = self._now, self._market
        reference = self._wanted.references[t] / market.split[t]
        unheld = ~(now.shares != 0.0).any(axis=0) & (reference > 0.0)
        now.price[unheld] = reference[unheld]
        targets, asked = self._of_book(t)
        columns = fills[:, layout.F_SECURITY].astype(np.intp)
        charges = np.zeros(len(now.book))
        for column, fill in zip(columns.tolist(), fills, strict=True):
            charges[column] += math.fsum(fill[layout.F_COMMISSION : layout.F_IMPACT + 1].tolist())
        changed = asked != now.asked
        # Where the book trades, every member is brought to its target.
        changed[:, columns] = True
        places = np.flatnonzero(market.traded[t] & changed.any(axis=0))
        if len(places):
            units = self._units(t, places)
            now.book[columns] += fills[:, layout.F_SHARES]
            self._mark(places, self._traded_at[t, places], day)
            held = now.shares[:, places]
            wanted = np.where(changed[:, places], targets[:, places] * units, held)
            after = allocate(held, wanted, now.book[places])
            day.add("costs", places, shares_of_sum(np.abs(after - held)) * charges[places])
            now.shares[:, places], now.asked[:, places] = after, asked[:, places]
        # What the book does not hold and nobody wants is settled among the members.
        idle = ~market.traded[t] & (now.book == 0.0) & ~(asked != 0.0).any(axis=0)
        now.shares[:, idle], now.asked[:, idle] = 0.0, 0.0

    def _of_book(self, t: int) -> tuple[FloatArray, FloatArray]:
        """Weights of the book's equity that are wanted and asked for, 0 of a halted book."""
        ruined, halted = self._before.ruined, self._before.halted
        factor = self._before.weight_factor
        if t:
            ruined, halted = (bool(self._rows[name][t - 1] > 0.0) for name in ("ruined", "halted"))
            factor = float(self._rows["factor"][t - 1])
        over = ruined or (halted and not self._released[t]) or self._stopped[t]
        # A limit on losses scales all weights alike.
        scale = (self._wanted.capital[t] * (0.0 if over else factor))[:, None]
        return self._wanted.targets[t] * scale, self._wanted.asked[t] * scale

    def _units(self, t: int, places: NDArray[np.intp]) -> FloatArray:
        """Shares that a weight of 1 is, by the prices and the equity that orders are sized from."""
        now, at_fill = self._now, self._costs.size_at == "fill"
        equity = float(self._rows["equity"][t - 1]) if t else self._before.equity
        equity += float(self._rows["interest"][t]) - float(self._rows["borrow"][t])
        mark = now.price.copy()
        priced = self._market.traded[t] & (at_fill | ~(mark > 0.0))
        mark[priced] = self._traded_at[t, priced]
        if at_fill:
            held = np.flatnonzero(now.book != 0.0)
            amounts = now.book[held] * self._market.dividend[t, held]
            amounts *= np.where(amounts > 0.0, 1.0 - self._costs.withholding, 1.0)
            gains = now.book[held] * (mark[held] - now.price[held])
            equity += math.fsum((*gains.tolist(), *amounts.tolist()))
        return np.where(mark[places] > 0.0, max(equity, 0.0) / mark[places], 0.0)

    def _mark(self, places: NDArray[np.intp], prices: FloatArray, day: _Day) -> None:
        """Gain what the prices of some securities did since they were last looked at."""
        now = self._now
        held = now.shares[:, places]
        moved = np.where(held != 0.0, held * (prices - now.price[places]), 0.0)
        day.add("price_gain", places, moved)
        now.price[places] = prices

    def _written(self, t: int) -> tuple[NDArray[Any], ...]:
        """Session, member and security by their numbers, and what they hold, want and asked for."""
        now = self._now
        targets, asked = self._wanted.targets[t], self._wanted.asked[t]
        some = (now.shares != 0.0) | (now.asked != 0.0) | (targets != 0.0) | (asked != 0.0)
        member, security = np.nonzero(some)
        numbers = (now.shares[some], now.price[security], targets[some], asked[some])
        return (np.full(len(member), t), member, security, *numbers, now.asked[some])

    def _holdings(self, written: Sequence[tuple[NDArray[Any], ...]]) -> pd.DataFrame:
        session, member, security, *numbers = map(np.concatenate, zip(*written, strict=True))
        columns = (
            self._done.sessions[session].astype("datetime64[s]"),
            names_of(tuple(self._members), member),
            names_of(self._done.security_ids, security),
            *numbers,
        )
        return pd.DataFrame(dict(zip(HOLDING_COLUMNS, columns, strict=True)), copy=False)


def _prices(costs: Costs, market: MarketArrays) -> FloatArray:
    """Price that orders are executed at in each session, (T, N), before spread and impact."""
    if costs.execute_at == "mid":
        return (market.high + market.low) / 2.0
    if costs.execute_at == "vwap":
        return (market.high + market.low + market.close) / 3.0
    return market.open if costs.execute_at == "open" else market.close
