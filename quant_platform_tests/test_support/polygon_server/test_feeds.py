"""News, the economy's figures and the market's status."""

from datetime import UTC, date, datetime, time

import httpx
import pytest

from quant_platform_tests.support.polygon_server import ServedMarket, SetClock
from quant_platform_tests.test_support.polygon_server.conftest import TUESDAY, Connect, bar, rows


def article(name: str, published: str, *tickers: str) -> dict:
    return {"id": name, "published_utc": published, "tickers": list(tickers), "title": name}


@pytest.fixture
def client(connect: Connect) -> httpx.Client:
    market = ServedMarket.from_frames(
        [bar(TUESDAY, "ACME", 100.0)],
        news=[
            article("a", "2020-10-13T12:00:00Z", "ACME", "NEW"),
            article("b", "2020-10-14T20:00:00Z", "ACME"),
            article("c", "2020-10-15T01:00:00Z", "KIMpL"),
            article("tomorrow", "2020-10-17T01:00:00Z", "ACME"),
        ],
        treasury_yields=[
            {"date": "1962-01-02", "yield_1_year": 3.22, "yield_10_year": 4.06},
            {"date": "2020-10-14", "yield_3_month": 0.12},
            {"date": "2020-10-20", "yield_3_month": 0.1},
        ],
        inflation=[{"date": "2020-09-01", "cpi": 260.2}],
        labor_market=[{"date": "2020-09-01", "unemployment_rate": 7.8}],
    )
    return connect(market)[1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "cba"),
        ("order=asc", "abc"),
        ("ticker=ACME", "ba"),
        ("published_utc.gte=2020-10-14", "cb"),
        ("published_utc=2020-10-14", "b"),
        ("published_utc.gt=2020-10-14T20:00:00Z", "c"),
        ("published_utc.lte=2020-10-14T16:00:00-04:00", "ba"),
        ("limit=1&ticker=ACME", "ba"),
    ],
)
def test_news_published_until_now(client: httpx.Client, query: str, expected: str) -> None:
    found = rows(client, f"/v2/reference/news?{query}")
    assert "".join(row["id"] for row in found) == expected


def test_yields_keep_absent_maturities_absent(client: httpx.Client) -> None:
    found = rows(client, "/fed/v1/treasury-yields?limit=1")
    assert found == [
        {"date": "1962-01-02", "yield_1_year": 3.22, "yield_10_year": 4.06},
        {"date": "2020-10-14", "yield_3_month": 0.12},
    ]
    late = rows(client, "/fed/v1/treasury-yields?date.gte=2000-01-01&limit=50000&sort=date.desc")
    assert [row["date"] for row in late] == ["2020-10-14"]
    assert client.get("/fed/v1/treasury-yields?limit=50001").status_code == 400


def test_inflation_and_labor_market(client: httpx.Client) -> None:
    assert rows(client, "/fed/v1/inflation?date.any_of=2020-09-01,2020-10-01")[0]["cpi"] == 260.2
    assert rows(client, "/fed/v1/labor-market")[0]["unemployment_rate"] == 7.8


@pytest.mark.parametrize(
    ("now", "market", "early", "after"),
    [
        ("2026-11-24T15:00:00+00:00", "open", False, False),  # Tuesday 10:00 in New York
        ("2026-11-24T13:00:00+00:00", "extended-hours", True, False),
        ("2026-11-24T22:00:00+00:00", "extended-hours", False, True),
        ("2026-11-25T02:00:00+00:00", "closed", False, False),
        ("2026-11-26T15:00:00+00:00", "closed", False, False),  # Thanksgiving
        ("2026-11-27T18:30:00+00:00", "extended-hours", False, True),  # closed at 13:00
    ],
)
def test_status_now(connect: Connect, now: str, market: str, early: bool, after: bool) -> None:
    _, client = connect(clock=SetClock(datetime.fromisoformat(now)))
    body = client.get("/v1/marketstatus/now").json()
    assert (body["market"], body["earlyHours"], body["afterHours"]) == (market, early, after)
    assert body["exchanges"]["nyse"] == market
    assert datetime.fromisoformat(body["serverTime"]) == datetime.fromisoformat(now)
    assert body["serverTime"].endswith("-05:00")


def test_upcoming_is_a_bare_array_of_closures_and_early_closes(connect: Connect) -> None:
    closed = date(2026, 12, 1)
    market = ServedMarket.from_frames(
        [bar(TUESDAY, "ACME", 100.0)], closed=[closed, date(2026, 11, 24)]
    )
    market.early = {date(2026, 12, 2): time(14, 30)}
    market.named = {closed: "National Day of Mourning"}
    _, client = connect(market, clock=SetClock(datetime(2026, 11, 24, 12, tzinfo=UTC)))
    body = client.get("/v1/marketstatus/upcoming").json()
    found = {row["date"]: row for row in body if row["exchange"] == "NYSE"}
    assert found["2026-11-26"]["status"] == "closed"
    assert found["2026-11-27"] == {
        "exchange": "NYSE",
        "date": "2026-11-27",
        "name": "Thanksgiving",
        "status": "early-close",
        "open": "2026-11-27T14:30:00.000Z",
        "close": "2026-11-27T18:00:00.000Z",
    }
    assert found["2026-12-01"]["status"] == "closed"
    assert found["2026-12-01"]["name"] == "National Day of Mourning"
    assert found["2026-12-02"]["close"] == "2026-12-02T19:30:00.000Z"
    assert "2026-11-24" not in found  # today
    assert found["2027-01-01"]["name"] == "New Years Day"
    assert {row["exchange"] for row in body} == {"NYSE", "NASDAQ"}
