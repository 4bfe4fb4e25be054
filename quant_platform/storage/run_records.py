"""`RunRecord`: one run of a trial as the ledger has it, found by what a person calls it.

A run is named by the beginning of its trial's id (then it is the newest one that succeeded) or by
its number, `run:17`. What does not belong here: how runs are written (`ledger.py`), and running
them again (`research/reproduction.py`).
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from quant_platform.errors import UnknownNameError
from quant_platform.storage.trials import (
    DOCUMENTS,
    METRIC_COLUMNS,
    Outcome,
    Study,
    Trial,
    TrialRun,
)

if TYPE_CHECKING:
    import pandas as pd

Query = Callable[[str, Sequence[str]], "pd.DataFrame"]
"""Runs a statement with its parameters."""

HINT = "See: quant-platform trials"

_NUMBER = re.compile(r"run:(\d{1,18})")
_BEGINNING = re.compile(r"[0-9a-f]{1,32}")

_OF_TRIAL = """
SELECT t.id, r.number::text AS number FROM trials AS t LEFT JOIN LATERAL (
    SELECT id AS number FROM trial_runs WHERE trial_id = t.id
    ORDER BY (failed IS NULL) DESC, id DESC LIMIT 1) AS r ON true
WHERE starts_with(t.id, $1) ORDER BY t.id LIMIT 2
"""

_TRIAL = ", ".join(
    f"t.{each.name}::text AS {each.name}"
    if each.name in (*DOCUMENTS, "first_session", "last_session")
    else f"t.{each.name}"
    for each in fields(Trial)
)

_RUN = f"""
SELECT {_TRIAL}, r.id AS number, r.code_version, r.data_version, r.first_session::text AS first,
    r.last_session::text AS last, r.origin, r.seed::text AS seed, r.created_at, r.failed,
    {", ".join(f"r.{name}" for name in METRIC_COLUMNS)}, r.daily_returns,
    s.name AS study, s.person, c.source
FROM trial_runs AS r JOIN trials AS t ON t.id = r.trial_id JOIN studies AS s ON s.id = r.study_id
LEFT JOIN trial_sources AS c ON c.digest = t.source_digest
WHERE r.id = $1::text::bigint
"""  # noqa: S608 — our own names


@dataclass(frozen=True)
class RunRecord:
    """A run of the ledger.

    Attributes
    ----------
    number : of the run
    run : what was run, on which data and by which code
    outcome : what came of it
    origin : asset, command, notebook or sweep
    study : for which it was run
    created_at : when it was recorded
    seed : of a sampled sweep
    source : stored text of what is no file of the package; empty: none
    """

    number: int
    run: TrialRun
    outcome: Outcome
    origin: str
    study: Study
    created_at: datetime
    seed: int | None = None
    source: str = ""

    @property
    def trial(self) -> Trial:
        """The configuration."""
        return self.run.trial

    def __str__(self) -> str:
        run = self.run
        return (
            f"run {self.number} of trial {run.trial.id[:12]}, {run.trial.strategy},"
            f" {run.first_session} to {run.last_session}"
        )


def find_run(query: Query, name: str) -> RunRecord:
    """Find a run by its number or the beginning of its trial's id.

    Raises
    ------
    UnknownNameError
        There is none, or the beginning is that of several trials.
    """
    rows = query(_RUN, (_number(query, name.strip().lower()),))
    if rows.empty:
        raise UnknownNameError(f"There is no {name} in the ledger of trials", HINT)
    return _record({str(key): value for key, value in rows.iloc[0].items()})


def _number(query: Query, name: str) -> str:
    by_number = _NUMBER.fullmatch(name)
    if by_number is not None:
        return by_number.group(1)
    if not _BEGINNING.fullmatch(name):
        raise UnknownNameError(
            f"{name!r} is no trial", f"Write the beginning of its id, or run:NUMBER. {HINT}"
        )
    found = query(_OF_TRIAL, (name,))
    if len(found) != 1:
        raise UnknownNameError(
            f"{'More than one' if len(found) else 'No'} trial of the ledger begins with {name}",
            HINT,
        )
    number = found["number"].iloc[0]
    if not isinstance(number, str):
        raise UnknownNameError(
            f"Trial {found['id'].iloc[0][:12]} has no run that may be seen here",
            "It belongs to the sealed hold-out, or was counted and not run",
        )
    return number


def _record(row: dict[str, Any]) -> RunRecord:
    given = {each.name: row[each.name] for each in fields(Trial)}
    given |= {name: canonical(given[name]) for name in DOCUMENTS}
    given |= {name: _known(given[name]) for name in ("first_session", "last_session")}
    failed = _known(row["failed"])
    returns = () if failed is not None else row["daily_returns"]
    seed, source = _known(row["seed"]), _known(row["source"])
    return RunRecord(
        int(row["number"]),
        TrialRun(
            Trial(**given), row["code_version"], row["data_version"], row["first"], row["last"]
        ),
        Outcome(
            {name: float(row[name]) for name in METRIC_COLUMNS},
            np.array(returns, dtype=np.float32),
            failed,
        ),
        row["origin"],
        Study(row["study"], row["person"]),
        row["created_at"],
        None if seed is None else int(seed),
        source or "",
    )


def _known(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def canonical(document: str) -> str:
    """Write a document of the database as a trial has it."""
    return json.dumps(json.loads(document), sort_keys=True)
