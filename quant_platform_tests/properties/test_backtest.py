"""A backtest gives what the pipeline stored; on what was known then, whatever was corrected later.

The pipeline of `whole` began with `FIRST`: its portfolios start where a backtest's do.
"""

import json
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from quant_platform.market.calendar import XNYS, parse_date
from quant_platform.research.result import Backtest
from quant_platform.research.store import Store
from quant_platform.storage import bulk
from quant_platform.storage.database import Database
from quant_platform.storage.models import model_ids
from quant_platform.storage.replace import replace_sessions
from quant_platform.storage.schema import read_table
from quant_platform.strategies.models import default_models
from quant_platform_tests.support.pipeline import DIVIDEND, FIRST, LAST, everything
from quant_platform_tests.support.tables import LEDGER

DOCUMENTS = ("metadata",)
IDLE = "mean_reversion"
"""Finds nothing to buy in these sessions."""

FRAMES = {
    "signals": ["date", "symbol"],
    "portfolios": ["date"],
    "positions": ["date", "security_id"],
    "fills": ["date", "security_id", "number"],
    "model_performance": ["date", "window_sessions"],
}


def frame_of(result: Backtest, table: str) -> pd.DataFrame:
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
    return found.drop(columns=["model_id", *(name for name in ("account",) if name in found)])


@pytest.mark.parametrize("name", [each.name for each in default_models()])
def test_equals_what_the_pipeline_stored(whole: Database, name: str) -> None:
    result = Store(whole).backtest(name, FIRST, LAST)
    for table, order in FRAMES.items():
        theirs = stored(whole, table, name)
        is_idle = name == IDLE and table in ("positions", "fills")
        assert (len(theirs) == 0) == is_idle, table
        assert_same(frame_of(result, table), theirs, order)
    days = XNYS.sessions(parse_date(FIRST), parse_date(LAST))
    assert len(result.portfolios) == len(days)


@pytest.mark.parametrize("name", [each.name for each in default_models()])
def test_begun_later_it_looks_back_on_the_sessions_before(whole: Database, name: str) -> None:
    """Signals do not depend on where a backtest begins; its portfolio begins with cash there."""
    result = Store(whole).backtest(name, DIVIDEND, LAST)
    theirs = stored(whole, "signals", name)
    assert_same(result.signals, theirs[theirs["date"] >= pd.Timestamp(DIVIDEND)], FRAMES["signals"])
    first = result.portfolios.iloc[0]
    assert (first["cash"], first["equity"], first["trade_count"]) == (1e6, 1e6, 0)


def test_cut_short_it_is_the_same_beginning(whole: Database) -> None:
    """Law 1 for backtests: what came after the end changes nothing."""
    longer, shorter = (
        Store(whole).backtest("enhanced_momentum", FIRST, end) for end in (LAST, DIVIDEND)
    )
    for table, order in FRAMES.items():
        frame = frame_of(longer, table)
        begun = frame[frame["date"] <= pd.Timestamp(DIVIDEND)]
        assert_same(frame_of(shorter, table), begun, order)


def test_stores_nothing_but_its_trial(whole: Database) -> None:
    before = everything(whole)
    Store(whole).at(datetime.now(UTC)).backtest("enhanced_momentum", FIRST, DIVIDEND)
    after = everything(whole)
    changed = {table for table in after if after[table] != before[table]}
    assert "trial_runs" in changed
    assert changed <= set(LEDGER)


def test_a_later_correction_changes_today_and_not_what_was_known(computed: Database) -> None:
    """IBM's closes of a week are corrected: it closed a tenth lower than the vendor had said."""
    before = Store(computed).backtest("enhanced_momentum", FIRST, LAST)
    learned = datetime.now(UTC)
    table = read_table(computed, "market_data")
    week = [day.isoformat() for day in XNYS.sessions(date(2004, 10, 4), date(2004, 10, 8))]
    bars = bulk.read(computed, table, week[0], week[-1])
    ibm = bars["symbol"] == "IBM"
    for name in ("open_price", "high_price", "low_price", "close_price"):
        bars[name] = bars[name].where(~ibm, bars[name] * 0.9)
    assert replace_sessions(computed, table, bars, week).superseded == len(week)

    then = Store(computed).at(learned).backtest("enhanced_momentum", FIRST, LAST)
    now = Store(computed).backtest("enhanced_momentum", FIRST, LAST)
    for name, order in FRAMES.items():
        assert_same(frame_of(then, name), frame_of(before, name), order)
        assert not frame_of(now, name).equals(frame_of(before, name)), name
    prices = now.signals.set_index(["date", "symbol"])["reference_price"]
    earlier = then.signals.set_index(["date", "symbol"])["reference_price"]
    changed = prices[prices != earlier.reindex(prices.index)].index
    assert set(changed) == {(pd.Timestamp(day), "IBM") for day in week}
