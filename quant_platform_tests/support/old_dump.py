"""A database as an earlier release left it: restore it, and say what it held.

`dumps/before_the_house.sql.xz` is the database, `dumps/before_the_house.json` what is expected of
it: for each table the columns of that time, the rows of that time (a condition), their number and a
digest, now and as known at a moment before a correction. Digests are computed by the server over
those columns and rows only, so tables, columns and rows that came later do not change them.

Make the JSON anew, only beside a new dump, from the database that was dumped:

    python -m quant_platform_tests.support.old_dump URL MOMENT > …/before_the_house.json
"""

import json
import lzma
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from quant_platform.storage import bulk
from quant_platform.storage.database import Database
from quant_platform.storage.embedded import client_program

DUMPS = Path(__file__).parent / "dumps"
DUMP = DUMPS / "before_the_house.sql.xz"
EXPECTED = DUMPS / "before_the_house.json"

FIRST, LAST, NEXT = "2005-01-03", "2005-03-31", "2005-04-01"
"""First and last session of the dump, and the session that follows."""

MIGRATIONS = ("0001_tables", "0002_history", "0003_identity", "0004_information")
"""What had been applied to it."""

_COLUMNS = """
SELECT c.relname AS name, a.attname AS column, format_type(a.atttypid, NULL) AS type
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1, a.attnum
"""

_NOT_OURS = {"_yoyo_log", "_yoyo_version", "yoyo_lock"}
"""Tables of yoyo that may change with yoyo itself."""

_MODEL_COLUMNS = ["id", "model_name", "created_at"]
"""What no later release changes of a model: all else follows the code and the settings."""


@dataclass(frozen=True)
class TableDigest:
    """Number and digest of the rows of a table.

    Attributes
    ----------
    name : the table
    columns : columns in the digest
    rows_of : SQL condition for the rows in it
    rows, digest : now
    rows_then, digest_then : as known at the moment before the correction
    """

    name: str
    columns: Sequence[str]
    rows_of: str
    rows: int = 0
    digest: str = ""
    rows_then: int = 0
    digest_then: str = ""


def restore(database: Database) -> None:
    """Fill an empty database with the dump."""
    subprocess.run(
        [client_program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database.url],
        input=lzma.decompress(DUMP.read_bytes()),
        stdout=subprocess.DEVNULL,
        check=True,
    )


def expected() -> tuple[str, list[TableDigest]]:
    """Return the moment before the correction, and what each table held."""
    content = json.loads(EXPECTED.read_text())
    return content["moment"], [TableDigest(**table) for table in content["tables"]]


def measured(
    database: Database, tables: Sequence[TableDigest], moment: str | None = None
) -> dict[str, tuple[int, str]]:
    """Table → number and digest of the rows that `tables` ask for, now or as known at `moment`."""
    columns = bulk.query(database, _COLUMNS)
    types = {
        (str(row["name"]), str(row["column"])): str(row["type"])
        for row in columns.to_dict("records")
    }
    sql = " UNION ALL ".join(_digest_sql(table, types) for table in tables)
    digests = bulk.query(database, sql, known_at=moment).to_dict("records")
    return {str(row["name"]): (int(row["rows"]), str(row["digest"])) for row in digests}


def _digest_sql(table: TableDigest, types: dict[tuple[str, str], str]) -> str:
    """Statement of one table; JSON, so that no setting of a session changes how values are written.

    Numbers are written with as many digits as they need, moments in UTC.
    """
    moments = ("timestamp with time zone",)
    values = ", ".join(
        f"{bulk.quoted(name)} AT TIME ZONE 'UTC'"
        if types.get((table.name, name)) in moments
        else bulk.quoted(name)
        for name in table.columns
    )
    return (
        f"SELECT '{table.name}' AS name, count(*) AS rows,"  # noqa: S608 — from the committed file
        " md5(coalesce(string_agg(row, E'\\n' ORDER BY row COLLATE \"C\"), '')) AS digest"
        f" FROM (SELECT jsonb_build_array({values})::text AS row"
        f" FROM {bulk.quoted(table.name)} WHERE {table.rows_of}) AS t"
    )


def main(url: str, moment: str) -> None:
    """Print the JSON for the database that was dumped."""
    database = Database(url)
    columns_of: dict[str, list[str]] = {}
    for row in bulk.query(database, _COLUMNS).itertuples():
        columns_of.setdefault(str(row.name), []).append(str(row.column))
    tables = [
        TableDigest(
            name,
            _MODEL_COLUMNS if name == "models" else columns,
            _rows_of(database, name, columns),
        )
        for name, columns in columns_of.items()
        if name not in _NOT_OURS
    ]
    now, then = measured(database, tables), measured(database, tables, moment)
    content = [
        asdict(
            TableDigest(
                table.name, table.columns, table.rows_of, *now[table.name], *then[table.name]
            )
        )
        for table in tables
    ]
    lines = ",\n  ".join(json.dumps(table) for table in content)
    sys.stdout.write(f'{{"moment": "{moment}", "tables": [\n  {lines}\n]}}\n')


def _rows_of(database: Database, name: str, columns: Sequence[str]) -> str:
    """Condition that later rows do not fulfil."""
    if "migration_id" in columns:
        return "migration_id < '0005'"
    # The quarantine's date may be null.
    if "id" in columns:
        last = bulk.query(database, f"SELECT coalesce(max(id), 0) AS id FROM {bulk.quoted(name)}")  # noqa: S608 — from the catalogue
        return f"id <= {last['id'][0]}"
    return f"date <= '{LAST}'"


if __name__ == "__main__":
    main(*sys.argv[1:])
