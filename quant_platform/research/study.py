"""`study`: what the trials of a block are run for, said before the first of them.

Without one, trials belong to an unnamed study of the person and the day. What does not belong here:
how trials are counted (`storage/ledger.py`).
"""

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from quant_platform.errors import SettingsError
from quant_platform.provenance import person
from quant_platform.storage.trials import METRIC_COLUMNS, Circumstance, Study

if TYPE_CHECKING:
    from quant_platform.reports.studies import StudyReport

LARGEST_BUDGET = 2**31 - 1
"""What the database's column holds."""

_current: ContextVar[Study | None] = ContextVar("study", default=None)


class Reporter(Protocol):
    """What tests studies: a store."""

    def study_report(self, name: str) -> "StudyReport":
        """Test the trials of a study."""


class CurrentStudy(Study):
    """A study that trials are run for, as its block gives it."""

    def report(self, store: Reporter) -> "StudyReport":
        """Test its trials together, as `store.study_report` does.

        Raises
        ------
        UnknownNameError
            It has no trial yet.
        """
        return store.study_report(self.name)


@contextmanager
def study(
    name: str,
    *,
    hypothesis: str | None = None,
    metric: str = "sharpe_ratio",
    budget: int | None = None,
    give_up: str | None = None,
) -> Iterator[CurrentStudy]:
    """Count the trials of this block as those of a study.

    The study is stored with its first trial, and goes on when it is named again; what was declared
    then stays, whatever is declared later.

    Parameters
    ----------
    name : of the study, the same for everybody who works on it
    hypothesis : what is expected, in words
    metric : figure by which its trials are compared
    budget : how many trials it may have; with more it is exploratory, and is shown so
    give_up : when it is given up, in words

    Raises
    ------
    SettingsError
        The name is empty, there is no such figure, or the budget is no number of trials.

    Examples
    --------
    >>> import quant_platform as qp
    >>> with qp.study("momentum in small caps", budget=50) as study:
    ...     result = qp.open().backtest("enhanced_momentum", "2008-01-02", "2008-12-31")
    >>> result.counted.study
    'momentum in small caps'
    """
    if not isinstance(name, str) or not 0 < len(name.strip()) <= 200:
        raise SettingsError(f"A study cannot be called {name!r}", "Name it in up to 200 characters")
    if metric not in METRIC_COLUMNS:
        raise SettingsError(
            f"There is no figure {metric!r} of trials", f"There are: {', '.join(METRIC_COLUMNS)}"
        )
    if budget is not None and (
        isinstance(budget, bool) or not isinstance(budget, int) or not 1 <= budget <= LARGEST_BUDGET
    ):
        raise SettingsError(
            f"The budget is {budget!r}", f"Allowed: a whole number of trials, 1 to {LARGEST_BUDGET}"
        )
    for what, text in (("hypothesis", hypothesis), ("rule for giving up", give_up)):
        if text is not None and not isinstance(text, str):
            raise SettingsError(f"The {what} is {text!r}", "Say it in words")
    declared = CurrentStudy(name.strip(), person(), True, hypothesis, metric, budget, give_up)
    token = _current.set(declared)
    try:
        yield declared
    finally:
        _current.reset(token)


def current_study() -> Study:
    """Return the study of this block, or the unnamed one of the person and the day."""
    who = person()
    return _current.get() or Study(f"{who} {datetime.now(UTC):%Y-%m-%d}", who)


def circumstance(origin: str, sweep_id: str | None = None, seed: int | None = None) -> Circumstance:
    """Return how a run comes about that this process makes."""
    return Circumstance(origin, person(), platform.node(), sweep_id, seed)
