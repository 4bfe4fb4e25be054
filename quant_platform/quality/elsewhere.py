"""Sessions that fail a check and are not of the run that looks at it.

Dagster shows the last evaluation of a check, which speaks of the sessions of its run. What fails in
other sessions is in `data_quality`, and is said with it. What does not belong here: how a session
is judged (`judging.py`), and how an evaluation looks (`defs/checks.py`).
"""

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quant_platform.pipeline.platform import Platform
from quant_platform.quality.check import QualityCheck
from quant_platform.storage import bulk

_FAILING = """
SELECT DISTINCT ON (check_name) check_name, date::text AS day, details::text AS details,
    count(*) OVER (PARTITION BY check_name) AS sessions
FROM data_quality
WHERE check_name = ANY ($1::text::text[]) AND NOT passed AND date <> ALL ($2::text::date[])
ORDER BY check_name, date DESC
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
    platform: Platform, checks: Sequence[QualityCheck], sessions: Sequence[str]
) -> dict[str, Elsewhere]:
    """Which sessions besides these (ISO dates) fail checks, by the verdicts stored.

    Returns
    -------
    By the check's name; one that fails nowhere else is not in it.
    """
    names = [check.name for check in checks if not check.of_newest]
    if not names or not sessions:
        return {}
    texts = ("{" + ",".join(values) + "}" for values in (names, sessions))
    rows = bulk.query(platform.database, _FAILING, tuple(texts))
    return {str(row["check_name"]): _elsewhere(row) for row in rows.to_dict("records")}


def _elsewhere(row: Mapping[Hashable, Any]) -> Elsewhere:
    examples = json.loads(str(row["details"])).get("examples", [])
    newest = ": ".join([str(row["day"]), *map(str, examples[:1])])
    return Elsewhere(int(row["sessions"]), newest)
