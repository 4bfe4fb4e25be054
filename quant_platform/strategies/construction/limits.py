"""Limits of a constructed portfolio, and the weights nearest to some that are within them.

1. What the limits of names and sectors leave no room for stays in cash: the budget of a choice is
   the largest sum that they allow, at most 1.
2. Weights outside the limits are moved to the nearest ones inside, in the sum of squares: projected
   on the budget, on 0 to the limit of each name, on each sector's limit and on that of the beta, in
   turns, with Dykstra's corrections (Boyle and Dykstra, "A Method for Finding Projections onto the
   Intersection of Convex Sets in Hilbert Spaces", 1986), until nothing moves.
3. What may be traded is limited by going only a part of the way from the weights before.

What does not belong here: the portfolio's own limits when it trades (`trading/limits.py`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quant_platform.errors import ContractError
from quant_platform.kernels.arrays import FloatArray

ROUNDS = 5_000
"""Turns after which limits count as impossible to meet."""

TOLERANCE = 1e-9
"""Weight by which a limit may be missed."""

Sectors = NDArray[np.integer]


@dataclass(frozen=True)
class WeightLimits:
    """Largest shares of the equity.

    Attributes
    ----------
    name, sector : of one security, and of all of one sector; those without a known one are a sector
    turnover : of what is bought and sold at a choice, both counted
    beta : of the portfolio, to the mean return of the members; None: any
    """

    name: float = 1.0
    sector: float = 1.0
    turnover: float = 2.0
    beta: float | None = None


def budget(limits: WeightLimits, sectors: Sectors) -> float:
    """Return the largest sum of weights that the limits of names and sectors allow, at most 1."""
    _, counts = np.unique(sectors, return_counts=True)
    return float(min(np.minimum(counts * limits.name, limits.sector).sum(), 1.0))


def within(
    weights: FloatArray, limits: WeightLimits, sectors: Sectors, betas: FloatArray, total: float
) -> FloatArray:
    """Return the nearest weights that keep the limits of names, sectors and beta.

    Parameters
    ----------
    weights, sectors, betas : (securities,)
    total : what they sum to

    Raises
    ------
    ContractError
        No weights with this sum keep them.
    """
    rows, most = constraints(limits, sectors, betas)
    norms = (rows * rows).sum(axis=1)
    point = weights.astype(np.float64)
    kept = np.zeros((len(rows) + 1, len(point)))
    for _ in range(ROUNDS):
        before = point
        moved = point + kept[-1]
        point = np.clip(moved, 0.0, limits.name)
        kept[-1] = moved - point
        for number, row in enumerate(rows):
            moved = point + kept[number]
            excess = max(float(row @ moved) - most[number], 0.0)
            point = moved - excess / norms[number] * row if excess > 0.0 else moved
            kept[number] = moved - point
        point = point + (total - point.sum()) / len(point)
        if np.abs(point - before).max() < TOLERANCE * 1e-2 and _keeps(point, limits, rows, most):
            kept_within: FloatArray = np.clip(point, 0.0, limits.name)
            return kept_within
    raise ContractError(
        f"No weights of {len(point)} securities keep the limits of name {limits.name:g}, sector"
        f" {limits.sector:g} and beta {limits.beta if limits.beta is not None else 'any'} with a"
        f" sum of {total:g}",
        "Raise a limit, or hold more names.",
    )


def constraints(
    limits: WeightLimits, sectors: Sectors, betas: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return A and b of A w ≤ b, a row for each sector that may be too large, and for the beta."""
    rows, most = [], []
    for sector in np.unique(sectors):
        inside = (sectors == sector).astype(np.float64)
        if inside.sum() * limits.name > limits.sector + TOLERANCE and limits.sector < 1.0:
            rows.append(inside)
            most.append(limits.sector)
    if limits.beta is not None and betas.any():
        rows.append(betas)
        most.append(limits.beta)
    return np.array(rows).reshape(len(rows), len(sectors)), np.array(most)


def _keeps(point: FloatArray, limits: WeightLimits, rows: FloatArray, most: FloatArray) -> bool:
    return bool(
        point.min() >= -TOLERANCE
        and point.max() <= limits.name + TOLERANCE
        and (rows @ point <= most + TOLERANCE).all()
    )


def towards(before: FloatArray, wanted: FloatArray, turnover: float) -> FloatArray:
    """Return the weights on the way from `before` to `wanted` that trade no more than `turnover`.

    Examples
    --------
    >>> towards(np.array([1.0, 0.0]), np.array([0.0, 1.0]), 0.5).tolist()
    [0.75, 0.25]
    """
    traded = float(np.abs(wanted - before).sum())
    if traded <= turnover:
        return wanted
    result: FloatArray = before + turnover / traded * (wanted - before)
    return result
