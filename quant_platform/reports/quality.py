"""The part of a page about its data: verdicts of the checks, refused rows, missing sessions.

Frames in, plain values out; `templates/report.html.j2` decides how they look. The page folds this
part when every check that judged the session passed (and one did), no row was set aside and no
session is outstanding. A check that did not judge the session is counted apart from those that
passed. What does not belong here: the checks themselves (`quality/` of the package).
"""

import json
from dataclasses import dataclass
from typing import Any

import pandas as pd

EXAMPLES = 3
"""Failures quoted per check."""

EXAMPLE_LENGTH = 160
"""Characters of a failure that are quoted."""

FAILED, WARNED, NOT_JUDGED, PASSED = "failed", "warned", "not judged", "passed"

TONES = {FAILED: "bad", WARNED: "meh", NOT_JUDGED: "soft", PASSED: "ok"}
"""Verdict on a session → its class in the page; the order is that of the lines."""


@dataclass(frozen=True)
class CheckLine:
    """One check: its verdict on the session, and how it went in the recent ones.

    Attributes
    ----------
    check, table : names
    verdict : failed (severity error), warned, not judged or passed
    severity : error or warn, by its latest verdict
    failures : rows or cells that failed in the session
    examples : the first of them, in words
    reason : why the session was not judged; empty where it was, or where no verdict is stored
    sessions, failed : recent sessions that it judged, and those that failed
    latest : last of these
    """

    check: str
    table: str
    verdict: str
    severity: str
    failures: int
    examples: tuple[str, ...]
    reason: str
    sessions: int
    failed: int
    latest: pd.Timestamp | None

    @property
    def tone(self) -> str:
        """Class of the verdict in the page."""
        return TONES[self.verdict]

    @property
    def unquoted(self) -> int:
        """Failures besides the examples."""
        return self.failures - len(self.examples) if self.examples else 0


@dataclass(frozen=True)
class Quality:
    """The quality of a session's data.

    Attributes
    ----------
    checks : one line per check, failing ones first
    refused : rows of the session that were set aside: table_name, reason, rows
    outstanding : sessions that are not complete: date, source, status, reason
    sessions : number of recent sessions that have verdicts
    headline : the session in a few words, each with its class in the page
    """

    checks: tuple[CheckLine, ...]
    refused: tuple[dict[str, Any], ...]
    outstanding: tuple[dict[str, Any], ...]
    sessions: int
    headline: tuple[tuple[str, str], ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.checks or self.refused or self.outstanding)

    @property
    def is_well(self) -> bool:
        """Whether there is no fault to look at."""
        tones = {tone for tone, _ in self.headline}
        return "ok" in tones and tones <= {"ok", "soft"}


def quality(
    session: pd.Timestamp,
    verdicts: pd.DataFrame,
    refused: pd.DataFrame,
    outstanding: pd.DataFrame,
) -> Quality:
    """Sum up the quality of a session's data.

    Parameters
    ----------
    session : the session
    verdicts : rows of `data_quality` of the recent sessions, this one included
    refused : rows of the session in quarantine, counted: table_name, reason, rows
    outstanding : rows of `ingestions` that are not complete: date, source, status, reason
    """
    groups = verdicts.sort_values("date").groupby(["table_name", "check_name"])
    lines = [_line(session, str(check), str(table), rows) for (table, check), rows in groups]
    order = list(TONES)
    lines.sort(key=lambda line: (order.index(line.verdict), line.failed == 0))
    return Quality(
        tuple(lines),
        tuple(_records(refused)),
        tuple(_records(outstanding)),
        verdicts["date"].nunique(),
        _headline(lines, refused, outstanding),
    )


def _line(session: pd.Timestamp, check: str, table: str, rows: pd.DataFrame) -> CheckLine:
    # Null: the check did not judge the session.
    judged = rows[rows["passed"].notna()]
    failed = judged[~judged["passed"].astype(bool)]
    today = rows[rows["date"] == session]
    failures = int(today["failures"].sum())
    severity = str(rows["severity"].iloc[-1])
    if today.empty or today["passed"].isna().any():
        verdict = NOT_JUDGED
    elif today["passed"].all():
        verdict = PASSED
    else:
        verdict = FAILED if severity == "error" else WARNED
    return CheckLine(
        check,
        table,
        verdict,
        severity,
        failures,
        _examples(today["details"].iloc[0]) if verdict in (FAILED, WARNED) else (),
        _reason(today["details"].iloc[0]) if verdict == NOT_JUDGED and len(today) else "",
        sessions=len(judged),
        failed=len(failed),
        latest=failed["date"].iloc[-1] if len(failed) else None,
    )


def _examples(details: object) -> tuple[str, ...]:
    """Failures from a verdict's details; details of another form are shown as JSON."""
    content = _content(details)
    examples = content.get("examples") if isinstance(content, dict) else None
    if not isinstance(examples, list):
        examples = [json.dumps(content, ensure_ascii=False)] if content else []
    return tuple(_short(str(each)) for each in examples[:EXAMPLES])


def _reason(details: object) -> str:
    """Why a session was not judged, out of the verdict's details."""
    content = _content(details)
    return _short(str(content.get("reason", ""))) if isinstance(content, dict) else ""


def _content(details: object) -> object:
    return json.loads(details) if isinstance(details, str) else details


def _short(text: str) -> str:
    return text if len(text) <= EXAMPLE_LENGTH else text[: EXAMPLE_LENGTH - 1] + "…"


def _headline(
    lines: list[CheckLine], refused: pd.DataFrame, outstanding: pd.DataFrame
) -> tuple[tuple[str, str], ...]:
    count = {verdict: sum(line.verdict == verdict for line in lines) for verdict in TONES}
    lost = int((outstanding["status"] == "failed").sum())
    counts = (
        ("bad", count[FAILED], "check", "failed"),
        ("bad", lost, "session", "failed"),
        ("meh", count[WARNED], "check", "warned"),
        ("meh", int(refused["rows"].sum()), "row", "set aside"),
        ("meh", len(outstanding) - lost, "session", "pending"),
        ("ok", count[PASSED], "check", "passed"),
        ("soft", count[NOT_JUDGED], "check", "not judged"),
    )
    return tuple(
        (tone, f"{number:,} {noun}{'' if number == 1 else 's'} {outcome}".replace(",", "\u202f"))
        for tone, number, noun, outcome in counts
        if number
    )


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
