"""What a key may do: calls per minute, years of history, when a session is published.

The four plans are those of the vendor's price list. A test makes others with `dataclasses.replace`.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")

END_OF_DAY = timedelta(hours=24)
"""After midnight in New York that begins a session: a plan of end-of-day data shows it then."""

DELAYED = timedelta(hours=16, minutes=15)
"""The same for a plan of data 15 minutes late."""


@dataclass(frozen=True)
class Plan:
    """One plan; the default allows everything.

    Attributes
    ----------
    calls : requests answered in any `window` seconds; None for no limit
    retry_after : whether a 429 says how long to wait, which the vendor does not promise
    history_years : years that bars and ticker reference reach back; None for all
    clips_history : a range that starts too early is cut silently instead of refused
    grouped : whether grouped daily is in the plan
    end_of_day : a session before its publication is refused; else it is answered without rows
    published_after : when a session is published, after the midnight (New York) that begins it
    status : `status` of the bodies of bars
    empty_results : an answer without rows has `results: []` instead of no `results`
    """

    name: str = "advanced"
    calls: int | None = None
    window: float = 60.0
    retry_after: bool = False
    history_years: int | None = None
    clips_history: bool = False
    grouped: bool = True
    end_of_day: bool = False
    published_after: timedelta = timedelta(hours=16)
    status: str = "OK"
    empty_results: bool = False
    news: bool = True
    economy: bool = True
    flat_files: bool = True

    def oldest(self, today: date) -> date:
        """First day of the plan's history."""
        if self.history_years is None:
            return date.min
        year = today.year - self.history_years
        leap_day = (today.month, today.day) == (2, 29)
        return date(year, 2, 28) if leap_day else today.replace(year=year)

    def published_at(self, session: date) -> datetime:
        """Moment from which the plan shows `session`."""
        midnight = datetime(session.year, session.month, session.day, tzinfo=NEW_YORK)
        # Wall-clock arithmetic: 24 hours after a midnight is the next one, summer time or not.
        return midnight + self.published_after


BASIC = Plan(
    "basic",
    calls=5,
    history_years=2,
    end_of_day=True,
    published_after=END_OF_DAY,
    status="DELAYED",
    flat_files=False,
)
STARTER = Plan("starter", history_years=5, published_after=DELAYED, status="DELAYED")
DEVELOPER = Plan("developer", history_years=10, published_after=DELAYED, status="DELAYED")
ADVANCED = Plan()


class SetClock:
    """A clock that a test sets: `clock.now = …`, or `clock.advance(hours=3)`."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Meter:
    """Counts answered requests in a sliding window."""

    monotonic: Callable[[], float]
    answered: deque[float] = field(default_factory=deque)

    def wait(self, plan: Plan) -> float:
        """Seconds until the plan allows the next request; 0 counts the request as answered."""
        now = self.monotonic()
        while self.answered and self.answered[0] <= now - plan.window:
            self.answered.popleft()
        if plan.calls is None or len(self.answered) < plan.calls:
            self.answered.append(now)
            return 0.0
        left = self.answered[-plan.calls] + plan.window - now
        return max(left, math.ulp(1.0))
