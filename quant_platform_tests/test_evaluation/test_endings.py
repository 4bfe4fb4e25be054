"""Total returns at other delisting returns, against a simulation with other rules."""

import pandas as pd
import pytest

from quant_platform.evaluation.endings import total_return_under
from quant_platform.trading.costs import Costs
from quant_platform.trading.delistings import DelistingRules, Endings
from quant_platform.trading.simulation import simulate
from quant_platform_tests.support.small_markets import market, wants


def closed(*rows: tuple[str, float, float, float, float]) -> pd.DataFrame:
    columns = ["date", "shares", "last_price", "delisting_return", "equity"]
    return pd.DataFrame(list(rows), columns=columns)


def test_two_ends_of_one_session_and_one_of_another_by_hand() -> None:
    rows = closed(
        ("2020-01-02", 10.0, 5.0, 0.0, 1000.0),
        ("2020-01-02", 20.0, 5.0, -0.3, 1000.0),
        ("2020-02-03", -1.0, 100.0, 0.0, 500.0),
    )
    # At −30 %: 50 · −0.3 = −15 and nothing of 1,000; the short one gains 30 of 500.
    assert total_return_under(0.1, rows, -0.3) == pytest.approx(1.1 * 0.985 * 1.06 - 1.0)
    # At 0: 100 · 0.3 = 30 of 1,000.
    assert total_return_under(0.1, rows, 0.0) == pytest.approx(1.1 * 1.03 - 1.0)


def test_it_is_what_a_simulation_gives_that_holds_shares_of_its_equity() -> None:
    panel = market({"A": [(100, 100), None, None, None], "B": [(50, 50)] * 2 + [(60, 60)] * 2})
    orders = wants(panel, {"A": [0.5], "B": [0.0, 0.0, 0.0, 1.0]})

    def total(paid: float) -> tuple[float, pd.DataFrame]:
        rules = Endings(DelistingRules(sessions=2, normal_return=paid))
        done = simulate(panel, orders, costs=Costs(0.0, 0.0), capital=1000.0, endings=rules)
        rows = done.closed.merge(done.portfolios[["date", "equity"]], on="date")
        return done.portfolios["equity"].iloc[-1] / 1000.0 - 1.0, rows

    kept, rows = total(0.0)
    lost, _ = total(-0.3)
    assert kept == 0.0
    assert total_return_under(kept, rows, -0.3) == pytest.approx(lost)
