"""Splits, dividends, news and economic figures of the synthetic market.

Splits come with the vendor's own faults: about one in twenty stands twice, half of these with
another ratio the second time. The prices follow the first row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from quant_platform_tests.support.polygon_server.listings import Row
from quant_platform_tests.support.polygon_server.spells import (
    FEWEST_SESSIONS,
    SESSIONS_A_YEAR,
    Spells,
)

SPLITS_A_YEAR = 0.015
"""Share of places."""

DEAR = 30.0
"""Above this price a split gives more shares, below it fewer."""

FORWARD = ((1, 2), (1, 3), (2, 3), (1, 4), (1, 10))
REVERSE = ((5, 1), (10, 1), (20, 1), (30, 1))
"""Shares before and after."""

REPEATED, CONFLICTING = 20, 40
"""Every so many splits: a row stands twice; and the second one has another ratio."""

PAYERS = 0.25
"""Share of places that pay each quarter."""

QUARTER = 63
"""Sessions."""

YIELD = 0.006
"""Of the price, a quarter."""

SPECIAL = 50
"""Every so many payers pay a special dividend once."""

ARTICLES = 5
"""A session."""

MATURITIES = {
    "yield_1_month": 3.9,
    "yield_3_month": 4.0,
    "yield_6_month": 4.0,
    "yield_1_year": 3.9,
    "yield_2_year": 3.8,
    "yield_3_year": 3.8,
    "yield_5_year": 3.9,
    "yield_7_year": 4.0,
    "yield_10_year": 4.2,
    "yield_20_year": 4.7,
    "yield_30_year": 4.8,
}
"""Percent, at the start."""


@dataclass(frozen=True)
class Split:
    """A split of the security at `place`, executed in session `number`."""

    nth: int
    place: int
    number: int
    ticker: str
    day: date
    split_from: int
    split_to: int

    def rows(self) -> Iterator[Row]:
        """Rows of the API; now and then two."""
        row = {
            "id": f"SYNSPLIT{self.nth:06d}",
            "ticker": self.ticker,
            "execution_date": str(self.day),
            "split_from": self.split_from,
            "split_to": self.split_to,
        }
        yield row
        if self.nth % REPEATED == 0:
            wrong = {"split_to": self.split_to * 2} if self.nth % CONFLICTING == 0 else {}
            yield row | {"id": f"SYNSPLIT{self.nth:06d}A"} | wrong


def draw_splits(rng: np.random.Generator, spells: Spells, close: np.ndarray) -> list[Split]:
    """Draw splits of places that one security holds throughout."""
    places = spells.steady()
    sessions = len(spells.sessions)
    if sessions < FEWEST_SESSIONS or not len(places):
        return []
    wanted = max(2, round(SPLITS_A_YEAR * sessions / SESSIONS_A_YEAR * close.shape[1]))
    chosen = rng.permutation(places)[:wanted]
    splits = []
    for nth, place in enumerate(chosen.tolist()):
        number = int(rng.integers(1, sessions))
        ratios = FORWARD if close[number, place] > DEAR else REVERSE
        before, after = ratios[int(rng.integers(len(ratios)))]
        ticker = spells.symbol(place, number) or ""
        splits.append(Split(nth, place, number, ticker, spells.sessions[number], before, after))
    return splits


def draw_dividends(rng: np.random.Generator, spells: Spells, close: np.ndarray) -> Iterator[Row]:
    """Draw the quarterly dividends of some places, and a few special ones."""
    places = rng.permutation(spells.steady())
    for nth, place in enumerate(places[: max(1, round(PAYERS * len(places)))].tolist()):
        first = int(rng.integers(QUARTER))
        for k in range(first, len(spells.sessions), QUARTER):
            amount = max(round(float(close[k, place]) * YIELD, 2), 0.01)
            yield _dividend(f"{place:05d}{k:05d}", spells, place, k, amount, "CD")
        if nth % SPECIAL == 0 and first < len(spells.sessions):
            amount = max(round(float(close[first, place]) * YIELD * 5, 2), 0.05)
            yield _dividend(f"{place:05d}{first:05d}S", spells, place, first, amount, "SC")


def _dividend(name: str, spells: Spells, place: int, k: int, amount: float, kind: str) -> Row:
    ex_date = spells.sessions[k]
    return {
        "id": f"SYNDIV{name}",
        "ticker": spells.symbol(place, k),
        "cash_amount": amount,
        "currency": "USD",
        "declaration_date": str(ex_date - timedelta(days=20)),
        "dividend_type": kind,
        "ex_dividend_date": str(ex_date),
        "frequency": 0 if kind == "SC" else 4,
        "pay_date": str(ex_date + timedelta(days=14)),
        "record_date": str(ex_date),
    }


def draw_news(rng: np.random.Generator, spells: Spells) -> Iterator[Row]:
    """Draw articles; those of the first half of the time have no insights, as the vendor's."""
    for k, session in enumerate(spells.sessions):
        _, symbols = spells.of(k)
        for nth in range(ARTICLES):
            tickers = sorted({str(symbols[i]) for i in rng.integers(len(symbols), size=2)})
            number = f"{session:%Y%m%d}{nth:03d}"
            row: Row = {
                "id": f"synthetic-{number}",
                "publisher": {
                    "name": "Synthetic Wire",
                    "homepage_url": "https://news.example.com/",
                    "logo_url": "https://news.example.com/logo.svg",
                    "favicon_url": "https://news.example.com/favicon.ico",
                },
                "title": f"Synthetic article {number}",
                "author": "Synthetic Author",
                "published_utc": f"{session}T{int(rng.integers(9, 24)):02d}:{nth:02d}:00Z",
                "article_url": f"https://news.example.com/{number}",
                "tickers": tickers,
                "keywords": ["synthetic"],
            }
            if k >= len(spells.sessions) // 2:
                row["insights"] = [
                    {
                        "ticker": ticker,
                        "sentiment": ("positive", "neutral", "negative")[int(rng.integers(3))],
                        "sentiment_reasoning": "Synthetic.",
                    }
                    for ticker in tickers
                ]
            yield row


def draw_economy(rng: np.random.Generator, sessions: Sequence[date]) -> dict[str, tuple[Row, ...]]:
    """Draw yields by session, prices and labour by month; some maturities are absent."""
    levels = np.array(list(MATURITIES.values())) + np.cumsum(
        rng.normal(0.0, 0.04, (len(sessions), 1)), axis=0
    )
    yields = [
        {"date": str(day)}
        | {
            name: round(max(float(level), 0.01), 2)
            for name, level in zip(MATURITIES, row, strict=True)
            if not (name == "yield_20_year" and k % 10 == 0)
        }
        for k, (day, row) in enumerate(zip(sessions, levels, strict=True))
    ]
    months = sorted({day.replace(day=1) for day in sessions})
    inflation, labor = [], []
    for k, month in enumerate(months):
        cpi = round(310.0 * 1.0025**k, 3)
        inflation.append(
            {"date": str(month), "cpi": cpi, "cpi_core": round(cpi * 1.02, 3),
             "cpi_year_over_year": 3.0, "pce": round(cpi * 0.4, 3),
             "pce_core": round(cpi * 0.41, 3), "pce_spending": round(19_000 * 1.004**k, 1)}
        )  # fmt: skip
        labor.append(
            {"date": str(month), "unemployment_rate": round(4.0 + 0.02 * k, 1),
             "labor_force_participation_rate": 62.5,
             "avg_hourly_earnings": round(34.0 * 1.003**k, 2), "job_openings": 8_000.0}
        )  # fmt: skip
    return {
        "treasury_yields": tuple(yields),
        "inflation": tuple(inflation),
        "labor_market": tuple(labor),
    }
