"""Check once, when a vendor is loaded, that it is what it states to be.

A vendor that states an ability has its methods, and one that has methods of an ability states it.
So the rest of the platform relies on `Vendor.abilities` alone. No other module looks for methods.
"""

from collections.abc import Sequence

from quant_platform.errors import VendorError
from quant_platform.vendors.abilities import PROTOCOLS
from quant_platform.vendors.base import Vendor

ATTRIBUTES = ("name", "first_session", "last_session")


def check_class(kind: type[Vendor]) -> None:
    """Raise unless a vendor's class has all that every vendor must have.

    Raises
    ------
    VendorError
        A method is missing.
    """
    missing = sorted(kind.__abstractmethods__)
    if missing:
        raise VendorError(
            f"The vendor {kind.name!r} has no {_joined(missing)}",
            f"Write it in {kind.__module__}; see Vendor in quant_platform/vendors/base.py",
        )


def check_vendor(vendor: Vendor) -> None:
    """Raise unless a vendor has its attributes, and states just the abilities it has.

    Raises
    ------
    VendorError
        An attribute is missing, an ability is stated and a method of it missing, or the reverse.
    """
    has, where = set(dir(vendor)), type(vendor).__module__
    missing = [name for name in ATTRIBUTES if name not in has]
    if missing:
        raise VendorError(
            f"The vendor {vendor.name!r} has no {_joined(missing)}", f"Set it in {where}"
        )
    served = vendor.abilities.served()
    for ability, protocol in PROTOCOLS.items():
        methods = methods_of(protocol)
        if ability in served:
            absent = [name for name in methods if name not in dir(served[ability])]
            if absent:
                raise VendorError(
                    f"The vendor {vendor.name!r} states the ability {ability!r} and has no"
                    f" {_joined(absent)}",
                    f"Write it in {where}, or do not state the ability",
                )
        elif extra := [name for name in methods if name in has]:
            raise VendorError(
                f"The vendor {vendor.name!r} has {_joined(extra)} and does not state the ability"
                f" {ability!r}",
                f"State {ability}=self in its abilities ({where}), or give the method another name",
            )


def methods_of(protocol: type) -> list[str]:
    """Return the names of a protocol's methods."""
    return [name for name in vars(protocol) if not name.startswith("_")]


def _joined(names: Sequence[str]) -> str:
    return ", ".join(names)
