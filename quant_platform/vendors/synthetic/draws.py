"""Random numbers by counter: any one is drawn without the others, the same on every platform.

Sixty-four bits are the finaliser of SplitMix64 (Steele, Lea and Flood, "Fast Splittable
Pseudorandom Number Generators", OOPSLA 2014) over a sum of odd multiples of the counters. From them
come numbers by integer arithmetic, + - * / and the square root, which IEEE 754 rounds alike
everywhere. What does not belong here: exp, log, sin and powers, whose last bit differs between
mathematical libraries.
"""

import math
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quant_platform.kernels.arrays import FloatArray

Bits = NDArray[np.uint64]

_MASK = (1 << 64) - 1
_PARTS = (0, 16, 32, 48)
"""Where the four parts of the bits begin that add up to a normal number."""

_MEAN = 4 * (2**16 - 1) / 2
_DEVIATION = math.sqrt(4 * (2**32 - 1) / 12)
"""Mean and standard deviation of the sum of four even draws from 0 to 65,535."""


class Stream(IntEnum):
    """What a number is drawn for; numbers of two streams have nothing to do with each other.

    A value is never given to something else: the market of a seed would become another one.
    """

    EVENT_SESSION = 1
    EVENT_PLACE = 2
    EVENT_SIZE = 3
    EVENT_CHOICE = 4
    EVENT_LENGTH = 5
    SECTOR = 10
    BETA = 11
    SECTOR_LOADING = 12
    STEP = 13
    PRICE = 14
    DOLLARS = 15
    PAYS = 16
    QUARTER = 17
    YIELD = 18
    AGE = 19
    MARKET_NIGHT = 30
    MARKET_DAY = 31
    SECTOR_NIGHT = 32
    SECTOR_DAY = 33
    NIGHT = 34
    DAY = 35
    HIGH = 36
    LOW = 37
    TURNOVER = 38
    DEAL = 39
    RECOVERY = 40
    SIGNAL = 100
    """The first signal's; each further one has the next value."""


def drawn(seed: int, stream: int, numbers: ArrayLike, places: ArrayLike) -> Bits:
    """Sixty-four random bits for each pair of a number and a place.

    Parameters
    ----------
    seed, stream : not negative; each pair of them has numbers of its own
    numbers, places : not negative, of shapes that broadcast to at least one dimension
    """
    key = (seed * 1_000 + stream + 1) * 0x9E3779B97F4A7C15 & _MASK
    first = np.atleast_1d(np.asarray(numbers, dtype=np.uint64))
    second = np.atleast_1d(np.asarray(places, dtype=np.uint64))
    bits: Bits = first * np.uint64(0xD1B54A32D192ED03) + np.uint64(key)
    bits = bits + second * np.uint64(0x8CB92BA72F3D8DD7)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def uniform(bits: Bits) -> FloatArray:
    """Even numbers from 0 to 1, the latter left out."""
    numbers: FloatArray = (bits >> np.uint64(11)) / float(1 << 53)
    return numbers


def below(bits: Bits, limit: int) -> NDArray[np.int64]:
    """Even whole numbers from 0 to `limit`, the latter left out."""
    return (((bits >> np.uint64(32)) * np.uint64(limit)) >> np.uint64(32)).astype(np.int64)


def normal(bits: Bits) -> FloatArray:
    """Numbers of mean 0 and variance 1, nearly normal: the sum of four even ones, within ±3.5."""
    total = np.zeros(bits.shape, dtype=np.int64)
    for start in _PARTS:
        total += ((bits >> np.uint64(start)) & np.uint64(0xFFFF)).astype(np.int64)
    return (total.astype(np.float64) - _MEAN) / _DEVIATION
