"""The planted signals, the noise beside them, and what is true of both.

A signal z of a place is known after the close of a session and follows

    z(k) = φ · z(k−1) + √(1 − φ²) · e(k),    e of mean 0 and variance 1,

so that its variance is 1. The return of session k, in which X has the standard deviation D across
the market without any signal, becomes X + D · Σ aᵢ · zᵢ(k−1) with

    aᵢ² = ρᵢ² / (1 − Σ ρⱼ²),

all of it between open and close: whoever trades at the open of k earns it. Then the correlation
across the market between z(k) and the return of the single session k + h is ρ · φ^(h−1), in every
session, whatever factors do. Over the H sessions after k it is

    IC(H) = a · Σ φ^h / √(H + Σᵢ aᵢ² · (H + 2 · Σ (H − j) · φᵢ^j)),   h = 0 … H−1, j = 1 … H−1,

since X of different sessions are independent. This is Pearson's correlation with total returns;
Spearman's is about as large. Noise has ρ = 0 and a φ of its own, so that it looks like a signal.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quant_platform.errors import UnknownNameError
from quant_platform.kernels.arrays import FloatArray
from quant_platform.vendors.synthetic.draws import Stream, drawn, normal


@dataclass(frozen=True)
class Signal:
    """A signal.

    Attributes
    ----------
    name : as users know it
    information_coefficient : ρ, correlation with the return of the next session; 0 for noise
    persistence : φ, what is left of it a session later
    """

    name: str
    information_coefficient: float
    persistence: float


SIGNALS = (
    Signal("fast", 0.03, 0.8),
    Signal("slow", 0.015, 0.97),
    Signal("noise_white", 0.0, 0.0),
    Signal("noise_fast", 0.0, 0.8),
    Signal("noise_slow", 0.0, 0.97),
)


def weight(signal: Signal, signals: Sequence[Signal] = SIGNALS) -> float:
    """Return a: the return that a signal of 1 adds, in standard deviations of the others'."""
    explained = [each.information_coefficient * each.information_coefficient for each in signals]
    return signal.information_coefficient / math.sqrt(1.0 - math.fsum(explained))


def true_information_coefficient(
    name: str, horizon: int = 1, signals: Sequence[Signal] = SIGNALS
) -> float:
    """Return the true correlation of a signal with the total return over the next sessions.

    Parameters
    ----------
    name : of one of the signals
    horizon : sessions over which the return is taken, at least 1
    signals : all that act on the returns

    Raises
    ------
    UnknownNameError
        There is no signal of that name.

    Examples
    --------
    >>> round(true_information_coefficient("fast"), 6), true_information_coefficient("noise_fast")
    (0.03, 0.0)
    """
    chosen = next((each for each in signals if each.name == name), None)
    if chosen is None:
        raise UnknownNameError(
            f"There is no planted signal {name!r}",
            f"There are: {', '.join(each.name for each in signals)}",
        )
    covariance = weight(chosen, signals) * sum(chosen.persistence**h for h in range(horizon))
    variance = float(horizon)
    for each in signals:
        both = sum((horizon - j) * each.persistence**j for j in range(1, horizon))
        variance += weight(each, signals) ** 2 * (horizon + 2.0 * both)
    return covariance / math.sqrt(variance)


def signal_values(seed: int, sessions: int, places: int) -> FloatArray:
    """Values of all signals: (signals, sessions, places)."""
    values = np.empty((len(SIGNALS), sessions, places))
    numbers = np.arange(places)
    for nth, each in enumerate(SIGNALS):
        fresh = math.sqrt(1.0 - each.persistence * each.persistence)
        for k in range(sessions):
            shock = normal(drawn(seed, Stream.SIGNAL + nth, k, numbers))
            before = values[nth, k - 1] if k else None
            values[nth, k] = shock if before is None else each.persistence * before + fresh * shock
    return values
