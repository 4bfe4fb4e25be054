"""What each factor earned in a session: weighted least squares across securities.

The algorithm, for the securities of one session, with exposures X as they were after the close of
the session before and weights v = √(value traded):

1. r = X f + ε. The market's exposure is the beta, a sector's is 1 for its members. An unknown beta
   counts as 1, an unknown style as 0, the average.
2. There is a factor where at least `NAMES_PER_FACTOR` securities come on each: the market first,
   then the styles together, then the sectors together. A sector needs `NAMES_PER_SECTOR`
   securities, and one alone says nothing beside the market; its members are then of no sector.
3. Sectors' returns, weighted by value traded, add up to 0, which tells them from the market's
   (Heston and Rouwenhorst, "Does Industrial Structure Explain the Benefits of International
   Diversification?", *Journal of Financial Economics* 36, 1994). One sector is expressed by the
   others for that.
4. The normal equations are solved by elimination without a square root. A factor that the others
   express has no return; nor has one without an exposure.
5. Standard errors are those of weighted least squares, s² (X′VX)⁻¹ with s² = Σ v ε² / (n − k).

Sums run from security to security and eliminations from factor to factor, so that neither other
sessions nor absent securities or sectors change a bit. What does not belong here: what exposures
are made of (`characteristics.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.risk import MARKET, SECTOR_PREFIX, STYLES

NAMES_PER_FACTOR = 3
"""Securities that come on each factor at least."""

NAMES_PER_SECTOR = 5
"""Securities that a sector has at least."""

PLAIN = 1 + len(STYLES)
"""Factors that are no sectors: they come first."""

COLLINEAR = 1e-9
"""Share of a factor's own sum of squares that the other factors leave over, and that is nothing."""

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class CrossSections:
    """Securities of several sessions, a row each, ordered by session.

    Attributes
    ----------
    session : number of the session, from 0
    exposures : (rows, 1 + styles) to the market and `STYLES`; NaN where unknown
    sector : number of the sector, −1 for none
    value_traded : weights; positive
    returns : total returns of the session; no NaN
    sessions : how many sessions there are
    sector_names : of the numbers, sorted
    """

    session: Integers
    exposures: FloatArray
    sector: Integers
    value_traded: FloatArray
    returns: FloatArray
    sessions: int
    sector_names: Sequence[str] = ()

    @property
    def factors(self) -> list[str]:
        """Names of all factors that there may be."""
        return [MARKET, *STYLES, *(SECTOR_PREFIX + name for name in self.sector_names)]


@dataclass(frozen=True)
class FactorReturns:
    """What came out, (sessions, factors), NaN where there is no such factor in a session.

    Attributes
    ----------
    returns, errors : return of each factor, and its standard error
    specific : (rows,) what is left over of each return
    names : (sessions,) securities
    r_squared : (sessions,) weighted share of the returns' squares that is explained; NaN without
        any
    """

    returns: FloatArray
    errors: FloatArray
    specific: FloatArray
    names: Integers
    r_squared: FloatArray


def factor_returns(rows: CrossSections) -> FactorReturns:
    """Estimate each session's factor returns; see the module."""
    design = filled(rows.exposures)
    weights = np.sqrt(rows.value_traded)
    names = np.bincount(rows.session, minlength=rows.sessions)
    members = _by_sector(rows, np.ones(len(rows.session)))
    present = _present(rows, names, members)
    # A member of a sector without a factor is of no sector.
    of_sector = np.maximum(rows.sector, 0)
    has_sector = rows.sector >= 0
    if rows.sector_names:
        has_sector = has_sector & present[rows.session, PLAIN + of_sector]
    sector = np.where(has_sector, rows.sector, -1)
    square, target = _normal_equations(rows, design, sector, weights)
    ratios, reference = _ratios(_by_sector(rows, rows.value_traded), present)
    square, target = _without_reference(square, target, ratios, reference, present)
    free = present & ~reference
    solution, inverse, kept = _eliminate(square, target, free)
    solution, errors = _with_reference(solution, inverse, ratios, reference)
    found = kept | reference
    earned = np.where(found, solution, 0.0)
    specific = rows.returns - explained(design, sector, rows.session, earned)
    return _assembled(rows, weights, specific, earned, errors, found, kept, names)


def filled(exposures: FloatArray) -> FloatArray:
    """Exposures with unknown betas as 1 and unknown styles as 0."""
    neutral = np.array([1.0, *(0.0 for _ in STYLES)])
    return np.where(np.isfinite(exposures), exposures, neutral)


def explained(
    design: FloatArray, sector: Integers, session: Integers, earned: FloatArray
) -> FloatArray:
    """Return what the factors explain of each row's return.

    Parameters
    ----------
    design : (rows, 1 + styles), no NaN
    sector : −1 for none
    earned : (sessions, factors), 0 where there is no factor
    """
    result = np.zeros(len(session))
    for number in range(PLAIN):
        result += design[:, number] * earned[session, number]
    if earned.shape[1] > PLAIN:
        of_sector = earned[session, PLAIN + np.maximum(sector, 0)]
        result += np.where(sector >= 0, of_sector, 0.0)
    return result


def _by_sector(rows: CrossSections, values: FloatArray) -> FloatArray:
    """Sums by session and sector."""
    count = len(rows.sector_names)
    having = rows.sector >= 0
    keys = rows.session[having] * count + rows.sector[having]
    sums = np.bincount(keys, values[having], minlength=rows.sessions * count)
    return sums.astype(np.float64).reshape(rows.sessions, count)


def _present(rows: CrossSections, names: Integers, members: FloatArray) -> BoolArray:
    """Which factors a session has enough securities for."""
    present = np.zeros((rows.sessions, PLAIN + len(rows.sector_names)), dtype=bool)
    present[:, 0] = names >= NAMES_PER_FACTOR
    present[:, 1:PLAIN] = (names >= NAMES_PER_FACTOR * PLAIN)[:, None]
    large = members >= NAMES_PER_SECTOR
    count = large.sum(axis=1)
    enough = (count >= 2) & (names >= NAMES_PER_FACTOR * (PLAIN + count))
    present[:, PLAIN:] = large & enough[:, None]
    return present


def _normal_equations(
    rows: CrossSections, design: FloatArray, sector: Integers, weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """X′VX and X′Vr of each session."""
    sessions, size = rows.sessions, PLAIN + len(rows.sector_names)
    square, target = np.zeros((sessions, size, size)), np.zeros((sessions, size))
    session, having = rows.session, sector >= 0
    keys = session[having] * (size - PLAIN) + sector[having]

    def of_sectors(values: FloatArray) -> FloatArray:
        sums = np.bincount(keys, values[having], minlength=sessions * (size - PLAIN))
        return sums.astype(np.float64).reshape(sessions, size - PLAIN)

    for number in range(PLAIN):
        weighted = weights * design[:, number]
        for other in range(number, PLAIN):
            sums = np.bincount(session, weighted * design[:, other], minlength=sessions)
            square[:, number, other] = square[:, other, number] = sums
        target[:, number] = np.bincount(session, weighted * rows.returns, minlength=sessions)
        if size > PLAIN:
            of_both = of_sectors(weighted)
            square[:, number, PLAIN:] = square[:, PLAIN:, number] = of_both
    if size > PLAIN:
        at = np.arange(PLAIN, size)
        square[:, at, at] = of_sectors(weights)
        target[:, PLAIN:] = of_sectors(weights * rows.returns)
    return square, target


def _ratios(value: FloatArray, present: BoolArray) -> tuple[FloatArray, BoolArray]:
    """By what each sector's return is taken off that of the session's largest, and which that is.

    Returns
    -------
    ratios, reference : (sessions, factors); no reference in sessions without sectors
    """
    ratios, reference = np.zeros(present.shape), np.zeros(present.shape, dtype=bool)
    if not value.shape[1]:
        return ratios, reference
    held = np.where(present[:, PLAIN:], value, 0.0)
    largest = np.argmax(held, axis=1)
    every = np.arange(len(held))
    reference[every, PLAIN + largest] = present[every, PLAIN + largest]
    most = held[every, largest]
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(most[:, None] > 0.0, held / most[:, None], 0.0)
    shares[every, largest] = 0.0
    ratios[:, PLAIN:] = shares
    return ratios, reference


def _without_reference(
    square: FloatArray,
    target: FloatArray,
    ratios: FloatArray,
    reference: BoolArray,
    present: BoolArray,
) -> tuple[FloatArray, FloatArray]:
    """Express the sector of reference by the others."""
    every, at = np.arange(len(square)), np.argmax(reference, axis=1)
    has: BoolArray = np.any(reference, axis=1)
    row = np.where(has[:, None], square[every, at], 0.0)
    own = np.where(has, square[every, at, at], 0.0)
    square = (
        square
        - ratios[:, :, None] * row[:, None, :]
        - row[:, :, None] * ratios[:, None, :]
        + ratios[:, :, None] * ratios[:, None, :] * own[:, None, None]
    )
    target = target - ratios * np.where(has, target[every, at], 0.0)[:, None]
    return square, target


def _eliminate(
    square: FloatArray, target: FloatArray, free: BoolArray
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Solve the equations of the factors `free`; a factor that the others express is none.

    Returns
    -------
    solution : (sessions, factors), 0 where there is no factor
    inverse : (sessions, factors, factors), likewise
    kept : factors that have a solution
    """
    sessions, size = target.shape
    both = free[:, :, None] & free[:, None, :]
    left = np.where(both, square, 0.0)
    right = np.zeros((sessions, size, size + 1))
    right[:, :, 0] = np.where(free, target, 0.0)
    right[:, np.arange(size), 1 + np.arange(size)] = np.where(free, 1.0, 0.0)
    own = left[:, np.arange(size), np.arange(size)].copy()
    kept = free.copy()
    for step in range(size):
        pivot = left[:, step, step]
        kept[:, step] &= (pivot > COLLINEAR * own[:, step]) & (own[:, step] > 0.0)
        usable = kept[:, step]
        left[~usable, step, :] = 0.0
        left[~usable, :, step] = 0.0
        right[~usable, step, :] = 0.0
        right[~usable, :, 1 + step] = 0.0
        divisor = np.where(usable, pivot, 1.0)[:, None]
        left[:, step, :] /= divisor
        right[:, step, :] /= divisor
        factor = left[:, :, step].copy()
        factor[:, step] = 0.0
        left -= factor[:, :, None] * left[:, step, None, :]
        right -= factor[:, :, None] * right[:, step, None, :]
    return right[:, :, 0], right[:, :, 1:], kept


def _with_reference(
    solution: FloatArray, inverse: FloatArray, ratios: FloatArray, reference: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Add the sector of reference, and the variances of all before they are scaled."""
    size = solution.shape[1]
    of_reference = -np.cumsum(ratios * solution, axis=1)[:, -1:]
    variances = inverse[:, np.arange(size), np.arange(size)]
    doubly = np.cumsum(inverse * ratios[:, None, :], axis=2)[:, :, -1]
    of_its = np.cumsum(doubly * ratios, axis=1)[:, -1:]
    return (
        np.where(reference, of_reference, solution),
        np.where(reference, of_its, variances),
    )


def _assembled(
    rows: CrossSections,
    weights: FloatArray,
    specific: FloatArray,
    earned: FloatArray,
    variances: FloatArray,
    found: BoolArray,
    kept: BoolArray,
    names: Integers,
) -> FactorReturns:
    """Scale the errors, and say how much is explained."""
    left = np.bincount(rows.session, weights * specific**2, minlength=rows.sessions)
    total = np.bincount(rows.session, weights * rows.returns**2, minlength=rows.sessions)
    freedom = names - kept.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where(freedom > 0, left / freedom, np.nan)
        errors = np.sqrt(np.maximum(variances, 0.0) * scale[:, None])
        r_squared = np.where(total > 0.0, 1.0 - left / total, np.nan)
    return FactorReturns(
        returns=np.where(found, earned, np.nan),
        errors=np.where(found, errors, np.nan),
        specific=specific,
        names=names.astype(np.int64),
        r_squared=np.where(found.any(axis=1), r_squared, np.nan),
    )
