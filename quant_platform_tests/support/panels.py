"""Panels for the tests of features: one symbol written out by hand, or a seeded random market."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.features.extras import Extras
from quant_platform.kernels.arrays import BoolArray
from quant_platform.market.panel import Panel

FloatArray = NDArray[np.float64]

ODD_SPLITS = (3.0, 1.5, 7.0, 2.0, 1 / 8, 20.0)


LONGEST = 1_000
"""Sessions of the longest market."""


def news_frame(rows: Sequence[tuple[object, str, float]] = ()) -> pd.DataFrame:
    """Rows of (session, symbol, sentiment)."""
    frame = pd.DataFrame(rows, columns=["date", "security_id", "sentiment"])
    return frame.astype({"date": "datetime64[s]", "security_id": "str", "sentiment": np.float64})


def sessions_of(count: int) -> NDArray[np.datetime64]:
    """Consecutive weekdays."""
    return np.busday_offset("2001-01-01", np.arange(count), roll="forward")


@dataclass(frozen=True)
class MarketFrames:
    """Rows as the database has them, from which a panel over any sessions is built."""

    bars: pd.DataFrame
    actions: pd.DataFrame
    sessions: NDArray[np.datetime64]
    news: pd.DataFrame = field(default_factory=news_frame)

    def panel(self, start: int = 0, stop: int | None = None) -> Panel:
        """Panel over sessions start … stop − 1, built from nothing but their own rows."""
        window = self.sessions[start:stop]
        first, last = pd.Timestamp(window[0]), pd.Timestamp(window[-1])
        bars, actions, news = (
            frame[frame["date"].between(first, last)]
            for frame in (self.bars, self.actions, self.news)
        )
        return Panel.from_frames(bars, actions, window, news=news)


def by_hand(
    close: Sequence[float],
    *,
    opened: Sequence[float] | None = None,
    high: Sequence[float] | None = None,
    low: Sequence[float] | None = None,
    volume: Sequence[float] | None = None,
    split: Mapping[int, float] | None = None,
    dividend: Mapping[int, float] | None = None,
) -> MarketFrames:
    """One symbol X; a NaN close is a missing bar; splits and dividends by row."""
    days = sessions_of(len(close))
    bars = pd.DataFrame({"date": days.astype("datetime64[s]"), "security_id": "X"})
    bars["close_price"] = np.asarray(close, dtype=float)
    bars["open_price"] = bars["close_price"] if opened is None else np.asarray(opened, dtype=float)
    bars["high_price"] = bars["close_price"] if high is None else np.asarray(high, dtype=float)
    bars["low_price"] = bars["close_price"] if low is None else np.asarray(low, dtype=float)
    bars["volume"] = 1000.0 if volume is None else np.asarray(volume, dtype=float)
    actions = [
        (days[row], "X", kind, *amounts)
        for kind, given in (("split", split or {}), ("cash_dividend", dividend or {}))
        for row, amount in given.items()
        for amounts in [(amount, np.nan) if kind == "split" else (np.nan, amount)]
    ]
    return MarketFrames(bars.dropna(subset="close_price"), _action_frame(actions), days)


def random_market(seed: int, count: int) -> MarketFrames:
    """Ten symbols with odd splits, dividends, gaps, listings, a delisting and dead quotes."""
    random = np.random.default_rng(seed)
    days = sessions_of(count)
    bars, actions = [], []
    for index in range(10):
        symbol = f"S{index}"
        split = np.ones(count)
        for row in random.choice(np.arange(1, count), size=index % 5, replace=False):
            split[row] = random.choice(ODD_SPLITS)
            actions.append((days[row], symbol, "split", split[row], np.nan))
        change = random.normal(0.0, 0.02, count)
        if index == 3:
            change[:] = 0.0
        close = 60.0 * np.exp(np.cumsum(change)) / np.cumprod(split)
        for row in random.choice(np.arange(count), size=count // 60, replace=False):
            actions.append((days[row], symbol, "cash_dividend", np.nan, 0.01 * close[row]))
        frame = pd.DataFrame({"date": days.astype("datetime64[s]"), "security_id": symbol})
        frame["open_price"] = close * np.exp(random.normal(0.0, 0.005, count))
        frame["close_price"] = close
        frame["high_price"] = frame[["open_price", "close_price"]].max(axis=1) * 1.004
        frame["low_price"] = frame[["open_price", "close_price"]].min(axis=1) * 0.996
        # Some securities have an average price, some none, some in some sessions.
        frame["vwap"] = (
            frame[["high_price", "low_price"]].mean(axis=1).where(days.astype(int) % 3 < index)
        )
        frame["volume"] = np.round(random.lognormal(12.0, 0.6, count))
        if index == 4:
            frame.loc[random.random(count) < 0.7, "volume"] = 0.0
        bars.append(frame[_has_bar(random, index, count)])
    # Of a generator of their own: articles change no bar.
    random = np.random.default_rng([seed, 1])
    news = [
        (days[row], f"S{index}", sentiment)
        for index in range(10)
        for row in np.flatnonzero(random.random(count) < 0.05 * index)
        for sentiment in random.choice([-1.0, 0.0, 1.0, np.nan], size=random.integers(1, 4))
    ]
    return MarketFrames(
        pd.concat(bars, ignore_index=True), _action_frame(actions), days, news_frame(news)
    )


def random_extras(seed: int, panel: Panel, inputs: Iterable[str]) -> Extras:
    """Membership, sectors, series and own data of a `random_market`, as far as its panel goes.

    Parameters
    ----------
    inputs : of the features that are to be computed: which series and own data there are
    """
    rows = np.searchsorted(sessions_of(LONGEST), panel.sessions)
    columns = np.array([int(name[1:]) for name in panel.security_ids], dtype=np.intp)
    cells = np.ix_(rows, columns)
    random = np.random.default_rng([seed, 2])
    shape = (LONGEST, 10)
    named: dict[str, dict[str, FloatArray]] = {"series": {}, "own": {}}
    for name in sorted({each for each in inputs if ":" in each}):
        kind, _, rest = name.partition(":")
        values = np.cumsum(random.normal(0.0, 0.1, shape), axis=0)
        values[random.random(shape) < 0.02] = np.nan
        named[kind][rest] = values[rows, 0] if kind == "series" else values[cells]
    return Extras(
        member=(random.random(shape) < 0.9)[cells],
        sector=random.integers(-1, 3, shape).astype(np.float64)[cells],
        market_return=random.normal(0.0, 0.01, LONGEST)[rows],
        **named,
    )


def _has_bar(random: np.random.Generator, index: int, count: int) -> NDArray[np.bool_]:
    present = random.random(count) > (0.02 if index % 2 else 0.0)
    if index >= 5:
        start = random.integers(0, count - 12)
        present[start : start + random.integers(2, 12)] = False
    if index in (6, 7):
        present[: random.integers(1, count // 2)] = False
    if index == 8:
        present[random.integers(count // 2, count) :] = False
    return present


def _action_frame(rows: Sequence[tuple[object, ...]]) -> pd.DataFrame:
    columns = ["date", "security_id", "action_type", "split_ratio", "cash_amount"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.astype(
        {"date": "datetime64[s]", "split_ratio": np.float64, "cash_amount": np.float64}
    )


def bits(values: FloatArray) -> NDArray[np.int64]:
    """The values' bit patterns, all NaN alike."""
    array = np.array(values, dtype=np.float64)
    array[np.isnan(array)] = np.nan
    return array.view(np.int64)


def where(panel: Panel, verdict: BoolArray) -> list[tuple[str, str]]:
    """Return symbol and session of each cell that the verdict marks."""
    rows, columns = np.nonzero(verdict)
    return [
        (panel.security_ids[column], str(panel.sessions[row]))
        for row, column in zip(rows, columns, strict=True)
    ]
