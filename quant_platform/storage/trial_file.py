"""`TrialFile`: runs of a sweep in a file of SQLite, where the database takes nothing.

They are for the same sweep to go on from; they are not counted. What does not belong here: the
ledger itself (`ledger.py`).
"""

import json
import logging
import math
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from quant_platform.storage.trials import METRIC_COLUMNS, Outcome, TrialRun

FILE = "trials.sqlite"
"""Name of the file, in the home."""

AT_ONCE = 1000
"""Runs that are looked for in one statement."""

logger = logging.getLogger(__name__)

_complained: set[Path] = set()


class TrialFile:
    """Runs that the database did not take.

    Parameters
    ----------
    home : folder of the file; None: nothing is kept
    """

    def __init__(self, home: Path | None) -> None:
        self._file = None if home is None else home / FILE

    def find(self, digests: Sequence[str]) -> dict[str, Outcome]:
        """Return what came of runs, of those that succeeded, by their digest."""
        found: dict[str, Outcome] = {}
        if self._file is None or not self._file.exists():
            return found
        try:
            with closing(_opened(self._file)) as file:
                for start in range(0, len(digests), AT_ONCE):
                    part = digests[start : start + AT_ONCE]
                    marks = ", ".join("?" * len(part))
                    for digest, metrics, returns in file.execute(
                        "SELECT digest, metrics, returns FROM runs"  # noqa: S608 — marks alone
                        f" WHERE failed IS NULL AND digest IN ({marks})",
                        part,
                    ):
                        found[digest] = Outcome(
                            dict(_figures(json.loads(metrics))),
                            np.frombuffer(returns, dtype="<f4").astype(np.float32),
                        )
        except (OSError, sqlite3.Error, ValueError, KeyError) as error:
            logger.warning("%s cannot be read (%s): delete it", self._file, error)
        return found

    def write(self, runs: Sequence[tuple[TrialRun, Outcome]], reason: str) -> None:
        """Keep runs; one that is kept already stays, unless it had failed."""
        if self._file is None or not runs:
            return
        if self._file not in _complained:
            _complained.add(self._file)
            logger.warning("Runs are kept in %s, and are not counted: %s", self._file, reason)
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with closing(_opened(self._file)) as file, file:
                file.executemany(
                    "INSERT INTO runs VALUES (?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE SET"
                    " metrics = excluded.metrics, returns = excluded.returns,"
                    " failed = excluded.failed WHERE runs.failed IS NOT NULL",
                    [_row(*each) for each in runs],
                )
        except (OSError, sqlite3.Error) as error:
            logger.warning("Runs are kept nowhere: %s: %s", self._file, error)
            self._file = None


def _opened(path: Path) -> sqlite3.Connection:
    file = sqlite3.connect(path, timeout=30.0)
    file.execute(
        "CREATE TABLE IF NOT EXISTS runs"
        " (digest TEXT PRIMARY KEY, metrics TEXT NOT NULL, returns BLOB, failed TEXT)"
    )
    return file


def _figures(stored: dict[str, float | None]) -> Iterator[tuple[str, float]]:
    for name in METRIC_COLUMNS:
        value = stored[name]
        yield name, math.nan if value is None else value


def _row(run: TrialRun, outcome: Outcome) -> tuple[str, str, bytes | None, str | None]:
    values = {name: float(outcome.metrics.get(name, math.nan)) for name in METRIC_COLUMNS}
    known = {name: each if math.isfinite(each) else None for name, each in values.items()}
    returns = None if outcome.failed else outcome.returns.astype("<f4").tobytes()
    return run.digest, json.dumps(known), returns, outcome.failed
