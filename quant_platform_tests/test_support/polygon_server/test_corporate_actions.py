"""Splits and dividends of both families; factors by hand."""

from datetime import date

import httpx
import pytest

from quant_platform_tests.support.polygon_server import ServedMarket
from quant_platform_tests.test_support.polygon_server.conftest import Connect, bar, rows

DAYS = (date(2020, 3, 2), date(2020, 6, 1), date(2020, 9, 1))


def splits() -> list[dict]:
    return [
        {"id": "A", "ticker": "ACME", "execution_date": "2020-06-01", "split_from": 1,
         "split_to": 7},
        {"id": "B", "ticker": "ACME", "execution_date": "2020-09-01", "split_from": 1,
         "split_to": 4},
        {"id": "C", "ticker": "DOWN", "execution_date": "2020-03-02", "split_from": 10,
         "split_to": 1},
        {"id": "D", "ticker": "DOWN", "execution_date": "2020-03-02", "split_from": 10,
         "split_to": 1},
    ]  # fmt: skip


def dividends() -> list[dict]:
    return [
        {"id": "1", "ticker": "ACME", "cash_amount": 3.29, "currency": "USD",
         "dividend_type": "CD", "ex_dividend_date": "2020-03-03", "frequency": 4,
         "pay_date": "2020-03-20", "record_date": "2020-03-04"},
        {"id": "2", "ticker": "ACME", "cash_amount": 0.5, "dividend_type": "SC",
         "ex_dividend_date": "2020-06-02", "frequency": 0},
    ]  # fmt: skip


@pytest.fixture
def client(connect: Connect) -> httpx.Client:
    bars = [bar(day, "ACME", close) for day, close in zip(DAYS, (658.0, 50.0, 20.0), strict=True)]
    return connect(ServedMarket.from_frames(bars, splits=splits(), dividends=dividends()))[1]


def test_old_splits_newest_first_ten_a_page(client: httpx.Client) -> None:
    body = client.get("/v3/reference/splits").json()
    assert [row["id"] for row in body["results"]] == ["B", "A", "C", "D"]
    assert set(body["results"][0]) == {
        "id", "ticker", "execution_date", "split_from", "split_to",
    }  # fmt: skip
    only = client.get("/v3/reference/splits?ticker=ACME&execution_date.lte=2020-06-30").json()
    assert [row["id"] for row in only["results"]] == ["A"]
    back = client.get("/v3/reference/splits?reverse_split=true&sort=ticker&order=asc").json()
    assert [row["id"] for row in back["results"]] == ["C", "D"]
    assert client.get("/v3/reference/splits?limit=1001").status_code == 400


def test_new_splits_carry_cumulative_factors(client: httpx.Client) -> None:
    found = {row["id"]: row for row in rows(client, "/stocks/v1/splits")}
    # A price before June is divided by 7 and by 4.
    assert found["A"]["historical_adjustment_factor"] == pytest.approx(1 / 28)
    assert found["B"]["historical_adjustment_factor"] == pytest.approx(1 / 4)
    assert found["A"]["adjustment_type"] == "forward_split"
    assert found["C"]["adjustment_type"] == "reverse_split"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["B", "A", "C", "D"]),
        ("sort=ticker.desc,execution_date.asc", ["C", "D", "A", "B"]),
        ("ticker.any_of=DOWN,NOBODY", ["C", "D"]),
        ("adjustment_type=forward_split&execution_date.gt=2020-06-01", ["B"]),
        ("limit=3", ["B", "A", "C", "D"]),
    ],
)
def test_new_splits_as_asked_for(client: httpx.Client, query: str, expected: list[str]) -> None:
    assert [row["id"] for row in rows(client, f"/stocks/v1/splits?{query}")] == expected


def test_new_splits_allow_five_thousand_a_page(client: httpx.Client) -> None:
    assert client.get("/stocks/v1/splits?limit=5000").status_code == 200
    assert client.get("/stocks/v1/splits?limit=5001").status_code == 400


def test_old_dividends(client: httpx.Client) -> None:
    found = rows(client, "/v3/reference/dividends?ticker=ACME")
    assert [row["id"] for row in found] == ["2", "1"]
    assert found[1]["cash_amount"] == 3.29
    assert "pay_date" not in found[0]
    assert not {"historical_adjustment_factor", "distribution_type"} & set(found[0])
    assert [row["id"] for row in rows(client, "/v3/reference/dividends?cash_amount.gt=1")] == ["1"]
    assert [row["id"] for row in rows(client, "/v3/reference/dividends?frequency=0")] == ["2"]


def test_new_dividends_carry_factors(client: httpx.Client) -> None:
    regular, special = rows(client, "/stocks/v1/dividends?sort=ex_dividend_date.asc")
    assert (regular["distribution_type"], special["distribution_type"]) == ("recurring", "special")
    # 3.29 before splits of 7 and 4 for 1; the price before the ex-date was 658.00, later 50.00.
    assert regular["split_adjusted_cash_amount"] == pytest.approx(3.29 / 28)
    assert special["historical_adjustment_factor"] == pytest.approx(1 - 0.5 / 50)
    expected = (1 - 0.5 / 50) * (1 - 3.29 / 658)
    assert regular["historical_adjustment_factor"] == pytest.approx(expected)
    assert rows(client, "/stocks/v1/dividends?distribution_type=special") == [special]
