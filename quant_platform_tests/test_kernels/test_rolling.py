"""Kernels of several windows: machine code and NumPy give the same bits, and pandas' figures.

pandas knows no carry: it gets the rows up to each one that is looked at, moved into its units.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from quant_platform.kernels import rolling_moments, rolling_order, rolling_sums
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.rolling_moments import (
    MEAN,
    RESIDUAL,
    RSQUARE,
    SLOPE,
    STD,
    comoments,
    comoments_with_log,
    moments,
    trends,
)
from quant_platform.kernels.rolling_order import PLACE, VALUE, maxima, quantiles, ranks
from quant_platform.kernels.rolling_sums import FALLS, RISES, sums_by_sign
from quant_platform_tests.support.panels import bits

WINDOWS = (1, 2, 5, 20, 60)
ROWS, COLUMNS = 260, 9

Call = Callable[[], FloatArray]


def sample(seed: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Prices with gaps, ties and a dead quote; volumes with zeros; the carry of prices."""
    random = np.random.default_rng(seed)
    shape = (ROWS, COLUMNS)
    x = np.round(50.0 * np.exp(np.cumsum(random.normal(0.0, 0.02, shape), axis=0)), 1)
    x[random.random(shape) < 0.01] = np.nan
    x[100:170, 3] = 7.0
    volume = np.round(random.lognormal(6.0, 2.0, shape))
    carry = np.ones(shape)
    moved = random.random(shape) < 0.03
    carry[moved] = random.choice([1 / 3, 0.99, 8.0, 2 / 3], size=int(moved.sum()))
    return x, volume, carry


def calls(seed: int, carried: bool) -> dict[str, Call]:
    x, volume, moves = sample(seed)
    carry = moves if carried else None
    return {
        "moments": lambda: moments(volume, WINDOWS, None if carry is None else 1.0 / carry),
        "trends": lambda: trends(x, WINDOWS, carry),
        "comoments": lambda: np.stack(comoments(x, volume, WINDOWS, carry)),
        "comoments_with_log": lambda: np.stack(comoments_with_log(x, volume, WINDOWS, carry)),
        "maxima": lambda: maxima(x, WINDOWS, carry),
        "ranks": lambda: ranks(x, WINDOWS, carry),
        "quantiles": lambda: quantiles(x, WINDOWS, (0.0, 0.2, 0.8, 1.0), carry),
        "sums_by_sign": lambda: sums_by_sign(x - 50.0, WINDOWS, carry),
    }


@pytest.mark.parametrize("carried", [False, True])
@pytest.mark.parametrize("name", calls(1, carried=False))
def test_numpy_gives_the_same_bits(
    name: str, carried: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = calls(1, carried)[name]()
    names = ("_walked", "_walked_pairs", "_maxima", "_ranks", "_quantiles", "_sums_by_sign")
    for module in (rolling_moments, rolling_order, rolling_sums):
        for kernel in names:
            if hasattr(module, kernel):
                monkeypatch.setattr(module, kernel, getattr(module, kernel).reference)
    with np.errstate(divide="ignore", invalid="ignore"):
        np.testing.assert_array_equal(bits(compiled), bits(calls(1, carried)[name]()))


def moved_to(x: FloatArray, carry: FloatArray, row: int) -> pd.DataFrame:
    """Rows up to `row` in its units."""
    later = np.cumprod(np.vstack((carry[1 : row + 1], np.ones(COLUMNS)))[::-1], axis=0)[::-1]
    return pd.DataFrame(x[: row + 1] * later)


@pytest.mark.parametrize("n", [5, 20, 60])
def test_figures_are_those_of_pandas(n: int) -> None:
    x, volume, carry = sample(2)
    at = WINDOWS.index(n)
    trend, order = trends(x, WINDOWS, carry), maxima(x, WINDOWS, carry)
    ranked = ranks(x, WINDOWS, carry)[at]
    quantile = quantiles(x, WINDOWS, (0.2, 0.8), carry)[:, at]
    change = x - 50.0
    sums = sums_by_sign(change, WINDOWS, carry)[:, at]
    pair, with_log = (each(x, volume, WINDOWS, carry) for each in (comoments, comoments_with_log))
    for row in (n - 1, 90, 150, 259):
        window = moved_to(x, carry, row).iloc[-n:]
        known = window.notna().all()
        assert known.any()
        slope, level = np.polyfit(np.arange(n), window.fillna(0.0).to_numpy(), 1)
        still = window.std() == 0.0
        shares = pd.DataFrame(volume[row - n + 1 : row + 1])
        units = moved_to(volume, 1.0 / carry, row).iloc[-n:]
        changes = moved_to(change, carry, row).iloc[-n:]
        expected = {
            "rises": (sums[RISES], changes.clip(lower=0.0).sum(skipna=False)),
            "falls": (sums[FALLS], -changes.clip(upper=0.0).sum(skipna=False)),
            "mean": (trend[MEAN, at], window.mean()),
            "std": (trend[STD, at], window.std()),
            "slope": (trend[SLOPE, at], slope),
            "residual": (trend[RESIDUAL, at], window.iloc[-1] - level - slope * (n - 1)),
            "rsquare": (
                trend[RSQUARE, at],
                window.corrwith(pd.Series(np.arange(n), index=window.index)).where(~still) ** 2,
            ),
            "maximum": (order[VALUE, at], window.max()),
            "place": (order[PLACE, at], window.to_numpy().argmax(axis=0) + 1.0),
            "rank": (ranked, window.rank(pct=True).iloc[-1]),
            "low": (quantile[0], window.quantile(0.2)),
            "high": (quantile[1], window.quantile(0.8)),
            "covariance": (pair.covariance[at], _covariance(window, shares)),
            "of logarithms": (
                with_log.covariance[at],
                _covariance(window, (units + 1.0).map(np.log)),
            ),
        }
        for name, (ours, theirs) in expected.items():
            np.testing.assert_allclose(
                ours[row][known],
                np.asarray(theirs)[known],
                rtol=2e-6 if name == "of logarithms" else 1e-9,
                atol=1e-9,
                err_msg=f"{name} at {row}",
            )
            assert np.isnan(ours[row][~known]).all()


def _covariance(x: pd.DataFrame, y: pd.DataFrame) -> FloatArray:
    pairs = zip(x.to_numpy().T, y.to_numpy().T, strict=True)
    return np.array([np.cov(left, right)[0, 1] for left, right in pairs])


def test_windows_ascend() -> None:
    with pytest.raises(ValueError, match="ascend"):
        ranks(np.ones((3, 1)), (5, 2))
