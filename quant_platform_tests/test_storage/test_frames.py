from datetime import date, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from quant_platform.errors import ContractError
from quant_platform.storage.frames import arrow_schema, empty_frame, to_arrow, to_pandas
from quant_platform.storage.schema import Column, Table

DAY = "2004-08-19"
TABLE = Table(
    name="things",
    columns=(
        Column("date", "date", nullable=False, description=""),
        Column("symbol", "text", nullable=False, description=""),
        Column("price", "double precision", nullable=True, description=""),
        Column("count", "integer", nullable=True, description=""),
        Column("small", "smallint", nullable=True, description=""),
        Column("passed", "boolean", nullable=True, description=""),
        Column("details", "jsonb", nullable=True, description=""),
        Column("recorded_at", "timestamp with time zone", nullable=False, description=""),
    ),
    key=("date", "symbol"),
    description="",
)


def frame(**changes: object) -> pd.DataFrame:
    row: dict[str, object] = {
        "date": pd.to_datetime([DAY]),
        "symbol": ["A"],
        "price": [12.5],
        "count": [3],
        "small": [1],
        "passed": [True],
        "details": ["{}"],
    }
    return pd.DataFrame(row | changes)


def test_converts_to_the_table_s_order_and_types() -> None:
    shuffled = frame()[["details", "price", "symbol", "passed", "small", "count", "date"]]
    data = to_arrow(shuffled, TABLE, [DAY])
    assert data.schema == arrow_schema(TABLE)
    assert "recorded_at" not in data.schema.names
    assert data.to_pylist() == [
        {
            "date": date(2004, 8, 19),
            "symbol": "A",
            "price": 12.5,
            "count": 3,
            "small": 1,
            "passed": True,
            "details": "{}",
        }
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"price": [3]},  # a whole number is a number
        {"price": np.array([1.5], dtype="float32")},
        {"price": pd.array([1.5], dtype="Float64")},
        {"price": [None]},
        {"price": pd.Series([None, 1.5], dtype=object)[1:]},
        {"count": [3.0]},
        {"count": pd.array([None], dtype="Int64")},
        {"count": [np.nan]},
        {"date": [date(2004, 8, 19)]},
        {"date": pd.to_datetime([DAY]).as_unit("ns")},
        {"symbol": pd.Categorical(["A"])},
        {"symbol": pd.Series(["A"], dtype=object)},
        {"passed": pd.array([True], dtype="boolean")},
        {"passed": [None]},
    ],
)
def test_what_fits(changes: dict[str, object]) -> None:
    assert to_arrow(frame(**changes), TABLE, [DAY]).num_rows == 1


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("price", ["12.5"]),
        ("price", pd.Series(["12.5"], dtype=object)),
        ("price", [True]),
        ("price", pd.Series([True], dtype=object)),
        ("price", pd.to_datetime([DAY])),
        ("count", ["3"]),
        ("count", [3.5]),
        ("count", [2**40]),
        ("count", [True]),
        ("small", [40_000]),
        ("passed", [1]),
        ("passed", ["true"]),
        ("passed", [1.0]),
        ("symbol", [1]),
        ("symbol", pd.Series([1], dtype=object)),
        ("symbol", pd.Series([b"A"], dtype=object)),
        ("details", [{"a": 1}]),
        ("date", [DAY]),
        ("date", pd.Series([DAY], dtype=object)),
        ("date", pd.to_datetime([DAY + " 10:30"])),
        ("date", pd.to_datetime([DAY + " 00:00:00.000001"])),
        ("date", pd.Series([datetime(2004, 8, 19, 10, 30)], dtype=object)),
        ("date", pd.to_datetime([DAY], utc=True)),
        ("date", [12_649]),
    ],
)
def test_another_type_is_refused(column: str, values: object) -> None:
    with pytest.raises(ContractError, match=f"Column {column} of the frame for things"):
        to_arrow(frame(**{column: values}), TABLE, [DAY])


def test_missing_and_unknown_columns_are_named() -> None:
    wrong = frame().drop(columns=["price", "count"]).assign(colour="red", recorded_at=1)
    with pytest.raises(ContractError) as caught:
        to_arrow(wrong, TABLE, [DAY])
    assert "lacks price, count" in caught.value.message
    assert "unknown colour, recorded_at" in caught.value.message
    assert "symbol" in caught.value.hint


def test_a_column_twice_is_refused() -> None:
    twice = pd.concat([frame(), frame()[["price"]]], axis=1)
    with pytest.raises(ContractError, match="repeats price"):
        to_arrow(twice, TABLE, [DAY])


def test_rows_of_another_session_are_refused() -> None:
    both = pd.concat([frame(), frame(date=pd.to_datetime(["2004-08-20"]))])
    assert to_arrow(both, TABLE, [DAY, "2004-08-20"]).num_rows == 2
    with pytest.raises(ContractError) as caught:
        to_arrow(both, TABLE, [DAY])
    assert "1 rows outside its sessions, the first of 2004-08-20" in caught.value.message
    assert DAY in caught.value.hint


def test_a_row_between_two_sessions_is_refused() -> None:
    with pytest.raises(ContractError, match="outside its sessions"):
        to_arrow(frame(), TABLE, ["2004-08-18", "2004-08-20"])


def test_no_session_no_rows() -> None:
    assert to_arrow(frame()[:0], TABLE, []).num_rows == 0
    with pytest.raises(ContractError, match="outside its sessions"):
        to_arrow(frame(), TABLE, [])


def test_a_row_without_a_date_is_refused() -> None:
    with pytest.raises(ContractError, match="outside its sessions"):
        to_arrow(frame(date=[pd.NaT]), TABLE, [DAY])


def test_nan_is_null_and_infinity_stays() -> None:
    """What may be null or infinite is the table's own business, row by row."""
    data = to_arrow(pd.concat([frame(price=[np.nan]), frame(price=[np.inf])]), TABLE, [DAY])
    assert data["price"].to_pylist() == [None, np.inf]


def test_an_empty_frame_keeps_the_types() -> None:
    empty = empty_frame(TABLE)
    assert list(empty.columns) == [column.name for column in TABLE.data_columns]
    assert to_arrow(empty, TABLE, [DAY]).num_rows == 0
    assert empty["price"].dtype == "float64"
    assert empty["date"].dtype.kind == "M"
    untyped = pd.DataFrame(columns=list(empty.columns))
    assert to_arrow(untyped, TABLE, [DAY]).num_rows == 0


def test_to_pandas_gives_dates_at_midnight_and_text_as_strings() -> None:
    data = pa.table({"date": [date(2004, 8, 19)], "symbol": ["A"], "count": [1]})
    got = to_pandas(data)
    assert got["date"].tolist() == [pd.Timestamp(DAY)]
    assert isinstance(got["symbol"].dtype, pd.StringDtype)
    assert got["count"].dtype == "int64"
