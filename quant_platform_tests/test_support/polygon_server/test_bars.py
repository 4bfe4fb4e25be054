"""Bars over a real socket: envelopes, conventions of `t`, adjustment, absent values."""

from datetime import UTC, date, datetime

import httpx
import pytest

from quant_platform_tests.support.polygon_server import PolygonServer, ServedMarket, SetClock
from quant_platform_tests.test_support.polygon_server.conftest import (
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
    Connect,
    bar,
    grouped,
    pages,
)

GROUPED_T = 1602705600000
"""2020-10-14 16:00 in New York, from the vendor's recorded grouped answer."""

FRIDAY_T, MONDAY_T = 1112331600000, 1112587200000
"""Midnights in New York of 2005-04-01 (winter time) and 2005-04-04 (summer time), likewise."""

PREVIOUS_T = 1651003200000
"""2022-04-26 16:00 in New York, from the vendor's recorded previous close of AAPL."""


def by_ticker(body: dict) -> dict[str, dict]:
    return {row["T"]: row for row in body["results"]}


def test_grouped_envelope_and_row(client: httpx.Client) -> None:
    body = client.get(grouped(WEDNESDAY)).json()
    assert {name: body[name] for name in ("adjusted", "queryCount", "resultsCount", "count")} == {
        "adjusted": False,
        "queryCount": 4,
        "resultsCount": 4,
        "count": 4,
    }
    assert body["status"] == "OK"
    assert body["request_id"]
    assert by_ticker(body)["ACME"] == {
        "T": "ACME",
        "v": 1000.0,
        "vw": 103.5,
        "o": 103.0,
        "c": 104.0,
        "h": 105.0,
        "l": 102.0,
        "n": 10,
        "t": GROUPED_T,
    }


def test_absent_vwap_and_trades_are_absent_keys(client: httpx.Client) -> None:
    row = by_ticker(client.get(grouped(WEDNESDAY)).json())["KIMpL"]
    assert set(row) == {"T", "v", "o", "c", "h", "l", "t"}


def test_otc_rows_only_when_asked_for(client: httpx.Client) -> None:
    assert "OTCX" not in by_ticker(client.get(grouped(WEDNESDAY)).json())
    row = by_ticker(client.get(grouped(WEDNESDAY, include_otc="true")).json())["OTCX"]
    assert row["otc"] is True


def test_adjusted_is_the_default_and_covers_splits_up_to_today(
    connect: Connect, clock: SetClock
) -> None:
    _, client = connect()
    path = grouped(WEDNESDAY).partition("?")[0]
    body = client.get(path).json()
    assert body["adjusted"] is True
    after = by_ticker(body)["ACME"]
    assert (after["c"], after["o"], after["vw"], after["v"]) == (52.0, 51.5, 51.75, 2000.0)
    # Asked the evening before the split executes, the same session is not rescaled yet.
    clock.now = datetime(2020, 10, 15, 2, 0, tzinfo=UTC)
    before = by_ticker(client.get(path).json())["ACME"]
    assert (before["c"], before["v"]) == (104.0, 1000.0)


def test_adjustment_follows_the_security_through_a_rename(connect: Connect) -> None:
    market = ServedMarket.from_frames(
        [bar(TUESDAY, "OLD", 10.0), bar(WEDNESDAY, "NEW", 5.0)],
        [
            {"symbol": "OLD", "from": date(2010, 1, 4), "to": TUESDAY, "figi": "BBG000RENAM1"},
            {"symbol": "NEW", "from": WEDNESDAY, "figi": "BBG000RENAM1"},
        ],
        splits=[
            {"ticker": "NEW", "execution_date": WEDNESDAY, "split_from": 1, "split_to": 2},
        ],
    )
    _, client = connect(market)
    assert client.get(grouped(TUESDAY, adjusted="true")).json()["results"][0]["c"] == 5.0


def test_adjusted_volume_is_fractional(connect: Connect) -> None:
    split = {"ticker": "ACME", "execution_date": WEDNESDAY, "split_from": 3, "split_to": 1}
    market = ServedMarket.from_frames(
        [bar(TUESDAY, "ACME", 20.34, volume=45_880.0)], splits=[split]
    )
    _, client = connect(market)
    row = client.get(grouped(TUESDAY, adjusted="true")).json()["results"][0]
    assert row["v"] == pytest.approx(15_293.333333)
    assert row["c"] == pytest.approx(61.02)


@pytest.mark.parametrize("day", ["2020-10-10", "2020-09-07"])
def test_a_day_without_trading_has_no_results(client: httpx.Client, day: str) -> None:
    answer = client.get(grouped(date.fromisoformat(day)))
    body = answer.json()
    assert answer.status_code == 200
    assert (body["status"], body["queryCount"], body["resultsCount"]) == ("OK", 0, 0)
    assert "results" not in body


def test_large_volumes_are_written_with_exponents_at_times(connect: Connect) -> None:
    volume = 1_300_741.0
    names = [f"S{number:03d}" for number in range(120)]
    market = ServedMarket.from_frames([bar(TUESDAY, name, 10.0, volume) for name in names])
    _, client = connect(market)
    answer = client.get(grouped(TUESDAY))
    assert '"v":1.300741e+06' in answer.text
    assert {row["v"] for row in answer.json()["results"]} == {volume}


def test_gzip_only_for_clients_that_accept_it(client: httpx.Client) -> None:
    packed = client.get(grouped(WEDNESDAY))
    plain = client.get(grouped(WEDNESDAY), headers={"Accept-Encoding": "identity"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.json() == plain.json()


def test_range_is_dated_at_midnight_in_new_york(connect: Connect) -> None:
    days = (date(2005, 4, 1), date(2005, 4, 4))
    market = ServedMarket.from_frames([bar(day, "ACME", 40.0) for day in days])
    _, client = connect(market)
    path = "/v2/aggs/ticker/ACME/range/1/day"
    body = client.get(f"{path}/2005-04-01/2005-04-04").json()
    assert [row["t"] for row in body["results"]] == [FRIDAY_T, MONDAY_T]
    assert "T" not in body["results"][0]
    assert (body["ticker"], body["count"]) == ("ACME", 2)
    only = client.get(f"{path}/{MONDAY_T}/{MONDAY_T}").json()
    assert [row["t"] for row in only["results"]] == [MONDAY_T]


def test_range_pages_by_a_time_in_the_path(client: httpx.Client) -> None:
    path = "/v2/aggs/ticker/ACME/range/1/day/2020-10-12/2020-10-16"
    bodies = pages(client, f"{path}?adjusted=false&limit=2")
    assert [[row["c"] for row in body["results"]] for body in bodies] == [[100.0, 104.0], [53.0]]
    # 2020-10-15 00:00 EDT.
    assert "/range/1/day/1602734400000/2020-10-16?cursor=" in bodies[0]["next_url"]
    backwards = pages(client, f"{path}?adjusted=false&limit=2&sort=desc")
    assert [row["c"] for body in backwards for row in body["results"]] == [53.0, 104.0, 100.0]


def test_range_is_adjusted_and_joins_whoever_bore_the_ticker(client: httpx.Client) -> None:
    body = client.get("/v2/aggs/ticker/ACME/range/1/day/2020-10-13/2020-10-15").json()
    assert [row["c"] for row in body["results"]] == [50.0, 52.0, 53.0]
    nobody = client.get("/v2/aggs/ticker/NOBODY/range/1/day/2020-10-13/2020-10-15")
    assert (nobody.status_code, nobody.json()["resultsCount"]) == (200, 0)


@pytest.mark.parametrize(
    "tail", ["2020-10-15/2020-10-13", "yesterday/2020-10-13", "2020-10-13/2020-10-15?limit=50001"]
)
def test_a_senseless_range_is_refused(client: httpx.Client, tail: str) -> None:
    answer = client.get(f"/v2/aggs/ticker/ACME/range/1/day/{tail}")
    assert answer.status_code == 400
    assert answer.json()["status"] == "ERROR"
    assert answer.json()["error"]


def test_previous_close_is_dated_at_the_close(connect: Connect) -> None:
    market = ServedMarket.from_frames([bar(date(2022, 4, 26), "AAPL", 156.8)])
    _, client = connect(market, clock=SetClock(datetime(2022, 4, 27, 12, tzinfo=UTC)))
    body = client.get("/v2/aggs/ticker/AAPL/prev").json()
    assert body["resultsCount"] == 1
    assert (body["results"][0]["T"], body["results"][0]["t"]) == ("AAPL", PREVIOUS_T)


def test_open_close_and_its_absence(client: httpx.Client) -> None:
    body = client.get("/v1/open-close/ACME/2020-10-14?adjusted=false").json()
    assert body == {
        "status": "OK",
        "from": "2020-10-14",
        "symbol": "ACME",
        "open": 103.0,
        "high": 105.0,
        "low": 102.0,
        "close": 104.0,
        "volume": 1000.0,
    }
    absent = client.get("/v1/open-close/ACME/2020-10-10")
    assert absent.status_code == 404
    assert (absent.json()["status"], absent.json()["message"]) == ("NOT_FOUND", "Data not found.")


def test_edits_of_the_market_are_seen_at_the_next_request(
    server_and_client: tuple[PolygonServer, httpx.Client],
) -> None:
    server, client = server_and_client
    assert by_ticker(client.get(grouped(TUESDAY)).json())["ACME"]["c"] == 100.0
    server.market.correct(TUESDAY, "ACME", close=101.0, volume=7.0)
    server.market.add_bar(TUESDAY, "LATE", open=1, high=2, low=1, close=2, volume=5)
    server.market.remove_bar(TUESDAY, "OLD")
    found = by_ticker(client.get(grouped(TUESDAY)).json())
    assert (found["ACME"]["c"], found["ACME"]["v"]) == (101.0, 7.0)
    assert set(found) == {"ACME", "KIMpL", "LATE"}
    path = "/v2/aggs/ticker/ACME/range/1/day/2020-10-13/2020-10-13?adjusted=false"
    assert client.get(path).json()["results"][0]["c"] == 101.0
    with pytest.raises(KeyError):
        server.market.correct(TUESDAY, "NOBODY", close=1.0)


def test_a_new_split_restates_what_was_served_before(
    server_and_client: tuple[PolygonServer, httpx.Client],
) -> None:
    server, client = server_and_client
    path = grouped(WEDNESDAY, adjusted="true")
    assert by_ticker(client.get(path).json())["NEW"]["c"] == 11.0
    split = {"ticker": "NEW", "execution_date": str(THURSDAY), "split_from": 1, "split_to": 2}
    server.market.add("splits", split)
    assert by_ticker(client.get(path).json())["NEW"]["c"] == 5.5


def test_sample_market_agrees_with_its_vendors_adjusted_prices(connect: Connect) -> None:
    """AAPL closed at 130.31 on 2000-03-01 and has split 2 for 1 twice since."""
    _, client = connect(ServedMarket.sample())
    path = "/v1/open-close/AAPL/2000-03-01"
    assert client.get(f"{path}?adjusted=false").json()["close"] == 130.31
    assert client.get(path).json()["close"] == pytest.approx(130.31 / 4)
