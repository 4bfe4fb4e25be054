"""The whole chain over a part of the sample market, run through Dagster into a database.

The market begins in August 2003, so that the longest look-backs are full when the tests begin; they
look at August to December 2004, with Google's listing (19 August) and Microsoft's special dividend
(15 November) in it.
"""

import atexit
import logging
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType

import dagster as dg
import pandas as pd

from quant_platform.defs.build import build_defs
from quant_platform.defs.staleness import inputs_of
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.staleness import write_inputs
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage.database import Database
from quant_platform.vendors.base import Vendor
from quant_platform.vendors.sample import SampleVendor
from quant_platform_tests.support.instance_harness import open_instance
from quant_platform_tests.support.tables import fetch

FIRST, LAST = "2004-08-02", "2004-12-31"
LISTING, DIVIDEND = "2004-08-19", "2004-11-15"

FACTS = (
    *("market_data", "securities", "security_symbols"),
    *("corporate_actions", "trading_universe"),
)
TABLES = (
    *FACTS,
    "features",
    "signals",
    "portfolios",
    "model_performance",
    "performance_statistics",
    "model_monitor",
    "factor_evaluation",
    *("signal_probabilities", "signal_calibration", "signal_calibration_bins"),
    "alerts",
    "performance_reports",
    "factor_exposures",
    "factor_returns",
    "specific_returns",
    "risk_forecasts",
)
EXACT = {
    *(*FACTS, "features", "signals", "factor_evaluation"),
    *("factor_exposures", "factor_returns", "specific_returns"),
    *("signal_probabilities", "signal_calibration", "signal_calibration_bins"),
}
"""Tables whose values are the same to the last bit however a backfill is cut."""

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
STALE = {"quant_platform/fetch": "missing", "quant_platform/stale": "all"}
"""Tags of a run that computes what is stale."""

CLOCKS = ["recorded_at", "created_at"]


class SampleMarket(SampleVendor):
    """Sample market from August 2003 to the end of 2004."""

    first_session = date(2003, 8, 1)
    last_session: date | None = date(2004, 12, 31)


def run(
    database: Database,
    home: Path,
    first: str,
    last: str,
    *,
    vendor: Vendor | None = None,
    assets: Sequence[str] = (),
    tags: Mapping[str, str] = MappingProxyType({}),
    settings: Mapping[str, str] = MappingProxyType({}),
) -> dg.ExecuteInProcessResult:
    """Materialise all assets (or those named) from `first` to `last` in one run, without checks."""
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    values = {"DATABASE_URL": database.url, PREFIX + "HOME": str(home), **settings}
    whole = build_defs(settings=Settings.load(values, home), vendor=vendor or SampleMarket())
    definitions = dg.Definitions(
        assets=whole.assets,
        resources=whole.resources,
        executor=dg.in_process_executor,
        jobs=[dg.define_asset_job("everything")],
    )
    all_tags = {
        "dagster/asset_partition_range_start": first,
        "dagster/asset_partition_range_end": last,
        **tags,
    }
    return definitions.resolve_job_def("everything").execute_in_process(
        instance=_instance(database.url.partition("?")[2]),
        run_config=QUIET,
        tags=all_tags,
        asset_selection=[dg.AssetKey.from_user_string(name) for name in assets] or None,
        raise_on_error=False,
    )


def platform_of(database: Database, home: Path) -> Platform:
    """Platform of the sample market over a database that knows what follows from what."""
    values = {"DATABASE_URL": database.url, PREFIX + "HOME": str(home)}
    platform = Platform(Settings.load(values, home), SampleMarket())
    definitions = build_defs(settings=platform.settings, vendor=platform.vendor)
    write_inputs(database, inputs_of(list(definitions.assets or ())))  # type: ignore[arg-type]
    return platform


@cache
def _instance(place: str) -> dg.DagsterInstance:
    """One instance of this process on the server at `place`.

    The one in memory takes forty times as long for each partition; runs do not look at it.
    """
    name = f"properties_{os.getpid()}"
    connection = Database(f"postgresql://postgres@/postgres?{place}").connect()
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
    finally:
        connection.close()
    folder = Path(tempfile.mkdtemp(prefix=name))
    instance = open_instance(f"postgresql://postgres@/{name}?{place}", folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return instance


def rows(database: Database, table: str, last: str = LAST) -> pd.DataFrame:
    """Rows of `FIRST` to `last` with JSON as text, ordered by everything that identifies them."""
    connection = database.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT * FROM {table} WHERE date BETWEEN %s AND %s",  # noqa: S608 — our names
                (FIRST, last),
            )
            names = [column.name for column in cursor.description or ()]
            frame = pd.DataFrame(cursor.fetchall(), columns=names)
    finally:
        connection.close()
    keys = [
        name
        for name in (
            *("date", "model_id", "symbol", "action_type", "window_name", "rule", "subject"),
            *("feature", "horizon", "factor", "security_id", "bin"),
        )
        if name in names
    ]
    without_clocks = frame.drop(columns=[name for name in CLOCKS if name in names])
    return without_clocks.sort_values(keys, ignore_index=True)


def dump(database: Database, last: str = LAST) -> dict[str, list[str]]:
    """Every row as the server prints it, clocks left out: equal text is equal to the last bit."""
    return {
        table: [
            text
            for (text,) in fetch(
                database,
                f"SELECT (to_jsonb(t) - 'recorded_at' - 'created_at')::text FROM {table} AS t"  # noqa: S608
                " WHERE date BETWEEN %s AND %s ORDER BY 1",
                FIRST,
                last,
            )
        ]
        for table in TABLES
    }


def everything(database: Database) -> dict[str, list[str]]:
    """All rows of all tables with their clocks, but for the logs of model runs and of requests."""
    names = fetch(
        database,
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind = 'r' AND relname NOT LIKE '%%yoyo%%'"
        " AND relname NOT IN ('model_runs', 'ingestions', 'computations')",
    )
    return {
        table: [text for (text,) in fetch(database, f"SELECT t::text FROM {table} AS t ORDER BY 1")]  # noqa: S608
        for (table,) in names
    }
