"""Statistics of skill and luck: intervals, confidence sets, overfitting and effective trials.

- `intervals`: 1,000 resamples of every metric of 10 models over 2,520 sessions (reach 3 s), beside
  arch, which resamples the same metrics of one model, ten times that for ten.
- `set`: the model confidence set of 50 models over 2,520 sessions, 1,000 resamples, beside arch;
  void unless p-values from arch's own resamples are equal.
- `overfitting`: cross-validation of 1,000 trials over 2,520 sessions in 16 blocks (reach 5 s),
  beside the same written out with NumPy on some of the choices; void unless they agree.
- `trials`: effective number of 10,000 trials over 2,520 sessions (reach 5 s), of noise.

The machine may be shared, so seconds of the processor stand beside those of the clock.

Run: python benchmarks/inference.py [--rows intervals,set,overfitting,trials]
"""

import argparse
import time
from collections.abc import Callable
from itertools import combinations, islice
from typing import TypeVar

import numpy as np
from arch.bootstrap import MCS, StationaryBootstrap

from quant_platform.evaluation.bootstrap import block_length, metric_intervals
from quant_platform.evaluation.confidence_set import compare, confidence_set, standard_errors
from quant_platform.evaluation.effective_trials import EffectiveTrials
from quant_platform.evaluation.metrics import evaluate
from quant_platform.evaluation.overfitting import overfitting
from quant_platform.evaluation.windows import TrailingWindow
from quant_platform.kernels.arrays import FloatArray

SESSIONS, RESAMPLES = 2520, 1000
MODELS, COMPARED, TRIALS, MANY, BLOCKS = 10, 50, 1000, 10_000, 16
CHECKED = 50
"""Choices of blocks that are worked out a second time."""

Result = TypeVar("Result")


def main() -> None:
    """Print seconds, and whether the values agree."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    rows: dict[str, Callable[[], None]] = {
        "intervals": intervals,
        "set": models_compared,
        "overfitting": cross_validation,
        "trials": effective_trials,
    }
    parser.add_argument("--rows", default=",".join(rows))
    for name in parser.parse_args().rows.split(","):
        rows[name]()


def timed(text: str, work: Callable[[], Result]) -> Result:
    """Run, and print what it took."""
    began, used = time.perf_counter(), time.process_time()
    result = work()
    wall, processor = time.perf_counter() - began, time.process_time() - used
    print(f"  {text:44} {wall:7.2f} s, processor {processor:7.2f} s", flush=True)
    return result


def returns(models: int, sessions: int = SESSIONS) -> FloatArray:
    """Returns with fat tails, the same each time, (models, sessions)."""
    random = np.random.default_rng(7)
    return random.standard_t(4, (models, sessions)) * 0.008 + 0.0003


def intervals() -> None:
    """Every metric of ten models."""
    print(f"intervals: {RESAMPLES:,} resamples, {MODELS} models, {SESSIONS:,} sessions")
    windows = [TrailingWindow.of(each, each[::-1]) for each in returns(MODELS)]
    metric_intervals(windows[0], resamples=10)
    timed("ours (reach 3 s)", lambda: [metric_intervals(each) for each in windows])

    def figures(values: FloatArray) -> FloatArray:
        return np.array(list(evaluate(TrailingWindow.of(values, values[::-1])).values()))

    one = returns(MODELS)[0]
    theirs = StationaryBootstrap(max(round(block_length(one)), 1), one, seed=1)
    timed("arch, one of the ten models", lambda: theirs.apply(figures, RESAMPLES))


def models_compared() -> None:
    """Fifty models, beside arch."""
    print(f"set: {COMPARED} models, {SESSIONS:,} sessions, {RESAMPLES:,} resamples")
    values = returns(COMPARED).T + np.linspace(-0.0006, 0.0006, COMPARED)
    compare(values[:100])
    timed("ours (reach arch)", lambda: compare(values))
    theirs = MCS(-values, size=0.05, reps=RESAMPLES, block_size=10, seed=1)
    timed("arch", theirs.compute)
    resampled = np.stack([values[rows].mean(axis=0) for rows in theirs._bootstrap_indices])
    deviations = np.ascontiguousarray(resampled - values.mean(axis=0))
    ours = confidence_set(values.mean(axis=0), deviations, standard_errors(deviations))
    same = np.array_equal(ours.p_value, theirs.pvalues["Pvalue"].sort_index().to_numpy())
    members = np.flatnonzero(ours.members).tolist()
    agree = same and members == theirs.included
    print(f"  equal p-values and {len(members)} members" if agree else "  VOID: sets differ")


def cross_validation() -> None:
    """A thousand trials in sixteen blocks."""
    print(f"overfitting: {TRIALS:,} trials, {SESSIONS:,} sessions, {BLOCKS} blocks")
    values = returns(TRIALS).T
    result = timed("ours (reach 5 s)", lambda: overfitting(values, BLOCKS))

    def written_out() -> FloatArray:
        size = SESSIONS // BLOCKS
        cut = values[SESSIONS - size * BLOCKS :].reshape(BLOCKS, size, TRIALS)
        second = []
        for chosen in islice(combinations(range(BLOCKS), BLOCKS // 2), CHECKED):
            others = [block for block in range(BLOCKS) if block not in chosen]
            inside, outside = (
                part.mean(axis=0) / part.std(axis=0, ddof=1)
                for part in (np.concatenate(cut[list(each)]) for each in (chosen, others))
            )
            second.append(outside[inside.argmax()])
        return np.asarray(np.array(second) * np.sqrt(252))

    expected = timed(f"NumPy, {CHECKED} of the 12,870 choices", written_out)
    agree = np.allclose(result.second[:CHECKED], expected, rtol=1e-9)
    print("  values agree" if agree else "  VOID: values differ")


def effective_trials() -> None:
    """Ten thousand trials of noise."""
    print(f"trials: {MANY:,} trials, {SESSIONS:,} sessions")
    values = returns(MANY)
    counted = EffectiveTrials(SESSIONS)

    def count() -> tuple[float, int]:
        counted.add(values)
        return counted.effective_rank, counted.clusters

    rank, clusters = timed("ours (reach 5 s)", count)
    print(f"  effective rank {rank:,.0f}, clusters {clusters:,}, of {counted.raw:,}")


if __name__ == "__main__":
    main()
