"""Law 2: one day at a time, any chunking, or everything in one run: the same values."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from quant_platform.market.calendar import XNYS, parse_date
from quant_platform.storage.database import Database
from quant_platform_tests.support.pipeline import (
    DIVIDEND,
    EXACT,
    FIRST,
    LAST,
    LISTING,
    TABLES,
    dump,
    rows,
    run,
)

DAYS = [day.isoformat() for day in XNYS.sessions(parse_date(FIRST), parse_date(LAST))]
STARTS = [
    FIRST,
    # Session by session over Google's listing …
    *DAYS[DAYS.index(LISTING) - 1 : DAYS.index(LISTING) + 2],
    "2004-09-30",
    # … and over Microsoft's special dividend.
    DIVIDEND,
    DAYS[DAYS.index(DIVIDEND) + 1],
]


def test_ragged_chunks_and_single_sessions(
    fresh: Database, whole: Database, tmp_path: Path
) -> None:
    ends = [DAYS[DAYS.index(after) - 1] for after in STARTS[1:]] + [LAST]
    for first, last in zip(STARTS, ends, strict=True):
        assert run(fresh, tmp_path, first, last).success
    mine, theirs = dump(fresh), dump(whole)
    for table in TABLES:
        assert len(mine[table]) == len(theirs[table]), table
        if table in EXACT:
            assert mine[table] == theirs[table], table
        else:
            _assert_close(rows(fresh, table), rows(whole, table), table)


def test_the_comparison_has_something_to_compare(whole: Database) -> None:
    """Every table has rows, models trade and earn dividends, and the longest features are known."""
    for table in TABLES:
        assert len(rows(whole, table)) or table in ("alerts", "model_monitor"), table
    assert rows(whole, "features")["momentum_252"].notna().any()
    portfolios = rows(whole, "portfolios").groupby("model_id")
    assert len(portfolios) == 4
    assert (portfolios["trade_count"].sum() > 0).sum() >= 2
    assert (portfolios["dividends"].sum() > 0).any()
    assert list(STARTS) == sorted(set(STARTS))


def _assert_close(mine: pd.DataFrame, theirs: pd.DataFrame, table: str) -> None:
    assert list(mine.columns) == list(theirs.columns)
    for name in mine.columns:
        for left, right in zip(mine[name], theirs[name], strict=True):
            _assert_same(left, right, f"{table}.{name}")


def _assert_same(left: Any, right: Any, where: str) -> None:
    """Equal, or numbers within 1e-9 of each other; documents leaf by leaf."""
    if isinstance(left, dict) and isinstance(right, dict):
        assert sorted(left) == sorted(right), where
        for key in left:
            _assert_same(left[key], right[key], f"{where}.{key}")
    elif isinstance(left, list) and isinstance(right, list):
        assert len(left) == len(right), where
        for one, other in zip(left, right, strict=True):
            _assert_same(one, other, where)
    elif isinstance(left, float) and isinstance(right, float):
        assert np.isclose(left, right, rtol=1e-9, atol=1e-12, equal_nan=True), (where, left, right)
    else:
        assert left == right or (pd.isna(left) and pd.isna(right)), (where, json.dumps(str(left)))
