"""Which checks there are: the platform's own, and those of `library/` and of extensions.

Of the latter it is every `QualityCheck` that a module names. Modules are read in alphabetical
order. A name that begins with an underscore is no check of the platform's. What does not belong
here: what a check looks for (`market.py`, `computed.py`, `library/`).
"""

import importlib
import pkgutil
from collections.abc import Iterable
from types import ModuleType

from quant_platform.errors import ContractError
from quant_platform.extensions import extension_modules
from quant_platform.pipeline.feature_sets import stored_sets
from quant_platform.pipeline.own_data import has_own_data
from quant_platform.quality import library
from quant_platform.quality.check import QualityCheck, tuned
from quant_platform.quality.computed import computed_checks
from quant_platform.quality.market import (
    ACTIONS_CHECKS,
    ADJUSTING_VENDOR_CHECKS,
    FACTS_CHECKS,
    UNIVERSE_CHECKS,
)
from quant_platform.quality.own_data import OWN_DATA_CHECKS
from quant_platform.quality.quarantine import REFUSED_INFORMATION_CHECKS
from quant_platform.quality.risk import RISK_CHECKS
from quant_platform.settings import Settings
from quant_platform.strategies.books import books_of
from quant_platform.strategies.models import models_of
from quant_platform.vendors.base import Vendor


def all_checks(settings: Settings, vendor: Vendor) -> list[QualityCheck]:
    """Checks of the platform, of the vendor's abilities and of the library, tuned by the settings.

    Raises
    ------
    SettingsError
        The settings name a check that there is not, or a threshold that is none.
    """
    market = [*FACTS_CHECKS, *ACTIONS_CHECKS]
    if vendor.abilities.adjusted is not None:
        market += ADJUSTING_VENDOR_CHECKS
    if vendor.abilities.information is not None:
        market += REFUSED_INFORMATION_CHECKS
    if has_own_data(settings):
        market += OWN_DATA_CHECKS
    return tuned(
        [
            *market,
            *UNIVERSE_CHECKS,
            *computed_checks(
                stored_sets(settings), models_of(settings), books=bool(books_of(settings))
            ),
            *RISK_CHECKS,
            *library_checks(),
        ],
        settings.checks,
    )


def library_checks() -> list[QualityCheck]:
    """Return the checks of the folder, then of extensions, by module, then as defined.

    Raises
    ------
    ContractError
        Two checks have one name.
    """
    names = sorted(module.name for module in pkgutil.iter_modules(library.__path__))
    own = [importlib.import_module(f"{library.__name__}.{name}") for name in names]
    return collect([*own, *extension_modules()])


def collect(modules: Iterable[ModuleType]) -> list[QualityCheck]:
    """Return the checks among the names of `modules`; an imported one counts once.

    Raises
    ------
    ContractError
        Two checks have one name.
    """
    by_name: dict[str, QualityCheck] = {}
    for module in modules:
        for name, value in vars(module).items():
            if name.startswith("_") or not isinstance(value, QualityCheck):
                continue
            if by_name.setdefault(value.name, value) is not value:
                raise ContractError(
                    f"Two checks are called {value.name!r}, one of them in {module.__name__}",
                    "Rename one of them.",
                )
    return list(by_name.values())
