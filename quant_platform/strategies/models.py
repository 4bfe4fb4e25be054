"""Which models run: instances of strategies, each with a name and parameters of its own.

The setting QUANT_PLATFORM_MODELS lists them, with semicolons or new lines between them:

    default; tight=enhanced_momentum(stop_atr=1, max_holding=20)

1. `strategy` or `strategy(parameter=value, …)` is a model of the strategy's own name;
2. `name=strategy(…)` is one of another name, so that a strategy may run several times;
3. `default` stands for every strategy that runs without the setting (`Strategy.by_default`), those
   of extensions included, as far as no other entry has its name.

Everything after this module knows a model by its name alone. What does not belong here: which
strategies there are (`strategy_registry.py`), and the rows of the table `models` (`storage/`).
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from quant_platform.errors import SettingsError, UnknownNameError
from quant_platform.settings import PREFIX, Settings
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.benchmarks import benchmark_of
from quant_platform.strategies.strategy_registry import all_strategies, strategy, strategy_classes

VARIABLE = PREFIX + "MODELS"

DEFAULT = "default"
"""The entry that stands for the models that run without the setting."""

_NAME = r"[a-z][a-z0-9_]*"
_ENTRY = re.compile(rf"(?:({_NAME})\s*=\s*)?({_NAME})\s*(?:\(([^()]*)\))?")
_PARAMETER = re.compile(r"([A-Za-z_]\w*)\s*=\s*(.*\S)", re.DOTALL)

HOW = "Write model or name=strategy(parameter=value, …), with ; between the models"


def models_of(settings: Settings) -> tuple[Strategy, ...]:
    """Return the models that run each day, sorted by name.

    Raises
    ------
    SettingsError
        QUANT_PLATFORM_MODELS cannot be read, names a model twice, or a parameter or value that its
        strategy does not have.
    UnknownNameError
        It names a strategy that does not exist, or the benchmark of a model is neither a security
        nor among the models.
    """
    models = read_models(settings.models)
    names = [each.name for each in models]
    for each in models:
        benchmark_of(each, settings.benchmark, names)
    return models


def default_models() -> tuple[Strategy, ...]:
    """Return the models that run without the setting, sorted by name."""
    return tuple(each for each in all_strategies() if each.by_default)


def model_of(
    settings: Settings, name: str, parameters: Mapping[str, Any] | None = None
) -> Strategy:
    """Return a model by its name, or any strategy by its own; a model of that name comes first.

    Parameters
    ----------
    parameters : that differ from those of the model, or from the strategy's defaults

    Raises
    ------
    UnknownNameError
        There is neither a model nor a strategy of that name.
    SettingsError
        A parameter does not exist or is out of its range, or the setting cannot be read.
    """
    model = {each.name: each for each in read_models(settings.models)}.get(name)
    if model is None:
        if name not in strategy_classes():
            raise _unknown(name, read_models(settings.models))
        return strategy(name, parameters)
    if not parameters:
        return model
    values = {**model.parameters.model_dump(), **parameters}
    return strategy(type(model).name, values).named(name)


@lru_cache(maxsize=64)
def read_models(text: str) -> tuple[Strategy, ...]:
    """Return the models that a text of the setting lists, sorted by name; errors as `models_of`."""
    models: dict[str, Strategy] = {}
    entries = [entry.strip() for entry in re.split(r"[;\n]", text) if entry.strip()]
    if not entries:
        raise SettingsError(f"{VARIABLE} names no model", HOW)
    for entry in entries:
        if entry == DEFAULT:
            continue
        model = _model(entry)
        if model.name in models:
            raise SettingsError(
                f"{VARIABLE} has two models called {model.name}",
                "Give one of them another name: name=strategy(…)",
            )
        models[model.name] = model
    if DEFAULT in entries:
        models = {**{each.name: each for each in default_models()}, **models}
    return tuple(models[name] for name in sorted(models))


def _model(entry: str) -> Strategy:
    """Read one entry of the setting."""
    written = _ENTRY.fullmatch(entry)
    if written is None:
        raise SettingsError(f"{VARIABLE}: {entry!r} is no model", HOW)
    name, of, parameters = written.groups()
    if of not in strategy_classes():
        raise UnknownNameError(
            f"{VARIABLE}: there is no strategy {of}",
            f"There are: {', '.join(strategy_classes())}",
        )
    if name is not None and name != of and (name == DEFAULT or name in strategy_classes()):
        raise SettingsError(
            f"{VARIABLE}: a model of {of} cannot be called {name}, which means something else",
            "Give it another name",
        )
    try:
        return strategy(of, _parameters(parameters or "", entry)).named(name or of)
    except SettingsError as error:
        raise SettingsError(f"{VARIABLE}: {error.message}", error.hint) from None


def _parameters(text: str, entry: str) -> dict[str, str]:
    """Read `parameter=value, …`; values stay texts, which the strategy's `Parameters` convert."""
    values: dict[str, str] = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        written = _PARAMETER.fullmatch(part)
        if written is None:
            raise SettingsError(f"{part!r} of {entry!r} is no parameter", "Write parameter=value")
        name, value = written.groups()
        if name in values:
            raise SettingsError(f"{entry!r} has the parameter {name} twice", "Take one away")
        values[name] = value
    return values


def _unknown(name: str, models: Sequence[Strategy]) -> UnknownNameError:
    own = [each.name for each in models if each.name not in strategy_classes()]
    listed = f"Models of {VARIABLE}: {', '.join(own)}. " if own else ""
    return UnknownNameError(
        f"There is no strategy or model {name or repr(name)}",
        f"{listed}Known strategies: {', '.join(strategy_classes())}.",
    )
