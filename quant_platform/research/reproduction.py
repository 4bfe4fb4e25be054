"""`reproduce`: a run of the ledger run again, and compared byte by byte with what was kept of it.

1. The strategy and the assumptions are restored (`restoring.py`).
2. The rows are those of the run: what is stored now where its version is still the run's, else as
   they were known when the run was recorded; a run that was made as known at a moment says which.
3. It is simulated from the run's first session on; a daily model from the session in which its
   portfolio begins, and compared over the sessions of the run.
4. Returns in single precision and figures must be equal to the last bit.

It is counted as a run under its trial, in the study of the first one: nothing new was tried, unless
the code has become another one. What does not belong here: comparing two runs
(`run_comparison.py`).
"""

import time
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

import numpy as np
import pandas as pd

from quant_platform.errors import SealedError, SessionError, SettingsError
from quant_platform.market.calendar import Calendar, platform_calendar
from quant_platform.provenance import code_version
from quant_platform.research.backtest import backtest
from quant_platform.research.benchmark import Benchmark
from quant_platform.research.reader import TableReader
from quant_platform.research.restoring import Restored, restored
from quant_platform.research.result import Backtest
from quant_platform.research.study import circumstance
from quant_platform.research.trials import Circumstances, version_with
from quant_platform.settings import Settings
from quant_platform.storage.data_version import DataVersion, moment_of
from quant_platform.storage.database import existing_database
from quant_platform.storage.holdout import opening_of, refusal, trial_of_opening
from quant_platform.storage.ledger import Ledger, figures_of, outcome_digest
from quant_platform.storage.run_records import RunRecord
from quant_platform.storage.trials import METRIC_COLUMNS, Outcome, Returns, TrialRun
from quant_platform.strategies.models import model_of
from quant_platform.time_limit import TimeLimit

ASSET = "asset"
"""Origin of the runs of daily models."""

_BEGINS = """
SELECT min(date)::text AS first FROM portfolios WHERE date <= $2::text::date
  AND model_id = (SELECT id FROM models WHERE model_name = $1)
"""


@dataclass(frozen=True, eq=False)
class Reproduction:
    """A run, and what came of it this time.

    Attributes
    ----------
    record : the run of the ledger
    result : the backtest of now
    outcome : of it, what the ledger keeps of the run's sessions
    differences : what is not the same, the first session with another return first; empty: nothing
    notes : what could not be restored, and what was read of the past
    """

    record: RunRecord
    result: Backtest
    outcome: Outcome
    differences: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether returns and figures are the same bytes."""
        return not self.differences

    @property
    def digest(self) -> str:
        """SHA-256 of the returns and figures of now."""
        return outcome_digest(self.outcome)

    def __str__(self) -> str:
        lines = [str(self.record)]
        if self.same:
            count = len(self.outcome.returns)
            lines.append(f"Same bytes: {count:,} returns and all figures, {self.digest[:16]}")
        else:
            lines += ["It differs:", *(f"  {each}" for each in self.differences)]
        return "\n".join([*lines, *(f"Note: {each}" for each in self.notes)])

    __repr__ = __str__


@dataclass(frozen=True)
class Reproducer:
    """Runs trials of one database again.

    Attributes
    ----------
    reader : of what is stored now
    settings : of the platform
    ledger : where the run is counted
    run_stored_source : whether source that is stored with a trial may be run
    origin : command or notebook
    """

    reader: TableReader
    settings: Settings
    ledger: Ledger
    run_stored_source: bool = False
    origin: str = "notebook"

    def reproduce(
        self, record: RunRecord, strategy: object = None, benchmark: Benchmark | None = None
    ) -> Reproduction:
        """Run a run of the ledger again.

        Raises
        ------
        SettingsError, UnknownNameError, SessionError
            It cannot be run again; the message says what is missing.
        SealedError
            It ends in the hold-out, which its study did not open for it.
        """
        if record.outcome.failed is not None:
            raise SettingsError(
                f"{record} failed, and left nothing to compare: {record.outcome.failed[:200]}",
                "Name a run that succeeded; see: quant-platform trials",
            )
        calendar = platform_calendar(self.settings)
        reader, notes = self._as_it_was(record, benchmark)
        with restored(
            record,
            self.settings,
            calendar,
            run_stored_source=self.run_stored_source,
            strategy=strategy,
            benchmark=benchmark,
        ) as made:
            begun = time.perf_counter()
            result = self._run(record, made, reader, calendar)
            seconds = time.perf_counter() - begun
            outcome = _of_sessions(record, result.outcome, result)
            result = self._counted(record, made, reader, result, seconds)
        code = code_version()
        if code != record.run.code_version:
            notes += (f"the code was {record.run.code_version}, and is {code} now",)
        differences = different(record.outcome, outcome, _days(record, result))
        return Reproduction(record, result, outcome, differences, (*notes, *made.notes))

    def _as_it_was(
        self, record: RunRecord, benchmark: Benchmark | None
    ) -> tuple[TableReader, tuple[str, ...]]:
        """Return a reader of the rows of the run, and what is to be said of it."""
        run, reader = record.run, self._opened(record)
        moment = moment_of(run.data_version)
        if moment is not None:
            return replace(reader, moment=moment, cache=None, securities={}), ()
        now = DataVersion.read(self.reader.query, run.last_session)
        if version_with(now.digest, benchmark) == run.data_version:
            return reader, ()
        known = record.created_at.isoformat()
        note = f"the data changed since: read as known at {known}, when the run was recorded"
        return replace(reader, moment=known, cache=None, securities={}), (note,)

    def _opened(self, record: RunRecord) -> TableReader:
        """Return the reader, or one that sees the hold-out where the run's study opened it."""
        sealed, last = self.reader.sealed, record.run.last_session
        if sealed is None or last < sealed.isoformat():
            return self.reader
        opening = opening_of(self.reader.database, record.study.name)
        if opening is None:
            raise refusal(sealed)
        if not record.trial.is_like(trial_of_opening(self.reader.database, opening)):
            raise SealedError(
                f"The hold-out was {opening}; this is another configuration",
                "Reproduce the trial that it was opened for",
            )
        return TableReader(existing_database(self.settings))

    def _run(
        self, record: RunRecord, made: Restored, reader: TableReader, calendar: Calendar
    ) -> Backtest:
        settings, run = self.settings, record.run
        first = run.first_session
        if record.origin == ASSET:
            begins = reader.query(_BEGINS, (record.trial.strategy, run.last_session))["first"]
            if not isinstance(begins.iloc[0], str):
                raise SessionError(
                    f"There is no portfolio of {record.trial.strategy} up to {run.last_session}",
                    "Materialise it, or name a run of a backtest",
                )
            first = min(begins.iloc[0], first)
        return backtest(
            reader,
            made.model,
            first,
            run.last_session,
            calendar=calendar,
            assumed=made.assumed,
            benchmark=made.benchmark,
            default_benchmark=settings.benchmark,
            named=partial(model_of, settings),
            limit=TimeLimit(settings.step_seconds),
        )

    def _counted(
        self,
        record: RunRecord,
        made: Restored,
        reader: TableReader,
        result: Backtest,
        seconds: float,
    ) -> Backtest:
        """Count it under its trial, and say in it what it was."""
        days = _iso(result.portfolios["date"])
        versions = Circumstances.of(reader, days[0], days[-1], made.assumed, _ends(days))
        run = TrialRun(
            made.trial, versions.code, versions.data_of(made.benchmark), days[0], days[-1]
        )
        sources = {made.trial.source_digest: made.source} if made.source else {}
        how = circumstance(self.origin, seed=record.seed)
        counted = self.ledger.record(
            record.study, [(run, replace(result.outcome, seconds=seconds))], how, sources
        )
        return replace(result, counted=counted, run=run, source=made.source)


def _ends(days: list[str]) -> tuple[date, date]:
    return date.fromisoformat(days[0]), date.fromisoformat(days[-1])


def _iso(days: "pd.Series[pd.Timestamp]") -> list[str]:
    return [f"{day:%Y-%m-%d}" for day in days]


def _days(record: RunRecord, result: Backtest) -> list[str]:
    """Sessions of the run, as far as there are any now."""
    run = record.run
    days = _iso(result.portfolios["date"])
    return [day for day in days if run.first_session <= day <= run.last_session]


def _of_sessions(record: RunRecord, outcome: Outcome, result: Backtest) -> Outcome:
    """Cut to the sessions of the run; figures are those since the first session."""
    count = len(_days(record, result))
    return replace(outcome, returns=outcome.returns[len(outcome.returns) - count :])


def different(before: Outcome, now: Outcome, days: list[str]) -> tuple[str, ...]:
    """Say what two outcomes differ in: the first return, and every figure.

    Parameters
    ----------
    days : sessions of the returns of now (ISO dates)
    """
    said = []
    left, right = before.returns, now.returns
    if len(left) != len(right):
        said.append(f"{len(left):,} returns then, {len(right):,} now")
    size = min(len(left), len(right))
    unequal = np.flatnonzero(~_same(left[:size], right[:size]))
    if len(unequal):
        at = int(unequal[0])
        said.append(
            f"return of {days[at]}: {left[at]!s} then, {right[at]!s} now; in {len(unequal):,} of"
            f" {size:,} sessions"
        )
    for name, old, new in zip(METRIC_COLUMNS, figures_of(before), figures_of(now), strict=True):
        if old != new:
            said.append(f"{name}: {old} then, {new} now")
    return tuple(said)


def _same(left: Returns, right: Returns) -> np.ndarray:
    """Where the bits are equal; all that is not a number is."""
    equal = left.view(np.uint32) == right.view(np.uint32)
    # The server writes the zero that is negative as any other.
    return np.asarray(equal | (np.isnan(left) & np.isnan(right)) | ((left == 0) & (right == 0)))
