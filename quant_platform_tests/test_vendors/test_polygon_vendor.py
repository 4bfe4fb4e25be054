"""The vendor: sessions in order and fetched ahead, what is pending or a fault."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from quant_platform.errors import (
    BadAnswerError,
    HistoryError,
    KeyMissingError,
    NotPublishedError,
    VendorDownError,
)
from quant_platform.settings import Environment, Settings
from quant_platform.vendors.abilities import PROTOCOLS
from quant_platform.vendors.answers import SessionBars
from quant_platform.vendors.polygon import PolygonVendor
from quant_platform.vendors.polygon.cells import LONGEST_TEXT
from quant_platform.vendors.polygon.prefetch import in_order
from quant_platform_tests.test_vendors.polygon_market import (
    TOO_EARLY,
    TOO_OLD,
    YESTERDAY,
    market,
    session_of,
)
from quant_platform_tests.test_vendors.polygon_stub import (
    KEY,
    SESSION,
    Answers,
    FakeClock,
    bad,
    good,
    grouped,
    row,
    vendor_of,
)

"""The day before `NOW`, a session."""


def days(first: date, number: int) -> list[date]:
    return [first + timedelta(days=n) for n in range(number)]


# --- what it is ----------------------------------------------------------------------------------


def test_it_is_a_market_vendor(tmp_path: Path) -> None:
    vendor = vendor_of(tmp_path, Answers(market))
    # Of a real market nobody knows the truth.
    assert set(vendor.abilities.served()) == set(PROTOCOLS) - {"truths"}
    assert (vendor.name, vendor.first_session, vendor.last_session) == (
        "polygon",
        date(2003, 9, 10),
        None,
    )
    assert vendor.default_universe == "top:500 price:5 types:CS,ADRC history:60"
    assert KEY not in f"{vendor!r} {vars(vendor)!r}"


def test_importing_it_loads_nothing_heavy() -> None:
    program = (
        "import sys, quant_platform.vendors.polygon\n"
        "heavy = {'httpx', 'pandas', 'numpy', 'pyarrow', 'msgspec'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_from_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    settings = Settings(
        home=tmp_path / "home",
        database_url=None,
        dagster_database_url=None,
        environment=Environment({"POLYGON_API_KEY": KEY}),
    )
    (tmp_path / "user").mkdir()
    vendor = PolygonVendor.from_settings(settings)
    assert vendor.remaining() == 5
    assert vendor._folder == tmp_path / "user" / ".cache" / "quant-platform" / "polygon"
    # A user without a home, as in a container.
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    assert PolygonVendor.from_settings(settings)._folder == tmp_path / "home" / "polygon"


def test_a_missing_key_shows_at_the_first_question(tmp_path: Path) -> None:
    vendor = vendor_of(tmp_path, Answers(market), key=None)
    for ask in (
        lambda: next(vendor.stream([SESSION])),
        lambda: vendor.is_published(SESSION),
        lambda: vendor.actions(SESSION, SESSION),
        lambda: vendor.probe(),
    ):
        with pytest.raises(KeyMissingError):
            ask()


def test_remaining(tmp_path: Path) -> None:
    vendor = vendor_of(tmp_path, Answers(market), calls_per_minute=5)
    assert vendor.remaining() == 5
    list(vendor.stream([SESSION, date(2024, 1, 4)]))
    assert vendor.remaining() == 3
    assert vendor_of(tmp_path, Answers(market)).remaining() is None


def test_a_closed_vendor_opens_again(tmp_path: Path) -> None:
    vendor = vendor_of(tmp_path, Answers(market))
    assert vendor.is_published(SESSION)
    vendor.close()
    vendor.close()
    assert vendor.is_published(YESTERDAY)


def test_a_forked_process_opens_its_own_connections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = vendor_of(tmp_path, Answers(market))
    first = vendor._client
    assert vendor._client is first
    monkeypatch.setattr("os.getpid", lambda: -1)
    assert vendor._client is not first


# --- one session ---------------------------------------------------------------------------------


def test_a_session(tmp_path: Path) -> None:
    answers = Answers(grouped(row(), row(T=None), status="DELAYED"))
    (answer,) = vendor_of(tmp_path, answers).stream([SESSION])
    assert answer.session == SESSION
    assert answer.bars["symbol"].tolist() == ["AAPL"]
    assert answer.refused["reason"].tolist() == ["no ticker"]
    assert answer.etag == ""
    assert answers.paths == ["/v2/aggs/grouped/locale/us/market/stocks/2024-01-03"]
    assert answers.query() == {"adjusted": "false", "include_otc": "false"}


def ask(folder: Path, answer: httpx.Response, session: date, **changes: Any) -> SessionBars:
    return next(vendor_of(folder, Answers(answer), **changes).stream([session]))


NUMBER = '"c":185.64'
STRANGE = {
    "Infinity": (NUMBER, '"c":Infinity', "close_price is no number"),
    "NaN": (NUMBER, '"c":NaN', "close_price is no number"),
    "beyond all doubles": (NUMBER, '"c":1e400', "close_price is no number"),
    "a broken byte": ('"T":"BAD"', '"T":"B\udcffD"', "no ticker"),
    "5,000 digits": (NUMBER, '"c":' + "9" * 5_000, "close_price is no number"),
    "half a surrogate": ('"T":"BAD"', '"T":"B\\ud800D"', "no ticker"),
    "100,000 signs": ('"T":"BAD"', '"T":"' + "B" * 100_000 + '"', "no ticker"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_row_that_cannot_be_read_costs_itself_and_not_the_session(
    tmp_path: Path, name: str
) -> None:
    before, after, reason = STRANGE[name]
    text = json.dumps(
        {
            "status": "OK",
            "adjusted": False,
            "resultsCount": 3,
            "results": [row("GOOD"), row("BAD", c=185.64), row("FINE")],
        },
        separators=(",", ":"),
    )
    bad_row = text.index('"BAD"')
    end = text.index("}", bad_row)
    start = text.rindex("{", 0, bad_row)
    assert text.count(before, start, end) == 1
    answer = text[:start] + text[start:end].replace(before, after) + text[end:]
    bars = ask(
        tmp_path, httpx.Response(200, content=answer.encode("utf-8", "surrogateescape")), SESSION
    )
    assert bars.bars["symbol"].tolist() == ["GOOD", "FINE"]
    (refused,) = bars.refused.to_dict("records")
    assert refused["reason"] == reason
    # What is kept of it can be stored, and is no larger than a person reads.
    assert all(
        len(value.encode()) <= 3 * LONGEST_TEXT
        for value in refused.values()
        if isinstance(value, str)
    )


EMPTY = [
    good(queryCount=0, resultsCount=0, adjusted=False),
    grouped(),
    good(results=None),
    bad(404, {"status": "NOT_FOUND", "message": "Data not found."}),
]


@pytest.mark.parametrize("answer", EMPTY)
def test_a_session_without_rows_is_pending_while_it_is_new(
    tmp_path: Path, answer: httpx.Response
) -> None:
    for session in (YESTERDAY, date(2024, 3, 11)):
        with pytest.raises(NotPublishedError, match=f"no rows of {session} yet"):
            ask(tmp_path, answer, session)


@pytest.mark.parametrize("answer", EMPTY)
@pytest.mark.parametrize("session", [SESSION, date(2024, 3, 8)])
def test_an_old_session_without_rows_is_a_fault(
    tmp_path: Path, answer: httpx.Response, session: date
) -> None:
    with pytest.raises(BadAnswerError, match="a session of zero rows"):
        ask(tmp_path, answer, session)


def test_not_published_yet(tmp_path: Path) -> None:
    for session in (YESTERDAY, SESSION):
        with pytest.raises(NotPublishedError, match="not published this yet"):
            ask(tmp_path, TOO_EARLY, session)


def test_the_latest_session_may_be_refused_in_the_words_for_the_oldest(tmp_path: Path) -> None:
    with pytest.raises(NotPublishedError):
        ask(tmp_path, TOO_OLD, YESTERDAY)
    with pytest.raises(HistoryError, match="outside the history"):
        ask(tmp_path, TOO_OLD, SESSION)


def test_a_session_that_is_not_over_is_not_asked_for(tmp_path: Path) -> None:
    clock = FakeClock(datetime(2024, 1, 4, 1, 14, tzinfo=UTC))
    answers = Answers(grouped(row()))
    vendor = vendor_of(tmp_path, answers, clock)
    with pytest.raises(NotPublishedError, match="is not over"):
        next(vendor.stream([SESSION]))
    assert not vendor.is_published(SESSION)
    assert answers.requests == []
    clock.seconds += 60.0
    assert vendor.is_published(SESSION)


def test_rows_of_another_day_alone_are_no_session(tmp_path: Path) -> None:
    answer = grouped(row(), row("B"))
    with pytest.raises(BadAnswerError, match="2 rows, of another session"):
        ask(tmp_path, answer, YESTERDAY)


def test_fewer_rows_than_announced(tmp_path: Path) -> None:
    with pytest.raises(BadAnswerError, match="announces 9 rows of 2024-01-03 and sends 1"):
        ask(tmp_path, grouped(row(), resultsCount=9), SESSION)
    with pytest.raises(BadAnswerError, match="is no list"):
        ask(tmp_path, good(results={}), SESSION)


# --- many sessions -------------------------------------------------------------------------------


def test_sessions_come_in_order_however_they_arrive(tmp_path: Path) -> None:
    wanted = days(SESSION, 20)

    def answer(request: httpx.Request) -> httpx.Response:
        # The first ones take longest.
        time.sleep(0.05 if session_of(request).day % 4 == 3 else 0.0)
        return market(request)

    vendor = vendor_of(tmp_path, Answers(answer))
    found = list(vendor.stream(wanted))
    assert [one.session for one in found] == wanted
    assert [one.bars["date"].iloc[0].date() for one in found] == wanted


def test_a_failure_comes_in_its_turn_and_ends_the_stream(tmp_path: Path) -> None:
    wanted = days(SESSION, 8)

    def answer(request: httpx.Request) -> httpx.Response:
        return bad(500) if session_of(request) == wanted[3] else market(request)

    stream = vendor_of(tmp_path, Answers(answer)).stream(wanted)
    assert [next(stream).session for _ in range(3)] == wanted[:3]
    with pytest.raises(VendorDownError, match=str(wanted[3])):
        next(stream)
    assert list(stream) == []
    assert _threads() == 0


def test_what_is_fetched_ahead_is_bounded(tmp_path: Path) -> None:
    asked = threading.Semaphore(0)

    def answer(request: httpx.Request) -> httpx.Response:
        asked.release()
        return market(request)

    answers = Answers(answer)
    stream = vendor_of(tmp_path, answers, connections=3).stream(days(SESSION, 30))
    held = next(stream)
    # The one that is held, and one per connection.
    for _ in range(4):
        assert asked.acquire(timeout=30)
    assert not asked.acquire(timeout=0.2)
    held = next(stream)
    assert asked.acquire(timeout=30)
    assert not asked.acquire(timeout=0.2)
    assert held.session == date(2024, 1, 4)
    stream.close()  # type: ignore[attr-defined]
    assert len(answers.requests) <= 3 + 2


def test_closing_a_stream_gives_up_what_waits_for_the_limit(tmp_path: Path) -> None:
    from quant_platform.vendors.polygon.clock import Clock

    class Now(Clock):
        def wall(self) -> datetime:
            return datetime(2024, 3, 15, 14, 0, tzinfo=UTC)

    answers = Answers(market)
    vendor = vendor_of(tmp_path, answers, Now(), calls_per_minute=2)
    stream = vendor.stream(days(SESSION, 30))
    next(stream)
    started = time.monotonic()
    stream.close()  # type: ignore[attr-defined]
    assert time.monotonic() - started < 30.0
    assert _threads() == 0
    assert len(answers.requests) <= 2


def test_a_stream_that_is_never_read_asks_for_nothing(tmp_path: Path) -> None:
    answers = Answers(market)
    vendor_of(tmp_path, answers).stream(days(SESSION, 5))
    assert answers.requests == []
    assert list(vendor_of(tmp_path, answers).stream([])) == []


def test_in_order_of_a_failing_source() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise RuntimeError("the source failed")

    found = in_order(lambda item, stop: item, items(), workers=2)
    with pytest.raises(RuntimeError, match="the source failed"):
        list(found)
    assert _threads() == 0


def _threads() -> int:
    """Threads of the prefetch that still run, after a moment to end."""
    alive = 0
    for _ in range(500):
        alive = sum(thread.name.startswith("polygon_") for thread in threading.enumerate())
        if not alive:
            break
        time.sleep(0.01)
    return alive
