"""Construction: plain rules against skfolio's, limits by hand, the laws, and what fails."""

import importlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quant_platform.errors import ContractError, SettingsError
from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.calendar import XNYS, parse_date
from quant_platform.market.panel import Panel
from quant_platform.strategies.construction import estimators, plain
from quant_platform.strategies.construction.chain import Plan, construct
from quant_platform.strategies.construction.estimators import Choice, fitted
from quant_platform.strategies.construction.limits import (
    WeightLimits,
    budget,
    constraints,
    towards,
    within,
)
from quant_platform.strategies.library.constructed import Constructed
from quant_platform_tests.support.builders import random_market, rows

DAYS = np.array(
    XNYS.sessions(parse_date("2010-06-01"), parse_date("2012-12-31")), dtype="datetime64[D]"
)
NAMES = tuple("ABCDEF")
SECTORS = np.array([0, 0, 0, 1, 1, 2], dtype=np.int32)

METHODS = ["risk_parity", "hierarchical", "mean_variance", "skfolio:MaximumDiversification"]


def drawn(seed: int = 1, sessions: int = 252) -> FloatArray:
    """Returns of six securities with a common part; each more volatile than the one before."""
    generator = np.random.default_rng(seed)
    common = generator.normal(0.0, 0.008, (sessions, 1))
    own = generator.normal(0.0, 1.0, (sessions, len(NAMES))) * np.linspace(0.005, 0.03, len(NAMES))
    result: FloatArray = common * np.linspace(0.5, 1.5, len(NAMES)) + own
    return result


def panel(sessions: int = len(DAYS), seed: int = 2) -> Panel:
    shape = (sessions, len(NAMES))
    generator = np.random.default_rng(seed)
    features = {
        "return_1": drawn(seed, sessions),
        "momentum_120": generator.normal(size=shape),
        "realized_volatility_20": np.full(shape, 0.2),
    }
    sectors = np.broadcast_to(SECTORS, shape)
    close = np.full(shape, 10.0)
    return Panel(
        DAYS[:sessions],
        NAMES,
        close=close,
        features=features,
        sectors=sectors,
        sector_names=("x", "y", "z"),
    )


def shrunk(returns: FloatArray) -> FloatArray:
    """Covariance after Ledoit and Wolf, of scikit-learn."""
    covariance: Any = importlib.import_module("sklearn.covariance")
    result: FloatArray = covariance.LedoitWolf().fit(returns).covariance_
    return result


def weights_of(strategy: Constructed, market: Panel) -> FloatArray:
    frame = strategy.run(market)
    return frame.pivot(index="date", columns="security_id", values="target_weight").to_numpy()


def choice(**changes: object) -> Choice:
    values: dict[str, object] = {
        "returns": drawn(),
        "scores": np.array([3.0, -1, 2, 0, 1, -2]),
        "sectors": SECTORS,
        "betas": np.linspace(0.5, 1.5, len(NAMES)),
        "before": np.zeros(len(NAMES)),
        "total": 1.0,
    }
    return Choice(**(values | changes))  # type: ignore[arg-type]


def test_plain_rules_are_those_of_skfolio() -> None:
    optimization = importlib.import_module("skfolio.optimization")
    returns = drawn()
    for rule, estimator in (
        (plain.equal, optimization.EqualWeighted()),
        (plain.inverse_volatility, optimization.InverseVolatility()),
    ):
        np.testing.assert_allclose(rule(returns), estimator.fit(returns).weights_, rtol=1e-10)


def test_each_security_brings_the_same_part_of_the_variance() -> None:
    given = choice()
    weights = fitted(estimators.risk_parity(), given, WeightLimits(), 0.0)
    covariance = shrunk(given.returns)
    parts = weights * (covariance @ weights)
    np.testing.assert_allclose(parts / parts.sum(), 1 / len(NAMES), atol=2e-3)


def test_mean_variance_is_the_best_of_its_objective() -> None:
    """Against 20,000 random portfolios, by the objective written out."""
    given, aversion = choice(), 5.0
    expected = estimators.expected_returns(given)
    weights = fitted(estimators.mean_variance(aversion, expected), given, WeightLimits(), 0.0)
    covariance = shrunk(given.returns)

    def utility(each: FloatArray) -> FloatArray:
        variance = np.einsum("...i,ij,...j", each, covariance, each)
        return each @ expected - aversion / 2 * variance

    others = np.random.default_rng(1).dirichlet(np.full(len(NAMES), 0.3), 20_000)
    assert utility(weights) >= utility(others).max() - 1e-9
    assert weights.sum() == pytest.approx(1.0, abs=1e-6)


def test_expected_returns_by_hand() -> None:
    """Scores 1 and 3 are one deviation below and above their mean: ∓ 0.05 · σ."""
    returns = np.array([[0.01, 0.02], [-0.01, -0.02], [0.01, 0.02], [-0.01, -0.02]])
    given = choice(returns=returns, scores=np.array([1.0, 3.0]))
    deviation = np.array([0.01, 0.02]) * np.sqrt(4 / 3)
    np.testing.assert_allclose(estimators.expected_returns(given), [-0.05, 0.05] * deviation)


def test_costs_hold_weights_back() -> None:
    before = np.full(len(NAMES), 1 / len(NAMES))
    given = choice(before=before)
    estimator = estimators.mean_variance(5.0, estimators.expected_returns(given))
    free, dear = (fitted(estimator, given, WeightLimits(), cost) for cost in (0.0, 0.01))
    assert np.abs(dear - before).sum() < 0.5 * np.abs(free - before).sum()


def test_the_nearest_weights_by_hand() -> None:
    """Names: (0.6, 0.3, 0.1) at most 0.4 each: 0.2 too much is shared by the others.

    Sectors: two of (0.5, 0.3, 0.2) in one of at most 0.6: each gives 0.1, the third gets 0.2.
    """
    none = np.zeros(3)
    names = within(np.array([0.6, 0.3, 0.1]), WeightLimits(name=0.4), np.arange(3), none, 1.0)
    np.testing.assert_allclose(names, [0.4, 0.4, 0.2], atol=1e-8)
    of_sector = within(
        np.array([0.5, 0.3, 0.2]), WeightLimits(sector=0.6), np.array([0, 0, 1]), none, 1.0
    )
    np.testing.assert_allclose(of_sector, [0.4, 0.2, 0.4], atol=1e-8)


def test_the_nearest_weights_are_those_of_a_solver() -> None:
    """Twenty random cases with all limits at once, against CVXPY."""
    cp: Any = importlib.import_module("cvxpy")

    generator = np.random.default_rng(4)
    for _ in range(20):
        wanted = generator.dirichlet(np.full(6, 0.5))
        betas = generator.uniform(0.4, 1.6, 6)
        limits = WeightLimits(name=0.4, sector=0.6, beta=1.0)
        rows_of, most = constraints(limits, SECTORS, betas)
        x = cp.Variable(6)
        problem = cp.Problem(
            cp.Minimize(cp.sum_squares(x - wanted)),
            [x >= 0, x <= 0.4, cp.sum(x) == 1, rows_of @ x <= most],
        )
        problem.solve(solver="CLARABEL")
        if problem.status == "infeasible":
            with pytest.raises(ContractError):
                within(wanted, limits, SECTORS, betas, 1.0)
            continue
        found = within(wanted, limits, SECTORS, betas, 1.0)
        np.testing.assert_allclose(found, x.value, atol=2e-5)


def test_limits_that_cannot_be_met_are_one_line() -> None:
    with pytest.raises(ContractError, match="No weights of 2 securities keep the limits") as raised:
        within(np.array([0.5, 0.5]), WeightLimits(beta=0.3), np.arange(2), np.ones(2), 1.0)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (WeightLimits(), 1.0),
        (WeightLimits(name=0.1), 0.6),
        (WeightLimits(name=0.2, sector=0.3), 0.8),  # 0.3 + 0.3 + 0.2
    ],
)
def test_what_limits_leave_no_room_for_is_cash(limits: WeightLimits, expected: float) -> None:
    assert budget(limits, SECTORS) == pytest.approx(expected)


def test_turnover_goes_a_part_of_the_way() -> None:
    before, wanted = np.array([0.5, 0.5, 0.0]), np.array([0.0, 0.5, 0.5])
    np.testing.assert_allclose(towards(before, wanted, 0.2), [0.4, 0.5, 0.1])
    assert towards(before, wanted, 1.0) is wanted


LIMITED: Mapping[str, object] = {"window": 60, "max_name": 0.4, "max_sector": 0.5, "max_beta": 1.1}


@pytest.mark.parametrize("method", ["equal", "inverse_volatility", *METHODS])
def test_every_method_keeps_the_limits(method: str) -> None:
    market = panel(170)
    strategy = Constructed(method=method, **LIMITED)
    held = weights_of(strategy, market)
    invested = held[held.sum(axis=1) > 0]
    assert len(invested) > 60
    assert invested.min() >= 0.0
    assert invested.max() <= 0.4 + 1e-7
    np.testing.assert_allclose(invested.sum(axis=1), 1.0, atol=1e-7)
    for sector in range(3):
        assert invested[:, np.equal(SECTORS, sector)].sum(axis=1).max() <= 0.5 + 1e-7
    at = int(np.flatnonzero(market.every("month"))[-1])
    past = market.features["return_1"][at - 59 : at + 1]
    common = past.mean(axis=1) - past.mean(axis=1).mean()
    betas = (past * common[:, None]).sum(axis=0) / (common**2).sum()
    assert held[at] @ betas <= 1.1 + 1e-6


def test_turnover_between_choices_is_limited_but_for_the_first_of_a_year() -> None:
    market = panel()
    strategy = Constructed(method="inverse_volatility", names=3, window=21, max_turnover=0.3)
    held = weights_of(strategy, market)
    begins = np.flatnonzero(market.every("month") | market.every("year"))
    years = market.every("year")
    traded = np.abs(np.diff(held, axis=0)).sum(axis=1)
    choices = [at for at in begins[2:] if not years[at]]
    assert max(traded[at - 1] for at in choices if held[at - 1].any()) <= 0.3 + 1e-9
    assert max(traded[at - 1] for at in choices) > 0.29
    assert max(traded[at - 1] for at in np.flatnonzero(years)[1:]) > 0.4
    assert not np.delete(traded, [at - 1 for at in begins if at]).any()


@pytest.mark.parametrize(
    "parameters",
    [
        {"max_turnover": 0.3, "every": "week"},
        {"method": "mean_variance", "cost": 10.0, "every": "quarter"},
        {"method": "risk_parity", "every": "quarter"},
        {"method": "hierarchical", "every": "quarter"},
    ],
    ids=lambda each: "-".join(map(str, each.values())),
)
def test_the_laws_of_what_goes_on_and_of_solvers(parameters: dict[str, object]) -> None:
    """Causality and chunk invariance to the last bit, over two new years."""
    names = ("return_1", "momentum_120", "realized_volatility_20")
    market = random_market(names, sessions=560, symbols=6, seed=3)
    strategy = Constructed(**{"names": 4, "window": 30, **parameters})
    whole = strategy.run(market)
    for start, stop in ((330, 331), (400, 470), (559, 560)):
        part = rows(market, max(start - strategy.lookback + 1, 0), stop)
        days = market.sessions[start:stop]
        inside = np.isin(whole["date"].to_numpy().astype("datetime64[D]"), days)
        pd.testing.assert_frame_equal(
            strategy.run(part, last=stop - start),
            whole[inside].reset_index(drop=True),
            check_exact=True,
        )


def test_a_choice_that_fails_keeps_the_weights_once_and_then_is_cash() -> None:
    market = panel(130)
    begins = np.flatnonzero(market.every("month"))
    calls: list[int] = []

    def rule(given: Choice) -> FloatArray:
        calls.append(1)
        if len(calls) in (2, 3):
            raise RuntimeError("Solver failed\nat length")
        return plain.equal(given.returns)

    plan = Plan(rule=rule, window=21)
    done = construct(market, market["momentum_120"], market["return_1"], plan)
    first, second, third, fourth = begins[1:5]
    np.testing.assert_array_equal(done.weights[second], done.weights[first])
    assert done.weights[first].sum() == pytest.approx(1.0)
    assert not done.weights[third].any()
    assert done.weights[fourth].sum() == pytest.approx(1.0)
    reason = "RuntimeError: Solver failed"
    assert done.failures == {int(second): reason, int(third): reason}


def test_the_rows_of_a_choice_that_failed_say_why() -> None:
    strategy = Constructed(method="inverse_volatility", window=21, max_beta=0.2)
    frame = strategy.run(panel(80))
    said = frame[frame["metadata"] != "{}"]
    assert (frame["target_weight"] == 0.0).all()
    assert said["date"].nunique() >= 2
    assert json.loads(said["metadata"].iloc[0])["kept"].startswith("No weights of 6 securities")


def test_securities_without_enough_returns_or_movement_are_left_out() -> None:
    market = panel(60)
    market.features["return_1"][:, 0] = 0.0
    market.features["return_1"][::3, 1] = np.nan
    market.features["momentum_120"][:, 2] = np.nan
    held = weights_of(Constructed(method="equal", window=21), market)
    np.testing.assert_allclose(held[-1], [0, 0, 0, 1 / 3, 1 / 3, 1 / 3])


def test_one_name_gets_everything_and_none_is_cash() -> None:
    market = panel(60)
    one = weights_of(Constructed(method="hierarchical", names=1, window=21), market)
    assert sorted(one[-1].tolist()) == [0.0] * 5 + [1.0]
    market.features["momentum_120"][:] = np.nan
    assert not weights_of(Constructed(window=21), market).any()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"method": "magic"}, "method is 'magic'; allowed: equal"),
        ({"method": "skfolio:Magic"}, "skfolio has no estimator 'Magic'"),
        ({"names": 5, "max_name": 0.1}, "5 names of at most 0.1 each can never hold more than 0.5"),
        ({"max_name": 0.5, "max_sector": 0.3}, r"max_name \(0.5\) is above max_sector \(0.3\)"),
        ({"window": 5}, "parameter window is 5"),
        ({"max_turnover": 0.0}, "parameter max_turnover is 0"),
    ],
)
def test_parameters_that_are_none_are_one_line(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message) as raised:
        Constructed(**parameters)
    assert "\n" not in str(raised.value)


def test_without_skfolio(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(SettingsError, match=r"quant-platform\[optimize\]"):
        Constructed(method="risk_parity")
    assert weights_of(Constructed(window=21), panel(60)).any()
