"""What a metric is: its declaration, and the registry that collects them.

A metric is written once, as a function of a `Window`, from three kinds of step:

1. element by element on the window's series (`window.returns`, `window.turnover`, …);
2. running along the last axis (`window.growth`, `window.drawdown`, `numpy.cumsum`, …);
3. reduced over the window by the window's own reductions (`sum`, `mean`, `min`, `max`, `last`,
   `reduce`, `moments`, `excess_moments`).

The same function then serves both kinds of window (`windows.py`). The metrics
themselves are in `metrics.py`, which portfolio rows they are applied to in `performance.py`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from quant_platform.evaluation.windows import Window
from quant_platform.kernels.arrays import FloatArray

Unit = Literal["fraction", "ratio", "sessions", "count"]
SqlType = Literal["double precision", "integer"]

KEY_COLUMNS = ("date", "model_id", "window_name", "window_sessions", "recorded_at")
"""Columns of `model_performance` that no metric may take."""

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,62}")


MetricFunction = Callable[[Window], FloatArray]


@dataclass(frozen=True)
class Metric:
    """One column of `model_performance` and one line of the reports.

    Attributes
    ----------
    column : name of the column
    description : the column's comment: first line of the function's docstring
    sql_type : type of the column
    unit : how reports print it; fraction is shown in per cent
    function : computes it from a window
    """

    column: str
    description: str
    sql_type: SqlType
    unit: Unit
    function: MetricFunction

    def __call__(self, window: Window) -> FloatArray:
        """Compute the figure; undefined or beyond the range of a double is NaN."""
        with np.errstate(all="ignore"):
            values = np.asarray(self.function(window), dtype=np.float64)
        return np.where(np.isfinite(values), values, np.nan)


class MetricRegistry(Mapping[str, Metric]):
    """Metrics by column name, in the order of their definition.

    Parameters
    ----------
    complete : imports what registers further metrics; called once, before the first look
    """

    def __init__(self, complete: Callable[[], object] = tuple) -> None:
        self._metrics: dict[str, Metric] = {}
        self._complete = complete
        self._is_complete = False

    def metric(
        self, unit: Unit, *, column: str | None = None
    ) -> Callable[[MetricFunction], MetricFunction]:
        """Register the decorated function as a metric.

        Parameters
        ----------
        unit : `fraction` and `ratio` make a double precision column, `sessions` and `count` an
            integer one, null like any other
        column : name of the column; the function's name unless given

        Raises
        ------
        ValueError
            The name is no SQL identifier or already taken, or the function has no docstring.
        """

        def register(function: MetricFunction) -> MetricFunction:
            name = column or function.__name__
            description = (function.__doc__ or "").strip().split("\n")[0]
            if not _IDENTIFIER.fullmatch(name):
                raise ValueError(f"metric {name!r}: not a lower-case SQL identifier")
            if name in self._metrics or name in KEY_COLUMNS:
                raise ValueError(f"metric {name!r}: the column exists already")
            if not description:
                raise ValueError(
                    f"metric {name!r}: a docstring is needed, it becomes the column's comment"
                )
            sql_type: SqlType = "integer" if unit in ("sessions", "count") else "double precision"
            self._metrics[name] = Metric(name, description, sql_type, unit, function)
            return function

        return register

    def __getitem__(self, column: str) -> Metric:
        return self._all()[column]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> dict[str, Metric]:
        if not self._is_complete:
            # Before the call: a module that is being imported may look, too.
            self._is_complete = True
            try:
                self._complete()
            except BaseException:
                self._is_complete = False
                raise
        return self._metrics
