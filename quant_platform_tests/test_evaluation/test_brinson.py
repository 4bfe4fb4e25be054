"""Active returns by group, and linked over time: published figures, and that they add up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_platform.evaluation.attribution.brinson import (
    EFFECTS,
    Side,
    active_return,
    brinson_fachler,
    group_names,
    side_of,
    side_of_one,
)
from quant_platform.evaluation.attribution.gains import gain_lines
from quant_platform.evaluation.attribution.linking import coefficients, weights_of_sessions
from quant_platform.evaluation.attribution.trips import round_trips
from quant_platform.trading.attribution import CASH_LINE
from quant_platform.trading.simulation import simulate
from quant_platform_tests.support.accounts import account_of, random_account
from quant_platform_tests.support.small_markets import market, wants

GROUPS = ("UK equities", "Japanese equities", "US equities")

WEIGHTS = np.array([[0.4, 0.3, 0.3], [0.7, 0.2, 0.1], [0.3, 0.5, 0.2], [0.3, 0.5, 0.2]])
BENCHMARK = np.array([[0.4, 0.2, 0.4], [0.4, 0.3, 0.3], [0.5, 0.4, 0.1], [0.4, 0.4, 0.2]])
RETURNS = np.array(
    [[0.20, -0.05, 0.06], [-0.05, 0.03, -0.05], [-0.20, 0.08, -0.15], [0.10, -0.07, 0.25]]
)
RETURNS_OF_BENCHMARK = np.array(
    [[0.10, -0.04, 0.08], [-0.07, 0.04, -0.10], [-0.25, 0.05, -0.20], [0.05, -0.05, 0.10]]
)
"""Four quarters: C. Bacon, *Practical Portfolio Performance Measurement and Attribution*, 2nd ed.,
Wiley 2008, table 8.1, as restated in the tests of the R package PortfolioAttribution."""

QUARTERS = np.array(["2015-03-31", "2015-06-30", "2015-09-30", "2015-12-31"], "datetime64[D]")


def plain(weights, returns) -> Side:
    """A side without trades and costs."""
    nothing, gains = np.zeros(weights.shape), weights * returns
    return Side(weights, gains, nothing, nothing, gains.sum(axis=1))


def bacon():
    return active_return(
        plain(WEIGHTS, RETURNS), plain(BENCHMARK, RETURNS_OF_BENCHMARK), QUARTERS, GROUPS
    )


class TestPublished:
    """Bacon joins selection and interaction in tables 8.1 and 8.2; table 5.3 has them apart."""

    def test_one_period_table_5_3(self) -> None:
        effects = brinson_fachler(
            WEIGHTS[0],
            WEIGHTS[0] * RETURNS[0],
            BENCHMARK[0],
            BENCHMARK[0] * RETURNS_OF_BENCHMARK[0],
        )
        want = ([0.0, -0.0104, -0.0016], [0.04, -0.002, -0.008], [0.0, -0.001, 0.002])
        for effect, figures in zip(effects, want, strict=True):
            assert effect == pytest.approx(figures, abs=1e-12)

    def test_quarters_table_8_1(self) -> None:
        found = bacon().sessions
        assert found["allocation"].tolist() == pytest.approx([-0.012, -0.005, 0.035, -0.010])
        joined = found["selection"] + found["interaction"]
        assert joined.tolist() == pytest.approx([0.031, 0.017, 0.040, 0.035])
        assert found["portfolio_return"].tolist() == pytest.approx([0.083, -0.034, -0.05, 0.045])

    def test_linked_table_8_2(self) -> None:
        found = bacon().linked
        allocation = found["allocation"].tolist()
        assert allocation == pytest.approx([0.0165, -0.0060, 0.0015, 0.0120], abs=1e-4)
        joined = (found["selection"] + found["interaction"]).tolist()
        assert joined == pytest.approx([0.0804, 0.0018, 0.0385, 0.1207], abs=1e-4)


class TestLinking:
    def test_coefficients_by_hand(self) -> None:
        # ln(1.1 / 1.05) / 0.05, and the limit where both are equal.
        found = coefficients(np.array([0.10, 0.02]), np.array([0.05, 0.02]))
        assert found == pytest.approx([np.log(1.1 / 1.05) / 0.05, 1.0 / 1.02], abs=1e-14)

    def test_a_difference_that_is_nearly_nothing_loses_no_digit(self) -> None:
        found = coefficients(np.array([0.02 + 1e-13]), np.array([0.02]))
        assert found[0] == pytest.approx(1.0 / 1.02, rel=1e-12)

    def test_a_total_loss_cannot_be_linked(self) -> None:
        weights = weights_of_sessions(np.array([0.1, -1.0]), np.array([0.0, 0.0]))
        assert np.isnan(weights).all()

    def test_no_session(self) -> None:
        assert len(weights_of_sessions(np.zeros(0), np.zeros(0))) == 0


@st.composite
def sides(draw) -> tuple[Side, Side]:
    """Two sides of some sessions and groups: long, short, empty and nearly empty ones."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count, groups = draw(st.integers(1, 12)), draw(st.integers(2, 6))

    def one() -> Side:
        weights = random.normal(0.2, 0.3, (count, groups))
        weights *= random.random((count, groups)) > 0.2
        weights[:, 0] *= random.choice([1.0, 1e-4], count)
        weights[:, -1] = 1.0 - weights[:, :-1].sum(axis=1)
        moved = random.normal(0.0, 0.02, (count, groups))
        gains = weights * moved + random.choice([0.0, 1e-3], (count, groups))
        trading, costs = random.normal(0, 1e-3, (2, count, groups))
        costs = -np.abs(costs)
        return Side(weights, gains, trading, costs, gains.sum(1) + trading.sum(1) + costs.sum(1))

    return one(), one()


@settings(max_examples=60, deadline=None)
@given(sides())
def test_the_effects_add_up_to_the_active_return(drawn: tuple[Side, Side]) -> None:
    portfolio, benchmark = drawn
    count, groups = portfolio.weights.shape
    days = np.datetime64("2020-01-01") + np.arange(count)
    found = active_return(portfolio, benchmark, days, [f"g{each}" for each in range(groups)])
    want = np.prod(1.0 + portfolio.returns) - np.prod(1.0 + benchmark.returns)
    assert found.linked.loc["total", "total"] == pytest.approx(want, abs=1e-10)
    assert found.active_return == pytest.approx(want, abs=1e-12)
    each = found.sessions[list(EFFECTS)].sum(axis=1)
    active = portfolio.returns - benchmark.returns
    assert each.to_numpy() == pytest.approx(active, abs=1e-10)


@pytest.mark.parametrize("seed", [0, 3, 5])
def test_simulated_accounts_with_trades_and_costs_add_up(seed: int) -> None:
    one, other = random_account(seed)[0], random_account(seed + 10)[0]
    names = group_names(one, other)
    found = active_return(side_of(one, names), side_of(other, names), one.sessions, names)
    assert names[-1] == CASH_LINE
    mine, its = (float(np.prod(1.0 + each.returns)) for each in (one, other))
    assert found.linked.loc["total", "total"] == pytest.approx(mine - its, abs=1e-10)
    weights = found.linked[["portfolio_weight", "benchmark_weight"]].iloc[-1]
    assert weights.to_numpy() == pytest.approx([1.0, 1.0])


class TestBadInput:
    def test_an_account_that_never_traded(self) -> None:
        panel = market({"A": [(10, 10), (10, 11)]})
        done = simulate(panel, wants(panel, {"A": [None, None]}), capital=1000.0)
        account = account_of(panel, done, 1000.0)
        assert round_trips(account).empty
        assert gain_lines(account)["pnl"].tolist() == [0.0, 0.0]
        names = group_names(account)
        side = side_of(account, names)
        found = active_return(side, side, account.sessions, names)
        assert found.linked.loc["total", "total"] == 0.0
        assert found.linked.loc[CASH_LINE, "portfolio_weight"] == 1.0

    def side(self, returns) -> Side:
        values = np.array(returns, dtype=np.float64)[:, None]
        return plain(np.ones(values.shape), values)

    def days(self, count: int) -> np.ndarray:
        return np.datetime64("2020-01-01") + np.arange(count)

    def test_a_benchmark_of_other_dates(self) -> None:
        portfolio, benchmark = self.side([0.1, 0.2, 0.3]), self.side([np.nan, 0.1, np.nan])
        found = active_return(portfolio, benchmark, self.days(3), ["all"])
        assert found.notes == (
            "2 of 3 sessions are left out: portfolio or benchmark has no return",
        )
        assert found.linked.loc["total", "total"] == pytest.approx(0.1)

    def test_one_without_any_common_session(self) -> None:
        found = active_return(self.side([0.1]), self.side([np.nan]), self.days(1), ["all"])
        assert (found.portfolio_return, found.benchmark_return) == (0.0, 0.0)
        assert found.linked["portfolio_weight"].isna().all()

    def test_a_total_loss(self) -> None:
        found = active_return(self.side([0.1, -1.0]), self.side([0.0, 0.0]), self.days(2), ["all"])
        assert found.linked[list(EFFECTS)].isna().all().all()
        assert "cannot be linked" in found.notes[0]
        assert found.portfolio_return == -1.0

    def test_one_security_as_benchmark_is_in_one_group(self) -> None:
        names = ("Energy", "unclassified", CASH_LINE)
        side = side_of_one(np.array([0.1, -0.2]), "Energy", names)
        assert side.weights.tolist() == [[1.0, 0.0, 0.0]] * 2
        assert side.gains.sum(axis=1).tolist() == [0.1, -0.2]

    def test_a_group_that_neither_long_nor_short_is_net_of(self) -> None:
        # Long and short cancel out: no return of a weight of 0, and what was gained is selection.
        allocation, selection, interaction = brinson_fachler(
            np.array([0.0, 1.0]),
            np.array([0.02, 0.0]),
            np.array([0.5, 0.5]),
            np.array([0.05, 0.0]),
        )
        assert allocation == pytest.approx([-0.5 * 0.05, 0.5 * -0.05])
        assert selection == pytest.approx([0.02, 0.0])
        assert interaction == pytest.approx([0.0, 0.0])
