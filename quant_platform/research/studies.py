"""`Studies`: what a store finds out about features and strategies, without trading them.

What belongs here: what a user calls, with arguments as a person writes them; nothing writes. What
does not: how it is computed (`factor.py`, `audit.py`). The examples show the sample market, after
`quant-platform demo`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pandas as pd

from quant_platform.errors import SettingsError
from quant_platform.evaluation.factor_study import SpreadCosts
from quant_platform.market.calendar import platform_calendar
from quant_platform.research.arguments import Day, iso_day
from quant_platform.research.audit import Audit, audit
from quant_platform.research.audit_laws import Finding
from quant_platform.research.backtest import as_strategy
from quant_platform.research.factor import FactorPlan, factor_studies, factors_of
from quant_platform.research.factor_result import FactorStudies, FactorStudy
from quant_platform.research.prepared import Assumptions
from quant_platform.research.trial_lists import TrialLists
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.book import Book
from quant_platform.strategies.books import book_or, with_portfolios
from quant_platform.strategies.condition_sources import read_sources
from quant_platform.strategies.function import Weights
from quant_platform.strategies.models import model_of, models_of
from quant_platform.time_limit import TimeLimit
from quant_platform.trading.costs import Costs, costs_of
from quant_platform.trading.delistings import DelistingRules
from quant_platform.trading.limits import Limits

Audited = str | Strategy | Weights | Book


class _Models:
    """Strategies of an audit: the same one wherever it stands, alone or as a member."""

    def __init__(self, named: Callable[[object], Strategy]) -> None:
        self._named = named
        self.by_name: dict[object, Strategy] = {}

    def with_members(self, given: object) -> tuple[Strategy | Book, dict[str, Strategy]]:
        """Return a model, or a book with its members by their names in it."""
        if isinstance(given, Book):
            return given, {name: self._once(each) for name, each in given.models.items()}
        return self._once(given), {}

    def _once(self, given: object) -> Strategy:
        key = given if isinstance(given, str) else id(given)
        if key not in self.by_name:
            self.by_name[key] = self._named(given)
        return self.by_name[key]


@dataclass(frozen=True)
class Studies(TrialLists):
    """Factor studies and audits over the tables of one database."""

    def factor(
        self,
        factor: str | pd.DataFrame,
        start: Day | None = None,
        end: Day | None = None,
        *,
        horizons: Sequence[int] = (1, 5, 21),
        quantiles: int = 5,
        costs: Costs | None = None,
    ) -> FactorStudy:
        """Study what a feature foretells: correlations with later returns, and returns by quantile.

        Returns begin with the open of the next session: what a portfolio could have had.

        Parameters
        ----------
        factor : name of a feature, stored or computed in memory; or values of your own, each known
            after its session: a frame with dates as its index and tickers as its columns
        start, end : first and last session of its values; default: all that are stored
        horizons : sessions over which returns are looked at
        quantiles : how many groups of equal size members are put into
        costs : what trading the spread costs (commission, spread, taxes and borrowing of it);
            default: the settings

        Raises
        ------
        UnknownNameError, SessionError, SettingsError, ContractError
            As `quant_platform.research.factor.factor_studies`.

        Examples
        --------
        >>> import quant_platform as qp
        >>> study = qp.open().factor("momentum_20", "2008-01-02", "2008-12-31", quantiles=2)
        >>> study.summary.index.tolist(), study.by_quantile.shape
        ([1, 5, 21], (2, 3))
        """
        studies = self._studied([factor], start, end, horizons, quantiles, costs)
        return next(iter(studies.values()))

    def factors(
        self,
        factors: "Sequence[str] | Mapping[str, str | pd.DataFrame]",
        start: Day | None = None,
        end: Day | None = None,
        *,
        horizons: Sequence[int] = (1, 5, 21),
        quantiles: int = 5,
        costs: Costs | None = None,
    ) -> FactorStudies:
        """Study several factors over one reading of the market, and how they go together.

        Parameters
        ----------
        factors : names of features; or by a name of your own, features or values as of `factor`
        start, end, horizons, quantiles, costs : as of `factor`

        Raises
        ------
        SettingsError
            There is none, or one is named twice.
        UnknownNameError, SessionError, ContractError
            As `factor`.

        Examples
        --------
        >>> import quant_platform as qp
        >>> both = qp.open().factors(["momentum_20", "rsi_14"], "2008-01-02", "2008-12-31")
        >>> list(both), bool(both.correlation.loc["momentum_20", "rsi_14"] > 0.5)
        (['momentum_20', 'rsi_14'], True)
        """
        if isinstance(factors, str):
            raise SettingsError("The factors are one name", f"Give a list: [{factors!r}]")
        if not isinstance(factors, (Sequence, Mapping)):
            raise SettingsError(f"The factors are {factors!r:.80}", "Give a list of names")
        return self._studied(factors, start, end, horizons, quantiles, costs)

    def _studied(
        self,
        factors: "Sequence[str | pd.DataFrame] | Mapping[str, str | pd.DataFrame]",
        start: Day | None,
        end: Day | None,
        horizons: Sequence[int],
        quantiles: int,
        costs: Costs | None,
    ) -> FactorStudies:
        plan = FactorPlan(
            tuple(horizons) if isinstance(horizons, Iterable) else (horizons,),
            quantiles,
            SpreadCosts.of(costs_of(self.settings) if costs is None else costs),
        )
        wanted = factors_of(factors)
        first, last = (None if each is None else iso_day(each) for each in (start, end))
        self._reader.refuse_sealed(last)
        calendar = platform_calendar(self.settings)
        limit = TimeLimit(self.settings.step_seconds)
        return factor_studies(self._reader, calendar, wanted, first, last, plan, limit)

    def audit(
        self,
        strategies: "Sequence[Audited] | Audited | None" = None,
        start: Day | None = None,
        end: Day | None = None,
        *,
        seed: int = 0,
        on_finding: Callable[[Finding], None] = lambda finding: None,
    ) -> Audit:
        """Prove or refute that strategies, and what they read, do not look ahead.

        Features, signals, portfolios and figures are computed over the whole range, over histories
        that end earlier, in pieces, and again, and compared bit for bit; features and the signals
        of models with what is stored.

        Parameters
        ----------
        strategies : one or several, as `backtest` takes them; default: all models and books. Of a
            book, its members are audited as well
        start, end : first and last session; default: the last year of bars
        seed : of the sessions with which the history ends and of the pieces
        on_finding : is told of each finding as it comes

        Raises
        ------
        UnknownNameError, SessionError, SettingsError
            As `backtest`.

        Examples
        --------
        >>> import quant_platform as qp
        >>> qp.open().audit("mean_reversion", "2008-01-02", "2008-03-31").holds
        True
        """
        self._reader.refuse_sealed(None if end is None else iso_day(end))
        calendar = platform_calendar(self.settings)
        assumed, named = self.settings, partial(model_of, self.settings)
        known = [each.name for each in models_of(assumed)]
        wanted = with_portfolios(assumed) if strategies is None else strategies
        chosen = (
            wanted if isinstance(wanted, Sequence) and not isinstance(wanted, str) else [wanted]
        )
        models = _Models(partial(as_strategy, calendar=calendar, named=named))
        given = [models.with_members(book_or(assumed, each)) for each in chosen]
        return audit(
            self._reader,
            given,
            start,
            end,
            calendar=calendar,
            assumed=self._assumed(),
            registered=[each for each in known if each in models.by_name],
            seconds=assumed.step_seconds,
            seed=seed,
            on_finding=on_finding,
        )

    def _assumed(self, **given: Any) -> Assumptions:
        """Return what is given, and the settings' where that is None."""
        usual = self.settings
        assumed = Assumptions(
            costs_of(usual),
            Limits.read(usual.limits),
            DelistingRules.of(usual),
            usual.capital,
            usual.risk_free,
            read_sources(usual.conditions),
        )
        return replace(assumed, **{name: each for name, each in given.items() if each is not None})
