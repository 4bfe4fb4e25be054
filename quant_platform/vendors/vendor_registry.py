"""Find the vendor of the settings: each module of this folder, or extension, may define a `Vendor`.

All of them are imported to find one, so a vendor imports heavy packages only where it uses them.
Only the chosen vendor's settings are read. What does not belong here: whether a vendor keeps its
contract (`contract.py`).
"""

import importlib
import inspect
import pkgutil
from datetime import date
from functools import lru_cache

from quant_platform import vendors
from quant_platform.errors import SettingsError, UnknownNameError
from quant_platform.extensions import extension_modules
from quant_platform.settings import PREFIX, Settings, SettingsModel
from quant_platform.vendors.base import Vendor
from quant_platform.vendors.contract import check_class, check_vendor

VARIABLE = PREFIX + "VENDOR"

DEFAULT = "sample"
"""Vendor where the settings name none and no other one is configured."""


def vendor_of(settings: Settings) -> Vendor:
    """Return the vendor that the settings name, one object per process and settings.

    Where they name none, it is the one that is configured, such as by a key, else the sample. A
    start in the settings takes the place of the object's `first_session`.

    Raises
    ------
    UnknownNameError
        No module of the folder brings a vendor of that name.
    SettingsError
        One of the vendor's settings cannot be read; several vendors are configured and none is
        named; or the vendor has ended, and the start lies outside its sessions.
    VendorError
        The vendor is not what it says it is.
    """
    kind = _chosen(settings)
    own = kind.settings_type.read(settings.environment) if kind.settings_type else None
    return _built(kind, settings, own)


def vendor_exchange(settings: Settings) -> str:
    """Exchange of the vendor that the settings name; the vendor is not built for it.

    Raises
    ------
    UnknownNameError, SettingsError
        As `vendor_of`.
    """
    return _chosen(settings).exchange_of(settings)


def vendor_classes() -> dict[str, type[Vendor]]:
    """Vendor classes by name, in the order of their names; a class without a name is a base."""
    names = sorted(module.name for module in pkgutil.iter_modules(vendors.__path__))
    own = [importlib.import_module(f"{vendors.__name__}.{name}") for name in names]
    classes: dict[str, type[Vendor]] = {}
    for module in (*own, *extension_modules()):
        for member in vars(module).values():
            if inspect.isclass(member) and issubclass(member, Vendor) and "name" in dir(member):
                classes[member.name] = member
    return dict(sorted(classes.items()))


def _chosen(settings: Settings) -> type[Vendor]:
    classes = vendor_classes()
    name = settings.vendor or _usual(classes, settings)
    if name not in classes:
        raise UnknownNameError(
            f"There is no vendor {name!r}", f"{VARIABLE} can be: {', '.join(classes)}"
        )
    return classes[name]


def _usual(classes: dict[str, type[Vendor]], settings: Settings) -> str:
    """Return the vendor where none is named."""
    ready = [name for name, kind in classes.items() if kind.is_configured(settings.environment)]
    if len(ready) > 1:
        raise SettingsError(
            f"Several vendors are configured: {', '.join(ready)}", f"Name one in {VARIABLE}"
        )
    return ready[0] if ready else DEFAULT


@lru_cache(maxsize=8)
def _built(kind: type[Vendor], settings: Settings, own: SettingsModel | None) -> Vendor:
    """Build the vendor; `own` are its own settings, by which two objects differ."""
    check_class(kind)
    vendor = kind.from_settings(settings)
    check_vendor(vendor)
    if settings.start:
        vendor.first_session = _start(settings.start, vendor)
    return vendor


def _start(text: str, vendor: Vendor) -> date:
    start = date.fromisoformat(text)
    # A vendor with a last session is a file whose days are fixed; another may reach further back.
    if vendor.last_session and not vendor.first_session <= start <= vendor.last_session:
        raise SettingsError(
            f"{PREFIX}START is {text}, but the vendor {vendor.name!r} has only"
            f" {vendor.first_session} to {vendor.last_session}",
            "Choose a day of these, or another vendor",
        )
    return start
