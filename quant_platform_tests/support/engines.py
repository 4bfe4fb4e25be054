"""Markets and targets of other engines, as arrays, as ours takes them."""

import numpy as np

from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.panel import Panel
from quant_platform.trading.costs import Costs
from quant_platform.trading.orders import Orders, TradingRules
from quant_platform.trading.rebalancing import EVERY_SESSION, Rebalance


def panel_of(bars: dict[str, FloatArray]) -> Panel:
    """Bars of any number of weekdays, without corporate actions."""
    shape = bars["close"].shape
    return Panel(
        sessions=np.busday_offset("2010-01-04", np.arange(shape[0]), roll="forward"),
        security_ids=tuple(f"S{number:04d}" for number in range(shape[1])),
        split=np.ones(shape),
        dividend=np.zeros(shape),
        traded=np.ones(shape, dtype=bool),
        open=bars["open"],
        high=bars["high"],
        low=bars["low"],
        close=bars["close"],
        volume=bars["volume"],
    )


def orders_of(panel: Panel, weights: FloatArray) -> Orders:
    """Weights of each session, to which everything is traded in it; NaN: nothing is traded."""
    unknown = np.full(weights.shape[1], np.nan)
    return Orders(
        panel.sessions,
        panel.security_ids,
        targets=weights,
        types=np.zeros(weights.shape, dtype=np.int8),
        references=np.vstack((unknown, panel.close[:-1])),
        others=np.full(len(weights), np.nan),
        rules=TradingRules(Rebalance(EVERY_SESSION)),
        due=np.asarray(~np.isnan(weights).all(axis=1)),
    )


def executed(engine: str, weights: FloatArray) -> FloatArray:
    """Weights by the session in which an engine executes those of each session's close."""
    if engine != "zipline":
        return weights
    return np.vstack((np.full(weights.shape[1], np.nan), weights[:-1]))


def costs_of(engine: str, commission: float, half_spread: float) -> Costs:
    """Return the preset of an engine with costs, as fractions of the value and of the price."""
    return Costs.preset(
        f"like_{engine}", commission_bp=1e4 * commission, slippage_bp=1e4 * half_spread
    )
