"""Pages and reference data: from answers in memory to values."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from quant_platform.errors import (
    BadAnswerError,
    NotFoundError,
)
from quant_platform.vendors.answers import Listing
from quant_platform.vendors.polygon.paging import all_rows, newest, pages
from quant_platform_tests.test_vendors.polygon_stub import (
    KEY,
    Answers,
    bad,
    client_of,
    good,
    vendor_of,
)

DAY = date(2024, 3, 1)
HERE = "https://api.massive.com"

# --- pages ---------------------------------------------------------------------------------------


def test_pages_follow_the_cursor_with_the_key_in_the_header_alone(tmp_path: Path) -> None:
    answers = Answers(
        good(results=[{"a": 1}], next_url=f"{HERE}/v3/x?cursor=one&apiKey={KEY}"),
        good(results=[{"a": 2}], next_url=f"{HERE}:443/v3/x?cursor=two"),
        good(),  # the last page may lack `results`
    )
    client = client_of(tmp_path, answers)
    assert list(pages(client, "/v3/x", {"limit": 1})) == [[{"a": 1}], [{"a": 2}], []]
    urls = [str(request.url) for request in answers.requests]
    assert urls == [
        "https://api.polygon.io/v3/x?limit=1",
        "https://api.polygon.io/v3/x?cursor=one",
        "https://api.polygon.io/v3/x?cursor=two",
    ]
    assert {request.headers["Authorization"] for request in answers.requests} == {f"Bearer {KEY}"}


def test_a_repeated_cursor_is_noticed(tmp_path: Path) -> None:
    answers = Answers(
        good(results=[{}], next_url=f"{HERE}/v3/x?cursor=one"),
        good(results=[{}], next_url=f"{HERE}/v3/x?cursor=two"),
        good(results=[{}], next_url=f"{HERE}/v3/x?cursor=one"),
    )
    with pytest.raises(BadAnswerError, match="round in a circle"):
        all_rows(client_of(tmp_path, answers), "/v3/x")
    assert len(answers.requests) == 3


def test_a_page_that_is_gone_is_not_the_end_of_the_rows(tmp_path: Path) -> None:
    """404 on the first page means that nothing is known; later, that some of it is lost."""
    answers = Answers(
        good(results=[{"a": 1}], next_url=f"{HERE}/v3/x?cursor=one"),
        bad(404, {"status": "NOT_FOUND"}),
    )
    with pytest.raises(BadAnswerError, match="lost page 2 of its answer"):
        all_rows(client_of(tmp_path, answers), "/v3/x")
    with pytest.raises(NotFoundError):
        all_rows(client_of(tmp_path, Answers(bad(404, {"status": "NOT_FOUND"}))), "/v3/x")


def test_pages_have_an_end(tmp_path: Path) -> None:
    def another(request: httpx.Request) -> httpx.Response:
        return good(results=[{}], next_url=f"{HERE}/v3/x?cursor={len(answers.requests)}")

    answers = Answers(another)
    with pytest.raises(BadAnswerError, match="more than 20 pages"):
        list(pages(client_of(tmp_path, answers), "/v3/x", cap=20))
    assert len(answers.requests) == 20


def test_a_foreign_host_gets_nothing(tmp_path: Path) -> None:
    answers = Answers(good(results=[{}], next_url="https://evil.example/v3/x?cursor=one"))
    with pytest.raises(BadAnswerError, match="not on its own host"):
        all_rows(client_of(tmp_path, answers), "/v3/x")
    assert len(answers.requests) == 1


@pytest.mark.parametrize("results", [{}, "rows", 7, [1], [None], [{"a": 1}, "b"]])
def test_results_of_another_shape(tmp_path: Path, results: Any) -> None:
    with pytest.raises(BadAnswerError, match="not a list of objects"):
        all_rows(client_of(tmp_path, Answers(good(results=results))), "/v3/x")


def test_of_repeated_rows_the_one_updated_last_is_kept() -> None:
    rows = [
        {"ticker": "A", "n": 1, "last_updated_utc": "2024-01-02T00:00:00.5Z"},
        {"ticker": "B", "n": 2},
        {"ticker": "A", "n": 3, "last_updated_utc": "2024-01-02T00:00:00Z"},
        {"ticker": "B", "n": 4, "last_updated_utc": "2023-01-01T00:00:00Z"},
        {"ticker": "A", "n": 5},
        {"ticker": "C", "n": 6},
        {"ticker": "C", "n": 7},
    ]
    kept = newest(rows, key=lambda row: row["ticker"])
    assert [row["n"] for row in kept] == [1, 4, 7]


# --- listings ------------------------------------------------------------------------------------

APPLE = {
    "ticker": "AAPL",
    "name": "Apple Inc.",
    "market": "stocks",
    "locale": "us",
    "primary_exchange": "XNAS",
    "type": "CS",
    "active": True,
    "currency_name": "usd",
    "cik": "320193",
    "composite_figi": "BBG000B9XRY4",
    "share_class_figi": "BBG001S5N8V8",
    "last_updated_utc": "2024-03-01T00:00:00Z",
}


def test_listed(tmp_path: Path) -> None:
    sparse = {"ticker": "ZZZ", "name": " ", "cik": None, "composite_figi": ""}
    older = APPLE | {"cik": "1", "last_updated_utc": "2020-03-01T00:00:00Z"}
    answers = Answers(
        good(results=[APPLE, {"name": "no ticker"}], next_url=f"{HERE}/v3/x?cursor=1"),
        good(results=[older, sparse]),
    )
    found = vendor_of(tmp_path, answers).listed(DAY)
    assert found == [
        Listing(
            symbol="AAPL",
            figi="BBG000B9XRY4",
            share_class_figi="BBG001S5N8V8",
            cik="0000320193",
            company_name="Apple Inc.",
            security_type="CS",
            exchange="XNAS",
        ),
        Listing(symbol="ZZZ"),
    ]
    assert answers.paths[0] == "/v3/reference/tickers"
    assert answers.query(0) == {
        "market": "stocks",
        "date": "2024-03-01",
        "active": "true",
        "order": "asc",
        "sort": "ticker",
        "limit": "1000",
    }


def _gone(ticker: str, day: str, **more: Any) -> dict[str, Any]:
    return {"ticker": ticker, "name": ticker, "delisted_utc": f"{day}T05:00:00Z", **more}


def test_delisted_since_ends_when_the_list_is_old_enough(tmp_path: Path) -> None:
    answers = Answers(
        good(
            results=[
                _gone("NEW", "2024-03-04"),
                _gone("B", "2024-03-01"),
                _gone("A", "2024-02-05"),
                _gone("A", "2024-02-05", cik="7", last_updated_utc="2024-02-06T00:00:00Z"),
            ],
            next_url=f"{HERE}/v3/x?cursor=1",
        ),
        good(
            results=[_gone("A", "2024-02-01"), _gone("OLD", "2024-01-31")],
            next_url=f"{HERE}/v3/x?cursor=2",
        ),
    )
    found = vendor_of(tmp_path, answers).listed(DAY, delisted_since=date(2024, 2, 1))
    assert [(one.symbol, one.delisted_on, one.cik) for one in found] == [
        ("B", date(2024, 3, 1), None),
        ("A", date(2024, 2, 5), "0000000007"),
        ("A", date(2024, 2, 1), None),
    ]
    assert len(answers.requests) == 2
    assert answers.query(0)["active"] == "false"
    assert (answers.query(0)["sort"], answers.query(0)["order"]) == ("delisted_utc", "desc")


def test_delisted_since_reads_on_if_the_list_is_not_sorted(tmp_path: Path) -> None:
    answers = Answers(
        good(
            results=[_gone("OLD", "2001-01-31"), _gone("B", "2024-02-20"), {"ticker": "X"}],
            next_url=f"{HERE}/v3/x?cursor=1",
        ),
        good(results=[_gone("C", "2024-02-21")]),
    )
    found = vendor_of(tmp_path, answers).listed(DAY, delisted_since=date(2024, 2, 1))
    assert [one.symbol for one in found] == ["B", "C"]


def test_details(tmp_path: Path) -> None:
    more = {
        "sic_description": "ELECTRONIC COMPUTERS",
        "list_date": "1980-12-12",
        "ticker": "BRK/A",
        "delisted_utc": "2030-01-01T00:00:00Z",
    }
    answers = Answers(good(results=APPLE | more))
    found = vendor_of(tmp_path, answers).details("BRK/A", DAY)
    assert found is not None
    assert (found.sector, found.list_date, found.delisted_on) == (
        "ELECTRONIC COMPUTERS",
        date(1980, 12, 12),
        date(2030, 1, 1),
    )
    assert answers.requests[0].url.raw_path == (b"/v3/reference/tickers/BRK%2FA?date=2024-03-01")


def test_details_of_an_unknown_ticker_are_none(tmp_path: Path) -> None:
    answers = Answers(bad(404, {"status": "NOT_FOUND", "message": "Ticker not found."}))
    assert vendor_of(tmp_path, answers).details("NOPE", DAY) is None


@pytest.mark.parametrize("results", [None, [], APPLE | {"ticker": "MSFT"}, {}])
def test_details_of_something_else_are_refused(tmp_path: Path, results: Any) -> None:
    with pytest.raises(BadAnswerError, match="not about AAPL"):
        vendor_of(tmp_path, Answers(good(results=results))).details("AAPL", DAY)


def test_ticker_changes(tmp_path: Path) -> None:
    events = [
        {"type": "ticker_change", "date": "2022-06-09", "ticker_change": {"ticker": "META"}},
        {"type": "ticker_change", "date": "2012-05-18", "ticker_change": {"ticker": "FB"}},
        {"type": "ticker_change", "date": "2012-05-18", "ticker_change": {"ticker": "FB"}},
        {"type": "ticker_change", "date": "soon", "ticker_change": {"ticker": "X"}},
        {"type": "ticker_change", "date": "2023-01-01"},
        {"type": "other", "date": "2023-01-01", "ticker_change": []},
        None,
    ]
    answers = Answers(good(results={"name": "Meta Platforms", "events": events}))
    found = vendor_of(tmp_path, answers).ticker_changes("BBG000MM2P62")
    assert found == [(date(2012, 5, 18), "FB"), (date(2022, 6, 9), "META")]
    assert answers.paths == ["/vX/reference/tickers/BBG000MM2P62/events"]
    assert answers.query() == {"types": "ticker_change"}


@pytest.mark.parametrize("results", [None, [], {}, {"events": None}, {"events": {}}])
def test_no_ticker_changes(tmp_path: Path, results: Any) -> None:
    assert vendor_of(tmp_path, Answers(good(results=results))).ticker_changes("X") == []
    missing = Answers(bad(404, {"status": "NOT_FOUND"}))
    assert vendor_of(tmp_path, missing).ticker_changes("X") == []


def test_securities_are_those_listed_today(tmp_path: Path) -> None:
    answers = Answers(good(results=[APPLE]))
    found = vendor_of(tmp_path, answers).securities()
    assert answers.query()["date"] == "2024-03-15"
    assert found["symbol"].tolist() == ["AAPL"]
    assert found["company_name"].tolist() == ["Apple Inc."]
    assert found["listing_date"].isna().all()
    assert found.dtypes.astype("str").tolist() == ["str", "str", "str", "datetime64[s]"]


def test_exchanges(tmp_path: Path) -> None:
    rows = [{"id": 10, "name": "NYSE", "mic": "XNYS", "type": "exchange", "acronym": None}]
    found = vendor_of(tmp_path, Answers(good(results=rows))).exchanges()
    assert found[["mic", "name", "exchange_type"]].to_numpy().tolist() == [
        ["XNYS", "NYSE", "exchange"]
    ]
    assert found["acronym"].isna().all()


def test_market_status(tmp_path: Path) -> None:
    coming = [
        {"date": "2024-07-04", "exchange": "NYSE", "name": "Independence Day", "status": "closed"},
        {"date": "2024-07-04", "exchange": "OTC", "name": "Independence Day", "status": "closed"},
        {
            "date": "2024-07-03",
            "exchange": "NYSE",
            "name": "Independence Day",
            "status": "early-close",
            "open": "2024-07-03T13:30:00.000Z",
            "close": "2024-07-03T17:00:00.000Z",
        },
        {"date": "sometime", "exchange": "NYSE", "status": "closed"},
        None,
    ]
    answers = Answers(
        good({"market": "extended-hours", "serverTime": "2024-03-15T10:00:00-04:00"}),
        good(coming),
    )
    found = vendor_of(tmp_path, answers).market_status()
    assert found.market == "extended-hours"
    assert found.server_time == datetime(2024, 3, 15, 14, 0, tzinfo=UTC)
    (holiday,) = found.closures()
    assert (holiday.date, holiday.name) == (date(2024, 7, 4), "Independence Day")
    (eve,) = found.early_closes()
    assert (eve.date, eve.closes) == (
        date(2024, 7, 3),
        datetime(2024, 7, 3, 17, 0, tzinfo=UTC),
    )
    assert found.closures("NASDAQ") == ()
    with pytest.raises(BadAnswerError, match="no list"):
        vendor_of(tmp_path, Answers(good({}), good({}))).market_status()


@pytest.mark.parametrize(
    ("market", "trading"),
    [("open", True), ("extended-hours", True), ("closed", False), ("", False)],
)
def test_whether_the_market_is_trading(tmp_path: Path, market: str, trading: bool) -> None:
    answers = Answers(good({"market": market}), good([]))
    assert vendor_of(tmp_path, answers).market_status().is_trading is trading
