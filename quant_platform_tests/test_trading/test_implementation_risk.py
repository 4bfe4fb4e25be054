"""Which assumption moves a result how far, worked out by hand."""

import pytest

from quant_platform.trading.costs import PRESETS, Costs
from quant_platform.trading.implementation_risk import COLUMNS, implementation_risk, total_return
from quant_platform.trading.simulation import simulate
from quant_platform_tests.support.small_markets import market, wants

PANEL = market({"A": [(100, 100), (100, 100)]}, volume=1e6)


def simulated(costs):
    """Half of 1,000,000 is bought at 100, and stays there."""
    return simulate(PANEL, wants(PANEL, {"A": [0.5]}), costs=costs).portfolios


def test_each_assumption_is_moved_alone():
    frame = implementation_risk(simulated)
    assert tuple(frame.columns) == COLUMNS
    # 5,000 shares at 100.05, and 250.125 of commission: 250 + 250.125 are lost of 1,000,000.
    base = -500.125e-6
    sets = frame[frame["assumption"] == "all"].set_index("moved_to")["total_return"]
    assert tuple(sets.index) == PRESETS
    assert sets["realistic"] == pytest.approx(base, abs=1e-12)
    assert sets["ideal"] == 0.0
    # At 100.15, with a commission of 500.75.
    assert sets["pessimistic"] == pytest.approx(-1250.75e-6, abs=1e-12)
    moved = frame[frame["assumption"] != "all"].set_index(["assumption", "moved_to"])["difference"]
    expected = {
        # At 100.15: 750 and 250.375 are lost. At 100: 250.
        ("slippage_bp", "pessimistic"): -1000.375e-6 - base,
        ("slippage_bp", "ideal"): -250e-6 - base,
        # 500.25 of commission, or none.
        ("commission_bp", "pessimistic"): -750.25e-6 - base,
        ("commission_bp", "ideal"): -250e-6 - base,
    }
    for key, difference in expected.items():
        assert moved[key] == pytest.approx(difference, abs=1e-12)
    assert (moved.drop(list(expected)).abs() < 1e-12).all()
    assert moved.index[0] == ("slippage_bp", "pessimistic")


def test_what_does_not_differ_is_not_moved():
    frame = implementation_risk(simulated, Costs.realistic(commission_bp=0.0))
    names = frame.loc[frame["moved_to"] == "ideal", "assumption"].tolist()
    assert "commission_bp" not in names
    assert "slippage_bp" in names


def test_the_total_return_is_that_of_the_start_capital():
    panel = market({"A": [(100, 110), (110, 121)]})
    done = simulate(panel, wants(panel, {"A": [1.0]}), costs=Costs.ideal())
    assert total_return(done.portfolios) == pytest.approx(0.21)
