"""Find the vendor of the settings: each module or package of this folder may bring one `Vendor`.

All of them are imported to find one, so importing a vendor must cost little: what is heavy is
imported where it is used.
"""

import importlib
import inspect
import pkgutil
from datetime import date
from functools import lru_cache
from typing import TypeGuard, cast

from quant_platform import vendors
from quant_platform.errors import SettingsError, UnknownNameError
from quant_platform.settings import PREFIX, Settings
from quant_platform.vendors.base import Vendor


@lru_cache(maxsize=8)
def vendor_of(settings: Settings) -> Vendor:
    """Return the vendor that the settings name, one object per process and settings.

    A class that has a classmethod `from_settings` is built by it, any other one without arguments.
    A start in the settings then takes the place of the object's `first_session`.

    Raises
    ------
    UnknownNameError
        No module of the folder brings a vendor of that name.
    SettingsError
        The vendor has ended, and the start lies outside its sessions.
    """
    found = _vendors()
    if settings.vendor not in found:
        raise UnknownNameError(
            f"There is no vendor {settings.vendor!r}",
            f"{PREFIX}VENDOR can be: {', '.join(sorted(found))}",
        )
    kind = found[settings.vendor]
    build = getattr(kind, "from_settings", None)
    vendor = cast("Vendor", build(settings)) if build else kind()
    if settings.start:
        vendor.first_session = _start(settings.start, vendor)
    return vendor


def _vendors() -> dict[str, type[Vendor]]:
    """Vendor classes by name."""
    found: dict[str, type[Vendor]] = {}
    for module in pkgutil.iter_modules(vendors.__path__):
        members = vars(importlib.import_module(f"{vendors.__name__}.{module.name}")).values()
        for member in members:
            if _is_vendor(member):
                found[member.name] = member
    return found


def _is_vendor(member: object) -> TypeGuard[type[Vendor]]:
    return inspect.isclass(member) and member is not Vendor and hasattr(member, "first_session")


def _start(text: str, vendor: Vendor) -> date:
    start = date.fromisoformat(text)
    # A vendor that has ended is a file, whose days are known; another may reach further back.
    if vendor.last_session and not vendor.first_session <= start <= vendor.last_session:
        raise SettingsError(
            f"{PREFIX}START is {text}, but the vendor {vendor.name!r} has only"
            f" {vendor.first_session} to {vendor.last_session}",
            "Choose a day of these, or another vendor",
        )
    return start
