"""Law 4: killed at any instant, a run leaves each table with its old rows or its new ones."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import pandas as pd

from quant_platform.storage.database import Database
from quant_platform_tests.support.pipeline import LAST, TABLES, SampleMarket, dump, everything, run

START = "2004-12-27"

PROGRAM = """
import sys
from datetime import date
from pathlib import Path
from quant_platform.storage import replace
from quant_platform.storage.database import Database
from quant_platform_tests.support.pipeline import LAST, run
from quant_platform_tests.properties.test_atomicity import START, Dearer

insert = replace._insert_new

def paused(cursor, table, where):
    done = insert(cursor, table, where)
    if table.name == "portfolios":
        print("paused", flush=True)
        sys.stdin.readline()
    return done

replace._insert_new = paused
run(Database(sys.argv[1]), Path(sys.argv[2]), START, LAST, vendor=Dearer())
"""


FROM_PORTFOLIOS_ON = set(TABLES[TABLES.index("portfolios") :]) - {
    # Computed from bars and signals alone, beside the portfolios.
    *("factor_evaluation", "factor_exposures", "factor_returns", "specific_returns"),
    *("signal_probabilities", "signal_calibration", "signal_calibration_bins"),
}
"""Portfolios and what follows from them."""


class Dearer(SampleMarket):
    """The same market with every price of the last week raised by a tenth."""

    def bars(self, first: date, last: date) -> pd.DataFrame:
        """Bars, corrected by the vendor."""
        found = super().bars(first, last)
        late = found["date"] >= pd.Timestamp(START)
        prices = ["open_price", "high_price", "low_price", "close_price"]
        found.loc[late, prices] *= 1.1
        return found


def test_killed_while_the_portfolios_are_replaced(
    computed: Database, whole: Database, tmp_path: Path
) -> None:
    before = everything(computed)
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, computed.url, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "paused\n"
    process.kill()
    process.communicate()
    after = everything(computed)
    changed = {table for table in TABLES if after[table] != before[table]}
    # What came before was committed, table by table; portfolios and what follows are as they were.
    assert changed >= {"market_data", "features", "signals", "trading_universe"}
    assert changed.isdisjoint(FROM_PORTFOLIOS_ON)
    for table in TABLES:
        kept = after[f"{table}_history"]
        assert bool(kept) == (table in changed)
        assert len(after[table]) == len(before[table])
    # Run again with the vendor's first word: all is as if nothing had happened.
    assert run(computed, tmp_path, START, LAST).success
    assert dump(computed) == dump(whole)
