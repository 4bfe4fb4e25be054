"""`Forecasting`: what a store foretells with learned models, without trading by it.

What belongs here: what a user calls, with arguments as a person writes them. What does not: how it
is computed (`forecasts.py`).
"""

import time
from dataclasses import dataclass, replace
from functools import partial

from quant_platform.features.feature_registry import select
from quant_platform.learning.forecaster import Forecaster
from quant_platform.market.calendar import platform_calendar
from quant_platform.research.arguments import Day, iso_range
from quant_platform.research.forecast_result import ForecastRun
from quant_platform.research.forecast_trials import SPREAD, forecast_outcome
from quant_platform.research.forecasts import ReaderSource, walk_forward_forecast
from quant_platform.research.probabilities import (
    HORIZON,
    ProbabilityStudy,
    probability_study,
)
from quant_platform.research.recording import Recorder
from quant_platform.research.reproducible import Reproducible
from quant_platform.strategies.models import model_of
from quant_platform.time_limit import TimeLimit


@dataclass(frozen=True)
class Forecasting(Reproducible):
    """Learned models over the tables of one database."""

    def walk_forward_forecast(
        self, forecaster: Forecaster, start: Day, end: Day, *, time_limit: float | None = None
    ) -> ForecastRun:
        """Train a forecaster on its schedule over stored sessions; forecast by what is in force.

        No version is stored, and the run counts as a trial: trainings of one run are of one
        configuration. What the ledger keeps of it are the returns of the spread of its forecasts
        before costs. A result that could not be counted says so (`run.counted`).

        The versions are those that the pipeline would train: at every cut since the first stored
        session, of labels known there.

        Parameters
        ----------
        forecaster : such as `qp.Forecaster(estimator=Ridge(), features=("technical",))`
        start, end : first and last session that is forecast
        time_limit : seconds that each call of a feature of your own may take; 0: no limit; default:
            QUANT_PLATFORM_STEP_SECONDS

        Raises
        ------
        SessionError
            There are no bars in the range, or a session is missing.
        UnknownNameError
            There is no such feature.
        SealedError
            The range ends in the sealed hold-out.
        SettingsError
            A package of the extra `research` is not installed.

        Examples
        --------
        >>> import quant_platform as qp
        >>> from sklearn.linear_model import Ridge
        >>> simple = qp.Forecaster(features=("momentum_20", "rsi_14"), estimator=Ridge())
        >>> run = qp.open().walk_forward_forecast(simple, "2008-01-02", "2008-12-31")
        >>> run.forecasts.columns.tolist()
        ['security_id', 'forecast', 'trained_on']
        """
        first, last = iso_range(start, end)
        self._reader.refuse_sealed(last)
        calendar, limit = platform_calendar(self.settings), self.settings.step_seconds
        stored = calendar.sessions(*self._reader.first_and_last_bar())
        days = calendar.range(first, last, stored)
        source = ReaderSource(
            self._reader,
            calendar,
            tuple(each.name for each in select(forecaster.features)),
            days[-1].isoformat(),
            TimeLimit(limit if time_limit is None else time_limit),
        )
        count, begun = len(source.sessions), time.perf_counter()
        begin = max(count - len(days), 0)
        run = walk_forward_forecast(source, forecaster, begin, count - 1)
        outcome = forecast_outcome(run.returns, time.perf_counter() - begun, run.failed)
        named = partial(model_of, self.settings)
        recorder = Recorder(self._ledger, self._reader, calendar, named, self.origin)
        span = str(source.sessions[begin]), str(source.sessions[-1])
        counted = recorder.record_forecast(forecaster, *span, outcome, SPREAD)
        return replace(run, counted=counted)

    def signal_probabilities(
        self, model: str, start: Day, end: Day, *, horizon: int = HORIZON
    ) -> ProbabilityStudy:
        """Return how probable it was that the sign of each of a model's signals was right.

        Stored signals are calibrated once a month, by outcomes that were known then: isotonic or
        Platt, whichever was better on later outcomes (`learning/probability.py`). Strength,
        confidence and sizes of the signals stay as they are, and nothing is stored.

        Parameters
        ----------
        model : its name, in the table `models`
        start, end : first and last session that are shown; up to 526 sessions before them are read
        horizon : sessions over which a signal is judged, from the next open on

        Raises
        ------
        UnknownNameError, ContractError, SettingsError
            There is no such model, it has no signal there, or the horizon cannot be.
        """
        first, last = iso_range(start, end)
        self._reader.refuse_sealed(last)
        calendar = platform_calendar(self.settings)
        return probability_study(self._reader, calendar, model, first, last, horizon)
