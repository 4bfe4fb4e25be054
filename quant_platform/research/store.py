"""`Store`: what the platform holds, for a notebook: prices, features, tables, SQL and backtests.

>>> import quant_platform as qp
>>> store = qp.open()
>>> store.prices("2008-01-02", "2008-12-31", symbols=["AAPL", "IBM"]).shape
(253, 2)

What belongs here: what a user calls, with arguments as a person writes them. Nothing is written but
the ledger of trials, in which each simulation counts. What does not: how rows are read
(`reader.py`) and backtests are computed (`backtest.py`, `sweep.py`). The examples show the sample
market, after `quant-platform demo`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from quant_platform.features.feature_registry import select
from quant_platform.market.calendar import platform_calendar
from quant_platform.market.panel import Panel
from quant_platform.provenance import person
from quant_platform.research import arguments
from quant_platform.research.arguments import Day, Names, iso_day, iso_range, several
from quant_platform.research.backtest import as_strategy, backtest
from quant_platform.research.benchmark import Benchmark
from quant_platform.research.configurations import Space
from quant_platform.research.feature_data import FeatureData
from quant_platform.research.forecasting import Forecasting
from quant_platform.research.given_conditions import Given
from quant_platform.research.prices import (
    securities_of,
)
from quant_platform.research.progress import Show
from quant_platform.research.reader import TableReader
from quant_platform.research.recording import Recorder
from quant_platform.research.reproducible import Reproducible
from quant_platform.research.result import Backtest
from quant_platform.research.sweep import sweep
from quant_platform.research.sweep_result import Sweep
from quant_platform.research.validations import Validations
from quant_platform.settings import Settings
from quant_platform.storage.database import existing_database, reader_database
from quant_platform.storage.holdout import keep_holdout
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.book import Book
from quant_platform.strategies.books import book_or
from quant_platform.strategies.function import Weights
from quant_platform.strategies.models import model_of
from quant_platform.time_limit import TimeLimit
from quant_platform.trading.costs import Costs
from quant_platform.trading.delistings import DelistingRules
from quant_platform.trading.limits import Limits


def open_store(source: Settings | Path | str | None = None) -> "Store":
    """Open the store of a project; as `quant_platform.open`, the way in of a notebook.

    Parameters
    ----------
    source : the project's folder, whose `.env` and environment are read, the URL of a database, or
        settings; default: the project that the current folder lies in, and outside of one the
        user's own data

    Raises
    ------
    SettingsError
        A setting has no valid value, or there is no such folder, or no database. None is made.
    DatabaseError
        The database cannot be reached.

    Examples
    --------
    >>> import quant_platform as qp
    >>> store = qp.open()
    """
    settings = source if isinstance(source, Settings) else arguments.settings_of(source)
    if settings.holdout:
        keep_holdout(existing_database(settings), settings.holdout, person())
    return Store(reader_database(settings), settings)


@dataclass(frozen=True)
class Store(Validations, Forecasting, Reproducible):
    """The tables of one database, as they are known now or were known at a moment.

    All methods read; `backtest` and `sweep` are counted in the ledger of trials, and nothing else
    is written. Dates go from `start` to `end`, both included. Errors are of `QuantPlatformError`,
    one line each.

    Attributes
    ----------
    database : where the tables are
    settings : closures of the exchange, and costs, capital and risk-free rate of backtests;
        default: the platform's defaults
    moment : when the rows were known; None: now
    origin : who runs its simulations: notebook or command
    """

    def features(
        self,
        names: Names | None,
        start: Day,
        end: Day,
        *,
        symbols: Names | None = None,
    ) -> pd.DataFrame:
        """Read features of the universe's members; what is not stored is computed in memory.

        Parameters
        ----------
        names : features; None: all
        symbols : the securities that carried one of these tickers from `start` to `end`, each with
            its whole series, whatever its ticker was; default: all

        Returns
        -------
        pd.DataFrame
            Index `date` and `symbol` (the ticker of the session), sorted: a row per session and
            member with a bar. A column per feature, NaN where unknown.

        Raises
        ------
        SessionError
            A date cannot be read, the dates are reversed, or there are no bars, or a session is
            missing.
        UnknownNameError
            There is no such feature.

        Examples
        --------
        >>> import quant_platform as qp
        >>> rows = qp.open().features(["sma_50", "rsi_14"], "2008-07-01", "2008-07-01")
        >>> rows.columns.tolist(), rows.index.get_level_values("symbol").tolist()
        (['sma_50', 'rsi_14'], ['AAPL', 'GOOG', 'IBM', 'MSFT'])
        """
        wanted = _names(names)
        first, last = iso_range(start, end)
        among = securities_of(self._reader, symbols, first, last)
        securities = None if among is None else among["security_id"]
        return self._range(first, last).frame(wanted, securities)

    def panel(self, names: Names | None, start: Day, end: Day) -> Panel:
        """Read bars, actions, universe and features as sessions × securities arrays.

        Parameters
        ----------
        names : features, stored or computed in memory; None: no feature

        Returns
        -------
        Panel
            The securities that were members of the universe in some session of the range.

        Raises
        ------
        SessionError, UnknownNameError
            As `features`.

        Examples
        --------
        >>> import quant_platform as qp
        >>> panel = qp.open().panel("momentum_20", "2008-07-01", "2008-12-31")
        >>> weights = panel.top(panel["momentum_20"], n=2, every="month")
        >>> panel.wide(weights).loc["2008-08-01"].tolist()
        [0.0, 0.0, 0.5, 0.5]
        """
        wanted = [] if names is None else _names(names)
        return self._range(*iso_range(start, end)).panel(wanted)

    def backtest(
        self,
        strategy: str | Strategy | Weights | Book,
        start: Day,
        end: Day,
        *,
        costs: Costs | None = None,
        limits: Limits | None = None,
        delistings: DelistingRules | None = None,
        capital: float | None = None,
        risk_free: float | None = None,
        benchmark: Benchmark | None = None,
        conditions: Given | None = None,
        time_limit: float | None = None,
    ) -> Backtest:
        """Run a strategy over stored sessions, in memory, and count it in the ledger of trials.

        A result that could not be counted says so, and can enter no ranking (`result.counted`).

        Parameters
        ----------
        strategy : a model of QUANT_PLATFORM_MODELS, a book of QUANT_PLATFORM_BOOKS or a strategy by
            its name, any `Strategy` or `Book`, or a function of a panel that returns weights
        start, end : first and last session, as far as there are bars
        costs, limits, delistings, capital, risk_free : default: the settings
        benchmark : a model or its name, `symbol:TICKER`, or returns; default: the strategy's own,
            or else the settings'
        conditions : `borrow`, `available`, `recalled` and `beta` of securities, each as a frame of
            dates × tickers, a series by ticker, `own:DATASET.FIELD` or the name of a feature
            (`research/given_conditions.py`); default: the settings
        time_limit : seconds that each call of the strategy may take, or of a feature of your own;
            0: no limit; default: QUANT_PLATFORM_STEP_SECONDS

        Raises
        ------
        UnknownNameError, SessionError, ContractError, SettingsError, OverdueError
            As `quant_platform.research.backtest.backtest`, which says how it is computed.

        Examples
        --------
        >>> import quant_platform as qp
        >>> result = qp.open().backtest("mean_reversion", "2008-01-02", "2008-12-31")
        >>> float(result.portfolios["equity"].iloc[-1].round(2))
        982880.01
        """
        settings, begun = self.settings, time.perf_counter()
        calendar, named = platform_calendar(settings), partial(model_of, settings)
        given = book_or(settings, strategy)
        model = given if isinstance(given, Book) else as_strategy(given, calendar, named)
        assumed = self._assumed(
            costs=costs,
            limits=limits,
            delistings=delistings,
            capital=capital,
            risk_free=risk_free,
            conditions=conditions,
        )
        against = benchmark if benchmark is not None else model.benchmark or settings.benchmark
        recorder = Recorder(self._ledger, self._reader, calendar, named, self.origin)
        reader = self._reader
        if self._sealed is not None and iso_day(end) >= self._sealed.isoformat():
            recorder.refuse_unopened(model, assumed, against)
            reader = TableReader(existing_database(settings), self.moment)
            recorder = replace(recorder, reader=reader)
        result = backtest(
            reader,
            model,
            start,
            end,
            calendar=calendar,
            assumed=assumed,
            benchmark=benchmark,
            default_benchmark=settings.benchmark,
            named=named,
            limit=TimeLimit(settings.step_seconds if time_limit is None else time_limit),
        )
        seconds = time.perf_counter() - begun
        return recorder.record(result, model, assumed, against, seconds)

    def sweep(
        self,
        strategy: str | Strategy | type[Strategy] | Callable[..., object],
        parameters: Space,
        start: Day,
        end: Day,
        *,
        sample: int | None = None,
        seed: int = 0,
        costs: Costs | None = None,
        limits: Limits | None = None,
        delistings: DelistingRules | None = None,
        capital: float | None = None,
        risk_free: float | None = None,
        benchmark: Benchmark | None = None,
        client: Any = None,
        progress: bool | Show = True,
        confirm: bool = False,
        resume: bool = True,
        time_limit: float | None = None,
    ) -> Sweep:
        """Run many configurations of a strategy over the same sessions.

        The market is read once (`research/sweep.py` says what memory is needed). Each configuration
        counts as a trial, and one that was run before, on the same data by the same code, is not
        run again: after Ctrl-C the same call goes on. Where the database takes nothing, runs are
        kept in `trials.sqlite` in the platform's home, and are not counted.

        Parameters
        ----------
        strategy : name, class or instance of a strategy, or a function of a panel and parameters
            that returns weights
        parameters : a grid (name → values), a list of parameters, or, with `sample`, a sampler
            (name → lowest and highest value, a list, a function of a random generator, or a
            distribution of SciPy)
        start, end : first and last session, as far as there are bars
        sample, seed : how many configurations are drawn; the same seed draws the same ones
        costs, limits, delistings, capital, risk_free, benchmark, time_limit : as of `backtest`; a
            configuration that takes longer fails alone
        client : a `dask.distributed.Client`, whose workers run the configurations; they must reach
            the database (extra `dask`)
        progress, confirm : whether progress is shown; run more than 10,000 configurations, which
            else are refused with an estimate
        resume : whether what was run before is taken from the ledger; it counts in any case

        Raises
        ------
        SettingsError
            The strategy has no such parameter or refuses a value, or there are too many
            configurations to run unasked.
        UnknownNameError, SessionError
            As `backtest`.
        """
        assumed = self.settings
        return sweep(
            self._reader,
            self._swept(strategy),
            parameters,
            start,
            end,
            calendar=platform_calendar(assumed),
            assumed=self._assumed(
                costs=costs,
                limits=limits,
                delistings=delistings,
                capital=capital,
                risk_free=risk_free,
            ),
            benchmark=self._rival(benchmark),
            default_benchmark=self._rival(assumed.benchmark) or assumed.benchmark,
            meant=self._rival,
            sample=sample,
            seed=seed,
            client=client,
            ledger=self._ledger,
            resume=resume,
            progress=progress,
            confirm=confirm,
            time_limit=assumed.step_seconds if time_limit is None else time_limit,
        )

    def _range(self, first: str, last: str) -> FeatureData:
        limit = TimeLimit(self.settings.step_seconds)
        return FeatureData(self._reader, platform_calendar(self.settings), first, last, limit)


def _names(names: Names | None) -> list[str]:
    """Names of features; unknown ones are refused before anything is read."""
    return [each.name for each in select(None if names is None else list(several(names)))]
