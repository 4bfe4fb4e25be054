"""The presets `like_…` against what those engines answered (`oracles/make_engines.py`)."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from quant_platform.trading.simulation import simulate
from quant_platform_tests.oracles import make_engines
from quant_platform_tests.oracles.make_engines import CASES, ENGINES
from quant_platform_tests.support.engines import costs_of, executed, orders_of, panel_of

ORACLES = Path(make_engines.__file__).parent
WITHIN = 1e-6


def answers(file, engine, case):
    rows = pd.read_csv(ORACLES / file)
    return rows[(rows["engine"] == engine) & (rows["case"] == case)]


def simulate_like(engine, case):
    panel = panel_of(make_engines.market())
    orders = orders_of(panel, executed(engine, make_engines.targets(case)))
    costs = costs_of(engine, *make_engines.charges(case))
    return simulate(panel, orders, costs=costs, capital=make_engines.CAPITAL, shares_only=True)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("engine", ENGINES)
def test_equity_and_positions_are_those_of_the_engine(engine, case):
    done = simulate_like(engine, case)
    curve = answers("engines.csv", engine, case)
    assert curve["session"].iloc[-1] == make_engines.SESSIONS - 1
    ours = done.portfolios["equity"].to_numpy()[curve["session"]]
    np.testing.assert_allclose(ours, curve["equity"], rtol=WITHIN)
    held = answers("engines_positions.csv", engine, case)
    assert held["security"].tolist() == list(range(make_engines.SECURITIES))
    np.testing.assert_allclose(done.shares[-1], held["shares"], rtol=WITHIN, atol=WITHIN)


def test_the_answers_tell_the_engines_and_cases_apart():
    """Equal curves would pass whichever preset were used."""
    rows = pd.read_csv(ORACLES / "engines.csv")
    last = rows[rows["session"] == make_engines.SESSIONS - 1].set_index(["case", "engine"])
    equity = last["equity"].unstack()
    assert equity.shape == (len(CASES), len(ENGINES))
    # Without costs, bt and vectorbt are the same rule; with them, no two engines are.
    for case in ("costs", "long_short"):
        values = np.sort(equity.loc[case].to_numpy())
        assert (np.diff(values) > 100 * WITHIN * values[1:]).all()
