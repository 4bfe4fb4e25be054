"""The door: every row that a vendor sends is used, or set aside with its reason."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_platform.errors import VendorError
from quant_platform.market.admission import (
    admitted,
    admitted_bars,
    admitted_news,
    admitted_reference,
    normal_symbols,
    readable,
)
from quant_platform.vendors.symbols import normal_symbol
from quant_platform.vendors.unread import Unread, with_unread

FIRST, LAST = date(2012, 1, 13), date(2012, 1, 18)
SESSIONS = [date(2012, 1, 13), date(2012, 1, 17), date(2012, 1, 18)]
"""Around Martin Luther King Day, Monday 16 January 2012, on which the exchange was closed."""


def bars(*rows: tuple[object, object]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["date", "symbol"])
    return frame.assign(close_price=np.arange(len(rows)) + 1.0)


def test_a_holiday_and_a_weekend_are_set_aside_with_their_reason() -> None:
    days = ["2012-01-13", "2012-01-14", "2012-01-16", "2012-01-17", "2012-01-18"]
    usable, refused = admitted_bars(bars(*((day, "IBM") for day in days)), FIRST, SESSIONS)
    assert usable["date"].dt.date.tolist() == SESSIONS
    assert refused[["date", "symbol", "reason"]].to_numpy().tolist() == [
        ["2012-01-14", "IBM", "its day is no session"],
        ["2012-01-16", "IBM", "its day is no session"],
    ]


def test_what_is_not_of_the_range_has_no_day_or_no_symbol() -> None:
    rows = bars(
        ("2012-01-12", "A"), (None, "B"), ("soon", "C"), ("2012-01-13", None), ("2012-01-13", " ")
    )
    usable, refused = admitted_bars(rows, FIRST, SESSIONS)
    assert usable.empty
    assert refused[["date", "reason"]].to_numpy().tolist() == [
        ["2012-01-12", "of a day that was not asked for"],
        ["2012-01-18", "no day"],
        ["2012-01-18", "no day"],
        ["2012-01-13", "no symbol"],
        ["2012-01-13", "no symbol"],
    ]


def test_a_row_that_came_twice_is_used_once() -> None:
    rows = pd.concat([bars(("2012-01-13", "IBM"))] * 2)
    usable, refused = admitted_bars(rows, FIRST, SESSIONS)
    assert len(usable) == 1
    assert refused["reason"].tolist() == ["the same row came twice"]


def test_days_are_those_of_the_clock_they_were_written_by() -> None:
    moments = pd.to_datetime(["2012-01-13 16:00", "2012-01-17 00:00"]).tz_localize(
        "America/New_York"
    )
    frame = pd.DataFrame({"date": moments, "symbol": "IBM", "close_price": 1.0})
    usable, _ = admitted_bars(frame, FIRST, SESSIONS)
    assert usable["date"].dt.date.tolist() == SESSIONS[:2]


def test_rows_without_the_columns_are_refused_in_a_sentence() -> None:
    with pytest.raises(VendorError, match="The vendor's bars have no column 'symbol'"):
        admitted_bars(pd.DataFrame({"date": []}), FIRST, SESSIONS)


def test_what_the_reader_could_not_use_comes_with_its_reason() -> None:
    unread = [Unread({"x": "\ud800"}, "no number", None, "A"), Unread("row", "no day")]
    frame = with_unread(bars(("2012-01-13", "IBM")), unread)
    usable, refused = readable(frame)
    assert usable["symbol"].tolist() == ["IBM"]
    assert refused["reason"].tolist() == ["no number", "no day"]
    usable, refused = admitted(frame, FIRST, LAST)
    assert list(usable.columns) == ["date", "symbol", "close_price"]
    assert refused["date"].tolist() == ["2012-01-18", "2012-01-18"]
    assert refused["sent"].tolist() == ['{"x": "\\ud800"}', "row"]


def test_a_reference_has_one_row_a_symbol() -> None:
    rows = pd.DataFrame(
        {
            "symbol": ["IBM ", None, "NA", "IBM", "X"],
            "company_name": list("abcde"),
            "listing_date": pd.to_datetime(["2012-01-13"] * 4 + [""]),
        }
    )
    usable, refused = admitted_reference(rows, LAST)
    assert usable["symbol"].tolist() == ["IBM", "NA"]
    assert refused[["company_name", "reason"]].to_numpy().tolist() == [
        ["b", "no symbol"],
        ["d", "the symbol is listed twice"],
        ["e", "no day of listing"],
    ]


def test_an_article_needs_a_time_and_a_ticker() -> None:
    rows = pd.DataFrame(
        {
            "published_at": pd.to_datetime(["2012-01-13T12:00Z", "", "2012-01-13T12:00Z"]),
            "symbol": [" IBM", "IBM", ""],
        }
    )
    usable, refused = admitted_news(rows, LAST)
    assert usable["symbol"].tolist() == ["IBM"]
    assert refused[["date", "reason"]].to_numpy().tolist() == [
        ["2012-01-18", "no time of publication"],
        ["2012-01-13", "no symbol"],
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("IBM ", "IBM"),
        ("\tIBM\r\n", "IBM"),
        ("\ufeffIBM", "IBM"),
        ("IBM\u200b", "IBM"),
        ("\u00a0IBM\u2003", "IBM"),
        ("ＩＢＭ", "IBM"),
        ("A\u0308", "\u00c4"),
        ("BRK B", "BRK B"),
        ("ibm", "ibm"),
        ("NA", "NA"),
        ("nan", "nan"),
        ("TRUE", "TRUE"),
    ],
)
def test_one_form_of_a_symbol(written: str, meant: str) -> None:
    assert normal_symbol(written) == meant
    assert normal_symbols(pd.Series([written, "plain"])).tolist() == [meant, "plain"]


@given(st.lists(st.one_of(st.none(), st.text())))
def test_the_form_is_one_and_many_symbols_read_as_each(texts: list[str | None]) -> None:
    found = normal_symbols(pd.Series(texts, dtype="object"))
    for text, form in zip(texts, found, strict=True):
        expected = normal_symbol(text) if text is not None else ""
        assert (form if isinstance(form, str) else "") == expected
        assert normal_symbol(expected) == expected


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*pd.date_range("2012-01-11", "2012-01-20").astype(str), None, "x"]),
            st.sampled_from(["A", "A ", "B", "", None]),
        )
    )
)
def test_no_row_is_lost(rows: list[tuple[object, object]]) -> None:
    usable, refused = admitted_bars(bars(*rows), FIRST, SESSIONS)
    assert len(usable) + len(refused) == len(rows)
    assert sorted([*usable["close_price"], *refused["close_price"]]) == [
        number + 1.0 for number in range(len(rows))
    ]
    assert set(usable["date"].dt.date) <= set(SESSIONS)
    assert (refused["reason"] != "").all()
