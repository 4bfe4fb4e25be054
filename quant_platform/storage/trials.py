"""The table `trials`: configurations that were simulated, found again by their digest.

Where the database can only be read, they are kept in a file of SQLite in the platform's home, which
is read as well. What does not belong here: what a configuration is, and how it is run
(`research/`).
"""

import json
import logging
import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from quant_platform.kernels.arrays import FloatArray
from quant_platform.storage.database import Database

METRIC_COLUMNS = (
    *("total_return", "annualized_return", "excess_return", "annualized_volatility"),
    *("sharpe_ratio", "sharpe_lower_95", "sharpe_upper_95", "sortino_ratio", "calmar_ratio"),
    *("max_drawdown", "max_drawdown_sessions", "win_rate", "profit_factor", "turnover"),
    *("average_exposure", "trade_count", "hit_rate", "alpha", "beta"),
)
"""Figures that a trial has."""

AT_ONCE = 1000
"""Trials that are looked for, or written, in one statement."""

FILE = "trials.sqlite"
"""Name of the file, in the home."""

logger = logging.getLogger(__name__)

_complained: set[Path] = set()


@dataclass(frozen=True)
class Outcome:
    """What came of one configuration.

    Attributes
    ----------
    metrics : `METRIC_COLUMNS`, NaN where a figure is undefined; empty where it failed
    returns : of each session, as fractions; empty where it failed
    failed : why there is no result; None: there is one
    """

    metrics: Mapping[str, float]
    returns: FloatArray
    failed: str | None = None


@dataclass(frozen=True)
class Trial:
    """What a configuration was made of; the columns of the table are described there."""

    id: str
    sweep_id: str
    strategy: str
    strategy_version: str
    source_digest: str
    parameters: str
    code_version: str
    data_version: str
    first_session: str
    last_session: str
    costs: str
    limits: str
    delistings: str
    capital: float
    risk_free: float
    benchmark: str


_COLUMNS = (*(each.name for each in fields(Trial)), *METRIC_COLUMNS, "daily_returns", "failed")
_RESULT = (*METRIC_COLUMNS, "daily_returns", "failed")

_INSERT = f"""
INSERT INTO trials ({", ".join(_COLUMNS)}) VALUES %s
ON CONFLICT (id) DO UPDATE SET
    ({", ".join(("sweep_id", *_RESULT))}, created_at)
    = ({", ".join(f"excluded.{name}" for name in ("sweep_id", *_RESULT))}, now())
WHERE trials.failed IS NOT NULL
"""  # noqa: S608 — our own names

_FIND = f"""
SELECT id, {", ".join(METRIC_COLUMNS)}, daily_returns FROM trials
WHERE id = ANY (%s) AND failed IS NULL
"""  # noqa: S608 — our own names


class TrialTable:
    """Where trials are kept, and found again.

    Parameters
    ----------
    reader : the database, for who only reads
    writer : the same for who may write; None: it can only be read
    home : folder of the file that takes their place; None: nothing does
    """

    def __init__(self, reader: Database, writer: Database | None, home: Path | None) -> None:
        self._reader, self._writer = reader, writer
        self._file = None if home is None else home / FILE

    def find(self, ids: Sequence[str]) -> dict[str, Outcome]:
        """Return the results of those that succeeded."""
        found = self._in_file(ids)
        left = [each for each in ids if each not in found]
        connection = self._reader.connect()
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute("SELECT to_regclass('trials') IS NOT NULL")
                if not cursor.fetchall()[0][0]:
                    return found
                for part in _parts(left):
                    cursor.execute(_FIND, (part,))
                    for name, *figures, returns in cursor.fetchall():
                        found[name] = _outcome(figures, np.array(returns, dtype=np.float64))
        finally:
            connection.close()
        return found

    def write(self, rows: Sequence[tuple[Trial, Outcome]]) -> None:
        """Keep trials; one that is kept already stays, unless it had failed.

        Raises
        ------
        DatabaseError
            The database cannot be reached.
        """
        import psycopg2
        from psycopg2 import errors

        if self._writer is None:
            self._to_file(rows, "it can only be read")
            return
        try:
            self._to_table(self._writer, rows)
        except (
            errors.InsufficientPrivilege,
            errors.ReadOnlySqlTransaction,
            errors.UndefinedTable,
        ) as error:
            self._writer = None
            self._to_file(rows, str(error).strip().splitlines()[0])
        except psycopg2.Error as error:
            from quant_platform.storage.failures import server_error

            raise server_error(self._writer.url, error) from None

    def _to_table(self, database: Database, rows: Sequence[tuple[Trial, Outcome]]) -> None:
        from psycopg2.extras import execute_values

        connection = database.connect()
        try:
            with connection, connection.cursor() as cursor:
                for part in _parts(rows):
                    execute_values(cursor, _INSERT, [_row(*each) for each in part], page_size=100)
        finally:
            connection.close()

    def _to_file(self, rows: Sequence[tuple[Trial, Outcome]], reason: str) -> None:
        if self._file is None:
            return
        if self._file not in _complained:
            _complained.add(self._file)
            logger.warning("Trials are kept in %s, not in the database: %s", self._file, reason)
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with closing(_opened(self._file)) as file, file:
                file.executemany(
                    "INSERT INTO trials VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
                    " body = excluded.body, returns = excluded.returns, failed = excluded.failed"
                    " WHERE trials.failed IS NOT NULL",
                    [_record(*each) for each in rows],
                )
        except (OSError, sqlite3.Error) as error:
            logger.warning("Trials are kept nowhere: %s: %s", self._file, error)
            self._file = None

    def _in_file(self, ids: Sequence[str]) -> dict[str, Outcome]:
        found: dict[str, Outcome] = {}
        if self._file is None or not self._file.exists():
            return found
        try:
            with closing(_opened(self._file)) as file:
                for part in _parts(ids):
                    marks = ", ".join("?" * len(part))
                    for name, body, returns in file.execute(
                        "SELECT id, body, returns FROM trials"  # noqa: S608 — marks alone
                        f" WHERE failed IS NULL AND id IN ({marks})",
                        part,
                    ):
                        metrics = json.loads(body)["metrics"]
                        figures = [metrics[column] for column in METRIC_COLUMNS]
                        found[name] = _outcome(figures, np.frombuffer(returns, dtype="<f8"))
        except (OSError, sqlite3.Error, ValueError, KeyError) as error:
            logger.warning("%s cannot be read (%s): delete it", self._file, error)
        return found


def _opened(path: Path) -> sqlite3.Connection:
    file = sqlite3.connect(path, timeout=30.0)
    file.execute(
        "CREATE TABLE IF NOT EXISTS trials"
        " (id TEXT PRIMARY KEY, body TEXT NOT NULL, returns BLOB, failed TEXT)"
    )
    return file


def _parts(values: Sequence[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(values), AT_ONCE):
        yield list(values[start : start + AT_ONCE])


def _figures(outcome: Outcome) -> list[float | None]:
    """Figures in their order; None where there is none, since no figure of a table is NaN."""
    values = [float(outcome.metrics.get(name, math.nan)) for name in METRIC_COLUMNS]
    return [value if math.isfinite(value) else None for value in values]


def _outcome(figures: Sequence[float | None], returns: FloatArray) -> Outcome:
    values = (math.nan if value is None else float(value) for value in figures)
    return Outcome(dict(zip(METRIC_COLUMNS, values, strict=True)), returns)


def _row(trial: Trial, outcome: Outcome) -> tuple[Any, ...]:
    returns = None if outcome.failed else outcome.returns.tolist()
    values = [getattr(trial, each.name) for each in fields(Trial)]
    return (*values, *_figures(outcome), returns, outcome.failed)


def _record(trial: Trial, outcome: Outcome) -> tuple[Any, ...]:
    body = {each.name: getattr(trial, each.name) for each in fields(Trial)}
    body["metrics"] = dict(zip(METRIC_COLUMNS, _figures(outcome), strict=True))
    returns = None if outcome.failed else outcome.returns.astype("<f8").tobytes()
    return trial.id, json.dumps(body), returns, outcome.failed
