"""Sessions that fail a check and are not of the run that looks at it.

Dagster shows the last evaluation of a check, which speaks of the sessions of its run. What fails in
other sessions is in `data_quality`, and is said with it. What does not belong here: how a session
is judged (`judging.py`), and how an evaluation looks (`defs/checks.py`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from quant_platform.pipeline.platform import Platform
from quant_platform.quality.check import QualityCheck
from quant_platform.storage import bulk

_FAILING = """
SELECT date::text AS date, details::text AS details, count(*) OVER () AS sessions FROM data_quality
WHERE check_name = $1::text AND NOT passed AND date <> ALL ($2::text::date[])
ORDER BY data_quality.date DESC LIMIT 1
"""


@dataclass(frozen=True)
class Elsewhere:
    """What fails in other sessions.

    Attributes
    ----------
    sessions : their number
    newest : the newest of them, and what failed in it
    """

    sessions: int = 0
    newest: str = ""

    def beside(self, description: str, *, failed: bool) -> str:
        """Say it beside what a run found, which comes first where that failed."""
        if not self.sessions:
            return description
        return f"{description}; {self}" if failed else f"{self}; of this run: {description}"

    def __str__(self) -> str:
        return f"{self.sessions} other sessions still fail, newest {self.newest}"


NOWHERE = Elsewhere()
"""No other session fails."""


def failing_elsewhere(
    platform: Platform, check: QualityCheck, sessions: Sequence[str]
) -> Elsewhere:
    """Return which sessions besides these (ISO dates) fail a check, by the verdicts stored."""
    if check.of_newest or not sessions:
        return NOWHERE
    rows = bulk.query(platform.database, _FAILING, (check.name, "{" + ",".join(sessions) + "}"))
    if rows.empty:
        return NOWHERE
    row = rows.iloc[0]
    examples = json.loads(str(row["details"])).get("examples", [])
    newest = ": ".join([str(row["date"]), *map(str, examples[:1])])
    return Elsewhere(int(row["sessions"]), newest)
