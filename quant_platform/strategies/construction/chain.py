"""Weights from choice to choice: who is chosen, what each gets, and what is done when that fails.

1. A choice is made after the close of the first session of each period, of the returns of the
   `window` sessions that end there.
2. Candidates are the members with a forecast and with at least 90 % of the window's returns, which
   vary; a missing one counts as 0. The `names` with the highest forecasts are chosen.
3. The rule gives weights, which are brought within the limits, and traded no further than the limit
   of turnover allows from the weights of the choice before.
4. A rule that fails (a solver that does not converge, limits that cannot be met) leaves the weights
   of the choice before; where that failed as well, or there is none, all is cash. Each failure is
   kept with its reason.
5. Weights follow from a fixed number of sessions. Without costs and a limit of turnover a choice
   needs none before it but when it fails. With them it goes on from the one before, and the first
   choice of each calendar year begins anew, free of both.

What does not belong here: parameters of a model (`library/constructed.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from quant_platform.errors import ContractError, QuantPlatformError, SettingsError
from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.market.calendar import LONGEST_PERIOD
from quant_platform.market.panel import Panel
from quant_platform.strategies.construction.estimators import Choice
from quant_platform.strategies.construction.limits import WeightLimits, budget, towards, within

KNOWN_SHARE = 0.9
"""Least share of the window's sessions with a return."""

Rule = Callable[[Choice], FloatArray]
"""Weights of a choice, not negative; what they sum to does not matter."""


@dataclass(frozen=True)
class Plan:
    """How weights are constructed.

    Attributes
    ----------
    rule : see `Rule`
    limits : see `WeightLimits`
    names : securities held at most
    window : sessions of returns that a choice looks back on
    every : period of `market.calendar.LONGEST_PERIOD`
    goes_on : whether a choice goes on from the one before
    """

    rule: Rule
    limits: WeightLimits = field(default_factory=WeightLimits)
    names: int = 50
    window: int = 252
    every: str = "month"
    goes_on: bool = False

    @property
    def lookback(self) -> int:
        """Sessions that a weight depends on, its own included."""
        earliest = LONGEST_PERIOD["year"] if self.goes_on else 2 * LONGEST_PERIOD[self.every]
        return earliest + self.window - 1


@dataclass(frozen=True)
class Constructed:
    """Weights of a panel, (sessions, securities), and why choices failed, by number of session."""

    weights: FloatArray
    failures: dict[int, str]


def construct(panel: Panel, scores: FloatArray, returns: FloatArray, plan: Plan) -> Constructed:
    """Return the weights of each session; see the module.

    Parameters
    ----------
    scores, returns : (sessions, securities) forecasts and total returns of one session; NaN where
        unknown

    Raises
    ------
    SettingsError
        A package is missing.
    """
    shape = panel.member.shape
    begins = panel.every(plan.every)
    anew = panel.every("year")
    if plan.goes_on:
        begins = begins | anew
    held = np.zeros((int(begins.sum()) + 1, shape[1]))
    failures: dict[int, str] = {}
    latest: FloatArray | None = None
    market = _market(panel, returns)
    for number, at in enumerate(np.flatnonzero(begins), start=1):
        if plan.goes_on and anew[at]:
            latest = None
        # From cash alone the way is free.
        before = latest if plan.goes_on and latest is not None and latest.any() else None
        try:
            made = _choose(panel, scores, returns, market, int(at), plan, before)
        except SettingsError:
            raise
        except Exception as error:  # whatever a solver raises, the model goes on
            failures[int(at)] = _reason(error)
            held[number] = 0.0 if latest is None else latest
            # Of weights that were kept once nothing is kept again: look-backs are finite.
            latest = held[number] if plan.goes_on else None
            continue
        held[number] = latest = made
    return Constructed(held[np.cumsum(begins)], failures)


def _choose(
    panel: Panel,
    scores: FloatArray,
    returns: FloatArray,
    market: FloatArray,
    at: int,
    plan: Plan,
    before: FloatArray | None,
) -> FloatArray:
    """Weights of one choice, (securities,)."""
    result = np.zeros(scores.shape[1])
    if at + 1 < plan.window:
        return result
    past = slice(at + 1 - plan.window, at + 1)
    chosen = _chosen(panel.member[at] & panel.traded[at], scores[at], returns[past], plan.names)
    if not len(chosen):
        return result if before is None else towards(before, result, plan.limits.turnover)
    window = returns[past][:, chosen]
    window = np.ascontiguousarray(np.where(np.isfinite(window), window, 0.0))
    sectors = panel.sectors[at, chosen]
    betas = _betas(window, market[past])
    total = budget(plan.limits, sectors)
    choice = Choice(
        returns=window,
        scores=scores[at, chosen],
        sectors=sectors,
        betas=betas,
        before=result[chosen] if before is None else before[chosen],
        total=total,
    )
    given = plan.rule(choice) if len(chosen) > 1 else np.ones(1)
    if not np.isfinite(given).all() or given.min() < -1e-6 or given.sum() <= 0.0:
        raise ContractError("The rule gives no weights that can be held", "Choose another method.")
    given = np.maximum(given, 0.0)
    result[chosen] = within(given * (total / given.sum()), plan.limits, sectors, betas, total)
    return result if before is None else towards(before, result, plan.limits.turnover)


def _chosen(is_there: BoolArray, scores: FloatArray, past: FloatArray, names: int) -> FloatArray:
    """Numbers of the securities with the highest forecasts, ascending; of equal ones the first."""
    known = np.isfinite(past)
    filled = np.where(known, past, 0.0)
    varies = filled.max(axis=0, initial=-np.inf) > filled.min(axis=0, initial=np.inf)
    enough = known.sum(axis=0) >= KNOWN_SHARE * len(past)
    able = np.flatnonzero(is_there & np.isfinite(scores) & enough & varies)
    best = able[np.argsort(-scores[able], kind="stable")[:names]]
    return np.sort(best)


def _market(panel: Panel, returns: FloatArray) -> FloatArray:
    """Mean return of the members of each session; NaN without any."""
    known = panel.member & np.isfinite(returns)
    if not known.shape[1]:
        return np.full(len(known), np.nan)
    total = np.cumsum(np.where(known, returns, 0.0), axis=1)[:, -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean: FloatArray = total / known.sum(axis=1)
    return mean


def _betas(window: FloatArray, market: FloatArray) -> FloatArray:
    """Slopes on the market's return; 1 where the market does not vary."""
    filled = np.where(np.isfinite(market), market, 0.0)
    away = filled - filled.mean()
    square = float((away * away).sum())
    if square <= 0.0:
        return np.ones(window.shape[1])
    slopes: FloatArray = (window * away[:, None]).sum(axis=0) / square
    return slopes


def _reason(error: Exception) -> str:
    """One line that says what failed."""
    if isinstance(error, QuantPlatformError):
        return error.message
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}".rstrip(": ")
