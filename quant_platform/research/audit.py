"""`audit`: proves or refutes, on stored data, that nothing computed of it looks ahead.

It says what was compared with what, and where the first difference lies (`audit_laws.py`). What
belongs here: which models and sessions, and the result. What does not: what is compared
(`audited.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import pandas as pd

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.errors import SessionError
from quant_platform.market.calendar import Calendar
from quant_platform.research.arguments import Day, iso_day
from quant_platform.research.audit_laws import DATE, SECURITY, Finding, Rows, run_audit
from quant_platform.research.audited import AuditedFeatures, AuditedModel, stored_rows
from quant_platform.research.audited_book import AuditedBook
from quant_platform.research.inputs import Needs
from quant_platform.research.prepared import Assumptions, Prepared
from quant_platform.research.reader import TableReader
from quant_platform.strategies.base import RUN_COLUMNS, Strategy
from quant_platform.strategies.book import Book
from quant_platform.time_limit import TimeLimit

USUAL_SESSIONS = SESSIONS_PER_YEAR
"""Sessions that are audited where none are named: the last year."""

LEAST_SESSIONS = 2

DOCUMENT = "metadata"
"""Column of signals that the database writes in a form of its own."""

_MODEL = "SELECT id FROM models WHERE model_name = $1"


@dataclass(frozen=True)
class Audit:
    """All findings; in a notebook, a table.

    Attributes
    ----------
    first, last : first and last session that was compared, ISO dates
    findings : one of each subject and law
    """

    first: str
    last: str
    findings: Sequence[Finding] = field(repr=False)

    @property
    def holds(self) -> bool:
        """Whether every law is fulfilled."""
        return all(each.holds for each in self.findings)

    @property
    def table(self) -> pd.DataFrame:
        """One row per finding: subject, law, values compared, holds, first_difference."""
        return pd.DataFrame(
            [(e.subject, e.law, e.compared, e.holds, e.where) for e in self.findings],
            columns=["subject", "law", "compared", "holds", "first_difference"],
        )

    def _repr_html_(self) -> str:
        return str(self.table.to_html(index=False))


def audit(
    reader: TableReader,
    given: Sequence[tuple[Strategy | Book, Mapping[str, Strategy]]],
    start: Day | None,
    end: Day | None,
    *,
    calendar: Calendar,
    assumed: Assumptions,
    registered: Sequence[str] = (),
    seconds: float = 0.0,
    seed: int = 0,
    on_finding: Callable[[Finding], None] = lambda finding: None,
) -> Audit:
    """Audit the features that models read, the models themselves, and books of them.

    Parameters
    ----------
    given : at least one model or book, with the models that are its members, by their names in it
    start, end : first and last session; default: the last year of bars
    registered : names of those whose signals are stored
    seconds : limit of each call of a strategy that somebody added; 0: none
    seed : of the sessions that are looked at
    on_finding : is told of each finding as it comes

    Raises
    ------
    SessionError
        There are no bars in the range, or a session is missing.
    """
    models = _distinct(given)
    first, last = reader.first_and_last_bar()
    sessions = calendar.sessions(first, last)
    begin = iso_day(start) if start is not None else sessions[-USUAL_SESSIONS:][0].isoformat()
    stop = iso_day(end) if end is not None else last.isoformat()
    market = Prepared.read(
        reader, Needs.of(models), begin, stop, calendar, assumed, TimeLimit(seconds)
    )
    days = market.inputs.days
    if len(days) < LEAST_SESSIONS:
        raise SessionError(
            f"An audit of {len(days)} sessions compares nothing",
            f"Give at least {LEAST_SESSIONS}",
        )
    names = tuple(dict.fromkeys(name for model in models for name in model.features))
    subjects = []
    if names:
        columns = (DATE, SECURITY, *names)
        stored = partial(stored_rows, market, "features", columns)
        subjects.append(AuditedFeatures(market, names).subject(stored))
    audited = {id(model): AuditedModel(market, model, seconds) for model in models}
    for model in models:
        known = model.name in registered
        of_model = partial(_stored_signals, market, model.name) if known else lambda: None
        subjects += audited[id(model)].subjects(of_model)
    for book, members in given:
        if isinstance(book, Book):
            of_book = {name: audited[id(each)] for name, each in members.items()}
            subjects += AuditedBook(market, book, of_book).subjects()
    universe = market.inputs.universe.drop_duplicates(SECURITY, keep="last")
    tickers = dict(zip(universe[SECURITY], universe["symbol"], strict=True))
    findings = []
    for finding in run_audit(subjects, days, tickers, seed):
        on_finding(finding)
        findings.append(finding)
    return Audit(days[0], days[-1], findings)


def _distinct(
    given: Sequence[tuple[Strategy | Book, Mapping[str, Strategy]]],
) -> list[Strategy]:
    """Return the models and the members of books, each once."""
    every = [
        model
        for each, members in given
        for model in (members.values() if isinstance(each, Book) else (each,))
    ]
    return list({id(model): model for model in every}.values())


def _stored_signals(market: Prepared, name: str) -> Rows | None:
    """Signals of a model as the database holds them, without what it writes in its own form."""
    ids = market.reader.query(_MODEL, (name,))["id"].tolist()
    columns = [each for each in RUN_COLUMNS if each != DOCUMENT]
    rows = stored_rows(market, "signals", [*columns, "model_id"]) if ids else None
    return None if rows is None else rows[rows["model_id"] == ids[0]].drop(columns="model_id")
