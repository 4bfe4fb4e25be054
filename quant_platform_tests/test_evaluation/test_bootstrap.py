"""Intervals of resampled figures: against arch, closed forms, coverage, and the laws."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from arch.bootstrap import StationaryBootstrap, optimal_block_length

from quant_platform.evaluation.bootstrap import (
    FEWEST_SESSIONS,
    Draws,
    block_length,
    interval,
    metric_intervals,
    sharpe_ratios,
)
from quant_platform.evaluation.metrics import METRICS
from quant_platform.evaluation.windows import TrailingWindow
from quant_platform.kernels.arrays import FloatArray

RETURNS = np.random.default_rng(1).standard_t(5, 500) * 0.01 + 0.0012


def window(returns: FloatArray) -> TrailingWindow:
    """With everything else that metrics read."""
    random = np.random.default_rng(2)
    count = len(returns)
    ones = np.ones(count)
    return TrailingWindow(
        returns, random.normal(0.0, 0.01, count), random.random(count), 0.9 * ones, ones, 5 * ones,
        3 * ones, np.full(count, 1e-4),
    )  # fmt: skip


def test_the_block_is_the_longer_one_of_returns_and_squares() -> None:
    squares = (RETURNS - RETURNS.mean()) ** 2
    lengths = [optimal_block_length(each)["stationary"].iloc[0] for each in (RETURNS, squares)]
    assert block_length(RETURNS) == pytest.approx(max(1.0, *lengths))
    assert block_length(np.zeros(50)) == 1.0


def test_blocks_have_the_mean_length_that_was_asked_for() -> None:
    positions = Draws.of("a", 2000, 8.0, 400).positions(2000, 0, 400)
    breaks = ((np.diff(positions, axis=1) % 2000) != 1).mean()
    assert breaks == pytest.approx(1 / 8, rel=0.02)
    counts = np.bincount(positions.ravel(), minlength=2000)
    assert counts.mean() == 400
    assert 250 < counts.min() < counts.max() < 600


def test_every_resample_is_full() -> None:
    for block in (1.0, 1.5, 10.0, 900.0):
        draws = Draws.of("full", 300, block, 200)
        sums = draws.sums(np.arange(301.0)[:, None])
        np.testing.assert_allclose(sums, 300.0)


def test_draws_depend_on_the_identity_alone() -> None:
    first, again, other = (
        Draws.of(name, 500, 5.0, 50).positions(500, 0, 50) for name in ("a", "a", "b")
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.9
    # A longer series begins with the same draws, so that figures change little with a session.
    short, long = Draws.of("a", 500, 5.0, 50), Draws.of("a", 4000, 5.0, 50)
    assert short.starts.shape[1] < long.starts.shape[1]
    np.testing.assert_array_equal(short.starts, long.starts[:, : short.starts.shape[1]])
    np.testing.assert_array_equal(
        short.lengths[:, :-1], long.lengths[:, : short.lengths.shape[1] - 1]
    )


def test_the_interval_is_that_of_arch() -> None:
    """Percentile intervals of 20,000 resamples each, with draws of their own."""
    table = metric_intervals(window(RETURNS), resamples=20_000)
    theirs: Any = StationaryBootstrap(round(block_length(RETURNS)), RETURNS, seed=3)
    figures: dict[str, Callable[[FloatArray], Any]] = {
        "average_return": np.mean,
        "annualized_volatility": lambda r: np.std(r, ddof=1) * np.sqrt(252),
        "win_rate": lambda r: np.mean(r > 0),
    }
    for name, figure in figures.items():
        ends = theirs.conf_int(figure, reps=20_000, method="percentile").ravel()
        width = ends[1] - ends[0]
        ours = table.loc[name, ["lower", "upper"]].to_numpy()
        np.testing.assert_allclose(ours, ends, atol=0.03 * width)


def test_every_metric_has_an_interval_around_it() -> None:
    table = metric_intervals(window(RETURNS))
    assert table.index.tolist() == list(METRICS)
    # A record is never long enough in the many resamples that lose.
    assert table.index[table["lower"].isna()].tolist() == ["minimum_track_record"]
    table = table.drop(index="minimum_track_record")
    assert table.notna().all().all()
    path = ["max_drawdown", "max_drawdown_sessions", "calmar_ratio"]
    inside = table.drop(index=path)
    assert (inside["lower"] <= inside["estimate"] + 1e-12).all()
    assert (inside["estimate"] <= inside["upper"] + 1e-12).all()


def test_ratios_from_sums_are_the_metric() -> None:
    draws = Draws.of("a", 500, 4.0, 100)
    running = np.concatenate(
        [np.zeros((1, 2)), np.cumsum(np.column_stack([RETURNS, RETURNS**2]), axis=0)]
    )
    sums = draws.sums(running)
    resampled = RETURNS[draws.positions(500, 0, 100)]
    expected = METRICS["sharpe_ratio"](TrailingWindow.of(resampled))
    np.testing.assert_allclose(sharpe_ratios(sums[:, 0], sums[:, 1], 500), expected, rtol=1e-9)
    assert np.isnan(sharpe_ratios(np.array([5.0]), np.array([0.05]), 500)).all()


def test_intervals_hold_the_true_value_about_as_often_as_they_say() -> None:
    """300 autoregressive series of 750 sessions; independent resamples would hold 80 %."""
    random = np.random.default_rng(4)
    true, hits = 0.0005, 0
    for each in range(300):
        noise = random.normal(0.0, 0.01, 800)
        values = np.zeros(800)
        for t in range(1, 800):
            values[t] = 0.3 * values[t - 1] + noise[t]
        returns = values[50:] + true
        draws = Draws.of(str(each), 750, block_length(returns), 400)
        sums = draws.sums(np.r_[0.0, np.cumsum(returns)][:, None]) / 750
        low, high = interval(sums)[:, 0]
        hits += low <= true <= high
    assert 0.89 <= hits / 300 <= 0.98


def test_threads_change_no_bit() -> None:
    one, three = (metric_intervals(window(RETURNS), threads=threads) for threads in (1, 3))
    pd.testing.assert_frame_equal(one, three, check_exact=True)


@pytest.mark.parametrize(
    "returns",
    [
        [],
        [0.01],
        [0.01] * (FEWEST_SESSIONS - 1),
        [*RETURNS[:40], np.nan, *RETURNS[:40]],
    ],
)
def test_no_interval_of_too_little(returns: list[float]) -> None:
    table = metric_intervals(window(np.array(returns, dtype=np.float64)))
    assert table[["lower", "upper"]].isna().all().all()


def test_what_never_varies_has_no_ratio() -> None:
    table = metric_intervals(window(np.zeros(60)))
    assert table.loc["sharpe_ratio"].isna().all()
    assert list(table.loc["total_return"]) == [0.0, 0.0, 0.0]
    assert table.loc["win_rate"].isna().all()


def test_a_loss_of_everything_is_the_lower_end() -> None:
    returns = RETURNS[:100].copy()
    returns[50] = -1.0
    table = metric_intervals(window(returns))
    assert table.loc["total_return", "estimate"] == -1.0
    assert table.loc["total_return", "lower"] == -1.0
    assert table["upper"].iloc[0] > -1.0


def test_an_interval_needs_most_of_its_resamples() -> None:
    values = np.arange(100.0)
    values[:5] = np.nan
    assert interval(values) == pytest.approx([7.35, 96.65])
    values[:6] = np.nan
    assert np.isnan(interval(values)).all()
