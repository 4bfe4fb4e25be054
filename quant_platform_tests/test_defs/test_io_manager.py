"""The IO manager in real runs of small assets: what it writes, what it reads, what it refuses."""

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from quant_platform.defs.assets.common import RETRIES
from quant_platform.defs.io_manager import PostgresIOManager
from quant_platform.defs.partitions import lookback, previous_session, session_partitions
from quant_platform.market.facts import complete
from quant_platform_tests.support.lab import (
    RANGE_END,
    RANGE_START,
    SILENT,
    Lab,
    MakeLab,
    WindowVendor,
    failure_text,
    iso,
)

# Two trading weeks of 2012 with Independence Day (a Wednesday) in them.
FIRST, LAST = "2012-06-29", "2012-07-12"
SESSIONS = [
    "2012-06-29",
    "2012-07-02",
    "2012-07-03",
    "2012-07-05",
    "2012-07-06",
    "2012-07-09",
    "2012-07-10",
    "2012-07-11",
    "2012-07-12",
]

Source = Callable[[list[str]], pd.DataFrame]


def bars(sessions: list[str], close: float = 10.0, symbols: str = "AAA BBB") -> pd.DataFrame:
    """Valid rows of `market_data`: flat bars at `close`."""
    rows = [(session, symbol) for session in sessions for symbol in symbols.split()]
    frame = pd.DataFrame(rows, columns=["date", "symbol"]).astype({"symbol": "str"})
    frame["date"] = pd.to_datetime(frame["date"]).astype("datetime64[s]")
    for name in ("open_price", "high_price", "low_price", "close_price"):
        frame[name] = close
    return complete(frame.assign(volume=100.0, source="test"), frame["symbol"].tolist())


class Bench:
    """An asset `bars` whose rows the test chooses, and an asset that looks back on it."""

    def __init__(self, lab: Lab, mapping: dg.PartitionMapping | None = None) -> None:
        self.lab = lab
        self.calls = 0
        self.source: Source = bars
        self.read: pd.DataFrame | None = None
        vendor, calendar = lab.vendor, lab.platform.calendar
        partitions = session_partitions(calendar, vendor.first_session, vendor.last_session)
        options: Mapping[str, Any] = {
            "partitions_def": partitions,
            "backfill_policy": dg.BackfillPolicy.single_run(),
            "retry_policy": dg.RetryPolicy(max_retries=RETRIES.max_retries, delay=0),
        }

        @dg.asset(metadata={"table": "market_data", "dense": True}, **options)
        def stored(context: dg.AssetExecutionContext) -> pd.DataFrame:
            self.calls += 1
            return self.source(list(context.partition_keys))

        @dg.asset(
            ins={
                "past": dg.AssetIn(
                    "stored",
                    partition_mapping=mapping,
                    metadata={"columns": ["date", "symbol", "close_price"]},
                )
            },
            io_manager_key="nowhere",
            **options,
        )
        def seen(past: pd.DataFrame) -> None:
            self.read = past

        self.assets = [stored, seen]
        self.resources = {
            "io_manager": PostgresIOManager(lab.platform),
            "nowhere": dg.mem_io_manager,
        }

    def run(self, asset: str, first: str, last: str | None = None) -> dg.ExecuteInProcessResult:
        return dg.materialize(
            self.assets,
            selection=[asset],
            instance=self.lab.instance,
            resources=self.resources,
            run_config=SILENT,
            raise_on_error=False,
            partition_key=first if last is None else None,
            tags={RANGE_START: first, RANGE_END: last} if last else {},
        )

    def stored(self) -> list[tuple[str, str, float]]:
        return self.lab.sql("SELECT date::text, symbol, close_price FROM market_data ORDER BY 1, 2")

    def dates_read(self) -> list[str]:
        assert self.read is not None
        return iso(self.read["date"].unique())


@pytest.fixture
def bench(make_lab: MakeLab) -> Bench:
    return Bench(make_lab(WindowVendor(FIRST, LAST)), lookback(3))


def rows(sessions: list[str], close: float = 10.0) -> list[tuple[str, str, float]]:
    return [(session, symbol, close) for session in sessions for symbol in ("AAA", "BBB")]


def test_a_single_partition_is_stored_and_replaced_alone(bench: Bench) -> None:
    assert bench.run("stored", FIRST, LAST).success
    bench.source = lambda keys: bars(keys, close=11.0)
    assert bench.run("stored", "2012-07-05").success
    assert bench.stored() == [
        *rows(SESSIONS[:3]),
        *rows(["2012-07-05"], 11.0),
        *rows(SESSIONS[4:]),
    ]


def test_a_range_replaces_its_sessions_and_no_other(bench: Bench) -> None:
    assert bench.run("stored", FIRST, LAST).success
    bench.source = lambda keys: bars(keys, close=12.0)
    assert bench.run("stored", "2012-07-03", "2012-07-09").success
    assert bench.stored() == [
        *rows(SESSIONS[:2]),
        *rows(SESSIONS[2:6], 12.0),
        *rows(SESSIONS[6:]),
    ]
    superseded = bench.lab.sql(
        "SELECT DISTINCT date::text, close_price FROM market_data_history ORDER BY 1"
    )
    assert superseded == [(session, 10.0) for session in SESSIONS[2:6]]


def test_an_empty_frame_empties_its_sessions(bench: Bench) -> None:
    bench.run("stored", FIRST, LAST)
    bench.source = lambda keys: bars(keys).iloc[:0]
    assert bench.run("stored", "2012-07-06", "2012-07-12").success
    assert bench.stored() == rows(SESSIONS[:4])


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        # Three sessions back over the closure and the weekend.
        ("2012-07-09", None, ["2012-07-05", "2012-07-06", "2012-07-09"]),
        ("2012-07-05", None, ["2012-07-02", "2012-07-03", "2012-07-05"]),
        ("2012-07-05", "2012-07-06", SESSIONS[1:5]),
        # At the start of history there is less to look back on.
        ("2012-07-02", None, SESSIONS[:2]),
    ],
)
def test_exactly_the_mapped_sessions_are_read(
    bench: Bench, first: str, last: str | None, expected: list[str]
) -> None:
    assert bench.run("stored", FIRST, LAST).success
    assert bench.run("seen", first, last).success
    assert bench.dates_read() == expected
    assert bench.read is not None
    assert list(bench.read.columns) == ["date", "symbol", "close_price"]
    assert len(bench.read) == 2 * len(expected)


def test_the_first_session_has_nothing_before_it(make_lab: MakeLab) -> None:
    bench = Bench(make_lab(WindowVendor(FIRST, LAST)), previous_session())
    bench.run("stored", FIRST, LAST)
    result = bench.run("seen", FIRST)
    assert result.success, failure_text(result)
    assert bench.read is not None
    assert bench.read.empty
    assert list(bench.read.columns) == ["date", "symbol", "close_price"]
    assert bench.read["close_price"].dtype == np.float64
    assert bench.read["date"].dtype.kind == "M"


def test_a_hole_in_the_past_is_refused_and_named(bench: Bench) -> None:
    bench.run("stored", FIRST, LAST)
    bench.lab.sql("DELETE FROM market_data WHERE date IN ('2012-07-03', '2012-07-05')")
    result = bench.run("seen", "2012-07-06")
    assert not result.success
    assert bench.read is None
    assert "lacks 2 of the sessions looked back on" in failure_text(result)
    assert "--start 2012-07-03 --end 2012-07-05" in failure_text(result)


def test_nothing_to_look_back_on_is_a_hole(bench: Bench) -> None:
    """An empty table, and one that begins after the session: no rows would be a green nothing."""
    for stored in ((), ("2012-07-09", LAST)):
        if stored:
            bench.run("stored", *stored)
        result = bench.run("seen", "2012-07-06")
        assert not result.success
        assert "--end 2012-07-06" in failure_text(result)


def test_history_may_begin_late(bench: Bench) -> None:
    bench.run("stored", "2012-07-05", LAST)
    assert bench.run("seen", "2012-07-06").success
    assert bench.dates_read() == ["2012-07-05", "2012-07-06"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (lambda keys: bars([*keys, "2012-07-10"]), "rows outside its sessions"),
        # The day of a closure between two sessions of the run is foreign too.
        (lambda keys: bars([*keys, "2012-07-04"]), "rows outside its sessions"),
        (lambda keys: bars(keys).drop(columns="volume"), "lacks volume"),
        (lambda keys: bars(keys).assign(mood="good"), "has the unknown mood"),
        (lambda keys: bars(keys).assign(volume="many"), "is not double"),
        (lambda keys: bars(keys).assign(low_price=99.0), "breaks "),
        (lambda keys: bars(keys).assign(close_price=np.nan), "close_price"),
        (lambda keys: pd.concat([bars(keys), bars(keys)]), "the key occurs more than once"),
    ],
)
def test_a_frame_that_breaks_the_contract_stops_the_step_at_once(
    bench: Bench, source: Source, said: str
) -> None:
    bench.run("stored", FIRST, "2012-07-05")
    before, bench.calls, bench.source = bench.stored(), 0, source
    result = bench.run("stored", "2012-07-03", "2012-07-06")
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert failure.step_failure_data.user_failure_data is not None
    assert said in (failure.step_failure_data.user_failure_data.description or "")
    assert bench.calls == 1, "a broken contract must not be tried again"
    assert bench.stored() == before
    assert not result.get_asset_materialization_events()


def test_what_may_pass_is_tried_again(bench: Bench) -> None:
    def away(keys: list[str]) -> pd.DataFrame:
        if bench.calls < 3:
            raise ConnectionError("away")
        return bars(keys)

    bench.source = away
    assert bench.run("stored", "2012-07-05").success
    assert bench.calls == 3


def test_each_session_reports_its_own_rows(bench: Bench) -> None:
    bench.source = lambda keys: pd.concat(
        [bars(["2012-07-03"]), bars(["2012-07-06"], symbols="AAA")]
    )
    result = bench.run("stored", "2012-07-03", "2012-07-06")
    counts = {
        event.partition: event.materialization.metadata["dagster/partition_row_count"].value
        for event in result.get_asset_materialization_events()
    }
    assert counts == {"2012-07-03": 2, "2012-07-05": 0, "2012-07-06": 1}


def test_totals_tell_new_from_unchanged_and_superseded(bench: Bench) -> None:
    def totals() -> list[int]:
        (event,) = bench.run("stored", "2012-07-05").get_asset_materialization_events()
        metadata = event.materialization.metadata
        names = ("rows in run", "rows new", "rows unchanged", "rows superseded")
        return [int(str(metadata[name].value)) for name in names]

    assert totals() == [2, 2, 0, 0]
    assert totals() == [2, 0, 2, 0]
    bench.source = lambda keys: pd.concat([bars(keys, 10.0, "AAA"), bars(keys, 11.0, "BBB")])
    assert totals() == [2, 1, 1, 1]


def test_the_newest_session_describes_the_columns(bench: Bench) -> None:
    events = bench.run("stored", "2012-07-03", "2012-07-06").get_asset_materialization_events()
    schemas = {
        event.partition: event.materialization.metadata.get("dagster/column_schema")
        for event in events
    }
    assert schemas["2012-07-03"] is None
    newest = schemas["2012-07-06"]
    assert isinstance(newest, dg.TableSchemaMetadataValue)
    columns = {column.name: column for column in newest.schema.columns}
    # As sql/migrations/0001_tables.sql declares them.
    assert columns["open_price"].type == "double precision"
    assert columns["open_price"].description == "First trade, in currency per share, not adjusted."
    assert not columns["open_price"].constraints.nullable
    assert columns["vendor_adjusted_close"].constraints.nullable
    assert set(columns) == set(bars(FIRST.split()).columns) | {"recorded_at"}
    assert all(column.description for column in columns.values())
    preview = events[-1].materialization.metadata["preview"].value
    assert "2012-07-06 | AAA | 10 |" in str(preview)


def test_assets_of_one_table_write_and_read_their_own_part(lab: Lab) -> None:
    def count(model: str) -> int:
        return int(
            lab.value(
                "SELECT count(*) FROM signals s JOIN models m ON m.id = s.model_id"
                " WHERE model_name = %s",
                model,
            )
        )

    before = count("buy_and_hold")
    lab.sql("DELETE FROM signals")
    result = lab.run(
        "signals_stage", "2000-05-10", assets=[dg.AssetKey(["signals", "buy_and_hold"])]
    )
    assert result.success, failure_text(result)
    assert count("buy_and_hold") == 3
    assert before == 3 * 106
    assert count("mean_reversion") == 0
