"""`factor_study`: what features foretell of later returns, over stored sessions.

A value of session t is known after its close, so the return begins with the next session's open and
ends with the open `horizon` sessions later: what a portfolio that trades at opens can have. It is a
total return. A security that stops trading before that ends with its last close.

What belongs here: what is read, and values brought onto a panel. What does not: later returns
(`market/`), figures (`evaluation/`) and the result (`factor_result.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from quant_platform.errors import ContractError, SettingsError
from quant_platform.evaluation.factor_sessions import Ordered, ranks_of
from quant_platform.evaluation.factor_study import SpreadCosts
from quant_platform.evaluation.factor_tables import (
    by_sector,
    by_size,
    decay_table,
    group_table,
    mean_rank_correlations,
    notes_on,
    session_figures,
)
from quant_platform.features.feature_registry import select
from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.calendar import Calendar
from quant_platform.market.later_returns import forward_returns
from quant_platform.market.liquidity import value_traded
from quant_platform.market.panel import Panel
from quant_platform.research.factor_result import FactorStudies, FactorStudy, stacked
from quant_platform.research.feature_data import FeatureData
from quant_platform.research.reader import TableReader
from quant_platform.time_limit import UNLIMITED, TimeLimit

MOST_QUANTILES = 100

OWN = "factor"
"""Name of values that have none."""


@dataclass(frozen=True)
class FactorPlan:
    """What a study is to look at.

    Attributes
    ----------
    horizons : sessions over which returns are looked at
    quantiles : how many groups of equal size members are put into
    costs : of trading the spread

    Raises
    ------
    SettingsError
        The horizons or the number of quantiles cannot be.
    """

    horizons: tuple[int, ...] = (1, 5, 21)
    quantiles: int = 5
    costs: SpreadCosts = field(default_factory=SpreadCosts)

    def __post_init__(self) -> None:
        horizons, quantiles = self.horizons, self.quantiles
        whole = all(type(each) is int and each > 0 for each in horizons)
        if not whole or not horizons or len({*horizons}) < len(horizons):
            raise SettingsError(
                f"The horizons are {tuple(horizons)!r}", "Allowed: different whole numbers above 0"
            )
        if type(quantiles) is not int or not 2 <= quantiles <= MOST_QUANTILES:
            raise SettingsError(
                f"There are to be {quantiles!r} quantiles",
                f"Allowed: a whole number from 2 to {MOST_QUANTILES}",
            )


@dataclass(frozen=True)
class Factor:
    """A factor by its name.

    Attributes
    ----------
    name : in the result
    feature : that it is; None: it is what is given
    given : values by date and symbol, each known after its session
    """

    name: str
    feature: str | None = None
    given: pd.DataFrame | None = None


def factors_of(
    given: "Sequence[str | pd.DataFrame] | Mapping[str, str | pd.DataFrame]",
) -> list[Factor]:
    """Return factors from names of features and values, as a person writes them.

    Raises
    ------
    SettingsError
        There is none, two have one name, or one is neither a name nor a frame.
    UnknownNameError
        There is no such feature.
    """
    values = list(given.values() if isinstance(given, Mapping) else given)
    if strange := [each for each in values if not isinstance(each, (str, pd.DataFrame))]:
        raise SettingsError(
            f"A factor is {strange[0]!r:.80}", "Give a feature's name, or a frame of values"
        )
    if isinstance(given, Mapping):
        named = [(str(name), each) for name, each in given.items()]
    else:
        named = [
            (each if isinstance(each, str) else str(each.attrs.get("name", OWN)), each)
            for each in values
        ]
    if not named:
        raise SettingsError("There is no factor to study", "Give at least one")
    found = [
        Factor(name, select([each])[0].name) if isinstance(each, str) else Factor(name, None, each)
        for name, each in named
    ]
    names = [each.name for each in found]
    if twice := sorted({each for each in names if names.count(each) > 1}):
        raise SettingsError(f"Two factors are called {twice[0]!r}", "Give each a name of its own")
    return found


@dataclass(frozen=True)
class StudiedMarket:
    """A panel, what follows from it for every factor, and the sessions of the values.

    Attributes
    ----------
    panel : bars, actions and universe of the sessions of the values, and of those after them in
        which returns end
    sessions : how many of its sessions have values
    plan : what is looked at
    """

    panel: Panel
    sessions: int
    plan: FactorPlan

    def studies(self, factors: Mapping[str, FloatArray]) -> FactorStudies:
        """Study factors, each by its name as (sessions, securities) of the panel."""
        panel, count, plan = self.panel, self.sessions, self.plan
        member = np.asarray(panel.member[:count])
        returns = forward_returns(panel, plan.horizons)
        later = {each: Ordered.of(returns[each][:count], stable=False) for each in plan.horizons}
        groupings = {
            "sector": by_sector(panel.sectors[:count], panel.sector_names, member),
            "size": by_size(value_traded(panel)[:count], member),
        }
        known = {name: each for name, each in groupings.items() if each is not None}
        dates = pd.DatetimeIndex(panel.sessions[:count].astype("datetime64[s]"), name="date")
        members = np.maximum(member.sum(axis=1), 1)
        studies, ranks = {}, []
        for name, values in factors.items():
            ordered = Ordered.of(values[:count], member)
            found = session_figures(ordered, later, plan.quantiles, known)
            if len(factors) > 1:
                ranks.append(ranks_of(ordered).values)
            tables = {each: group_table(*found.grouped.get(each, ((), {}))) for each in groupings}
            studies[name] = FactorStudy(
                name,
                plan.horizons,
                plan.quantiles,
                _wide({each: found.pairs[each].ic[:, 0] for each in plan.horizons}, dates),
                _wide({each: found.pairs[each].rank_ic[:, 0] for each in plan.horizons}, dates),
                _wide({each: found.pairs[each].slope[:, 0] for each in plan.horizons}, dates),
                stacked(found.returns, dates, plan.quantiles),
                stacked(found.turnover, dates, plan.quantiles),
                _wide(found.autocorrelation, dates, "lag"),
                pd.Series(found.known / members, index=dates, name="coverage"),
                decay_table(found.decay, min(plan.horizons)),
                tables["sector"],
                tables["size"],
                plan.costs,
                notes_on(found, plan.quantiles, groupings),
            )
        names = list(studies)
        correlation = mean_rank_correlations(ranks) if ranks else np.ones((1, 1))
        return FactorStudies(studies, pd.DataFrame(correlation, index=names, columns=names))


def factor_studies(
    reader: TableReader,
    calendar: Calendar,
    factors: Sequence[Factor],
    start: str | None,
    end: str | None,
    plan: FactorPlan,
    limit: TimeLimit = UNLIMITED,
) -> FactorStudies:
    """Study factors over the members of each session from `start` to `end`.

    Parameters
    ----------
    factors : of different names
    start, end : ISO dates; None: the first and the last session with bars
    limit : how long each call of a feature may take that somebody added

    Raises
    ------
    ContractError
        No value is of the range.
    SettingsError
        A horizon is longer than what is stored.
    SessionError
        There are no bars in the range, or a session is missing.
    """
    first, last = (day.isoformat() for day in reader.first_and_last_bar())
    stored = calendar.sessions(*reader.first_and_last_bar())
    if max(plan.horizons) >= len(stored):
        raise SettingsError(
            f"A horizon is {max(plan.horizons):,}, and {len(stored):,} sessions are stored",
            "Give shorter horizons",
        )
    first, until = start or first, end or last
    days = [day.isoformat() for day in calendar.range(first, until, stored)]
    behind = [day.isoformat() for day in stored if day.isoformat() >= days[-1]]
    reach = behind[min(max(plan.horizons) + 1, len(behind) - 1)]
    data = FeatureData(reader, calendar, days[0], reach, limit)
    features = [each.feature for each in factors if each.feature is not None]
    panel = data.panel([*dict.fromkeys(features)])
    values = {
        each.name: _aligned(each.given, panel)
        if each.given is not None
        else panel[str(each.feature)]
        for each in factors
    }
    return StudiedMarket(panel, len(days), plan).studies(values)


def _aligned(values: pd.DataFrame, panel: Panel) -> FloatArray:
    """Values by date and symbol as the panel has its sessions and securities."""
    days = pd.DatetimeIndex(panel.sessions.astype("datetime64[s]"))
    symbols = pd.Index(panel.symbols)
    frame = values.set_axis(pd.DatetimeIndex(values.index), axis=0)
    for axis in (frame.index, frame.columns):
        if axis.has_duplicates:
            raise ContractError(
                f"The factor has {axis[axis.duplicated()][0]} twice",
                "Give one row for each date, and one column for each ticker",
            )
    if strange := [name for name, kind in frame.dtypes.items() if not is_numeric_dtype(kind)]:
        raise ContractError(
            f"The factor's values of {strange[0]} are no numbers", "Give numbers, NaN where unknown"
        )
    if not frame.columns.isin(symbols).any() or not frame.index.isin(days).any():
        raise ContractError(
            "The factor has no value of a session and symbol of the range",
            "Give a frame with dates as its index and tickers as its columns",
        )
    return frame.reindex(index=days, columns=symbols).to_numpy(dtype=np.float64)


def _wide(
    by_column: Mapping[int, FloatArray], dates: pd.DatetimeIndex, name: str = "horizon"
) -> pd.DataFrame:
    frame = pd.DataFrame(dict(by_column), index=dates)
    return frame.rename_axis(columns=name)
