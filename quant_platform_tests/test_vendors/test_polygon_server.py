"""The vendor against the server of `polygon_server`: real sockets, real faults, real processes."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quant_platform.errors import (
    BadAnswerError,
    HistoryError,
    KeyRefusedError,
    NotPublishedError,
    PlanError,
    RateLimitError,
    VendorDownError,
    VendorError,
)
from quant_platform.settings import Secret
from quant_platform.vendors.polygon import PolygonVendor
from quant_platform.vendors.polygon.clock import Clock
from quant_platform.vendors.polygon.settings import PolygonSettings
from quant_platform.vendors.polygon.transport import Patience, Timeouts
from quant_platform.vendors.sample import SampleVendor
from quant_platform_tests.support.polygon_server import (
    ADVANCED,
    BASIC,
    PolygonServer,
    ServedMarket,
    faults,
)
from quant_platform_tests.test_vendors.polygon_stub import FakeClock

NOW = datetime(2013, 3, 4, 14, 0, tzinfo=UTC)
"""The Monday after the sample's last session."""

WEEK = [date(2004, 11, day) for day in (8, 9, 10, 11, 12, 15)]
"""Google's bars have begun, Microsoft's special dividend is on the last of these days."""


@pytest.fixture(scope="module")
def market() -> ServedMarket:
    return ServedMarket.sample()


@pytest.fixture
def server(market: ServedMarket) -> Iterator[PolygonServer]:
    with PolygonServer(market, clock=lambda: NOW) as server:
        yield server


def vendor_at(server: PolygonServer, folder: Path, **changes: Any) -> PolygonVendor:
    # One thread's sleep moves this clock for all, so it must not end another one's request.
    options: dict[str, Any] = {"clock": FakeClock(NOW), "timeouts": Timeouts(total=1e9)} | {
        name: changes.pop(name)
        for name in ("clock", "timeouts", "patience", "window")
        if name in changes
    }
    defaults: dict[str, Any] = {
        "key": Secret("test-key"),
        "base_url": server.url,
        "calls_per_minute": 0,
    }
    return PolygonVendor(PolygonSettings(**(defaults | changes)), folder, **options)


# --- the right answers ---------------------------------------------------------------------------


def test_sessions_equal_the_sample(server: PolygonServer, tmp_path: Path) -> None:
    answers = list(vendor_at(server, tmp_path).stream(WEEK))
    assert [answer.session for answer in answers] == WEEK
    assert all(answer.refused.empty for answer in answers)
    ours = pd.concat([answer.bars for answer in answers])
    ours = ours.sort_values(["date", "symbol"], ignore_index=True)
    theirs = SampleVendor().bars(WEEK[0], WEEK[-1])
    assert ours["symbol"].tolist() == theirs["symbol"].tolist()
    assert (ours["date"] == theirs["date"]).all()
    for name in ("open_price", "high_price", "low_price", "close_price", "volume"):
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-9)


def test_a_range_equals_the_sessions(server: PolygonServer, tmp_path: Path) -> None:
    vendor = vendor_at(server, tmp_path)
    found = vendor.bars_of("GOOG", date(2004, 11, 1), date(2004, 11, 30)).bars
    sample = SampleVendor().bars(date(2004, 11, 1), date(2004, 11, 30))
    theirs = sample[sample["symbol"] == "GOOG"]
    assert found["date"].tolist() == theirs["date"].tolist()
    np.testing.assert_allclose(found["close_price"], theirs["close_price"], rtol=1e-9)


def test_actions_equal_the_sample(server: PolygonServer, tmp_path: Path) -> None:
    vendor = vendor_at(server, tmp_path)
    whole = (SampleVendor.first_session, date(2013, 3, 1))
    names = ["date", "symbol", "action_type", "split_ratio", "cash_amount"]
    theirs = SampleVendor().actions(*whole)[names]
    for source in ("/stocks/v1/", "/v3/reference/"):
        ours = vendor.actions(*whole)
        assert set(ours["source"].str.startswith(f"polygon {source}")) == {True}
        ours = ours[names].sort_values(["date", "symbol", "action_type"], ignore_index=True)
        pd.testing.assert_frame_equal(ours, theirs, check_dtype=False)
        server.inject(faults.not_in_plan(), "/stocks/v1/", times=faults.FOREVER)


def test_reference(server: PolygonServer, tmp_path: Path) -> None:
    vendor = vendor_at(server, tmp_path)
    assert [one.symbol for one in vendor.listed(date(2004, 8, 18))] == ["AAPL", "IBM", "MSFT"]
    assert [one.symbol for one in vendor.listed(date(2012, 5, 18))] == [
        "AAPL",
        "FB",
        "GOOG",
        "IBM",
        "MSFT",
    ]
    found = vendor.details("AAPL", date(2005, 1, 3))
    assert found is not None
    assert (found.figi, found.cik, found.exchange) == ("BBG000B9XRY4", "0000320193", "XNAS")
    assert vendor.details("FB", date(2005, 1, 3)) is None
    assert "XNYS" in vendor.exchanges()["mic"].tolist()
    assert vendor.market_status().server_time == NOW
    assert vendor.is_published(WEEK[0])
    assert vendor.news(WEEK[0], WEEK[1]).empty
    assert vendor.economy("inflation", WEEK[0], WEEK[1]).empty


def renamed() -> ServedMarket:
    """META was a fund until February 2022; FB took the ticker in June of that year."""
    bars = [
        {"date": day, "symbol": symbol, "open": 1, "high": 1, "low": 1, "close": 1, "volume": 9}
        for day, symbol in (("2022-01-14", "META"), ("2022-06-08", "FB"), ("2022-06-09", "META"))
    ]
    listings = [
        {"symbol": "META", "from": "2021-06-30", "to": "2022-01-31", "figi": "BBG011111111"}
        | {"delisted": "2022-02-01"},
        {"symbol": "FB", "from": "2012-05-18", "to": "2022-06-08", "figi": "BBG000MM2P62"},
        {"symbol": "META", "from": "2022-06-09", "figi": "BBG000MM2P62"},
    ]
    news = [
        {
            "id": "n1",
            "publisher": {"name": "The Wire"},
            "published_utc": "2022-06-09T12:00:00Z",
            "article_url": "https://wire.example/1",
            "tickers": ["META"],
            "insights": [{"ticker": "META", "sentiment": "positive"}],
        }
    ]
    yields = [{"date": "2022-06-08", "yield_3_month": 1.29}]
    return ServedMarket.from_frames(bars, listings, news=news, treasury_yields=yields)


def test_a_reused_ticker(tmp_path: Path) -> None:
    with PolygonServer(renamed(), clock=lambda: datetime(2022, 6, 13, tzinfo=UTC)) as server:
        vendor = vendor_at(server, tmp_path)
        before = vendor.details("META", date(2022, 1, 14))
        after = vendor.details("META", date(2022, 6, 9))
        assert before is not None
        assert after is not None
        assert (before.figi, after.figi) == ("BBG011111111", "BBG000MM2P62")
        assert vendor.ticker_changes("BBG000MM2P62")[-1] == (date(2022, 6, 9), "META")
        gone = vendor.listed(date(2022, 6, 9), delisted_since=date(2022, 1, 1))
        assert ("META", date(2022, 2, 1)) in {(one.symbol, one.delisted_on) for one in gone}
        assert vendor.news(date(2022, 6, 9), date(2022, 6, 9))["sentiment"].tolist() == [1.0]
        rates = vendor.economy("treasury_yields", date(2022, 6, 1), date(2022, 6, 30))
        assert rates["yield_3_month"].tolist() == [1.29]


def test_a_whole_market_and_its_pages(tmp_path: Path) -> None:
    sessions = [date(2024, 3, day) for day in (11, 12, 13, 14)]
    market = ServedMarket.synthetic(3_000, sessions)
    with PolygonServer(market, clock=lambda: datetime(2024, 3, 15, 14, tzinfo=UTC)) as server:
        clock = FakeClock(datetime(2024, 3, 15, 14, tzinfo=UTC))
        vendor = vendor_at(server, tmp_path, clock=clock)
        rows = [len(answer.bars) for answer in vendor.stream(sessions)]
        assert min(rows) > 2_000
        listed = vendor.listed(sessions[-1])
        assert len({one.symbol for one in listed}) == len(listed) > 2_000
        assert server.counted("/v3/reference/tickers") >= 3


# --- the faults ----------------------------------------------------------------------------------

PASSING = {
    "429": faults.too_many(),
    "429 that says when": faults.too_many(3),
    "500": faults.error(500),
    "502 in HTML": faults.html(502),
    "503 without a body": faults.empty_body(503),
    "504 in HTML": faults.html(504),
    "cut off": faults.truncated(0.5),
    "dropped": faults.dropped(),
    "dropped after the headers": faults.dropped(after_headers=True),
    "broken gzip": faults.broken_gzip(),
}


@pytest.mark.parametrize("name", PASSING)
def test_a_fault_that_passes_is_not_seen(server: PolygonServer, tmp_path: Path, name: str) -> None:
    injected = server.inject(PASSING[name], "/grouped/", times=2, skip=1)
    answers = list(vendor_at(server, tmp_path).stream(WEEK))
    assert [answer.session for answer in answers] == WEEK
    assert injected.applied == 2
    assert server.counted("/grouped/") == len(WEEK) + 2


STAYING: dict[str, tuple[faults.Fault, type[VendorError], str]] = {
    "429": (faults.too_many(), RateLimitError, "refuses more requests"),
    "500": (faults.error(500), VendorDownError, "tried 6 times"),
    "dropped": (faults.dropped(), VendorDownError, "cannot be reached"),
    "cut off": (faults.truncated(), VendorDownError, "cannot be reached"),
    "HTML": (faults.html(200), BadAnswerError, "web page"),
    "error in the body": (faults.error_in_body(), BadAnswerError, "something went wrong"),
    "not in plan": (faults.not_in_plan(), PlanError, "does not include"),
    "not published": (faults.not_published(), NotPublishedError, "not published"),
    "no rows": (faults.no_rows(), BadAnswerError, "zero rows"),
    "wrong date": (faults.wrong_date(WEEK[0]), BadAnswerError, "of another session"),
}


@pytest.mark.parametrize("name", STAYING)
def test_a_fault_that_stays_comes_in_its_turn(
    server: PolygonServer, tmp_path: Path, name: str
) -> None:
    fault, kind, said = STAYING[name]
    server.inject(fault, str(WEEK[2]), times=faults.FOREVER)
    stream = vendor_at(server, tmp_path).stream(WEEK)
    assert [next(stream).session for _ in range(2)] == WEEK[:2]
    with pytest.raises(kind, match=said) as caught:
        next(stream)
    assert "test-key" not in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "bars", "refused"),
    [
        (faults.duplicate_rows(2), 4, 2),
        (faults.huge_prices(1), 4, 0),
        (faults.delayed(), 4, 0),
        (faults.without("vw", "n"), 4, 0),
        (faults.without("T", number=1), 3, 1),
        (faults.without("c", number=2), 2, 2),
        (faults.garbled_tickers(3), 1, 3),
    ],
)
def test_odd_rows(
    server: PolygonServer, tmp_path: Path, fault: faults.Fault, bars: int, refused: int
) -> None:
    server.inject(fault, "/grouped/")
    (answer,) = vendor_at(server, tmp_path).stream(WEEK[:1])
    assert (len(answer.bars), len(answer.refused)) == (bars, refused)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (faults.repeated_cursor(), "round in a circle"),
        (faults.endless_pages(), "more than 500 pages"),
    ],
)
def test_pages_that_never_end(
    server: PolygonServer, tmp_path: Path, fault: faults.Fault, said: str
) -> None:
    server.inject(fault, "/v3/reference/tickers", times=faults.FOREVER)
    with pytest.raises(BadAnswerError, match=said):
        vendor_at(server, tmp_path).listed(WEEK[0])


def test_a_page_on_a_foreign_host(tmp_path: Path) -> None:
    sessions = [date(2024, 3, 14)]
    with PolygonServer(
        ServedMarket.synthetic(1_500, sessions), next_base="https://evil.example"
    ) as far:
        vendor = vendor_at(far, tmp_path, clock=Clock())
        with pytest.raises(BadAnswerError, match="not on its own host"):
            vendor.listed(sessions[0])
    with PolygonServer(
        ServedMarket.synthetic(1_500, sessions), next_base="https://api.massive.com"
    ) as near:
        assert len(vendor_at(near, tmp_path, clock=Clock()).listed(sessions[0])) > 1_000


def test_a_slow_body_is_left_and_asked_for_again(server: PolygonServer, tmp_path: Path) -> None:
    class Now(Clock):
        def wall(self) -> datetime:
            return NOW

    server.inject(faults.slow(3.0, chunks=60), "/grouped/")
    vendor = vendor_at(
        server,
        tmp_path,
        clock=Now(),
        timeouts=Timeouts(total=0.5),
        patience=Patience(attempts=2, first=0.01),
    )
    assert [answer.session for answer in vendor.stream(WEEK[:1])] == WEEK[:1]
    server.inject(faults.late(1.0), "/grouped/")
    vendor = vendor_at(
        server,
        tmp_path,
        clock=Now(),
        timeouts=Timeouts(read=0.2),
        patience=Patience(attempts=2, first=0.01),
    )
    assert [answer.session for answer in vendor.stream(WEEK[:1])] == WEEK[:1]


def test_a_wrong_key(server: PolygonServer, tmp_path: Path) -> None:
    with pytest.raises(KeyRefusedError, match="does not know the API key"):
        vendor_at(server, tmp_path, key=Secret("another")).is_published(WEEK[0])


# --- the plans -----------------------------------------------------------------------------------


def test_the_free_plan(market: ServedMarket, tmp_path: Path) -> None:
    unlimited = replace(BASIC, calls=None)
    friday, monday = date(2013, 3, 1), date(2013, 3, 4)
    with PolygonServer(market, plan=unlimited, clock=lambda: NOW) as server:
        vendor = vendor_at(server, tmp_path)
        assert next(vendor.stream([friday])).bars["symbol"].tolist()
        with pytest.raises(HistoryError):
            next(vendor.stream([date(2010, 3, 1)]))
        assert not vendor.is_published(monday)
        found = vendor.probe()
        assert (found.grouped_daily, found.flat_files) == (True, False)
        assert found.history_from is not None
        assert abs((found.history_from - date(2011, 3, 11)).days) <= 1
        server.withhold(friday)
        with pytest.raises(NotPublishedError):
            next(vendor.stream([friday]))


@pytest.mark.parametrize("clips", [True, False])
def test_a_range_that_begins_before_the_plans_history(
    market: ServedMarket, tmp_path: Path, clips: bool
) -> None:
    plan = replace(ADVANCED, history_years=2, clips_history=clips)
    with PolygonServer(market, plan=plan, clock=lambda: NOW) as server:
        vendor = vendor_at(server, tmp_path)
        whole = ("IBM", date(2009, 3, 2), date(2013, 3, 1))
        if clips:
            # 4 March 2011 is the first session of the two years before 4 March 2013.
            assert vendor.bars_of(*whole).missing == (date(2009, 3, 2), date(2011, 3, 3))
        else:
            with pytest.raises(HistoryError):
                vendor.bars_of(*whole)


FETCH = """
import sys
from datetime import date, timedelta
from pathlib import Path
from quant_platform.settings import Secret
from quant_platform.vendors.polygon.settings import PolygonSettings
from quant_platform.vendors.polygon import PolygonVendor
url, folder, first, number = sys.argv[1:]
settings = PolygonSettings(key=Secret("test-key"), base_url=url, calls_per_minute=5)
vendor = PolygonVendor(settings, Path(folder), window=1.0)
day, sessions = date.fromisoformat(first), []
while len(sessions) < int(number):
    if day.weekday() < 5:
        sessions.append(day)
    day += timedelta(days=1)
print("ready", flush=True)
sys.stdin.readline()
for answer in vendor.stream(sessions):
    assert len(answer.bars) == 5
"""


@pytest.mark.services
def test_two_processes_keep_to_the_free_plan_and_lose_no_time(
    market: ServedMarket, tmp_path: Path
) -> None:
    """Five requests in any window, counted by the server; a window takes a second here."""
    plan = replace(ADVANCED, calls=5, window=1.0)
    with PolygonServer(market, plan=plan, clock=lambda: NOW) as server:
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", FETCH, server.url, str(tmp_path), first, "14"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for first in ("2012-07-09", "2012-09-10")
        ]
        for process in processes:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            _, errors = process.communicate(timeout=120)
            assert (process.returncode, errors) == (0, "")
        assert server.counted("/grouped/") == 28
        assert server.counted(status=429) == 0
        assert server.most_in_window(1.0) == 5
        times = [request.at for request in server.requests]
        # 28 requests are 5 full windows and 3 requests; the rest is a busy machine.
        assert times[-1] - times[0] < 3 * 5 * 1.0
