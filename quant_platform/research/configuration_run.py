"""One configuration over a prepared market: its session returns and its figures, and nothing else.

Its figures are those of `Store.backtest` of the same configuration, bit for bit; its returns are in
single precision, as the ledger keeps them, so that a sweep that goes on gives the same. What does
not belong here: which configurations there are, and what is kept of them (`sweep.py`).
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from quant_platform.evaluation.performance import last_figures
from quant_platform.isolation import reason_of
from quant_platform.market.panel import BAR_COLUMNS
from quant_platform.research.benchmark import Benchmark, benchmark_model, benchmark_returns
from quant_platform.research.prepared import Prepared
from quant_platform.storage.trials import METRIC_COLUMNS, Outcome, Returns
from quant_platform.strategies.base import Strategy


@dataclass
class Runner:
    """Runs configurations over one market.

    Attributes
    ----------
    market : what they are run over
    """

    market: Prepared
    _rivals: dict[int | str, pd.Series] = field(default_factory=dict)

    def outcome(self, model: Strategy, benchmark: Benchmark) -> Outcome:
        """Run a configuration; what it raises is its outcome, and no other's."""
        return self.outcomes(model, benchmark, (len(self.market.inputs.days),))[0]

    def outcomes(
        self, model: Strategy, benchmark: Benchmark, sizes: Sequence[int]
    ) -> list[Outcome]:
        """Run a configuration once, and say what came of its first so many sessions, each."""
        begun = time.perf_counter()
        try:
            rows = self.market.portfolio(model)
            found = [self._figures(rows.iloc[:size], benchmark) for size in sizes]
        except Exception as error:  # whatever a strategy raises, the others go on
            reason, spent = reason_of(error), time.perf_counter() - begun
            return [Outcome({}, np.empty(0, dtype=np.float32), reason, spent)] * len(sizes)
        spent = (time.perf_counter() - begun) / len(sizes)
        return [Outcome(metrics, returns, seconds=spent) for metrics, returns in found]

    def prepare(self, benchmarks: Sequence[Benchmark]) -> None:
        """Compute the returns of benchmarks, and what threads would otherwise compute twice."""
        for each in benchmarks:
            self.rival(each)
        self.market.rates  # noqa: B018 — cached
        # What one configuration wrote into them, all others would read.
        panel = self.market.inputs.strategy_panel
        arrays = [panel.features[name] for name in panel.features]
        for each in (*arrays, *(getattr(panel, name) for name in (*BAR_COLUMNS, "member"))):
            each.flags.writeable = False

    def rival(self, benchmark: Benchmark) -> pd.Series:
        """Session returns of a benchmark."""
        key = benchmark if isinstance(benchmark, str) else id(benchmark)
        if key not in self._rivals:
            self._rivals[key] = self._returns(benchmark)
        return self._rivals[key]

    def _returns(self, benchmark: Benchmark) -> pd.Series:
        model = benchmark_model(benchmark)
        if model is None:
            assert not isinstance(benchmark, Strategy)  # noqa: S101 — it would be a model
            inputs = self.market.inputs
            return benchmark_returns(self.market.reader, benchmark, inputs.days, inputs.panel)
        rows = self.market.portfolio(model)
        return rows.set_index("date")["daily_return"].rename(model.name)

    def _figures(
        self, rows: pd.DataFrame, benchmark: Benchmark
    ) -> tuple[dict[str, float], Returns]:
        of_all = last_figures(rows, self.rival(benchmark), risk_free=self.market.rates)
        metrics = {name: of_all[name] for name in METRIC_COLUMNS}
        return metrics, rows["daily_return"].to_numpy(np.float32)
