"""`restored`: from a run of the ledger back to the strategy and the assumptions that it was run by.

1. Assumptions are written in the trial, all of them.
2. The strategy is the one that the caller passes; else the one that the platform, its settings or
   an extension has by that name, with the trial's parameters; else, with consent, the one whose
   source is stored with the trial. Stored source whose digest is not the trial's is refused.
3. What is not as it was is said: another source, another version, other rules.

What does not belong here: which rows are read, and comparing what comes of it (`reproduction.py`).
"""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from typing import Any

from quant_platform.errors import SettingsError, UnknownNameError
from quant_platform.market.calendar import Calendar
from quant_platform.research.backtest import as_strategy
from quant_platform.research.benchmark import Benchmark
from quant_platform.research.prepared import Assumptions
from quant_platform.research.stored_source import only_features, stored_strategy
from quant_platform.research.trials import Template
from quant_platform.settings import Settings
from quant_platform.storage.run_records import RunRecord
from quant_platform.storage.trials import DOCUMENTS, Trial
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.benchmarks import is_symbol
from quant_platform.strategies.book import Book
from quant_platform.strategies.forecast_trials import PREFIX as FORECAST_PREFIX
from quant_platform.strategies.models import models_of, read_models
from quant_platform.strategies.strategy_registry import all_strategies, strategy_classes
from quant_platform.strategies.trials import Terms, book_trial, model_trial
from quant_platform.trading.costs import Costs
from quant_platform.trading.delistings import DelistingRules
from quant_platform.trading.limits import Limit, Limits

CONSENT = "--run-stored-source (run_stored_source=True)"

CHANGED = {
    "source_digest": "the source of the strategy, or of a feature that it reads, is another one",
    "strategy_version": "the version of the strategy is another one",
    "parameters": "the strategy has other parameters",
    "costs": "the costs have other terms",
    "limits": "the limits have other terms",
    "delistings": "the rules of delistings have other terms",
    "universe": "the rule of the universe is another one",
}
"""Field of a trial → what it means that what is run now has another value of it."""


@dataclass(frozen=True)
class Restored:
    """What a trial is run with.

    Attributes
    ----------
    model : the strategy, or the book
    assumed : of trading and of money
    benchmark : what it is judged against
    trial : the configuration that it is now; equal to the ledger's where nothing changed
    source : text of what is no file of the package
    notes : what is not as it was
    """

    model: Strategy | Book
    assumed: Assumptions
    benchmark: Benchmark
    trial: Trial
    source: str
    notes: tuple[str, ...]


@contextmanager
def restored(
    record: RunRecord,
    settings: Settings,
    calendar: Calendar,
    *,
    run_stored_source: bool = False,
    strategy: object = None,
    benchmark: Benchmark | None = None,
) -> Iterator[Restored]:
    """Yield what a run's trial is run with; features of its stored source are known meanwhile.

    Parameters
    ----------
    run_stored_source : whether source that is stored with the trial may be run
    strategy, benchmark : what the trial was of, where it cannot be found by its name

    Raises
    ------
    SettingsError
        Something of it is not stored, or may not be run; the message says what.
    UnknownNameError
        There is no such strategy or benchmark any more.
    """
    trial = record.trial
    if trial.strategy.startswith(FORECAST_PREFIX):
        raise SettingsError(
            f"The trial {trial.id} is a forecast of a learned model, and no simulation of trades",
            "Run store.walk_forward_forecast with its parameters again: they are in the trial",
        )
    assumed = assumptions_of(trial)
    against = benchmark_named(trial.benchmark, settings) if benchmark is None else benchmark
    parameters = json.loads(trial.parameters)
    if _is_book(parameters):
        book, members = _book(trial.strategy, parameters, settings)
        templates = {name: Template(each, calendar) for name, each in members.items()}
        digests = [templates[name].source_of(each) for name, each in members.items()]
        text = "\n\n".join(dict.fromkeys(filter(None, (e.text for e in templates.values()))))
        now = book_trial(_terms(trial, assumed), book, members, against, digests)
        yield Restored(book, assumed, against, now, text, _notes(trial, now))
        return
    with ExitStack() as stack:
        found = _Found(record, settings, calendar, assumed, against, parameters)
        yield found.restored(strategy, run_stored_source, stack)


@dataclass(frozen=True)
class _Found:
    """A strategy that is looked for in one place after the other."""

    record: RunRecord
    settings: Settings
    calendar: Calendar
    assumed: Assumptions
    benchmark: Benchmark
    parameters: Mapping[str, Any]

    def restored(self, given: object, consents: bool, stack: ExitStack) -> Restored:
        trial, source = self.record.trial, self.record.source
        if given is not None:
            return self._made(given)
        if not source:  # whatever this notebook has written is no part of it
            stack.enter_context(only_features(()))
        known, registered = None, None
        try:
            known = _registered(trial.strategy, self.settings)
            registered = self._made(known)
        except (SettingsError, UnknownNameError):
            if not source:
                raise
        if registered is not None and not registered.notes:
            return registered
        if source and consents:
            stored = stack.enter_context(stored_strategy(source, trial.strategy, known))
            from_source = self._made(stored)
            if from_source.trial.source_digest == trial.source_digest:
                return from_source
            raise SettingsError(
                f"The stored source of {trial.strategy} gives the digest"
                f" {from_source.trial.source_digest} and not {trial.source_digest}",
                "It refers to what is not stored, was written by another version of Python, or was"
                " changed: pass the strategy itself, store.reproduce(trial, strategy=…)",
            )
        if registered is not None:
            return registered
        raise SettingsError(
            f"{trial.strategy} is no strategy of the platform: its source is stored with the"
            " trial, and running it runs code from the database",
            f"Read it (trial_sources), then consent with {CONSENT}",
        )

    def _made(self, given: object) -> Restored:
        """Give what was found the trial's parameters."""
        trial, template = self.record.trial, Template(given, self.calendar)
        has_own = isinstance(given, (type, Strategy))
        if self.parameters or has_own:
            model = template.configured(self.parameters)
        else:
            model = as_strategy(given, self.calendar)
        if has_own and model.name != trial.strategy:
            model = model.named(trial.strategy)
        terms = _terms(trial, self.assumed)
        now = model_trial(terms, model, self.benchmark, template.source_of(model))
        notes = _notes(trial, now)
        return Restored(model, self.assumed, self.benchmark, now, template.text, notes)


def _registered(name: str, settings: Settings) -> object:
    """Find a model of the settings, or a strategy, by its name."""
    models = {each.name: each for each in read_models(settings.models)}
    known = models.get(name) or strategy_classes().get(name)
    if known is None:
        raise UnknownNameError(
            f"There is no strategy {name} any more, and its source is not stored",
            "Pass the strategy itself: store.reproduce(trial, strategy=…)",
        )
    return known


def _is_book(parameters: Mapping[str, Any]) -> bool:
    return {"members", "rule", "models"} <= parameters.keys()


def _book(
    name: str, parameters: Mapping[str, Any], settings: Settings
) -> tuple[Book, dict[str, Strategy]]:
    members: dict[str, Strategy] = {}
    for member in parameters["members"]:
        stated = {**parameters["models"][member]}
        own = {key: stated[key] for key in stated if key not in ("strategy", "version")}
        known = _registered(stated["strategy"], settings)
        kind = known if isinstance(known, type) else type(known)
        members[member] = kind(**own).named(stated["strategy"])
    options = {key: parameters[key] for key in ("shares", "lookback") if key in parameters}
    book = Book(name, members, parameters["rule"], every=parameters["every"], **options)
    return book, members


def assumptions_of(trial: Trial) -> Assumptions:
    """Read what a trial assumed.

    Raises
    ------
    SettingsError
        Some of it is not stored, or is not known to this version of the platform.
    """
    stated = _numbers(json.loads(trial.costs))
    costs = {each.name: stated.pop(each.name) for each in fields(Costs) if each.name in stated}
    tiers = costs.get("commission_tiers", ())
    costs["commission_tiers"] = tuple(tuple(each) for each in tiers)
    for name, value in stated.items():
        if not isinstance(value, str) or "\n" in value:
            raise SettingsError(
                f"The values of the condition {name} were given by hand, and are not stored",
                "Run it again as it was run, with the same values",
            )
    limits = {
        name: None if each is None else Limit(**_numbers(each))
        for name, each in json.loads(trial.limits).items()
    }
    try:
        return Assumptions(
            Costs(**costs),
            Limits(**limits),
            DelistingRules(**_numbers(json.loads(trial.delistings))),
            trial.capital,
            trial.risk_free,
            stated,
        )
    except TypeError as error:
        raise SettingsError(
            f"The trial assumes what this version of the platform does not know: {error}",
            "Run it by the version of the platform that the trial names",
        ) from None


def _numbers(document: Mapping[str, Any]) -> dict[str, Any]:
    """Read numbers that JSON lacks, which stand as text."""
    known = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}
    return {
        name: known.get(value, value) if isinstance(value, str) else value
        for name, value in document.items()
    }


def benchmark_named(name: str, settings: Settings) -> Benchmark:
    """Find what a trial was judged against.

    Raises
    ------
    SettingsError, UnknownNameError
        Its values are not stored, or there is no such model any more.
    """
    if is_symbol(name):
        return name
    if name.startswith("returns "):
        raise SettingsError(
            f"The benchmark was {name!r}, given by hand, and its values are not stored",
            "Pass it: store.reproduce(trial, benchmark=returns)",
        )
    models = models_of(settings)
    known = {each.name: each for each in (*all_strategies(), *models)}
    if name in known:
        return name
    for each in known.values():
        if repr(each) == name:
            return each
    raise UnknownNameError(
        f"There is no benchmark {name} any more", "Pass it: store.reproduce(trial, benchmark=…)"
    )


def _terms(trial: Trial, assumed: Assumptions) -> Terms:
    return Terms(
        assumed.costs,
        assumed.limits,
        assumed.delistings,
        assumed.capital,
        assumed.risk_free,
        dict(assumed.conditions),
        trial.universe,
        trial.first_session,
        trial.last_session,
    )


def _notes(trial: Trial, now: Trial) -> tuple[str, ...]:
    """Say what is not as it was."""
    changed = [
        each.name for each in fields(Trial) if getattr(trial, each.name) != getattr(now, each.name)
    ]
    return tuple(
        f"{CHANGED[name]}: {_difference(name, getattr(trial, name), getattr(now, name))}"
        for name in changed
        if name in CHANGED
    )


def _difference(name: str, before: str, after: str) -> str:
    if name not in DOCUMENTS:
        return f"{before or 'unknown'} then, {after} now"
    left, right = json.loads(before), json.loads(after)
    names = [key for key in {**left, **right} if left.get(key) != right.get(key)]
    return ", ".join(
        f"{key} {left.get(key, 'absent')} then, {right.get(key, 'absent')} now" for key in names
    )
