"""Every set of the library, stored by the setting on the sample market, some in two cuts."""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import quant_platform as qp
from quant_platform.features.feature_registry import features_of, sets
from quant_platform.features.feature_set import TECHNICAL, FeatureSet
from quant_platform.market.calendar import XNYS, parse_date
from quant_platform.pipeline.provision import provision
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage.database import Database
from quant_platform_tests.support.lab import failure_text
from quant_platform_tests.support.pipeline import FACTS, FIRST, LISTING, SampleMarket, run
from quant_platform_tests.support.tables import fetch

END = "2004-09-08"
DAYS = [day.isoformat() for day in XNYS.sessions(parse_date(FIRST), parse_date(END))]
OTHERS = tuple(each for each in sets() if each != TECHNICAL)
SETTING = {PREFIX + "FEATURE_SETS": ",".join(each.name for each in OTHERS)}

CUT = tuple(each for each in OTHERS if each.name in ("alpha158", "cross_section", "market"))
"""Sets that are filled in two cuts as well: of four bytes, across securities, with the market."""

UNKNOWN = {"macro", "news"}
"""Sets of which the sample's vendor knows nothing."""


class AveragesMarket(SampleMarket):
    """The sample market with an average price of each bar, but for those of IBM."""

    def bars(self, first: date, last: date) -> pd.DataFrame:
        bars = super().bars(first, last)
        middle = (bars["high_price"] + 2.0 * bars["low_price"]) / 3.0
        return bars.assign(vwap=middle.where(bars["symbol"] != "IBM"))


def fill(
    database: Database, home: Path, ends: list[str], chosen: Sequence[FeatureSet] = OTHERS
) -> None:
    provision(database, sets=(TECHNICAL, *OTHERS))
    first = FIRST
    for end in ends:
        assets = [*FACTS, *(each.table for each in chosen)]
        vendor = AveragesMarket()
        result = run(database, home, first, end, vendor=vendor, assets=assets, settings=SETTING)
        assert result.success, failure_text(result)
        first = DAYS[min(DAYS.index(end) + 1, len(DAYS) - 1)]


def stored(database: Database, table: str) -> list[str]:
    rows = fetch(
        database,
        f"SELECT (to_jsonb(t) - 'recorded_at')::text FROM {table} AS t WHERE date >= %s ORDER BY 1",  # noqa: S608
        FIRST,
    )
    return [text for (text,) in rows]


def the_same_in_a_notebook(store: qp.Store, database: Database) -> None:
    """What is not stored is computed to the bits of what is: alone, and in a backtest."""
    asked = store.features([*(each.name for each in OTHERS), "technical"], FIRST, END)
    for each in OTHERS:
        kept = store.features(each.name, FIRST, END)
        pd.testing.assert_frame_equal(asked[list(kept.columns)], kept, check_exact=True)
        of_a_day = f"{each.table} WHERE date = '{LISTING}'"
        fetch(database, f"CREATE TABLE aside AS SELECT * FROM {of_a_day}")  # noqa: S608
        fetch(database, f"DELETE FROM {of_a_day}")  # noqa: S608
        computed = store.features(each.name, FIRST, END)
        fetch(database, f"INSERT INTO {each.table} SELECT * FROM aside")  # noqa: S608
        fetch(database, "DROP TABLE aside")
        pd.testing.assert_frame_equal(computed, kept, check_exact=True)

    seen: dict[str, np.ndarray] = {}

    def note(panel: qp.Panel) -> np.ndarray:
        seen.update({name: panel[name][-1] for name in asked.columns})
        return np.where(panel.member, 0.1, 0.0)

    note.features, note.lookback = tuple(asked.columns), 2  # type: ignore[attr-defined]
    store.backtest(note, LISTING, END)
    last = asked.xs(pd.Timestamp(END), level="date")
    assert seen.keys() == set(asked.columns)
    for name, values in seen.items():
        np.testing.assert_array_equal(values, last[name].to_numpy(np.float64), err_msg=name)


def test_stored_the_same_however_cut(
    fresh: Database,
    new_database: Callable[[str | None], Database],
    base: str,
    tmp_path: Path,
) -> None:
    other = new_database(base)
    fill(fresh, tmp_path, [END])
    settings = Settings.load({"DATABASE_URL": fresh.url, PREFIX + "HOME": str(tmp_path)}, tmp_path)
    the_same_in_a_notebook(qp.open(settings), fresh)
    # What was read of a set is kept, for as long as nobody changes a row of it.
    assert {path.parent.name.partition(".2004")[0] for path in tmp_path.rglob("*.arrow")} >= {
        each.table for each in OTHERS
    }
    # qlib's formula is the average price over the close; without one, the mean of three prices.
    compared = fetch(
        fresh,
        "SELECT symbol, vwap0, high_price, low_price, close_price, vwap"
        " FROM features_alpha158 JOIN market_data USING (date, symbol)",
    )
    assert {symbol for symbol, *_ in compared} == {"AAPL", "GOOG", "IBM", "MSFT"}
    for symbol, value, high, low, close, vwap in compared:
        average = (high + low + close) / 3.0 if symbol == "IBM" else vwap
        assert value == pytest.approx(average / close, rel=1e-6)
    fill(other, tmp_path, [LISTING, END], CUT)
    for each in OTHERS:
        rows = stored(fresh, each.table)
        assert len(rows) > 3 * len(DAYS), each.name
        if each in CUT:
            assert rows == stored(other, each.table), each.name
        columns = ", ".join(f"count({feature.name})" for feature in features_of(each))
        counts = fetch(fresh, f"SELECT {columns} FROM {each.table}")[0]  # noqa: S608
        names = [feature.name for feature in features_of(each)]
        empty = {name for name, count in zip(names, counts, strict=True) if not count}
        assert (empty == set(names)) if each.name in UNKNOWN else (len(empty) == 0), empty
