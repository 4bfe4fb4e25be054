"""The engine's numbers for costs, rules and limits.

What does not belong here: their meaning (`costs.py`, `orders.py`, `limits.py`).
"""

import numpy as np

from quant_platform.kernels.arrays import FloatArray
from quant_platform.trading.costs import BASIS_POINT, EXECUTE_AT, Costs
from quant_platform.trading.engine import layout
from quant_platform.trading.limits import Limits
from quant_platform.trading.orders import TradingRules
from quant_platform.trading.rebalancing import DRIFT, ON_CHANGE


def terms_of(costs: Costs, rules: TradingRules, limits: Limits) -> FloatArray:
    """Return what is assumed of trading as the engine's vector of numbers."""
    rebalance = {ON_CHANGE: layout.ON_CHANGE, DRIFT: layout.DRIFT}
    values, actions = limits.numbers()
    terms = np.zeros(layout.TERMS_SIZE)
    numbers = {
        layout.T_AT_FILL: costs.size_at == "fill",
        layout.T_EXECUTE_AT: EXECUTE_AT.index(costs.execute_at),
        layout.T_WHOLE: costs.whole_shares,
        layout.T_LOT: costs.lot,
        layout.T_MIN_ORDER: costs.min_order,
        layout.T_COSTS_INSIDE: costs.size_includes_costs,
        layout.T_CASH_ONLY: costs.cash_only,
        layout.T_COMMISSION: costs.commission_bp * BASIS_POINT,
        layout.T_PER_SHARE: costs.commission_per_share,
        layout.T_MINIMUM: costs.commission_minimum,
        layout.T_BUY_TAX: costs.buy_tax_bp * BASIS_POINT,
        layout.T_SELL_TAX: costs.sell_tax_bp * BASIS_POINT,
        layout.T_BEFORE_SPREAD: costs.charge_before_spread,
        layout.T_HALF_SPREAD: costs.slippage_bp * BASIS_POINT,
        layout.T_IMPACT: costs.impact,
        layout.T_VOLUME_SHARE: costs.volume_share,
        layout.T_CARRY: costs.rest == "carry",
        layout.T_THROUGH: costs.limit_through,
        layout.T_CASH_RATE: costs.cash_rate,
        layout.T_MARGIN_RATE: costs.margin_rate,
        layout.T_BORROW_RATE: costs.borrow_rate,
        layout.T_WITHHOLDING: costs.withholding,
        layout.T_REBALANCE: rebalance.get(rules.rebalance.rule, layout.REGULARLY),
        layout.T_BEYOND: rules.rebalance.beyond,
        layout.T_MAX_GROSS: rules.max_gross,
    }
    for place, value in numbers.items():
        terms[place] = value
    terms[layout.T_LIMITS : layout.T_ACTIONS] = values
    terms[layout.T_ACTIONS :] = actions
    return terms


def tiers_of(costs: Costs) -> FloatArray:
    """Return the commission's tiers: (2, any) values from which, and rates as fractions."""
    tiers = np.array(costs.commission_tiers, dtype=np.float64).reshape(-1, 2).T.copy()
    tiers[1] *= BASIS_POINT
    return tiers
