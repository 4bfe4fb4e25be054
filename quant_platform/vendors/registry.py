"""Find a vendor by its name: each module of this folder may bring one class that is a `Vendor`."""

import importlib
import inspect
import pkgutil
from functools import lru_cache
from typing import TypeGuard

from quant_platform import vendors
from quant_platform.errors import UnknownNameError
from quant_platform.vendors.base import Vendor


@lru_cache(maxsize=8)
def vendor_by_name(name: str) -> Vendor:
    """Return the vendor called `name`, one object per process.

    Raises
    ------
    UnknownNameError
        No module of the folder brings a vendor of that name.
    """
    found: dict[str, type[Vendor]] = {}
    for module in pkgutil.iter_modules(vendors.__path__):
        members = vars(importlib.import_module(f"{vendors.__name__}.{module.name}")).values()
        for member in members:
            if _is_vendor(member):
                found[member.name] = member
    if name not in found:
        raise UnknownNameError(
            f"There is no vendor {name!r}",
            f"QUANT_PLATFORM_VENDOR can be: {', '.join(sorted(found))}",
        )
    return found[name]()


def _is_vendor(member: object) -> TypeGuard[type[Vendor]]:
    return inspect.isclass(member) and member is not Vendor and hasattr(member, "first_session")
