"""The laws that an audit tries: nothing looks ahead, and nothing depends on how it was cut.

A subject is computed over the whole history first. Then, and compared bit for bit:

- **no look-ahead**: on the history as it ended with a session, for sessions spread over the range;
- **any cut**: in pieces of the range, each with no more before it than is declared to be needed (a
  portfolio goes on from the state that the piece before it left);
- **the same again**: once more from the same inputs;
- **as stored**: what the tables hold is what the code gives.

What is not seen: what a strategy reads from elsewhere, such as a file or the network. What does not
belong here: what is computed (`audited.py`), and how frames are compared (`comparison.py`).
"""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import pandas as pd

from quant_platform.isolation import reason_of
from quant_platform.research.comparison import Difference, first_difference

NO_LOOK_AHEAD, ANY_CUT, SAME_AGAIN, AS_STORED = (
    *("no look-ahead", "any cut"),
    *("the same again", "as stored"),
)

ENDS = 12
"""Sessions with which the history is made to end."""

PIECES = 6
"""Pieces that the range is cut into."""

Rows = pd.DataFrame

DATE, SECURITY = "date", "security_id"


@dataclass(frozen=True)
class Subject:
    """What is audited: rows of sessions, and ways to compute them.

    Attributes
    ----------
    name : such as `signals of mean_reversion`
    keys : columns that identify a row, the first of them `date`
    whole : rows of all sessions of the range
    until : rows of a session, by its number in the range, from a history that ends with it; and,
        where they come with it, of sessions before it
    part : rows of the sessions from one number to before another, in a piece of their own
    stored : rows that the database holds; None where none are
    """

    name: str
    keys: Sequence[str]
    whole: Callable[[], Rows]
    until: Callable[[int], Rows]
    part: Callable[[int, int], Rows]
    stored: Callable[[], Rows | None] = lambda: None


@dataclass(frozen=True)
class Finding:
    """What came of one law for one subject.

    Attributes
    ----------
    subject, law : what was compared, and what it had to fulfil
    compared : how many values were compared
    difference : the first of them that is another; None where all are equal
    how : how the other value of the difference was computed
    failure : why something could not be computed; empty where it could
    symbol : ticker of the security of the difference; empty without one
    """

    subject: str
    law: str
    compared: int
    difference: Difference | None = None
    how: str = ""
    failure: str = ""
    symbol: str = ""

    @property
    def holds(self) -> bool:
        """Whether the law is fulfilled in all that was compared."""
        return self.difference is None and not self.failure

    @property
    def where(self) -> str:
        """The first difference in words; empty where there is none."""
        if self.failure:
            return f"{self.failure}, {self.how}".removesuffix(", ")
        found = self.difference
        if found is None:
            return ""
        others = [str(each) for name, each in found.row.items() if name not in (DATE, SECURITY)]
        names = [f"{pd.Timestamp(found.row[DATE]):%Y-%m-%d}", self.symbol, *others, found.column]
        cell = " ".join(each for each in names if each)
        return f"{cell}: {found.expected} on the whole history, {found.found} {self.how}"


@dataclass(frozen=True)
class _Attempt:
    """Sessions from number `start` to before `stop`, computed in another way."""

    how: str
    compute: Callable[[], Rows]
    start: int
    stop: int


def run_audit(
    subjects: Iterable[Subject], days: Sequence[str], tickers: Mapping[str, str], seed: int = 0
) -> Iterator[Finding]:
    """Yield the findings of subjects over the sessions `days`, one after the other.

    Parameters
    ----------
    days : ISO dates
    tickers : security → its last ticker
    seed : of the sessions with which the history ends and of the pieces
    """
    chosen = random.Random(seed)  # noqa: S311 - which sessions are looked at is no secret
    count = len(days)
    ends = sorted({*chosen.sample(range(count), min(ENDS, count)), count - 1})
    borders = sorted({0, *chosen.sample(range(count), min(PIECES, count)), count})
    for subject in subjects:
        try:
            whole = subject.whole()
        except Exception as error:  # whatever a strategy raises is a finding
            yield Finding(subject.name, SAME_AGAIN, 0, failure=f"failed: {reason_of(error)}")
            continue
        for law, attempts in _attempts(subject, days, ends, borders).items():
            if attempts:
                yield _compared(subject, law, attempts, whole, days, tickers)


def _attempts(
    subject: Subject, days: Sequence[str], ends: Sequence[int], borders: Sequence[int]
) -> dict[str, list[_Attempt]]:
    """What is tried of each law."""
    count, stored = len(days), subject.stored()
    return {
        NO_LOOK_AHEAD: [
            _Attempt(
                f"where the history ends with {days[end]}",
                partial(subject.until, end),
                end,
                end + 1,
            )
            for end in ends
        ],
        ANY_CUT: [
            _Attempt(
                f"computed from {days[start]} to {days[stop - 1]}",
                partial(subject.part, start, stop),
                start,
                stop,
            )
            for start, stop in pairwise(borders)
        ],
        SAME_AGAIN: [_Attempt("computed again", subject.whole, 0, count)],
        AS_STORED: []
        if stored is None or stored.empty
        else [_Attempt("in the database", lambda: stored, 0, count)],
    }


def _compared(
    subject: Subject,
    law: str,
    attempts: Sequence[_Attempt],
    whole: Rows,
    days: Sequence[str],
    tickers: Mapping[str, str],
) -> Finding:
    """Compare until the first difference."""
    dates = whole[DATE].to_numpy().astype("datetime64[D]").astype(str)
    values = 0
    for attempt in attempts:
        try:
            found = attempt.compute()
        except Exception as error:  # the same
            return Finding(subject.name, law, values, how=attempt.how, failure=reason_of(error))
        begin = days[attempt.start]
        if len(found):
            begin = min(begin, str(found[DATE].min())[:10])
        expected = whole[(dates >= begin) & (dates <= days[attempt.stop - 1])]
        values += len(expected) * (len(expected.columns) - len(subject.keys))
        difference = first_difference(expected, found, subject.keys)
        if difference is not None:
            symbol = tickers.get(str(difference.row.get(SECURITY, "")), "")
            return Finding(subject.name, law, values, difference, attempt.how, symbol=symbol)
    return Finding(subject.name, law, values)
