"""All features over a large seeded panel, side by side with pandas and bottleneck.

    python benchmarks/feature_kernels.py [--symbols 800] [--sessions 3200] [--repeat 3]

Ours: `compute_features`, raw bars in, the long frame of all features out, splits handled per
session. pandas: the same features by `rolling`, `ewm` and `shift` over wide frames, from prices
that were adjusted once for all splits (so its levels are not in the units of their session, and
depend on later splits); once as wide frames, once unpivoted to the same long frame.
bottleneck: the moving sums, deviations and extremes, the part of the set it has functions for, from
adjusted prices laid out symbol by symbol; ours is timed on the same part. Then 14 features of
qlib's kind, and the rolling statistics: compiled, their NumPy versions (the same bits, or the row
is void), and pandas. Each figure is the best of `--repeat` runs, after one that compiles.
"""

import argparse
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.features.compute import compute_features
from quant_platform.features.feature_registry import select
from quant_platform.features.library.technical.momentum import HORIZONS, RSI_ALPHA
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.compiled import all_kernels
from quant_platform.kernels.rolling_moments import SLOPE, STD, moments, trends
from quant_platform.kernels.rolling_order import VALUE, maxima, quantiles, ranks
from quant_platform.market.panel import Panel

try:
    import bottleneck
except ImportError:
    bottleneck = None

Columns = dict[str, Any]

WINDOWED = (
    *("sma_10", "sma_20", "sma_50", "sma_200", "bollinger_upper", "bollinger_lower"),
    *("realized_volatility_20", "realized_volatility_60", "high_252_distance"),
    *("low_252_distance", "volume_ratio_20", "dollar_volume_20"),
)
"""The features that need nothing but moving sums, deviations and extremes."""

QLIB_KIND = (
    *("sma_10", "sma_20", "sma_50", "momentum_5", "momentum_10", "momentum_20", "momentum_60"),
    *("realized_volatility_20", "realized_volatility_60", "bollinger_upper"),
    *("high_252_distance", "low_252_distance", "volume_ratio_20", "dollar_volume_20"),
)
"""Moving averages, changes, deviations and extremes, as qlib's expressions are."""

ROLLING_SESSIONS = 20

SHARE_SPLITTING = 0.5
"""Share of the symbols that split once in the panel, as large companies did in thirteen years."""


def random_panel(sessions: int, symbols: int) -> Panel:
    """Return geometric random walks with splits and quarterly dividends."""
    random = np.random.default_rng(20130301)
    shape = (sessions, symbols)
    split = np.ones(shape)
    for column in np.flatnonzero(random.random(symbols) < SHARE_SPLITTING):
        split[random.integers(1, sessions), column] = random.choice([2.0, 3.0, 1.5, 7.0])
    close = 50.0 * np.exp(np.cumsum(random.normal(3e-4, 0.02, shape), axis=0))
    close /= np.cumprod(split, axis=0)
    opened = close * np.exp(random.normal(0.0, 0.005, shape))
    days = np.busday_offset("2000-03-01", np.arange(sessions), roll="forward")
    return Panel(
        sessions=days,
        security_ids=tuple(f"S{index:04d}" for index in range(symbols)),
        open=opened,
        high=np.maximum(opened, close) * 1.005,
        low=np.minimum(opened, close) * 0.995,
        close=close,
        volume=np.round(random.lognormal(13.0, 0.5, shape)),
        split=split,
        dividend=np.where(random.random(shape) < 1 / 63, 0.005 * close, 0.0),
        traded=np.ones(shape, dtype=bool),
    )


def later_splits(panel: Panel) -> FloatArray:
    """Return the shares of the last session per share of each session."""
    through = np.cumprod(panel.split, axis=0)
    return np.asarray(through[-1] / through, dtype=np.float64)


def by_pandas(panel: Panel) -> Columns:
    """Compute every feature with pandas, as wide frames."""
    later = later_splits(panel)
    high, low, close = (
        pd.DataFrame(prices / later) for prices in (panel.high, panel.low, panel.close)
    )
    volume, dividend = pd.DataFrame(panel.volume * later), pd.DataFrame(panel.dividend / later)
    previous = close.shift(1)
    gross = (close + dividend) / previous
    growth = pd.DataFrame(np.log(gross))
    result: Columns = {f"sma_{n}": close.rolling(n).mean() for n in (10, 20, 50, 200)}
    for n in (12, 26):
        result[f"ema_{n}"] = close.ewm(span=n, min_periods=n).mean()
    result["macd"] = result["ema_12"] - result["ema_26"]
    result["macd_signal"] = result["macd"].ewm(span=9, min_periods=9).mean()
    result["macd_histogram"] = result["macd"] - result["macd_signal"]
    change = close - previous
    gain, loss = (
        side.clip(lower=0).ewm(alpha=RSI_ALPHA, min_periods=14).mean() for side in (change, -change)
    )
    result["rsi_14"] = 100 * gain / (gain + loss)
    middle, offset = result["sma_20"], 2 * close.rolling(20).std(ddof=0)
    result["bollinger_middle"] = middle
    result["bollinger_upper"], result["bollinger_lower"] = middle + offset, middle - offset
    result["bollinger_percent_b"] = (close - middle + offset) / (2 * offset)
    result["bollinger_bandwidth"] = 2 * offset / middle
    true_range = pd.DataFrame(np.maximum(high, previous) - np.minimum(low, previous))
    result["atr_14"] = true_range.ewm(alpha=RSI_ALPHA, min_periods=14).mean()
    for n in HORIZONS:
        result[f"return_{n}"] = np.exp(growth.rolling(n).sum()) - 1 if n > 1 else gross - 1
        result[f"momentum_{n}"] = close / close.shift(n) - 1
    for n in (20, 60):
        result[f"realized_volatility_{n}"] = growth.rolling(n).std() * np.sqrt(252)
    result["high_252_distance"] = close / high.rolling(SESSIONS_PER_YEAR).max() - 1
    result["low_252_distance"] = close / low.rolling(SESSIONS_PER_YEAR).min() - 1
    result["volume_ratio_20"] = volume / volume.rolling(20).mean()
    result["dollar_volume_20"] = (close * volume).rolling(20).mean()
    return result


def unpivoted_by_pandas(panel: Panel) -> pd.DataFrame:
    """Compute every feature with pandas, as one row per session and symbol."""
    columns = {name: np.asarray(wide).ravel() for name, wide in by_pandas(panel).items()}
    dates = np.repeat(panel.sessions.astype("datetime64[s]"), len(panel.security_ids))
    symbols = pd.Series(panel.security_ids).take(
        np.tile(np.arange(len(panel.security_ids)), len(panel.sessions))
    )
    return pd.DataFrame({"date": dates, "security_id": symbols.array, **columns})


def by_bottleneck(panel: Panel) -> Columns:
    """Compute `WINDOWED` with bottleneck, as arrays (symbols, sessions)."""
    later = later_splits(panel)
    high, low, close, volume, dividend = (
        np.ascontiguousarray(array.T)
        for array in (
            *(panel.high / later, panel.low / later, panel.close / later),
            *(panel.volume * later, panel.dividend / later),
        )
    )
    growth = np.full_like(close, np.nan)
    growth[:, 1:] = np.log((close[:, 1:] + dividend[:, 1:]) / close[:, :-1])
    result: Columns = {f"sma_{n}": bottleneck.move_mean(close, n) for n in (10, 20, 50, 200)}
    offset = 2 * bottleneck.move_std(close, 20)
    result["bollinger_upper"] = result["sma_20"] + offset
    result["bollinger_lower"] = result["sma_20"] - offset
    for n in (20, 60):
        deviation = bottleneck.move_std(growth, n, ddof=1)
        result[f"realized_volatility_{n}"] = deviation * np.sqrt(252)
    result["high_252_distance"] = close / bottleneck.move_max(high, SESSIONS_PER_YEAR) - 1
    result["low_252_distance"] = close / bottleneck.move_min(low, SESSIONS_PER_YEAR) - 1
    result["volume_ratio_20"] = volume / bottleneck.move_mean(volume, 20)
    result["dollar_volume_20"] = bottleneck.move_mean(close * volume, 20)
    return result


def best_seconds(work: Callable[[], object], repeat: int) -> float:
    """Return the shortest of `repeat` runs."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def report(label: str, seconds: float, cells: int, ours: float | None = None) -> None:
    """Print one line: seconds, values a second, and how many times ours it takes."""
    ratio = "" if ours is None else f"{seconds / ours:7.1f} × ours"
    print(f"  {label:<28}{seconds:8.2f} s{cells / seconds / 1e6:9.1f} M values/s {ratio}")


def largest_difference(panel: Panel) -> float:
    """Return the largest relative difference to pandas of the ratios, once pandas has settled."""
    names = [name for name in WINDOWED if "distance" in name or "ratio" in name]
    names += ["rsi_14", "momentum_20", "return_252"]
    frame, rival = compute_features(panel, names=names), by_pandas(panel)
    worst = 0.0
    for name in names:
        mine = frame[name].to_numpy().reshape(panel.close.shape)[450:]
        theirs = np.asarray(rival[name])[450:]
        worst = max(worst, float(np.nanmax(np.abs(mine - theirs) / (1 + np.abs(theirs)))))
    return worst


def statistics(
    values: FloatArray,
) -> dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]]:
    """Return each rolling statistic, and the same of pandas' rolling rows."""
    n = ROLLING_SESSIONS
    return {
        "moments": (lambda: moments(values, (n,))[STD, 0], lambda rows: rows.std()),
        "maximum": (lambda: maxima(values, (n,))[VALUE, 0], lambda rows: rows.max()),
        "rank": (lambda: ranks(values, (n,))[0], lambda rows: rows.rank(pct=True)),
        "quantile": (
            lambda: quantiles(values, (n,), (0.8,))[0, 0],
            lambda rows: rows.quantile(0.8),
        ),
        "regression": (
            lambda: trends(values, (n,))[SLOPE, 0],
            lambda rows: (
                rows.cov(pd.DataFrame(_rows_like(values)), pairwise=False, ddof=0)
                / ((n * n - 1) / 12)
            ),
        ),
    }


def _rows_like(values: FloatArray) -> FloatArray:
    return np.broadcast_to(np.arange(float(len(values)))[:, None], values.shape).copy()


def rolling_rows(panel: Panel, repeat: int) -> None:
    """Print a row for each rolling statistic, over a block of the panel's closes."""
    values = np.ascontiguousarray(panel.close[:, :16])
    kernels = [(each, each.prepare()) for each in all_kernels()]
    for name, (ours, pandas) in statistics(values).items():
        compiled = ours()
        seconds = best_seconds(ours, repeat)
        for kernel, _ in kernels:
            kernel._run = kernel.reference
        same = np.array_equal(np.nan_to_num(ours()), np.nan_to_num(compiled))
        slow = best_seconds(ours, 1)
        for kernel, run in kernels:
            kernel._run = run
        rival = np.asarray(pandas(pd.DataFrame(values).rolling(ROLLING_SESSIONS)))
        near = np.allclose(rival, compiled, rtol=1e-5, atol=1e-8, equal_nan=True)
        theirs = best_seconds(lambda: pandas(pd.DataFrame(values).rolling(ROLLING_SESSIONS)), 1)  # noqa: B023
        void = "" if same and near else "  VOID: the values differ"
        report(f"{name}, compiled", seconds, values.size)
        report(f"{name}, in NumPy", slow, values.size, seconds)
        report(f"{name}, pandas{void}", theirs, values.size, seconds)


def peak_megabytes(sessions: int, symbols: int) -> float:
    """Return the most memory that `compute_features` holds at once, its result included."""
    panel = random_panel(sessions, symbols)
    tracemalloc.start()
    compute_features(panel)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def main() -> None:
    """Run and print the comparison."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--symbols", type=int, default=800)
    parser.add_argument("--sessions", type=int, default=3_200)
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    panel = random_panel(given.sessions, given.symbols)
    rows, count = given.sessions * given.symbols, len(select())
    print(f"{given.symbols} symbols × {given.sessions} sessions = {rows:,} rows")
    small = random_panel(600, 40)
    print(f"largest difference to pandas (600 × 40, ratios): {largest_difference(small):.1e}")
    print(f"peak memory at 5 symbols × 3,270 sessions: {peak_megabytes(3_270, 5):.0f} MB")
    print(f"\nall {count} features")
    ours = best_seconds(lambda: compute_features(panel), given.repeat)
    report("quant_platform", ours, rows * count)
    wide = best_seconds(lambda: by_pandas(panel), given.repeat)
    report("pandas, wide frames", wide, rows * count, ours)
    unpivoted = best_seconds(lambda: unpivoted_by_pandas(panel), given.repeat)
    report("pandas, the same long frame", unpivoted, rows * count, ours)
    print(f"\n{len(WINDOWED)} windowed features: {', '.join(WINDOWED)}")
    cells = rows * len(WINDOWED)
    ours = best_seconds(lambda: compute_features(panel, names=WINDOWED), given.repeat)
    report("quant_platform", ours, cells)
    if bottleneck is None:
        print("  bottleneck is not installed")
    else:
        seconds = best_seconds(lambda: by_bottleneck(panel), given.repeat)
        report("bottleneck, wide arrays", seconds, cells, ours)

    print(f"\n{len(QLIB_KIND)} features of qlib's kind: {', '.join(QLIB_KIND)}")
    compute_features(panel, names=QLIB_KIND)
    ours = best_seconds(lambda: compute_features(panel, names=QLIB_KIND), given.repeat)
    report("quant_platform", ours, rows * len(QLIB_KIND))
    print(f"\nrolling statistics over {ROLLING_SESSIONS} sessions, 16 symbols, one core")
    rolling_rows(panel, given.repeat)


if __name__ == "__main__":
    main()
