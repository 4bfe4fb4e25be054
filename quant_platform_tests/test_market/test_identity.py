"""What tickers mean: the renames and reuses that are known from the real market, by hand.

FIGIs are those of OpenFIGI as the issue threads of the vendor quote them; the days are the
exchange's: META 2022-06-09, GOOG and GOOGL 2014-04-03. The law that a book built from stored rows
goes on as one that was never closed is tested over a random market.
"""

import random
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from quant_platform.market.calendar import XNYS
from quant_platform.market.identity import (
    RECENT_SESSIONS,
    IdentityBook,
    Resolution,
    anchor_since,
    fixed_identities,
)
from quant_platform.market.identity.tickers import Tickers
from quant_platform.vendors.answers import Listing

RICH, POOR = 1e9, 1.0
DOLLARS = 1e6

FACEBOOK = Listing("FB", figi="BBG000MM2P62", cik="0001326801", company_name="Meta Platforms")
FUND = Listing("META", figi="BBG011CTHXX1", company_name="Roundhill Ball Metaverse ETF")
CLASS_A = Listing("GOOG", figi="BBG009S39JX6", cik="0001288776", company_name="Google Inc. A")
CLASS_C = Listing("GOOG", figi="BBG009S3NB30", cik="0001288776", company_name="Google Inc. C")


class World:
    """A reference that knows which listing each ticker has, from when to when."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, date, date, Listing]] = []
        self.asked: list[tuple[str, date]] = []
        self.changes: dict[str, list[tuple[date, str]]] = {}
        self.lists: list[date] = []

    def put(self, symbol: str, first: str, last: str, listing: Listing) -> None:
        said = Listing(**{**vars(listing), "symbol": symbol})
        self.spans.append((symbol, date.fromisoformat(first), date.fromisoformat(last), said))

    def listed(self, session: date, *, delisted_since: date | None = None) -> Sequence[Listing]:
        if delisted_since is not None:
            return []
        self.lists.append(session)
        return [said for _, first, last, said in self.spans if first <= session <= last]

    def details(self, symbol: str, session: date) -> Listing | None:
        self.asked.append((symbol, session))
        for name, first, last, said in self.spans:
            if name == symbol and first <= session <= last:
                return said
        return None

    def ticker_changes(self, figi: str) -> Sequence[tuple[date, str]]:
        return self.changes.get(figi, [])


def step(
    book: IdentityBook, world: World, day: str, dollars: dict[str, float], *, anchor: bool = False
) -> dict[str, str]:
    """Resolve one session; ticker → security."""
    names = sorted(dollars)
    found = resolve(book, world, date.fromisoformat(day), names, dollars, anchor)
    return dict(zip(names, found.security_ids.to_pylist(), strict=True))


def resolve(
    book: IdentityBook,
    world: World,
    session: date,
    names: Sequence[str],
    dollars: dict[str, float],
    anchor: bool,
) -> Resolution:
    return book.resolve(
        session,
        pa.array(names, pa.large_string()),
        np.array([dollars[name] for name in names]),
        world,
        anchor=anchor,
        delisted_since=None,
        dollars=DOLLARS,
    )


def test_facebook_becomes_meta_and_the_fund_before_it_is_another() -> None:
    world = World()
    world.put("FB", "2012-05-18", "2022-06-08", FACEBOOK)
    world.put("META", "2021-06-30", "2022-01-28", FUND)
    world.put("METV", "2022-01-31", "2030-01-01", FUND)
    world.put("META", "2022-06-09", "2030-01-01", FACEBOOK)
    book = IdentityBook()
    first = step(book, world, "2022-01-28", {"FB": RICH, "META": RICH})
    assert first == {"FB": "BBG000MM2P62", "META": "BBG011CTHXX1"}
    renamed = step(book, world, "2022-01-31", {"FB": RICH, "METV": RICH})
    assert renamed == {"FB": "BBG000MM2P62", "METV": "BBG011CTHXX1"}
    last = step(book, world, "2022-06-09", {"META": RICH, "METV": RICH})
    assert last == {"META": "BBG000MM2P62", "METV": "BBG011CTHXX1"}


def test_goog_passes_from_one_share_class_to_another_overnight() -> None:
    world = World()
    world.put("GOOG", "2004-08-19", "2014-04-02", CLASS_A)
    world.put("GOOGL", "2014-04-03", "2030-01-01", CLASS_A)
    world.put("GOOG", "2014-04-03", "2030-01-01", CLASS_C)
    book = IdentityBook()
    assert step(book, world, "2014-04-02", {"GOOG": RICH}) == {"GOOG": "BBG009S39JX6"}
    after = step(book, world, "2014-04-03", {"GOOG": RICH, "GOOGL": RICH})
    assert after == {"GOOG": "BBG009S3NB30", "GOOGL": "BBG009S39JX6"}


def test_a_security_adopts_a_ticker_that_is_in_use() -> None:
    """T takes over S on the day S's company is gone: no ticker is new, one is missing."""
    world = World()
    buyer = Listing("T", figi="FIGI-T", company_name="Buyer")
    world.put("T", "2020-01-01", "2020-03-03", buyer)
    world.put("S", "2020-01-01", "2020-03-03", Listing("S", figi="FIGI-S", company_name="Bought"))
    world.put("S", "2020-03-04", "2030-01-01", buyer)
    world.changes["FIGI-T"] = [(date(2020, 1, 1), "T"), (date(2020, 3, 4), "S")]
    book = IdentityBook()
    step(book, world, "2020-03-03", {"S": RICH, "T": RICH})
    assert step(book, world, "2020-03-04", {"S": RICH}) == {"S": "FIGI-T"}


def test_a_ticker_change_that_the_reference_does_not_confirm_is_not_believed() -> None:
    world = World()
    world.put("T", "2020-01-01", "2030-01-01", Listing("T", figi="FIGI-T"))
    world.put("S", "2020-01-01", "2030-01-01", Listing("S", figi="FIGI-S"))
    world.changes["FIGI-T"] = [(date(2020, 3, 4), "S")]
    book = IdentityBook()
    step(book, world, "2020-03-03", {"S": RICH, "T": RICH})
    assert step(book, world, "2020-03-04", {"S": RICH}) == {"S": "FIGI-S"}


def test_a_ticker_that_comes_back_as_another_company_is_another_security() -> None:
    world = World()
    world.put("XY", "2020-01-01", "2020-03-03", Listing("XY", cik="1", company_name="Old Co"))
    world.put("XY", "2020-03-12", "2030-01-01", Listing("XY", cik="2", company_name="New Co"))
    world.put("ZZ", "2020-01-01", "2030-01-01", Listing("ZZ", figi="FIGI-ZZ"))
    book = IdentityBook()
    days = [day.isoformat() for day in XNYS.sessions(date(2020, 3, 3), date(2020, 3, 12))]
    old = step(book, world, days[0], {"XY": RICH, "ZZ": RICH})["XY"]
    for day in days[1:-1]:
        step(book, world, day, {"ZZ": RICH})
    new = step(book, world, days[-1], {"XY": RICH, "ZZ": RICH})["XY"]
    assert (old, new) == ("XY@2020-03-03", "XY@2020-03-12")


def test_a_name_without_figi_is_kept_through_a_pause() -> None:
    world = World()
    world.put("XY", "2020-01-01", "2030-01-01", Listing("XY", cik="1", company_name="Same Co"))
    book = IdentityBook()
    days = [day.isoformat() for day in XNYS.sessions(date(2020, 3, 3), date(2020, 3, 12))]
    assert step(book, world, days[0], {"XY": RICH}) == {"XY": "XY@2020-03-03"}
    for day in days[1:-1]:
        step(book, world, day, {})
    assert step(book, world, days[-1], {"XY": RICH}) == {"XY": "XY@2020-03-03"}


def test_what_no_reference_names_is_kept_and_marked() -> None:
    book, world = IdentityBook(), World()
    found = resolve(book, world, date(2020, 3, 3), ["??"], {"??": RICH}, False)
    assert found.security_ids.to_pylist() == ["??@2020-03-03"]
    assert found.securities["evidence"].tolist() == ["bars"]
    assert found.symbols["reason"].tolist() == ["new"]


def test_hardly_traded_tickers_cost_no_request() -> None:
    book, world = IdentityBook(), World()
    world.put("AA", "2020-01-01", "2030-01-01", Listing("AA", figi="FIGI-AA"))
    world.put("BB", "2020-03-04", "2030-01-01", Listing("BB", figi="FIGI-BB"))
    step(book, world, "2020-03-03", {"AA": RICH})
    assert step(book, world, "2020-03-04", {"AA": RICH, "BB": POOR})["BB"] == "BB@2020-03-04"
    assert world.asked == []
    # The next list says who it is; its name is permanent and stays.
    step(book, world, "2020-04-01", {"AA": RICH, "BB": POOR}, anchor=True)
    assert step(book, world, "2020-04-02", {"AA": RICH, "BB": POOR})["BB"] == "BB@2020-03-04"


def test_two_tickers_that_claim_one_figi_do_not_join() -> None:
    world = World()
    for symbol in ("AA", "AB"):
        world.put(symbol, "2020-01-01", "2030-01-01", Listing(symbol, figi="FIGI-1"))
    book = IdentityBook()
    first = step(book, world, "2020-03-03", {"AA": RICH, "AB": RICH})
    assert first == {"AA": "FIGI-1", "AB": "AB@2020-03-03"}
    assert step(book, world, "2020-04-01", {"AA": RICH, "AB": RICH}, anchor=True) == first


def test_a_list_with_holes_retires_nobody() -> None:
    world = World()
    for number in range(10):
        last = "2020-03-31" if number < 5 else "2030-01-01"
        world.put(f"S{number}", "2020-01-01", last, Listing("", figi=f"F{number}"))
    book = IdentityBook()
    step(book, world, "2020-03-03", {"S9": RICH})
    found = resolve(book, world, date(2020, 4, 1), ["S9"], {"S9": RICH}, True)
    assert found.symbols.empty


@pytest.mark.parametrize(
    ("day", "cadence", "since"),
    [
        ("2020-03-03", "monthly", None),
        ("2020-03-02", "monthly", "2020-02-01"),
        ("2020-03-03", "weekly", None),
        ("2020-03-02", "weekly", "2020-02-24"),
        ("2020-03-03", "daily", "2020-03-02"),
    ],
)
def test_anchors(day: str, cadence: str, since: str | None) -> None:
    session = date.fromisoformat(day)
    found = anchor_since(session, XNYS.previous(session), cadence)
    assert (found.isoformat() if found else None) == since


def test_fixed_identities_begin_with_the_listing() -> None:
    reference = pd.DataFrame(
        {
            "symbol": ["A", "B"],
            "company_name": ["A Inc.", "B Inc."],
            "sector": "Things",
            "listing_date": pd.to_datetime(["2020-03-03", "2020-03-05"]),
        }
    )
    securities, symbols = fixed_identities(
        reference, [date(2020, 3, 4), date(2020, 3, 5)], already_described={"A"}
    )
    assert securities[["security_id", "company_name"]].to_numpy().tolist() == [["B", "B Inc."]]
    assert symbols[["symbol", "security_id", "reason"]].to_numpy().tolist() == [
        ["B", "B", "listed"]
    ]


def test_a_fixed_symbol_is_retired_in_the_session_after_its_delisting_however_it_is_cut() -> None:
    """Delisted on a Friday: known on Monday, in one run or in two; what ended before is no more."""
    reference = pd.DataFrame(
        {
            "symbol": ["A", "OLD"],
            "company_name": ["A Inc.", None],
            "sector": None,
            "listing_date": pd.to_datetime(["2020-03-03", "2019-01-02"]),
            "delisted_on": pd.to_datetime(["2020-03-06", "2020-02-03"]),
        }
    )
    days = list(XNYS.sessions(date(2020, 3, 4), date(2020, 3, 10)))
    whole, meanings = fixed_identities(reference, days)
    assert whole[["date", "security_id"]].astype(str).to_numpy().tolist() == [
        ["2020-03-04", "A"],
        ["2020-03-09", "A"],
    ]
    assert whole["delisted_on"].isna().tolist() == [True, False]
    assert whole["delisted_on"].iloc[1] == pd.Timestamp("2020-03-06")
    assert meanings["security_id"].tolist()[0] == "A"
    assert meanings["reason"].tolist() == ["listed", "retired"]
    for cut in range(1, len(days)):
        first, _ = fixed_identities(reference, days[:cut])
        since = XNYS.day_after_previous(days[cut])
        rest, _ = fixed_identities(reference, days[cut:], {"A"}, since)
        pd.testing.assert_frame_equal(pd.concat([first, rest], ignore_index=True), whole)


def random_market(seed: int) -> tuple[World, list[date], list[dict[str, float]]]:
    """Tickers that are listed, renamed, reused, absent and delisted at random."""
    chance = random.Random(seed)  # noqa: S311 — a test market
    days = list(XNYS.sessions(date(2020, 1, 2), date(2020, 4, 30)))
    world, bars = World(), [dict[str, float]() for _ in days]
    for number in range(60):
        figi = f"F{number}" if chance.random() < 0.7 else None
        listing = Listing("", figi=figi, cik=str(number), company_name=f"Company {number}")
        at = chance.randrange(len(days) // 2) if chance.random() < 0.5 else 0
        while at < len(days):
            until = min(at + chance.randrange(10, 80), len(days) - 1)
            symbol = f"T{chance.randrange(45)}"
            busy = any(
                s == symbol and f <= days[until] and la >= days[at] for s, f, la, _ in world.spans
            )
            if not busy:
                world.put(symbol, days[at].isoformat(), days[until].isoformat(), listing)
                if figi:
                    world.changes.setdefault(figi, []).append((days[at], symbol))
                size = RICH if chance.random() < 0.6 else POOR
                for place in range(at, until + 1):
                    if chance.random() < 0.9:
                        bars[place][symbol] = size
            at = until + 1
    return world, days, bars


@pytest.mark.parametrize("seed", range(2))
def test_a_book_built_from_rows_goes_on_as_one_that_was_never_closed(seed: int) -> None:
    world, days, bars = random_market(seed)
    whole = IdentityBook()
    rows: list[Any] = []
    for day, traded in zip(days, bars, strict=True):
        anchor = anchor_since(day, XNYS.previous(day), "monthly") is not None
        names = sorted(traded)
        securities = pd.concat([found.securities for found in rows]) if rows else None
        if securities is None:
            again = IdentityBook()
        else:
            recent = [
                pd.DataFrame(
                    {
                        "date": pd.Timestamp(past),
                        "symbol": pd.array(sorted(old), dtype="str"),
                        "dollars": [old[name] for name in sorted(old)],
                    }
                )
                for past, old in zip(days, bars, strict=True)
                if past < day
            ][-RECENT_SESSIONS:]
            again = IdentityBook.from_frames(
                securities,
                pd.concat([found.symbols for found in rows]),
                pd.concat(recent),
                DOLLARS,
            )
        kept = resolve(whole, world, day, names, traded, anchor)
        anew = resolve(again, world, day, names, traded, anchor)
        assert kept.security_ids == anew.security_ids, day
        pd.testing.assert_frame_equal(kept.securities, anew.securities)
        pd.testing.assert_frame_equal(kept.symbols, anew.symbols)
        assert len(kept.security_ids.unique()) == len(names), "two tickers of one security"
        rows.append(kept)


@pytest.mark.parametrize("seed", range(6))
def test_a_series_never_joins_two_companies(seed: int) -> None:
    """With the list of every session: rows of one security are of one company.

    Between two lists of a coarser cadence, a ticker that passes on within `RETURN_SESSIONS` and
    without a new one beside it shows only in the next list.
    """
    world, days, bars = random_market(seed)
    book, company = IdentityBook(), dict[str, str | None]()
    for day, traded in zip(days, bars, strict=True):
        rich = {name: size for name, size in traded.items() if size == RICH}
        names = sorted(rich)
        found = resolve(book, world, day, names, rich, True)
        for name, security in zip(names, found.security_ids.to_pylist(), strict=True):
            truth = world.details(name, day)
            assert truth is not None
            assert company.setdefault(security, truth.cik) == truth.cik, (day, name, security)


def test_tickers_keep_their_numbers_beyond_the_room_they_began_with() -> None:
    tickers = Tickers()
    names = [f"T{number}" for number in range(3000)]
    first = tickers.places(pa.array(names[:5], pa.large_string()))
    tickers.mean("T1", "S1")
    again = tickers.places(pa.array(names[::-1], pa.large_string()))
    assert first.tolist() == [0, 1, 2, 3, 4]
    assert again[::-1][:5].tolist() == [0, 1, 2, 3, 4]
    assert sorted(again.tolist()) == list(range(3000))
    assert tickers.names[int(again[0])] == "T2999"
    assert tickers.mean_none(again[::-1]).tolist() == [True, False] + [True] * 2998
    assert tickers.securities(first[1:2]).to_pylist() == ["S1"]
    tickers.mean("T1", None)
    assert tickers.mean_none(first).all()
