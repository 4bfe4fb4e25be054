"""Find the strategies: every concrete `Strategy` subclass of `library/` and of extensions.

A file in one of these folders is enough. Abstract classes and classes whose name begins with an
underscore are bases, not strategies. What a strategy is does not belong here: see `base.py`.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Mapping
from functools import cache
from types import ModuleType
from typing import Any

from quant_platform.errors import ContractError, UnknownNameError
from quant_platform.extensions import extension_modules
from quant_platform.strategies import library
from quant_platform.strategies.base import Strategy

Overrides = Mapping[str, Mapping[str, Any]]
"""Strategy name → parameter name → value, for parameters that differ from their defaults."""


def all_strategies(overrides: Overrides | None = None) -> tuple[Strategy, ...]:
    """Return one instance of every strategy, sorted by name.

    Parameters
    ----------
    overrides : parameters that differ from the defaults, by strategy and parameter name

    Raises
    ------
    UnknownNameError
        `overrides` names a strategy that does not exist.
    SettingsError
        `overrides` names a parameter that does not exist, or a value outside its range.
    """
    chosen = overrides or {}
    classes = strategy_classes()
    for name in chosen:
        _known(name, classes)
    return tuple(cls(**chosen.get(name, {})) for name, cls in classes.items())


def strategy(name: str, parameters: Mapping[str, Any] | None = None) -> Strategy:
    """Return the strategy called `name`, with the default parameters or those given."""
    classes = strategy_classes()
    _known(name, classes)
    return classes[name](**(parameters or {}))


@cache
def strategy_classes() -> Mapping[str, type[Strategy]]:
    """Return every strategy class by name, sorted by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(library.__path__))
    own = [importlib.import_module(f"{library.__name__}.{name}") for name in names]
    return collect([*own, *extension_modules()])


def collect(modules: Iterable[ModuleType]) -> dict[str, type[Strategy]]:
    """Return the strategy classes written in `modules` by name, sorted by name.

    Raises
    ------
    ContractError
        Two classes have one name, or a class does not state its name or version.
    """
    classes: dict[str, type[Strategy]] = {}
    for module in modules:
        for cls in vars(module).values():
            if not _is_strategy(cls, module):
                continue
            if not getattr(cls, "name", "") or not getattr(cls, "version", ""):
                raise ContractError(f"The strategy class {cls.__name__} lacks a name or a version")
            if cls.name in classes:
                raise ContractError(
                    f"Two strategies are called {cls.name}: "
                    f"{classes[cls.name].__name__} and {cls.__name__}",
                    "Rename one of them.",
                )
            classes[cls.name] = cls
    return dict(sorted(classes.items()))


def _is_strategy(value: object, module: ModuleType) -> bool:
    return (
        inspect.isclass(value)
        and issubclass(value, Strategy)
        and not inspect.isabstract(value)
        and not value.__name__.startswith("_")
        and value.__module__ == module.__name__
    )


def _known(name: str, classes: Mapping[str, type[Strategy]]) -> None:
    if name not in classes:
        raise UnknownNameError(
            f"There is no strategy {name}", f"Known strategies: {', '.join(classes)}."
        )
