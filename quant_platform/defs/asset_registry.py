"""Which assets there are, and in which order their groups run.

1. Each module of the folder `assets/` but `common.py` has a constant `GROUP` and a function
   `assets(market)` that returns its definitions. They are read in alphabetical order.
2. A group runs after the groups that its assets read. This order is that of the stages (`stages`).

What does not belong here: what an asset computes, and what the definitions of the platform are
besides assets (`build.py`).
"""

import importlib
import pkgutil
from collections.abc import Iterable
from functools import cache
from graphlib import CycleError, TopologicalSorter
from types import ModuleType

import dagster as dg

from quant_platform.defs import assets
from quant_platform.defs.assets.common import AssetContext
from quant_platform.errors import ContractError

SHARED = "common"
"""Module of the folder that defines no assets."""


@cache
def asset_modules() -> tuple[ModuleType, ...]:
    """Return the modules that define assets, in alphabetical order.

    Raises
    ------
    ContractError
        A module does not state its group, or has no function `assets`.
    """
    names = sorted(module.name for module in pkgutil.iter_modules(assets.__path__))
    modules = [importlib.import_module(f"{assets.__name__}.{name}") for name in names]
    return tuple(checked(each) for each in modules if not each.__name__.endswith(f".{SHARED}"))


def all_assets(market: AssetContext) -> list[dg.AssetsDefinition]:
    """Definitions of every module."""
    return [definition for module in asset_modules() for definition in module.assets(market)]


def stages(definitions: Iterable[object]) -> tuple[str, ...]:
    """Groups in the order in which they run; those without an asset are among them.

    Parameters
    ----------
    definitions : assets; what is no `AssetsDefinition` is left out

    Raises
    ------
    ContractError
        Two groups read each other.
    """
    specs = [
        spec for each in definitions if isinstance(each, dg.AssetsDefinition) for spec in each.specs
    ]
    group_of = {spec.key: str(spec.group_name) for spec in specs}
    reads: dict[str, set[str]] = {module.GROUP: set() for module in asset_modules()}
    for spec in specs:
        group = group_of[spec.key]
        parents = {group_of[dep.asset_key] for dep in spec.deps if dep.asset_key in group_of}
        reads.setdefault(group, set()).update(parents - {group})
    try:
        return tuple(TopologicalSorter(reads).static_order())
    except CycleError as error:
        raise ContractError(
            f"Groups of assets read each other: {' → '.join(error.args[1])}",
            "Give one of their assets another GROUP.",
        ) from error


def checked(module: ModuleType) -> ModuleType:
    """Return a module that states its group and has a function `assets`.

    Raises
    ------
    ContractError
        It lacks one of them.
    """
    if not isinstance(getattr(module, "GROUP", None), str) or not callable(
        getattr(module, "assets", None)
    ):
        raise ContractError(
            f"{module.__name__} must state GROUP and have a function assets(market)",
            "docs/how-to-add.md shows one under 'An asset and its table'.",
        )
    return module
