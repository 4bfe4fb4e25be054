"""`FactorStudy`, what a factor foretold, and `FactorStudies` of several: tables, pictures, a page.

What does not belong here: the figures (`evaluation/`), and how a page looks (`reports/`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from quant_platform.evaluation.factor_study import (
    SpreadCosts,
    half_life_of_decay,
    half_life_of_persistence,
    interval,
    mean_with_error,
    monotonicity,
    ratio,
)
from quant_platform.kernels.arrays import FloatArray
from quant_platform.storage.files import replace_file

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False)
class FactorStudy:
    """What a factor foretold, by horizon.

    Attributes
    ----------
    name : of the feature
    horizons : sessions over which returns are looked at
    quantiles : how many groups of equal size members are put into
    ic, rank_ic : pd.DataFrame
        Index `date`, a column per horizon: Pearson's and Spearman's correlation of values and later
        returns across members.
    slope : pd.DataFrame
        The same for the slope of the least-squares line: later return per unit of the value. Of a
        forecast of that return it is 1 where the forecast is calibrated.
    returns : pd.DataFrame
        Index `date`, columns (horizon, quantile): mean later return of the quantile's members, a
        fraction over the whole horizon.
    turnover : pd.DataFrame
        The same: share of the quantile's members that were not in it `horizon` sessions before.
    autocorrelation : pd.DataFrame
        Index `date`, a column per lag in sessions: correlation of the members' ranks with theirs
        before.
    coverage : pd.Series
        By date: members with a known value, as a share of all members.
    decay : pd.DataFrame
        Index `lag`: mean rank correlation with returns of the shortest horizon that begin so many
        sessions later; rank_ic, error, t, sessions.
    by_sector, by_size : pd.DataFrame
        Index (group, horizon): members, sessions, ic, rank_ic, rank_ic_error, rank_ic_t. The sector
        is the one that the universe states, the size a third by the mean value traded in 20
        sessions. Empty where that is not known.
    costs : what `net_spread` is less
    notes : where figures are missing, and why
    """

    name: str
    horizons: Sequence[int]
    quantiles: int
    ic: pd.DataFrame
    rank_ic: pd.DataFrame
    slope: pd.DataFrame
    returns: pd.DataFrame
    turnover: pd.DataFrame
    autocorrelation: pd.DataFrame
    coverage: "pd.Series[float]"
    decay: pd.DataFrame
    by_sector: pd.DataFrame
    by_size: pd.DataFrame
    costs: SpreadCosts
    notes: tuple[str, ...] = ()

    @cached_property
    def summary(self) -> pd.DataFrame:
        """A row per horizon: means over sessions, with errors that know of overlapping returns.

        sessions, ic, ic_error, ic_t, rank_ic, rank_ic_error, rank_ic_t, rank_ic_lower and
        rank_ic_upper (95 %), ic_ratio (mean / standard deviation of the rank correlations),
        positive (share of sessions above 0), slope, slope_error, spread (later return of the
        highest quantile less that of the lowest), spread_error, spread_t, turnover (mean of the two
        quantiles), cost, net_spread, net_spread_t, monotonicity (rank correlation of the quantiles'
        numbers and mean returns) and autocorrelation (at the horizon). Spreads are fractions over
        the whole horizon.
        """
        rows = [self._summed(horizon) for horizon in self.horizons]
        return pd.DataFrame(rows).set_index("horizon")

    def _summed(self, horizon: int) -> dict[str, float]:
        rank_ic = self.rank_ic[horizon].to_numpy()
        known = rank_ic[np.isfinite(rank_ic)]
        deviation = float(known.std(ddof=1)) if len(known) > 1 else np.nan
        of = {
            "ic": self.ic[horizon],
            "rank_ic": self.rank_ic[horizon],
            "slope": self.slope[horizon],
            "spread": self.spread[horizon],
            "net_spread": self.net_spread[horizon],
        }
        means = {name: mean_with_error(each.to_numpy(), horizon) for name, each in of.items()}
        lower, upper = interval(*means["rank_ic"])
        ends = self._ends(horizon)
        return {
            "horizon": horizon,
            "sessions": len(known),
            "ic": means["ic"][0],
            "ic_error": means["ic"][1],
            "ic_t": ratio(*means["ic"]),
            "rank_ic": means["rank_ic"][0],
            "rank_ic_error": means["rank_ic"][1],
            "rank_ic_t": ratio(*means["rank_ic"]),
            "rank_ic_lower": lower,
            "rank_ic_upper": upper,
            "ic_ratio": ratio(means["rank_ic"][0], deviation),
            "positive": float((known > 0.0).mean()) if len(known) else np.nan,
            "slope": means["slope"][0],
            "slope_error": means["slope"][1],
            "spread": means["spread"][0],
            "spread_error": means["spread"][1],
            "spread_t": ratio(*means["spread"]),
            "turnover": float(ends.mean().mean()),
            "cost": float(self._cost(horizon).mean()),
            "net_spread": means["net_spread"][0],
            "net_spread_t": ratio(*means["net_spread"]),
            "monotonicity": monotonicity(self.by_quantile[horizon].to_numpy()),
            "autocorrelation": float(self.autocorrelation[horizon].mean()),
        }

    @cached_property
    def spread(self) -> pd.DataFrame:
        """Later return of the highest quantile less that of the lowest, by date and horizon."""
        return pd.DataFrame(
            {
                horizon: self.returns[horizon, self.quantiles] - self.returns[horizon, 1]
                for horizon in self.horizons
            }
        )

    @cached_property
    def net_spread(self) -> pd.DataFrame:
        """The spread of each session less what it costs to trade; see `SpreadCosts`."""
        return pd.DataFrame(
            {horizon: self.spread[horizon] - self._cost(horizon) for horizon in self.horizons}
        )

    def _ends(self, horizon: int) -> pd.DataFrame:
        """Turnover of the lowest and the highest quantile."""
        return self.turnover[[(horizon, 1), (horizon, self.quantiles)]]

    def _cost(self, horizon: int) -> "pd.Series[float]":
        replaced = self._ends(horizon).sum(axis=1, min_count=2)
        costs = self.costs.of_turnover(replaced.to_numpy(np.float64), horizon)
        return pd.Series(costs, index=replaced.index)

    @cached_property
    def by_quantile(self) -> pd.DataFrame:
        """Mean later return: a row per quantile (the lowest is 1), a column per horizon."""
        means = self.returns.mean()
        return pd.DataFrame({horizon: means[horizon] for horizon in self.horizons})

    @cached_property
    def half_life(self) -> "pd.Series[float]":
        """Sessions until half is left: of the rank correlation (ic), and of the factor's own ranks.

        NaN where it is never halved within the lags looked at.
        """
        return pd.Series(
            {
                "ic": half_life_of_decay(
                    self.decay.index.to_numpy(np.float64), self.decay["rank_ic"].to_numpy()
                ),
                "ranks": half_life_of_persistence(float(self.autocorrelation[1].mean())),
            },
            name="half_life",
        )

    def plot(self) -> "go.Figure":
        """Draw returns by quantile, summed rank correlations, decay, and the spread."""
        from quant_platform.reports.factor_page import factor_figure

        return factor_figure(self)

    def to_html(self, path: str | Path) -> Path:
        """Write a page that needs nothing but itself, and return its path."""
        target = Path(path)
        replace_file(target, self.html().encode())
        return target

    def html(self, library: str = "", links: str = "") -> str:
        """Return the page.

        Parameters
        ----------
        library : file beside the page that holds Plotly's script; empty: the page holds it itself
        links : HTML of links to other pages
        """
        from quant_platform.reports.factor_page import factor_page

        return factor_page(self, library, links)

    def _repr_html_(self) -> str:
        from quant_platform.reports.factor_page import factor_fragment

        return factor_fragment(self)


@dataclass(frozen=True, eq=False)
class FactorStudies(Mapping[str, FactorStudy]):
    """Studies of several factors over the same sessions, by name.

    Attributes
    ----------
    studies : by name
    correlation : pd.DataFrame
        Mean over sessions of the rank correlations between the factors' values.
    """

    studies: Mapping[str, FactorStudy]
    correlation: pd.DataFrame

    def __getitem__(self, name: str) -> FactorStudy:
        return self.studies[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.studies)

    def __len__(self) -> int:
        return len(self.studies)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """The studies' summaries: index (factor, horizon)."""
        return pd.concat({name: each.summary for name, each in self.items()}, names=["factor"])

    @cached_property
    def ic_correlation(self) -> pd.DataFrame:
        """Correlation over sessions of the factors' rank correlations at the shortest horizon."""
        return pd.DataFrame(
            {name: each.rank_ic[self._shortest] for name, each in self.items()}
        ).corr()

    @property
    def last_session(self) -> pd.Timestamp:
        """Last session of the factors' values."""
        last: pd.Timestamp = next(iter(self.values())).rank_ic.index[-1]
        return last

    @property
    def _shortest(self) -> int:
        return min(next(iter(self.values())).horizons)

    def plot(self) -> "go.Figure":
        """Draw the correlations between the factors, and between what they foretold."""
        from quant_platform.reports.factor_page import correlation_figure

        return correlation_figure(self.correlation, self.ic_correlation)

    def to_html(self, path: str | Path) -> Path:
        """Write a page that needs nothing but itself, and return its path."""
        from quant_platform.reports.factor_page import factors_page

        target = Path(path)
        replace_file(target, factors_page(self.summary, self.plot(), self.last_session).encode())
        return target

    def _repr_html_(self) -> str:
        from quant_platform.reports.factor_page import factors_fragment

        return factors_fragment(self.summary, self.correlation)


def stacked(
    by_horizon: Mapping[int, FloatArray], dates: pd.DatetimeIndex, quantiles: int
) -> pd.DataFrame:
    """Arrays of (sessions, quantiles) by horizon as one frame: columns (horizon, quantile)."""
    columns = pd.MultiIndex.from_product(
        [list(by_horizon), range(1, quantiles + 1)], names=["horizon", "quantile"]
    )
    return pd.DataFrame(np.hstack(list(by_horizon.values())), index=dates, columns=columns)
