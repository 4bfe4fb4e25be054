"""What the text of a flat file becomes: bars, and rows that are refused."""

from datetime import date

import pandas as pd
import pytest

from quant_platform.errors import (
    BadAnswerError,
)
from quant_platform.vendors.polygon.flat_files import parse_bars
from quant_platform_tests.test_vendors.flat_file_stub import (
    HEADER,
    MIDNIGHT,
    SESSION,
    row,
    symbols,
    text,
)

"""2024-01-02 05:00 UTC in nanoseconds: midnight in New York (EST)."""


# --- Parsing --------------------------------------------------------------------------------------


def test_a_row_becomes_a_bar() -> None:
    answer = parse_bars(text(f"A,1502.5,10,10.5,11,9.5,{MIDNIGHT},7"), SESSION, "v1")
    assert (answer.session, answer.etag) == (SESSION, "v1")
    (bar,) = answer.bars.to_dict("records")
    assert pd.isna(bar.pop("vwap"))
    assert bar == {
        "date": pd.Timestamp("2024-01-02"),
        "symbol": "A",
        "open_price": 10.0,
        "high_price": 11.0,
        "low_price": 9.5,
        "close_price": 10.5,
        "volume": 1502.5,
        "trade_count": 7.0,
        "source": "polygon flat file",
    }
    assert answer.refused.empty


def test_types_do_not_depend_on_the_rows() -> None:
    full = parse_bars(text(row("A")), SESSION)
    empty = parse_bars(text(), SESSION)
    assert len(empty.bars) == 0
    assert list(full.bars.dtypes.items()) == list(empty.bars.dtypes.items())
    assert str(full.bars["symbol"].dtype) == str(full.bars["source"].dtype) == "str"


def test_tickers_that_look_like_something_else_stay_tickers() -> None:
    tickers = [
        "NA",
        "NAN",
        "NaN",
        "TRUE",
        "true",
        "NULL",
        "null",
        "INF",
        "1",
        "1E5",
        "KIMpL",
        "BRK.B",
    ]
    answer = parse_bars(text(*map(row, tickers)), SESSION)
    assert symbols(answer.bars) == tickers
    assert answer.refused.empty


def test_columns_may_stand_in_another_order_and_be_more() -> None:
    header = "transactions,otc,ticker,low,high,close,open,volume,window_start"
    answer = parse_bars(text(f"7,x,A,9.5,11,10.5,10,100,{MIDNIGHT}", header=header), SESSION)
    plain = parse_bars(text(row("A")), SESSION)
    pd.testing.assert_frame_equal(answer.bars, plain.bars)


def test_absent_numbers_are_missing_and_not_refused() -> None:
    answer = parse_bars(text(f"A,1.3e6,10,,11,9.5,{MIDNIGHT},"), SESSION)
    (bar,) = answer.bars.to_dict("records")
    assert bar["volume"] == 1_300_000.0
    assert pd.isna(bar["close_price"])
    assert pd.isna(bar["trade_count"])


@pytest.mark.parametrize(
    ("session", "midnight"),
    [
        # The values of the documentation for 2005-04-01 (EST) and 2005-04-04 (EDT).
        (date(2005, 4, 1), 1_112_331_600_000_000_000),
        (date(2005, 4, 4), 1_112_587_200_000_000_000),
        # The days on which the clock changes: 23 and 25 hours.
        (date(2024, 3, 10), 1_710_046_800_000_000_000),
        (date(2024, 11, 3), 1_730_606_400_000_000_000),
    ],
)
def test_the_day_is_new_york_s(session: date, midnight: int) -> None:
    hours = {date(2024, 3, 10): 23, date(2024, 11, 3): 25}.get(session, 24)
    end = midnight + hours * 3_600_000_000_000
    rows = [row("IN", start=midnight), row("LAST", start=end - 1)]
    outside = [row("BEFORE", start=midnight - 1), row("AFTER", start=end)]
    answer = parse_bars(text(*rows, *outside), session)
    assert symbols(answer.bars) == ["IN", "LAST"]
    assert list(answer.refused["ticker"]) == ["BEFORE", "AFTER"]
    assert set(answer.refused["reason"]) == {"window_start is on another day"}


def test_rows_that_are_no_bar_are_refused_as_they_came() -> None:
    other = MIDNIGHT - 86_400_000_000_000
    answer = parse_bars(text(row(""), row("A"), row("B", start=other), row(" ")), SESSION)
    assert symbols(answer.bars) == ["A"]
    assert list(answer.refused.columns) == [*HEADER.split(","), "reason"]
    assert list(answer.refused["ticker"]) == ["", "B", " "]
    assert list(answer.refused["window_start"]) == [MIDNIGHT, other, MIDNIGHT]
    assert list(answer.refused["reason"]) == [
        "no ticker",
        "window_start is on another day",
        "no ticker",
    ]


def test_a_row_without_a_time_is_refused() -> None:
    answer = parse_bars(text(row("A"), row("B", start="")), SESSION)
    assert symbols(answer.bars) == ["A"]
    assert list(answer.refused["ticker"]) == ["B"]


def test_identical_rows_are_one() -> None:
    answer = parse_bars(text(row("A"), row("B"), row("A"), row("A")), SESSION)
    assert symbols(answer.bars) == ["A", "B"]
    assert answer.refused.empty


def test_of_conflicting_rows_the_largest_volume_is_kept() -> None:
    # The file of 2019-08-13 has such rows.
    start = 1_565_668_800_000_000_000  # 04:00 UTC, midnight in New York (EDT)
    rows = [
        row("A", "100", start, "10.1"),
        row("B", "5", start),
        row("A", "300", start, "10.2"),
        row("A", "", start, "10.3"),
        row("A", "300", start, "10.2"),
    ]
    answer = parse_bars(text(*rows), date(2019, 8, 13))
    kept = answer.bars.set_index("symbol")
    assert kept["close_price"].to_dict() == {"B": 10.5, "A": 10.2}
    assert list(answer.refused["close"]) == [10.1, 10.3]
    assert set(answer.refused["reason"]) == {
        "the ticker has another row, with at least this volume"
    }


def test_of_equal_volumes_the_first_row_is_kept() -> None:
    answer = parse_bars(text(row("A", close="10.1"), row("A", close="10.2")), SESSION)
    assert list(answer.bars["close_price"]) == [10.1]
    assert list(answer.refused["close"]) == [10.2]


def test_a_refused_row_does_not_displace_a_bar() -> None:
    answer = parse_bars(text(row("A", "9000", start=0), row("A", "1")), SESSION)
    assert list(answer.bars["volume"]) == [1.0]
    assert list(answer.refused["volume"]) == [9000.0]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>\n<body>Bad gateway</body>\n",
        text("A,1", header="ticker,volume"),
        text("A,100,10"),
        text(row("A", volume="many")),
        text(row("A", start="2024-01-02")),
        text(row("A")).replace(b"A,", b"\xff\xfe,"),
    ],
    ids=["nothing", "html", "columns", "short row", "volume", "time", "encoding"],
)
def test_what_is_not_as_documented_is_a_bad_answer(content: bytes) -> None:
    with pytest.raises(BadAnswerError, match="flat file of 2024-01-02 is not as documented"):
        parse_bars(content, SESSION)
