"""What is planted when: companies that come and go, and the events of each; prices come later.

The market has a number of places. A place belongs to one company at a time; one that goes is
followed, after a pause, by a newcomer. Events are drawn for periods of `PERIOD` sessions, a number
of each kind that depends on the number of places alone and is at least one, so that a small market
has every kind. They are then walked through in the order of time; one whose place is not free takes
another place, or is left out. So what happens in a session depends on nothing later, and a market
that ends later has the same events up to there.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from quant_platform.kernels.arrays import BoolArray
from quant_platform.vendors.synthetic.draws import Stream, below, drawn, uniform

PERIOD = 252
"""Sessions."""

QUIET = 25
"""Sessions without an event after the first of the market, and of a newcomer: nothing is usual."""

SPACING = 8
"""Sessions of a place without another event after one."""

TRIES = 16
"""Places that an event is offered."""

MOST_EVENTS = 1 << 20
"""More than events of one kind in a period."""


class Kind(StrEnum):
    """What may be planted; the values are those of the column `planted_truths.kind`."""

    LISTING = "listing"
    BANKRUPTCY = "bankruptcy"
    MERGER = "merger"
    RENAME = "rename"
    REUSE = "reuse"
    SPLIT = "split"
    DIVIDEND = "dividend"
    SPECIAL_DIVIDEND = "special_dividend"
    HALT = "halt"
    BAD_PRINT = "bad_print"
    FALSE_DIVIDEND = "false_dividend"
    FALSE_SPLIT = "false_split"
    MISSING_SPLIT = "missing_split"
    SIGNAL = "signal"


RATES = {
    Kind.BANKRUPTCY: 0.01,
    Kind.MERGER: 0.02,
    Kind.RENAME: 0.02,
    Kind.SPLIT: 0.03,
    Kind.SPECIAL_DIVIDEND: 0.008,
    Kind.HALT: 0.04,
    Kind.BAD_PRINT: 0.2,
    Kind.FALSE_DIVIDEND: 0.006,
    Kind.FALSE_SPLIT: 0.004,
    Kind.MISSING_SPLIT: 0.004,
}
"""Events of a period, per place. Listings and reuses follow from them, dividends from a rhythm."""

DECLINE = (30, 50)
"""Sessions from the beginning of a company's fall to its last one; the latter left out."""

DEAL = (25, 60)
"""Sessions from the announcement of a takeover to the last one of the company taken over."""

PAUSE = (10, 40)
"""Sessions from a company's last one to the first of the newcomer in its place."""

HALTED = (1, 9)
"""Sessions that a halt lasts."""


@dataclass(frozen=True)
class Company:
    """A company, from its listing to its end.

    Attributes
    ----------
    number : in the order in which listings are planned
    place : place that it holds
    first : number of its first session
    names : session from which on it has a ticker, and the ticker; the first one is `first`
    ending : bankruptcy or merger; None: it stays
    turn : session in which its fall begins, or the takeover is announced
    last : session of its last bar; None: it stays
    predecessor : number of the company whose ticker it took; None: its own
    """

    number: int
    place: int
    first: int
    names: tuple[tuple[int, str], ...]
    ending: Kind | None = None
    turn: int | None = None
    last: int | None = None
    predecessor: int | None = None

    def ticker(self, session: int) -> str:
        """Ticker in a session; before the first one, the first."""
        return [name for since, name in self.names if since <= max(session, self.first)][-1]


@dataclass(frozen=True)
class Event:
    """Something that happens to a company.

    Attributes
    ----------
    kind : what
    session : number of its session
    place, company : numbers of place and company
    size : an even number from 0 to 1 that says how large it is
    choice : a whole number from 0 to 59 that says which form it takes
    length : sessions that it lasts
    """

    kind: Kind
    session: int
    place: int
    company: int
    size: float
    choice: int
    length: int = 1


@dataclass
class Schedule:
    """All that is planted in a market, but for prices.

    Attributes
    ----------
    companies : by their numbers; some are to be listed after the last session
    events : in the order of time; those after the last session are not there
    holder : number of the company that has a place in a session, -1 for none: sessions × places
    busy : where an event lasts or has just been: sessions × places
    halted : where trading is halted: sessions × places
    """

    companies: list[Company]
    events: list[Event]
    holder: np.ndarray
    busy: BoolArray
    halted: BoolArray


def draw_schedule(seed: int, places: int, sessions: int) -> Schedule:
    """Draw what is planted in a market of so many places and sessions."""
    planner = _Planner(seed, places)
    for candidate in _candidates(seed, places, sessions):
        planner.offer(candidate)
    return planner.schedule(sessions)


@dataclass(frozen=True)
class _Candidate:
    """An event that wants a place: `offers` are those that it may take, in this order."""

    kind: Kind
    session: int
    offers: tuple[int, ...]
    size: float
    choice: int
    length: int


def _candidates(seed: int, places: int, sessions: int) -> Iterator[_Candidate]:
    """Events by time; of one session, by kind."""
    for period in range(-(-sessions // PERIOD)):
        found = []
        for order, (kind, rate) in enumerate(RATES.items()):
            count = max(1, round(rate * places))
            # Each event of each kind and period has a number of its own.
            numbers = (period * len(RATES) + order) * MOST_EVENTS + np.arange(count)
            starts = period * PERIOD + below(drawn(seed, Stream.EVENT_SESSION, numbers, 0), PERIOD)
            offers = below(
                drawn(seed, Stream.EVENT_PLACE, numbers[:, None], np.arange(TRIES)), places
            )
            sizes = uniform(drawn(seed, Stream.EVENT_SIZE, numbers, 0))
            choices = below(drawn(seed, Stream.EVENT_CHOICE, numbers, 0), 60)
            low, high = _LENGTHS.get(kind, (1, 2))
            lengths = low + below(drawn(seed, Stream.EVENT_LENGTH, numbers, 0), high - low)
            found += [
                _Candidate(kind, *values)
                for values in zip(
                    starts.tolist(),
                    map(tuple, offers.tolist()),
                    sizes.tolist(),
                    choices.tolist(),
                    lengths.tolist(),
                    strict=True,
                )
            ]
        # Sorting keeps the order of kinds within a session.
        yield from sorted(found, key=lambda each: each.session)


_LENGTHS = {Kind.BANKRUPTCY: DECLINE, Kind.MERGER: DEAL, Kind.HALT: HALTED}


@dataclass
class _Planner:
    """The state of a walk through the candidates: who holds a place, from when it is free."""

    seed: int
    places: int
    companies: list[Company] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    bankruptcies: int = 0

    def __post_init__(self) -> None:
        self.companies = [
            Company(place, place, 0, ((0, f"SY{place:04}"),)) for place in range(self.places)
        ]
        self.holder = list(range(self.places))
        self.free_from = [QUIET] * self.places

    def offer(self, candidate: _Candidate) -> None:
        """Plan an event at the first of its places that is free; at none, it is left out."""
        at = candidate.session
        place = next((each for each in candidate.offers if self.free_from[each] <= at), None)
        if place is None:
            return
        company = self.companies[self.holder[place]]
        event = Event(
            candidate.kind,
            at,
            place,
            company.number,
            candidate.size,
            candidate.choice,
            candidate.length,
        )
        self.events.append(event)
        self.free_from[place] = at + event.length + SPACING
        if event.kind is Kind.RENAME:
            held = [each for each in self.companies if each.place == place]
            earlier = sum(len(each.names) - 1 for each in held)
            name = f"SR{place:04}{_letters(earlier)}"
            self._change(replace(company, names=(*company.names, (at, name))))
        elif event.kind in (Kind.BANKRUPTCY, Kind.MERGER):
            self._end(company, event)

    def _end(self, company: Company, event: Event) -> None:
        """Let a company end, and a newcomer follow; every other one after a bankruptcy reuses."""
        last = event.session + event.length
        ended = replace(company, ending=event.kind, turn=event.session, last=last)
        self._change(ended)
        pause = PAUSE[0] + event.choice % (PAUSE[1] - PAUSE[0])
        number, first = len(self.companies), last + pause
        held = sum(each.place == company.place for each in self.companies)
        ticker, predecessor = f"SY{company.place:04}{_letters(held)}", None
        if event.kind is Kind.BANKRUPTCY:
            if self.bankruptcies % 2 == 0:
                ticker, predecessor = company.names[-1][1], company.number
            self.bankruptcies += 1
        self.companies.append(
            Company(number, company.place, first, ((first, ticker),), predecessor=predecessor)
        )
        self.holder[company.place] = number
        self.free_from[company.place] = first + QUIET

    def _change(self, company: Company) -> None:
        self.companies[company.number] = company

    def schedule(self, sessions: int) -> Schedule:
        """What is planned up to the last session."""
        holder = np.full((sessions, self.places), -1, dtype=np.int64)
        for company in self.companies:
            end = sessions if company.last is None else company.last + 1
            holder[company.first : end, company.place] = company.number
        busy, halted = np.zeros((2, sessions, self.places), dtype=bool)
        events = [event for event in self.events if event.session < sessions]
        for event in events:
            end = event.session + event.length
            busy[event.session : end + SPACING, event.place] = True
            if event.kind is Kind.HALT:
                halted[event.session : end, event.place] = True
        return Schedule(self.companies, events, holder, busy, halted)


def _letters(number: int) -> str:
    """A, B, … Z, AA, …; empty for 0."""
    text = ""
    while number > 0:
        number, place = divmod(number - 1, 26)
        text = chr(ord("A") + place) + text
    return text
