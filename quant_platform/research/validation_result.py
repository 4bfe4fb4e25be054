"""`Validation`: what walking forward or cross-validation returns, fold by fold and put together.

What belongs here: the result and what is read from it. What does not: how it is computed
(`validation.py`), its figures (`evaluation/out_of_sample.py`) and how it is drawn (`reports/`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from quant_platform.evaluation import out_of_sample
from quant_platform.evaluation.metrics import session_rate
from quant_platform.evaluation.overfitting import BLOCKS, Overfitting, overfitting
from quant_platform.evaluation.surface import Verdict, judge, rank_correlation
from quant_platform.kernels.arrays import FloatArray, IntArray
from quant_platform.storage.trials import Counted, TrialRun

if TYPE_CHECKING:
    import plotly.graph_objects as go

QUANTILES = {"5 %": 0.05, "25 %": 0.25, "median": 0.5, "75 %": 0.75, "95 %": 0.95}
"""Points of a distribution over paths."""

Span = tuple[str, str, int]
"""First and last session (ISO dates), and how many sessions of these count."""


@dataclass(frozen=True, eq=False)
class FoldResult:
    """What was chosen in one fold, and what became of it.

    Attributes
    ----------
    number : from 1 on
    train, test : first and last session, and how many of those between them count
    chosen : number of the configuration; −1: none could be chosen
    in_sample, out_of_sample : (K,) the figure of every configuration in training and in the test;
        NaN where it has none
    failed : why nothing was chosen, or what was chosen has no figure in the test; else empty
    """

    number: int
    train: Span
    test: Span
    chosen: int
    in_sample: FloatArray
    out_of_sample: FloatArray
    failed: str = ""

    @property
    def figures(self) -> tuple[float, float]:
        """The figure of what was chosen, in training and in the test."""
        if self.chosen < 0:
            return float("nan"), float("nan")
        return float(self.in_sample[self.chosen]), float(self.out_of_sample[self.chosen])

    @property
    def place(self) -> float:
        """Rank of what was chosen in the test ÷ (configurations + 1); ½: no better than chance."""
        return out_of_sample.place(self.out_of_sample, self.chosen)

    @property
    def rank_correlation(self) -> float:
        """Spearman's, of all figures in training with those in the test."""
        return rank_correlation(self.in_sample, self.out_of_sample)


@dataclass(frozen=True, eq=False)
class Validation:
    """Parameters chosen in training, and what they were worth where nothing was chosen.

    Attributes
    ----------
    name : of the strategy
    method : `walk-forward`, `purged` or `combinatorial`
    kind : `grid`, `list` or `sample`
    metric : the figure by which parameters are chosen
    varied : parameters that were given
    parameters : their values in each of K configurations
    folds : what was chosen, fold by fold
    choices : (P, T) number of the configuration that each path has in each tested session; −1: none
    tested : (T, K) session returns of every configuration over the tested sessions, as fractions;
        NaN where it failed. They have the digits of single precision, as the ledger keeps them
    benchmark : returns of what it is judged against, by date
    rates : annual risk-free rate of each tested session, as a fraction, by date
    runs : what each run was made of and run on; the rows of the table `trial_runs`
    counted : how many trials the study has with these; None: it was made without a store

    Examples
    --------
    On the sample market, after `quant-platform demo`:

    >>> import quant_platform as qp
    >>> grid = {"stop_atr": [1.0, 2.0], "max_holding": [20, 60]}
    >>> found = qp.open().walk_forward(
    ...     "enhanced_momentum",
    ...     grid,
    ...     "2006-01-03",
    ...     "2008-12-31",
    ...     train=252,
    ...     test=126,
    ...     progress=False,
    ... )
    >>> found.table["test_first"].tolist()[:2], len(found.returns)
    (['2007-01-04', '2007-07-06'], 503)
    """

    name: str
    method: str
    kind: str
    metric: str
    varied: tuple[str, ...]
    parameters: Sequence[Mapping[str, Any]]
    folds: tuple[FoldResult, ...]
    choices: IntArray
    tested: FloatArray
    benchmark: "pd.Series[float]"
    rates: "pd.Series[float]"
    runs: Sequence[TrialRun]
    counted: Counted | None = None

    @property
    def warning(self) -> str:
        """That runs could not be counted, or that their study is exploratory; else empty."""
        return "" if self.counted is None else self.counted.warning

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per fold: its sessions, what was chosen, its figures, why it has none.

        `in_sample` and `out_of_sample` are the figure that parameters are chosen by; `best` is the
        highest one that any configuration had in the test; `failed` is empty where nothing did.
        """
        rows = []
        for fold in self.folds:
            inside, outside = fold.figures
            chosen = self.parameters[fold.chosen] if fold.chosen >= 0 else {}
            known = fold.out_of_sample[np.isfinite(fold.out_of_sample)]
            rows.append(
                {
                    **_columns("train", fold.train),
                    **_columns("test", fold.test),
                    **{name: chosen.get(name) for name in self.varied},
                    "in_sample": inside,
                    "out_of_sample": outside,
                    "best": float(known.max()) if len(known) else np.nan,
                    "place": fold.place,
                    "rank_correlation": fold.rank_correlation,
                    "failed": fold.failed,
                }
            )
        return pd.DataFrame(rows, index=pd.Index([each.number for each in self.folds], name="fold"))

    @cached_property
    def paths(self) -> pd.DataFrame:
        """Session returns out of sample, sessions × paths, as fractions; NaN where a fold failed.

        Walking forward there is one path; in cross-validation, one for each test of a block.
        """
        rows = np.arange(len(self.tested))
        chosen = np.where(self.choices < 0, 0, self.choices)
        values = np.where(self.choices < 0, np.nan, self.tested[rows, chosen])
        columns = pd.RangeIndex(len(self.choices), name="path")
        return pd.DataFrame(values.T, index=self.rates.index, columns=columns)

    @cached_property
    def path_metrics(self) -> pd.DataFrame:
        """Figures of each path, over its sessions that have a return: paths × figures."""
        benchmark, rates = self._against
        rows = [
            out_of_sample.figures(np.ascontiguousarray(path), benchmark, rates)
            for path in self.paths.to_numpy().T
        ]
        return pd.DataFrame(rows, index=self.paths.columns)

    @cached_property
    def distribution(self) -> pd.DataFrame:
        """Quantiles of each figure over the paths: figures × quantiles."""
        values = self.path_metrics.quantile(list(QUANTILES.values()))
        return values.set_axis(list(QUANTILES), axis=0).T

    @cached_property
    def middle(self) -> int:
        """Number of the path whose figure is the median of all; the lower one of two; −1: none."""
        values = self.path_metrics[self.metric].to_numpy(dtype=np.float64)
        known = np.flatnonzero(np.isfinite(values))
        if not len(known):
            return 0 if len(values) == 1 else -1
        return int(known[np.argsort(values[known], kind="stable")[(len(known) - 1) // 2]])

    @cached_property
    def returns(self) -> "pd.Series[float]":
        """Session returns out of sample, by date: the only path, or the one in the middle."""
        if self.middle < 0:
            return pd.Series(np.nan, self.rates.index, name=self.name)
        return self.paths[self.middle].rename(self.name)

    @cached_property
    def metrics(self) -> "pd.Series[float]":
        """Figures of `returns`, over the sessions that have one."""
        benchmark, rates = self._against
        found = out_of_sample.figures(_array(self.returns), benchmark, rates)
        return pd.Series(list(found.values()), index=list(found), name=self.name)

    @cached_property
    def intervals(self) -> pd.DataFrame:
        """Figures of `returns` with their 95 % intervals by the stationary block bootstrap."""
        benchmark, rates = self._against
        return out_of_sample.intervals(_array(self.returns), benchmark, rates)

    @cached_property
    def shrinkage(self) -> float:
        """1 − mean figure out of sample ÷ mean in sample, of what was chosen in the folds."""
        inside, outside = np.array([each.figures for each in self.folds]).T
        return out_of_sample.shrinkage(inside, outside)

    @cached_property
    def place(self) -> float:
        """Mean place of what was chosen among all configurations in the test; ½: chance."""
        return _mean([each.place for each in self.folds])

    @cached_property
    def rank_correlation(self) -> float:
        """Mean rank correlation of the figures in training with those in the test."""
        return _mean([each.rank_correlation for each in self.folds])

    @cached_property
    def overfitting(self) -> Overfitting:
        """Probability of overfitting among the configurations, over the tested sessions."""
        blocks = min(BLOCKS, len(self.tested) // 4 * 2)
        excess = self.tested - session_rate(self._against[1])[:, None]
        return overfitting(excess, max(blocks, 2))

    @cached_property
    def verdict(self) -> Verdict:
        """Whether the best configuration of the tested sessions lies on a plateau."""
        benchmark, rates = self._against
        sharpe, upper = (
            out_of_sample.figure(name, np.ascontiguousarray(self.tested.T), benchmark, rates)
            for name in ("sharpe_ratio", "sharpe_upper_95")
        )
        steps = self.kind != "sample"
        return judge(self.parameters, sharpe, upper, self.tested, rates, has_steps=steps)

    @property
    def failures(self) -> dict[int, str]:
        """Folds without a figure out of sample, and why."""
        return {each.number: each.failed for each in self.folds if each.failed}

    @property
    def sentence(self) -> str:
        """What a person is to read."""
        metric = self.metric.replace("_", " ")
        inside, outside = (_mean(of) for of in zip(*(f.figures for f in self.folds), strict=True))
        if not np.isfinite(outside):
            reason = next(iter(self.failures.values()), "there is no figure")
            return f"Nothing chosen by {metric} has a result out of sample: {reason}."
        parts = [
            f"Chosen by {metric} in {_counted(len(self.folds))}: {inside:.2f} in training and"
            f" {outside:.2f} in the tests on average{self._loss}.",
            self._sharpe,
            self._standing,
            f"Held fixed over the tested sessions: {self.verdict}",
            self._failed,
        ]
        return " ".join(part for part in parts if part)

    @property
    def _loss(self) -> str:
        """How much of the figure in training is left."""
        if not np.isfinite(self.shrinkage):
            return ""
        change = "less" if self.shrinkage >= 0.0 else "more"
        return f", {abs(self.shrinkage):.0%} {change}"

    @property
    def _sharpe(self) -> str:
        """The Sharpe ratio of what was put together, with its interval."""
        row = self.intervals.loc["sharpe_ratio"]
        if not np.isfinite(row["estimate"]):
            return ""
        what = "The tests put together have" if len(self.choices) == 1 else "The middle path has"
        text = f"{what} a Sharpe ratio of {row['estimate']:.2f}"
        if np.isfinite(row["lower"]):
            text += f" (95 %: {row['lower']:.2f} to {row['upper']:.2f})"
        if len(self.choices) > 1:
            low, high = self.distribution.loc["sharpe_ratio", ["5 %", "95 %"]]
            text += f"; 90 % of the {len(self.choices):,} paths lie from {low:.2f} to {high:.2f}"
        return f"{text}."

    @property
    def _standing(self) -> str:
        """Whether choosing was better than chance."""
        if not np.isfinite(self.place):
            return ""
        text = f"Among {len(self.parameters):,} configurations in the tests, the place of the"
        text += f" chosen one is {self.place:.2f} on average (0: last, 1: first, 0.50: by chance)"
        probability = self.overfitting.probability
        if np.isfinite(probability):
            text += f", and the probability of overfitting is {probability:.2f}"
        return f"{text}."

    @property
    def _failed(self) -> str:
        """How many folds have no figure out of sample, and why the first has none."""
        if not self.failures:
            return ""
        number, reason = next(iter(self.failures.items()))
        have = "has" if len(self.failures) == 1 else "have"
        count = _counted(len(self.failures))
        return f"{count} {have} no figure out of sample; fold {number}: {reason}."

    @property
    def _against(self) -> tuple[FloatArray, FloatArray]:
        """The benchmark's returns and the risk-free rates."""
        return _array(self.benchmark), _array(self.rates)

    def plot(self) -> "go.Figure":
        """Draw growth out of sample, and the figures in and out of sample fold by fold."""
        from quant_platform.reports.validation_page import validation_figure

        return validation_figure(
            self.name, self.paths, self.benchmark, self.table, self.metric, self.middle
        )

    def to_html(self, path: str | Path) -> Path:
        """Write what it says, the picture and the tables as a page; return its path."""
        from quant_platform.reports.backtest_page import fragment_page
        from quant_platform.storage.files import replace_file

        replace_file(
            Path(path), fragment_page(self._title, self._repr_html_(), self.plot()).encode()
        )
        return Path(path)

    @property
    def _title(self) -> str:
        return f"{self.name}, {self.method}"

    @cached_property
    def _shown(self) -> pd.DataFrame:
        """Figures out of sample, with their intervals and, over several paths, quantiles."""
        if len(self.choices) == 1:
            return self.intervals
        return self.intervals.join(self.distribution)

    def __len__(self) -> int:
        return len(self.folds)

    def __repr__(self) -> str:
        """What it says, and the folds."""
        warning = f"{self.warning}\n" if self.warning else ""
        shown = ["test_first", "test_last", *self.varied, "in_sample", "out_of_sample", "place"]
        folds = self.table[shown].head(20).to_string()
        return f"{self.name}, {self.method}\n{warning}{self.sentence}\n{folds}"

    def _repr_html_(self) -> str:
        """Draw itself in a notebook."""
        from quant_platform.reports.validation_page import validation_fragment

        return validation_fragment(
            self._title,
            self.sentence,
            self.returns,
            self.benchmark,
            self._shown,
            self.table,
            self.warning,
        )


def _array(series: "pd.Series[float]") -> FloatArray:
    return np.array(series, dtype=np.float64)


def _columns(part: str, span: Span) -> dict[str, Any]:
    names = (f"{part}_first", f"{part}_last", f"{part}_sessions")
    return dict(zip(names, span, strict=True))


def _counted(folds: int) -> str:
    return f"{folds:,} fold{'' if folds == 1 else 's'}"


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
