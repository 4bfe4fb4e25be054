"""Probability that a signal's sign is right, of outcomes that were known before.

1. A signal of session D has a sign and a strength. Its outcome is whether the return from the next
   open to the open `horizon` sessions later has that sign (`labels.ForwardReturn`); a return of
   exactly 0 is no hit.
2. After the close of the first session C of each month, both calibrators are fitted to the signals
   of the last `CALIBRATION_SESSIONS` sessions whose outcomes are known at C. Each is fitted to the
   earlier two thirds first, without the outcomes that reach beyond them, and judged by its Brier
   score on the last third; the better one is fitted to all and is in force from C until the next
   cut.
3. The share of hits stands for every signal where neither is better than it on the last third.
4. Strengths are calibrated in steps of `STRENGTH_STEP`, so that a fit looks at some thousand
   counts, whatever the number of signals.

A probability of D is a function of signals and prices up to D (laws 1 and 2). Without
`FEWEST_OUTCOMES`, or with outcomes of one class, there is none: null, and not ½. What does not
belong here: where signals come from.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from quant_platform.errors import SettingsError
from quant_platform.kernels.arrays import BoolArray, FloatArray, SessionArray
from quant_platform.learning.calibration import (
    ISOTONIC,
    PLATT,
    Calibration,
    Calibrator,
    ScoredOutcomes,
    fit_isotonic,
    fit_platt,
)
from quant_platform.learning.labels import Labels
from quant_platform.market.calendar import LONGEST_PERIOD, Calendar

CALIBRATION_SESSIONS = 504
"""Sessions up to a cut whose signals are calibrated by."""

FEWEST_OUTCOMES = 100
"""Outcomes below which nothing is calibrated."""

BASE_RATE = "base rate"

STRENGTH_STEP = 1e-4
"""Strengths of one step count as one."""

COUNTED = 100_000
"""Steps up to which outcomes are counted step by step; beyond, by those that occur."""

FIT = {ISOTONIC: fit_isotonic, PLATT: fit_platt}


@dataclass(frozen=True, eq=False)
class FittedCalibrator:
    """What is in force from one cut on.

    Attributes
    ----------
    at : position of the cut
    calibrator : None: there were too few outcomes
    chosen : `ISOTONIC`, `PLATT` or `BASE_RATE`; empty: none
    outcomes : that it was fitted to
    scores : Brier score of each on the last third
    """

    at: int
    calibrator: Calibrator | None
    chosen: str = ""
    outcomes: int = 0
    scores: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class SignalProbabilities:
    """Probabilities of signals, (sessions, securities); NaN without a signal, or where unknown.

    Attributes
    ----------
    probabilities : of the signals
    hits, known : whether a signal's sign was right, and whether that is known by the panel's end
    calibrators : by cut, the earliest first
    """

    probabilities: FloatArray
    hits: BoolArray
    known: BoolArray
    calibrators: tuple[FittedCalibrator, ...]

    def calibration(self, first: int = 0, last: int | None = None) -> Calibration:
        """Measure the probabilities of signals whose outcome is known."""
        part = slice(first, last)
        judged = self.known[part] & np.isfinite(self.probabilities[part])
        return Calibration.of(self.probabilities[part][judged], self.hits[part][judged])


def signal_probabilities(
    signs: NDArray[np.integer],
    strengths: FloatArray,
    returns: Labels,
    sessions: SessionArray,
    calendar: Calendar,
    window: int = CALIBRATION_SESSIONS,
    first: int = 0,
) -> SignalProbabilities:
    """Return the probability that each signal's sign is right.

    Parameters
    ----------
    signs : (sessions, securities): 1, 0 or −1; 0 is no signal
    strengths : of the signals, from 0 on, the higher the surer
    returns : forward returns over the signals' horizon, with the sessions at which they are known
    sessions : consecutive; the look-back of a probability is `lookback(window)`
    window : sessions of calibration
    first : position of the first session whose probabilities are wanted; those before are NaN

    Raises
    ------
    SettingsError
        The window is no number of sessions.
    """
    if not isinstance(window, int) or window < 1:
        raise SettingsError(f"The window of calibration is {window!r}", "Allowed: sessions, from 1")
    signal = (signs != 0) & np.isfinite(strengths)
    known = signal & (returns.ends >= 0)
    with np.errstate(invalid="ignore"):
        hits = known & (np.sign(returns.values) == signs)
    values = np.full(signs.shape, np.nan)
    steps = np.rint(np.where(signal, strengths, 0.0) / STRENGTH_STEP).astype(np.int64)
    cuts = np.flatnonzero(calendar.begins(sessions, "month"))
    # What is in force at `first` was fitted at the last cut up to it.
    cuts = cuts[max(int(np.searchsorted(cuts, first, side="right")) - 1, 0) :]
    fitted = []
    for cut, after in zip(cuts, [*cuts[1:], len(sessions)], strict=True):
        begin = max(int(cut) - window + 1, 0)
        part = slice(begin, int(cut) + 1)
        there = known[part] & (returns.ends[part] <= cut)
        rows = np.nonzero(there)[0] + begin
        each = _fitted(
            int(cut), rows, returns.ends[part][there], steps[part][there], hits[part][there]
        )
        fitted.append(each)
        if each.calibrator is not None:
            of = slice(max(int(cut), first), int(after))
            found = each.calibrator.probability(_strengths(steps[of]))
            values[of] = np.where(signal[of], found, np.nan)
    return SignalProbabilities(values, hits, known, tuple(fitted))


def lookback(window: int = CALIBRATION_SESSIONS) -> int:
    """Sessions that a probability depends on, its own included."""
    return window + LONGEST_PERIOD["month"]


def _fitted(
    cut: int,
    rows: NDArray[np.int64],
    ends: NDArray[np.int32],
    steps: NDArray[np.int64],
    hits: BoolArray,
) -> FittedCalibrator:
    """Fit what is in force from a cut on, to outcomes that are known there."""
    count = len(hits)
    if count < FEWEST_OUTCOMES or hits.all() or not hits.any():
        return FittedCalibrator(cut, None, outcomes=count)
    border = rows[2 * count // 3]
    early, late = ends < border, rows >= border
    past, judge, whole = (
        _counted(steps[part], hits[part]) for part in (early, late, np.ones(count, dtype=bool))
    )
    scores: dict[str, float] = {}
    if past.has_both:
        scores[BASE_RATE] = judge.brier(past.share)
        for kind, fit in FIT.items():
            scores[kind] = judge.brier(fit(past).probability(judge.scores))
    chosen = min(scores, key=lambda kind: scores[kind]) if scores else BASE_RATE
    if chosen == BASE_RATE:
        flat = Calibrator(ISOTONIC, np.zeros(1), np.full(1, whole.share))
        return FittedCalibrator(cut, flat, chosen, count, scores)
    return FittedCalibrator(cut, FIT[chosen](whole), chosen, count, scores)


def _counted(steps: NDArray[np.int64], hits: BoolArray) -> ScoredOutcomes:
    """Outcomes by the step of their strength."""
    if steps.max(initial=0) > COUNTED:
        return ScoredOutcomes.of(_strengths(steps), hits)
    counts, right = np.bincount(steps), np.bincount(steps[hits], minlength=steps.max(initial=0) + 1)
    there = np.flatnonzero(counts)
    return ScoredOutcomes(
        _strengths(there), counts[there].astype(np.float64), right[there].astype(np.float64)
    )


def _strengths(steps: NDArray[np.int64]) -> FloatArray:
    """Strengths of steps."""
    return steps.astype(np.float64) * STRENGTH_STEP
