"""What a check finds out of a session: its verdict, and the failures that speak for it.

1. A check function returns `Findings`: the failures, the sessions it judged, and why it did not
   judge the others.
2. A session with a failure failed; one that was judged and has none passed.
3. All others are not judged: the check samples and the session is not among the samples, there was
   nothing to look at, or the vendor could not be asked. A session that nobody looked at has not
   passed.

What does not belong here: what a check is given (`check.py`), where verdicts are stored
(`judging.py`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

EXAMPLES = 5
"""Failures quoted per session and in the metadata."""


def failures(dates: Sequence[Any] | np.ndarray | pd.Index, examples: Sequence[str]) -> pd.DataFrame:
    """One row per failure: the session it belongs to, what failed, and for how many it stands."""
    return pd.DataFrame(
        {
            "date": np.asarray(dates, dtype="datetime64[s]"),
            "example": pd.array(list(examples), dtype="str"),
            "count": np.ones(len(examples), dtype=np.int64),
        }
    )


def counted(session: Any, examples: Sequence[str], count: int) -> pd.DataFrame:
    """Failures of one session of which only some are quoted; the last one stands for the rest."""
    frame = failures([session] * len(examples), examples)
    rest = np.zeros(len(frame), dtype=np.int64)
    rest[-1:] = count - len(examples)
    return frame.assign(count=frame["count"] + rest)


def joined(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Failures of several frames in one; no rows where there are no frames."""
    parts = list(frames)
    return pd.concat(parts, ignore_index=True) if parts else failures([], [])


@dataclass(frozen=True)
class Findings:
    """What a check found out about the sessions it was given.

    Attributes
    ----------
    failures : one row per failure: date, example, count (see `failures`)
    judged : sessions that could be judged, as ISO dates
    reason : why the other sessions were not judged; never empty where there are any
    broken : why the check itself could not judge; then no session has a verdict
    """

    failures: pd.DataFrame
    judged: frozenset[str]
    reason: str = ""
    broken: str = ""

    def passed(self, sessions: Sequence[str]) -> list[bool | None]:
        """Verdict on each of `sessions`, as `data_quality.passed` has it; None: not judged."""
        failed = {f"{day:%Y-%m-%d}" for day in self.failures["date"]}
        passed = dict.fromkeys(self.judged, True) | dict.fromkeys(failed, False)
        return [passed.get(session) for session in sessions]

    def numbers(self, sessions: Sequence[str]) -> tuple[int, int, int]:
        """How many of `sessions` failed, passed and were not judged."""
        passed = self.passed(sessions)
        return passed.count(False), passed.count(True), passed.count(None)


def iso_dates(days: Iterable[Any] | np.ndarray) -> frozenset[str]:
    """Days of any type as ISO dates, each once."""
    unique = pd.DatetimeIndex(np.unique(np.asarray(list(days), dtype="datetime64[D]")))
    return frozenset(unique.strftime("%Y-%m-%d"))


def together(findings: Sequence[Findings]) -> Findings:
    """Findings about several blocks of sessions as one; the first reason stands for all."""
    return Findings(
        joined(part.failures for part in findings),
        frozenset().union(*(part.judged for part in findings)),
        next((part.reason for part in findings if part.reason), ""),
        next((part.broken for part in findings if part.broken), ""),
    )


def summary(failed: int, passed: int, not_judged: int, reason: str, quoted: Sequence[str]) -> str:
    """Sum up the verdicts of a run in one line."""
    judged = failed + passed
    if not judged:
        return f"not judged: {reason}"
    others = f", {not_judged} not judged" if not_judged else ""
    if failed:
        return f"{failed} of {judged} sessions failed{others}, last {quoted[-1]}"
    return f"{judged} sessions judged, all passed{others}"
