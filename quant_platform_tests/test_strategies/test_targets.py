"""Weights as arrays say what rows of signals say, bit for bit, or nothing at all."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quant_platform.errors import ContractError
from quant_platform.features.compute import compute_features, feature_arrays
from quant_platform.market.grid import pivot
from quant_platform.market.panel import Panel
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.forecast_strategy import FORECAST
from quant_platform.strategies.function import FunctionStrategy
from quant_platform.strategies.library.enhanced_momentum import EnhancedMomentum
from quant_platform.strategies.library.equal_weight import EqualWeight
from quant_platform.strategies.limits import totals, totals_of_arrays
from quant_platform.strategies.strategy_registry import all_strategies
from quant_platform.strategies.targets import targets_of
from quant_platform.trading.orders import Orders

NAMES = tuple({name: None for each in all_strategies() for name in each.features})
LAST = 700


@pytest.fixture(scope="module")
def panel(sample_panel: Panel) -> Panel:
    """The sample market's last sessions, in which a member leaves and joins again; with news."""
    features = feature_arrays(sample_panel, names=NAMES)
    shape = sample_panel.close.shape
    features[FORECAST] = features["momentum_1"].copy()
    features["news_sentiment"] = np.random.default_rng(3).uniform(-1.0, 1.0, shape)
    member = sample_panel.traded.copy()
    member[-300:-200, 1] = False
    for values in features.values():
        values[~member] = np.nan
    return replace(sample_panel, member=member, features=features).cut(-LAST - 300)


def everything(panel: Panel) -> np.ndarray:
    """More than there is: scaled in every session."""
    return np.where(panel.member, 0.1 + np.nan_to_num(panel["rsi_14"]) / 200.0, 0.0)


def thirds(panel: Panel) -> np.ndarray:
    """Sums that rounding takes beyond 1."""
    return np.where(panel.member, 1.0 / np.maximum(panel.member.sum(axis=1, keepdims=True), 1), 0)


def strays(panel: Panel) -> np.ndarray:
    """Weights where nobody is a member, too."""
    return np.full(panel.close.shape, 0.01)


def functions() -> list[Strategy]:
    return [FunctionStrategy(each, ("rsi_14",)) for each in (everything, thirds, strays)]


def by_rows(strategy: Strategy, panel: Panel) -> Orders:
    rows = strategy.run(panel, last=LAST)
    universe = panel.frame({}, where=panel.member, last=LAST)
    days = panel.sessions[-LAST:]
    return Orders.from_signals(rows, days, universe=universe, rules=strategy.trading_rules)


def by_arrays(strategy: Strategy, panel: Panel) -> Orders:
    found = targets_of(strategy, panel, LAST)
    assert found is not None
    return Orders.from_arrays(
        panel.sessions[-LAST:],
        panel.security_ids,
        rows=found.rows,
        members=panel.member[-LAST:],
        types=found.types,
        weights=found.weights,
        asked=found.asked,
        close=panel.close[-LAST:],
        rules=strategy.trading_rules,
    )


@pytest.mark.parametrize(
    "strategy",
    [*all_strategies(), EnhancedMomentum(max_position=0.9, min_confidence=0.0), *functions()],
    ids=lambda each: each.name,
)
def test_orders_are_those_of_rows(panel: Panel, strategy: Strategy) -> None:
    mine, theirs = by_arrays(strategy, panel), by_rows(strategy, panel)
    assert mine.security_ids == theirs.security_ids
    assert np.nansum(np.abs(mine.targets)) > 0.0
    for each in fields(Orders):
        one, other = getattr(mine, each.name), getattr(theirs, each.name)
        if isinstance(other, np.ndarray):
            np.testing.assert_array_equal(one, other, each.name)


class _Other(EqualWeight):
    """Changes the rows, and not the arrays."""

    def signals(self, panel: Panel) -> pd.DataFrame:
        return super().signals(panel).assign(target_weight=0.1)


class _Greedy(EqualWeight):
    """Asks for more than its limit, which is to be refused."""

    max_gross = 0.5


class _Sure(EqualWeight):
    """Sells, and has a weight above 0."""

    def arrays(self, panel: Panel) -> Any:
        return replace(super().arrays(panel), signal_type=np.full(panel.close.shape, -1))


def test_a_class_of_which_only_the_rows_are_another_is_run_by_its_rows(panel: Panel) -> None:
    assert targets_of(_Other(), panel, LAST) is None


@pytest.mark.parametrize(("cls", "message"), [(_Greedy, "max_gross 0.5"), (_Sure, "a sell has")])
def test_a_fault_is_left_to_the_rows_which_name_it(
    panel: Panel, cls: type[Strategy], message: str
) -> None:
    assert targets_of(cls(), panel, LAST) is None
    with pytest.raises(ContractError, match=message):
        cls().run(panel, last=LAST)


def test_sums_are_added_up_as_rows_are() -> None:
    random = np.random.default_rng(5)
    values = random.normal(0.0, 1.0, (50, 400)) * 10.0 ** random.integers(-9, 9, (50, 400))
    where = np.asarray(random.random(values.shape) < 0.7)
    session, column = np.nonzero(where)
    of_rows = totals(pd.Series(session), pd.Series(values[session, column]))
    first = np.unique(session, return_index=True)[1]
    for mine, theirs in zip(totals_of_arrays(values, where), of_rows, strict=True):
        np.testing.assert_array_equal(mine, theirs[first])


def test_features_as_arrays_are_those_of_rows(sample_panel: Panel) -> None:
    rows = compute_features(sample_panel, last=50, names=["rsi_14", "sma_20"])
    arrays = feature_arrays(sample_panel, last=50, names=["rsi_14", "sma_20"])
    for name, values in arrays.items():
        expected = pivot(rows, name, sample_panel.sessions[-50:], sample_panel.security_ids)
        np.testing.assert_array_equal(values, expected)
