"""What is stale, written down for people: verdicts session by session, and alerts.

The check `stale_sessions` is one of every asset. It fails for the sessions whose rows no longer
follow from what is stored, which is worked out from the ledger (`pipeline/staleness.py`). Alerts
have the origin `ledger` and stand for as long as their sessions are stale. What does not belong
here: what makes a session stale.
"""

from collections.abc import Sequence

import pandas as pd

from quant_platform.alerts.rules import WARNING
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.staleness import Stale, stale_of
from quant_platform.quality.check import WARN, CheckContext, QualityCheck
from quant_platform.quality.judging import store_verdicts
from quant_platform.quality.verdict import Findings, failures, joined
from quant_platform.storage import bulk
from quant_platform.storage.replace import replace_sessions

ORIGIN = "ledger"
"""`alerts.origin` of what the ledger says."""

REMEDY = "quant-platform backfill --stale computes them again"


def _stale_sessions(context: CheckContext, threshold: float) -> Findings:
    """Rows follow from what is stored: nothing they were computed from changed afterwards."""
    del threshold
    return findings_of(stale_of(context.platform), context.sessions)


STALE_SESSIONS = QualityCheck(
    name="stale_sessions",
    asset="every asset",
    table="computations",
    severity=WARN,
    description=" ".join((_stale_sessions.__doc__ or "").split()),
    judge=_stale_sessions,
)


def findings_of(stale: Sequence[Stale], sessions: Sequence[str]) -> Findings:
    """What is stale of `sessions`: a failure for each asset and session."""
    judged = frozenset(sessions)
    parts = []
    for each in stale:
        days = [session for session in each.sessions if session in judged]
        parts.append(failures(days, [f"{each.asset}: because of {each.because}"] * len(days)))
    return Findings(joined(parts), judged)


def verdict_on(stale: Stale | None) -> tuple[bool, str]:
    """Whether an asset passes, and what is said of it."""
    if stale is None:
        return True, "Every session follows from what is stored"
    return False, f"{stale}; {REMEDY}"


def announce(platform: Platform, sessions: Sequence[str] = ()) -> list[Stale]:
    """Store verdicts and alerts of what is stale now, and return it.

    Parameters
    ----------
    sessions : sessions that get a verdict in any case; the others are those that are stale, and
        those that were when this was looked at last
    """
    stale = stale_of(platform)
    failed = bulk.query(
        platform.database,
        "SELECT date::text AS date FROM data_quality WHERE check_name = $1::text AND NOT passed",
        (STALE_SESSIONS.name,),
    )
    days = {*sessions, *failed["date"], *(day for each in stale for day in each.sessions)}
    if days:
        judged = sorted(days)
        store_verdicts(platform, {STALE_SESSIONS: findings_of(stale, judged)}, judged)
    _store_alerts(platform, stale)
    return stale


def _store_alerts(platform: Platform, stale: Sequence[Stale]) -> None:
    """Make one alert per asset, of its first stale session, all that there are of the ledger."""
    standing = bulk.query(
        platform.database,
        "SELECT DISTINCT date::text AS date FROM alerts WHERE origin = $1::text",
        (ORIGIN,),
    )
    rows = pd.DataFrame(
        {
            "date": [each.sessions[0] for each in stale],
            "origin": ORIGIN,
            "rule": STALE_SESSIONS.name,
            "subject": [each.asset for each in stale],
            "severity": WARNING,
            "message": [f"{each}; {REMEDY}" for each in stale],
            "value": [float(len(each.sessions)) for each in stale],
            "threshold": 0.0,
        }
    )
    rows["date"] = pd.to_datetime(rows["date"]).astype("datetime64[s]")
    days = sorted({*standing["date"], *(each.sessions[0] for each in stale)})
    if days:
        table = platform.table("alerts")
        replace_sessions(platform.database, table, rows, days, scope={"origin": ORIGIN})
