"""Monitor of a model in use: whether its returns hold what its backtest promised, at any look.

1. **Scale.** A return is divided by the root mean square of the model's last `SCALE_SESSIONS`
   returns before it, and cut off at ±`BOUND`. So X is bounded, however heavy the tails, and nearly
   of the same scale, however volatility clusters; its mean is about the Sharpe ratio per session.
2. **Promise.** The lower end of the 95 % interval of the mean of X over the backtest (stationary
   bootstrap), less what the best of so many trials without skill would show (`sharpe_inference.py`)
   times the deviation of X. It is computed once, at the promotion.
3. **Test.** With n sessions, S = ΣX, V = ΣX² and a promise m, the evidence against it is
   E = Σₖ wₖ·exp(λₖ·(n·m − S) − ψ(λₖ)·V), ψ(λ) = (−log(1 − λB) − λB) ÷ B², over fixed bets λₖ.
   The promise is broken at the first look at which E reaches 1 ÷ `LEVEL`.
4. **Why it holds.** X ≤ B, so exp(−λX − ψ(λ)X²) ≤ 1 − λX (X. Fan, I. Grama and Q. Liu,
   "Exponential inequalities for martingales with applications", Electronic Journal of Probability
   20, 2015), whose conditional mean is 1 − λμ ≤ exp(−λμ), with μ the mean of X given the past.
   Hence exp(λ·Σ(μ − X) − ψ(λ)·V) is a supermartingale that begins with 1, and so is the mixture.
   As long as the mean of the μ so far is at least m, E is no larger. By Ville's inequality it ever
   reaches 1 ÷ α with a probability of at most α, however often one looks. No moment of a return, no
   independence and no constant volatility is assumed.
5. **Confidence sequence.** The m that E has not refused; for both sides (S. Howard, A. Ramdas,
   J. McAuliffe and J. Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences",
   Annals of Statistics 49, 2021; I. Waudby-Smith and A. Ramdas, "Estimating means of bounded random
   variables by betting", Journal of the Royal Statistical Society B 86, 2024). Each end holds with
   probability 1 − α at all looks together; it ends below m exactly when E reaches 1 ÷ α.

A session counts if it was known before it that the account trades and what its scale is. What does
not belong here: which models are in use, and what an alert or a halt does (`pipeline/monitor.py`).
"""

import math
from dataclasses import dataclass

import numpy as np

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.errors import SessionError
from quant_platform.evaluation.bootstrap import RESAMPLES, Draws, block_length, interval
from quant_platform.evaluation.effective_trials import Trials
from quant_platform.evaluation.metrics import ROOT_YEAR
from quant_platform.evaluation.sharpe_inference import expected_maximum
from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.kernels.resampling import IntArray

LEVEL = 0.05
"""Probability with which a promise that is kept is ever called broken, at most."""

BOUND = 3.0
"""Scaled returns are cut off there, on both sides."""

SCALE_SESSIONS, FEWEST_SCALE = 63, 21
"""Returns before a session that its scale is made of, and the fewest."""

BETS = tuple(0.004 * 1.35**step for step in range(14))
"""Bets λ, each of the same weight; all below 1 ÷ `BOUND`."""

GREATEST_LOG = 690.0
"""Logarithm beyond which evidence is not told apart: a double holds no more."""

NEWTON_STEPS = 12
"""More than the ends of the confidence sequence need to be exact to the last digits."""

IDENTITY = "monitor"
"""Of the draws of the bootstrap."""


@dataclass(frozen=True)
class Promise:
    """What a backtest promised, per session and in scaled returns.

    Attributes
    ----------
    sessions : scaled returns that it is made of
    mean : their mean
    lower : lower end of its 95 % interval
    haircut : what the best of so many trials without skill would show
    trials, effective_trials : what the model was chosen from
    """

    sessions: int
    mean: float
    lower: float
    haircut: float
    trials: int
    effective_trials: float

    @property
    def promised(self) -> float:
        """What is watched: the lower end, less the haircut."""
        return self.lower - self.haircut


@dataclass(frozen=True, eq=False)
class Watch:
    """The monitor after each session, arrays of shape (T,).

    Attributes
    ----------
    sessions : scaled returns that counted since the test began
    mean : their mean, NaN before the first
    lower, upper : ends of the confidence sequence of the mean, each at `LEVEL`
    e_value : evidence against the promise; 1 before the first
    crossed : whether it has ever reached 1 ÷ `LEVEL` since the test began
    """

    sessions: IntArray
    mean: FloatArray
    lower: FloatArray
    upper: FloatArray
    e_value: FloatArray
    crossed: BoolArray


def scaled_returns(returns: FloatArray, counts: BoolArray | None = None) -> FloatArray:
    """Scaled and cut-off returns X, (T,); NaN where there is none.

    Parameters
    ----------
    returns : (T,) of a model's sessions from its first on; NaN: a session without one
    counts : (T,) whether the account traded, as known before the session; None: always. The others
        are left out, as if they had not been

    Examples
    --------
    >>> steady = np.tile([0.01, -0.01], 20)
    >>> scaled_returns(np.append(steady, [-1.0, 0.005]))[-2:].round(2).tolist()
    [-3.0, 0.03]
    """
    values = np.asarray(returns, dtype=np.float64)
    live = np.isfinite(values) if counts is None else np.isfinite(values) & counts
    known = values[live]
    found = np.full(len(values), np.nan)
    if not len(known):
        return found
    with np.errstate(over="ignore"):
        squares = np.concatenate((np.zeros(SCALE_SESSIONS), known * known))[:-1]
    sums = np.lib.stride_tricks.sliding_window_view(squares, SCALE_SESSIONS).sum(axis=1)
    before = np.minimum(np.arange(len(known)), SCALE_SESSIONS)
    scale = np.sqrt(sums / np.maximum(before, 1))
    usable = (before >= FEWEST_SCALE) & (scale > 0.0)
    with np.errstate(over="ignore"):
        ratios = known / np.where(usable, scale, 1.0)
    found[live] = np.where(usable, np.clip(ratios, -BOUND, BOUND), np.nan)
    return found


def promise_of(scaled: FloatArray, trials: Trials) -> Promise:
    """Return what a backtest promised.

    Parameters
    ----------
    scaled : its scaled returns, as `scaled_returns` gives them
    trials : what the model was chosen from

    Raises
    ------
    SessionError
        There are fewer than a year of them, or they do not vary.
    """
    known = np.ascontiguousarray(scaled[np.isfinite(scaled)])
    count = len(known)
    if count < SESSIONS_PER_YEAR or not np.ptp(known) > 0.0:
        raise SessionError(
            f"There are {count} returns to promise anything by, or they do not vary",
            f"A promise takes {SESSIONS_PER_YEAR} returns of a portfolio that trades",
        )
    running = np.concatenate(([0.0], np.cumsum(known)))[:, None]
    draws = Draws.of(IDENTITY, count, block_length(known), RESAMPLES)
    lower = interval(draws.sums(running)[:, 0] / count)[0]
    best = expected_maximum(max(trials.effective, 1.0), trials.deviation / ROOT_YEAR)
    return Promise(
        sessions=count,
        mean=float(known.mean()),
        lower=float(lower),
        haircut=best * float(known.std(ddof=1)),
        trials=trials.raw,
        effective_trials=trials.effective,
    )


def watch(scaled: FloatArray, promised: float, begins: BoolArray | None = None) -> Watch:
    """Test a promise at every session.

    Parameters
    ----------
    scaled : (T,) scaled returns from the promotion on; NaN: the session does not count
    promised : what the mean of them is promised to be, at least
    begins : (T,) sessions at which the test begins anew; None: only the first

    Examples
    --------
    >>> bad = watch(np.full(400, -0.5), promised=0.02)
    >>> int(bad.crossed.argmax()), bool(bad.upper[-1] < 0.02)
    (54, True)
    """
    values = np.asarray(scaled, dtype=np.float64)
    starts = [0] if begins is None else sorted({0, *np.flatnonzero(begins).tolist()})
    ends = [*starts[1:], len(values)]
    parts = [_watch(values[start:end], promised) for start, end in zip(starts, ends, strict=True)]
    names = ("sessions", "mean", "lower", "upper", "e_value", "crossed")
    return Watch(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in names})


def _watch(values: FloatArray, promised: float) -> Watch:
    """One test, from its beginning on."""
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    count, total, squares = np.cumsum(known), np.cumsum(filled), np.cumsum(filled * filled)
    evidence = _log_evidence(count * promised - total, squares)
    with np.errstate(all="ignore"):
        mean, half = total / count, _reach(squares) / count
    return Watch(
        sessions=count.astype(np.int64),
        mean=mean,
        lower=np.where(count > 0, np.maximum(mean - half, -BOUND), -BOUND),
        upper=np.where(count > 0, np.minimum(mean + half, BOUND), BOUND),
        e_value=np.exp(np.minimum(evidence, GREATEST_LOG)),
        crossed=np.logical_or.accumulate(evidence >= -math.log(LEVEL)),
    )


def _price(bet: float) -> float:
    """ψ(λ): what a bet pays for each unit of squares."""
    part = bet * BOUND
    return (-math.log1p(-part) - part) / (BOUND * BOUND)


def _log_evidence(shortfall: FloatArray, squares: FloatArray) -> FloatArray:
    """Logarithm of the mixture, by how far the sum is below what was promised, and V."""
    terms = [bet * shortfall - _price(bet) * squares for bet in BETS]
    highest = np.maximum.reduce(terms)
    total = np.zeros(len(shortfall))
    for each in terms:
        total += np.exp(each - highest)
    return np.asarray(highest + np.log(total / len(BETS)))


def _reach(squares: FloatArray) -> FloatArray:
    """Shortfall at which the evidence is 1 ÷ `LEVEL`.

    Newton's method from above: the logarithm of the mixture is convex and grows, so each step stays
    above the root and the first is the least that a single bet needs.
    """
    wanted = -math.log(LEVEL)
    alone = wanted + math.log(len(BETS))
    reach = np.minimum.reduce([(alone + _price(bet) * squares) / bet for bet in BETS])
    for _ in range(NEWTON_STEPS):
        terms = [bet * reach - _price(bet) * squares for bet in BETS]
        highest = np.maximum.reduce(terms)
        total, slope = np.zeros(len(squares)), np.zeros(len(squares))
        for bet, each in zip(BETS, terms, strict=True):
            share = np.exp(each - highest)
            total += share
            slope += bet * share
        value = highest + np.log(total / len(BETS))
        reach = reach - (value - wanted) * total / slope
    return np.asarray(reach)
