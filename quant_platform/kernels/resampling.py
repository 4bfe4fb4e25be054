"""Resampling of a series in blocks: sums over resamples, and the lengths that blocks should have.

1. A resample joins blocks until it is as long as the series. A block begins at a session drawn
   uniformly, its length is geometric, and the series is joined to a circle: the stationary
   bootstrap (D. Politis and J. Romano, "The Stationary Bootstrap", Journal of the American
   Statistical Association 89, 1994).
2. The sum of a block is the difference of two running sums, so a resample costs a step for each
   block and not for each session.
3. Draws come as tables, a row a resample, so that who calls decides what they are.

What does not belong here: where the draws come from, and what the sums are made into
(`evaluation/bootstrap.py`).
"""

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.compiled import compiled

IntArray = NDArray[np.int64]


def blocks_by_numpy(
    starts: FloatArray, lengths: FloatArray, scale: float, sessions: int
) -> tuple[IntArray, IntArray]:
    """First session and length of each block; 0 sessions where a resample is full already."""
    first = (starts * sessions).astype(np.int64)
    length = 1 + (lengths * scale).astype(np.int64)
    before = np.cumsum(length, axis=1) - length
    return first, np.clip(sessions - before, 0, length)


def block_sums_by_numpy(
    sums: FloatArray, starts: FloatArray, lengths: FloatArray, scale: float, found: FloatArray
) -> None:
    """Do what `block_sums` does, a block of every resample a step."""
    sessions = len(sums) - 1
    first, length = blocks_by_numpy(starts, lengths, scale, sessions)
    found[:] = 0.0
    for block in range(starts.shape[1]):
        has_any = np.flatnonzero(length[:, block])
        begin, end = first[has_any, block], first[has_any, block] + length[has_any, block]
        wraps = end > sessions
        found[has_any] += sums[np.where(wraps, sessions, end)] - sums[begin]
        found[has_any[wraps]] += sums[end[wraps] - sessions] - sums[0]


@compiled(
    "const float64[:, ::1]",
    "const float64[:, ::1]",
    "const float64[:, ::1]",
    "float64",
    "float64[:, ::1]",
    reference=block_sums_by_numpy,
)
def block_sums(
    sums: FloatArray, starts: FloatArray, lengths: FloatArray, scale: float, found: FloatArray
) -> None:
    """Sum each series over each resample.

    Parameters
    ----------
    sums : (T + 1, K) sums of the values before each session
    starts : (B, N) uniform draws in [0, 1): where blocks begin
    lengths : (B, N) exponential draws; a block has 1 + ⌊draw × scale⌋ sessions, of which the first
        N must be T together at least
    scale : −1 ÷ log(1 − 1 ÷ mean length); 0: blocks of one session
    found : (B, K) is written
    """
    sessions, columns = len(sums) - 1, sums.shape[1]
    for resample in range(len(starts)):
        found[resample] = 0.0
        left, block = sessions, 0
        while left > 0 and block < starts.shape[1]:
            begin = int(starts[resample, block] * sessions)
            length = min(1 + int(lengths[resample, block] * scale), left)
            end = begin + length
            last = min(end, sessions)
            for column in range(columns):
                found[resample, column] += sums[last, column] - sums[begin, column]
            if end > sessions:
                for column in range(columns):
                    found[resample, column] += sums[end - sessions, column] - sums[0, column]
            left -= length
            block += 1


def block_positions_by_numpy(
    starts: FloatArray, lengths: FloatArray, scale: float, found: IntArray
) -> None:
    """Do what `block_positions` does, a resample a step."""
    sessions = found.shape[1]
    first, length = blocks_by_numpy(starts, lengths, scale, sessions)
    for resample in range(len(starts)):
        before = np.cumsum(length[resample]) - length[resample]
        offset = np.arange(sessions) - np.repeat(before, length[resample])
        found[resample] = (np.repeat(first[resample], length[resample]) + offset) % sessions


@compiled(
    "const float64[:, ::1]",
    "const float64[:, ::1]",
    "float64",
    "int64[:, ::1]",
    reference=block_positions_by_numpy,
)
def block_positions(starts: FloatArray, lengths: FloatArray, scale: float, found: IntArray) -> None:
    """Write the sessions that each resample consists of, (B, T), for draws as in `block_sums`."""
    sessions = found.shape[1]
    for resample in range(len(found)):
        filled, block = 0, 0
        while filled < sessions:
            place = int(starts[resample, block] * sessions)
            length = min(1 + int(lengths[resample, block] * scale), sessions - filled)
            for _ in range(length):
                found[resample, filled] = place
                filled += 1
                place = place + 1 if place + 1 < sessions else 0
            block += 1


@compiled("const float64[::1]", "int64", "int64")
def block_of(covariance: FloatArray, window: int, count: int) -> float:
    """Optimal length by the autocovariances up to lag `window`; NaN without long-run variance."""
    slope, long_run = 0.0, covariance[0]
    for lag in range(1, window + 1):
        share = lag / window
        weight = 1.0 if share <= 0.5 else 2.0 * (1.0 - share)
        slope += 2.0 * weight * lag * covariance[lag]
        long_run += 2.0 * weight * covariance[lag]
    if long_run * long_run <= 0.0:
        return np.nan
    length = (slope * slope / (long_run * long_run) * count) ** (1.0 / 3.0)
    return float(min(length, np.ceil(min(3.0 * np.sqrt(count), count / 3.0))))


@compiled("const float64[::1]")
def optimal_block(values: FloatArray) -> float:
    """Mean length of blocks by which the mean of a series is resampled best; NaN if it is constant.

    D. Politis and H. White, "Automatic Block-Length Selection for the Dependent Bootstrap",
    Econometric Reviews 23, 2004, as corrected by A. Patton, D. Politis and H. White, Econometric
    Reviews 28, 2009, for the stationary bootstrap; constants as in the package arch.

    Parameters
    ----------
    values : (T,)
    """
    count = len(values)
    if count < 8:
        return np.nan
    mean = 0.0
    for t in range(count):
        mean += values[t]
    mean /= count
    deviation = values - mean
    squares = 0.0
    for t in range(count):
        squares += deviation[t] * deviation[t]
    if squares <= count * 1e-24:
        return np.nan
    run = max(5, int(np.log10(count)))
    most = int(np.ceil(np.sqrt(count))) + run
    most = min(most, count - 2)
    limit = 2.0 * np.sqrt(np.log10(count) / count)
    covariance = np.zeros(most + 1)
    small, chosen = 0, -1
    begins, ends = squares, squares
    for lag in range(most + 1):
        cross = 0.0
        for t in range(count - lag):
            cross += deviation[t + lag] * deviation[t]
        # The two series that are compared at this lag, each without the other's end.
        begins -= deviation[lag] * deviation[lag]
        ends -= deviation[count - 1 - lag] * deviation[count - 1 - lag]
        covariance[lag] = cross / count
        scale = np.sqrt(max(begins, 0.0) * max(ends, 0.0))
        if lag >= run and small >= run and chosen < 0:
            chosen = lag - run
        if chosen >= 0 and lag >= 2 * max(chosen, 1):
            break
        small = small + 1 if np.abs(cross) < limit * scale else 0
    return block_of(covariance, min(2 * max(chosen, 1), most) if chosen >= 0 else most, count)
