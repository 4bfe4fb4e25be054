"""A stock that stops trading in the pipeline: any cut of a backfill and a backtest give the same.

IBM has no bar from October 2004 on, and stays in the fixed universe. The waiting takes twenty
sessions: a cut lies in the middle of it.
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from quant_platform.research.store import Store
from quant_platform.storage.database import Database
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
