"""A backtest gives what the pipeline stored; on what was known then, whatever was corrected later.

The pipeline of `whole` began with `FIRST`: its portfolios start where a backtest's do.
"""

import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from quant_platform.backtest import BacktestResult, backtest
from quant_platform.market.sessions import parse_date, sessions_between
from quant_platform.storage import bulk
from quant_platform.storage.database import Database
from quant_platform.storage.models import model_ids
from quant_platform.storage.schema import read_table
from quant_platform.strategies.registry import strategy_classes
from quant_platform_tests.properties.pipeline import DIVIDEND, FIRST, LAST
from quant_platform_tests.test_storage.tables import fetch

DOCUMENTS = ("metadata", "positions", "trades")
FRAMES = {
    "signals": ["date", "symbol"],
    "portfolios": ["date"],
    "model_performance": ["date", "window_sessions"],
}


def frame_of(result: BacktestResult, table: str) -> pd.DataFrame:
    return getattr(result, table.removeprefix("model_"))


def assert_same(mine: pd.DataFrame, theirs: pd.DataFrame, order: list[str]) -> None:
    """Equal to the last bit; documents by what they say, since the database writes them anew."""
    assert sorted(mine.columns) == sorted(theirs.columns)
    assert len(mine) == len(theirs)
    # Inception has the length of another window in the session in which that is full.
    order = [*order, *(name for name in ("window_name",) if name in mine)]
    mine, theirs = (frame.sort_values(order, ignore_index=True) for frame in (mine, theirs))
    for name in theirs.columns:
        left, right = mine[name], theirs[name]
        if name in DOCUMENTS:
            assert left.map(json.loads).tolist() == right.map(json.loads).tolist(), name
        elif right.dtype.kind == "f":
            np.testing.assert_array_equal(left.to_numpy(np.float64), right.to_numpy(), name)
        else:
            assert left.tolist() == right.tolist(), name


def stored(database: Database, table: str, name: str) -> pd.DataFrame:
    scope = {"model_id": model_ids(database)[name]}
    found = bulk.read(database, read_table(database, table), FIRST, LAST, scope=scope)
    return found.drop(columns="model_id")


@pytest.mark.parametrize("name", strategy_classes())
def test_equals_what_the_pipeline_stored(whole: Database, name: str) -> None:
    result = backtest(whole, name, FIRST, LAST)
    for table, order in FRAMES.items():
        theirs = stored(whole, table, name)
        assert len(theirs), table
        assert_same(frame_of(result, table), theirs, order)
    days = sessions_between(parse_date(FIRST), parse_date(LAST))
    assert len(result.portfolios) == len(days)


def test_cut_short_it_is_the_same_beginning(whole: Database) -> None:
    """Law 1 for backtests: what came after the end changes nothing."""
    longer, shorter = (backtest(whole, "enhanced_momentum", FIRST, end) for end in (LAST, DIVIDEND))
    for table, order in FRAMES.items():
        frame = frame_of(longer, table)
        begun = frame[frame["date"] <= pd.Timestamp(DIVIDEND)]
        assert_same(frame_of(shorter, table), begun, order)


def test_stores_nothing(whole: Database) -> None:
    sizes = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_xact_user_tables"
    before = [
        fetch(whole, f"SELECT count(*), max(recorded_at) FROM {t}")
        for t in FRAMES
        if t != "signals"
    ]  # noqa: S608, E501
    backtest(whole, "mean_reversion", FIRST, DIVIDEND, known_at=datetime.now(UTC))
    after = [
        fetch(whole, f"SELECT count(*), max(recorded_at) FROM {t}")
        for t in FRAMES
        if t != "signals"
    ]  # noqa: S608, E501
    assert before == after
    assert sizes
