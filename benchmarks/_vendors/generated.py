"""The vendor `generated`: a generated market of any length, in which nobody joins or leaves.

The platform finds it where `benchmarks/long_history.py` adds this folder to the vendors' own. Size
comes from the environment (`SESSIONS`, `SYMBOLS`), everything else from `SEED`:

1. Closes are geometric random walks, one a symbol, all held in one array (8 bytes a bar), so that
   the vendor's own memory is small beside the platform's.
2. Splits two for one fall on fixed sessions of some symbols; from there on the closes are halved.
   Every third symbol pays a dividend every 63 sessions.
3. The other figures of a session's bars, and its news, are drawn from SEED and the session's
   number when they are asked for.

Nothing here imports from the platform but the calendar and the types of a vendor's answers.
"""

import os
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd

from quant_platform.market.calendar import XNYS
from quant_platform.vendors.abilities import Abilities
from quant_platform.vendors.answers import Listing, MarketStatus, SessionBars
from quant_platform.vendors.base import Vendor

SESSIONS, SYMBOLS = "GENERATED_SESSIONS", "GENERATED_SYMBOLS"
"""Variables that say how many of each are generated."""

SEED = 20240301
EARLIEST, LAST = date(2000, 1, 3), date(2022, 12, 30)
"""The generated sessions are the last ones of these."""

DAILY_DRIFT = 0.0003
LOWEST_STEP, HIGHEST_STEP = 0.008, 0.03
"""σ of a session's logarithmic return: evenly from one to the other across the symbols."""

FIRST_PRICE = (15.0, 300.0)
LOWEST_PRICE = 1.0
SPLIT_SHARE, SPLIT_AFTER = 0.2, 60
"""Share of the symbols that split, once, at least so many sessions after the first."""

QUARTER = 63
DIVIDEND_SHARE = 0.005
"""A dividend, as a fraction of the close before."""

ARTICLES = 0.04
"""Articles a session, per symbol."""


def generated_sessions(count: int) -> tuple[date, ...]:
    """Return the sessions of a market of `count` sessions."""
    return XNYS.sessions(EARLIEST, LAST)[-count:]


class GeneratedVendor(Vendor):
    """A whole market's vendor (`MarketVendor`) of generated facts; the same at every start."""

    name = "generated"
    first_session = EARLIEST
    last_session: date | None = LAST

    def __init__(self) -> None:
        width = int(os.environ[SYMBOLS])
        self._sessions = generated_sessions(int(os.environ[SESSIONS]))
        self._number = {session: k for k, session in enumerate(self._sessions)}
        self._symbols = pd.array([f"L{i:04}" for i in range(width)], dtype="str")
        self._step = np.linspace(LOWEST_STEP, HIGHEST_STEP, width)
        self.first_session = self._sessions[0]

    @property
    def abilities(self) -> Abilities:
        """A whole market, with news and figures of the economy."""
        return Abilities(market=self, information=self)

    def is_published(self, session: date) -> bool:
        """Whether it is one of the generated sessions."""
        return session in self._number

    def securities(self) -> pd.DataFrame:
        """Reference data of every symbol."""
        return pd.DataFrame(
            {
                "symbol": self._symbols,
                "company_name": [f"Generated {symbol} Inc." for symbol in self._symbols],
                "sector": "Generated",
                "listing_date": pd.Timestamp(self.first_session).as_unit("s"),
            }
        )

    def bars(self, first: date, last: date) -> pd.DataFrame:
        """Raw bars from `first` to `last`."""
        wanted = [day for day in self._sessions if first <= day <= last]
        return pd.concat([self._session_bars(day) for day in wanted], ignore_index=True)

    def stream(self, sessions: Sequence[date]) -> Iterator[SessionBars]:
        """Bars session by session; none is refused."""
        for session in sessions:
            bars = self._session_bars(session)
            yield SessionBars(session, bars, bars[:0].assign(reason=""))

    def actions(self, first: date, last: date) -> pd.DataFrame:
        """Splits and dividends from `first` to `last`."""
        rows = [
            (self._sessions[k], self._symbols[i], "split", 2.0, np.nan)
            for k, i in self._splits
            if first <= self._sessions[k] <= last
        ]
        for k in range(QUARTER, len(self._sessions), QUARTER):
            if first <= self._sessions[k] <= last:
                amounts = np.maximum(np.round(self._closes[k - 1] * DIVIDEND_SHARE, 2), 0.01)
                rows += [
                    (self._sessions[k], self._symbols[i], "cash_dividend", np.nan, amounts[i])
                    for i in range(0, len(self._symbols), 3)
                    if (k, i) not in self._splits
                ]
        names = ["date", "symbol", "action_type", "split_ratio", "cash_amount"]
        frame = pd.DataFrame(rows, columns=names).astype(
            {"symbol": "str", "action_type": "str", "split_ratio": float, "cash_amount": float}
        )
        frame["date"] = pd.to_datetime(frame["date"]).astype("datetime64[s]")
        return frame.assign(source=self.name)

    def listed(self, session: date, *, delisted_since: date | None = None) -> Sequence[Listing]:
        """Every symbol; none was ever delisted."""
        if delisted_since is not None:
            return []
        return [self._listing(symbol) for symbol in self._symbols]

    def details(self, symbol: str, session: date) -> Listing | None:
        """What the symbol means, always the same."""
        return self._listing(symbol) if symbol in self._symbols else None

    def ticker_changes(self, figi: str) -> Sequence[tuple[date, str]]:
        """No symbol was ever renamed."""
        return []

    def market_status(self) -> MarketStatus:
        """Closed, and nothing announced."""
        return MarketStatus("closed", None, ())

    def news(self, first: date, last: date) -> pd.DataFrame:
        """Some articles a session, published at three in the afternoon UTC."""
        frames = [self._articles(day) for day in self._sessions if first <= day <= last]
        return pd.concat([self._articles(self._sessions[0])[:0], *frames], ignore_index=True)

    def economy(self, series: str, first: date, last: date) -> pd.DataFrame:
        """One figure of each series, by session or by month."""
        name, level = {
            "treasury_yields": ("yield_3_month", 1.5),
            "inflation": ("cpi", 250.0),
            "labor_market": ("unemployment_rate", 5.0),
        }[series]
        days = pd.date_range(first, last, freq="B" if series == "treasury_yields" else "MS")
        wave = np.sin(days.to_julian_date().to_numpy() / 500.0)
        return pd.DataFrame(
            {"date": days.astype("datetime64[s]"), name: np.round(level * (1.0 + 0.3 * wave), 2)}
        )

    @cached_property
    def _splits(self) -> set[tuple[int, int]]:
        """Session number and symbol number of every split."""
        rng = np.random.default_rng((SEED, 1))
        width, count = len(self._symbols), len(self._sessions)
        if count <= SPLIT_AFTER:
            return set()
        split = rng.random(width) < SPLIT_SHARE
        days = rng.integers(SPLIT_AFTER, count, width)
        return {(int(days[i]), int(i)) for i in np.flatnonzero(split)}

    @cached_property
    def _closes(self) -> np.ndarray:
        """Raw closes, sessions by symbols."""
        rng = np.random.default_rng((SEED, 2))
        width = len(self._symbols)
        closes = rng.standard_normal((len(self._sessions), width))
        closes *= self._step
        closes += DAILY_DRIFT
        np.cumsum(closes, axis=0, out=closes)
        np.exp(closes, out=closes)
        lowest, highest = np.log(FIRST_PRICE)
        closes *= np.exp(rng.uniform(lowest, highest, width))
        for k, i in self._splits:
            closes[k:, i] /= 2.0
        return np.maximum(np.round(closes, 2, out=closes), LOWEST_PRICE, out=closes)

    def _session_bars(self, session: date) -> pd.DataFrame:
        k = self._number[session]
        rng = np.random.default_rng((SEED, 3, k))
        close, width = self._closes[k], len(self._symbols)
        opened = np.round(close * np.exp(0.5 * self._step * rng.standard_normal(width)), 2)
        top, bottom = np.maximum(opened, close), np.minimum(opened, close)
        up, down = np.abs(rng.standard_normal((2, width))) * self._step * 0.5
        high = np.maximum(np.round(top * np.exp(up), 2), top)
        low = np.minimum(np.round(bottom * np.exp(-down), 2), bottom)
        volume = np.rint(np.exp(rng.normal(13.0, 0.4, width)))
        return pd.DataFrame(
            {
                "date": np.full(width, np.datetime64(session, "s")),
                "symbol": self._symbols,
                "open_price": opened,
                "high_price": high,
                "low_price": low,
                "close_price": close,
                "volume": volume,
                "vwap": np.clip(np.round((high + low + close) / 3.0, 4), low, high),
                "trade_count": np.maximum(np.rint(volume / 100.0), 1.0),
                "source": pd.array([self.name] * width, dtype="str"),
            }
        )

    def _articles(self, session: date) -> pd.DataFrame:
        k, width = self._number[session], len(self._symbols)
        rng = np.random.default_rng((SEED, 4, k))
        about = np.flatnonzero(rng.random(width) < ARTICLES)
        return pd.DataFrame(
            {
                "news_id": pd.array([f"{session}-{i}" for i in about], dtype="str"),
                "published_at": pd.DatetimeIndex(
                    [pd.Timestamp(session) + pd.Timedelta(hours=15)] * len(about)
                ).tz_localize("UTC"),
                "symbol": self._symbols[about],
                "publisher": pd.array(["Generated Wire"] * len(about), dtype="str"),
                "url": pd.array([None] * len(about), dtype="str"),
                "sentiment": rng.integers(-1, 2, len(about)).astype(float),
            }
        )

    def _listing(self, symbol: str) -> Listing:
        return Listing(
            symbol,
            figi=f"BBG{int(symbol[1:]):09}",
            company_name=f"Generated {symbol} Inc.",
            security_type="CS",
            exchange="XNYS",
            sector="Generated",
            list_date=self.first_session,
        )
