"""The whole pipeline over the vendor's API on loopback, and what each kind of trouble comes to."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import numpy as np
import pytest

from quant_platform.defs.tags import FETCH_TAG, UPDATE_TAG
from quant_platform.pipeline.ingest import Fetch
from quant_platform.research.store import open_store
from quant_platform.storage.database import Database
from quant_platform.vendors.polygon.vendor import PolygonVendor
from quant_platform_tests.support.instance_harness import open_instance
from quant_platform_tests.support.lab import failed_steps, failure_text
from quant_platform_tests.support.polygon_server import BASIC, faults
from quant_platform_tests.support.polygon_server.faults import Fault
from quant_platform_tests.support.server import Server
from quant_platform_tests.support.trading import SESSIONS, Trading, evening

FIRST, LAST = SESSIONS[0].isoformat(), SESSIONS[-1].isoformat()
GROUPED = "/v2/aggs/grouped/"

# Facts by the tables' own primary keys, with what the market says of the same bars.
BARS = "SELECT symbol, open_price, high_price, low_price, close_price, volume FROM market_data"


@pytest.fixture
def until() -> Callable[[int], str]:
    """Return a function: number of a session → its ISO date."""
    return lambda number: SESSIONS[number].isoformat()


@pytest.fixture
def filed(database: Database, tmp_path: Path, server: Server, events: str) -> Iterator[Trading]:
    """The same with keys for flat files."""
    name, keys = server.create(events), {"POLYGON_S3_KEY_ID": "test-s3-key"}
    with open_instance(server.url(name), tmp_path / "instance") as instance:
        keys["POLYGON_S3_SECRET"] = "any"
        now = datetime(2025, 4, 1, 12, tzinfo=UTC)
        made = Trading(database, tmp_path, now, instance, **keys)
        yield made
        made.close()
    server.drop(name)


class TestTheWholePipeline:
    def test_every_asset_of_every_session(self, trading: Trading) -> None:
        result = trading.lab.run("daily_update", FIRST, LAST)
        assert result.success, failure_text(result)
        failed = {e.check_name for e in result.get_asset_check_evaluations() if not e.passed}
        # A generated market has illiquid and unlisted names, and little else that is wrong with it.
        assert failed <= {
            *("zero_volume", "absent_securities", "unknown_securities", "bad_prints"),
            "refused_rows",
        }
        # The one row that was refused: a split of another ratio on the same day.
        refused = "SELECT table_name, left(reason, 24) FROM quarantine"
        assert trading.lab.sql(refused) == [("corporate_actions", "conflicts with the ratio")]

        # What is stored is what the market says, bar by bar, and each session was asked for once.
        for session in (SESSIONS[0], SESSIONS[20], SESSIONS[-1]):
            theirs = trading.server.market.bars(session)
            names = ("symbol", "open", "high", "low", "close", "volume")
            expected = sorted(zip(*(getattr(theirs, name).tolist() for name in names), strict=True))
            assert trading.lab.sql(f"{BARS} WHERE date = %s ORDER BY 1", session) == expected
        assert trading.server.counted(GROUPED) == len(SESSIONS)
        assert trading.stored() == [day.isoformat() for day in SESSIONS]
        for asset in ("market_data", "trading_universe", "features", "performance_reports"):
            assert len(trading.lab.materialised(asset)) == len(SESSIONS)

        # The universe is ruled by what was known: 15 at most, and nobody before 9 of 10 sessions.
        sizes = trading.lab.sql("SELECT date, count(*) FROM trading_universe GROUP BY 1 ORDER BY 1")
        assert max(count for _, count in sizes) == 15
        assert sizes[0][0] == SESSIONS[8]
        ((models, days),) = trading.lab.sql(
            "SELECT count(DISTINCT model_id), count(DISTINCT date) FROM model_performance"
        )
        assert (models, days > 0) == (4, True)


def test_flat_files_bring_the_same_market(filed: Trading, until: Callable[[int], str]) -> None:
    assert filed.facts(FIRST, until(24)).success
    assert filed.server.counted(GROUPED) == 0
    for session in (SESSIONS[0], SESSIONS[24]):
        theirs = filed.server.market.bars(session)
        names = ("symbol", "open", "high", "low", "close", "volume")
        expected = sorted(zip(*(getattr(theirs, name).tolist() for name in names), strict=True))
        assert filed.lab.sql(f"{BARS} WHERE date = %s ORDER BY 1", session) == expected
    etags = dict(filed.lab.sql("SELECT date, etag FROM ingestions WHERE etag <> ''"))
    assert len(etags) == 25

    # A file that the vendor replaces has another ETag.
    vendor = filed.lab.vendor
    assert isinstance(vendor, PolygonVendor)
    assert vendor.replaced_files(etags) == []
    symbol = str(filed.server.market.bars(SESSIONS[7]).symbol[0])
    filed.server.market.correct(SESSIONS[7], symbol, volume=1.0)
    assert vendor.replaced_files(etags) == [SESSIONS[7]]
    # A few sessions are asked for as ever.
    assert filed.facts(until(25), until(26)).success
    assert filed.server.counted(GROUPED) == 2


class TestCorrections:
    def test_a_late_correction_changes_today_and_not_what_was_known(
        self, trading: Trading, until: Callable[[int], str]
    ) -> None:
        assert trading.facts(FIRST, until(9)).success
        symbol, close = trading.lab.sql(
            "SELECT symbol, close_price FROM market_data WHERE date = %s AND close_price > 5"
            " ORDER BY symbol LIMIT 1",
            SESSIONS[8],
        )[0]
        before = trading.lab.value("SELECT clock_timestamp()")
        trading.server.market.correct(SESSIONS[8], symbol, close=close + 0.01, high=close + 1)

        # The daily update asks for its last sessions again.
        assert trading.facts(until(7), until(10), {UPDATE_TAG: "again"}).success
        found = "SELECT close_price FROM market_data WHERE date = %s AND symbol = %s"
        assert trading.lab.value(found, SESSIONS[8], symbol) == close + 0.01
        assert trading.lab.value("SELECT count(*) FROM market_data_history") == 1
        # It restates one row; sessions that came back equal were not touched.
        touched = "SELECT count(*) FROM market_data WHERE recorded_at > %s AND date <= %s"
        assert trading.lab.value(touched, before, SESSIONS[9]) == 1

        store = open_store(trading.settings)
        then = store.at(before).table("market_data", until(8), until(8), symbols=symbol)
        now = store.table("market_data", until(8), until(8), symbols=symbol)
        assert then["close_price"].tolist() == [close]
        assert now["close_price"].tolist() == [close + 0.01]
        # What was not yet known then is not there.
        assert store.at(before).table("market_data", until(10), until(10)).empty

    def test_the_same_run_again_asks_for_nothing_twice(
        self, trading: Trading, until: Callable[[int], str]
    ) -> None:
        assert trading.facts(FIRST, until(4), {UPDATE_TAG: "one"}).success
        assert trading.facts(FIRST, until(4), {UPDATE_TAG: "one"}).success
        assert trading.server.counted(GROUPED) == 5
        # A backfill asks for what is missing, another update for everything again.
        assert trading.facts(FIRST, until(6), {FETCH_TAG: Fetch.MISSING.value}).success
        assert trading.server.counted(GROUPED) == 7
        assert trading.facts(FIRST, until(4), {UPDATE_TAG: "two"}).success
        assert trading.server.counted(GROUPED) == 12


def test_the_vendors_adjusted_closes_tell_of_a_split_that_is_missing(
    trading: Trading, until: Callable[[int], str]
) -> None:
    trading.at(evening(SESSIONS[14]))
    assert trading.lab.run("daily_update", FIRST, until(14)).success
    assert trading.lab.failing("vendor_adjusted") == []
    asked = [row for row in trading.server.requests if row.query.get("adjusted") == "true"]
    assert [row.path.rpartition("/")[2] for row in asked] == [FIRST]

    # The vendor learns of a split of three for one; as yet the platform does not know it.
    bars = trading.server.market.bars(SESSIONS[0])
    symbol = str(bars.symbol[np.argmax(bars.close * bars.volume)])
    split = {"ticker": symbol, "execution_date": until(12), "split_from": 1, "split_to": 3}
    trading.server.market.add("splits", {"id": "late", **split})
    assert not trading.lab.check("vendor_adjusted", until(14)).passed
    ((words,),) = trading.lab.sql(
        "SELECT details ->> 'examples' FROM data_quality WHERE check_name = 'vendor_adjusted'"
        " AND date = %s",
        SESSIONS[14],
    )
    close = float(bars.close[bars.symbol == symbol][0])
    assert f"{symbol} of {FIRST}: {close:.6g}, the vendor has {close / 3:.6g}" in words
    # Once it does, both say the same.
    assert trading.lab.run("daily_update", until(12), until(14)).success
    assert trading.lab.failing("vendor_adjusted") == []


class TestRepair:
    def test_a_row_that_the_whole_markets_answer_lost(
        self, trading: Trading, until: Callable[[int], str]
    ) -> None:
        liquid = trading.server.market.bars(SESSIONS[0])
        symbol = str(liquid.symbol[np.argmax(liquid.close * liquid.volume)])
        lost = faults.rows(lambda rows: [row for row in rows if row["T"] != symbol])
        for number in (5, 6):
            trading.server.inject(lost, f"{GROUPED}locale/us/market/stocks/{until(number)}")
        assert trading.facts(FIRST, until(9)).success
        found = (
            "SELECT date::text, open_price, volume, security_id FROM market_data WHERE symbol = %s"
            " AND date BETWEEN %s AND %s ORDER BY 1"
        )
        assert len(trading.lab.sql(found, symbol, SESSIONS[4], SESSIONS[7])) == 2
        others = trading.lab.value("SELECT count(*) FROM market_data")

        result = trading.facts(FIRST, until(9), {FETCH_TAG: Fetch.REPAIR.value})
        assert result.success, failure_text(result)
        rows = trading.lab.sql(found, symbol, SESSIONS[4], SESSIONS[7])
        for (day, open_price, volume, _), number in zip(rows, (4, 5, 6, 7), strict=True):
            theirs = trading.server.market.bars(SESSIONS[number]).row(symbol)
            assert theirs is not None
            assert (day, open_price, volume) == (until(number), theirs["open"], theirs["volume"])
        assert len({security for *_, security in rows}) == 1
        # One request for both days, and no other row was touched.
        assert trading.server.counted(f"/ticker/{symbol}/range/") == 1
        assert trading.lab.value("SELECT count(*) FROM market_data") == others + 2
        assert trading.lab.value("SELECT count(*) FROM market_data_history") == 0

        # Asked again, the vendor still lacks one of them, and has the other one by now.
        trading.server.inject(lost, f"{GROUPED}locale/us/market/stocks/{until(5)}")
        assert trading.facts(FIRST, until(9)).success
        assert trading.lab.sql(found, symbol, SESSIONS[4], SESSIONS[7]) == rows
        sources = (
            "SELECT date::text, source FROM {} WHERE symbol = %s AND date IN (%s, %s) ORDER BY 1"
        )
        assert trading.lab.sql(sources.format("market_data"), symbol, until(5), until(6)) == [
            (until(5), "polygon range"),
            (until(6), "polygon"),
        ]
        superseded = trading.lab.sql(
            sources.format("market_data_history"), symbol, until(5), until(6)
        )
        assert superseded == [(until(6), "polygon range")]
        assert trading.lab.value("SELECT count(*) FROM market_data_history") == 1


TROUBLE: dict[str, tuple[Fault, str]] = {
    "html": (faults.html(200), "web page"),
    "no plan": (faults.not_in_plan(), "plan"),
    "no rows": (faults.no_rows(), "zero rows"),
    "wrong date": (faults.wrong_date(date(2025, 1, 3)), "of another session"),
    "error in body": (faults.error_in_body(), "something went wrong"),
}


class TestTrouble:
    @pytest.mark.parametrize(("fault", "words"), TROUBLE.values(), ids=TROUBLE)
    def test_what_came_before_is_stored_and_the_reason_is_kept(
        self, trading: Trading, until: Callable[[int], str], fault: Fault, words: str
    ) -> None:
        trading.server.inject(fault, f"{GROUPED}locale/us/market/stocks/{until(3)}", faults.FOREVER)
        result = trading.facts(FIRST, until(5))
        assert not result.success
        assert words in failure_text(result)
        assert until(3) in failure_text(result)
        assert trading.stored() == [until(0), until(1), until(2)]
        status, reason = trading.status(SESSIONS[3])
        assert (status, words in reason) == ("failed", True)
        assert "test-key" not in failure_text(result)

        # Once the trouble is over, the same run goes on where it stopped.
        trading.server.faults.clear()
        before = trading.server.counted(GROUPED)
        assert trading.facts(FIRST, until(5), {FETCH_TAG: Fetch.MISSING.value}).success
        assert trading.server.counted(GROUPED) == before + 3
        assert trading.status(SESSIONS[3]) == ("complete", "")

    def test_a_vendor_that_is_away(self, trading: Trading, until: Callable[[int], str]) -> None:
        trading.server.inject(
            faults.error(503), f"{GROUPED}locale/us/market/stocks/{until(2)}", faults.FOREVER
        )
        result = trading.facts(FIRST, until(3))
        assert not result.success
        assert trading.stored() == [until(0), until(1)]
        assert trading.status(SESSIONS[2])[0] == "failed"
        # What is stored was not asked for again by the retries.
        assert trading.server.counted(until(0)) == 1

    def test_a_holiday_that_no_calendar_knows(
        self, trading: Trading, until: Callable[[int], str]
    ) -> None:
        trading.server.market.closed = frozenset({SESSIONS[2]})
        result = trading.facts(FIRST, until(3))
        assert not result.success
        assert "the exchange was closed that day" in failure_text(result)
        assert trading.stored() == [until(0), until(1)]

    def test_half_a_session_is_stored_and_stops_what_follows(
        self, trading: Trading, until: Callable[[int], str]
    ) -> None:
        assert trading.facts(FIRST, until(9)).success
        trading.server.inject(faults.half_the_rows(), until(10))
        result = trading.lab.run("daily_update", until(10))
        assert not result.success
        assert trading.lab.failing("completeness") == [until(10)]
        assert "trading_universe" not in "".join(failed_steps(result))
        assert until(10) not in trading.lab.materialised("trading_universe")
        # Asked for again, it is whole, and the check passes.
        assert trading.facts(until(10), until(10)).success
        assert trading.lab.failing("completeness") == []

    def test_rows_that_are_no_bars_are_set_aside(
        self, trading: Trading, until: Callable[[int], str]
    ) -> None:
        trading.server.inject(faults.huge_prices(2), until(0))
        trading.server.inject(faults.garbled_tickers(1), until(1))
        assert trading.facts(FIRST, until(1)).success
        rows = trading.lab.sql("SELECT date::text, reason FROM quarantine ORDER BY 1, 2")
        assert [day for day, _ in rows] == [until(0), until(0), until(1)]
        assert "market_data_plausible_price" in rows[0][1]
        assert trading.lab.failing("implausible_prices") == [until(0)]
        assert trading.lab.failing("refused_rows") == [until(0), until(1)]


class TestTheDay:
    """The sensor: pending, late, catch-up, corrections."""

    def test_from_the_first_backfill_on(
        self, trading: Trading, until: Callable[[int], str]
    ) -> None:
        assert trading.tick() == (
            "Nothing is stored yet. Begin with: quant-platform backfill --start YYYY-MM-DD"
        )
        trading.pretend(SESSIONS[:10])
        trading.at(evening(SESSIONS[9]))
        assert "are materialised" in str(trading.tick())

        # Closed and not yet published: pending, no run, and an alert once it is late.
        trading.at(evening(SESSIONS[10]))
        trading.server.withhold(SESSIONS[10])
        assert "has not published it yet" in str(trading.tick())
        assert trading.status(SESSIONS[10])[0] == "pending"
        late = "SELECT count(*) FROM alerts WHERE rule = 'session_late'"
        assert trading.lab.value(late) == 0
        trading.at(evening(SESSIONS[10]) + timedelta(days=2))
        assert "has not published it yet" in str(trading.tick())
        assert trading.tick()
        assert trading.lab.value(late) == 1

        # Published: asked for in order with the corrections before it, as far as is published.
        trading.server.publish(SESSIONS[10])
        trading.at(evening(SESSIONS[12]))
        trading.server.withhold(SESSIONS[12])
        request = trading.tick()
        assert isinstance(request, dg.RunRequest), request
        corrections = trading.settings.correction_sessions
        assert request.tags["dagster/asset_partition_range_start"] == until(10 - corrections)
        assert request.tags["dagster/asset_partition_range_end"] == until(11)
        done = trading.facts(until(10 - corrections), until(11), dict(request.tags))
        assert done.success, failure_text(done)
        assert trading.status(SESSIONS[10]) == ("complete", "")
        trading.pretend(SESSIONS[10:12])
        assert "has not published it yet" in str(trading.tick())

    def test_a_vendor_that_cannot_be_asked(
        self, trading: Trading, until: Callable[[int], str]
    ) -> None:
        trading.pretend(SESSIONS[:2])
        trading.at(evening(SESSIONS[2]))
        trading.server.inject(faults.html(502), GROUPED, faults.FOREVER)
        assert "The vendor cannot be asked" in str(trading.tick())


def test_the_free_plan_sees_two_years(trading: Trading) -> None:
    trading.server.plan = BASIC
    trading.at(datetime(2027, 2, 1, 12, tzinfo=UTC))
    result = trading.facts(FIRST, SESSIONS[2].isoformat())
    assert not result.success
    assert "history" in failure_text(result)
    assert trading.status(SESSIONS[0])[0] == "failed"
