"""Feature panels (one symbol with chosen figures, a random market with gaps), and a strategy."""

from collections.abc import Mapping, Sequence

import numpy as np

from quant_platform.market.calendar import XNYS
from quant_platform.market.panel import Panel
from quant_platform.strategies.base import Strategy, metadata_json

FIRST = np.datetime64("2020-01-01", "D")

# A σ for which one standard deviation over five sessions is 2 %: σ·√(5/252) = 0.02.
CALM = 0.02 * np.sqrt(252 / 5)


def one_symbol(
    sessions: int,
    calm: Mapping[str, float],
    changes: Mapping[str, Mapping[int, float]],
    *,
    close: Sequence[float] | None = None,
    absent: Sequence[int] = (),
) -> Panel:
    """One symbol X with the figures `calm` in every session, except for `changes`.

    A close is 100 unless given; the symbol is no member in the sessions `absent`.
    """
    features = {name: np.full((sessions, 1), value) for name, value in calm.items()}
    for name, values in changes.items():
        for row, value in values.items():
            features[name][row, 0] = value
    member = np.ones((sessions, 1), dtype=bool)
    member[list(absent)] = False
    closes = np.full((sessions, 1), 100.0) if close is None else np.asarray(close, float)[:, None]
    days = FIRST + np.arange(sessions)
    return Panel(days, ("X",), close=closes, member=member, features=features)


def random_market(names: Sequence[str], *, sessions: int, symbols: int, seed: int) -> Panel:
    """Random figures that make every strategy trade, with bars and members missing."""
    rng = np.random.default_rng(seed)
    shape = (sessions, symbols)
    change = rng.normal(0.0, 0.02, shape)
    close = 50.0 * np.exp(np.cumsum(change, axis=0))
    slow = close * np.exp(rng.normal(0.0, 0.05, shape))
    drawn = {
        "momentum_1": np.expm1(change),
        "momentum_5": rng.normal(0.0, 0.05, shape),
        "rsi_14": rng.uniform(5.0, 95.0, shape),
        "volume_ratio_20": rng.lognormal(0.2, 0.5, shape),
        "realized_volatility_20": rng.uniform(0.1, 0.6, shape),
        "atr_14": close * rng.uniform(0.01, 0.03, shape),
        "bollinger_middle": slow,
        "bollinger_lower": slow * 0.96,
        "bollinger_upper": slow * 1.04,
    }
    # Drawn apart: what was there before these stays the same.
    more = np.random.default_rng((seed, 1))
    drawn |= {
        "return_1": np.expm1(change),
        "return_20": more.normal(0.0, 0.1, shape),
        "return_252": more.normal(0.05, 0.3, shape),
        "realized_volatility_60": more.uniform(0.1, 0.6, shape),
        "news_sentiment": more.uniform(-1.0, 1.0, shape),
    }
    missing = rng.random(shape) < 0.03
    close[missing] = np.nan
    features = {}
    for name in names:
        values = drawn.get(name, 50.0 * np.exp(rng.normal(0.0, 0.05, shape)))
        features[name] = np.where(missing | (rng.random(shape) < 0.01), np.nan, values)
    member = rng.random(shape) > 0.02
    until = (FIRST + 2 * sessions + 14).item()
    days = np.array(XNYS.sessions(FIRST.item(), until)[:sessions], dtype="datetime64[D]")
    names_of = tuple(f"S{n:02d}" for n in range(symbols))
    sectors = np.broadcast_to(np.arange(symbols, dtype=np.int32) % 2, shape)
    return Panel(days, names_of, close=close, member=member, sectors=sectors, features=features)


def rows(panel: Panel, start: int, stop: int) -> Panel:
    """The panel's sessions from `start` up to, not including, `stop`."""
    return panel.cut(start, stop)


class Constant(Strategy):
    """Says the same of every cell,
    whatever it sees.

    A second paragraph.
    """

    name = "constant"
    version = "1"
    optional_features = ("realized_volatility_20",)
    cells: Mapping[str, float] = {}

    @property
    def lookback(self):
        return 1

    @property
    def max_weight(self):
        return 0.1

    def signals(self, panel):
        shape = panel.close.shape
        values = {
            "signal_type": 0,
            "strength": 0.5,
            "confidence": 0.5,
            "target_weight": 0.1,
            "stop_price": np.nan,
            "score": 0.0,
            **self.cells,
        }
        arrays = {name: np.full(shape, value) for name, value in values.items()}
        return self.frame(panel, metadata=metadata_json(np.zeros(shape, dtype=bool), {}), **arrays)
