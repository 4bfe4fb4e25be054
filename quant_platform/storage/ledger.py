"""`Ledger`: trials and their runs, written by the database's function `record_trial`, and found.

The function has the rights that a reader lacks, so that who may only read is counted, too. Where
even that cannot be (a standby, a right that was taken away), runs are kept in a file of SQLite in
the platform's home, for a sweep to go on from: they are not counted. What does not belong here:
what a trial is (`trials.py`), and that file (`trial_file.py`).
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from quant_platform.storage.bulk import translated
from quant_platform.storage.database import Database
from quant_platform.storage.replace import Statement
from quant_platform.storage.trial_file import TrialFile
from quant_platform.storage.trials import (
    METRIC_COLUMNS,
    Circumstance,
    Counted,
    Outcome,
    Study,
    TrialRun,
)

if TYPE_CHECKING:
    import pyarrow as pa

AT_ONCE = 200
"""Runs that are looked for, or written, in one statement."""

LONGEST_REASON = 10_000
"""Characters that are kept of why a run failed."""

NOTHING: Mapping[str, str] = MappingProxyType({})

Recorded = tuple[TrialRun, Outcome | None]
"""A run and what came of it; None: it is in the ledger already, and looked at again."""

RECORD = "SELECT record_trial($1::text::jsonb, $2::text::jsonb, $3::text::jsonb)::text"

_FIND = f"""
SELECT digest, {", ".join(METRIC_COLUMNS)}, daily_returns FROM trial_runs
WHERE failed IS NULL AND digest = ANY (string_to_array($1, ' '))
"""  # noqa: S608 — our own names

_CANNOT_WRITE = {
    "25006": "this server, or this login, only reads",
    "0A000": "this server only reads, as a standby does",
    "42501": "this login may not call record_trial()",
    "42883": "the database has no ledger yet; run quant-platform db upgrade",
}
"""Why nothing can be written, by SQLSTATE; other errors are errors."""


class Ledger:
    """Where trials are counted, and runs found again.

    Parameters
    ----------
    database : by whichever login
    home : folder of the file that takes the ledger's place where nothing can be written; None:
        nothing does
    """

    def __init__(self, database: Database, home: Path | None) -> None:
        self._database = database
        self._file = TrialFile(home)
        self._reason = ""

    def find(self, digests: Sequence[str]) -> dict[str, Outcome]:
        """Return what came of runs, of those that succeeded, by their digest."""
        found = self._file.find(digests)
        left = [each for each in digests if each not in found]
        if self._reason or not left:
            return found
        from adbc_driver_manager import Error

        try:
            for part in _parts(left):
                for row in self._fetch(_FIND, " ".join(part)).to_pylist():
                    figures = [row[name] for name in METRIC_COLUMNS]
                    returns = np.array(row["daily_returns"], dtype=np.float32)
                    found[row["digest"]] = _outcome(figures, returns)
        except Error as error:
            if error.sqlstate not in ("42P01", "42501"):
                raise
        return found

    def record(
        self,
        study: Study,
        runs: Sequence[Recorded],
        how: Circumstance,
        sources: Mapping[str, str] = NOTHING,
    ) -> Counted:
        """Count trials and keep their runs; what is there already stays as it is.

        Parameters
        ----------
        sources : texts of what is no file of the package, by `source_digest`

        Returns
        -------
        How many trials the study has, or why they could not be counted.

        Raises
        ------
        DatabaseError
            The database cannot be reached.
        """
        counted = Counted(study.name, reason=self._reason)
        with translated(self._database):
            for part in _parts(runs) if not self._reason else ():
                counted = self._record(study, part, how, sources)
                if counted.reason:
                    break
        if counted.reason:
            self._reason = counted.reason
            self._file.write([(run, outcome) for run, outcome in runs if outcome], counted.reason)
        return counted

    def _record(
        self, study: Study, runs: Sequence[Recorded], how: Circumstance, sources: Mapping[str, str]
    ) -> Counted:
        from adbc_driver_manager import Error

        statement, parameters = record_statement(study, runs, how, sources)
        try:
            answer = json.loads(self._fetch(statement, *parameters, writes=True)[0][0].as_py())
        except Error as error:
            state = error.sqlstate or ""
            if state not in _CANNOT_WRITE:
                raise
            return Counted(study.name, reason=_CANNOT_WRITE[state])
        return Counted(answer["study"], answer["trials"], answer["budget"])

    def _fetch(self, sql: str, *parameters: str, writes: bool = False) -> "pa.Table":
        with self._database.arrow() as connection, connection.cursor() as cursor:
            if writes:
                # A login that may only read begins its transactions so.
                cursor.execute("SET TRANSACTION READ WRITE")
            cursor.execute(sql, parameters)
            table = cursor.fetch_arrow_table()
            if writes:
                connection.commit()
            return table


def record_statement(
    study: Study,
    runs: Iterable[Recorded],
    how: Circumstance,
    sources: Mapping[str, str] = NOTHING,
) -> Statement:
    """Return the statement that counts trials, for a transaction of the caller's."""
    entries = ", ".join(_entry(run, outcome, how) for run, outcome in runs)
    return RECORD, (json.dumps(vars(study)), f"[{entries}]", json.dumps(dict(sources)))


def _entry(run: TrialRun, outcome: Outcome | None, how: Circumstance) -> str:
    texts = {"made_of": run.trial.made_of, "ran_on": run.ran_on}
    if outcome is None:
        return json.dumps(texts)
    figures = dict(zip(METRIC_COLUMNS, figures_of(outcome), strict=True))
    failed = outcome.failed
    body = {
        **vars(how),
        **figures,
        "seconds": outcome.seconds,
        "daily_returns": None if failed else array_text(outcome.returns),
        "failed": None if failed is None else _reason(failed),
    }
    return json.dumps({**texts, "run": body})


def _reason(failed: str) -> str:
    """Return why a run failed as the table takes it."""
    return failed.replace("\0", "")[:LONGEST_REASON] or "it failed"


def array_text(values: "np.ndarray[Any, np.dtype[np.float32]]") -> str:
    """Write numbers as PostgreSQL reads an array, each with the digits that tell it from others."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pc.fill_null(pa.array(values).cast(pa.string()), "NaN").to_pylist()
    return "{" + ",".join(texts) + "}"


def figures_of(outcome: Outcome) -> list[float | None]:
    """Figures in their order; None where there is none, since no figure of a table is NaN."""
    values = [float(outcome.metrics.get(name, math.nan)) for name in METRIC_COLUMNS]
    return [value if math.isfinite(value) else None for value in values]


def outcome_digest(outcome: Outcome) -> str:
    """SHA-256 of returns and figures: of equal ones, the same wherever it is computed."""
    returns = np.where(np.isnan(outcome.returns), np.float32(np.nan), outcome.returns) + 0.0
    digest = sha256(returns.astype("<f4").tobytes())
    figures = [np.nan if each is None else each for each in figures_of(outcome)]
    digest.update((np.asarray(figures, dtype="<f8") + 0.0).tobytes())
    return digest.hexdigest()


def _outcome(figures: Sequence[float | None], returns: "np.ndarray[Any, Any]") -> Outcome:
    values = (math.nan if value is None else float(value) for value in figures)
    return Outcome(dict(zip(METRIC_COLUMNS, values, strict=True)), returns)


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]
