"""How far a result depends on how trading is assumed to be done.

A result is worked out again under each named set of assumptions, and with each single assumption
moved alone, from its realistic value to the pessimistic and to the ideal one.

What does not belong here: the assumptions (`costs.py`), and simulating (`simulation.py`).
"""

from collections.abc import Callable
from dataclasses import fields, replace

import pandas as pd

from quant_platform.trading.costs import PRESETS, Costs

COLUMNS = ("assumption", "value", "moved_to", "total_return", "difference")
"""Columns of the frame, in their order."""


def implementation_risk(
    simulated: Callable[[Costs], pd.DataFrame], base: Costs | None = None
) -> pd.DataFrame:
    """Return what each set of assumptions, and each assumption alone, makes of a result.

    Parameters
    ----------
    simulated : returns the rows of `portfolios` (equity, daily_return) of one and the same model
        under the assumptions that it is given
    base : what single assumptions are moved from; None: the realistic ones

    Returns
    -------
    DataFrame with `COLUMNS`: first the presets, whose assumption is `all`; then the assumptions
    that the presets differ in, those that move the result farthest first. `value` is what the
    assumption was moved to, `moved_to` the preset that it is taken from, `total_return` a fraction,
    `difference` that to the base.
    """
    base = base or Costs.realistic()
    found: dict[Costs, float] = {}

    def result(costs: Costs) -> float:
        if costs not in found:
            found[costs] = total_return(simulated(costs))
        return found[costs]

    def row(name: str, value: str, preset: str, costs: Costs) -> tuple[object, ...]:
        return name, value, preset, result(costs), result(costs) - result(base)

    sets = [row("all", name, name, Costs.preset(name)) for name in PRESETS]
    moved = [
        row(each.name, to.text(each.name), preset, replace(base, **{each.name: value}))
        for each in fields(Costs)
        for preset in ("pessimistic", "ideal")
        for to in [Costs.preset(preset)]
        for value in [getattr(to, each.name)]
        if value != getattr(base, each.name)
    ]
    singles = pd.DataFrame(moved, columns=list(COLUMNS)).sort_values(
        "difference", key=lambda change: -change.abs(), kind="stable"
    )
    return pd.concat((pd.DataFrame(sets, columns=list(COLUMNS)), singles), ignore_index=True)


def total_return(portfolios: pd.DataFrame) -> float:
    """Return the growth of the equity over the sessions of a simulation, as a fraction."""
    start = portfolios["equity"].iloc[0] / (1.0 + portfolios["daily_return"].iloc[0])
    return float(portfolios["equity"].iloc[-1] / start - 1.0)
