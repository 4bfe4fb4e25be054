"""From a result of a backtest to a row of the ledger, before anybody looks at it.

What does not belong here: what a trial is made of (`trials.py`), how it is written
(`storage/ledger.py`), and sweeps, which record their own (`sweep.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from quant_platform.errors import SealedError
from quant_platform.learning.forecaster import Forecaster
from quant_platform.market.calendar import Calendar
from quant_platform.research.backtest import as_strategy
from quant_platform.research.benchmark import Benchmark
from quant_platform.research.prepared import Assumptions
from quant_platform.research.reader import TableReader
from quant_platform.research.result import Backtest
from quant_platform.research.study import circumstance, current_study
from quant_platform.research.trials import Circumstances, Template
from quant_platform.storage.holdout import opening_of, refusal, trial_of_opening
from quant_platform.storage.ledger import Ledger
from quant_platform.storage.trials import Counted, Outcome, TrialRun
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.book import Book
from quant_platform.strategies.forecast_trials import forecast_trial, forecaster_text


@dataclass(frozen=True)
class Recorder:
    """Records backtests and forecasts of one store.

    Attributes
    ----------
    ledger : where trials are counted
    reader : with which the market was read
    calendar, named : sessions of the exchange, and what returns the strategy of a name
    origin : command or notebook
    """

    ledger: Ledger
    reader: TableReader
    calendar: Calendar
    named: Callable[[str], Strategy]
    origin: str

    def record(
        self,
        result: Backtest,
        model: Strategy | Book,
        assumed: Assumptions,
        benchmark: Benchmark,
        seconds: float,
    ) -> Backtest:
        """Count a backtest among the trials of the current study, and say in it what it was."""
        days = result.portfolios["date"]
        ends = self.reader.first_and_last_bar()
        of_all = Circumstances.of(
            self.reader, f"{days.iloc[0]:%Y-%m-%d}", f"{days.iloc[-1]:%Y-%m-%d}", assumed, ends
        )
        run, text = self._run(of_all, model, benchmark)
        outcome = replace(result.outcome, seconds=seconds)
        sources = {run.trial.source_digest: text} if text else {}
        how = circumstance(self.origin)
        counted = self.ledger.record(current_study(), [(run, outcome)], how, sources)
        return replace(result, counted=counted, run=run, source=text)

    def record_forecast(
        self,
        forecaster: Forecaster,
        first: str,
        last: str,
        outcome: Outcome,
        assumed: Assumptions,
    ) -> Counted:
        """Count a forecast among the trials of the current study.

        Parameters
        ----------
        first, last : sessions that were forecast, ISO dates
        """
        ends = self.reader.first_and_last_bar()
        of_all = Circumstances.of(self.reader, first, last, assumed, ends)
        trial = forecast_trial(of_all.terms, forecaster)
        run = TrialRun(trial, of_all.code, of_all.data, first, last)
        text = forecaster_text(forecaster)
        sources = {trial.source_digest: text} if text else {}
        how = circumstance(self.origin)
        return self.ledger.record(current_study(), [(run, outcome)], how, sources)

    def refuse_unopened(
        self, model: Strategy | Book, assumed: Assumptions, benchmark: Benchmark
    ) -> None:
        """Refuse a configuration that the current study did not open the hold-out for.

        Raises
        ------
        SealedError
            It did not, or for another one.
        """
        database, sealed, study = self.reader.database, self.reader.sealed, current_study()
        assert sealed is not None  # noqa: S101 — else nobody asks
        opening = opening_of(database, study.name)
        if opening is None:
            raise refusal(sealed)
        first, last = self.reader.first_and_last_bar()
        days = first.isoformat(), last.isoformat()
        of_all = Circumstances.of(self.reader, *days, assumed, (first, last))
        asked = self._run(of_all, model, benchmark)[0].trial
        opened = trial_of_opening(database, opening)
        if not asked.is_like(opened):
            raise SealedError(
                f"The hold-out was {opening}; this is another configuration",
                f"That one is {opened.strategy} with {opened.parameters}",
            )

    def _run(
        self, of_all: Circumstances, model: Strategy | Book, benchmark: Benchmark
    ) -> tuple[TrialRun, str]:
        """Return what was run, and the text of what is no file of the package."""
        if isinstance(model, Strategy):
            template = Template(model, self.calendar)
            return of_all.run(model, template.source_of(model), benchmark), template.text
        members = {
            name: as_strategy(each, self.calendar, self.named)
            for name, each in model.models.items()
        }
        templates = {name: Template(each, self.calendar) for name, each in members.items()}
        sources = [templates[name].source_of(each) for name, each in members.items()]
        texts = dict.fromkeys(filter(None, (each.text for each in templates.values())))
        return of_all.run_of_book(model, members, sources, benchmark), "\n\n".join(texts)
