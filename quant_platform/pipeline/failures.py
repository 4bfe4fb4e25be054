"""What failed while the rest went on: strategies, features, metrics and alert rules.

1. Code that somebody adds is called through `attempt`, or by a function that is given
   `Failures.note`: whatever it raises fails that part alone. One that hangs or kills its process
   raises, too (`isolation.py`).
2. The part's rows are missing or null. A row of `computation_failures` says which and why, for as
   long as it is so; a strategy's run is a failed one in `model_runs`, and its earlier rows stay.
3. In the ledger such a session counts as computed before all time, so it is stale: named as that,
   and computed again by the next run (`staleness.py`).

What does not belong here: failures of the vendor, of the database and of a table's contract.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

from quant_platform.isolation import TimeLimitError, reason_of
from quant_platform.pipeline.ledger import FAILED_AT
from quant_platform.storage.database import Database
from quant_platform.storage.replace import Statement

Result = TypeVar("Result")


@dataclass(frozen=True)
class Failed:
    """A computation that raised, why, and whether it was because it did not end."""

    reason: str
    hung: bool = False


def attempt(compute: Callable[[], Result]) -> Result | Failed:
    """Call code that somebody added; what it raises fails it alone."""
    try:
        return compute()
    except Exception as error:  # whatever a strategy raises, the others go on
        return Failed(reason_of(error), isinstance(error, TimeLimitError))


class Failures:
    """Takes down what raised among the parts of one computation, such as the features.

    Attributes
    ----------
    by_part : part, such as "feature rsi_14", to the reason
    """

    def __init__(self, kind: str) -> None:
        """Take what the parts are called."""
        self._kind = kind
        self.by_part: dict[str, str] = {}

    def note(self, name: str, error: Exception) -> None:
        """Take down that a part raised."""
        self.by_part.setdefault(f"{self._kind} {name}", reason_of(error))


_FORGET = """
DELETE FROM computation_failures WHERE asset = $1::text AND date = ANY ($2::text::date[])
"""

_NOTE = """
INSERT INTO computation_failures (asset, date, part, reason, run_id)
SELECT $1::text, date, $3::text, $4::text, $5::text FROM unnest($2::text::date[]) AS wanted (date)
"""


def failure_statements(
    asset: str, sessions: Sequence[str], by_part: Mapping[str, str], run_id: str
) -> list[Statement]:
    """Statements that make `by_part` what failed of these sessions, for their transaction."""
    days = "{" + ",".join(sessions) + "}"
    noted = [(_NOTE, (asset, days, part, reason, run_id)) for part, reason in by_part.items()]
    return [(_FORGET, (asset, days)), *noted]


_FORGET_CHECKS = """
DELETE FROM computation_failures
WHERE part = ANY ($1::text::text[]) AND date = ANY ($2::text::date[])
"""


def check_statements(
    names: Sequence[str], sessions: Sequence[str], broken: Mapping[str, tuple[str, str]]
) -> list[Statement]:
    """Statements that make `broken` the checks that could not judge these sessions.

    Parameters
    ----------
    names : all checks that judged, or tried to
    broken : check to its asset, and why it could not judge
    """
    days = "{" + ",".join(sessions) + "}"
    parts = "{" + ",".join(f'"check {name}"' for name in names) + "}"
    noted = [
        (_NOTE, (asset, days, f"check {name}", reason, ""))
        for name, (asset, reason) in broken.items()
    ]
    return [(_FORGET_CHECKS, (parts, days)), *noted]


_LEDGER = """
INSERT INTO computations (asset, date, recipe, read_at, changed_at, run_id)
SELECT %(asset)s, date, '', %(read_at)s, clock_timestamp(), %(run_id)s
FROM unnest(%(days)s::date[]) AS wanted (date)
ON CONFLICT (asset, date) DO UPDATE SET recipe = '', read_at = excluded.read_at,
    run_id = excluded.run_id
"""

_PART = """
INSERT INTO computation_failures (asset, date, part, reason, run_id)
SELECT %(asset)s, date, %(part)s, %(reason)s, %(run_id)s FROM unnest(%(days)s::date[]) AS d (date)
ON CONFLICT (asset, date, part) DO UPDATE SET reason = excluded.reason, run_id = excluded.run_id,
    recorded_at = now()
"""

_MODEL_RUN = """
INSERT INTO model_runs (model_id, run_id, model_version, parameters, code_version, input_digest,
    first_session, last_session, signal_rows, status, reason, strategy)
SELECT id, %(run_id)s, version, parameters, %(code)s, %(digest)s, %(first)s, %(last)s, 0, 'failed',
    %(reason)s, strategy
FROM models WHERE model_name = %(model)s
"""


@dataclass(frozen=True)
class FailedModel:
    """Sessions of a model that could not be computed; ISO dates, ascending."""

    model: str
    asset: str
    sessions: Sequence[str]
    reason: str
    code_version: str
    input_digest: str = ""


def store_failed_model(database: Database, failed: FailedModel, run_id: str) -> None:
    """Record a failed model in the ledger, in `computation_failures` and in `model_runs`.

    Its rows of an earlier computation stay.
    """
    values = {
        "asset": failed.asset,
        "days": list(failed.sessions),
        "read_at": FAILED_AT,
        "run_id": run_id,
        "part": f"strategy {failed.model}",
        "reason": failed.reason,
        "code": failed.code_version,
        "digest": failed.input_digest,
        "first": failed.sessions[0],
        "last": failed.sessions[-1],
        "model": failed.model,
    }
    with closing(database.connect()) as connection, connection, connection.cursor() as cursor:
        for statement in (_LEDGER, _PART, _MODEL_RUN):
            cursor.execute(statement, values)


_OF_RUN = """
SELECT part, reason, count(*), min(date)::text, max(date)::text FROM computation_failures
WHERE asset = %s AND run_id = %s GROUP BY 1, 2 ORDER BY 1, 2
"""


def failures_of(database: Database, asset: str, run_id: str) -> list[str]:
    """Say what failed of an asset in a run, a line for each part."""
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(_OF_RUN, (asset, run_id))
        return [
            f"{part}: {count:,} sessions, {first} to {last}: {reason}"
            for part, reason, count, first, last in cursor.fetchall()
        ]
