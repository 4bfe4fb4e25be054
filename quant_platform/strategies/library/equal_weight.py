"""`equal_weight`: the benchmark unless the settings or a strategy name another."""

from quant_platform.conventions import PERIOD_SESSIONS
from quant_platform.strategies.library.buy_and_hold import BuyAndHold
from quant_platform.trading.rebalancing import MONTHLY


class EqualWeight(BuyAndHold):
    """Hold every member of the universe at equal weight, brought back to it every month.

    target weight = 1/n, where n is the number of members of the session. All positions are traded
    at the open of a month's first session. In between a member that leaves is sold, and one that
    joins is bought as far as there is cash.
    """

    name = "equal_weight"
    version = "1.0.0"
    rebalance = MONTHLY
    horizon = PERIOD_SESSIONS["month"]
