"""The generated market: the same by its seed, consistent in itself, faulty as the vendor is."""

import math
from collections import Counter
from datetime import UTC, date, datetime

import httpx
import numpy as np
import pandas as pd
import pytest

from quant_platform.market.calendar import XNYS
from quant_platform_tests.support.polygon_server import ServedMarket, SetClock
from quant_platform_tests.test_support.polygon_server.conftest import Connect, grouped, rows

SESSIONS = XNYS.sessions(date(2024, 1, 2), date(2025, 1, 15))
SYMBOLS = 2_000


@pytest.fixture(scope="module")
def market() -> ServedMarket:
    return ServedMarket.synthetic(SYMBOLS, SESSIONS, seed=3)


@pytest.fixture(scope="module")
def frame(market: ServedMarket) -> pd.DataFrame:
    return pd.concat([market.bars(session).frame() for session in SESSIONS[::20]])


def test_same_seed_same_bytes(market: ServedMarket) -> None:
    again = ServedMarket.synthetic(SYMBOLS, SESSIONS, seed=3)
    other = ServedMarket.synthetic(SYMBOLS, SESSIONS, seed=4)
    session = SESSIONS[100]
    assert again.bars(session).render() == market.bars(session).render()
    assert other.bars(session).render() != market.bars(session).render()
    assert (again.listings, again.splits, again.dividends, again.news) == (
        market.listings,
        market.splits,
        market.dividends,
        market.news,
    )


def test_bars_are_bars(frame: pd.DataFrame) -> None:
    assert (frame["low"] <= frame[["open", "close"]].min(axis=1)).all()
    assert (frame["high"] >= frame[["open", "close"]].max(axis=1)).all()
    known = frame.dropna(subset=["vwap"])
    assert 0 < len(frame) - len(known) < 0.01 * len(frame)
    assert known["vwap"].between(known["low"], known["high"]).all()
    assert known["trades"].notna().all()
    assert (frame["low"] > 0).all()
    assert (frame["volume"] >= 1).all()
    assert not frame.duplicated(["date", "symbol"]).any()
    assert frame["symbol"].str.startswith("SY").all()


def test_about_as_many_rows_a_session_as_symbols(frame: pd.DataFrame) -> None:
    counts = frame.groupby("date").size()
    assert counts.between(SYMBOLS * 0.98, SYMBOLS * 1.02).all()


def test_dollar_volume_is_heavy_tailed(frame: pd.DataFrame) -> None:
    dollars = (frame["close"] * frame["volume"]).groupby(frame["symbol"]).mean()
    largest = dollars.nlargest(round(len(dollars) * 0.05))
    assert largest.sum() > 0.6 * dollars.sum()


def test_the_history_of_a_ticker_is_that_of_its_sessions(market: ServedMarket) -> None:
    history = market.history("SYN00005", SESSIONS[0], SESSIONS[-1])
    expected = [market.bars(session).row("SYN00005") for session in SESSIONS]
    assert history == [row for row in expected if row]


def test_prices_jump_by_the_splits(market: ServedMarket) -> None:
    checked = 0
    for split in {row["ticker"]: row for row in reversed(market.splits)}.values():
        day = date.fromisoformat(split["execution_date"])
        around = market.history(split["ticker"], SESSIONS[SESSIONS.index(day) - 1], day)
        if len(around) == 2:
            jump = around[1]["close"] / around[0]["close"]
            ratio = split["split_from"] / split["split_to"]
            assert abs(math.log(jump / ratio)) < 0.5
            checked += 1
    assert checked > 20


def test_renames_reuse_arrivals_and_departures(market: ServedMarket) -> None:
    bearers = Counter(row.symbol for row in market.listings)
    reused = [symbol for symbol, number in bearers.items() if number > 1]
    renamed = [row for row in market.listings if row.symbol.startswith("SYR")]
    assert len(reused) >= 3
    for symbol in reused:
        first, second = sorted(
            (row for row in market.listings if row.symbol == symbol), key=lambda row: row.first
        )
        assert first.security != second.security
        assert first.last is not None
        assert first.last < second.first
        assert first.delisted is not None
    for row in renamed:
        before, after = market.tickers_of(row.security)
        assert (before.figi, after.symbol) == (after.figi, row.symbol)
        assert before.delisted is None
    assert any(row.delisted for row in market.listings)
    assert any(row.list_date and row.list_date > SESSIONS[0] for row in market.listings)


def test_what_the_reference_lacks(market: ServedMarket, frame: pd.DataFrame) -> None:
    listed = {row.symbol for row in market.listings}
    strangers = set(frame["symbol"]) - listed
    assert 0 < len(strangers) < 0.01 * SYMBOLS
    nameless = [row for row in market.listings if row.figi is None]
    assert 0.04 < len(nameless) / len(market.listings) < 0.12


def test_every_bar_of_a_listed_ticker_lies_within_its_listing(
    market: ServedMarket, frame: pd.DataFrame
) -> None:
    listed = {row.symbol for row in market.listings}
    known = frame[frame["symbol"].isin(listed)].sample(500, random_state=1)
    for day, symbol in zip(known["date"], known["symbol"], strict=True):
        assert market.listing(symbol, day) is not None


def test_splits_stand_twice_and_contradict_each_other() -> None:
    splits = ServedMarket.synthetic(12_000, SESSIONS[:60], seed=1).splits
    rows_of = Counter((row["ticker"], row["execution_date"]) for row in splits)
    twice = [key for key, number in rows_of.items() if number == 2]
    ratios = {
        key: {
            row["split_to"] / row["split_from"]
            for row in splits
            if (row["ticker"], row["execution_date"]) == key
        }
        for key in twice
    }
    assert twice
    assert any(len(found) == 2 for found in ratios.values())


def test_dividends_and_economy(market: ServedMarket) -> None:
    frequencies = Counter(row["frequency"] for row in market.dividends)
    assert frequencies[4] > frequencies[0] > 0
    assert all(row["cash_amount"] > 0 for row in market.dividends)
    assert len(market.treasury_yields) == len(SESSIONS)
    assert any("yield_20_year" not in row for row in market.treasury_yields)
    assert [row["date"] for row in market.inflation][:2] == ["2024-01-01", "2024-02-01"]
    assert {"insights" in row for row in market.news} == {True, False}


def test_a_tiny_market_works() -> None:
    tiny = ServedMarket.synthetic(1, SESSIONS[:1], seed=1)
    assert len(tiny.listings) == 1
    assert ServedMarket.synthetic(20, SESSIONS[:10], seed=1).splits
    with pytest.raises(ValueError, match="at least one"):
        ServedMarket.synthetic(0, SESSIONS)


def test_it_is_served_as_it_was_generated(connect: Connect, market: ServedMarket) -> None:
    clock = SetClock(datetime(2025, 2, 1, tzinfo=UTC))
    server, client = connect(market, clock=clock)
    size = server.prepare(SESSIONS[:3])
    assert size > 100_000
    session = SESSIONS[2]
    served = pd.DataFrame(client.get(grouped(session)).json()["results"])
    bars = market.bars(session).frame()
    names = {"T": "symbol", "o": "open", "h": "high", "l": "low", "c": "close", "v": "volume"}
    expected = bars[list(names.values())]
    found = served.rename(columns=names)[list(names.values())].astype({"volume": float})
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    np.testing.assert_array_equal(served["vw"].to_numpy(), bars["vwap"].to_numpy())
    _reference_is_complete(client, market, session)


def test_a_large_answer_arrives_whole_before_the_connection_closes(
    connect: Connect, market: ServedMarket
) -> None:
    _, client = connect(market, clock=SetClock(datetime(2025, 2, 1, tzinfo=UTC)))
    headers = {"Accept-Encoding": "identity", "Connection": "close"}
    for _ in range(5):
        answer = client.get(grouped(SESSIONS[0]), headers=headers)
        assert len(answer.content) > 150_000
        assert answer.headers["Connection"] == "close"


def _reference_is_complete(client: httpx.Client, market: ServedMarket, session: date) -> None:
    found = rows(client, f"/v3/reference/tickers?date={session}&limit=1000")
    expected = sorted(row.symbol for row in market.listings if row.holds(session))
    assert [row["ticker"] for row in found] == expected
