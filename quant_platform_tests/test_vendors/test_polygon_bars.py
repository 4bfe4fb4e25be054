"""Bars: which session a time means, the typed frame, and what is set aside with which reason."""

import json
import time
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_platform.vendors.polygon.bars import (
    COLUMNS,
    OrderlyRows,
    no_bars,
    range_bars,
    read_grouped,
    session_bars,
)
from quant_platform.vendors.polygon.cells import numbers, text, ticker
from quant_platform.vendors.polygon.times import (
    bounds,
    day,
    day_of_moment,
    days_of,
    is_over,
    moment,
    today,
)
from quant_platform_tests.test_vendors.polygon_stub import CLOSE_MS, SESSION, row

# --- times ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("milliseconds", "session"),
    [
        # polygon-api.md §1.2: measured on recorded answers.
        (1_602_705_600_000, date(2020, 10, 14)),  # grouped: 16:00 in New York
        (1_112_331_600_000, date(2005, 4, 1)),  # range: midnight, winter time
        (1_112_587_200_000, date(2005, 4, 4)),  # range: midnight, summer time
    ],
)
def test_the_documented_times(milliseconds: int, session: date) -> None:
    first, end = bounds(session)
    assert first <= milliseconds < end
    assert days_of(pd.Series([milliseconds])).dt.date.tolist() == [session]


def test_a_day_of_the_clock_change_has_another_length() -> None:
    hours = {d: (bounds(d)[1] - bounds(d)[0]) / 3_600_000 for d in (SESSION, date(2024, 3, 10))}
    assert hours == {SESSION: 24.0, date(2024, 3, 10): 23.0}
    first, end = bounds(date(2024, 11, 3))
    assert (end - first) / 3_600_000 == 25.0


def test_days_are_those_of_new_york() -> None:
    before, after = bounds(SESSION)[0] - 1, bounds(SESSION)[0]
    days = days_of(pd.Series([before, after, float("nan"), 1e300]))
    assert days.dtype == "datetime64[s]"
    assert days[:2].dt.date.tolist() == [date(2024, 1, 2), SESSION]
    assert days[2:].isna().all()
    assert today(datetime(2024, 1, 4, 4, 59, tzinfo=UTC)) == SESSION


def test_a_session_is_over_a_quarter_past_eight() -> None:
    # 20:15 in New York is 01:15 UTC in winter, 00:15 in summer.
    assert not is_over(SESSION, datetime(2024, 1, 4, 1, 14, 59, tzinfo=UTC))
    assert is_over(SESSION, datetime(2024, 1, 4, 1, 15, tzinfo=UTC))
    assert is_over(date(2024, 7, 3), datetime(2024, 7, 4, 0, 15, tzinfo=UTC))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2024-03-01T00:00:00Z", date(2024, 3, 1)),
        ("2024-03-01T05:00:00Z", date(2024, 3, 1)),  # midnight in New York
        ("2024-07-01T04:00:00Z", date(2024, 7, 1)),
        ("2024-03-02T01:30:00Z", date(2024, 3, 1)),
        ("2024-03-01", date(2024, 3, 1)),
        ("yesterday", None),
        (None, None),
        (20240301, None),
    ],
)
def test_day_of_a_moment(said: object, meant: date | None) -> None:
    assert day_of_moment(said) == meant


def test_days_and_moments_are_read_with_care() -> None:
    assert day("2024-02-29") == date(2024, 2, 29)
    assert [day(value) for value in ("2023-02-29", "", None, 5)] == [None] * 4
    assert moment("2024-01-02T03:04:05Z") == datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert moment("2024-01-02T03:04:05") == datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert [moment(value) for value in ("now", "", None, 5)] == [None] * 4


# --- cells ---------------------------------------------------------------------------------------


def test_text_is_one_printable_line() -> None:
    assert text("  Apple\nInc.\0 ") == "Apple Inc."
    assert [text(value) for value in ("", " \t", None, 7, ["a"])] == [None] * 5


def test_tickers() -> None:
    names = ("A", "BRK.B", "KIMpL", "AAC.WS", "TSLA1")
    assert tuple(map(ticker, names)) == names
    assert not any(map(ticker, ("", " ", "A B", "\0", "AAPLß", None, 7, ["A"])))
    assert [ticker(name) for name in ("IBM ", "\u00a0IBM", "ＩＢＭ", "IBM\t")] == ["IBM"] * 4


def test_numbers() -> None:
    found, strange = numbers([1, 2.5, None, 1.300741e06])
    assert found.tolist()[:2] == [1.0, 2.5]
    assert np.isnan(found[2])
    assert found[3] == 1_300_741.0
    assert not strange.any()
    found, strange = numbers([1, "2.5", True, None, [3], float("inf"), 10**400])
    assert strange.tolist() == [False, True, True, False, True, True, True]
    assert np.isnan(found[1:]).all()
    assert numbers([1, 10**400])[1].tolist() == [False, True]


# --- grouped -------------------------------------------------------------------------------------


def test_a_session() -> None:
    # The second row is as sparse as the documentation allows.
    sparse = {"T": "BRK.A", "o": 1, "h": 2, "l": 1, "c": 1.5, "v": 25_933.6, "t": CLOSE_MS}
    bars, refused = session_bars([row("AAPL"), sparse], SESSION)
    assert tuple(bars.columns) == COLUMNS
    assert bars.iloc[0].to_dict() == {
        "date": pd.Timestamp(SESSION),
        "symbol": "AAPL",
        "open_price": 184.22,
        "high_price": 185.88,
        "low_price": 183.43,
        "close_price": 184.25,
        "volume": 58_414_460.0,
        "vwap": 184.3226,
        "trade_count": 656_956.0,
        "source": "polygon",
    }
    second = bars.iloc[1]
    assert second["volume"] == 25_933.6
    assert np.isnan([second["vwap"], second["trade_count"]]).all()
    assert refused.empty
    assert "reason" in refused.columns


@pytest.mark.parametrize("rows", [[], [row()], [row(T=None)]])
def test_types_do_not_depend_on_the_rows(rows: list[object]) -> None:
    types = session_bars(rows, SESSION)[0].dtypes.astype("str").to_dict()
    numeric = dict.fromkeys(COLUMNS[2:-1], "float64")
    assert types == {"date": "datetime64[s]", "symbol": "str", **numeric, "source": "str"}
    assert no_bars().dtypes.astype("str").to_dict() == types


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"T": None}, "no ticker"),
        ({"T": ""}, "no ticker"),
        ({"T": "  "}, "no ticker"),
        ({"T": 7}, "no ticker"),
        ({"T": ["BAD"]}, "no ticker"),
        ({"T": "\x00\ufffd"}, "no ticker"),
        ({"T": "ABCß\t"}, "no ticker"),
        ({"t": None}, "no time"),
        ({"t": "2024-01-03"}, "no time"),
        ({"t": bounds(SESSION)[0] - 1}, "of another session"),
        ({"t": bounds(SESSION)[1]}, "of another session"),
        ({"t": CLOSE_MS - 86_400_000}, "of another session"),
        ({"o": None}, "open_price is no number"),
        ({"h": "185.88"}, "high_price is no number"),
        ({"l": True}, "low_price is no number"),
        ({"c": []}, "close_price is no number"),
        ({"v": "58414460"}, "volume is no number"),
        ({"vw": {}}, "vwap is no number"),
        ({"n": "many"}, "trade_count is no number"),
        ({"o": float("inf")}, "open_price is no number"),
    ],
)
def test_a_row_that_is_no_bar_is_set_aside_as_it_came(
    wrong: dict[str, object], reason: str
) -> None:
    bars, refused = session_bars([row("GOOD"), row("BAD") | wrong, row("FINE")], SESSION)
    assert bars["symbol"].tolist() == ["GOOD", "FINE"]
    (kept,) = refused.to_dict("records")
    assert kept["reason"] == reason
    sent = row("BAD") | wrong
    # PostgreSQL has no place for the character NUL.
    assert {name: kept[name] for name in sent} == {
        name: value.replace("\0", "\ufffd") if isinstance(value, str) else value
        for name, value in sent.items()
    }


def test_a_row_that_is_no_object_is_set_aside() -> None:
    bars, refused = session_bars([row(), None, [1, 2], "x"], SESSION)
    assert len(bars) == 1
    assert refused["row"].tolist() == [None, [1, 2], "x"]
    assert set(refused["reason"]) == {"no ticker"}


def test_absent_keys() -> None:
    lacking = [{k: v for k, v in row(f"L{key}").items() if k != key} for key in row()]
    bars, refused = session_bars(lacking, SESSION)
    # Volume, vwap and the number of trades may be absent.
    assert bars["symbol"].tolist() == ["Lv", "Lvw", "Ln"]
    assert bars[["volume", "vwap", "trade_count"]].isna().to_numpy().tolist() == [
        [True, False, False],
        [False, True, False],
        [False, False, True],
    ]
    assert sorted(refused["reason"]) == [
        "close_price is no number",
        "high_price is no number",
        "low_price is no number",
        "no ticker",
        "no time",
        "open_price is no number",
    ]


def test_an_absurd_price_is_a_bar_all_the_same() -> None:
    bars, refused = session_bars([row(o=1e11, v=-1.0)], SESSION)
    assert bars["open_price"].tolist() == [1e11]
    assert refused.empty


def test_equal_rows_are_one() -> None:
    bars, refused = session_bars([row(), row("B", vw=None), row(), row("B", vw=None)], SESSION)
    assert bars["symbol"].tolist() == ["AAPL", "B"]
    assert refused[["T", "reason"]].to_numpy().tolist() == [
        ["AAPL", "the same row came twice"],
        ["B", "the same row came twice"],
    ]


def test_of_contradicting_rows_that_of_the_larger_volume_is_kept() -> None:
    rows = [row(v=10.0), row(v=30.0, c=1.0), row(v=20.0), row(v=30.0, c=1.0), row(v=None)]
    bars, refused = session_bars(rows, SESSION)
    assert bars[["volume", "close_price"]].to_numpy().tolist() == [[30.0, 1.0]]
    second = "a second row of its ticker and day; that of the larger volume was kept"
    assert refused[["v", "reason"]].to_numpy().tolist() == [
        [10.0, second],
        [20.0, second],
        [30.0, "the same row came twice"],
        [None, second],
    ]


def test_a_faulty_row_is_no_rival() -> None:
    bars, refused = session_bars([row(v=5.0), row(v=1e9, c="x")], SESSION)
    assert bars["volume"].tolist() == [5.0]
    assert refused["reason"].tolist() == ["close_price is no number"]


def test_tickers_that_differ_in_case_are_two() -> None:
    assert len(session_bars([row("KIMpL"), row("KIMPL")], SESSION)[0]) == 2


def _results(body: bytes) -> Any:
    answer = read_grouped(body)
    assert isinstance(answer, dict)
    return answer["results"]


ORDERLY = [
    row("A"),
    row("B", v=7, otc=True),
    {name: value for name, value in row("C").items() if name not in ("v", "vw", "n")},
    row("A", v=1.0),  # contradicts the first one
    row("A"),  # equals it
    row("\0"),
    row("D", t=CLOSE_MS - 86_400_000),
    row("E", o=1e300),
]


def test_rows_in_order_read_the_same_either_way() -> None:
    body = msgspec.json.encode({"status": "OK", "resultsCount": 8, "results": ORDERLY})
    typed = _results(body)
    assert isinstance(typed, OrderlyRows)
    for ours, theirs in zip(
        session_bars(typed, SESSION), session_bars(ORDERLY, SESSION), strict=True
    ):
        common = [name for name in theirs.columns if name != "unknown"]
        pd.testing.assert_frame_equal(ours[common], theirs[common])
    assert session_bars(typed, SESSION)[0]["symbol"].tolist() == ["A", "B", "C", "E"]


ODD: tuple[object, ...] = (
    None,
    True,
    "1",
    "2024-01-03",
    "A",
    "",
    [],
    {},
    [{"o": 1}],
    0,
    -1,
    0.5,
    1e300,
    10**400,
    2**70,
)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["T", "o", "h", "l", "c", "v", "vw", "n", "t", "otc"]),
            st.sampled_from(ODD),
            max_size=2,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_rows_read_the_same_either_way(oddities: list[dict[str, object]]) -> None:
    rows = [row(f"S{n}") | odd for n, odd in enumerate(oddities)]
    # The standard library writes numbers of any size.
    body = json.dumps({"status": "DELAYED", "resultsCount": len(rows), "results": rows})
    read = session_bars(_results(body.replace(", ", ",").encode()), SESSION)
    for ours, theirs in zip(read, session_bars(json.loads(body)["results"], SESSION), strict=True):
        pd.testing.assert_frame_equal(ours, theirs)


@pytest.mark.parametrize(
    "odd", [{"h": "185.88"}, {"l": True}, {"v": "1"}, {"t": "2024-01-03"}, {"o": [{"x": 1}]}]
)
def test_one_odd_field_makes_the_reader_exact(odd: dict[str, object]) -> None:
    rows = [row("A"), row("B") | odd]
    body = {"status": "DELAYED", "resultsCount": 2, "results": rows, "request_id": "x"}
    assert read_grouped(msgspec.json.encode(body)) == body


@pytest.mark.parametrize("body", [{"status": "ERROR", "error": "no"}, {"status": "OK"}, [], 7])
def test_an_answer_without_rows_is_read_as_it_is(body: object) -> None:
    assert read_grouped(msgspec.json.encode(body)) == body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"status":"OK","results":[{"T":"A"',
        b'{"resultsCount":2,"results":[{"T":"A"} {"T":"B"}]}',
        b'{"resultsCount":2,"results":[{"T":"A"}\n{"T":"B"}]}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_grouped(body)


def test_a_whole_market_is_read_in_a_moment() -> None:
    rows = [row(f"S{n:05}", o=1 + n / 7, v=n * 3.0) for n in range(12_000)]
    body = msgspec.json.encode({"status": "OK", "results": rows})
    best = float("inf")
    for _ in range(5):
        started = time.thread_time()
        bars, refused = session_bars(_results(body), SESSION)
        best = min(best, time.thread_time() - started)
    assert (len(bars), len(refused)) == (12_000, 0)
    # Some 20 ms on a quiet machine; the bound only catches a loop per row and column.
    assert best < 0.25


# --- range ---------------------------------------------------------------------------------------


def test_a_range() -> None:
    rows = [
        {**row(), "t": 1_112_587_200_000, "c": 4.0},
        {**row(), "t": 1_112_331_600_000, "c": 1.0},
    ]
    bars, refused = range_bars(rows, "META", date(2005, 4, 1), date(2005, 4, 4))
    assert tuple(bars.columns) == COLUMNS
    assert bars["date"].dt.date.tolist() == [date(2005, 4, 1), date(2005, 4, 4)]
    assert bars["date"].dtype == "datetime64[s]"
    assert bars["close_price"].tolist() == [1.0, 4.0]
    assert set(bars["symbol"]) == {"META"}
    assert refused.empty


def test_a_range_sets_aside_what_is_outside_or_said_twice() -> None:
    inside = bounds(SESSION)[0]
    rows = [
        {**row(), "t": inside},
        {**row(), "t": inside, "v": 1.0},
        {**row(), "t": inside - 1},
        {**row(), "t": None},
        {**row(), "t": inside + 86_400_000},
    ]
    bars, refused = range_bars(rows, "AAPL", SESSION, SESSION)
    assert bars["volume"].tolist() == [58_414_460.0]
    assert refused["reason"].tolist() == [
        "a second row of its ticker and day; that of the larger volume was kept",
        "of a day that was not asked for",
        "no time",
        "of a day that was not asked for",
    ]


def test_an_empty_range() -> None:
    bars, refused = range_bars([], "AAPL", SESSION, SESSION)
    assert bars.dtypes.equals(no_bars().dtypes)
    assert refused.empty
