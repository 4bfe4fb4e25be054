"""One configuration over a prepared market: its session returns and its figures, and nothing else.

What it gives is what `Store.backtest` of the same configuration gives, bit for bit. What does not
belong here: which configurations there are, and what is kept of them (`sweep.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from quant_platform.evaluation.performance import last_figures
from quant_platform.isolation import reason_of
from quant_platform.market.panel import BAR_COLUMNS
from quant_platform.research.benchmark import Benchmark, benchmark_model, benchmark_returns
from quant_platform.research.prepared import Prepared
from quant_platform.storage.trials import METRIC_COLUMNS, Outcome
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
        try:
            return self._outcome(model, benchmark)
        except Exception as error:  # whatever a strategy raises, the others go on
            return Outcome({}, np.empty(0), reason_of(error))

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
            return benchmark_returns(self.market.reader, benchmark, self.market.inputs.days)
        rows = self.market.portfolio(model)
        return rows.set_index("date")["daily_return"].rename(model.name)

    def _outcome(self, model: Strategy, benchmark: Benchmark) -> Outcome:
        rows = self.market.portfolio(model)
        of_all = last_figures(rows, self.rival(benchmark), risk_free=self.market.rates)
        metrics = {name: of_all[name] for name in METRIC_COLUMNS}
        # A copy, since a column of the engine's would keep all of its rows.
        return Outcome(metrics, np.array(rows["daily_return"], dtype=np.float64))
