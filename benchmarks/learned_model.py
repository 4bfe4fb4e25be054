"""Walk-forward of `ml_ranker` over a synthetic market, beside LightGBM's own training.

    python benchmarks/learned_model.py [--securities 500] [--sessions 2520]

Ours: Alpha158 of the market (told apart), then everything that `ml_ranker` does with it: labels,
weights, a training after the first session of each year, importance, champion and challenger, and
forecasts of every session. Rival: LightGBM alone, on the same matrices with the same parameters,
which nothing that trains with it can fall below. The workflow of qlib for the same task is not
installed here: its data server and its pins do not go with this environment.

Memory is the peak of the process, Alpha158 as float32 included.
"""

import argparse
import resource
import time
from dataclasses import dataclass
from datetime import date

import numpy as np

from quant_platform.evaluation.promotion import ForecastJudge
from quant_platform.features.compute import feature_arrays, required_lookback
from quant_platform.features.feature_registry import select
from quant_platform.kernels.arrays import SessionArray
from quant_platform.learning import walk_forward as learning
from quant_platform.learning.estimators import fit
from quant_platform.learning.forecaster import Forecaster, GradientRanker
from quant_platform.learning.labels import ForwardReturn
from quant_platform.learning.samples import FeatureRows, Sample, pivoted
from quant_platform.market.calendar import XNYS
from quant_platform.market.panel import Panel
from quant_platform.vendors.synthetic.market import synthetic_market

PIECE = 252
"""Sessions whose features are computed at once."""


@dataclass(frozen=True, eq=False)
class Memory:
    """A `Source` in memory."""

    whole: Panel
    features: FeatureRows

    @property
    def sessions(self) -> SessionArray:
        """Sessions of the market."""
        return self.whole.sessions

    def rows(self, first: int, last: int) -> FeatureRows:
        """Features of some sessions, as views."""
        return self.features.between(first, last)

    def panel(self, first: int, last: int) -> Panel:
        """Bars of some sessions, as views."""
        return self.whole.cut(first, last + 1)


def market(securities: int, sessions: int) -> Panel:
    """The synthetic market as a panel."""
    days = XNYS.sessions(date(2005, 1, 3), date(2025, 1, 3))[:sessions]
    made = synthetic_market(securities, days[0], days[-1], 1)
    known = made.planted_signals(days[0], days[-1])[["date", "symbol", "security_id"]]
    known = known.drop_duplicates(["date", "symbol"])
    bars, actions = (
        rows.merge(known)
        for rows in (made.bars(days[0], days[-1]), made.actions(days[0], days[-1]))
    )
    return Panel.from_frames(bars, actions, np.array(days, dtype="datetime64[D]"))


def alpha158(panel: Panel) -> FeatureRows:
    """Features of every bar, piece by piece."""
    names = tuple(each.name for each in select(["alpha158"]))
    lookback = required_lookback(["alpha158"])
    count = int(panel.member.sum())
    matrix = np.empty((count, len(names)), dtype=np.float32)
    positions, columns = np.nonzero(panel.member)
    at = 0
    for start in range(0, len(panel.sessions), PIECE):
        stop = min(start + PIECE, len(panel.sessions))
        part = panel.cut(max(start - lookback + 1, 0), stop)
        arrays = feature_arrays(part, last=stop - start, names=["alpha158"])
        where = panel.member[start:stop]
        size = int(where.sum())
        for column, name in enumerate(names):
            matrix[at : at + size, column] = arrays[name][where]
        at += size
    ids = np.array(panel.security_ids, dtype=object)[columns]
    return FeatureRows(positions.astype(np.int64), ids, matrix, names)


def main() -> None:
    """Print seconds of work and of the clock, and memory."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--securities", type=int, default=500)
    arguments.add_argument("--sessions", type=int, default=2_520)
    size = arguments.parse_args()
    panel = market(size.securities, size.sessions)
    clock, work = time.perf_counter(), time.process_time()
    source = Memory(panel, alpha158(panel))
    say("Alpha158", clock, work)

    spent = [0.0, 0.0]

    def timed(forecaster: Forecaster, sample: Sample, before: bytes | None = None) -> bytes:
        clock, work = time.perf_counter(), time.process_time()
        artefact = fit(forecaster, sample, before)
        spent[0] += time.perf_counter() - clock
        spent[1] += time.process_time() - work
        return artefact

    vars(learning)["fit"] = timed
    clock, work = time.perf_counter(), time.process_time()
    forecaster = Forecaster(source.features.names, estimator=GradientRanker())
    way = learning.WalkForward(forecaster, source, XNYS, ForecastJudge())
    found = np.full(panel.close.shape, np.nan)
    for part in way.forecasts(0, len(panel.sessions) - 1):
        values = pivoted(part.rows, part.forecasts, 0, panel)
        np.copyto(found, values, where=np.isfinite(values))
    say(f"walk-forward, {len(way.cuts)} trainings", clock, work)
    print(f"  of it LightGBM alone: {spent[0]:.1f} s, {spent[1]:.1f} s of work")
    judge, returns = ForecastJudge(), ForwardReturn(5).of(panel).values
    print(f"  {judge.skill(judge.coefficients(found, returns), 'benchmark')}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"  peak memory {peak:.2f} GiB; to reach: 120 s, 4 GB")


def say(what: str, clock: float, work: float) -> None:
    """Print what something took since two moments."""
    seconds, cpu = time.perf_counter() - clock, time.process_time() - work
    print(f"{what}: {seconds:.1f} s, {cpu:.1f} s of work")


if __name__ == "__main__":
    main()
