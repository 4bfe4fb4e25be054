"""Accounts of 1,000 in cash whose every figure a test works out by hand."""

import math
from dataclasses import replace

import numpy as np

from quant_platform.trading.conditions import NO_CONDITIONS
from quant_platform.trading.costs import Costs
from quant_platform.trading.engine import layout
from quant_platform.trading.limits import NO_LIMITS
from quant_platform.trading.orders import TradingRules
from quant_platform.trading.rebalancing import Rebalance
from quant_platform.trading.simulation import simulate
from quant_platform_tests.support.books import fills
from quant_platform_tests.support.small_markets import wants

NAN = math.nan
FLAT = (100, 100)

LEVELS = {
    "limit": layout.L_LIMIT,
    "trigger": layout.L_TRIGGER,
    "stop": layout.L_STOP,
    "take": layout.L_TAKE,
    "trail": layout.L_TRAIL,
    "life": layout.L_LIFE,
}


def run(panel, targets, *, limits=NO_LIMITS, conditions=NO_CONDITIONS, rule="on_change", **more):
    """Simulate weights of securities; levels are named with the assumptions, for the first one."""
    given = {name: more.pop(name) for name in LEVELS if name in more}
    options = {name: more.pop(name) for name in ("actions", "state") if name in more}
    closes = {name: [NAN, *panel.close[:-1, at]] for at, name in enumerate(panel.security_ids)}
    orders = wants(panel, targets, references={name: closes[name] for name in targets})
    levels = np.full((layout.LEVELS, *orders.targets.shape), NAN)
    for name, values in given.items():
        levels[LEVELS[name], : len(values), 0] = [NAN if each is None else each for each in values]
    return simulate(
        panel,
        replace(
            orders,
            levels=levels if given else None,
            rules=TradingRules(Rebalance.of(rule), max_gross=10.0),
        ),
        costs=Costs.ideal(**more),
        capital=1000.0,
        limits=limits,
        conditions=conditions,
        **options,
    )


def cash(done):
    return done.portfolios["cash"].tolist()


def fill_of(done, session):
    (one,) = fills(done, session)
    return one
