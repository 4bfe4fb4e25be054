"""Rows of `alerts` and of what they depend on, and channels that keep what they are sent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from quant_platform.alerts.channels import Channel, QuietHours
from quant_platform.alerts.delivery import Delivered, deliver
from quant_platform.alerts.events import record_events
from quant_platform.alerts.sending import Message
from quant_platform.alerts.spells import Sessions
from quant_platform.alerts.stored_rules import StoredRule
from quant_platform.market.calendar import XNYS
from quant_platform.settings.values import Secret
from quant_platform.storage.database import Database
from quant_platform_tests.support.tables import fetch

DAYS = XNYS.sessions(date(2011, 1, 3), date(2012, 12, 31))
SESSIONS = Sessions(DAYS)
START = 300
"""Place of the first session that tests use: there are enough before it."""


def day(number: int) -> date:
    """Return a session by its number from the first of the tests."""
    return DAYS[START + number]


def breach(
    database: Database,
    number: int,
    subject: str = "tight",
    rule: str = "drawdown_limit",
    severity: str = "critical",
    origin: str = "report",
) -> None:
    """Insert a row of `alerts`."""
    fetch(
        database,
        "INSERT INTO alerts (date, origin, rule, subject, severity, message)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        *(day(number), origin, rule, subject, severity, f"{subject}: told of {day(number)}"),
    )


def computed(database: Database, *numbers: int) -> None:
    """Say that the alerts of these sessions are computed."""
    for number in numbers:
        fetch(
            database,
            "INSERT INTO computations (asset, date, recipe, read_at, changed_at, run_id)"
            " VALUES ('alerts', %s, '', now(), now(), '') ON CONFLICT DO NOTHING",
            day(number),
        )


def channel(name: str = "desk", severity: str = "info", quiet: str = "") -> Channel:
    """Return a channel that is sent to nowhere."""
    return Channel(name, "json", Secret("json://nowhere"), severity, QuietHours.read(quiet))


@dataclass
class Office:
    """A database's alerts, a clock that stands still, and channels that keep what they take.

    Attributes
    ----------
    down : names of the channels that take nothing
    received : channel and message, in their order
    attempts : moment and channel of every attempt
    """

    database: Database
    channels: Sequence[Channel] = (channel(),)
    rules: Sequence[StoredRule] = ()
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    down: set[str] = field(default_factory=set)
    received: list[tuple[str, Message]] = field(default_factory=list)
    attempts: list[tuple[datetime, str]] = field(default_factory=list)

    def look(self, *numbers: int) -> int:
        """Say that these sessions are computed, and record events; how many were queued."""
        computed(self.database, *numbers)
        return record_events(self.database, SESSIONS, self.rules, self.channels, self.now)

    def deliver(self, chance: Callable[[], float] = lambda: 1.0) -> Delivered:
        """Send what is due."""
        return deliver(self.database, self.channels, lambda: self.now, self.take, chance)

    def take(self, channel: Channel, message: Message) -> str:
        """Keep a message, or refuse it."""
        self.attempts.append((self.now, channel.name))
        if channel.name in self.down:
            return "refuses connections"
        self.received.append((channel.name, message))
        return ""

    def wait(self, minutes: float) -> None:
        """Put the clock forward."""
        self.now += timedelta(minutes=minutes)

    def events(self) -> list[tuple[str, date, date, date | None]]:
        """Subject, first, last and end of each event, in the order of their beginnings."""
        return fetch(
            self.database,
            "SELECT subject, began, date, ended FROM alert_events ORDER BY began, subject",
        )
