"""What an asset's rows are computed by, as text.

A session that was computed by another recipe is not finished (`computations.py`). An asset without
a recipe of its own has the empty one: its rows depend on its inputs alone.
"""

import hashlib
import inspect
import json
import sys
from collections.abc import Callable, Iterator
from functools import cache, partial
from types import ModuleType

from quant_platform.evaluation.factor_rows import HORIZONS
from quant_platform.evaluation.metrics import METRICS
from quant_platform.features import compute, context, inputs, own_values
from quant_platform.features.feature_registry import features_of, sets
from quant_platform.features.feature_set import FeatureSet
from quant_platform.pipeline import feature_inputs
from quant_platform.pipeline.feature_sets import stored_sets
from quant_platform.pipeline.forecast_memory import training_recipe
from quant_platform.pipeline.formulas import formula_text
from quant_platform.pipeline.monitor import HALT, monitor_recipe
from quant_platform.pipeline.own_data import own_recipe
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.probabilities import probability_recipe
from quant_platform.pipeline.risk import risk_recipe
from quant_platform.settings import Settings
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.books import books_of
from quant_platform.strategies.condition_sources import read_sources
from quant_platform.strategies.models import models_of
from quant_platform.trading.costs import costs_of


def recipe_of(platform: Platform, asset: str) -> str:
    """Recipe of an asset by its key, its parts joined by /."""
    group, _, name = asset.partition("/")
    if name:
        of_model = {"signals": signal_recipe, "forecasts": forecast_recipe}[group]
        return next((of_model(each) for each in platform.models if each.name == name), "")
    settings = platform.settings
    recipes: dict[str, Callable[[], str]] = {
        "corporate_actions": lambda: f"doubtful from {settings.doubtful_dividend:g}",
        "own_data": lambda: own_recipe(settings),
        "trading_universe": lambda: repr(platform.universe_rule),
        "portfolios": lambda: portfolio_recipe(settings),
        "model_performance": lambda: performance_recipe(settings),
        "model_monitor": monitor_recipe,
        "factor_evaluation": lambda: factor_recipe(settings),
        "signal_probabilities": lambda: probability_recipe(platform.models),
        "alerts": lambda: settings.alert_rules,
        **dict.fromkeys(("factor_exposures", "factor_returns", "risk_forecasts"), risk_recipe),
    }
    if asset in recipes:
        return recipes[asset]()
    of_table = {each.table: each for each in sets()}
    return feature_recipe(of_table[asset]) if asset in of_table else ""


OWN_SOURCES = ("quant_platform.features.library.", "quant_platform.kernels.")
"""Beginnings of the names of modules that features are made of."""


def feature_modules(chosen: FeatureSet) -> list[ModuleType]:
    """Return the modules of a set's features, and what they use of the library and the kernels."""
    functions = {inspect.getmodule(_plain(each.function)) for each in features_of(chosen)}
    computing = (compute, context, inputs, own_values, feature_inputs)
    left = [*(module for module in functions if module), *computing]
    found: set[ModuleType] = set()
    while left:
        module = left.pop()
        if module not in found:
            found.add(module)
            left.extend(_used_by(module))
    return sorted(found, key=lambda module: module.__name__)


def _used_by(module: ModuleType) -> Iterator[ModuleType]:
    for value in vars(module).values():
        name = value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", "")
        if isinstance(name, str) and name.startswith(OWN_SOURCES):
            yield sys.modules[name]


@cache
def feature_recipe(chosen: FeatureSet) -> str:
    """Digest of the formulas of a set's features and of what they are computed with.

    It is of what the source says: a comment or a docstring changes nothing (`formulas.py`).
    """
    features, modules = features_of(chosen), feature_modules(chosen)
    digest = hashlib.sha256()
    for module in modules:
        digest.update(formula_text(inspect.getsource(module)).encode())
    names = ",".join(f"{each.name}:{each.lookback}" for each in features)
    return f"{len(features)} features {_short(f'{digest.hexdigest()}{names}{chosen.storage}')}"


def signal_recipe(strategy: Strategy) -> str:
    """Strategy, version, parameters and limits of a model."""
    parameters = json.dumps(strategy.parameters.model_dump(mode="json"), sort_keys=True)
    limits = f"gross {strategy.max_gross:g} net {strategy.max_net:g} {strategy.on_excess}"
    of = type(strategy).name
    name = of if strategy.name == of else f"{strategy.name}={of}"
    return f"{name} {strategy.version} {parameters} {limits}"


def forecast_recipe(strategy: Strategy) -> str:
    """Digest of a model's forecaster and of what trains it; empty where it has none."""
    return "" if strategy.forecaster is None else training_recipe(strategy.forecaster)


def version_of(strategy: Strategy) -> str:
    """Version of a model: its strategy's, with a digest of parameters that are not the defaults."""
    if strategy.parameters == type(strategy).Parameters():
        return strategy.version
    return f"{strategy.version}.with-{_short(strategy.parameters.model_dump_json())[:8]}"


def portfolio_recipe(settings: Settings) -> str:
    """Models, books and how they are traded, capital, costs and delisting rules."""
    models = ",".join(
        f"{strategy.name} {strategy.rebalance} gross {strategy.max_gross:g}"
        f"{' stops' if strategy.trading_rules.stops else ''}"
        for strategy in models_of(settings)
    )
    books = "".join(
        f"; {book.name} of {','.join(book.members)}, {book.capital!r}"
        for book in books_of(settings)
    )
    assumed = f"{costs_of(settings)}; limits {settings.limits or 'none'}"
    ends = (
        f"ends {settings.delisting_sessions} {settings.delisting_return:g}"
        f" {settings.distressed_return:g} {settings.distress_price:g} {settings.distress_fall:g}"
    )
    given = "".join(f"; {name} {of}" for name, of in read_sources(settings.conditions).items())
    watched = f"; monitor {monitor_recipe()}" if settings.monitor == HALT else ""
    return f"{models}; {settings.capital:.2f}; {assumed}; {ends}{books}{given}{watched}"


def performance_recipe(settings: Settings) -> str:
    """Metrics, the rate in sessions without a known yield, and each model's benchmark."""
    stated = {each.name: each.benchmark for each in models_of(settings)}
    stated |= {book.name: book.benchmark for book in books_of(settings)}
    against = ",".join(f"{name} by {of or settings.benchmark}" for name, of in stated.items())
    return f"{','.join(METRICS)}; {settings.risk_free:g}; {against}"


def factor_recipe(settings: Settings) -> str:
    """Horizons, and the features that are evaluated."""
    names = [each.name for of in stored_sets(settings) for each in features_of(of)]
    horizons = ",".join(map(str, HORIZONS))
    return f"{len(names)} features {_short(','.join(names))} over {horizons}"


def _plain(function: object) -> object:
    """The function as it was written, of one that was made from it for a size or a feature."""
    while isinstance(function, partial):
        function = function.keywords.get("function", function.func)
    return function


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
