"""Assemble the definitions from settings and a vendor.

Assets are those of the folder `assets/` (`asset_registry.py`), checks those that `quality/` lists
and those of the folder `quality/library/`. What does not belong here: what any of them does.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from quant_platform.defs.asset_registry import all_assets, stages
from quant_platform.defs.assets.common import IO_MANAGER, AssetContext
from quant_platform.defs.checks import build_check, build_checks
from quant_platform.defs.io_manager import PostgresIOManager
from quant_platform.defs.jobs import build_jobs
from quant_platform.defs.sensors import build_sensors
from quant_platform.defs.staleness import build_stale_check
from quant_platform.pipeline.feature_sets import stored_sets
from quant_platform.pipeline.own_data import has_own_data
from quant_platform.pipeline.platform import Platform
from quant_platform.quality.check import QualityCheck
from quant_platform.quality.check_registry import all_checks
from quant_platform.quality.market import ACTIONS, BARS
from quant_platform.settings import Settings
from quant_platform.strategies.condition_sources import read_sources, sessions_read
from quant_platform.vendors.base import Vendor
from quant_platform.vendors.vendor_registry import vendor_of


def _asset_checks(checks: Sequence[QualityCheck]) -> list[dg.AssetChecksDefinition]:
    """Asset checks; those of the bars, and those of bars and actions, share a step each."""
    checks = [*checks, *(check.repeated for check in checks if check.again_after)]
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
    assets = all_assets(
        AssetContext(
            vendor,
            platform.calendar,
            platform.universe_rule,
            settings.benchmark,
            stored_sets(settings),
            has_own_data(settings),
            platform.models,
            platform.books,
            sessions_read(read_sources(settings.conditions)),
        )
    )
    return dg.Definitions(
        assets=assets,
        asset_checks=[*_asset_checks(all_checks(settings, vendor)), build_stale_check(assets)],
        jobs=build_jobs(stages(assets)),
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
