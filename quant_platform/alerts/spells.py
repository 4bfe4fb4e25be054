"""From the sessions in which a condition holds to the spells that it lasts. Pure functions.

1. Rows of one origin, rule and subject are one condition. The members of a universe that lack a bar
   are one condition together: a vendor's bad day is one message, and not five hundred.
2. Sessions in a row are a spell. So are sessions with fewer than `CLEAR` others between them, so
   that a condition that comes and goes does not begin each time.
3. A spell is the continuation of an event that it overlaps, or follows by as little.

What does not belong here: tables and time (`events.py`).
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby

from quant_platform.alerts.rules import WARNING, DataStale, rank

CLEAR = 3
"""Sessions in a row without the condition after which a spell is over."""

RUN = "run"
"""Origin of what happened once, such as a failed run: each is a spell of its own."""

LEDGER = "ledger"
"""Origin of what holds for as long as its row is there, whatever session the row is of."""

NAMED = 5
"""Members that a message about several names."""

MEMBERS = "members"
"""Subject of the condition that members of the universe lack a bar."""

Key = tuple[str, str, str]
"""Origin, rule and subject."""


@dataclass(frozen=True)
class Breach:
    """A condition holds in a session."""

    origin: str
    rule: str
    subject: str
    date: date
    severity: str
    message: str

    @property
    def key(self) -> Key:
        """What it is a breach of."""
        return self.origin, self.rule, self.subject


@dataclass(frozen=True)
class Spell:
    """Sessions, from the first to the last, in which a condition holds.

    Attributes
    ----------
    severity : the highest
    message : that of the last session
    """

    key: Key
    began: date
    last: date
    severity: str
    message: str


class Sessions:
    """Places of days among the sessions of an exchange."""

    def __init__(self, sessions: Sequence[date]) -> None:
        """Take all sessions, ascending."""
        self._sessions = sessions

    def place(self, day: date) -> int:
        """Place of a session; a day that is none has that of the next one."""
        return bisect_left(self._sessions, day)

    def between(self, first: date, second: date) -> int:
        """Sessions from one day to another; 0 on the same, less than that backwards."""
        return self.place(second) - self.place(first)

    def before(self, day: date, count: int) -> date:
        """Return the session that many before a day, or the very first."""
        return self._sessions[max(self.place(day) - count, 0)]

    def after(self, day: date) -> date:
        """Return the session after a day; after the calendar's end the day itself."""
        place = self.place(day) + 1
        return self._sessions[place] if place < len(self._sessions) else day


def gathered(breaches: Iterable[Breach]) -> list[Breach]:
    """Make the members without a bar one breach in each session; the others stay as they are."""
    rule = DataStale().name
    members: dict[date, list[str]] = {}
    others = []
    for each in breaches:
        if each.rule == rule and each.severity == WARNING:
            members.setdefault(each.date, []).append(each.subject)
        else:
            others.append(each)
    for day, symbols in sorted(members.items()):
        named = ", ".join(sorted(symbols)[:NAMED]) + (", …" if len(symbols) > NAMED else "")
        text = f"Members of the universe of {day} without a bar: {len(symbols)} ({named})"
        others.append(Breach("report", rule, MEMBERS, day, WARNING, text))
    return others


def spells(breaches: Iterable[Breach], sessions: Sessions) -> list[Spell]:
    """Return the spells of all conditions, by key, oldest first."""
    found: list[Spell] = []
    ordered = sorted(breaches, key=lambda each: (each.key, each.date))
    for key, rows in groupby(ordered, key=lambda each: each.key):
        current: Spell | None = None
        for row in rows:
            if current is not None and goes_on(key, current.last, row.date, sessions):
                current = _longer(current, row)
                continue
            if current is not None:
                found.append(current)
            current = Spell(key, row.date, row.date, row.severity, row.message)
        if current is not None:
            found.append(current)
    return found


def goes_on(key: Key, last: date, following: date, sessions: Sessions) -> bool:
    """Whether a condition that held until `last` still is the same one in `following`."""
    origin = key[0]
    if origin == LEDGER:
        return True
    gap = sessions.between(last, following)
    return gap <= 0 if origin == RUN else gap <= CLEAR


def touch(
    key: Key, first: tuple[date, date], second: tuple[date, date], sessions: Sessions
) -> bool:
    """Whether two spans of sessions of a condition, each its first and last, are one spell."""
    return goes_on(key, first[1], second[0], sessions) and goes_on(
        key, second[1], first[0], sessions
    )


def ends(spell: Spell, newest: date, sessions: Sessions) -> date | None:
    """Session from which on a spell is over, as of the newest session; None: it lasts."""
    origin = spell.key[0]
    if origin == LEDGER:
        return None
    if origin == RUN:
        return spell.last
    is_over = sessions.between(spell.last, newest) >= CLEAR
    return sessions.after(spell.last) if is_over else None


def _longer(spell: Spell, row: Breach) -> Spell:
    severity = max(spell.severity, row.severity, key=rank)
    return replace(spell, last=row.date, severity=severity, message=row.message)
