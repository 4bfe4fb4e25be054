"""A generated market of any size, deterministic by its seed; every ticker and name says synthetic.

The market has a few places more than `symbols`, and each place a price path: a geometric random
walk whose step and level are the place's own. Who holds the place when is told by spells
(`spells.py`), so that renames, delistings, new listings and reused tickers change names and leave
about as many rows a session. The closes of all places stand in one array (8 bytes a bar); the other
fields of a bar are drawn when it is asked for, from a hash of seed, session and place.

Dollar volume is log-normal across places with σ 2.4 about 1.2 million, so that a few names hold
most of the turnover and a fifth trades below 200,000 dollars a day.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np

from quant_platform.vendors.synthetic.draws import drawn, uniform
from quant_platform_tests.support.polygon_server.bars import FIELDS, Bars
from quant_platform_tests.support.polygon_server.listings import Row
from quant_platform_tests.support.polygon_server.spells import Spells, draw_spells
from quant_platform_tests.support.polygon_server.synthetic_events import (
    draw_dividends,
    draw_economy,
    draw_news,
    draw_splits,
)

MEDIAN_PRICE, PRICE_SIGMA = 18.0, 1.2
MEDIAN_DOLLARS, DOLLARS_SIGMA = 1.2e6, 2.4
MEDIAN_STEP, STEP_SIGMA = 0.02, 0.5
"""Medians and log-normal σ across places: price, dollars traded and σ of a day's return."""

LOWEST_PRICE, HIGHEST_PRICE = 0.05, 5_000.0
ILLIQUID = 20_000.0
"""Dollars a day; below, a place misses some sessions and some rows lack vwap and trades."""

SILENT, UNKNOWN = 0.1, 0.03
"""Share of sessions in which an illiquid place does not trade, or lacks vwap and trades."""

SPARE = 0.024
"""Share of places that are empty or silent on a day."""

SHARES_A_TRADE = 80.0
CENTS, FINE = 100.0, 10_000.0
"""Ticks per currency unit: from 1.00 up, and below."""


class SyntheticBars:
    """Bars of the generated market, a `BarSource`."""

    def __init__(self, symbols: int, sessions: Sequence[date], seed: int) -> None:
        self.sessions = tuple(sessions)
        self._seed = seed
        self._number = {session: k for k, session in enumerate(self.sessions)}
        rng = np.random.default_rng(seed)
        self.spells: Spells = draw_spells(rng, symbols, self.sessions)
        self._step = np.clip(rng.lognormal(np.log(MEDIAN_STEP), STEP_SIGMA, symbols), 0.002, 0.15)
        self._dollars = np.maximum(
            rng.lognormal(np.log(MEDIAN_DOLLARS), DOLLARS_SIGMA, symbols), 2_000.0
        )
        level = np.clip(rng.lognormal(np.log(MEDIAN_PRICE), PRICE_SIGMA, symbols), 0.5, 1_000.0)
        self.close = self._walk(level)
        self.splits = draw_splits(rng, self.spells, self.close)
        for split in self.splits:
            self.close[split.number :, split.place] *= split.split_from / split.split_to
        self.close = _on_ticks(np.clip(self.close, LOWEST_PRICE, None))

    def bars(self, session: date) -> Bars:
        k = self._number.get(session)
        if k is None:
            return Bars.none(session)
        places, symbols = self.spells.of(k)
        fields, trades_today = self._fields(np.full(len(places), k), places)
        otc = np.zeros(len(places), dtype=bool)
        return Bars(session, symbols, **fields, otc=otc).where(trades_today)

    def history(self, symbol: str, first: date, last: date) -> list[Row]:
        """Rows of one ticker, drawn alone: the same as in the bars of each session."""
        low, high = bisect_left(self.sessions, first), bisect_right(self.sessions, last)
        held = [
            (k, place)
            for k in range(low, high)
            if (place := self.spells.place(symbol, k)) is not None
        ]
        if not held:
            return []
        numbers, places = np.array(held).T
        fields, trades_today = self._fields(numbers, places)
        return [
            {"date": self.sessions[k], "symbol": symbol}
            | {name: float(values[i]) for name, values in fields.items() if values[i] == values[i]}
            for i, k in enumerate(numbers.tolist())
            if trades_today[i]
        ]

    def close_before(self, symbol: str, day: date) -> float | None:
        last = int(bisect_left(self.sessions, day)) - 1
        place = self.spells.place(symbol, last) if last >= 0 else None
        return None if place is None else float(self.close[last, place])

    def _fields(
        self, numbers: np.ndarray, places: np.ndarray
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Fields of the bars of session numbers and places, pair by pair; and who trades at all."""
        step, dollars = self._step[places], self._dollars[places]
        close = self.close[numbers, places]
        move, up, down, turnover, mean, silence = (
            drawn(self._seed, nth, numbers, places) for nth in range(6)
        )
        opened = _on_ticks(close * np.exp(0.7 * step * _normal(move)))
        top, bottom = np.maximum(opened, close), np.minimum(opened, close)
        high = np.maximum(top, _on_ticks(top * np.exp(0.5 * step * np.abs(_normal(up)))))
        low = np.minimum(bottom, _on_ticks(bottom * np.exp(-0.5 * step * np.abs(_normal(down)))))
        volume = np.maximum(np.rint(dollars / close * np.exp(0.5 * _normal(turnover))), 1.0)
        trades = np.maximum(np.rint(volume / SHARES_A_TRADE), 1.0)
        typical = (high + low + close) / 3.0
        vwap = np.clip(np.round(typical * (1.0 + 1e-4 * _normal(mean)), 4), low, high)
        quiet = np.where(dollars < ILLIQUID, uniform(silence), 0.5)
        vwap[quiet > 1.0 - UNKNOWN] = trades[quiet > 1.0 - UNKNOWN] = np.nan
        values = (opened, high, low, close, volume, vwap, trades)
        return dict(zip(FIELDS, values, strict=True)), quiet >= SILENT

    def _walk(self, level: np.ndarray) -> np.ndarray:
        """Closes before splits, sessions × places; a new holder starts at a new level."""
        closes = np.empty((len(self.sessions), len(level)))
        for k, session in enumerate(self.sessions):
            rng = np.random.default_rng([self._seed, session.toordinal(), 1])
            steps = self._step * rng.standard_normal(len(level))
            level = np.clip(level * np.exp(steps - self._step**2 / 2), LOWEST_PRICE, HIGHEST_PRICE)
            fresh = self.spells.new_holders(k)
            level[fresh] *= rng.uniform(2.0, 5.0, len(fresh))
            closes[k] = level
        return closes


def synthetic_tables(symbols: int, sessions: Sequence[date], seed: int) -> dict[str, Any]:
    """Generate the fields of a `ServedMarket`.

    Parameters
    ----------
    symbols : rows of a session, within 1 % in a market of thousands over two years; some places
        are empty or do not trade on a day, so there are a few more of them
    sessions : the sessions it has bars for, ascending
    seed : the same seed, symbols and sessions give the same market, byte for byte
    """
    if symbols < 1 or not sessions:
        raise ValueError("a synthetic market needs at least one symbol and one session")
    source = SyntheticBars(round(symbols * (1 + SPARE)), sessions, seed)
    rng = np.random.default_rng([seed, 2])
    return {
        "source": source,
        "listings": source.spells.listings(rng),
        "splits": tuple(row for split in source.splits for row in split.rows()),
        "dividends": tuple(draw_dividends(rng, source.spells, source.close)),
        "news": tuple(draw_news(rng, source.spells)),
        **draw_economy(rng, source.sessions),
    }


def _normal(bits: np.ndarray) -> np.ndarray:
    """Mean 0 and variance 1: the sum of three uniform variates of 21 bits, within ±3."""
    parts = ((bits >> np.uint64(21 * i)) & np.uint64(0x1FFFFF) for i in range(3))
    return 2.0 * (np.sum([part / float(1 << 21) for part in parts], axis=0) - 1.5)


def _on_ticks(price: np.ndarray) -> np.ndarray:
    ticks = np.where(price < 1.0, FINE, CENTS)
    return np.maximum(np.rint(price * ticks), 1.0) / ticks
