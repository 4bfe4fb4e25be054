"""Assemble the definitions from settings and a vendor.

Assets, checks, jobs and sensors are explicit lists.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from quant_platform.defs.assets.common import IO_MANAGER, AssetContext
from quant_platform.defs.assets.evaluation import evaluation_assets
from quant_platform.defs.assets.features import feature_assets
from quant_platform.defs.assets.information import information_assets
from quant_platform.defs.assets.market import market_assets
from quant_platform.defs.assets.reports import report_assets
from quant_platform.defs.assets.signals import signal_assets
from quant_platform.defs.checks import build_check, build_checks
from quant_platform.defs.io_manager import PostgresIOManager
from quant_platform.defs.jobs import build_jobs
from quant_platform.defs.sensors import build_sensors
from quant_platform.pipeline.platform import Platform
from quant_platform.quality.check import tuned
from quant_platform.quality.computed import computed_checks
from quant_platform.quality.market import (
    ACTIONS,
    ACTIONS_CHECKS,
    ADJUSTING_VENDOR_CHECKS,
    BARS,
    FACTS_CHECKS,
    UNIVERSE_CHECKS,
)
from quant_platform.settings import Settings
from quant_platform.vendors.base import Vendor
from quant_platform.vendors.vendor_registry import vendor_of


def _checks(settings: Settings, vendor: Vendor) -> list[dg.AssetChecksDefinition]:
    """Checks as tuned by the settings; those of the facts share one step."""
    market = [*FACTS_CHECKS, *ACTIONS_CHECKS]
    if vendor.abilities.adjusted is not None:
        market += ADJUSTING_VENDOR_CHECKS
    checks = tuned([*market, *UNIVERSE_CHECKS, *computed_checks()], settings.checks)
    shared = [
        build_checks(asset, [check for check in checks if check.asset == asset])
        for asset in (BARS, ACTIONS)
    ]
    others = [build_check(check) for check in checks if check.asset not in (BARS, ACTIONS)]
    return [*shared, *others]


def build_defs(
    *,
    settings: Settings | None = None,
    vendor: Vendor | None = None,
    resource_overrides: Mapping[str, Any] | None = None,
) -> dg.Definitions:
    """Build the platform's definitions.

    Parameters
    ----------
    settings : default: those of the environment
    vendor : default: the one the settings name
    resource_overrides : replace resources by name
    """
    settings = settings or Settings.load()
    vendor = vendor or vendor_of(settings)
    platform = Platform(settings, vendor)
    market = AssetContext(vendor, platform.calendar)
    assets = [
        *market_assets(market, platform.universe_rule),
        *information_assets(market),
        *feature_assets(market),
        *signal_assets(market),
        *evaluation_assets(market),
        *report_assets(market),
    ]
    return dg.Definitions(
        assets=assets,
        asset_checks=_checks(settings, vendor),
        jobs=build_jobs(),
        sensors=build_sensors(settings),
        # Dagster's own default prints a line per partition.
        loggers={"console": dg.colored_console_logger},
        resources={
            "platform": platform,
            IO_MANAGER: PostgresIOManager(platform),
            **(resource_overrides or {}),
        },
        executor=dg.in_process_executor,
    )
