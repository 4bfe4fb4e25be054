"""Labels by hand, against the factor study's returns, and under law 1."""

import numpy as np
import pandas as pd
import pytest

from quant_platform.errors import SettingsError
from quant_platform.learning.labels import (
    NONE,
    ForwardReturn,
    ReturnRank,
    TripleBarrier,
    VolatilityScaled,
    known_by,
)
from quant_platform.market.later_returns import forward_returns
from quant_platform_tests.support.forecasting import SIGNALS, planted
from quant_platform_tests.support.panels import by_hand
from quant_platform_tests.support.small_markets import market

LABELS = (
    ForwardReturn(1),
    ForwardReturn(5),
    ReturnRank(5),
    VolatilityScaled(5, 10),
    TripleBarrier(6, 1.0, 0.5, 10),
)


def column(values):
    return values[:, 0].tolist()


def test_a_forward_return_runs_from_the_next_open_to_the_open_after_its_horizon():
    panel = market({"A": [(10, 10), (10, 11), (12, 12), (15, 15), (18, 18)]})
    labels = ForwardReturn(2).of(panel)
    np.testing.assert_allclose(column(labels.values)[:2], [15 / 10 - 1, 18 / 12 - 1])
    assert np.isnan(labels.values[2:]).all()
    assert column(labels.ends) == [3, 4, NONE, NONE, NONE]


def test_a_split_and_a_dividend_belong_to_the_holder():
    """Two shares for one on day 2; 1 in cash on day 3, reinvested at its close of 4."""
    panel = market(
        {"A": [(10, 10), (10, 10), (5, 5), (4, 4), (6, 6)]},
        splits={("A", 2): 2.0},
        dividends={("A", 3): 1.0},
    )
    labels = ForwardReturn(3).of(panel)
    assert labels.values[0, 0] == pytest.approx(2 * (1 + 1 / 4) * 6 / 10 - 1)


def test_who_stops_trading_leaves_at_the_last_close_and_who_does_not_trade_is_not_bought():
    panel = market({"A": [(10, 10), (10, 12), None, None], "B": [(1, 1), None, (1, 1), (1, 1)]})
    labels = ForwardReturn(2).of(panel)
    assert labels.values[0, 0] == pytest.approx(0.2)
    assert labels.ends[0].tolist() == [3, NONE]


def test_forward_returns_are_those_of_the_factor_study():
    """Written apart for another purpose; it adjusts whole series, so the last bits differ."""
    panel = planted(SIGNALS).whole
    for horizon in (1, 5, 21):
        expected = np.where(panel.member, forward_returns(panel, [horizon])[horizon], np.nan)
        found = ForwardReturn(horizon).of(panel).values
        # A dividend between two bars of a halted security is reinvested at another bar.
        same = np.isclose(found, expected, rtol=1e-9, atol=1e-12, equal_nan=True)
        assert same.mean() > 0.9999
        assert (np.isfinite(found) == np.isfinite(expected)).all()


def test_ranks_are_those_of_pandas():
    panel = planted(SIGNALS).whole
    returns = pd.DataFrame(ForwardReturn(5).of(panel).values)
    expected = returns.rank(axis=1, pct=True).to_numpy()
    np.testing.assert_allclose(ReturnRank(5).of(panel).values, expected)


def test_a_scaled_return_is_in_units_of_the_deviation_known_at_its_session():
    closes = [10.0, 11.0, 10.0, 12.0, 12.0, 15.0, 15.0]
    panel = by_hand(closes).panel()
    past = np.diff(closes[:4]) / np.array(closes[:3])
    expected = (15.0 / 12.0 - 1.0) / (np.std(past, ddof=1) * np.sqrt(2.0))
    labels = VolatilityScaled(2, 3).of(panel)
    assert labels.values[3, 0] == pytest.approx(expected)
    assert np.isnan(labels.values[:3]).all()  # fewer than three returns are known


def test_the_first_barrier_that_a_close_meets_is_the_label():
    """Daily returns of ±10 % before: deviation 0.1155, over four sessions 0.2309."""
    calm = [100.0, 110.0, 99.0, 108.9]
    up = by_hand([*calm, 100, 105, 124, 90, 80]).panel()
    down = by_hand([*calm, 100, 90, 76, 130, 130]).panel()
    flat = by_hand([*calm, 100, 101, 102, 99, 100]).panel()
    barrier = TripleBarrier(4, 1.0, 1.0, 3)
    for panel, label, end in ((up, 1.0, 6), (down, -1.0, 6), (flat, 0.0, 7)):
        labels = barrier.of(panel)
        assert (labels.values[3, 0], int(labels.ends[3, 0])) == (label, end)


def test_an_upper_barrier_does_not_stand_in_the_way_of_a_lower_one():
    calm = [100.0, 110.0, 99.0, 108.9]
    panel = by_hand([*calm, 100, 124, 76, 90, 80]).panel()
    assert TripleBarrier(4, 5.0, 1.0, 3).of(panel).values[3, 0] == -1.0


@pytest.mark.parametrize("label", LABELS, ids=repr)
def test_a_label_known_at_a_session_is_the_same_without_what_follows(label):
    """Law 1, and law 2 at the other end: only `lookback` sessions before it matter."""
    whole = planted(SIGNALS).whole.cut(0, 260)
    labels = label.of(whole)
    for cut in (40, 133, 200):
        seen = label.of(whole.cut(0, cut + 1))
        known = known_by(labels, cut)[: cut + 1]
        np.testing.assert_array_equal(known, seen.ends != NONE)
        np.testing.assert_array_equal(seen.values[known], labels.values[: cut + 1][known])
        np.testing.assert_array_equal(seen.ends[known], labels.ends[: cut + 1][known])
        late = label.of(whole.cut(cut - label.lookback + 1))
        row = label.lookback - 1
        np.testing.assert_array_equal(late.values[row:], labels.values[cut:])
        shifted = np.where(late.ends == NONE, NONE, late.ends + cut - row)
        np.testing.assert_array_equal(shifted[row:], labels.ends[cut:])


def test_labels_beyond_the_data_are_none():
    panel = by_hand([1.0, 2.0, 3.0]).panel()
    for label in LABELS[1:]:
        labels = label.of(panel)
        assert np.isnan(labels.values).all()
        assert (labels.ends == NONE).all()
        assert labels.session_ends.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "make",
    [
        lambda: ForwardReturn(0),
        lambda: ReturnRank(1.5),  # type: ignore[arg-type]
        lambda: VolatilityScaled(5, 1),
        lambda: TripleBarrier(5, -1.0),
        lambda: TripleBarrier(5, 1.0, float("nan")),
    ],
)
def test_a_label_that_cannot_be_is_refused(make):
    with pytest.raises(SettingsError, match="Allowed"):
        make()
