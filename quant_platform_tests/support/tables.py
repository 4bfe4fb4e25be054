"""Rows for the tests of storage, and what the database holds of them."""

from typing import Any

import pandas as pd

from quant_platform.storage.database import Database
from quant_platform.storage.migrations import sql_folder

FIGURES = (
    *("open_price", "high_price", "low_price", "volume"),
    *("vwap", "trade_count", "vendor_adjusted_close"),
)
SESSIONS = ["2004-08-19", "2004-08-20"]


def bars(*rows: tuple[str, str, float], source: str = "test") -> pd.DataFrame:
    """Rows of `market_data` from (date, symbol, close)."""
    close = [price for _, _, price in rows]
    return pd.DataFrame(
        {
            "date": pd.to_datetime([day for day, _, _ in rows]).astype("datetime64[s]"),
            "symbol": pd.array([symbol for _, symbol, _ in rows], dtype="str"),
            "open_price": close,
            "high_price": close,
            "low_price": close,
            "close_price": pd.array(close, dtype="float64"),
            "volume": [100.0] * len(rows),
            "vendor_adjusted_close": [None] * len(rows),
            "source": pd.array([source] * len(rows), dtype="str"),
            "vwap": [None] * len(rows),
            "trade_count": [None] * len(rows),
            "security_id": pd.array([symbol for _, symbol, _ in rows], dtype="str"),
        }
    ).astype(dict.fromkeys(FIGURES, "float64"))


TWO_DAYS = bars(
    ("2004-08-19", "A", 10.0),
    ("2004-08-19", "B", 20.0),
    ("2004-08-20", "A", 11.0),
    ("2004-08-20", "B", 21.0),
)


def signals(model_id: int, **changes: object) -> pd.DataFrame:
    """One row of `signals`."""
    row = {
        "date": pd.Timestamp("2004-08-19").as_unit("s"),
        "model_id": model_id,
        "symbol": "A",
        "security_id": "A",
        "signal_type": 1,
        "strength": 0.5,
        "confidence": 0.5,
        "target_weight": 0.05,
        "asked_weight": 0.05,
        "reference_price": 10.0,
        "stop_price": 9.0,
        "expected_return": None,
        "expected_volatility": 0.3,
        "value_at_risk_95": 0.02,
        "metadata": "{}",
    }
    frame = pd.DataFrame([row | changes])
    return frame.astype({"date": "datetime64[s]", "expected_return": "float64"})


def fetch(database: Database, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Rows of a statement, by a connection of its own that commits."""
    connection = database.connect()
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return list(cursor.fetchall()) if cursor.description else []
    finally:
        connection.close()


LEDGER = ("trial_runs", "study_trials", "trials", "trial_sources", "studies")
"""Tables whose rows nobody may change, each before those that it refers to."""


def empty_ledger(database: Database) -> None:
    """Delete what the ledger holds, as only a superuser can who passes by its triggers."""
    deleted = "; ".join(f"DELETE FROM {table}" for table in LEDGER)  # noqa: S608 — our own names
    fetch(database, f"SET LOCAL session_replication_role = replica; {deleted}")


def content(database: Database, table: str) -> list[tuple[Any, ...]]:
    """Whole rows of a table, clocks included, in a fixed order."""
    return fetch(database, f"SELECT t::text FROM {table} AS t ORDER BY 1")  # noqa: S608 — our own names


def closes(database: Database, table: str = "market_data") -> dict[tuple[str, str], float]:
    rows = fetch(database, f"SELECT date::text, symbol, close_price FROM {table}")  # noqa: S608
    return {(day, symbol): close for day, symbol, close in rows}


WRITES = [
    "DELETE FROM market_data",
    "DELETE FROM market_data RETURNING *",
    "UPDATE market_data SET volume = 0",
    "INSERT INTO market_data SELECT * FROM market_data",
    "TRUNCATE market_data",
    "DROP TABLE market_data",
    "CREATE TABLE mine (x int)",
    "ALTER TABLE market_data ADD COLUMN x int",
    "GRANT ALL ON market_data TO public",
    "COMMENT ON TABLE market_data IS ''",
    "VACUUM market_data",
    "WITH gone AS (DELETE FROM market_data RETURNING *) SELECT * FROM gone",
    "EXPLAIN ANALYZE DELETE FROM market_data",
    "DO $$ BEGIN DELETE FROM market_data; END $$",
    "DO $$ BEGIN COMMIT; DELETE FROM market_data; COMMIT; END $$",
    "DO $$ BEGIN SET TRANSACTION READ WRITE; DELETE FROM market_data; END $$",
    "COMMIT; DELETE FROM market_data",
    "SELECT 1; DELETE FROM market_data",
    "COMMIT; DELETE FROM market_data; COMMIT",
    "SET TRANSACTION READ WRITE; DELETE FROM market_data; COMMIT",
    "SELECT 1) TO STDOUT; DELETE FROM market_data; COMMIT; --",
    "SELECT set_config('transaction_read_only', 'off', false); DELETE FROM market_data",
    "SELECT set_config('transaction_read_only', 'off', false), nextval('models_id_seq')",
]
"""Statements that would write, of every kind."""


MIGRATIONS = sorted(
    path for path in (sql_folder() / "migrations").glob("*.sql") if "rollback" not in path.name
)


SHAPE = """
SELECT c.relname, c.relkind::text, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE '%%yoyo%%'
ORDER BY 1, a.attnum
"""


def shape(database: Database) -> list[tuple[object, ...]]:
    """Every column of every relation that is ours."""
    return fetch(database, SHAPE)
