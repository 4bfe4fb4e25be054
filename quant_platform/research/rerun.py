"""`Rerun`: the market and models of a backtest, for what is worked out of it later.

What belongs here: the account that is attributed, the benchmark's, and the same strategy over the
survivors alone. None of them is a trial: each belongs to a result that was counted. What does not:
the maths (`evaluation/`), and what a user calls (`explained.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.conventions import USUAL_SESSIONS
from quant_platform.evaluation.attribution.account import (
    NO_SECTOR,
    Account,
    filled_groups,
)
from quant_platform.evaluation.survivorship import UniverseHistory
from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.research.books import BookRun
from quant_platform.research.prepared import Prepared
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.book import Book
from quant_platform.trading.market_arrays import widen
from quant_platform.trading.simulation import Simulation

SECTOR, SIZE = "sector", "size"
"""What securities are grouped by for a comparison with a benchmark."""

SIZES = ("small", "medium", "large")


@dataclass(frozen=True, eq=False)
class Rerun:
    """A market over which a strategy was run, and what it was judged against.

    Attributes
    ----------
    market : with what the models need
    model, models : the strategy or book, and the strategy of each member
    rival : the benchmark where it is a model; else None
    """

    market: Prepared
    model: Strategy | Book
    models: Mapping[str, Strategy]
    rival: Strategy | None

    def benchmark(self) -> Simulation | None:
        """Simulate the benchmark's portfolio, with its positions; None where it has none."""
        if self.rival is None:
            return None
        return self.market.simulate(self.market.orders(self.rival))

    def over(self, among: BoolArray) -> Simulation:
        """Simulate the strategy where some securities alone may be members.

        Features stay what they were: only who may be chosen is another.

        Parameters
        ----------
        among : of the securities of the strategy's panel
        """
        inputs, panel = self.market.inputs, self.market.inputs.strategy_panel
        chosen = {name for name, is_in in zip(panel.security_ids, among, strict=True) if is_in}
        universe = inputs.universe
        members = universe[universe["security_id"].isin(chosen)].reset_index(drop=True)
        narrowed = replace(
            inputs, strategy_panel=replace(panel, member=panel.member & among), members=members
        )
        market = replace(self.market, inputs=narrowed)
        if isinstance(self.model, Book):
            return BookRun(self.model, self.models, market).simulate().simulation
        return market.simulate(market.orders(self.model))

    @cached_property
    def history(self) -> UniverseHistory:
        """Bars and membership of the sessions."""
        count, panel = self._count, self.market.inputs.strategy_panel
        endings, days = self.market.endings, panel.sessions[-count:]
        return UniverseHistory(
            days,
            panel.security_ids,
            np.where(panel.traded, panel.close, np.nan)[-count:],
            self._of_market("split", panel.security_ids, 1.0),
            self._of_market("dividend", panel.security_ids, 0.0),
            panel.member[-count:],
            np.asarray(endings.retired_in(days, panel.security_ids).any(axis=0), dtype=bool),
            endings.rules.sessions,
        )

    def account(self, done: Simulation, by: str = SECTOR) -> Account:
        """Return what is attributed of a simulation over this market.

        Parameters
        ----------
        by : what securities are grouped by, sector or size
        """
        ids, assumed = done.security_ids, self.market.assumed
        traded = self._of_market("traded", ids, False)
        close = self._of_market("close", ids, np.nan)
        borrow = self.market.conditions.borrow
        codes, names = self._sectors() if by == SECTOR else self._sizes()
        have = self.market.inputs.strategy_panel.security_ids
        return Account(
            done.sessions,
            ids,
            done.portfolios,
            done.positions,
            done.fills,
            np.where(traded, close, np.nan),
            self._of_market("split", ids, 1.0),
            self._of_market("dividend", ids, 0.0),
            assumed.capital,
            withholding=assumed.costs.withholding,
            borrow_rate=assumed.costs.borrow_rate,
            borrow=None if borrow is None else self._widened(borrow, ids, np.nan),
            groups=widen(codes, have, ids, -1),
            group_names=names,
        )

    @property
    def has_sectors(self) -> bool:
        """Whether a sector is stored of some member."""
        names = self.market.inputs.strategy_panel.sector_names
        return any(name.strip().lower() not in NO_SECTOR for name in names)

    @property
    def _count(self) -> int:
        return len(self.market.inputs.days)

    def _of_market(self, name: str, ids: tuple[str, ...], fill: float) -> NDArray[Any]:
        return self._widened(getattr(self.market.inputs.panel, name), ids, fill)

    def _widened(self, values: NDArray[Any], ids: tuple[str, ...], fill: float) -> NDArray[Any]:
        have = self.market.inputs.panel.security_ids
        return widen(values[len(values) - self._count :], have, ids, fill)

    def _sectors(self) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        panel = self.market.inputs.strategy_panel
        # A sector that was known before the first session is known in it.
        codes, names = filled_groups(panel.sectors.astype(np.int64), panel.sector_names)
        return codes[-self._count :], names

    def _sizes(self) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        """Thirds of the members by the value traded before each session."""
        panel, inputs = self.market.inputs.panel, self.market.inputs
        value = np.where(panel.traded, panel.close * panel.volume, np.nan)
        usual = usual_before(value, USUAL_SESSIONS)
        wanted = inputs.strategy_panel.security_ids
        member = inputs.strategy_panel.member[-self._count :]
        known = widen(usual[-self._count :], panel.security_ids, wanted, np.nan)
        return filled_groups(thirds(np.where(member, known, np.nan)), SIZES)


def usual_before(values: FloatArray, sessions: int) -> FloatArray:
    """Mean of the known values of so many sessions before each one; NaN without any."""
    known = np.isfinite(values)
    sums = np.cumsum(np.where(known, values, 0.0), axis=0)
    counts = np.cumsum(known, axis=0)
    found = np.full(values.shape, np.nan)
    for t in range(1, len(values)):
        first = max(t - sessions, 0) - 1
        total, count = sums[t - 1], counts[t - 1]
        if first >= 0:
            total, count = total - sums[first], count - counts[first]
        found[t] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return found


def thirds(values: FloatArray) -> NDArray[np.int64]:
    """Number of the third of each value in its session, 0 the lowest; −1 where unknown.

    Examples
    --------
    >>> thirds(np.array([[5.0, 1.0, np.nan, 3.0, 4.0]])).tolist()
    [[2, 0, -1, 0, 1]]
    """
    known = np.isfinite(values)
    place = np.argsort(np.argsort(np.where(known, values, np.inf), axis=1, kind="stable"), axis=1)
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    return np.where(known, np.minimum(place * 3 // count, 2), -1)


def held_returns(account: Account) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return weights at the start of each session, and returns of what was held.

    Both have the shape dates × securities. A return is what the position gained and was paid, over
    its value; 0 where nothing was held.
    """
    from quant_platform.evaluation.attribution.gains import gains_of

    lines = gains_of(account)
    value = lines.amounts["value_before"]
    gain = sum(lines.amounts[name] for name in ("holding", "ending", "dividends"))
    shape = (len(account.sessions), len(account.security_ids))
    weights, returns = np.zeros(shape), np.zeros(shape)
    before = account.before[lines.session]
    some = (value != 0.0) & (before > 0.0)
    at = lines.session[some], lines.column[some]
    weights[at] = value[some] / before[some]
    returns[at] = np.asarray(gain)[some] / value[some]
    days = pd.DatetimeIndex(account.sessions.astype("datetime64[s]"), name="date")
    names = pd.Index(account.security_ids, name="security_id")
    return pd.DataFrame(weights, days, names), pd.DataFrame(returns, days, names)
