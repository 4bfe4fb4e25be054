"""Frames in and out of Arrow, under the contract of a table.

`to_arrow` refuses a frame that does not have the table's columns, types and sessions, so it never
reaches the database. What does not belong here: faults of single rows (nulls, broken rules,
duplicates), which the table's own constraints find (`quarantine.py`).
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from quant_platform.errors import ContractError
from quant_platform.storage.schema import Table

ARROW_TYPES: dict[str, pa.DataType] = {
    "date": pa.date32(),
    "text": pa.string(),
    "double precision": pa.float64(),
    "real": pa.float32(),
    "bigint": pa.int64(),
    "integer": pa.int32(),
    "smallint": pa.int16(),
    "boolean": pa.bool_(),
    "jsonb": pa.string(),
    "timestamp with time zone": pa.timestamp("us", tz="UTC"),
}
"""SQL type → Arrow type with the same binary form, as the bulk writer needs it."""

JSONB_VERSION = "\x01"
"""PostgreSQL's binary form of jsonb is this byte and then the text."""


def arrow_schema(table: Table) -> pa.Schema:
    """Arrow schema of the columns a frame must bring for `table`."""
    return pa.schema([(column.name, ARROW_TYPES[column.sql_type]) for column in table.data_columns])


def to_arrow(frame: pd.DataFrame, table: Table, sessions: Sequence[str]) -> pa.Table:
    """Convert `frame` to the table's column order and types.

    Parameters
    ----------
    frame : one row per key; `date` holds sessions; JSON columns hold JSON text
    table : the contract
    sessions : ISO dates the frame may hold

    Raises
    ------
    ContractError
        Missing or unknown columns, values of another type, or rows of other sessions.
    """
    schema = arrow_schema(table)
    _check_columns(frame, table, schema)
    arrays = [_column(frame[field.name], field, table.name) for field in schema]
    _check_sessions(frame, table, sessions)
    return pa.Table.from_arrays(arrays, schema=schema)


def to_pandas(data: pa.Table, categories: Sequence[str] = ()) -> pd.DataFrame:
    """Convert query results: dates become datetime64 at midnight, text and JSON the string type.

    Columns named in `categories` become categorical: codes, and each text once.
    """
    for index, field in enumerate(data.schema):
        if isinstance(field.type, pa.BaseExtensionType):
            storage = [chunk.storage for chunk in data.column(index).chunks]
            plain = pa.chunked_array(storage, type=field.type.storage_type)
            data = data.set_column(index, field.name, plain)
    # Without consolidation into one block, numbers are not copied.
    frame: pd.DataFrame = data.to_pandas(
        date_as_object=False, split_blocks=True, categories=list(categories)
    )
    return frame


def decoded(data: pa.Table) -> pd.DataFrame:
    """Convert dictionary-encoded columns as `to_pandas` does plain ones."""
    for at, each in enumerate(data.schema):
        if pa.types.is_dictionary(each.type):
            data = data.set_column(at, each.name, data.column(at).cast(each.type.value_type))
    return to_pandas(data)


def empty_frame(table: Table) -> pd.DataFrame:
    """Return a frame without rows in the columns and types of `table`."""
    return to_pandas(arrow_schema(table).empty_table())


def _check_columns(frame: pd.DataFrame, table: Table, schema: pa.Schema) -> None:
    missing = [name for name in schema.names if name not in frame.columns]
    unknown = [str(name) for name in frame.columns if name not in schema.names]
    twice = [str(name) for name in frame.columns[frame.columns.duplicated()].unique()]
    faults = [
        f"{fault} {', '.join(names)}"
        for fault, names in (("lacks", missing), ("has the unknown", unknown), ("repeats", twice))
        if names
    ]
    if faults:
        raise ContractError(
            f"The frame for {table.name} {' and '.join(faults)}",
            f"It must have exactly: {', '.join(schema.names)}",
        )


_ALLOWED: dict[str, set[str]] = {
    "date32[day]": {"datetime64", "date"},
    "string": {"string", "categorical"},
    "double": {"number", "floating", "integer", "mixed-integer-float", "decimal"},
    "bool": {"boolean"},
    "timestamp[us, tz=UTC]": {"moment"},
}
"""Arrow type → kinds of pandas columns that may become it; whole numbers as `double`."""


def _column(values: pd.Series, field: pa.Field, table: str) -> pa.Array:
    _check_kind(values, field, table)
    # Given the values and not the Series, Arrow need not inspect what it holds.
    data = values.to_numpy() if isinstance(values.dtype, np.dtype) else values.array
    try:
        array = pa.array(data, type=field.type, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise _wrong_type(field, table, str(error).splitlines()[0]) from None
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _check_kind(values: pd.Series, field: pa.Field, table: str) -> None:
    """Refuse what Arrow would convert silently: text to numbers, times of day to dates."""
    kind = _kind(values)
    allowed = _ALLOWED.get(str(field.type), _ALLOWED["double"])
    if kind not in allowed and not values.isna().all():
        raise _wrong_type(field, table, f"it holds {kind}")
    if kind == "datetime64":
        moments = values.to_numpy()
        if (~np.isnat(moments) & (moments != moments.astype("datetime64[D]"))).any():
            raise _wrong_type(field, table, "it holds times of day")


def _kind(values: pd.Series) -> str:
    if pd.api.types.is_object_dtype(values.dtype):
        return str(pd.api.types.infer_dtype(values, skipna=True))
    return _kind_of(values.dtype)


@lru_cache(maxsize=256)
def _kind_of(dtype: Any) -> str:
    if pd.api.types.is_bool_dtype(dtype):
        return "boolean"
    if pd.api.types.is_numeric_dtype(dtype):
        return "number"
    if isinstance(dtype, pd.StringDtype):
        return "string"
    if isinstance(dtype, pd.CategoricalDtype):
        return "categorical"
    if isinstance(dtype, pd.DatetimeTZDtype):
        return "moment"
    return "datetime64" if pd.api.types.is_datetime64_dtype(dtype) else str(dtype)


def _wrong_type(field: pa.Field, table: str, reason: str) -> ContractError:
    return ContractError(
        f"Column {field.name} of the frame for {table} is not {field.type}: {reason}",
        "Convert it before it is written",
    )


def _check_sessions(frame: pd.DataFrame, table: Table, sessions: Sequence[str]) -> None:
    allowed = np.asarray(sorted(sessions), dtype="datetime64[D]")
    dates = frame["date"].to_numpy().astype("datetime64[D]")
    outside = ~np.isin(dates, allowed)
    if outside.any():
        foreign_dates = np.unique(dates[outside])
        raise ContractError(
            f"The frame for {table.name} has {int(outside.sum())} rows outside its sessions,"
            f" the first of {foreign_dates[0]}",
            f"It may only hold {allowed[0]} to {allowed[-1]}"
            if len(allowed)
            else "It must be empty",
        )
