"""A strategy with all that was chosen about it, as a `Trial` of the ledger.

What belongs here: which choices there are, and how each is written. What does not: versions of data
and code, which are those of a run (`storage/trials.py`), and running anything.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from quant_platform.features.feature_registry import known_features
from quant_platform.storage.trials import Trial, digest_of
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.book import BOOK_VERSION, Book
from quant_platform.strategies.function import FunctionStrategy
from quant_platform.strategies.source import code_digest, source_digest
from quant_platform.trading.costs import Costs
from quant_platform.trading.delistings import DelistingRules
from quant_platform.trading.limits import Limits


@dataclass(frozen=True)
class Terms:
    """What trials of one reading of the market have in common.

    Attributes
    ----------
    costs, limits, delistings, capital, risk_free : what is assumed
    conditions : of short sales and betas; they count with the costs
    universe : rule of the trading universe
    first, last : first and last session, ISO dates; None: that of what is stored
    """

    costs: Costs
    limits: Limits
    delistings: DelistingRules
    capital: float
    risk_free: float
    conditions: Mapping[str, object]
    universe: str
    first: str | None
    last: str | None
    _texts: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    def trial(
        self, name: str, version: str, source: str, parameters: Mapping[str, Any], benchmark: object
    ) -> Trial:
        """Return what a configuration is made of.

        Parameters
        ----------
        source : digest of the strategy's source and its features'
        benchmark : a model, its name, `symbol:TICKER`, or returns, which count by their name: their
            values grow with each session and are a matter of the data
        """
        if not self._texts:
            self._texts["costs"] = _json({**asdict(self.costs), **self.conditions})
            for each in ("limits", "delistings"):
                self._texts[each] = _json(asdict(getattr(self, each)))
        return Trial(
            strategy=name,
            strategy_version=version,
            source_digest=source,
            parameters=_json(parameters),
            universe=self.universe,
            first_session=self.first,
            last_session=self.last,
            capital=float(self.capital),
            risk_free=float(self.risk_free),
            benchmark=name_of(benchmark),
            **self._texts,
        )


def model_trial(terms: Terms, model: Strategy, benchmark: object, source: str = "") -> Trial:
    """Return what a model is made of; `source` is its digest, default: `source_of(model)`."""
    digest = source or source_of(model)
    return terms.trial(model.name, model.version, digest, parameters_of(model), benchmark)


def book_trial(
    terms: Terms,
    book: Book,
    members: Mapping[str, Strategy],
    benchmark: object,
    sources: Sequence[str] = (),
) -> Trial:
    """Return what a book is made of, its members and their sources included.

    Parameters
    ----------
    members : what each member is, by its name
    sources : digest of each member's source; default: `source_of`
    """
    digests = sources or [source_of(each) for each in members.values()]
    return terms.trial(
        book.name,
        BOOK_VERSION,
        digest_of(" ".join(digests))[:16],
        book_parameters(book, members),
        benchmark,
    )


def book_parameters(book: Book, members: Mapping[str, Strategy]) -> dict[str, Any]:
    """Return what a book is made of, its members included."""
    models = {
        name: {"strategy": each.name, "version": each.version, **parameters_of(each)}
        for name, each in members.items()
    }
    return {**book.parameters, "models": models}


def stated_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as the ledger has them."""
    stated: dict[str, Any] = json.loads(_json(parameters))
    return stated


def source_of(model: Strategy, *given: object) -> str:
    """Digest of a strategy's source and of that of the features that it reads.

    Parameters
    ----------
    given : what the strategy was made from, such as a function, and features of a notebook;
        default: its class
    """
    own = source_digest(*(given or (code_of(model),)))
    return source_digest(own, code_digest(code_of(model)), _features_digest(tuple(model.features)))


def code_of(model: Strategy) -> object:
    """Return the function or class that a strategy is written in."""
    return model.function if isinstance(model, FunctionStrategy) else type(model)


def _features_digest(names: Sequence[str]) -> str:
    """Digest of the instructions of features, by their names."""
    of_name = {each.name: each.function for each in known_features() if each.name in names}
    return code_digest(*(of_name[name] for name in names if name in of_name))


def parameters_of(model: Strategy) -> dict[str, Any]:
    """Return every parameter of a strategy, defaults included; of a bound function, its own."""
    bound = getattr(getattr(model, "function", None), "parameters", None)
    return dict(bound) if isinstance(bound, Mapping) else dict(model.parameters.model_dump())


def name_of(benchmark: object) -> str:
    """Name a benchmark."""
    if isinstance(benchmark, pd.Series):
        return f"returns {benchmark.name}"
    return benchmark if isinstance(benchmark, str) else repr(benchmark)


def _json(value: Mapping[str, Any]) -> str:
    # The one character that the database's documents cannot hold.
    return json.dumps(_plain(value), sort_keys=True).replace("\\u0000", "\\ufffd")


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
