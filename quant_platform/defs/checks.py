"""Asset checks of the platform's quality checks: factories, and nothing that judges.

A check judges the sessions of the run or, executed alone, all that are stored. Checks of severity
error block: in the daily run nothing downstream starts after one failed. Checks of one asset that
look at the same rows are one step. What they look for is in `quality/`.

Dagster knows passed and failed only. A run of which no session was judged is shown as passed with
severity WARN, and its description says that it was not judged. A run whose own sessions pass while
others still fail is shown as failed with severity WARN, which stops nothing: the page of a check
shows its last evaluation only, and a backfill of a month must not hide what fails in another.
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from quant_platform.pipeline.platform import Platform
from quant_platform.quality.check import ERROR, QualityCheck
from quant_platform.quality.elsewhere import NOWHERE, Elsewhere, failing_elsewhere
from quant_platform.quality.judging import judge_run, stored_sessions
from quant_platform.quality.verdict import EXAMPLES, Findings, summary, together

NOTHING = together([])
"""Findings where nothing is stored."""


def build_check(check: QualityCheck) -> dg.AssetChecksDefinition:
    """Turn a judgement into an asset check of its own."""

    @dg.asset_check(
        asset=dg.AssetKey.from_user_string(check.asset),
        name=check.name,
        description=check.description,
        blocking=check.blocks,
        additional_deps=_further(check),
    )
    def asset_check(
        context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
    ) -> dg.AssetCheckResult:
        sessions = _sessions(context, platform, check.table)
        if not sessions:
            return _result(check, [], NOTHING)
        judged, findings = judge_run(platform, [check], sessions)
        others = failing_elsewhere(platform, [check], judged)
        return _result(check, judged, findings[check.name], others.get(check.name, NOWHERE))

    return asset_check


def build_checks(asset: str, checks: Sequence[QualityCheck]) -> dg.AssetChecksDefinition:
    """Turn judgements of one asset's rows into asset checks of a single step."""
    by_name = {check.name: check for check in checks}
    key = dg.AssetKey.from_user_string(asset)

    @dg.multi_asset_check(
        name=f"{key.to_python_identifier()}_checks",
        specs=[
            dg.AssetCheckSpec(
                check.name,
                asset=key,
                description=check.description,
                blocking=check.blocks,
                additional_deps=_further(check),
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
        judged, findings = judge_run(platform, chosen, sessions) if sessions else ([], {})
        others = failing_elsewhere(platform, chosen, judged)
        # Dagster ends the step at the first blocking failure, so these come last.
        for check in sorted(chosen, key=lambda check: (check.blocks, check.name)):
            found, elsewhere = findings.get(check.name, NOTHING), others.get(check.name, NOWHERE)
            yield _result(check, judged, found, elsewhere)

    return asset_checks


def _further(check: QualityCheck) -> list[dg.AssetKey]:
    """Assets besides the guarded one that a check waits for."""
    return [dg.AssetKey.from_user_string(name) for name in sorted(check.waits_for)]


def _result(
    check: QualityCheck,
    sessions: Sequence[str],
    findings: Findings,
    others: Elsewhere = NOWHERE,
) -> dg.AssetCheckResult:
    if not sessions:
        return dg.AssetCheckResult(
            passed=True, check_name=check.name, description="Nothing is stored yet"
        )
    if findings.broken:
        return dg.AssetCheckResult(
            passed=False,
            check_name=check.name,
            severity=dg.AssetCheckSeverity.ERROR if check.blocks else dg.AssetCheckSeverity.WARN,
            description=f"could not judge: {findings.broken}",
        )
    failed, passed, not_judged = findings.numbers(sessions)
    failures = findings.failures
    quoted = [f"{row.date:%Y-%m-%d}: {row.example}" for row in failures.tail(EXAMPLES).itertuples()]
    text = summary(failed, passed, not_judged, findings.reason, quoted)
    # What only other sessions fail is no reason to stop this run.
    harmless = not_judged == len(sessions) or (others.sessions and not failed)
    error = check.severity == ERROR and not harmless
    return dg.AssetCheckResult(
        passed=not failed and not others.sessions,
        check_name=check.name,
        severity=dg.AssetCheckSeverity.ERROR if error else dg.AssetCheckSeverity.WARN,
        description=others.beside(text, failed=failed > 0),
        metadata={
            "sessions judged": failed + passed,
            "sessions not judged": not_judged,
            "sessions failed": failed,
            "other sessions that fail": others.sessions,
            "failures": int(failures["count"].sum()),
            **({"threshold": check.threshold} if check.threshold else {}),
            **({"not judged because": findings.reason} if not_judged else {}),
            **({"latest failures": dg.MetadataValue.json(quoted)} if quoted else {}),
        },
    )


def _sessions(context: dg.AssetCheckExecutionContext, platform: Platform, table: str) -> list[str]:
    """Sessions of the run; executed on its own, all from the first stored session to the last."""
    if context.has_partition_key or context.has_partition_key_range:
        return list(context.partition_keys)
    return stored_sessions(platform, table)
