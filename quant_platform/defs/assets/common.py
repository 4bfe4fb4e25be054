"""The decorator of every asset, and what assets share.

These are partitions, single-run backfills, retries, owner, kinds and the table's metadata.
"""

import inspect
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

import dagster as dg
import pandas as pd

from quant_platform.conventions import DEFAULT_BENCHMARK
from quant_platform.defs.partitions import session_partitions
from quant_platform.defs.tags import wants_only_missing, wants_only_stale
from quant_platform.defs.upstream import upstream_of
from quant_platform.features.feature_set import TECHNICAL, FeatureSet
from quant_platform.market.calendar import Calendar
from quant_platform.market.universe import UniverseRule
from quant_platform.pipeline.chunks import Chunks
from quant_platform.pipeline.computations import unfinished
from quant_platform.pipeline.platform import Platform
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.book import Book
from quant_platform.strategies.models import default_models
from quant_platform.vendors.base import Vendor

# Single-run backfills are what makes a long history cheap; the class is public and stable, only the
# parameter is still marked beta. Nothing else is silenced.
warnings.filterwarnings("ignore", "Parameter `backfill_policy`", dg.BetaWarning)

OWNER = "team:quant-platform"
KINDS = {"python", "postgres"}
IO_MANAGER = "io_manager"

LAZY = {"lazy": True}
"""Metadata of an input that is handed over as `Stored`, to be read block by block."""


class RetriesUnlessStopped(dg.RetryPolicy):
    """A retry policy that lets go of a step that somebody stopped.

    Dagster holds an interrupt (Ctrl-C, a termination in the UI) for a reason to try again.
    """

    def calculate_delay(self, attempt_num: int) -> Any:
        """Seconds to wait before the next attempt; an interrupt goes on up instead."""
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, Exception):
            raise error
        return super().calculate_delay(attempt_num)


RETRIES = RetriesUnlessStopped(max_retries=2, delay=2, backoff=dg.Backoff.EXPONENTIAL)
"""For lost connections and vendors that are away; a broken contract is never tried again."""

HOW_TO_BACKFILL = (
    "A range of several assets: Jobs, then daily_update or the job of a stage, Partitions, Launch"
    " backfill. That is one run of exactly the range. *Materialize* on several assets adds later"
    " sessions that look back on it, and a run for each step of that."
)
"""Shown with each asset, where its button is."""

LATE_AFTER = timedelta(hours=24)
READY_BY = "0 6 * * 2-6"
"""Cron (UTC) by which a session must be there: the morning after it."""


@dataclass(frozen=True)
class AssetContext:
    """What the definitions depend on: vendor, calendar, members, stored features, models, books.

    `own_data`: whether there is any (`pipeline/own_data.py`); `condition_sessions`: of how many
    sessions of it a portfolio depends (0: none).
    """

    vendor: Vendor
    calendar: Calendar
    universe_rule: UniverseRule
    benchmark: str = DEFAULT_BENCHMARK
    feature_sets: tuple[FeatureSet, ...] = (TECHNICAL,)
    own_data: bool = False
    models: tuple[Strategy, ...] = field(default_factory=default_models)
    books: tuple[Book, ...] = ()
    condition_sessions: int = 0

    @property
    def partitions(self) -> dg.DailyPartitionsDefinition:
        """Sessions of the vendor's market; one object per process."""
        vendor = self.vendor
        return session_partitions(self.calendar, vendor.first_session, vendor.last_session)

    @property
    def model_names(self) -> list[str]:
        """Names of what has a portfolio: the models, then the books."""
        return [*(each.name for each in self.models), *(each.name for each in self.books)]

    @property
    def is_live(self) -> bool:
        """Whether new sessions will come; a market that ended cannot go stale."""
        return self.vendor.last_session is None


def asset(
    market: AssetContext,
    group: str,
    table: str,
    *,
    ins: Mapping[str, dg.AssetIn] | None = None,
    key: dg.AssetKey | None = None,
    description: str | None = None,
    code_version: str | None = None,
    scope: Mapping[str, str | list[str]] | None = None,
    quarantine: bool = False,
    dense: bool = False,
    with_tables: Sequence[str] = (),
) -> Callable[[Callable[..., pd.DataFrame | Chunks]], dg.AssetsDefinition]:
    """`@dg.asset` with what all assets of the platform share, a hint in its description included.

    Parameters
    ----------
    table : where the IO manager keeps the asset's rows
    key, description : default to the function's name and docstring
    scope, quarantine, dense, with_tables : see `defs/io_manager.py`
    """

    def decorate(function: Callable[..., pd.DataFrame | Chunks]) -> dg.AssetsDefinition:
        return dg.asset(
            key=key,
            ins=ins,
            description=with_hint(description or inspect.getdoc(function) or ""),
            code_version=code_version,
            group_name=group,
            owners=[OWNER],
            kinds=KINDS,
            partitions_def=market.partitions,
            backfill_policy=dg.BackfillPolicy.single_run(),
            retry_policy=RETRIES,
            io_manager_key=IO_MANAGER,
            freshness_policy=_freshness() if market.is_live else None,
            metadata={
                "table": table,
                **({"scope": dict(scope)} if scope else {}),
                **({"quarantine": True} if quarantine else {}),
                **({"dense": True} if dense else {}),
                **({"with_tables": list(with_tables)} if with_tables else {}),
            },
        )(function)

    return decorate


def with_hint(description: str) -> str:
    """Description of an asset that also says how to compute a range of several assets."""
    return f"{description}\n\n{HOW_TO_BACKFILL}"


@cache
def _freshness() -> dg.FreshnessPolicy:
    """One policy for all assets: Dagster goes through a year of ticks to validate each."""
    return dg.FreshnessPolicy.cron(deadline_cron=READY_BY, lower_bound_delta=LATE_AFTER)


def asset_out(
    market: AssetContext,
    group: str,
    table: str,
    description: str,
    *,
    quarantine: bool = False,
    dense: bool = False,
) -> dg.AssetOut:
    """One of several tables that a single step fills; as `asset` otherwise."""
    return dg.AssetOut(
        is_required=False,
        description=with_hint(description),
        group_name=group,
        owners=[OWNER],
        kinds=KINDS,
        io_manager_key=IO_MANAGER,
        freshness_policy=_freshness() if market.is_live else None,
        metadata={
            "table": table,
            **({"quarantine": True} if quarantine else {}),
            **({"dense": True} if dense else {}),
        },
    )


def sessions_to_do(
    context: dg.AssetExecutionContext, platform: Platform, recipe: str = ""
) -> list[str]:
    """Sessions of the run that the asset has to compute.

    Those that are finished are left out where the run wants only what is missing, and those that
    are not stale where it wants only what is.
    """
    sessions = list(context.partition_keys)
    only_stale = wants_only_stale(context.run)
    if not only_stale and not wants_only_missing(context.run):
        return sessions
    asset, upstream = context.asset_key.to_user_string(), upstream_of(context.assets_def)
    return unfinished(platform, asset, upstream, sessions, None if only_stale else recipe)


def columns(*names: str) -> dict[str, Any]:
    """Metadata of an input that reads only these columns."""
    return {"columns": list(names)}


def keyed(*names: str) -> dict[str, Any]:
    """Metadata of an input that reads the key of a security's session, and these columns."""
    return columns("date", "symbol", "security_id", *names)
