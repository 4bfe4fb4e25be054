"""What is stale, as Dagster shows it: a check of every asset, and the graph kept in the database.

One step judges all assets of a run, after the last of them. Assets that are not in the run, but
have gone stale by it or are so no longer, get an evaluation without a run: the UI shows their
state, whoever made them stale. What does not belong here: what makes a session stale
(`pipeline/staleness.py`), and what is written down of it (`quality/staleness.py`).
"""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet

import dagster as dg

from quant_platform.defs.upstream import upstream_of
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.staleness import Inputs, Stale, read_inputs, write_inputs
from quant_platform.quality.staleness import STALE_SESSIONS, announce, verdict_on


def inputs_of(assets: Iterable[dg.AssetsDefinition]) -> Inputs:
    """What each asset is computed from."""
    return {key.to_user_string(): upstream_of(each) for each in assets for key in each.keys}


def build_stale_check(assets: Sequence[dg.AssetsDefinition]) -> dg.AssetChecksDefinition:
    """Build the check of all assets that are computed from others."""
    inputs = inputs_of(assets)
    keys = [dg.AssetKey.from_user_string(name) for name, upstream in inputs.items() if upstream]

    @dg.multi_asset_check(
        name=STALE_SESSIONS.name,
        specs=[
            dg.AssetCheckSpec(
                STALE_SESSIONS.name, asset=key, description=STALE_SESSIONS.description
            )
            for key in keys
        ],
        can_subset=True,
    )
    def stale_check(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.AssetCheckResult]:
        write_inputs(platform.database, inputs)
        of_sessions = context.has_partition_key or context.has_partition_key_range
        stale = announce(platform, list(context.partition_keys) if of_sessions else ())
        of_asset = {each.asset: each for each in stale}
        selected = {check.asset_key for check in context.selected_asset_check_keys}
        for key in keys:
            if key in selected:
                passed, text = verdict_on(of_asset.get(key.to_user_string()))
                yield dg.AssetCheckResult(
                    passed=passed,
                    asset_key=key,
                    check_name=STALE_SESSIONS.name,
                    severity=severity_of(of_asset.get(key.to_user_string())),
                    description=text,
                )
        in_run = {key.to_user_string() for key in selected}
        report_stale(context.instance, platform, stale, in_run)

    return stale_check


def report_stale(
    instance: dg.DagsterInstance,
    platform: Platform,
    stale: Sequence[Stale],
    in_run: AbstractSet[str] = frozenset(),
) -> None:
    """Tell the UI which assets are stale, outside of a run, where that is news to it.

    Parameters
    ----------
    in_run : assets that a run tells of itself
    """
    names = sorted(read_inputs(platform.database).keys() - in_run)
    keys = map(dg.AssetKey.from_user_string, names)
    checks = [dg.AssetCheckKey(key, STALE_SESSIONS.name) for key in keys]
    of_asset = {each.asset: each for each in stale}
    shown = instance.event_log_storage.get_latest_asset_check_execution_by_key(checks)
    for check in checks:
        passed, text = verdict_on(of_asset.get(check.asset_key.to_user_string()))
        last = shown[check].evaluation if check in shown else None
        # Of a check that has begun and not ended, the last evaluation is a plan.
        is_known = isinstance(last, dg.AssetCheckEvaluation)
        before = (last.passed, last.description) if last and is_known else (True, "")
        if (passed and before[0]) or (passed, text) == before:
            continue
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=check.asset_key,
                check_name=check.name,
                passed=passed,
                metadata={},
                severity=severity_of(of_asset.get(check.asset_key.to_user_string())),
                description=text,
            )
        )


def severity_of(stale: Stale | None) -> dg.AssetCheckSeverity:
    """Of what could not be computed an error, else a warning; neither stops anything."""
    failed = stale is not None and stale.failed
    return dg.AssetCheckSeverity.ERROR if failed else dg.AssetCheckSeverity.WARN
