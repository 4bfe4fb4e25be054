"""A ticker that passes to another share class, at a vendor that sends no FIGI.

The shape is Google's of 3 April 2014: GOOG passed to the new class C, and class A went on as GOOGL,
which appeared that day.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from quant_platform.market.identity import IdentityBook, Resolution
from quant_platform.vendors.answers import Listing

CIK = "0001288776"
BEFORE, DAY = date(2014, 4, 2), date(2014, 4, 3)
RICH, POOR = 1e9, 1.0


class Reference:
    """Listings as of the days before `DAY` and from it on."""

    def __init__(self, before: Sequence[Listing], since: Sequence[Listing]) -> None:
        self._before, self._since = before, since
        self.asked: list[str] = []

    def _as_of(self, session: date) -> Sequence[Listing]:
        return self._since if session >= DAY else self._before

    def listed(self, session: date, *, delisted_since: date | None = None) -> Sequence[Listing]:
        return [] if delisted_since else self._as_of(session)

    def details(self, symbol: str, session: date) -> Listing | None:
        self.asked.append(symbol)
        return next((each for each in self._as_of(session) if each.symbol == symbol), None)

    def ticker_changes(self, figi: str) -> Sequence[tuple[date, str]]:
        return []


def listing(symbol: str, name: str | None, cik: str | None = CIK) -> Listing:
    return Listing(symbol, cik=cik, company_name=name)


OTHERS = [listing(f"O{number}", f"Other {number}", f"{number}") for number in range(5)]


def step(
    book: IdentityBook,
    reference: Reference,
    day: date,
    prices: dict[str, tuple[float, float]],
    *,
    anchor: bool = False,
    traded: float = RICH,
) -> Resolution:
    """Resolve a session in which tickers have an open and a close, and five others go on at 10."""
    bars = {each.symbol: (10.0, 10.0) for each in OTHERS} | prices
    names = sorted(bars)
    return book.resolve(
        day,
        pa.array(names, pa.large_string()),
        np.array([traded if name in prices else RICH for name in names]),
        reference,
        anchor=anchor,
        delisted_since=None,
        dollars=1e6,
        opens=np.array([bars[name][0] for name in names]),
        closes=np.array([bars[name][1] for name in names]),
    )


def meanings(
    now: Sequence[Listing],
    prices: dict[str, tuple[float, float]],
    *,
    first: str | None = "Google Inc. Class A",
    anchor: bool = False,
    cik: str | None = CIK,
) -> tuple[dict[str, str], list[str], Reference]:
    """What GOOG and GOOGL mean after the night, the reasons that were noted, and who was asked."""
    reference = Reference([listing("GOOG", first, cik), *OTHERS], [*now, *OTHERS])
    book = IdentityBook()
    step(book, reference, BEFORE, {"GOOG": (1130.0, 1135.1)})
    reference.asked.clear()
    found = step(book, reference, DAY, prices, anchor=anchor)
    names = sorted([each.symbol for each in OTHERS] + list(prices))
    securities = dict(zip(names, found.security_ids.to_pylist(), strict=True))
    return {name: securities[name] for name in prices}, list(found.symbols["reason"]), reference


CLASS_A, CLASS_C = "GOOG@2014-04-02", "GOOG@2014-04-03"
HALF = {"GOOG": (569.85, 569.74), "GOOGL": (1137.0, 1140.0)}
"""The second class opens at half the price of the first, which goes on as it was."""

NAMED = [listing("GOOG", "Google Inc. Class C"), listing("GOOGL", "Google Inc. Class A")]
ALIKE = [listing("GOOG", "Google Inc."), listing("GOOGL", "Google Inc.")]


@pytest.mark.parametrize("anchor", [False, True])
def test_names_say_that_the_first_class_goes_on_as_the_stranger(anchor: bool) -> None:
    found, reasons, _ = meanings(NAMED, HALF, anchor=anchor)
    assert found == {"GOOG": CLASS_C, "GOOGL": CLASS_A}
    assert sorted(reasons) == ["renamed", "reused"]


@pytest.mark.parametrize("anchor", [False, True])
def test_names_are_enough_where_both_classes_cost_the_same(anchor: bool) -> None:
    same = {"GOOG": (1133.0, 1134.0), "GOOGL": (1137.0, 1140.0)}
    found, _, _ = meanings(NAMED, same, anchor=anchor)
    assert found == {"GOOG": CLASS_C, "GOOGL": CLASS_A}


@pytest.mark.parametrize("anchor", [False, True])
@pytest.mark.parametrize("cik", [CIK, None])
def test_where_names_do_not_tell_the_night_cuts_and_it_is_said(
    anchor: bool, cik: str | None
) -> None:
    now = [listing("GOOG", "Google Inc.", cik), listing("GOOGL", "Google Inc.", cik)]
    found, reasons, _ = meanings(now, HALF, first="Google Inc.", anchor=anchor, cik=cik)
    assert found == {"GOOG": CLASS_C, "GOOGL": "GOOGL@2014-04-03"}
    assert "conflict" in reasons


def test_names_that_all_differ_are_no_proof_and_the_night_cuts() -> None:
    """Before the change the vendor said Google Inc., after it Class A and Class C."""
    found, reasons, _ = meanings(NAMED, HALF, first="Google Inc.")
    assert found == {"GOOG": CLASS_C, "GOOGL": "GOOGL@2014-04-03"}
    assert "conflict" in reasons


def test_a_new_class_beside_the_first_leaves_it_alone() -> None:
    now = [listing("GOOG", "Google Inc. Class A"), listing("GOOGL", "Google Inc. Class C")]
    quiet = {"GOOG": (1133.0, 1134.0), "GOOGL": (569.0, 570.0)}
    found, _, reference = meanings(now, quiet)
    assert found == {"GOOG": CLASS_A, "GOOGL": "GOOGL@2014-04-03"}
    assert reference.asked == ["GOOGL"], "a quiet night under another name is no reason to ask"


def test_a_split_on_the_day_of_a_new_class_cuts_nothing_where_the_name_stays() -> None:
    now = [listing("GOOG", "Google Inc. Class A"), listing("GOOGL", "Google Inc. Class C")]
    found, _, reference = meanings(now, {"GOOG": (567.0, 568.0), "GOOGL": (569.0, 570.0)})
    assert found == {"GOOG": CLASS_A, "GOOGL": "GOOGL@2014-04-03"}
    assert reference.asked == ["GOOGL", "GOOG"]


def test_a_night_that_the_whole_market_moved_explains_itself() -> None:
    reference = Reference([listing("GOOG", "Google Inc."), *OTHERS], [*ALIKE, *OTHERS])
    book = IdentityBook()
    step(book, reference, BEFORE, {"GOOG": (100.0, 100.0)})
    crash = {each.symbol: (7.0, 7.0) for each in OTHERS}
    found = step(book, reference, DAY, {"GOOG": (70.0, 70.0), "GOOGL": (70.0, 70.0), **crash})
    assert found.security_ids.to_pylist()[:2] == ["GOOG@2014-04-02", "GOOGL@2014-04-03"]


def test_a_book_built_from_rows_remembers_the_closes() -> None:
    reference = Reference([listing("GOOG", "Google Inc."), *OTHERS], [*ALIKE, *OTHERS])
    first = IdentityBook()
    before = step(first, reference, BEFORE, {"GOOG": (1130.0, 1135.1)})
    names = sorted(["GOOG", *(each.symbol for each in OTHERS)])
    recent = before.symbols.assign(dollars=RICH, close_price=10.0)[
        ["date", "symbol", "dollars", "close_price"]
    ]
    assert recent["symbol"].tolist() == names
    recent.loc[recent["symbol"] == "GOOG", "close_price"] = 1135.1
    again = IdentityBook.from_frames(before.securities, before.symbols, recent, 1e6)
    kept, anew = (step(book, reference, DAY, HALF) for book in (first, again))
    assert kept.security_ids == anew.security_ids
    assert "conflict" in set(anew.symbols["reason"])
