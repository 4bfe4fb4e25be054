"""Asset checks of the platform's quality checks: factories, and nothing that judges.

A check judges the sessions of the run or, executed alone, all that are stored. Checks of severity
error block: in the daily run nothing downstream starts after one failed. Checks of one asset that
look at the same rows are one step. What they look for is in `quality/`.
"""

from collections.abc import Iterator, Sequence

import dagster as dg
import pandas as pd

from quant_platform.pipeline.platform import Platform
from quant_platform.quality.check import ERROR, EXAMPLES, CheckContext, QualityCheck, failures
from quant_platform.quality.judging import judge_blocks, store_verdicts, stored_sessions


def build_check(check: QualityCheck) -> dg.AssetChecksDefinition:
    """Turn a judgement into an asset check of its own, of all sessions at once."""

    @dg.asset_check(
        asset=dg.AssetKey.from_user_string(check.asset),
        name=check.name,
        description=check.description,
        blocking=check.blocks,
    )
    def asset_check(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        sessions = _sessions(context, platform, check.table)
        found = failures([], [])
        if sessions:
            found = check.judge(CheckContext(platform, sessions, check.lookback), check.threshold)
            store_verdicts(platform, {check: found}, sessions)
        return _result(check, sessions, found)

    return asset_check


def build_checks(asset: str, checks: Sequence[QualityCheck]) -> dg.AssetChecksDefinition:
    """Turn judgements of one asset's rows into asset checks of a single step."""
    by_name = {check.name: check for check in checks}
    key = dg.AssetKey.from_user_string(asset)

    @dg.multi_asset_check(
        name=f"{key.to_python_identifier()}_checks",
        specs=[
            dg.AssetCheckSpec(
                check.name, asset=key, description=check.description, blocking=check.blocks
            )
            for check in checks
        ],
        can_subset=True,
    )
    def asset_checks(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> Iterator[dg.AssetCheckResult]:
        selected = {key.name for key in context.selected_asset_check_keys}
        chosen = [by_name[name] for name in by_name if name in selected]
        sessions = _sessions(context, platform, chosen[0].table)
        found = judge_blocks(platform, chosen, sessions) if sessions else {}
        # Dagster ends the step at the first blocking failure, so these come last.
        for check in sorted(chosen, key=lambda check: (check.blocks, check.name)):
            yield _result(check, sessions, found.get(check.name, failures([], [])))

    return asset_checks


def _result(
    check: QualityCheck, sessions: Sequence[str], found: pd.DataFrame
) -> dg.AssetCheckResult:
    if not sessions:
        return dg.AssetCheckResult(
            passed=True, check_name=check.name, description="Nothing is stored yet"
        )
    failed = int(found["date"].nunique())
    quoted = [f"{row.date:%Y-%m-%d}: {row.example}" for row in found.tail(EXAMPLES).itertuples()]
    return dg.AssetCheckResult(
        passed=found.empty,
        check_name=check.name,
        severity=(
            dg.AssetCheckSeverity.ERROR if check.severity == ERROR else dg.AssetCheckSeverity.WARN
        ),
        description=(
            f"{len(sessions)} sessions judged, all passed"
            if found.empty
            else f"{failed} of {len(sessions)} sessions failed, last {quoted[-1]}"
        ),
        metadata={
            "sessions judged": len(sessions),
            "sessions failed": failed,
            "failures": int(found["count"].sum()),
            **({"threshold": check.threshold} if check.threshold else {}),
            **({"latest failures": dg.MetadataValue.json(quoted)} if quoted else {}),
        },
    )


def _sessions(context: dg.AssetCheckExecutionContext, platform: Platform, table: str) -> list[str]:
    """Sessions of the run; executed on its own, all from the first stored session to the last."""
    if context.has_partition_key or context.has_partition_key_range:
        return list(context.partition_keys)
    return stored_sessions(platform, table)
