"""Claims of several sources about one event: which one holds, and what is added up."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_platform.market.corporate_actions import KINDS, resolve
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


def moved(move: float, symbol: str = "A", day: str = "2024-05-01") -> pd.DataFrame:
    return pd.DataFrame({"date": pd.to_datetime([day]), "symbol": [symbol], "move": [move]})


# Rule 4: the same action again.


def test_a_split_by_ten_that_comes_twice_is_one_by_ten() -> None:
    """SHOP split 10 for 1 on 2022-06-29, and was listed twice."""
    shop = {"symbol": "SHOP", "date": "2022-06-29"}
    raw = listed(split(10.0, vendor_id="E2", **shop), split(10.0, vendor_id="E1", **shop))
    kept, losers = resolve(raw)
    assert kept[["split_ratio", "vendor_id"]].to_numpy().tolist() == [[10.0, "E1"]]
    assert losers["reason"].tolist() == ["the same split came twice"]


def test_the_same_row_twice() -> None:
    row = paid(0.25, vendor_id="E1", declared_on="2024-04-01")
    assert settled(listed(row, row, row)) == ([0.25], [(0.25, "the same row came twice")] * 2)


def test_another_version_of_a_record() -> None:
    raw = listed(
        paid(0.25, vendor_id="E1", declared_on="2024-04-01"),
        paid(0.40, vendor_id="E1", declared_on="2024-04-02", action_type="special_dividend"),
    )
    assert settled(raw) == ([0.40], [(0.25, "another version of the record E1 is kept")])


@pytest.mark.parametrize(
    ("preferred", "other"),
    [
        (paid(2.0, vendor_id="E1"), paid(10.0, vendor_id="E1")),
        (split(15.0, vendor_id="E1"), split(10.0)),
        (split(15.0, note="a"), split(15.0, note="b")),
    ],
)
def test_the_preferred_of_two_without_dates(
    preferred: dict[str, Any], other: dict[str, Any]
) -> None:
    """The lowest record, then the lowest figure, then whatever else tells them apart."""
    for rows in ((preferred, other), (other, preferred)):
        raw = listed(*rows).assign(note=[str(row.get("note")) for row in rows])
        kept, _ = resolve(raw)
        expected = listed(preferred).assign(note=[str(preferred.get("note"))])
        columns = ["split_ratio", "cash_amount", "vendor_id", "note"]
        pd.testing.assert_frame_equal(kept[columns], expected[columns], check_dtype=False)


@pytest.mark.parametrize(("first", "second"), [(0.0667, 1 / 15), (1.3333, 4 / 3)])
def test_a_rounded_ratio_is_the_same(first: float, second: float) -> None:
    assert len(settled(listed(split(first), split(second)))[0]) == 1
    assert settled(listed(split(first), split(second)))[1][0][1] == "the same split came twice"


def test_a_rounded_amount_is_the_same() -> None:
    raw = listed(paid(0.27, vendor_id="E1"), paid(0.2725, vendor_id="E2"))
    assert settled(raw) == ([0.27], [(0.2725, "the same dividend came twice")])


def test_a_regular_and_a_special_dividend_of_the_same_amount_are_two() -> None:
    raw = listed(paid(0.12), paid(0.12, action_type="special_dividend"))
    assert settled(raw) == ([0.12, 0.12], [])


# Rule 5: splits of one day with different ratios.


@pytest.mark.parametrize(
    ("ratios", "move", "expected"),
    [
        ((10.0, 15.0), 10.4, 10.0),
        ((10.0, 15.0), 14.6, 15.0),
        ((10.0, 15.0), 149.0, 150.0),  # both happened
        ((1 / 15, 15.0), 0.07, 1 / 15),  # the second one is written upside down
        ((1 / 15, 1 / 3), 0.34, 1 / 3),
        ((2.0, 3.0, 4.0), 24.5, 24.0),
    ],
)
def test_the_price_decides(ratios: Sequence[float], move: float, expected: float) -> None:
    raw = listed(*(split(ratio, vendor_id=f"E{i}") for i, ratio in enumerate(ratios)))
    kept, losers = resolve(raw, moves=moved(move))
    assert figures(kept) == [pytest.approx(expected)]
    assert len(losers) == len(ratios) - 1
    assert f"{move:.4g}" in losers["reason"].iloc[0] or "product" in losers["reason"].iloc[0]


def test_what_the_price_decided_is_said() -> None:
    raw = listed(split(15.0, vendor_id="E1"), split(10.0, vendor_id="E2"))
    kept, losers = resolve(raw, moves=moved(9.8))
    why = "the price moved by 9.8"
    assert kept["source"].tolist() == [f"{NEW}; one of the ratios 15 and 10: {why}"]
    assert losers["reason"].tolist() == [f"conflicts with the ratio 10, which is kept: {why}"]


@pytest.mark.parametrize(
    "moves",
    [
        None,
        moved(1.02),  # no split at all
        moved(4.0),  # between the two
        moved(NAN),
        moved(9.8, symbol="B"),
        moved(9.8, day="2024-05-02"),
    ],
)
def test_the_preferred_one_where_no_price_decides(moves: pd.DataFrame | None) -> None:
    raw = listed(
        split(10.0, vendor_id="E1", declared_on="2024-04-01"),
        split(2.0, vendor_id="E9", declared_on="2024-04-15"),
        split(3.0, vendor_id="E0"),
    )
    kept, why = settled(raw, moves=moves)
    # The one declared last.
    assert kept == [2.0]
    assert why[0][1] == ("conflicts with the ratio 2, which is kept: no price decides between them")
    assert settled(raw.drop(columns="declared_on"), moves=moves)[0] == [3.0]


def test_ratios_that_a_night_cannot_tell_apart() -> None:
    """Stock dividends of 3 and 5 %: the price says nothing."""
    raw = listed(split(1.03, vendor_id="E1"), split(1.05, vendor_id="E2"))
    assert settled(raw, moves=moved(1.05))[0] == [1.03]


def test_a_declaration_after_the_ex_date_is_a_typing_error() -> None:
    raw = listed(
        split(10.0, declared_on="2024-11-24", vendor_id="E1"),
        split(15.0, declared_on="2024-04-01", vendor_id="E2"),
    )
    assert settled(raw)[0] == [15.0]


STEEL = {"symbol": "STCN", "date": "2023-06-21"}


@pytest.mark.parametrize("moves", [None, moved(0.11, "STCN", "2023-06-21")])
def test_a_reverse_split_and_a_split_are_two_steps(moves: pd.DataFrame | None) -> None:
    """Steel Connect, form 8-K of 2023-06-21: 1-for-3,500, at once followed by 375-for-1."""
    raw = listed(split(375.0, vendor_id="E2", **STEEL), split(1 / 3500, vendor_id="E1", **STEEL))
    kept, losers = resolve(raw, moves=moves)
    assert figures(kept) == [pytest.approx(375 / 3500)]
    assert kept["source"].tolist() == [f"{NEW}; product of 0.000285714286 and 375"]
    assert losers["reason"].tolist() == [
        "part of the product of 0.000285714286 and 375, 0.107142857, which is kept"
    ]


@pytest.mark.parametrize("moves", [None, moved(1.01, "AINC", "2024-07-29")])
def test_two_steps_that_undo_each_other(moves: pd.DataFrame | None) -> None:
    """Ashford, 2024-07-29: 1-for-10,000, at once followed by 10,000-for-1."""
    day = {"symbol": "AINC", "date": "2024-07-29"}
    kept, losers = settled(listed(split(1e-4, **day), split(1e4, **day)), moves=moves)
    assert kept == []
    assert [reason for _, reason in losers] == ["splits of the same day that undo each other"] * 2


# Rule 6: dividends of one type and day with different amounts.


@pytest.mark.parametrize(
    ("first", "second"),
    [
        # JPMorgan, 2019-10-03: 0.80 as before, then 0.90 as declared on 17 September.
        ((0.80, "2019-07-16"), (0.90, "2019-09-17")),
        # Arrow Financial, 2023-06-01: 0.262 and 0.27, declared on 2 and 3 May.
        ((0.262, "2023-05-02"), (0.27, "2023-05-03")),
    ],
)
def test_declared_anew(first: tuple[float, str], second: tuple[float, str]) -> None:
    rows = [
        paid(amount, declared_on=day, date="2024-10-03", paid_on="2024-10-31", vendor_id=f"E{i}")
        for i, (amount, day) in enumerate((first, second))
    ]
    expected = ([second[0]], [(first[0], f"declared anew, with {second[0]:g}, which is kept")])
    assert settled(listed(*rows)) == expected
    assert settled(listed(*rows).drop(columns="paid_on")) == expected
    # A day of payment that one of them lacks is the other's.
    assert settled(listed(rows[0] | {"paid_on": None}, rows[1])) == expected
    assert settled(listed(rows[0], rows[1] | {"paid_on": None})) == expected


def test_payments_on_different_days_are_added_up() -> None:
    raw = listed(
        paid(0.5, declared_on="2024-03-01", paid_on="2024-05-15", vendor_id="E1"),
        paid(0.25, declared_on="2024-04-01", paid_on="2024-06-15", vendor_id="E2"),
    )
    kept, losers = resolve(raw)
    assert figures(kept) == [0.75]
    assert kept["source"].tolist() == [f"{NEW}; sum of 0.25 and 0.5"]
    assert losers["reason"].tolist() == ["part of the sum of 0.25 and 0.5, 0.75, which is kept"]


@pytest.mark.parametrize("declared", ["2024-04-01", None])
def test_payments_declared_together_are_added_up(declared: str | None) -> None:
    """A fund's income, short-term and long-term gains."""
    amounts = (0.1, 0.2, 1.25)
    raw = listed(*(paid(amount, declared_on=declared) for amount in amounts))
    kept, losers = settled(raw)
    assert kept == [1.55]
    assert len(losers) == 2


def test_an_unknown_day_of_declaration_contradicts_no_other() -> None:
    raw = listed(
        paid(0.9, declared_on="2024-04-02"), paid(0.2), paid(0.8, declared_on="2024-04-01")
    )
    kept, losers = settled(raw)
    assert kept == [1.1]
    assert sorted(figure for figure, _ in losers) == [0.2, 0.8]


def test_each_type_is_added_up_by_itself() -> None:
    special = {"action_type": "special_dividend"}
    raw = listed(paid(0.1), paid(0.2), paid(1.0, **special), paid(2.0, **special), split(2.0))
    kept, _ = resolve(raw)
    assert kept[["action_type", "cash_amount", "split_ratio"]].fillna(0).to_numpy().tolist() == [
        ["cash_dividend", 0.3, 0.0],
        ["special_dividend", 3.0, 0.0],
        ["split", 0.0, 2.0],
    ]


# Laws.

CLAIM = st.fixed_dictionaries(
    {
        "date": st.sampled_from(["2024-03-28", "2024-03-29", "2024-04-01"]),
        "symbol": st.sampled_from(["A", "B"]),
        "action_type": st.sampled_from([*KINDS, "spinoff"]),
        "split_ratio": st.sampled_from([2.0, 2.0, 3.0, 0.1, 0.5, 1.0, 0.0]),
        "cash_amount": st.sampled_from([0.1, 0.1005, 0.2, 5.0, -1.0]),
        "currency": st.sampled_from(["USD", None, "CAD"]),
        "source": st.sampled_from([NEW, OLD]),
        "vendor_id": st.sampled_from(["E1", "E2", "E3", None]),
        "declared_on": st.sampled_from(["2024-03-01", "2024-03-02", None]),
        "paid_on": st.sampled_from(["2024-05-01", "2024-06-01", None]),
    }
)
SESSIONS = np.array(["2024-03-28", "2024-04-01"], dtype="datetime64[D]")
NIGHTS = pd.concat([moved(2.1, "A", "2024-04-01"), moved(0.05, "B", "2024-03-28")])


def resolved(raw: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    return resolve(raw, sessions=SESSIONS, moves=NIGHTS, prefer=[NEW, OLD])


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(CLAIM, min_size=1, max_size=12), data=st.data())
def test_order_and_repetition_are_of_no_matter(
    rows: list[dict[str, object]], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(range(len(rows))), max_size=5))
    order = data.draw(st.permutations([*range(len(rows)), *again]))
    raw = listed(*rows)
    kept, losers = resolved(raw)
    other, more = resolved(raw.iloc[order])
    pd.testing.assert_frame_equal(other, kept)
    assert len(more) == len(losers) + len(again)


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(CLAIM, max_size=12))
def test_every_row_is_kept_once_or_lost_with_a_reason(rows: list[dict[str, object]]) -> None:
    raw = listed(*rows).assign(number=range(len(rows)))
    kept, losers = resolved(raw)
    assert sorted([*kept["number"], *losers["number"]]) == list(range(len(rows)))
    assert (losers["reason"].str.len() > 0).all()
    came = raw.set_index("number").loc[losers["number"]].reset_index()[raw.columns]
    pd.testing.assert_frame_equal(losers.drop(columns="reason"), came)
    # What the table demands.
    assert not kept.duplicated(["date", "symbol", "action_type"]).any()
    assert np.isin(kept["date"].to_numpy().astype("datetime64[D]"), SESSIONS).all()
    splits = kept["action_type"] == "split"
    assert (kept.loc[splits, "split_ratio"] > 0).all()
    assert (kept.loc[splits, "split_ratio"] != 1).all()
    assert (kept.loc[~splits, "cash_amount"] > 0).all()
