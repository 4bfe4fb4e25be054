"""Runs checks over blocks of sessions and stores a verdict per session in `data_quality`.

Checks of one table share what they read: the rows are read once, a block of sessions at a time, so
that memory does not grow with the length of a run. What does not belong here: what a check looks
for (`market.py`, `computed.py`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pandas as pd

from quant_platform.pipeline.platform import Platform
from quant_platform.quality.check import (
    BLOCK_ROWS,
    EXAMPLES,
    CheckContext,
    QualityCheck,
    failures,
)
from quant_platform.storage import bulk
from quant_platform.storage.replace import replace_sessions

JUDGES = 2
"""Checks of a step that are judged at the same time."""


def judge_blocks(
    platform: Platform, checks: Sequence[QualityCheck], sessions: Sequence[str]
) -> dict[str, pd.DataFrame]:
    """CheckFunction block by block and store the verdicts; return the failures by check."""
    found: dict[str, list[pd.DataFrame]] = {check.name: [] for check in checks}
    lookback = max(check.lookback for check in checks)
    for context in _blocks(platform, checks[0].table, sessions, lookback):
        # While one waits for the server, another computes.
        with ThreadPoolExecutor(JUDGES, thread_name_prefix="judge") as pool:
            found_by = pool.map(partial(_judge, context), checks)
            verdicts = dict(zip(checks, found_by, strict=True))
        for check, frame in verdicts.items():
            found[check.name].append(frame)
        store_verdicts(platform, verdicts, context.sessions)
    return {
        name: pd.concat(frames, ignore_index=True) if frames else failures([], [])
        for name, frames in found.items()
    }


def _blocks(
    platform: Platform, table: str, sessions: Sequence[str], lookback: int
) -> Iterator[CheckContext]:
    """Blocks of sessions; while one is context, the bars of the next are read."""
    size = _block_sessions(platform, table, sessions)
    blocks = [sessions[start : start + size] for start in range(0, len(sessions), size)]
    context = CheckContext(platform, blocks[0], lookback)
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as reader:
        for block in blocks[1:]:
            following = context.followed_by(block)
            reader.submit(getattr, following, "bars")
            yield context
            context = following
        yield context


def _judge(context: CheckContext, check: QualityCheck) -> pd.DataFrame:
    return check.judge(context, check.threshold)


def _block_sessions(platform: Platform, table: str, sessions: Sequence[str]) -> int:
    """How many sessions have about `BLOCK_ROWS` rows, going by the newest."""
    rows = bulk.query(
        platform.database,
        f"SELECT count(*) AS rows FROM {bulk.quoted(table)} WHERE date = $1::text::date",  # noqa: S608 — quoted name
        (sessions[-1],),
    )["rows"].iloc[0]
    return max(BLOCK_ROWS // max(int(rows), 1), 1)


def store_verdicts(
    platform: Platform, verdicts: Mapping[QualityCheck, pd.DataFrame], sessions: Sequence[str]
) -> None:
    """Replace the verdicts of the judged sessions in `data_quality`."""
    rows = [_verdicts(check, sessions, found) for check, found in verdicts.items()]
    replace_sessions(
        platform.database,
        platform.table("data_quality"),
        pd.concat(rows, ignore_index=True),
        sessions,
        scope={"check_name": tuple(sorted(check.name for check in verdicts))},
    )


def _verdicts(check: QualityCheck, sessions: Sequence[str], found: pd.DataFrame) -> pd.DataFrame:
    """One row of `data_quality` per session."""
    examples: dict[pd.Timestamp, list[str]] = {}
    counts: dict[pd.Timestamp, int] = {}
    for day, example, count in zip(found["date"], found["example"], found["count"], strict=True):
        examples.setdefault(day, []).append(example)
        counts[day] = counts.get(day, 0) + count
    days = [pd.Timestamp(session) for session in sessions]
    return pd.DataFrame(
        {
            "date": pd.Series(days, dtype="datetime64[s]"),
            "check_name": check.name,
            "table_name": check.table,
            "passed": [day not in examples for day in days],
            "severity": check.severity,
            "failures": [int(counts.get(day, 0)) for day in days],
            "details": [
                json.dumps({"examples": examples[day][:EXAMPLES]}) if day in examples else "{}"
                for day in days
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
    """Checks that have not looked at every session, or that stop what comes after one of them.

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
