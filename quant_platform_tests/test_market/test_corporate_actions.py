"""Conflicting corporate actions and what is made of them, rule by rule and as laws."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from quant_platform.market.calendar import XNYS
from quant_platform.market.corporate_actions import resolve
from quant_platform.market.panel import Panel
from quant_platform.quality.splits import opening_moves
from quant_platform.vendors.sample import SampleVendor
from quant_platform_tests.support.action_claims import (
    NAN,
    NEW,
    OLD,
    figures,
    listed,
    paid,
    settled,
    split,
)

# What the vendor is right about stays as it came.


def test_the_sample_has_nothing_to_resolve(vendor: SampleVendor, sample_panel: Panel) -> None:
    whole = (vendor.first_session, date(2013, 3, 1))
    raw = vendor.actions(*whole)
    moves = sample_panel.frame({"move": opening_moves(sample_panel)})
    moves = moves.rename(columns={"security_id": "symbol"})
    kept, losers = resolve(raw, sessions=XNYS.sessions(*whole), moves=moves, prefer=["sample"])
    # Microsoft's regular and special dividend of 2004-11-15 are two rows, and both stay.
    pd.testing.assert_frame_equal(kept, raw)
    assert losers.empty
    assert list(losers.columns) == [*raw.columns, "reason"]


def test_nothing_listed() -> None:
    raw = listed(split(2.0)).iloc[:0]
    kept, losers = resolve(raw, sessions=XNYS.sessions(date(2024, 1, 2), date(2024, 6, 3)))
    assert (len(kept), len(losers)) == (0, 0)
    assert list(kept.columns) == list(raw.columns)


def test_kept_rows_are_in_order_and_carry_their_columns() -> None:
    raw = listed(
        split(2.0, symbol="B"), paid(0.1, symbol="A"), split(3.0, symbol="A", date="2024-04-30")
    ).assign(note=["b", "a", "c"])
    kept, _ = resolve(raw)
    assert kept["note"].tolist() == ["c", "a", "b"]
    assert list(kept.columns) == list(raw.columns)
    assert kept.dtypes[["split_ratio", "cash_amount"]].tolist() == [np.float64, np.float64]


# Rule 1: refused by itself.


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (split(1.0), "a split by 1 changes nothing"),
        (split(0.0), "the ratio is no positive number"),
        (split(-2.0), "the ratio is no positive number"),
        (split(np.inf), "the ratio is no positive number"),
        (split(NAN), "the ratio is no positive number"),
        (split(2.0, date=None), "no ex-date"),
        (split(2.0, symbol=None), "no ticker"),
        (split(2.0, symbol=""), "no ticker"),
        (split(2.0, action_type="spinoff"), "neither a split nor a dividend"),
        (split(2.0, action_type=None), "neither a split nor a dividend"),
        (paid(0.0), "the amount is no positive number"),
        (paid(-0.1), "the amount is no positive number"),
        (paid(NAN), "the amount is no positive number"),
        (paid(np.inf), "the amount is no positive number"),
        (paid(0.5, currency="CAD"), "paid in CAD"),
        (paid(0.5, currency="cad"), "paid in CAD"),
    ],
)
def test_refused_by_itself(row: dict[str, object], reason: str) -> None:
    raw = listed(split(2.0, symbol="OTHER"), row)
    kept, losers = resolve(raw)
    assert kept["symbol"].tolist() == ["OTHER"]
    assert losers["reason"].tolist() == [reason]
    pd.testing.assert_frame_equal(
        losers.drop(columns="reason"), raw.iloc[[1]].reset_index(drop=True)
    )


@pytest.mark.parametrize("currency", ["USD", "usd", None, ""])
def test_dollars(currency: str | None) -> None:
    assert settled(listed(paid(0.5, currency=currency))) == ([0.5], [])


def test_the_first_reason_is_given() -> None:
    assert settled(listed(split(1.0, date=None, symbol="")))[1] == [(1.0, "no ex-date")]


def test_a_vendor_without_the_optional_columns() -> None:
    raw = listed(split(10.0), split(10.0), paid(0.2), paid(0.3))
    raw = raw.drop(columns=["currency", "vendor_id", "declared_on", "paid_on"])
    kept, losers = resolve(raw)
    assert figures(kept) == [0.5, 10.0]
    assert len(losers) == 2


def test_figures_that_are_no_numbers_are_refused() -> None:
    raw = listed(split(2.0), paid(1.0))
    raw["split_ratio"] = pd.Series(["2-1", None], dtype=object)
    assert settled(raw)[1][0][1] == "the ratio is no positive number"


@pytest.mark.parametrize("ratio", [5000.0, 1 / 3500])
def test_an_extreme_ratio_is_kept(ratio: float) -> None:
    assert settled(listed(split(ratio))) == ([ratio], [])


def test_the_dollar_amount_beside_the_canadian_one() -> None:
    """Enbridge's dividend of 14 November 2019: 0.738 in CAD; the same in dollars beside it."""
    day = {"symbol": "ENB", "date": "2019-11-14"}
    raw = listed(paid(0.738, currency="CAD", **day), paid(0.5596, **day))
    assert settled(raw) == ([0.5596], [(0.738, "paid in CAD")])


# Rule 2: ex-dates.


@pytest.mark.parametrize(
    ("day", "session"),
    [
        ("2024-03-28", "2024-03-28"),
        ("2024-03-29", "2024-04-01"),  # Good Friday
        ("2024-03-30", "2024-04-01"),
        ("2020-01-04", "2020-01-04"),  # before the calendar: nobody knows
        ("2030-01-05", "2030-01-05"),
    ],
)
def test_an_ex_date_without_a_session_moves_to_the_next(day: str, session: str) -> None:
    sessions = XNYS.sessions(date(2024, 1, 2), date(2024, 6, 3))
    kept, _ = resolve(listed(split(2.0, date=day)), sessions=sessions)
    assert str(kept["date"].iloc[0].date()) == session
    moved_there = f"{NEW}; ex-date {day} is no session"
    assert kept["source"].tolist() == [NEW if day == session else moved_there]


def test_without_sessions_every_day_is_one() -> None:
    kept, _ = resolve(listed(split(2.0, date="2024-03-30")))
    assert kept["date"].tolist() == [pd.Timestamp("2024-03-30")]


def test_the_same_split_on_a_holiday_and_after_it() -> None:
    raw = listed(split(2.0, date="2024-03-29"), split(2.0, date="2024-04-01"))
    kept, losers = resolve(raw, sessions=np.array(["2024-03-28", "2024-04-01"], "datetime64[D]"))
    assert figures(kept) == [2.0]
    assert losers["reason"].tolist() == ["the same split came twice"]


# Rule 3: sources.


def test_an_older_endpoint_fills_gaps_only() -> None:
    raw = listed(
        split(10.0, source=OLD, vendor_id="E1"),
        split(15.0, source=NEW, vendor_id="E2"),
        split(3.0, source=OLD, symbol="B"),
    )
    kept, losers = resolve(raw, prefer=[NEW, OLD])
    assert kept[["symbol", "split_ratio", "source"]].to_numpy().tolist() == [
        ["A", 15.0, NEW],
        ["B", 3.0, OLD],
    ]
    assert losers["reason"].tolist() == [f"the source {NEW} is preferred"]
    assert settled(raw, prefer=[OLD])[0] == [10.0, 3.0]


def test_a_dividend_is_not_added_to_another_endpoints_one() -> None:
    """The endpoints may call it by different types, so the whole day comes from one."""
    raw = listed(
        paid(0.5, source=OLD), paid(1.5, source=NEW, action_type="special_dividend"), split(2.0)
    )
    assert settled(raw, prefer=[NEW])[0] == [1.5, 2.0]


def test_a_refused_row_of_the_preferred_source_leaves_the_other() -> None:
    raw = listed(paid(0.7, source=NEW, currency="CAD"), paid(0.5, source=OLD))
    assert settled(raw, prefer=[NEW, OLD])[0] == [0.5]


def test_sources_nobody_ranked_go_by_name() -> None:
    raw = listed(split(2.0, source="b"), split(3.0, source="a"))
    assert settled(raw)[0] == settled(raw, prefer=["z"])[0] == [3.0]
