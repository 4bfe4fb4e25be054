"""The strategy `pairs_distance`: two securities that moved alike, bought and sold as they part."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.market.calendar import LONGEST_PERIOD
from quant_platform.market.panel import Panel
from quant_platform.strategies.pairs import closest_pairs, pair_positions
from quant_platform.strategies.parameters import StrategyParameters
from quant_platform.strategies.weight_strategy import VOLATILITY, WeightStrategy

HALF_YEAR = "half-year"
PERIODS = {**LONGEST_PERIOD, HALF_YEAR: 2 * LONGEST_PERIOD["quarter"]}


class PairsDistance(WeightStrategy):
    """Trade the pairs of members whose prices moved most alike over a year, as they part and meet.

    After the close of the first session of each half-year (`trading`), the pairs are chosen anew:

    1. p = Π (1 + return_1) over the last `formation` sessions, from 1 before the first, of
       securities that were members with a return in each of them. The distance of a pair is
       Σ (p_i − p_j)².
    2. The `pairs` of the smallest distance are traded until the next choice. A security may be in
       several. σ is the standard deviation of p_i − p_j; pairs without any are left out.
    3. From the choice on, both prices begin with 1 again. Where p_i − p_j first lies beyond `open`
       · σ, the dearer one is sold short and the cheaper one bought, each at 1/(2 · pairs) of the
       equity; where it reaches 0 or changes its sign, both are closed, and may open again. With the
       period, all positions end.

    A session in which a security of a pair has no return, or is no member, closes the pair; its
    price goes on from where it was. Fewer pairs than asked for leave the rest of the equity in
    cash.

    The rule is that of Gatev, Goetzmann and Rouwenhorst, "Pairs Trading: Performance of a Relative-
    Value Arbitrage Rule", *Review of Financial Studies* 19(3), 2006: twelve months of formation,
    six of trading, 20 pairs, two standard deviations, each pair with the same capital.
    """

    class Parameters(StrategyParameters):
        """Parameters of pairs_distance."""

        formation: Annotated[
            int, Field(ge=20, le=504, description="Sessions over which prices are compared.")
        ] = 252
        trading: Annotated[
            Literal["month", "quarter", "half-year", "year"],
            Field(description="Period of the calendar for which pairs are chosen."),
        ] = "half-year"
        pairs: Annotated[int, Field(ge=1, le=500, description="Pairs that are traded.")] = 20
        open: Annotated[
            float, Field(gt=0, le=10, description="Deviations at which a pair is opened.")
        ] = 2.0

    name = "pairs_distance"
    version = "1.0.0"
    by_default = False
    optional_features = (VOLATILITY, "return_1")
    row_features = (VOLATILITY,)
    parameters: Parameters

    @property
    def weight_lookback(self) -> int:
        """The sessions since the choice, and those of its formation."""
        return PERIODS[self.parameters.trading] + self.parameters.formation - 1

    def weights(self, panel: Panel) -> FloatArray:
        """Return the weights of the pairs that are open; see the class."""
        p = self.parameters
        returns = np.where(panel.member, panel["return_1"], np.nan)
        weights = np.zeros(returns.shape)
        begins = np.flatnonzero(_begins(panel, p.trading))
        for start, stop in zip(begins, [*begins[1:], len(returns)], strict=True):
            formed = returns[max(start - p.formation + 1, 0) : start + 1]
            if len(formed) < p.formation:
                continue
            chosen = closest_pairs(formed, p.pairs)
            position = pair_positions(returns[start:stop], chosen, p.open)
            for number, (left, right) in enumerate(zip(chosen.left, chosen.right, strict=True)):
                weights[start:stop, left] += position[:, number]
                weights[start:stop, right] -= position[:, number]
        return weights / (2.0 * p.pairs)


def _begins(panel: Panel, period: str) -> BoolArray:
    """Which sessions are the first of their period."""
    if period != HALF_YEAR:
        return panel.every(period)
    month = panel.sessions.astype("datetime64[M]").astype(np.int64) % 12 + 1
    begins: BoolArray = panel.every("quarter") & ((month == 1) | (month == 7))
    return begins
