"""What was chosen about a strategy that is run in a notebook or a sweep, and what it was run on.

A strategy whose parameters are still open is a `Template`; with parameters, assumptions and a
window it is a trial, and over data of one version a run, whose digest says whether it was done
before. What does not belong here: where they are kept (`storage/ledger.py`), and running them.
"""

import hashlib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd

from quant_platform.errors import SettingsError
from quant_platform.features.feature_registry import notebook_features
from quant_platform.market.calendar import Calendar
from quant_platform.provenance import code_version
from quant_platform.research.backtest import as_strategy, features_read
from quant_platform.research.prepared import Assumptions
from quant_platform.research.reader import TableReader
from quant_platform.storage.data_version import AS_OF, DataVersion
from quant_platform.storage.trials import Trial, TrialRun, digest_of
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.book import Book
from quant_platform.strategies.function import FunctionStrategy
from quant_platform.strategies.source_text import written_source
from quant_platform.strategies.strategy_registry import strategy as strategy_of
from quant_platform.strategies.trials import Terms, book_trial, model_trial, source_of


@dataclass(frozen=True)
class Template:
    """A strategy whose parameters are still open.

    Attributes
    ----------
    given : name, class or instance of a strategy, or a function of a panel and parameters
    calendar : sessions of the exchange
    """

    given: Any
    calendar: Calendar
    _sources: dict[Any, str] = field(default_factory=dict, compare=False, repr=False)
    _read: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False, compare=False)
    """Features that a function was found to read, by its parameters."""

    def configured(self, parameters: Mapping[str, Any]) -> Strategy:
        """Return the strategy with these parameters.

        Raises
        ------
        SettingsError
            It has no such parameter, or refuses a value; the configuration is named.
        """
        try:
            return self._configured(parameters)
        except SettingsError as error:
            raise SettingsError(f"{error.message}; in {_text(parameters)}", error.hint) from None

    def _configured(self, parameters: Mapping[str, Any]) -> Strategy:
        given = self.given
        if isinstance(given, str):
            return strategy_of(given, parameters)
        if isinstance(given, type) and issubclass(given, Strategy):
            return given(**parameters)
        if isinstance(given, Strategy) and not isinstance(given, FunctionStrategy):
            values = {**given.parameters.model_dump(), **parameters}
            return type(given)(**values).named(given.name)
        if callable(given) and not isinstance(given, (type, Strategy)):
            bound = Bound(given, parameters)
            key = _text(parameters)
            if key not in self._read:
                self._read[key] = features_read(bound, self.calendar)
            return FunctionStrategy(bound, self._read[key])
        return as_strategy(given, self.calendar)

    def source_of(self, model: Strategy) -> str:
        """Digest of the source of a configuration, its features and what a notebook wrote."""
        key = type(model), tuple(model.features)
        if key not in self._sources:
            self._sources[key] = source_of(model, *self._written)
        return self._sources[key]

    @property
    def text(self) -> str:
        """Source of the strategy, and of features, as far as they are no files of the package."""
        return written_source(*self._written)

    @property
    def _written(self) -> tuple[object, ...]:
        """What the strategy is made from, and the features of a notebook."""
        given = self.given
        if isinstance(given, str):
            given = type(strategy_of(given))
        if isinstance(given, FunctionStrategy):
            given = given.function
        own = type(given) if isinstance(given, Strategy) else given
        return own, *(each.function for each in notebook_features())


class Bound:
    """A function of a panel with its parameters, and the attributes that it states.

    Raises
    ------
    SettingsError
        The function has no such parameter, or needs another one.
    """

    def __init__(self, function: Any, parameters: Mapping[str, Any]) -> None:
        name = getattr(function, "__name__", type(function).__name__)
        try:
            bound = inspect.signature(function).bind(None, **parameters)
        except TypeError as error:
            raise SettingsError(
                f"The function {name} cannot be called with these parameters: {error}",
                f"It is {name}{inspect.signature(function)}",
            ) from None
        bound.apply_defaults()
        self.__name__ = name
        self.__dict__.update(getattr(function, "__dict__", {}))
        self.function, self.given = function, dict(parameters)
        first = next(iter(bound.arguments))
        kept = {each: value for each, value in bound.arguments.items() if each != first}
        self.parameters = {**{k: v for k, v in kept.items() if k not in parameters}, **parameters}

    def __call__(self, panel: Any) -> Any:
        """Return the weights."""
        return self.function(panel, **self.given)


@dataclass(frozen=True)
class Circumstances:
    """What the runs of one reading of the market have in common.

    Attributes
    ----------
    terms : what was chosen
    code, data : versions
    first, last : first and last session that there is, ISO dates
    """

    terms: Terms
    code: str
    data: str
    first: str
    last: str

    @classmethod
    def of(
        cls,
        reader: TableReader,
        first: str,
        last: str,
        assumed: Assumptions,
        stored: tuple[date, date],
    ) -> "Circumstances":
        """Find the versions of code and data.

        Parameters
        ----------
        first, last : first and last session
        stored : the first and last session with a bar. A window that reaches one of them is open
            there: when a session comes, what was chosen is the same.
        """
        data = DataVersion.read(reader.query, last, reader.moment)
        ends = [day.isoformat() for day in stored]
        terms = Terms(
            assumed.costs,
            assumed.limits,
            assumed.delistings,
            assumed.capital,
            assumed.risk_free,
            assumed.conditions,
            data.universe,
            None if first <= ends[0] else first,
            None if last >= ends[1] else last,
        )
        return cls(terms, code_version(), data.digest, first, last)

    def run(self, model: Strategy, source: str, benchmark: object) -> TrialRun:
        """Return a configuration's run, which is known by its digest."""
        return self._run(model_trial(self.terms, model, benchmark, source), benchmark)

    def run_of_book(
        self,
        book: Book,
        models: Mapping[str, Strategy],
        sources: Sequence[str],
        benchmark: object,
    ) -> TrialRun:
        """Return the run of a book, of which its members and their sources are part."""
        return self._run(book_trial(self.terms, book, models, benchmark, sources), benchmark)

    def _run(self, trial: Trial, benchmark: object) -> TrialRun:
        return TrialRun(trial, self.code, self.data_of(benchmark), self.first, self.last)

    def data_of(self, benchmark: object) -> str:
        """Return the version of the data, with the values of a benchmark that was brought along."""
        return version_with(self.data, benchmark)


def version_with(data: str, benchmark: object) -> str:
    """Return a version of the data, with the values of a benchmark that was brought along."""
    if not isinstance(benchmark, pd.Series):
        return data
    values = pd.util.hash_pandas_object(benchmark).to_numpy().tobytes()
    digest, *moment = data.partition(AS_OF)
    return "".join([digest_of(f"{digest} {hashlib.sha256(values).hexdigest()}"), *moment])


def _text(parameters: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in parameters.items()) or "the defaults"
