"""Refuse rows that break a rule of their table; what a vendor sent is set aside in `quarantine`.

Three kinds are set aside: a frame whose values do not fit the table's types, rows that were refused
before they came to the storage, and rows of the stage that break a constraint. Which rows replace
which belongs to `replace.py`; which facts are plausible belongs to `vendors` and `quality`.
"""

import json
from typing import TYPE_CHECKING

import pandas as pd

from quant_platform.errors import ContractError
from quant_platform.storage.bulk import literal, quoted
from quant_platform.storage.database import Database
from quant_platform.storage.schema import Table

if TYPE_CHECKING:
    from adbc_driver_postgresql.dbapi import Cursor

FAULTY = "faulty"
"""Temporary table of the rows of a stage that break a rule."""

AT_ONCE = 5_000
"""Rows that one statement sets aside."""

_CHECKS = """
SELECT conname, pg_get_expr(conbin, conrelid) FROM pg_constraint
WHERE conrelid = $1::text::regclass AND contype = 'c' ORDER BY conname
"""


def set_aside_frame(
    database: Database, table: Table, frame: pd.DataFrame, error: ContractError, run_id: str | None
) -> None:
    """Set aside all rows of a frame that does not fit the table, in a transaction of its own."""
    connection = database.connect()
    try:
        with connection, connection.cursor() as cursor:
            for row in _json_rows(frame):
                cursor.execute(
                    "INSERT INTO quarantine (table_name, reason, row, run_id)"
                    " VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                    (table.name, error.message, row, run_id or ""),
                )
    finally:
        connection.close()


def _json_rows(frame: pd.DataFrame) -> list[str]:
    """Rows as JSON text, whatever they hold."""
    names = [
        f"{name} ({number})" if number else str(name)
        for name, number in zip(frame.columns, _repeats(frame), strict=True)
    ]
    rows = json.loads(frame.set_axis(names, axis=1).to_json(orient="records", date_format="iso"))
    # The one character that the database cannot hold.
    return [json.dumps(row).replace("\\u0000", "") for row in rows]


def _repeats(frame: pd.DataFrame) -> list[int]:
    """How often the name of each column occurred before it."""
    return frame.columns.to_series().groupby(level=0).cumcount().tolist()


def set_aside_rows(
    cursor: "Cursor", table: Table, refused: pd.DataFrame | None, run_id: str | None
) -> None:
    """Set aside rows that were refused before they came here, by their column `reason`."""
    if refused is None or refused.empty:
        return
    reasons = [json.dumps(reason) for reason in refused["reason"]]
    rows = _json_rows(refused.drop(columns="reason"))
    given = [f"[{reason},{row}]" for reason, row in zip(reasons, rows, strict=True)]
    for start in range(0, len(given), AT_ONCE):
        cursor.execute(
            "INSERT INTO quarantine (table_name, date, symbol, reason, row, run_id)"
            " SELECT $1, left(r -> 1 ->> 'date', 10)::date, r -> 1 ->> 'symbol', r ->> 0, r -> 1,"
            " $3 FROM jsonb_array_elements($2::text::jsonb) AS given (r) ON CONFLICT DO NOTHING",
            (table.name, f"[{','.join(given[start : start + AT_ONCE])}]", run_id or ""),
        )


def remove_faulty_rows(
    cursor: "Cursor", table: Table, stage: str, *, quarantine: bool, run_id: str | None
) -> int:
    """Move the rows of `stage` that break a rule into quarantine; return how many they are.

    Each is reported with every rule it breaks.

    Raises
    ------
    ContractError
        A row breaks a rule, and `quarantine` is false.
    """
    cursor.execute(_CHECKS, (table.name,))
    rules = [(f"breaks {name}: {text}", f"NOT ({text})") for name, text in cursor.fetchall()]
    rules += [
        (f"{column.name} is missing", f"{quoted(column.name)} IS NULL")
        for column in table.data_columns
        if not column.nullable
    ]
    key = ", ".join(quoted(name) for name in table.key)
    rules.append(("the key occurs more than once", f"count(*) OVER (PARTITION BY {key}) > 1"))
    reasons = ", ".join(f"CASE WHEN {test} THEN {literal(reason)} END" for reason, test in rules)
    cursor.execute(
        f"CREATE TEMPORARY TABLE {FAULTY} ON COMMIT DROP AS SELECT * FROM"  # noqa: S608 — the catalogue's own expressions
        f" (SELECT ctid AS place, concat_ws('; ', {reasons}) AS reason, to_jsonb({stage}) AS row"
        f" FROM {stage}) AS judged WHERE reason <> ''"
    )
    cursor.execute(f"SELECT reason, row::text FROM {FAULTY} ORDER BY row::text LIMIT 1")  # noqa: S608 — constant
    first = cursor.fetchall()
    if not first:
        return 0
    reason, row = first[0]
    if not quarantine:
        raise ContractError(
            f"A row for {table.name} {reason}: {row}", "Nothing was written; mend what computes it"
        )
    cursor.execute(
        "INSERT INTO quarantine (table_name, date, symbol, reason, row, run_id)"  # noqa: S608 — constant
        f" SELECT $1, (row ->> 'date')::date, row ->> 'symbol', reason, row, $2 FROM {FAULTY}"
        " ON CONFLICT DO NOTHING",
        (table.name, run_id or ""),
    )
    cursor.execute(f"DELETE FROM {stage} USING {FAULTY} WHERE {stage}.ctid = {FAULTY}.place")  # noqa: S608 — constants
    cursor.execute(f"SELECT count(*) FROM {FAULTY}")  # noqa: S608 — constant
    return int(cursor.fetchall()[0][0])
