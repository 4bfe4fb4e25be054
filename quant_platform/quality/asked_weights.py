"""What a strategy asked for, against the limits that it states.

Targets are judged by what was asked for: scaled to the model's limits they are always within them.
"""

import pandas as pd

from quant_platform.conventions import WEIGHT_NOISE
from quant_platform.quality.check import CheckContext
from quant_platform.quality.verdict import Findings, failures, joined
from quant_platform.storage.models import model_ids
from quant_platform.strategies.base import Strategy
from quant_platform.trading.orders import ASKED_WEIGHT

COLUMNS = (
    *("date", "symbol", "signal_type"),
    *("target_weight", ASKED_WEIGHT, "reference_price", "stop_price"),
)
"""Columns of `signals` that are judged; what a model noted beside them is long."""


def signal_limits(strategy: Strategy, context: CheckContext) -> Findings:
    """What the strategy asked for: weights within limits, types that agree, stops below the price.

    The limits are those of one position, and of a session's gross and net. What a session asks for
    beyond these is a failure, though its targets are scaled. Not judged: sessions without a signal.
    """
    scope = {"model_id": model_ids(context.platform.database)[strategy.name]}
    rows = context.read("signals", scope=scope, columns=COLUMNS)
    # Scaling makes a weight smaller: a target beyond what was asked for is judged as well.
    asked, target = rows[ASKED_WEIGHT], rows["target_weight"]
    rows = rows.assign(weight=asked.where(asked.abs() >= target.abs(), target))
    weight, price, stop = rows["weight"], rows["reference_price"], rows["stop_price"]
    broken = {
        "weight beyond the limit": weight.abs() > strategy.max_weight + WEIGHT_NOISE,
        "buy without a weight": (rows["signal_type"] == 1) & (weight <= 0),
        "sell with a weight": (rows["signal_type"] == -1) & (weight > 0),
        "stop of a long position above the price": (weight > 0) & (stop > price),
    }
    failing = [
        failures(
            rows[bad]["date"].to_numpy(),
            [f"{row.symbol}: {name} ({row.weight:g})" for row in rows[bad].itertuples()],
        )
        for name, bad in broken.items()
    ]
    day = rows["date"]
    totals = (
        ("gross", weight.abs().groupby(day).sum(), strategy.max_gross),
        ("net", weight.groupby(day).sum().abs(), strategy.max_net),
    )
    judged = pd.Index([])
    for name, total, limit in totals:
        over = total[(total > limit + WEIGHT_NOISE) & ~total.index.isin(judged)]
        judged = over.index
        examples = [f"weights add up to {sum_:g} {name}, limit {limit:g}" for sum_ in over]
        failing.append(failures(over.index.to_numpy(), examples))
    return context.judged_on(rows["date"].unique(), joined(failing), "there is no signal")
