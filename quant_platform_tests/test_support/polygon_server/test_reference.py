"""Tickers as of a day, details, renames; pages, filters and order."""

import httpx
import pytest

from quant_platform_tests.support.polygon_server import PolygonServer, ServedMarket
from quant_platform_tests.test_support.polygon_server.conftest import (
    TUESDAY,
    Connect,
    bar,
    pages,
    rows,
)

TICKERS = "/v3/reference/tickers"


def names(client: httpx.Client, query: str) -> list[str]:
    return [row["ticker"] for row in rows(client, f"{TICKERS}?{query}")]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("date=2020-10-13", ["ACME", "KIMpL", "OLD", "OTCX"]),
        ("date=2020-10-14", ["ACME", "KIMpL", "NEW", "OTCX"]),
        ("", ["ACME", "NEW", "OTCX"]),
        ("active=false", ["KIMpL"]),
        ("active=false&date=2020-10-14", []),
        ("market=stocks", ["ACME", "NEW"]),
        ("ticker=KIMpL&date=2020-10-14", ["KIMpL"]),
        ("ticker=kimpl&date=2020-10-14", []),
        ("ticker.gte=B&ticker.lt=O", ["NEW"]),
        ("type=PFD&date=2020-10-14", ["KIMpL"]),
        ("exchange=XNYS&date=2020-10-14", ["ACME", "NEW", "OTCX"]),
        ("search=acme", ["ACME"]),
        ("order=desc", ["OTCX", "NEW", "ACME"]),
    ],
)
def test_tickers_as_asked_for(client: httpx.Client, query: str, expected: list[str]) -> None:
    assert names(client, query) == expected


def test_a_ticker_row(client: httpx.Client) -> None:
    body = client.get(f"{TICKERS}?ticker=ACME").json()
    assert body["count"] == 1
    assert body["results"] == [
        {
            "ticker": "ACME",
            "name": "Acme Corp.",
            "market": "stocks",
            "locale": "us",
            "primary_exchange": "XNYS",
            "type": "CS",
            "active": True,
            "currency_name": "usd",
            "cik": "0000000007",
            "composite_figi": "BBG000ACME01",
            "share_class_figi": "BBG001ACME01",
            "last_updated_utc": "2020-10-16T00:00:00Z",
        }
    ]
    gone = client.get(f"{TICKERS}?active=false").json()["results"][0]
    assert (gone["active"], gone["delisted_utc"]) == (False, "2020-10-15T00:00:00Z")
    assert not {"primary_exchange", "composite_figi"} & set(gone)


def test_pages_carry_all_parameters_and_no_key(client: httpx.Client) -> None:
    bodies = pages(client, f"{TICKERS}?date=2020-10-13&limit=3&order=desc")
    assert [[row["ticker"] for row in body["results"]] for body in bodies] == [
        ["OTCX", "OLD", "KIMpL"],
        ["ACME"],
    ]
    assert "test-key" not in bodies[0]["next_url"]
    assert "next_url" not in bodies[1]


@pytest.mark.parametrize(
    "query", ["limit=1001", "limit=0", "date=soon", "sort=colour", "cursor=%21%21"]
)
def test_a_senseless_parameter_is_refused(client: httpx.Client, query: str) -> None:
    answer = client.get(f"{TICKERS}?{query}")
    assert (answer.status_code, answer.json()["status"]) == (400, "ERROR")


def test_overview_is_as_of_its_date(client: httpx.Client) -> None:
    found = client.get(f"{TICKERS}/ACME").json()["results"]
    assert (found["list_date"], found["sic_description"]) == ("1990-01-02", "ANVILS")
    assert client.get(f"{TICKERS}/OLD?date=2020-10-13").json()["results"]["ticker"] == "OLD"
    unknown = client.get(f"{TICKERS}/OLD")
    assert unknown.status_code == 404
    assert (unknown.json()["status"], unknown.json()["message"]) == (
        "NOT_FOUND",
        "Ticker not found.",
    )


@pytest.mark.parametrize("identifier", ["NEW", "BBG000RENAM1"])
def test_ticker_events_are_newest_first(client: httpx.Client, identifier: str) -> None:
    path = f"/vX/reference/tickers/{identifier}/events?types=ticker_change"
    results = client.get(path).json()["results"]
    assert (results["name"], results["composite_figi"]) == ("New Name Inc.", "BBG000RENAM1")
    assert [(row["date"], row["ticker_change"]["ticker"]) for row in results["events"]] == [
        ("2020-10-14", "NEW"),
        ("2010-01-04", "OLD"),
    ]


def test_a_ticker_means_the_security_that_bears_it_now(client: httpx.Client) -> None:
    assert client.get("/vX/reference/tickers/OLD/events").status_code == 404


def test_exchanges_have_numbers_or_texts_by_family(client: httpx.Client) -> None:
    old = client.get("/v3/reference/exchanges?asset_class=stocks&locale=us").json()["results"]
    new = client.get("/stocks/v1/exchanges").json()["results"]
    assert {type(row["id"]) for row in old} == {int}
    assert {type(row["id"]) for row in new} == {str}
    assert {"XNYS", "XNAS", "ARCX"} <= {row["mic"] for row in old}


def test_types(client: httpx.Client) -> None:
    types = {row["code"]: row["description"] for row in rows(client, f"{TICKERS}/types")}
    assert types["CS"] == "Common Stock"


def test_foreign_host_in_next_url_when_told_so(connect: Connect) -> None:
    _, client = connect(next_base="https://api.polygon.io:443")
    url = client.get(f"{TICKERS}?limit=1").json()["next_url"]
    assert url.startswith("https://api.polygon.io:443/v3/reference/tickers?cursor=")


def test_without_listings_each_symbol_is_one(connect: Connect) -> None:
    _, client = connect(ServedMarket.from_frames([bar(TUESDAY, "ACME", 100.0)]))
    assert names(client, "date=2020-10-13") == ["ACME"]


def test_an_unknown_path_is_not_json(server_and_client: tuple[PolygonServer, httpx.Client]) -> None:
    answer = server_and_client[1].get("/v9/nothing")
    assert (answer.status_code, answer.text) == (404, "404 page not found\n")
