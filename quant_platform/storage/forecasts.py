"""Rows of `forecast_models` and `forecast_artefacts`: trained models and what was decided of them.

An artefact is stored once, by its digest. A row that is trained again with the same outcome stays
the row it was; only the moment changes at which its data was last found unchanged. What does not
belong here: what an artefact holds (`learning/`), and when a row still holds
(`pipeline/forecast_memory.py`).
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

import pandas as pd

from quant_platform.storage.database import Database
from quant_platform.storage.replace import TableRows, replace_tables
from quant_platform.storage.schema import Table

MODELS = "forecast_models"

BOOKKEEPING = ("read_at", "run_id", "code_version")
"""Columns of a row in which a training that gave the same again differs."""

_KEEP = """
INSERT INTO forecast_artefacts (digest, artefact) VALUES (%s, %s) ON CONFLICT DO NOTHING
"""

_VERSIONS = "SELECT * FROM forecast_models WHERE model_id = %s ORDER BY date"

_CHANGES = """
SELECT date, max(changed_at) FROM computations WHERE asset = ANY (%s) AND date <= %s
GROUP BY date ORDER BY date
"""


def version_rows(database: Database, model_id: int) -> list[dict[str, Any]]:
    """Return the versions of a model, the earliest first, documents as they are in Python."""
    return _rows(database, _VERSIONS, model_id)


def artefact_of(database: Database, digest: str) -> bytes:
    """Return an artefact by its digest."""
    rows = _rows(database, "SELECT artefact FROM forecast_artefacts WHERE digest = %s", digest)
    return bytes(rows[0]["artefact"])


def store_version(
    database: Database, table: Table, row: Mapping[str, Any], artefact: bytes | None, run_id: str
) -> bool:
    """Store a version; return whether anything but the bookkeeping changed.

    Parameters
    ----------
    table : `forecast_models`
    row : its columns, dates as ISO dates, documents as JSON; without `artefact`
    artefact : the model as bytes; None: the training failed
    """
    digest = None if artefact is None else hashlib.sha256(artefact).hexdigest()
    row = {**row, "artefact": digest}
    known = [column.name for column in table.data_columns if column.name not in BOOKKEEPING]
    session, model_id = str(row["date"]), int(row["model_id"])
    frame = _typed(row)
    with closing(database.connect()) as connection, connection, connection.cursor() as cursor:
        if artefact is not None:
            cursor.execute(_KEEP, (digest, artefact))
        same = " AND ".join(
            f'%s::text::{table.column(name).sql_type} IS NOT DISTINCT FROM "{name}"'
            for name in known
        )
        values = [None if pd.isna(row[name]) else str(row[name]) for name in known]
        cursor.execute(
            f"UPDATE {MODELS} SET read_at = %s WHERE {same} RETURNING date",  # noqa: S608 — names of the catalogue
            (row["read_at"], *values),
        )
        if cursor.fetchall():
            return False
    part = TableRows(table, frame, {"model_id": model_id})
    replace_tables(database, [part], [session], run_id=run_id)
    return True


def last_changes(
    database: Database, assets: Sequence[str], last: str
) -> list[tuple[str, datetime]]:
    """Return the sessions of some assets up to one, with when rows of them last changed."""
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(_CHANGES, (list(assets), last))
        return [(day.isoformat(), moment) for day, moment in cursor.fetchall()]


def first_session(database: Database, tables: Sequence[str]) -> str | None:
    """Return the first session that all of some tables hold rows of; None: one of them is empty."""
    days = []
    for name in tables:
        rows = _rows(database, f'SELECT min(date) AS first FROM "{name}"')  # noqa: S608 — a table of a feature set
        days.append(rows[0]["first"])
    return None if None in days or not days else max(days).isoformat()


def _typed(row: Mapping[str, Any]) -> pd.DataFrame:
    frame = pd.DataFrame([dict(row)])
    for name, value in row.items():
        if name in ("date", "first_session", "last_session", "champion", "challenger", "judged"):
            frame[name] = pd.to_datetime(frame[name]).astype("datetime64[s]")
        elif isinstance(value, float):
            frame[name] = frame[name].astype("float64")
    frame["read_at"] = pd.to_datetime(frame["read_at"], utc=True)
    return frame


def _rows(database: Database, statement: str, *values: object) -> list[dict[str, Any]]:
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
