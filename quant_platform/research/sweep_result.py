"""`Sweep`: what a sweep returns, as a table, a surface, a picture and a verdict.

What belongs here: the result and what is read from it. What does not belong here: how it is
computed (`sweep.py`), how it is judged (`evaluation/surface.py`) and drawn (`reports/`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from quant_platform.errors import SettingsError, UnknownNameError
from quant_platform.evaluation.surface import Verdict, judge
from quant_platform.storage.trials import METRIC_COLUMNS, Counted, Outcome, Trial, TrialRun

if TYPE_CHECKING:
    import plotly.graph_objects as go

SHARPE = "sharpe_ratio"


@dataclass(frozen=True, eq=False)
class Sweep:
    """Many configurations of one strategy over the same sessions.

    Attributes
    ----------
    name : of the strategy
    kind : `grid`, `list` or `sample`
    varied : parameters that were given
    parameters : their values in each configuration
    outcomes : what came of each
    runs : what each was made of and run on; the rows of the table `trial_runs`
    rates : annual risk-free rate of each session, as a fraction, by date
    counted : how many trials the study has with these; those that are not in the ledger can enter
        no ranking; None: it was made without a store

    Examples
    --------
    On the sample market, after `quant-platform demo`:

    >>> import quant_platform as qp
    >>> grid = {"stop_atr": [1.0, 2.0], "max_holding": [20, 60]}
    >>> sweep = qp.open().sweep(
    ...     "enhanced_momentum", grid, "2007-01-03", "2008-12-31", progress=False
    ... )
    >>> sweep.table.shape, sweep.surface("stop_atr", "max_holding").shape
    ((4, 22), (2, 2))
    """

    name: str
    kind: str
    varied: tuple[str, ...]
    parameters: Sequence[Mapping[str, Any]]
    outcomes: Sequence[Outcome]
    runs: Sequence[TrialRun]
    rates: "pd.Series[float]"
    counted: Counted | None = None

    @property
    def trials(self) -> list[Trial]:
        """What each configuration is made of; the rows of the table `trials`."""
        return [each.trial for each in self.runs]

    @property
    def warning(self) -> str:
        """That they could not be counted, or that their study is exploratory; else empty."""
        return "" if self.counted is None else self.counted.warning

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per configuration, in their order: its parameters, its figures, why it failed.

        `failed` is empty where there is a result; `docs/conventions.md` defines every figure.
        """
        frame = pd.DataFrame(list(self.parameters), columns=list(self.varied))
        for name in METRIC_COLUMNS:
            frame[name] = [each.metrics.get(name, np.nan) for each in self.outcomes]
        frame["failed"] = [each.failed or "" for each in self.outcomes]
        return frame.rename_axis(index="configuration")

    @cached_property
    def returns(self) -> pd.DataFrame:
        """Session returns, sessions × configurations, as fractions; NaN where one failed.

        They have the digits of single precision, as the ledger keeps them.
        """
        days = self.rates.index
        values = np.full((len(days), len(self.outcomes)), np.nan)
        for column, each in enumerate(self.outcomes):
            if each.failed is None:
                values[:, column] = each.returns
        columns = pd.RangeIndex(len(self.outcomes), name="configuration")
        return pd.DataFrame(values, index=pd.DatetimeIndex(days, name="date"), columns=columns)

    @cached_property
    def verdict(self) -> Verdict:
        """Whether the best configuration is to be believed."""
        return judge(
            self.parameters,
            self.table[SHARPE].to_numpy(dtype=np.float64),
            self.table["sharpe_upper_95"].to_numpy(dtype=np.float64),
            self.returns.to_numpy(),
            np.array(self.rates, dtype=np.float64),
            has_steps=self.kind != "sample",
        )

    @property
    def best(self) -> "pd.Series[Any]":
        """The row of `table` with the highest Sharpe ratio.

        Raises
        ------
        SettingsError
            No configuration has one.
        """
        if self.verdict.best < 0:
            reasons = [each.failed for each in self.outcomes if each.failed]
            raise SettingsError(
                "No configuration has a Sharpe ratio", reasons[0] if reasons else "See `table`"
            )
        return self.table.iloc[self.verdict.best]

    def surface(self, x: str, y: str, metric: str = SHARPE, **at: Any) -> "pd.DataFrame":
        """Return one figure over two parameters, as a frame of `x` (rows) and `y` (columns).

        Parameters
        ----------
        x, y : two of the parameters that vary
        metric : a figure of `table`
        at : values of the other parameters; default: those of the best configuration

        Raises
        ------
        UnknownNameError
            There is no such parameter or figure.
        SettingsError
            No configuration has these values, or several have.
        """
        for name in (x, y, *at):
            self._known(name, self.varied, "parameter")
        self._known(metric, METRIC_COLUMNS, "figure")
        if x == y:
            raise SettingsError(f"Both sides of the surface are {x}", "Name two parameters")
        others = [name for name in self.varied if name not in (x, y)]
        rows = self.table
        for name in others:
            value = at[name] if name in at else self.best[name]
            rows = rows[rows[name] == value]
        if rows.empty or rows.duplicated([x, y]).any():
            found = "No" if rows.empty else "More than one"
            raise SettingsError(
                f"{found} configuration has these values", f"They are {at or 'any'}"
            )
        wide: pd.DataFrame = rows.pivot(index=x, columns=y, values=metric)  # noqa: PD010
        return wide.sort_index().sort_index(axis=1)

    def plot(
        self, x: str | None = None, y: str | None = None, metric: str = SHARPE, **at: Any
    ) -> "go.Figure":
        """Draw a surface; default: of the first two parameters that have several values."""
        from quant_platform.reports.sweep_page import curve_figure, surface_figure

        names = [each for each in (x, y) if each is not None]
        names += [each for each in self._axes if each not in names]
        if len(names) < 2:
            axis = names[0] if names else self.varied[0]
            return curve_figure(self.name, self.table, axis, metric)
        wide = self.surface(names[0], names[1], metric, **at)
        return surface_figure(self.name, wide, metric)

    def to_html(self, path: str | Path) -> Path:
        """Write the verdict, the best configurations and the surface as a page; return its path."""
        from quant_platform.reports.backtest_page import fragment_page
        from quant_platform.storage.files import replace_file

        figure = self.plot() if self._axes else None
        replace_file(Path(path), fragment_page(self.name, self._repr_html_(), figure).encode())
        return Path(path)

    @cached_property
    def _axes(self) -> list[str]:
        """Parameters that have several values."""
        return [each for each in self.varied if len(self.table[each].unique()) > 1]

    @staticmethod
    def _known(name: str, names: Sequence[str], what: str) -> None:
        if name not in names:
            raise UnknownNameError(
                f"The sweep has no {what} {name!r}", f"It has: {', '.join(names)}"
            )

    def __len__(self) -> int:
        return len(self.outcomes)

    def __repr__(self) -> str:
        """The verdict, and the best few configurations."""
        shown = [*self.varied, SHARPE, "annualized_return", "max_drawdown", "turnover"]
        best = self.table.sort_values(SHARPE, ascending=False, kind="stable")[shown].head(10)
        days = self.rates.index
        span = f"{days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}"
        warning = f"{self.warning}\n" if self.warning else ""
        return f"Sweep of {self.name}, {span}\n{warning}{self.verdict}\n{best.to_string()}"

    def _repr_html_(self) -> str:
        """Draw itself in a notebook."""
        from quant_platform.reports.sweep_page import sweep_fragment

        wide = None
        if self.kind == "grid" and len(self._axes) >= 2 and self.verdict.best >= 0:
            wide = self.surface(self._axes[0], self._axes[1])
        return sweep_fragment(
            self.name, str(self.verdict), self.table, self.varied, wide, self.warning
        )
