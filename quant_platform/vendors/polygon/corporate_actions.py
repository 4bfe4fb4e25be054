"""Splits and dividends, every row as the vendor lists them.

They come from the endpoints of 2026, or from the old ones where these are refused or missing. What
does not belong here: resolving duplicates and contradictions (`market/corporate_actions.py`).
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from quant_platform.errors import BadAnswerError, BadRequestError, NotFoundError, PlanError
from quant_platform.vendors.polygon.cells import numbers, text, ticker
from quant_platform.vendors.polygon.paging import Row, all_rows
from quant_platform.vendors.polygon.times import day
from quant_platform.vendors.polygon.transport import Client
from quant_platform.vendors.unread import Unread, with_unread

logger = logging.getLogger(__name__)

COLUMNS = (
    "date",
    "symbol",
    "action_type",
    "split_ratio",
    "cash_amount",
    "currency",
    "source",
    "vendor_id",
    "declared_on",
)


@dataclass(frozen=True)
class _Endpoint:
    """Where actions of a kind are, the field of the ex-date, and the largest page."""

    path: str
    ex_date: str
    limit: int


SPLITS = (
    _Endpoint("/stocks/v1/splits", "execution_date", 5000),
    _Endpoint("/v3/reference/splits", "execution_date", 1000),
)
DIVIDENDS = (
    _Endpoint("/stocks/v1/dividends", "ex_dividend_date", 5000),
    _Endpoint("/v3/reference/dividends", "ex_dividend_date", 1000),
)

_UNUSABLE = (NotFoundError, PlanError, BadRequestError, BadAnswerError)

_SPECIAL = {("distribution_type", "special"), ("dividend_type", "SC")}


def actions_between(client: Client, first: date, last: date) -> pd.DataFrame:
    """Rows of all actions with an ex-date from `first` to `last`, in the columns `COLUMNS`.

    `split_ratio` is new shares for one old; it is missing where the vendor's numbers give none.
    """
    splits = _frame(*_rows(client, SPLITS, first, last), first, last)
    dividends = _frame(*_rows(client, DIVIDENDS, first, last), first, last)
    frames = [frame for frame in (splits, dividends) if len(frame)] or [splits]
    return pd.concat(frames, ignore_index=True).sort_values(
        ["date", "symbol", "action_type"], kind="stable", ignore_index=True
    )


def _rows(
    client: Client, endpoints: Sequence[_Endpoint], first: date, last: date
) -> tuple[list[Row], _Endpoint]:
    new, old = endpoints
    try:
        return _ask(client, new, first, last), new
    except _UNUSABLE as error:
        logger.warning("%s; the older %s is asked instead", error.message, old.path)
        return _ask(client, old, first, last), old


def _ask(client: Client, endpoint: _Endpoint, first: date, last: date) -> list[Row]:
    return all_rows(
        client,
        endpoint.path,
        {
            f"{endpoint.ex_date}.gte": first.isoformat(),
            f"{endpoint.ex_date}.lte": last.isoformat(),
            "limit": endpoint.limit,
        },
    )


def _frame(rows: list[Row], endpoint: _Endpoint, first: date, last: date) -> pd.DataFrame:
    ex_dates = [day(row.get(endpoint.ex_date)) for row in rows]
    tickers = [ticker(row.get("ticker")) for row in rows]
    named = list(zip(rows, ex_dates, tickers, strict=True))
    wanted = [
        (row, ex_date, name)
        for row, ex_date, name in named
        if ex_date is not None and first <= ex_date <= last and name is not None
    ]
    unread = [
        Unread(row, "no ticker" if ex_date else "no ex-date", ex_date, name)
        for row, ex_date, name in named
        if ex_date is None or name is None
    ]
    unread += [
        Unread(row, "of a day that was not asked for", first, name)
        for row, ex_date, name in named
        if ex_date is not None and name is not None and not first <= ex_date <= last
    ]
    chosen = [row for row, _, _ in wanted]
    is_split = endpoint in SPLITS
    cash, ratio = _cash(chosen), _ratio(chosen)
    frame = pd.DataFrame(
        {
            "date": pd.Series([ex_date for _, ex_date, _ in wanted], dtype="datetime64[s]"),
            "symbol": pd.Series([name for _, _, name in wanted], dtype="str"),
            "action_type": pd.Series(
                ["split" if is_split else _dividend_type(row) for row in chosen], dtype="str"
            ),
            "split_ratio": ratio if is_split else float("nan"),
            "cash_amount": float("nan") if is_split else cash,
            "currency": _strings(chosen, "currency"),
            "source": pd.Series([f"polygon {endpoint.path}"] * len(chosen), dtype="str"),
            "vendor_id": _strings(chosen, "id"),
            "declared_on": pd.Series(
                [day(row.get("declaration_date")) for row in chosen], dtype="datetime64[s]"
            ),
        }
    )
    frame = frame[list(COLUMNS)].astype({"split_ratio": "float64", "cash_amount": "float64"})
    return with_unread(frame, unread)


def _ratio(rows: list[Row]) -> pd.Series:
    """New shares for one old: 2-for-1 is 2, 1-for-10 is 0.1, a stock dividend of 5 % is 1.05."""
    new, old = (pd.Series(_positive(rows, name)) for name in ("split_to", "split_from"))
    return new / old


def _cash(rows: list[Row]) -> pd.Series:
    return pd.Series(numbers([row.get("cash_amount") for row in rows])[0])


def _positive(rows: list[Row], name: str) -> pd.Series:
    values = pd.Series(numbers([row.get(name) for row in rows])[0])
    return values.where(values > 0)


def _dividend_type(row: Row) -> str:
    special = any(row.get(name) == value for name, value in _SPECIAL)
    return "special_dividend" if special else "cash_dividend"


def _strings(rows: list[Row], name: str) -> pd.Series:
    return pd.Series([text(row.get(name)) for row in rows], dtype="str")
