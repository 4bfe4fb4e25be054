"""`Reproducible`: what a store does with runs of the ledger: again, side by side, and as one file.

What belongs here: what a user calls, with arguments as a person writes them. What does not: how it
is done (`reproduction.py`, `run_comparison.py`, `run_card.py`). The examples show the sample
market, after `quant-platform demo`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from quant_platform.research.benchmark import Benchmark
from quant_platform.research.result import Backtest
from quant_platform.research.studies import Studies
from quant_platform.storage.ledger import Ledger

if TYPE_CHECKING:
    from quant_platform.reports.studies import StudyReport
    from quant_platform.research.reproduction import Reproducer, Reproduction
    from quant_platform.research.run_comparison import RunComparison, Side

Run = str | Path | Backtest
"""A run as a person names it: the beginning of its trial's id, `run:17`, the file of a run card, or
a result."""


def is_file(name: str) -> bool:
    """Whether a run is named by the file of its card."""
    return name.endswith(".zip") or "/" in name


def compare_cards(a: Path, b: Path) -> "RunComparison":
    """Compare the runs of two cards, without any database."""
    from quant_platform.research.run_card import read_card
    from quant_platform.research.run_comparison import Side, compare_runs

    return compare_runs(*(Side.of_card(read_card(each)) for each in (a, b)))


@dataclass(frozen=True)
class Reproducible(Studies):
    """Runs of the ledger of one database."""

    origin: str = "notebook"

    def reproduce(
        self,
        trial: str,
        *,
        strategy: object = None,
        benchmark: Benchmark | None = None,
        run_stored_source: bool = False,
    ) -> "Reproduction":
        """Run a trial of the ledger again, and compare returns and figures to the last bit.

        Rows are read as they were known when it was run, where they changed since. Its run is
        counted under the trial.

        Parameters
        ----------
        trial : the beginning of its id (its newest run), or `run:NUMBER`
        strategy, benchmark : what it was of, where that has no name: a lambda, a frame of returns
        run_stored_source : run a strategy's source that is stored with the trial. It is code out of
            the database: read it first

        Raises
        ------
        UnknownNameError
            There is no such trial, strategy or benchmark.
        SettingsError, SessionError
            Something that it was run with is not stored; the message says what.

        Examples
        --------
        >>> import quant_platform as qp
        >>> store = qp.open()
        >>> result = store.backtest("mean_reversion", "2012-01-03", "2012-06-29")
        >>> store.reproduce(result.run.trial.id).same
        True
        """
        from quant_platform.storage.run_records import find_run

        record = find_run(self._reader.query, trial)
        return self._reproducer(run_stored_source).reproduce(record, strategy, benchmark)

    def compare(self, a: Run, b: Run, *, run_stored_source: bool = False) -> "RunComparison":
        """Say in which session, order and figure two runs differ first, and why.

        Orders are not in the ledger: runs of it are run again.

        Parameters
        ----------
        a, b : the beginning of a trial's id, `run:NUMBER`, the file of a run card, or a result
        run_stored_source : as of `reproduce`

        Raises
        ------
        UnknownNameError, SettingsError
            There is no such run, or the file is no run card.

        Examples
        --------
        >>> import quant_platform as qp
        >>> store = qp.open()
        >>> few, many = (store.backtest("buy_and_hold", "2012-01-03", end)
        ...              for end in ("2012-06-28", "2012-06-29"))
        >>> store.compare(few, many).same
        True
        """
        from quant_platform.research.run_comparison import compare_runs

        return compare_runs(*(self._side(each, run_stored_source) for each in (a, b)))

    def runcard(self, trial: str, path: str | Path, *, run_stored_source: bool = False) -> Path:
        """Run a trial again, and write all of it to one file that another machine can verify.

        Parameters
        ----------
        trial, run_stored_source : as of `reproduce`

        Raises
        ------
        UnknownNameError, SettingsError, SessionError
            As `reproduce`.
        """
        again = self.reproduce(trial, run_stored_source=run_stored_source)
        return again.result.save_card(path)

    def study_report(self, name: str) -> "StudyReport":
        """Test the trials of a study together: what of it is found, and what is luck.

        Returns
        -------
        StudyReport
            Each trial with its p-value and the rate of false discoveries, and what Hansen's test
            and StepM say of those that were run over the same sessions, against their benchmark.

        Raises
        ------
        UnknownNameError
            There is no such study.

        Examples
        --------
        >>> import quant_platform as qp
        >>> store = qp.open()
        >>> with qp.study("reversals of 2011", budget=5):
        ...     result = store.backtest("mean_reversion", "2011-01-03", "2011-12-30")
        >>> len(store.study_report("reversals of 2011").trials)
        1
        """
        from quant_platform.research.study_reports import report_of_study

        return report_of_study(self._reader, self.settings, name)

    def _side(self, given: Run, run_stored_source: bool) -> "Side":
        from quant_platform.research.run_card import read_card
        from quant_platform.research.run_comparison import Side
        from quant_platform.storage.run_records import find_run

        if isinstance(given, Backtest):
            return Side.of_result(given)
        name = str(given)
        if isinstance(given, Path) or is_file(name):
            return Side.of_card(read_card(Path(name)))
        record = find_run(self._reader.query, name)
        reproducer = self._reproducer(run_stored_source)
        return Side.of_reproduction(reproducer.reproduce(record))

    def _reproducer(self, run_stored_source: bool) -> "Reproducer":
        from quant_platform.research.reproduction import Reproducer

        return Reproducer(self._reader, self.settings, self._ledger, run_stored_source, self.origin)

    @property
    def _ledger(self) -> Ledger:
        home = self.settings.home
        return Ledger(self.database, home if home.is_absolute() else None)
