"""Runs checks over blocks of sessions and stores a verdict per session in `data_quality`.

Checks of one table share what they read: the rows are read once, a block of sessions at a time, so
that memory does not grow with the length of a run. Each session of the run gets a row, also those
that a check did not judge: their `passed` is null, and their details hold the reason. What does not
belong here: what a check looks for (`market.py`, `quarantine.py`, `computed.py`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from quant_platform.errors import QuantPlatformError
from quant_platform.isolation import limited, reason_of
from quant_platform.pipeline.failures import check_statements
from quant_platform.pipeline.platform import Platform
from quant_platform.quality.check import (
    BLOCK_ROWS,
    CheckContext,
    QualityCheck,
)
from quant_platform.quality.overtaken import later_unjudged
from quant_platform.quality.verdict import EXAMPLES, Findings, together
from quant_platform.storage import bulk
from quant_platform.storage.replace import replace_sessions

BARS = "market_data"

COMPUTED_ROWS = 100_000
"""Rows of a computed table that are judged at once; they are wide, or hold documents."""


NO_VERDICT = "the check could not judge"
"""Reason of every session where a check raised or hung."""

JUDGES = 2
"""Checks of a step that are judged at the same time."""


def judge_run(
    platform: Platform, checks: Sequence[QualityCheck], sessions: Sequence[str]
) -> tuple[list[str], dict[str, Findings]]:
    """Judge the sessions of a run, and later ones whose verdicts what it changed has withdrawn.

    Returns
    -------
    Sessions that were judged, ascending, and the findings by name of the check.
    """
    pieces = [list(sessions), *later_unjudged(platform, checks, sessions)]
    parts = [judge_blocks(platform, checks, piece) for piece in pieces]
    findings = {check.name: together([part[check.name] for part in parts]) for check in checks}
    return [session for piece in pieces for session in piece], findings


def judge_blocks(
    platform: Platform, checks: Sequence[QualityCheck], sessions: Sequence[str]
) -> dict[str, Findings]:
    """Judge block by block and store the verdicts; return the findings by name of the check."""
    by_check: dict[str, list[Findings]] = {check.name: [] for check in checks}
    lookback = max(check.lookback for check in checks)
    for context in _contexts(platform, checks[0].table, sessions, lookback):
        # While one waits for the server, another computes.
        with ThreadPoolExecutor(JUDGES, thread_name_prefix="judge") as pool:
            judged = pool.map(partial(_judge, context), checks)
            findings = dict(zip(checks, judged, strict=True))
        for check, of_block in findings.items():
            by_check[check.name].append(of_block)
        store_verdicts(platform, findings, context.sessions)
    return {name: together(parts) for name, parts in by_check.items()}


def _contexts(
    platform: Platform, table: str, sessions: Sequence[str], lookback: int
) -> Iterator[CheckContext]:
    """Contexts of blocks of sessions; while one of bars is judged, the next bars are read."""
    size = _block_sessions(platform, table, sessions)
    blocks = [sessions[start : start + size] for start in range(0, len(sessions), size)]
    if table != BARS:
        yield from (CheckContext(platform, block, lookback) for block in blocks)
        return
    context = CheckContext(platform, blocks[0], lookback)
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as reader:
        for block in blocks[1:]:
            following = context.followed_by(block)
            reader.submit(getattr, following, "bars")
            yield context
            context = following
        yield context


def _judge(context: CheckContext, check: QualityCheck) -> Findings:
    """Findings of one check; what it raises, or a hang of one that somebody added, is its own."""
    judge = partial(check.judge, context, check.threshold)
    try:
        return limited(judge, context.platform.settings.step_seconds, check.judge)
    except QuantPlatformError:
        raise
    except Exception as error:  # whatever a check raises, the others go on
        return replace(context.not_judged(NO_VERDICT), broken=reason_of(error))


def _block_sessions(platform: Platform, table: str, sessions: Sequence[str]) -> int:
    """How many sessions are judged at once, going by the rows and members of the newest."""
    counts = bulk.query(
        platform.database,
        f"SELECT (SELECT count(*) FROM {bulk.quoted(table)} WHERE date = $1::text::date) AS rows,"  # noqa: S608 — quoted name
        " (SELECT count(*) FROM trading_universe WHERE date = $1::text::date) AS members",
        (sessions[-1],),
    ).iloc[0]
    if table == BARS:
        return max(BLOCK_ROWS // max(int(counts["rows"]), 1), 1)
    # A portfolio's row holds the positions of all members.
    return max(COMPUTED_ROWS // max(int(counts["rows"]), int(counts["members"]), 1), 1)


def store_verdicts(
    platform: Platform, findings: Mapping[QualityCheck, Findings], sessions: Sequence[str]
) -> None:
    """Replace the verdicts on these sessions in `data_quality`.

    Of a check that could not judge there are none, and why is in `computation_failures`.
    """
    rows = [
        _rows(check, () if of_check.broken else sessions, of_check)
        for check, of_check in findings.items()
    ]
    broken = {check.name: (check.asset, of.broken) for check, of in findings.items() if of.broken}
    replace_sessions(
        platform.database,
        platform.table("data_quality"),
        pd.concat(rows, ignore_index=True),
        sessions,
        scope={"check_name": tuple(sorted(check.name for check in findings))},
        also=check_statements([check.name for check in findings], sessions, broken),
    )


def _rows(check: QualityCheck, sessions: Sequence[str], findings: Findings) -> pd.DataFrame:
    """One row of `data_quality` per session."""
    examples: dict[str, list[str]] = {}
    counts: dict[str, int] = {}
    failures = findings.failures
    days = failures["date"].dt.strftime("%Y-%m-%d")
    for day, example, count in zip(days, failures["example"], failures["count"], strict=True):
        examples.setdefault(day, []).append(example)
        counts[day] = counts.get(day, 0) + int(count)
    passed = findings.passed(sessions)
    quoted = {day: json.dumps({"examples": those[:EXAMPLES]}) for day, those in examples.items()}
    reason = json.dumps({"reason": findings.reason})
    # As many rows as sessions, and nearly all of them alike.
    return pd.DataFrame(
        {
            "date": np.asarray(sessions, dtype="datetime64[s]"),
            "check_name": check.name,
            "table_name": check.table,
            "passed": pd.array(passed, dtype="boolean"),
            "severity": check.severity,
            "failures": [counts.get(day, 0) for day in sessions],
            "details": [
                quoted.get(day, reason if verdict is None else "{}")
                for day, verdict in zip(sessions, passed, strict=True)
            ],
        }
    )


def stored_sessions(platform: Platform, table: str) -> list[str]:
    """Sessions from the first stored one of `table` to the last; none where nothing is stored."""
    stored = bulk.query(
        platform.database,
        f"SELECT min(date)::text AS first, max(date)::text AS last FROM {bulk.quoted(table)}",  # noqa: S608 — quoted name
    ).iloc[0]
    if pd.isna(stored["first"]):
        return []
    sessions = platform.window([str(stored["last"])], 1_000_000)
    return [session for session in sessions if session >= str(stored["first"])]


def unjudged(platform: Platform, names: Sequence[str], sessions: Sequence[str]) -> set[str]:
    """Checks without a verdict on every session, or that stop what comes after one of them.

    That a session is not judged is a verdict as well.

    Parameters
    ----------
    names : names of checks
    sessions : ascending ISO dates
    """
    rows = bulk.query(
        platform.database,
        "SELECT check_name, count(*) AS sessions,"
        " count(*) FILTER (WHERE NOT passed AND severity = 'error') AS failed FROM data_quality"
        " WHERE date BETWEEN $1::text::date AND $2::text::date GROUP BY check_name",
        (sessions[0], sessions[-1]),
    )
    done = rows[(rows["sessions"] >= len(sessions)) & (rows["failed"] == 0)]
    return set(names) - set(done["check_name"])
