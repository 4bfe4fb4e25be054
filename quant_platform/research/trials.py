"""What a trial is made of: strategy and source, parameters, code, data, sessions, assumptions.

Its digest names it: a configuration that was tried on the same data by the same code is not tried
again. What does not belong here: where trials are kept (`storage/trials.py`), and running them.
"""

import hashlib
import inspect
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from quant_platform.errors import SettingsError
from quant_platform.features.feature_registry import notebook_features
from quant_platform.market.calendar import Calendar
from quant_platform.provenance import code_version
from quant_platform.research.backtest import as_strategy, features_read
from quant_platform.research.prepared import Assumptions
from quant_platform.research.reader import TableReader
from quant_platform.research.source import source_digest
from quant_platform.storage.known_at import parse_moment
from quant_platform.storage.trials import Trial
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.function import FunctionStrategy
from quant_platform.strategies.strategy_registry import strategy as strategy_of

_IDENTITY = "SELECT id::text AS id FROM database_identity"

_VERSIONS = """
SELECT table_name, year, version::text AS version FROM table_versions
WHERE table_name IN ('market_data', 'corporate_actions', 'trading_universe', 'news', 'own_data')
  AND year <= extract(year FROM $1::text::date) ORDER BY 1, 2
"""

_OTHERS = """
SELECT 'securities' AS name, count(*) AS rows, max(recorded_at)::text AS newest
FROM securities WHERE date <= $1::text::date
UNION ALL
SELECT 'treasury_yields', count(*), max(recorded_at)::text
FROM treasury_yields WHERE date <= $1::text::date
UNION ALL
SELECT 'inflation', count(*), max(recorded_at)::text
FROM inflation WHERE date <= $1::text::date
UNION ALL
SELECT 'labor_market', count(*), max(recorded_at)::text
FROM labor_market WHERE date <= $1::text::date ORDER BY 1
"""


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

    @property
    def source(self) -> str:
        """Digest of the strategy's own source, and of the features that a notebook wrote."""
        given = self.given
        if isinstance(given, str):
            given = type(strategy_of(given))
        own = type(given) if isinstance(given, Strategy) else given
        return source_digest(own, *(each.function for each in notebook_features()))


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


def all_parameters(model: Strategy) -> dict[str, Any]:
    """Return every parameter of a strategy, defaults included."""
    function = getattr(model, "function", None)
    if isinstance(function, Bound):
        return dict(function.parameters)
    return dict(model.parameters.model_dump())


@dataclass(frozen=True)
class Circumstances:
    """What the trials of a sweep have in common."""

    source: str
    code: str
    data: str
    first: str
    last: str
    assumed: Assumptions

    @classmethod
    def of(
        cls, template: Template, reader: TableReader, first: str, last: str, assumed: Assumptions
    ) -> "Circumstances":
        """Find the versions of strategy, code and data."""
        data = data_version(reader, last)
        return cls(template.source, code_version(), data, first, last, assumed)

    def trial(self, model: Strategy, benchmark: object) -> Trial:
        """Return what a configuration is made of, with its digest; it is of no sweep yet."""
        assumed = self.assumed
        body: dict[str, Any] = {
            "strategy": model.name,
            "strategy_version": model.version,
            "source_digest": self.source,
            "parameters": json.dumps(_plain(all_parameters(model)), sort_keys=True),
            "code_version": self.code,
            "data_version": self.data,
            "first_session": self.first,
            "last_session": self.last,
            "costs": json.dumps(
                _plain({**asdict(assumed.costs), **assumed.conditions}), sort_keys=True
            ),
            "limits": json.dumps(_plain(asdict(assumed.limits)), sort_keys=True),
            "delistings": json.dumps(_plain(asdict(assumed.delistings)), sort_keys=True),
            "capital": float(assumed.capital),
            "risk_free": float(assumed.risk_free),
            "benchmark": _name(benchmark),
        }
        return Trial(id=digest_of(json.dumps(body, sort_keys=True)), sweep_id="", **body)


def data_version(reader: TableReader, last: str) -> str:
    """Digest of what the tables that a backtest reads hold up to a session.

    As known at a moment, rows never change, and the moment is their version.
    """
    identity = reader.query(_IDENTITY)["id"].tolist()
    if reader.moment is not None:
        return digest_of(f"{identity} as of {parse_moment(reader.moment)}")
    frames = [reader.query(each, (last,)) for each in (_VERSIONS, _OTHERS)]
    return digest_of(repr([identity, *(frame.to_numpy().tolist() for frame in frames)]))


def digest_of(text: str) -> str:
    """Return 32 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _name(benchmark: object) -> str:
    """Name a benchmark; of a series with a digest of its values."""
    if isinstance(benchmark, pd.Series):
        values = pd.util.hash_pandas_object(benchmark).to_numpy().tobytes()
        return f"{benchmark.name} {hashlib.sha256(values).hexdigest()[:16]}"
    return benchmark if isinstance(benchmark, str) else repr(benchmark)


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; what it lacks as text."""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, (str, int, type(None))):
        return value
    return repr(value)


def _text(parameters: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in parameters.items()) or "the defaults"
