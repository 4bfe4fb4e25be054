"""Tables of stored feature sets, their histories, and the view that shows all of them.

A set's table is made from the set, as a feature's column is from the feature (`migrations.py`). The
table of `technical` is made by a migration. What does not belong here: which sets are stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quant_platform.storage.database import Database

if TYPE_CHECKING:
    import psycopg2.extensions

LOCK = "SELECT pg_advisory_xact_lock(hashtext('quant_platform'), hashtext('migrations'))"

_KEY_COMMENTS = {
    "date": "Exchange session; a value uses bars of sessions up to this one.",
    "symbol": "Ticker in that session.",
    "security_id": "The security whose bars the features follow, whatever its ticker was.",
    "recorded_at": "When the platform computed it.",
}

_FROM, _TO = "REFERENCING OLD TABLE AS changed", "REFERENCING NEW TABLE AS changed"

_VERSIONS = (
    ("versions_insert", "INSERT", _TO),
    ("versions_delete", "DELETE", _FROM),
    ("versions_update_from", "UPDATE", _FROM),
    ("versions_update_to", "UPDATE", _TO),
    ("versions_truncate", "TRUNCATE", ""),
)
"""Triggers that renew the versions by which the cache knows what is current; those of the tables
that migrations make are in `sql/migrations/0019_versions.sql`."""

_OWN = "ARRAY['symbol', 'date', 'security_id', 'recorded_at']"


@dataclass(frozen=True)
class FeatureTable:
    """Table of a feature set: `storage` is float8 or float4."""

    name: str
    set_name: str
    storage: str
    description: str


def make_feature_tables(database: Database, tables: Sequence[FeatureTable]) -> list[str]:
    """Make what is missing of these tables, in one transaction; return the names of those made."""
    connection = database.connect()
    try:
        with connection, connection.cursor() as cursor:
            missing = _missing(cursor, tables)
            if missing:
                cursor.execute(LOCK)
                missing = _missing(cursor, tables)
            for table in missing:
                _make(cursor, table)
            if missing:
                _show_all(cursor)
    finally:
        connection.close()
    return [table.name for table in missing]


def _missing(
    cursor: "psycopg2.extensions.cursor", tables: Sequence[FeatureTable]
) -> list[FeatureTable]:
    cursor.execute("SELECT table_name FROM feature_sets")
    present = {name for (name,) in cursor.fetchall()}
    return [table for table in tables if table.name not in present]


def _make(cursor: "psycopg2.extensions.cursor", table: FeatureTable) -> None:
    from psycopg2 import sql

    name, history = sql.Identifier(table.name), sql.Identifier(f"{table.name}_history")
    cursor.execute(
        sql.SQL(
            "CREATE TABLE {} (date date NOT NULL, symbol text NOT NULL, security_id text NOT NULL,"
            " recorded_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (date, symbol))"
        ).format(name)
    )
    comment = f"Feature set {table.set_name}: {table.description}"
    cursor.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(name, sql.Literal(comment)))
    for column, text in _KEY_COMMENTS.items():
        cursor.execute(
            sql.SQL("COMMENT ON COLUMN {}.{} IS {}").format(
                name, sql.Identifier(column), sql.Literal(text)
            )
        )
    for statement, values in (
        (
            "CREATE TABLE {} (LIKE {} INCLUDING COMMENTS,"
            " superseded_at timestamptz NOT NULL DEFAULT now())",
            (history, name),
        ),
        (
            "COMMENT ON TABLE {} IS {}",
            (history, sql.Literal(f"Rows of {table.name} that were replaced or removed.")),
        ),
        (
            "COMMENT ON COLUMN {}.superseded_at IS {}",
            (history, sql.Literal("When the row stopped being the current one.")),
        ),
        ("CREATE INDEX {} ON {} (date)", (sql.Identifier(f"{table.name}_history_date"), history)),
    ):
        cursor.execute(sql.SQL(statement).format(*values))
    for trigger, event, changed in _VERSIONS:
        statement = (
            "CREATE TRIGGER {} AFTER {} ON {} {} FOR EACH STATEMENT"
            " EXECUTE FUNCTION renew_table_versions()"
        )
        parts = (sql.Identifier(trigger), sql.SQL(event), name, sql.SQL(changed))
        cursor.execute(sql.SQL(statement).format(*parts))
    cursor.execute(
        "INSERT INTO feature_sets VALUES (%s, %s, %s, %s)",
        (table.set_name, table.name, table.storage, table.description),
    )


def _show_all(cursor: "psycopg2.extensions.cursor") -> None:
    """Have `feature_store` show every stored set: a row where one of them has one."""
    from psycopg2 import sql

    cursor.execute("SELECT table_name FROM feature_sets ORDER BY name <> 'technical', name")
    names = [sql.Identifier(name) for (name,) in cursor.fetchall()]
    numbered = [(sql.Identifier(f"s{number}"), name) for number, name in enumerate(names)]
    keys = sql.SQL(" UNION ").join(
        sql.SQL("SELECT symbol, date FROM {}").format(name) for name in names
    )
    objects = sql.SQL(" || ").join(
        sql.SQL(f"coalesce(to_jsonb({{0}}) - {_OWN}, '{{{{}}}}')").format(alias)
        for alias, _ in numbered
    )
    clocks = sql.SQL(", ").join(sql.SQL("{}.recorded_at").format(alias) for alias, _ in numbered)
    joins = sql.SQL(" ").join(
        sql.SQL("LEFT JOIN {1} AS {0} ON {0}.symbol = k.symbol AND {0}.date = k.date").format(
            alias, name
        )
        for alias, name in numbered
    )
    cursor.execute(
        sql.SQL(
            "CREATE OR REPLACE VIEW feature_store AS SELECT k.symbol, k.date, {} AS features,"
            " greatest({}) AS recorded_at FROM ({}) AS k {}"
        ).format(objects, clocks, keys, joins)
    )
