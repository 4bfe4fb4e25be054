"""A market whose returns come from known factors: a panel of bars, and what each factor earned."""

from dataclasses import dataclass

import numpy as np

from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.calendar import XNYS, parse_date
from quant_platform.market.panel import Panel

SECTORS = ("Energy", "Health Care", "Technology")

DAYS = np.array(
    XNYS.sessions(parse_date("2001-01-02"), parse_date("2005-12-30")), dtype="datetime64[D]"
)

DEVIATION = 0.01
"""Of the market's return."""


@dataclass(frozen=True)
class FactorMarket:
    """A panel, and the returns of its market, (sessions,), and sectors, (sessions, sectors)."""

    panel: Panel
    market: FloatArray
    sectors: FloatArray


def factor_market(sessions: int, securities: int, seed: int) -> FactorMarket:
    """Draw r = beta · market + sector + specific, with bars of it; the size is drawn, too.

    The value traded of each security varies around its own level, whatever its price does, so that
    sectors keep their shares; by these, their returns add up to 0.
    """
    generator = np.random.default_rng(seed)
    beta = generator.uniform(0.6, 1.4, securities)
    sector = np.arange(securities) % len(SECTORS)
    market = generator.normal(0.0003, DEVIATION, sessions)
    of_sectors = generator.normal(0.0, 0.007, (sessions, len(SECTORS)))
    shares = np.exp(generator.normal(12.0, 1.0, securities))
    held = np.bincount(sector, shares, minlength=len(SECTORS)) / shares.sum()
    of_sectors -= (of_sectors @ held)[:, None]
    specific = generator.normal(0.0, 1.0, (sessions, securities))
    specific *= generator.uniform(0.005, 0.012, securities)
    returns = market[:, None] * beta + of_sectors[:, sector] + specific
    close = np.asarray(40.0 * np.cumprod(1.0 + returns, axis=0), dtype=np.float64)
    volume = 40.0 * shares / close * np.exp(generator.normal(0.0, 0.3, (sessions, securities)))
    panel = Panel(
        DAYS[:sessions],
        tuple(f"S{number:03d}" for number in range(securities)),
        close=close,
        volume=volume,
        split=np.ones(close.shape),
        dividend=np.zeros(close.shape),
        sectors=np.broadcast_to(sector.astype(np.int32), close.shape),
        sector_names=SECTORS,
    )
    return FactorMarket(panel, market, of_sectors)
