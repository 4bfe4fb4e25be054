"""Packages that come with an extra of the platform: imported when they are needed, and not before.

What does not belong here: what is done with them.
"""

import importlib
import importlib.util
from collections.abc import Mapping
from types import ModuleType

from quant_platform.errors import SettingsError

EXTRAS: Mapping[str, tuple[str, ...]] = {
    "compiled": ("numba",),
    "research": ("arch", "lightgbm", "sklearn", "scipy", "skops", "statsmodels"),
    "optimize": ("skfolio",),
    "ops": ("apprise",),
    "aws": ("boto3",),
    "dask": ("dask", "distributed"),
}
"""Extra → the packages that it brings, by the names they are imported with."""


def optional_package(name: str, extra: str, purpose: str) -> ModuleType:
    """Import a module that comes with an extra; `purpose` names what needs it.

    Raises
    ------
    SettingsError
        The extra is not installed.

    Examples
    --------
    >>> optional_package("json", "research", "Reading").loads("[1]")
    [1]
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.split(".")[0]
        raise SettingsError(
            f"{purpose} needs the package {package}, which cannot be imported ({error})",
            f"Run: pip install 'quant-platform[{extra}]'",
        ) from None


def missing_packages(extra: str) -> list[str]:
    """Packages of an extra that are not installed."""
    return [name for name in EXTRAS[extra] if importlib.util.find_spec(name) is None]
