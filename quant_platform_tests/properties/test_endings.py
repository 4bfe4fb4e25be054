"""A stock that stops trading in the pipeline: any cut of a backfill and a backtest give the same.

IBM has no bar from October 2004 on, and stays in the fixed universe. The waiting takes twenty
sessions: a cut lies in the middle of it.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from quant_platform.market.panel import Panel
from quant_platform.pipeline.survivorship import stored_survivorship
from quant_platform.research.store import Store
from quant_platform.settings import Settings
from quant_platform.storage.database import Database
from quant_platform.strategies.library.buy_and_hold import BuyAndHold
from quant_platform.strategies.signal_arrays import SignalArrays
from quant_platform_tests.support.lab import failure_text
from quant_platform_tests.support.pipeline import FIRST, SampleMarket, rows, run

LAST = "2004-11-12"
"""A day before Microsoft's special dividend."""

CUTS = [(FIRST, "2004-10-14"), ("2004-10-15", "2004-10-15"), ("2004-10-18", LAST)]

CLOSED = "2004-10-28"
"""Twentieth XNYS session of October 2004: the 1st was a Friday, and no day of it a holiday."""


class EndingMarket(SampleMarket):
    """The sample market, in which IBM's last bar is that of 30 September 2004."""

    def bars(self, first: date, last: date) -> pd.DataFrame:
        frame = super().bars(first, last)
        gone = (frame["symbol"] == "IBM") & (frame["date"] >= pd.Timestamp("2004-10-01"))
        return frame[~gone].reset_index(drop=True)


class NotIbm(BuyAndHold):
    """Buys and holds all but IBM, as if nobody had ever heard of it."""

    name = "not_ibm"

    def arrays(self, panel: Panel) -> SignalArrays:
        whole = super().arrays(panel)
        known = np.array([not each.startswith("IBM") for each in panel.security_ids])
        count = (panel.member & known).sum(axis=1, keepdims=True)
        return replace(
            whole,
            signal_type=np.where(known, whole.signal_type, 0),
            target_weight=np.where(known, 1.0 / np.maximum(count, 1), 0.0),
        )


def test_any_cut_and_a_backtest_give_the_same(
    fresh: Database, base: str, new_database: Callable[[str | None], Database], tmp_path: Path
) -> None:
    other = new_database(base)
    for database, spans in ((fresh, [(FIRST, LAST)]), (other, CUTS)):
        for first, last in spans:
            done = run(database, tmp_path, first, last, vendor=EndingMarket())
            assert done.success, failure_text(done)
    for table in ("portfolios", "closed_positions"):
        pd.testing.assert_frame_equal(
            rows(fresh, table, LAST), rows(other, table, LAST), check_exact=True
        )
    closed = rows(fresh, "closed_positions", LAST)
    held = closed[closed["security_id"].str.startswith("IBM")]
    assert {str(day) for day in held["date"]} == {CLOSED}
    assert set(held["sessions_without_bar"]) == {20}
    assert held["assumed"].all()
    assert not held["distressed"].any()
    # Close of 30 September 2004, as the sample has it; a fund for all: 0.
    assert set(held["last_price"]) == {85.74}
    assert np.allclose(held["proceeds"], held["shares"] * 85.74)
    result = Store(fresh).backtest("buy_and_hold", FIRST, LAST)
    mine = result.closed_positions
    theirs = held[held["model_id"] == held["model_id"].min()].drop(columns="model_id")
    assert len(mine) == len(theirs) == 1
    for name in mine.columns.drop("date"):
        assert mine[name].tolist() == theirs[name].tolist(), name
    # One of the four that began has no price in the end, and is known to the survivors' result.
    found = stored_survivorship(Settings.load({}, tmp_path), fresh, LAST)
    assert (found.universe.members, found.universe.ended) == (4, 1)
    assert found.universe.without_price == 0.25
    one = found.models.iloc[0]
    assert (one["closed"], one["assumed"], one["distressed"]) == (1, 1, 0)
    assert one["delistings at −100 %"] < one["delistings at −30 %"] < one["as it was"]
    own = result.survivorship(rerun=True)
    totals = own.results[own.results["of"] == "portfolio"].set_index("scenario")["total_return"]
    assert totals["delistings at −30 %"] == pytest.approx(one["delistings at −30 %"])
    without = Store(fresh).backtest(NotIbm(), FIRST, LAST)
    assert totals["survivors only"] == pytest.approx(without.equity.iloc[-1] / 1e6 - 1.0)
