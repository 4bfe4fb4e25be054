"""Splits and dividends of the vendor's endpoints, new and old."""

from datetime import date
from pathlib import Path

import httpx
import pandas as pd
import pytest

from quant_platform.errors import (
    KeyRefusedError,
    PlanError,
    VendorError,
)
from quant_platform.market.admission import readable
from quant_platform.vendors.polygon.corporate_actions import COLUMNS as ACTION_COLUMNS
from quant_platform_tests.test_vendors.polygon_stub import (
    Answers,
    bad,
    good,
    vendor_of,
)


def routed(**routes: httpx.Response) -> Answers:
    """Answers by the last two parts of the path: stocks/v1/splits is `v1_splits`."""

    def answer(request: httpx.Request) -> httpx.Response:
        name = "_".join(request.url.path.split("/")[-2:])
        found = routes[name]
        return httpx.Response(found.status_code, headers=found.headers, content=found.content)

    return Answers(answer)


NEW_SPLITS = good(
    results=[
        {
            "id": "s1",
            "ticker": "NVDA",
            "execution_date": "2024-06-10",
            "split_from": 1,
            "split_to": 10,
            "adjustment_type": "forward_split",
            "historical_adjustment_factor": 0.1,
        },
        {
            "id": "s2",
            "ticker": "ACME",
            "execution_date": "2024-06-11",
            "split_from": 100,
            "split_to": 105,
            "adjustment_type": "stock_dividend",
        },
        # The same split once more, and one whose numbers mean nothing: both are passed on.
        {"id": "s3", "ticker": "NVDA", "execution_date": "2024-06-10", "split_from": 10.0},
        {"id": "s4", "ticker": "X", "execution_date": "2024-06-10", "split_from": 0, "split_to": 1},
        {"id": "s5", "execution_date": "2024-06-10", "split_from": 1, "split_to": 2},
        {"id": "s6", "ticker": "Y", "execution_date": "2024-07-01", "split_from": 1, "split_to": 2},
    ]
)
NEW_DIVIDENDS = good(
    results=[
        {
            "id": "d1",
            "ticker": "AAPL",
            "cash_amount": 0.25,
            "currency": "USD",
            "declaration_date": "2024-05-02",
            "ex_dividend_date": "2024-06-10",
            "distribution_type": "recurring",
            "split_adjusted_cash_amount": 0.25,
        },
        {
            "id": "d2",
            "ticker": "COST",
            "cash_amount": "15",
            "ex_dividend_date": "2024-06-10",
            "distribution_type": "special",
        },
    ]
)
FIRST, LAST = date(2024, 6, 1), date(2024, 6, 30)


def test_actions_of_the_new_endpoints(tmp_path: Path) -> None:
    answers = routed(v1_splits=NEW_SPLITS, v1_dividends=NEW_DIVIDENDS)
    found, unread = readable(vendor_of(tmp_path, answers).actions(FIRST, LAST))
    assert tuple(found.columns) == ACTION_COLUMNS
    sent = [len(answer.json()["results"]) for answer in (NEW_SPLITS, NEW_DIVIDENDS)]
    assert len(found) + len(unread) == sum(sent)
    rows = found.astype(object).where(found.notna(), None)
    short = rows[["vendor_id", "symbol", "action_type", "split_ratio", "cash_amount"]]
    assert sorted(map(tuple, short.to_numpy().tolist())) == [
        ("d1", "AAPL", "cash_dividend", None, 0.25),
        ("d2", "COST", "special_dividend", None, None),
        ("s1", "NVDA", "split", 10.0, None),
        ("s2", "ACME", "split", 1.05, None),
        ("s3", "NVDA", "split", None, None),
        ("s4", "X", "split", None, None),
    ]
    apple = rows[rows["symbol"] == "AAPL"].iloc[0]
    assert apple["date"] == pd.Timestamp("2024-06-10")
    assert apple["declared_on"] == pd.Timestamp("2024-05-02")
    assert (apple["currency"], apple["source"]) == ("USD", "polygon /stocks/v1/dividends")
    assert len(unread) == 2
    assert answers.query(0) == {
        "execution_date.gte": "2024-06-01",
        "execution_date.lte": "2024-06-30",
        "limit": "5000",
    }
    assert answers.query(1)["ex_dividend_date.lte"] == "2024-06-30"


OLD = {
    "reference_splits": good(
        results=[{"ticker": "TOP", "execution_date": "2024-06-12", "split_from": 10, "split_to": 1}]
    ),
    "reference_dividends": good(
        results=[
            {
                "ticker": "AAPL",
                "cash_amount": 0.25,
                "ex_dividend_date": "2024-06-10",
                "dividend_type": "CD",
            },
            {
                "ticker": "COST",
                "cash_amount": 15.0,
                "ex_dividend_date": "2024-06-10",
                "dividend_type": "SC",
            },
        ]
    ),
}


@pytest.mark.parametrize(
    "refusal",
    [
        bad(404, b"404 page not found"),
        bad(404, {"status": "NOT_FOUND"}),
        bad(403, {"status": "NOT_AUTHORIZED", "message": "You are not entitled to this data."}),
        bad(400, {"status": "ERROR", "error": "unknown parameter"}),
    ],
)
def test_the_old_endpoints_stand_in(tmp_path: Path, refusal: httpx.Response) -> None:
    answers = routed(v1_splits=refusal, v1_dividends=refusal, **OLD)
    found = vendor_of(tmp_path, answers).actions(FIRST, LAST)
    assert found[["symbol", "action_type"]].to_numpy().tolist() == [
        ["AAPL", "cash_dividend"],
        ["COST", "special_dividend"],
        ["TOP", "split"],
    ]
    assert found["split_ratio"].dropna().tolist() == [0.1]
    assert found["cash_amount"].dropna().tolist() == [0.25, 15.0]
    assert set(found["source"]) == {
        "polygon /v3/reference/splits",
        "polygon /v3/reference/dividends",
    }
    assert answers.query(1)["limit"] == "1000"


def test_one_family_may_stand_in_alone(tmp_path: Path) -> None:
    answers = routed(v1_splits=NEW_SPLITS, v1_dividends=bad(404, b"no"), **OLD)
    found, _ = readable(vendor_of(tmp_path, answers).actions(FIRST, LAST))
    assert set(found["source"]) == {
        "polygon /stocks/v1/splits",
        "polygon /v3/reference/dividends",
    }


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (bad(401, {"error": "Unknown API Key"}), KeyRefusedError),
        (bad(403, {"message": "You are not entitled to this data."}), PlanError),
    ],
)
def test_actions_that_cannot_be_had(
    tmp_path: Path, refusal: httpx.Response, kind: type[VendorError]
) -> None:
    answers = Answers(refusal)
    with pytest.raises(kind):
        vendor_of(tmp_path, answers).actions(FIRST, LAST)


def test_no_actions(tmp_path: Path) -> None:
    found = vendor_of(tmp_path, Answers(good())).actions(FIRST, LAST)
    answers = routed(v1_splits=NEW_SPLITS, v1_dividends=NEW_DIVIDENDS)
    some, _ = readable(vendor_of(tmp_path, answers).actions(FIRST, LAST))
    assert found.empty
    assert found.dtypes.equals(some.dtypes)
