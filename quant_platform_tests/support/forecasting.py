"""A `Source` of arrays for the tests of learned models, and the synthetic market as one."""

from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np

from quant_platform.learning.samples import FeatureRows
from quant_platform.market.calendar import XNYS
from quant_platform.market.panel import Panel
from quant_platform.vendors.synthetic.market import synthetic_market


@dataclass(frozen=True, eq=False)
class ArraySource:
    """A panel with its features, read as a database would be."""

    whole: Panel
    names: tuple[str, ...]

    @property
    def sessions(self):
        return self.whole.sessions

    def rows(self, first, last):
        part = slice(first, last + 1)
        member = self.whole.member[part]
        rows, columns = np.nonzero(member)
        values = np.stack([self.whole[name][part][rows, columns] for name in self.names], axis=1)
        ids = np.array(self.whole.security_ids, dtype=object)[columns]
        return FeatureRows(rows + first, ids, values.astype(np.float32), self.names)

    def panel(self, first, last):
        return self.whole.cut(first, last + 1)

    def until(self, last):
        """The same source as it was after the session at position `last`."""
        return ArraySource(self.whole.cut(0, last + 1), self.names)


SIGNALS = ("fast", "slow")
NOISE = ("noise_fast", "noise_slow")


@cache
def planted(names, securities=60, last="2008-06-30", seed=1):
    """The synthetic market with some of its planted signals as features."""
    market = synthetic_market(securities, date(2005, 1, 3), date.fromisoformat(last), seed)
    first, end = market.sessions[0], market.sessions[-1]
    signals = market.planted_signals(first, end)
    of = signals.drop_duplicates(["date", "symbol"])
    bars = market.bars(first, end).merge(of[["date", "symbol", "security_id"]])
    actions = market.actions(first, end).merge(of[["date", "symbol", "security_id"]])
    features = signals[["date", "security_id", *names]]
    days = np.array(market.sessions, dtype="datetime64[D]")
    return ArraySource(Panel.from_frames(bars, actions, days, features=features), tuple(names))


def random_source(sessions=400, securities=20, features=4, seed=0, signal=0.0):
    """Random prices; the first feature foretells the next returns where `signal` is not 0."""
    rng = np.random.default_rng(seed)
    shape = (sessions, securities)
    known = rng.normal(size=(features, *shape))
    moves = 0.01 * rng.normal(size=shape)
    moves[1:] += 0.01 * signal * known[0, :-1]
    close = 50.0 * np.exp(np.cumsum(moves, axis=0))
    opened = np.vstack((close[:1], close[:-1]))
    days = np.array(
        XNYS.sessions(date(2002, 1, 2), date(2008, 1, 2))[:sessions], dtype="datetime64[D]"
    )
    named = {f"f{at}": values for at, values in enumerate(known)}
    panel = Panel(
        days,
        tuple(f"S{at:03}" for at in range(securities)),
        open=opened,
        close=close,
        high=np.maximum(opened, close),
        low=np.minimum(opened, close),
        volume=np.full(shape, 1e6),
        features=named,
    )
    return ArraySource(panel, tuple(named))
