"""The risk model of 500 securities over 2,844 sessions, and how right its forecasts are.

A market is made up: r = beta · market + sector + specific, in eleven sectors. Its exposures (reach
15 s of the processor), factor returns and the forecasts of ten portfolios are computed in blocks,
as a backfill does it, without the database. The run is void unless the market's returns are
recovered with a correlation above 0.95, and the bias statistics of at least eight of ten portfolios
lie in their 95 % intervals.

Run: python benchmarks/risk_model.py [--securities 500] [--sessions 2844]
"""

import argparse
import time
from collections.abc import Callable
from datetime import date
from typing import TypeVar

import numpy as np
import pandas as pd

from quant_platform.evaluation.risk_backtests import bias_statistic
from quant_platform.market.calendar import XNYS
from quant_platform.market.panel import Panel
from quant_platform.pipeline.blocks import Block
from quant_platform.pipeline.risk import exposure_rows, factor_return_rows, forecast_rows
from quant_platform.risk.characteristics import LOOKBACK
from quant_platform.risk.covariance import FACTOR_LOOKBACK, SPECIFIC_WINDOW

SECTORS = 11
PORTFOLIOS, HELD = 10, 50
BLOCK = 273
"""Sessions of a block: as many as an exposure looks back on."""

FIRST, LAST = date(2000, 3, 1), date(2012, 12, 31)

Result = TypeVar("Result")


def main() -> None:
    """Print seconds of the processor, and how right the forecasts are."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--securities", type=int, default=500)
    parser.add_argument("--sessions", type=int, default=2844)
    arguments = parser.parse_args()
    panel, market = made_up(arguments.sessions, arguments.securities)
    exposed = timed("exposures (reach 15 s)", lambda: exposures(panel))
    factors, specific = timed("factor returns", lambda: earned(panel, exposed))
    positions = portfolios(panel)
    rows = timed("forecasts", lambda: forecasts(panel, factors, specific, exposed, positions))
    found = factors[factors["factor"] == "market"]["factor_return"].to_numpy()[LOOKBACK:]
    correlation = float(np.corrcoef(found, market[-len(found) :])[0, 1])
    inside = unbiased(panel, rows, positions)
    void = correlation <= 0.95 or inside < 8
    print(f"  market's returns recovered: correlation {correlation:.3f}")
    print(f"  unbiased: {inside} of {PORTFOLIOS} portfolios{' — void' if void else ''}")


def timed(text: str, work: Callable[[], Result]) -> Result:
    """Run, and print what it took."""
    used = time.process_time()
    result = work()
    print(f"  {text:30} processor {time.process_time() - used:6.2f} s", flush=True)
    return result


def made_up(sessions: int, securities: int) -> tuple[Panel, np.ndarray]:
    """A panel, and the returns of its market."""
    random = np.random.default_rng(1)
    sector = random.integers(0, SECTORS, securities).astype(np.int32)
    market = random.normal(0.0003, 0.01, sessions)
    of_sector = random.normal(0.0, 0.005, (sessions, SECTORS))
    own = random.normal(0.0, 1.0, (sessions, securities)) * random.uniform(0.01, 0.03, securities)
    beta = random.uniform(0.6, 1.4, securities)
    returns = market[:, None] * beta + of_sector[:, sector] + own
    close = np.asarray(50.0 * np.cumprod(1.0 + returns, axis=0), dtype=np.float64)
    value = np.exp(random.normal(17.0, 1.0, securities) + random.normal(0.0, 0.3, close.shape))
    panel = Panel(
        np.array(XNYS.sessions(FIRST, LAST)[:sessions], dtype="datetime64[D]"),
        tuple(f"S{number:04d}" for number in range(securities)),
        close=close,
        volume=value / close,
        sectors=np.broadcast_to(sector, close.shape),
        sector_names=tuple(f"sector {number:02d}" for number in range(SECTORS)),
    )
    return panel, market


def exposures(panel: Panel) -> pd.DataFrame:
    """Rows of `factor_exposures`."""
    parts = []
    for start in range(0, len(panel.sessions), BLOCK):
        stop = min(start + BLOCK, len(panel.sessions))
        part = panel.cut(max(start - LOOKBACK + 1, 0), stop)
        parts.append(exposure_rows(part, stop - start))
    return pd.concat(parts, ignore_index=True)


def earned(panel: Panel, exposed: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of `factor_returns` and `specific_returns`."""
    parts = []
    for start in range(1, len(panel.sessions), BLOCK):
        part = panel.cut(start - 1, min(start + BLOCK, len(panel.sessions)))
        rows = between(exposed, part.sessions[0], part.sessions[-1])
        parts.append(factor_return_rows(part, rows))
    factors, specific = (
        pd.concat([part[name] for part in parts], ignore_index=True)
        for name in ("factor_returns", "specific_returns")
    )
    return factors, specific


def portfolios(panel: Panel) -> pd.DataFrame:
    """Equal weights of as many securities, others in each portfolio, in every session."""
    random = np.random.default_rng(2)
    held = min(HELD, len(panel.security_ids))
    parts = []
    for model in range(PORTFOLIOS):
        ids = sorted(random.choice(panel.security_ids, held, replace=False))
        parts.append(
            pd.DataFrame(
                {
                    "date": np.repeat(panel.sessions.astype("datetime64[s]"), held),
                    "model_id": model,
                    "security_id": np.tile(np.array(ids, dtype=object), len(panel.sessions)),
                    "weight": 1.0 / held,
                }
            )
        )
    return pd.concat(parts, ignore_index=True).sort_values("date", ignore_index=True)


def forecasts(
    panel: Panel,
    factors: pd.DataFrame,
    specific: pd.DataFrame,
    exposed: pd.DataFrame,
    positions: pd.DataFrame,
) -> pd.DataFrame:
    """Rows of `risk_forecasts`."""
    days = [str(day) for day in panel.sessions]
    parts = []
    for start in range(0, len(days), BLOCK):
        stop = min(start + BLOCK, len(days))
        window = days[max(start - SPECIFIC_WINDOW + 1, 0) : stop]
        of_factors = days[max(start - FACTOR_LOOKBACK + 1, 0) : stop]
        held = between(positions, days[start], days[stop - 1])
        parts.append(
            forecast_rows(
                Block(days[start:stop], window),
                of_factors,
                between(factors, of_factors[0], days[stop - 1]),
                between(specific, window[0], days[stop - 1]),
                between(exposed, days[start], days[stop - 1]),
                held[["date", "model_id"]].drop_duplicates(),
                held,
            )
        )
    return pd.concat(parts, ignore_index=True)


def between(rows: pd.DataFrame, first: object, last: object) -> pd.DataFrame:
    """Rows of some sessions, of rows in their order."""
    days = rows["date"].to_numpy().astype("datetime64[D]")
    ends = np.array([first, last], dtype="datetime64[D]")
    start, stop = np.searchsorted(days, ends[0]), np.searchsorted(days, ends[1], side="right")
    return rows.iloc[int(start) : int(stop)]


def unbiased(panel: Panel, rows: pd.DataFrame, positions: pd.DataFrame) -> int:
    """How many portfolios' bias statistics lie in their intervals, once windows are full."""
    returns = np.full(panel.close.shape, np.nan)
    returns[1:] = panel.close[1:] / panel.close[:-1] - 1.0
    inside = 0
    for model, of in rows.groupby("model_id"):
        ids = positions[positions["model_id"] == model]["security_id"].unique()
        columns = [panel.security_ids.index(each) for each in ids]
        gained = returns[:, columns].mean(axis=1)[FACTOR_LOOKBACK:]
        forecast = of["volatility"].to_numpy()[FACTOR_LOOKBACK - 1 : -1]
        bias, lower, upper = bias_statistic(gained, forecast)
        print(f"  portfolio {model}: bias {bias:.3f} in {lower:.3f} to {upper:.3f}")
        inside += lower <= bias <= upper
    return inside


if __name__ == "__main__":
    main()
