"""Bars of a range or a symbol, and what the probe of a plan finds."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from quant_platform.errors import (
    BadAnswerError,
    HistoryError,
    KeyRefusedError,
    VendorDownError,
)
from quant_platform.settings import Secret
from quant_platform.vendors.polygon.times import bounds
from quant_platform_tests.test_vendors.polygon_market import (
    TOO_EARLY,
    TOO_OLD,
    YESTERDAY,
    market,
    session_of,
)
from quant_platform_tests.test_vendors.polygon_stub import (
    SESSION,
    Answers,
    FakeClock,
    bad,
    client_of,
    good,
    grouped,
    row,
    vendor_of,
)

NOT_IN_PLAN = bad(403, {"message": "You are not entitled to this data. Please upgrade"})


# --- bars of the plain protocol ------------------------------------------------------------------


def test_bars_are_those_of_the_weekdays(tmp_path: Path) -> None:
    holiday = date(2024, 1, 15)

    def answer(request: httpx.Request) -> httpx.Response:
        return grouped() if session_of(request) == holiday else market(request)

    answers = Answers(answer)
    found = vendor_of(tmp_path, answers).bars(date(2024, 1, 12), date(2024, 1, 16))
    assert found["date"].dt.date.tolist() == [date(2024, 1, 12), date(2024, 1, 16)]
    assert len(answers.requests) == 3
    nothing = vendor_of(tmp_path, Answers(market)).bars(date(2024, 1, 13), date(2024, 1, 14))
    assert nothing.empty
    assert nothing.dtypes.equals(found.dtypes)


def test_bars_of_a_day_without_usable_rows_are_a_fault(tmp_path: Path) -> None:
    with pytest.raises(BadAnswerError, match="no row that can be used"):
        vendor_of(tmp_path, Answers(grouped(row(T="")))).bars(SESSION, SESSION)


@pytest.mark.parametrize(("adjusted", "is_right"), [(True, False), (False, True), (None, True)])
def test_bars_are_adjusted_as_was_asked_for(
    tmp_path: Path, adjusted: bool | None, is_right: bool
) -> None:
    """What the answer says of itself counts; one that says nothing is believed."""
    single = good(ticker="AAPL", results=[row(t=bounds(SESSION)[0])], adjusted=adjusted)
    whole = grouped(row(), adjusted=adjusted)
    of_one, of_all = (vendor_of(tmp_path, Answers(answer)) for answer in (single, whole))
    if is_right:
        assert len(of_one.bars_of("AAPL", SESSION, SESSION).bars) == 1
        assert len(of_all.bars(SESSION, SESSION)) == 1
        return
    with pytest.raises(BadAnswerError, match="adjusted bars where raw ones were asked for"):
        of_one.bars_of("AAPL", SESSION, SESSION)
    with pytest.raises(BadAnswerError, match="adjusted bars where raw ones were asked for"):
        of_all.bars(SESSION, SESSION)


def test_bars_of_one_symbol(tmp_path: Path) -> None:
    start, second = bounds(SESSION)[0], bounds(date(2024, 1, 4))[0]
    answers = Answers(
        good(
            ticker="BRK.B",
            results=[row(t=start)],
            next_url=f"https://api.massive.com/v2/aggs/ticker/BRK.B/range/1/day/{second}/2024-01-05",
        ),
        good(ticker="BRK.B", results=[row(t=second), row(t=None)]),
    )
    found = vendor_of(tmp_path, answers).bars_of("BRK.B", SESSION, date(2024, 1, 5))
    assert found.symbol == "BRK.B"
    assert found.bars["date"].dt.date.tolist() == [SESSION, date(2024, 1, 4)]
    assert found.refused["reason"].tolist() == ["no time"]
    assert found.missing is None
    assert answers.paths == [
        "/v2/aggs/ticker/BRK.B/range/1/day/2024-01-03/2024-01-05",
        f"/v2/aggs/ticker/BRK.B/range/1/day/{second}/2024-01-05",
    ]
    assert answers.query(0) == {"adjusted": "false", "sort": "asc", "limit": "50000"}


def test_a_range_that_was_cut_to_the_plans_history_names_the_gap(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answers = Answers(good(results=[row(t=bounds(SESSION)[0])]))
    found = vendor_of(tmp_path, answers).bars_of("AAPL", date(2020, 1, 2), SESSION)
    assert found.missing == (date(2020, 1, 2), date(2024, 1, 2))
    assert "no bars of AAPL from 2020-01-02 to 2024-01-02" in caplog.text


@pytest.mark.parametrize("answer", [good(), bad(404, {"status": "NOT_FOUND"})])
def test_a_symbol_without_bars(tmp_path: Path, answer: httpx.Response) -> None:
    vendor = vendor_of(tmp_path, Answers(answer))
    found = vendor.bars_of("NOPE", date(2023, 1, 3), date(2023, 12, 29))
    assert found.bars.empty
    assert found.missing == (date(2023, 1, 3), date(2023, 12, 29))
    assert vendor.bars_of("NOPE", SESSION, SESSION).missing is None


def test_a_range_before_the_plans_history(tmp_path: Path) -> None:
    with pytest.raises(HistoryError):
        vendor_of(tmp_path, Answers(TOO_OLD)).bars_of("AAPL", SESSION, SESSION)


# --- published or not ----------------------------------------------------------------------------


def test_yes_is_asked_once_and_no_again(tmp_path: Path) -> None:
    answers = Answers(TOO_EARLY, grouped(), market)
    vendor = vendor_of(tmp_path, answers)
    said = [vendor.is_published(YESTERDAY) for _ in range(5)]
    assert said == [False, False, True, True, True]
    assert len(answers.requests) == 3
    assert not vendor_of(tmp_path, Answers(grouped())).is_published(SESSION)


def test_a_question_that_cannot_be_asked_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(HistoryError):
        vendor_of(tmp_path, Answers(TOO_OLD)).is_published(SESSION)
    with pytest.raises(VendorDownError):
        vendor_of(tmp_path, Answers(bad(500))).is_published(SESSION)
    with pytest.raises(BadAnswerError, match="POLYGON_BASE_URL is probably wrong"):
        vendor_of(tmp_path, Answers(httpx.Response(200, html="<p>"))).is_published(SESSION)


# --- what the key may do -------------------------------------------------------------------------


def plan(years: float, *, refused: tuple[str, ...] = ()) -> Answers:
    """A plan with that many years of history, without what is `refused`."""
    oldest = date(2024, 3, 15) - timedelta(days=round(365.25 * years))

    def answer(request: httpx.Request) -> httpx.Response:
        if any(part in request.url.path for part in refused):
            return NOT_IN_PLAN
        if "/grouped/" in request.url.path and session_of(request) < oldest:
            return TOO_OLD
        return good(results=[])

    return Answers(answer)


@pytest.mark.parametrize(
    ("years", "history_from", "requests"),
    [
        (2, date(2022, 3, 22), 5),  # the free plan: no wait for the limit
        (5, date(2019, 3, 22), 5),
        (10, date(2014, 3, 22), 6),
        (30, date(2003, 9, 10), 6),
        (0.5, date(2024, 3, 8), 6),
    ],
)
def test_the_probe_finds_the_depth_of_the_history(
    tmp_path: Path, years: float, history_from: date, requests: int
) -> None:
    answers = plan(years)
    found = vendor_of(tmp_path, answers).probe()
    assert found.history_from is not None
    assert abs(found.history_from - history_from) <= timedelta(days=1)
    assert len(answers.requests) == requests
    assert (found.grouped_daily, found.reference, found.news, found.economy) == (True,) * 4
    assert found.flat_files is False
    assert found.reasons == {}


def test_a_later_start_does_not_mislead_the_probe(tmp_path: Path) -> None:
    vendor = vendor_of(tmp_path, plan(30))
    vendor.first_session = date(2024, 1, 2)
    assert vendor.probe().history_from == date(2003, 9, 10)


def test_the_probe_says_what_is_refused(tmp_path: Path) -> None:
    answers = plan(30, refused=("/grouped/", "/news", "/fed/"))
    keys: dict[str, Any] = {"s3_key_id": Secret("id"), "s3_secret": Secret("secret")}
    found = vendor_of(tmp_path, answers, **keys).probe()
    assert (found.grouped_daily, found.history_from) == (False, None)
    assert (found.reference, found.news, found.economy) == (True, False, False)
    assert found.flat_files is True
    assert set(found.reasons) == {"grouped_daily", "news", "economy"}
    assert "does not include this in the key's plan" in found.reasons["news"]
    assert len(answers.requests) == 6


def test_the_probe_of_a_wrong_key_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyRefusedError):
        vendor_of(tmp_path, Answers(bad(401, {"error": "Unknown API Key"}))).probe()


def test_both_hosts_share_a_limit(tmp_path: Path) -> None:
    clock = FakeClock()
    for host in ("api.polygon.io", "api.massive.com"):
        client = client_of(
            tmp_path, Answers(good()), clock, base_url=f"https://{host}", calls_per_minute=2
        )
        client.get("/x")
    assert client.limit.remaining() == 0
