import pytest

from quant_platform.errors import UnknownNameError
from quant_platform.evaluation.metrics import METRICS
from quant_platform.features.feature_registry import select
from quant_platform.storage.database import Database
from quant_platform.storage.schema import read_table, tables_with_history
from quant_platform_tests.support.tables import fetch

RELATIONS = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')
AND relname NOT LIKE '%%yoyo%%'
ORDER BY 1
"""


def names(database: Database) -> list[str]:
    return [name for (name,) in fetch(database, RELATIONS)]


def test_market_data(database: Database) -> None:
    table = read_table(database, "market_data")
    assert table.key == ("date", "symbol")
    assert table.description == "Daily bars, raw as traded."
    assert [column.name for column in table.columns][:6] == [
        "date",
        "symbol",
        "open_price",
        "high_price",
        "low_price",
        "close_price",
    ]
    close, adjusted = table.column("close_price"), table.column("vendor_adjusted_close")
    assert (close.sql_type, close.nullable) == ("double precision", False)
    assert close.description == "Last trade, not adjusted."
    assert adjusted.nullable
    assert [column.name for column in table.columns if column not in table.data_columns] == [
        "recorded_at"
    ]


def test_the_clock_of_signals_is_created_at(database: Database) -> None:
    table = read_table(database, "signals")
    assert table.key == ("date", "model_id", "symbol")
    assert "created_at" not in [column.name for column in table.data_columns]
    assert table.column("metadata").sql_type == "jsonb"


def test_registered_columns_are_there(database: Database) -> None:
    features = read_table(database, "features")
    for feature in select():
        assert features.column(feature.name).description == feature.description
    figures = read_table(database, "model_performance")
    for metric in METRICS.values():
        assert figures.column(metric.column).description == metric.description
        assert figures.column(metric.column).sql_type == metric.sql_type


def test_a_view(database: Database) -> None:
    view = read_table(database, "feature_store")
    assert view.key == ()
    assert [column.name for column in view.columns] == [
        "symbol",
        "date",
        "features",
        "recorded_at",
    ]


def test_every_table_and_column_has_a_comment(database: Database) -> None:
    found = names(database)
    assert len(found) >= 38
    for name in found:
        table = read_table(database, name)
        assert table.description, name
        for column in table.columns:
            assert column.description, f"{name}.{column.name}"


def test_every_session_table_has_a_history_with_its_columns(database: Database) -> None:
    found = names(database)
    histories = [name for name in found if name.endswith("_history")]
    assert len(histories) == 38
    for history in histories:
        mine = read_table(database, history.removesuffix("_history")).columns
        theirs = {column.name: column for column in read_table(database, history).columns}
        assert set(theirs) == {column.name for column in mine} | {"superseded_at"}
        for column in mine:
            assert theirs[column.name].sql_type == column.sql_type


@pytest.mark.parametrize(
    "name", ["no_such_table", "market_data; --", "MARKET_DATA", "", "pg_class"]
)
def test_an_unknown_table_says_what_to_run(database: Database, name: str) -> None:
    with pytest.raises(UnknownNameError, match="quant-platform db upgrade"):
        read_table(database, name)


def test_an_unknown_column_names_the_known_ones(database: Database) -> None:
    with pytest.raises(UnknownNameError, match="high_price"):
        read_table(database, "market_data").column("hihg_price")


def test_a_history_takes_every_row_that_its_table_can_hold(database: Database) -> None:
    """The same columns of the same types, null where the table's may be, and no rule of its own."""
    rules = "SELECT conrelid::regclass::text FROM pg_constraint WHERE contype <> 'n'"
    ruled = {name for (name,) in fetch(database, rules)}
    for name in tables_with_history(database):
        history = read_table(database, f"{name}_history")
        assert history.name not in ruled
        assert not history.column("superseded_at").nullable
        for column in read_table(database, name).columns:
            kept = history.column(column.name)
            assert kept.sql_type == column.sql_type, f"{name}.{column.name}"
            assert kept.nullable or not column.nullable, f"{name}.{column.name}"
            assert kept.description == column.description, f"{name}.{column.name}"
