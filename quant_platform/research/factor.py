"""`factor_study`: what a feature foretells of later returns, over stored sessions.

A value of session t is known after its close, so the return begins with the next session's open and
ends with the open `horizon` sessions later: what a portfolio that trades at opens can have. It is a
total return. A security that stops trading before that ends with its last close.

What belongs here: later returns, and the result. What does not: the figures (`evaluation/`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from quant_platform.errors import ContractError, SettingsError
from quant_platform.evaluation.factor_study import (
    information_coefficients,
    mean_with_error,
    quantile_of,
    quantile_returns,
    quantile_turnover,
)
from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.market.calendar import Calendar
from quant_platform.market.panel import Panel
from quant_platform.research.feature_data import FeatureData
from quant_platform.research.reader import TableReader
from quant_platform.time_limit import UNLIMITED, TimeLimit

if TYPE_CHECKING:
    import plotly.graph_objects as go

Z95 = 1.959963984540054
"""Standard normal quantile of a two-sided interval of 95 %."""

MOST_QUANTILES = 100

OWN = "factor"
"""Name of values that have none."""


@dataclass(frozen=True, eq=False)
class FactorStudy:
    """What a factor foretold, by horizon.

    Attributes
    ----------
    name : of the feature
    horizons : sessions over which returns are looked at
    quantiles : how many groups of equal size members are put into
    ic : pd.DataFrame
        Index `date`, a column per horizon: the rank correlation of values and later returns.
    returns : pd.DataFrame
        Index `date`, columns (horizon, quantile): mean later return of the quantile's members, a
        fraction over the whole horizon.
    turnover : pd.DataFrame
        Index `date`, a column per quantile: share of members that were not in it a session before.
    coverage : pd.Series
        By date: members with a known value, as a share of all members.
    """

    name: str
    horizons: Sequence[int]
    quantiles: int
    ic: pd.DataFrame
    returns: pd.DataFrame
    turnover: pd.DataFrame
    coverage: "pd.Series[float]"

    @cached_property
    def summary(self) -> pd.DataFrame:
        """A row per horizon: the mean rank correlation with its error, and the spread.

        ic, standard_error (Newey–West, of overlapping returns), t, lower_95, upper_95, ic_ratio
        (mean / standard deviation), positive (share of sessions above 0), sessions, spread (mean
        later return of the highest quantile less that of the lowest) and monotonicity (rank
        correlation of the quantiles' numbers and mean returns).
        """
        rows = []
        for horizon in self.horizons:
            ic = self.ic[horizon].to_numpy()
            known = ic[np.isfinite(ic)]
            mean, error = mean_with_error(ic, horizon - 1)
            deviation = float(known.std(ddof=1)) if len(known) > 1 else np.nan
            means = self.by_quantile[horizon].to_numpy()
            rows.append(
                {
                    "horizon": horizon,
                    "ic": mean,
                    "standard_error": error,
                    "t": _over(mean, error),
                    "lower_95": mean - Z95 * error,
                    "upper_95": mean + Z95 * error,
                    "ic_ratio": _over(mean, deviation),
                    "positive": float((known > 0.0).mean()) if len(known) else np.nan,
                    "sessions": len(known),
                    "spread": means[-1] - means[0],
                    "monotonicity": _monotonicity(means),
                }
            )
        return pd.DataFrame(rows).set_index("horizon")

    @cached_property
    def by_quantile(self) -> pd.DataFrame:
        """Mean later return: a row per quantile (the lowest is 1), a column per horizon."""
        means = self.returns.mean()
        return pd.DataFrame({horizon: means[horizon] for horizon in self.horizons})

    def plot(self) -> "go.Figure":
        """Draw mean returns by quantile, and the running sum of the rank correlations."""
        from quant_platform.reports.factor_page import factor_figure

        return factor_figure(self.name, self.by_quantile, self.ic)

    def _repr_html_(self) -> str:
        from quant_platform.reports.factor_page import factor_fragment

        return factor_fragment(self.name, self.summary, self.by_quantile)


def factor_study(
    reader: TableReader,
    calendar: Calendar,
    factor: str | pd.DataFrame,
    start: str | None,
    end: str | None,
    horizons: Sequence[int],
    quantiles: int,
    limit: TimeLimit = UNLIMITED,
) -> FactorStudy:
    """Study one feature over the members of each session from `start` to `end`.

    Parameters
    ----------
    factor : name of a feature, or values by date and symbol; each is known after its session
    start, end : ISO dates; None: the first and the last session with bars
    limit : how long each call of a feature may take that somebody added

    Raises
    ------
    SettingsError
        The horizons or the number of quantiles cannot be.
    UnknownNameError
        There is no such feature.
    ContractError
        No value is of the range.
    SessionError
        There are no bars in the range, or a session is missing.
    """
    _check(horizons, quantiles)
    first, last = (day.isoformat() for day in reader.first_and_last_bar())
    stored = calendar.sessions(*reader.first_and_last_bar())
    first, until = start or first, end or last
    days = [day.isoformat() for day in calendar.range(first, until, stored)]
    behind = [day.isoformat() for day in stored if day.isoformat() >= days[-1]]
    reach = behind[min(max(horizons) + 1, len(behind) - 1)]
    data, count = FeatureData(reader, calendar, days[0], reach, limit), len(days)
    if isinstance(factor, str):
        panel, name = data.panel([factor]), factor
        asked = panel[factor]
    else:
        panel, name = data.panel([]), str(factor.attrs.get("name", OWN))
        asked = _aligned(factor, panel)
    values = np.where(panel.member, asked, np.nan)[:count]
    later = {horizon: forward_returns(panel, horizon)[:count] for horizon in horizons}
    dates = pd.DatetimeIndex(panel.sessions[:count].astype("datetime64[s]"), name="date")
    of = quantile_of(values, np.isfinite(values), quantiles)
    numbers = range(1, quantiles + 1)
    columns = pd.MultiIndex.from_product([horizons, numbers], names=["horizon", "quantile"])
    ic = {each: information_coefficients(values, returns) for each, returns in later.items()}
    by_group = np.hstack([quantile_returns(of, returns, quantiles) for returns in later.values()])
    changes = np.stack([quantile_turnover(of, number) for number in numbers], axis=1)
    return FactorStudy(
        name,
        tuple(horizons),
        quantiles,
        pd.DataFrame(ic, index=dates),
        pd.DataFrame(by_group, index=dates, columns=columns),
        pd.DataFrame(changes, index=dates, columns=pd.Index(numbers, name="quantile")),
        _coverage(values, panel.member[:count], dates),
    )


def _aligned(values: pd.DataFrame, panel: Panel) -> FloatArray:
    """Values by date and symbol as the panel has its sessions and securities."""
    days = pd.DatetimeIndex(panel.sessions.astype("datetime64[s]"))
    symbols = pd.Index(panel.symbols)
    frame = values.set_axis(pd.DatetimeIndex(values.index), axis=0)
    if not frame.columns.isin(symbols).any() or not frame.index.isin(days).any():
        raise ContractError(
            "The factor has no value of a session and symbol of the range",
            "Give a frame with dates as its index and tickers as its columns",
        )
    return frame.reindex(index=days, columns=symbols).to_numpy(dtype=np.float64)


def forward_returns(panel: Panel, horizon: int) -> FloatArray:
    """Return total returns from the next session's open to the open `horizon` sessions later.

    NaN where the security did not trade in the next session, or the panel ends before the exit. One
    that has stopped trading by then leaves at its last close.

    Parameters
    ----------
    panel : bars and corporate actions
    """
    opens, closes = panel.adjusted("open"), panel.adjusted("close")
    exits = np.where(panel.traded, opens, _carried(closes, panel.traded))
    found = np.full(opens.shape, np.nan)
    if horizon + 1 < len(opens):
        entry = np.where(panel.traded, opens, np.nan)[1:-horizon]
        found[: -(horizon + 1)] = exits[horizon + 1 :] / np.where(entry > 0.0, entry, np.nan) - 1.0
    return found


def _carried(closes: FloatArray, traded: BoolArray) -> FloatArray:
    """Last close of each security so far."""
    at = np.where(traded, np.arange(len(closes))[:, None], -1)
    last = np.maximum.accumulate(at, axis=0)
    carried = np.take_along_axis(closes, np.maximum(last, 0), axis=0)
    return np.where(last >= 0, carried, np.nan)


def _coverage(values: FloatArray, member: BoolArray, dates: pd.DatetimeIndex) -> "pd.Series[float]":
    known = np.isfinite(values).sum(axis=1) / np.maximum(member.sum(axis=1), 1)
    return pd.Series(known, index=dates, name="coverage")


def _over(value: float, by: float) -> float:
    return value / by if by > 0.0 else np.nan


def _monotonicity(means: FloatArray) -> float:
    numbers = np.arange(len(means), dtype=np.float64)
    return float(information_coefficients(numbers[None], means[None])[0])


def _check(horizons: Sequence[int], quantiles: int) -> None:
    whole = all(isinstance(each, int) and each > 0 for each in horizons)
    if not whole or not horizons or len({*horizons}) < len(horizons):
        raise SettingsError(
            f"The horizons are {tuple(horizons)!r}", "Allowed: different whole numbers above 0"
        )
    if not isinstance(quantiles, int) or not 2 <= quantiles <= MOST_QUANTILES:
        raise SettingsError(
            f"There are to be {quantiles!r} quantiles",
            f"Allowed: a whole number from 2 to {MOST_QUANTILES}",
        )
