"""Modules that users add to the platform without touching its package.

1. Each `.py` file, and each package, of the folder that QUANT_PLATFORM_EXTENSIONS names, in
   alphabetical order. They are imported as modules of `quant_platform_extensions`, so that one may
   import another.
2. Each module that an installed package names as an entry point of the group `quant_platform`, in
   the order of the entry points' names.

A module may hold strategies, features, metrics, checks, vendors and alert rules, any number of
each; the registries look for theirs in the platform's own folders first and here next. What does
not belong here: what a registry takes.
"""

import hashlib
import importlib
import pkgutil
import sys
from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from quant_platform.errors import ContractError, SettingsError, UnknownNameError
from quant_platform.settings import PREFIX, Settings

VARIABLE = PREFIX + "EXTENSIONS"

ENTRY_POINTS = "quant_platform"
"""Group of entry points that name modules."""

PACKAGE = "quant_platform_extensions"
"""Name of the package that the folder's files are modules of."""


@cache
def extension_modules() -> tuple[ModuleType, ...]:
    """Return the modules that users added; they are imported once per process.

    Raises
    ------
    SettingsError
        The setting names no folder.
    ContractError
        A module cannot be imported; the message names it and says why.
    """
    folder = Settings.load().extensions
    return (*(() if folder is None else _of_folder(folder)), *_of_packages())


def extension(name: str) -> ModuleType:
    """Return the module of a file of the folder, as a test of it wants.

    Raises
    ------
    UnknownNameError
        There is no such file.
    """
    modules = {
        module.__name__.removeprefix(f"{PACKAGE}."): module for module in extension_modules()
    }
    if name not in modules:
        raise UnknownNameError(
            f"There is no extension {name!r}", f"There are: {', '.join(modules) or 'none'}"
        )
    return modules[name]


def extensions_digest() -> str:
    """Short digest of the added modules' sources; empty without any."""
    digest = hashlib.sha256()
    modules = extension_modules()
    for module in modules:
        digest.update(module.__name__.encode())
        if module.__file__ is not None:
            digest.update(Path(module.__file__).read_bytes())
    return digest.hexdigest()[:8] if modules else ""


def _of_folder(folder: Path) -> tuple[ModuleType, ...]:
    if not folder.is_dir():
        raise SettingsError(
            f"{VARIABLE} is {str(folder)!r}, which is no folder", "Make it, or correct the setting"
        )
    package = sys.modules.get(PACKAGE)
    if package is None:
        package = ModuleType(PACKAGE, "Modules of the folder of extensions.")
        sys.modules[PACKAGE] = package
    package.__path__ = [str(folder)]
    names = sorted(found.name for found in pkgutil.iter_modules([str(folder)]))
    return tuple(
        _imported(
            lambda name=name: importlib.import_module(f"{PACKAGE}.{name}"),  # type: ignore[misc]
            f"The extension {name!r} of {folder}",
        )
        for name in names
    )


def _of_packages() -> tuple[ModuleType, ...]:
    modules = []
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        module = _imported(point.load, f"The entry point {_described(point)}")
        if not isinstance(module, ModuleType):
            raise ContractError(
                f"The entry point {_described(point)} is no module",
                f"Name the module alone: {point.name} = {point.module!r}",
            )
        modules.append(module)
    return tuple(modules)


def _described(point: EntryPoint) -> str:
    package = f" of the package {point.dist.name}" if point.dist is not None else ""
    return f"{point.name!r}{package}"


def _imported(load: Callable[[], ModuleType], name: str) -> ModuleType:
    """Import a module; whatever its code raises is told in one line."""
    try:
        return load()
    except Exception as error:
        raise ContractError(
            f"{name} cannot be imported: {type(error).__name__}: {error}",
            "Mend it, or take it away; --debug shows where",
        ) from error
