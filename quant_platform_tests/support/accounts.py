"""Accounts to attribute, of simulations by hand and of random ones.

What does not belong here: what is expected of them.
"""

import numpy as np

from quant_platform.evaluation.attribution.account import Account
from quant_platform.trading.costs import Costs
from quant_platform.trading.market_arrays import widen
from quant_platform.trading.simulation import START_CAPITAL
from quant_platform_tests.support.random_cases import RandomCase


def account_of(panel, done, before=START_CAPITAL, opening=None, costs=None, borrow=None, **groups):
    ids, count = done.security_ids, len(done.sessions)

    def of(values, fill):
        return widen(values[len(values) - count :], panel.security_ids, ids, fill)

    given = costs or Costs(0.0, 0.0)
    return Account(
        done.sessions,
        ids,
        done.portfolios,
        done.positions,
        done.fills,
        of(np.where(panel.traded, panel.close, np.nan), np.nan),
        of(panel.split, 1.0),
        of(panel.dividend, 0.0),
        before,
        opening,
        withholding=given.withholding,
        borrow_rate=given.borrow_rate,
        borrow=None if borrow is None else of(borrow, np.nan),
        **groups,
    )


def random_account(seed, start=0, stop=60, first=None):
    """A random account over some sessions, and the simulation of it."""
    case = RandomCase(seed)
    panel, _, options = case.given(start, stop)
    done = case.part(start, stop, None if first is None else first.state())
    opening = before = None
    if first is not None:
        last = first.portfolios.iloc[-1]
        before, rows = float(last["equity"]), first.positions
        opening = rows[rows["date"] == last["date"]]
    borrow = options["conditions"].borrow
    account = account_of(panel, done, before or START_CAPITAL, opening, case.costs, borrow)
    return account, done
