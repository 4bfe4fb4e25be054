"""How forecasts are judged: rank correlation with what followed, and its bootstrap interval.

The interval is that of the mean over sessions by the stationary bootstrap (`bootstrap.py`), which
resamples blocks of neighbouring sessions: returns over several sessions overlap. Of a difference of
two series over the same sessions it is a paired one. What does not belong here: what follows from
it (`learning/walk_forward.py`).
"""

import numpy as np

from quant_platform.evaluation.bootstrap import FEWEST_SESSIONS, Draws, block_length, interval
from quant_platform.evaluation.factor_sessions import Ordered, pair_up
from quant_platform.kernels.arrays import FloatArray
from quant_platform.learning.versions import Skill


class ForecastJudge:
    """A `Judge` of forecasts (`learning/versions.py`)."""

    def coefficients(self, values: FloatArray, forward: FloatArray) -> FloatArray:
        """Return Spearman's rank correlation of each session, NaN where it is unknown."""
        both = [Ordered.of(each, stable=False) for each in (values, forward)]
        found: FloatArray = pair_up(both[0], both[1]).rank_ic[:, 0]
        return found

    def skill(self, series: FloatArray, identity: str) -> Skill:
        """Return the mean of the known values with its 95 % interval.

        Parameters
        ----------
        series : one value a session, NaN where unknown
        identity : what the resamples are drawn by

        Examples
        --------
        >>> ForecastJudge().skill(np.full(30, 0.1), "example").sessions
        30
        """
        known = series[np.isfinite(series)]
        if not len(known):
            return Skill(0)
        mean = float(known.mean())
        if len(known) < FEWEST_SESSIONS:
            return Skill(len(known), mean)
        draws = Draws.of(identity, len(known), block_length(known))
        running = np.concatenate(([0.0], np.cumsum(known)))[:, None]
        lower, upper = interval(draws.sums(running)[:, 0] / len(known))
        return Skill(len(known), mean, float(lower), float(upper))
