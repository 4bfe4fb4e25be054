"""Delivery: the messages that wait in the queue, at least once each, from any number of processes.

1. Of a channel's messages that are due, take the most severe and oldest one, and lock its row; a
   row that another process has locked is passed over.
2. Send it, with the lock held. Where it was taken, store that and commit. A process that is killed
   between the two leaves the row as it was: the message is sent again, with the same event's id.
3. Where it was not taken, store why, and when it is due again: after a minute, then twice as long
   each time up to an hour, less up to half of it by chance. It is never given up.
4. A channel that failed is left alone until the next look, so that one that hangs holds nobody up.

In its quiet hours a channel is sent only what is critical, and of no event that it ended. What does
not belong here: which messages there are (`events.py`).
"""

import random
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from quant_platform.alerts.channels import Channel, channels_of
from quant_platform.alerts.events import record_events
from quant_platform.alerts.rules import SEVERITIES
from quant_platform.alerts.sending import Message, send
from quant_platform.alerts.spells import Sessions
from quant_platform.alerts.tuning import rules_in_force
from quant_platform.market.calendar import Calendar
from quant_platform.settings import Settings
from quant_platform.storage.database import Database

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)

SECONDS = 30.0
"""Time after which a look begins no further message: a sensor's tick has a minute."""

Clock = Callable[[], datetime]
Send = Callable[[Channel, Message], str]

_NEXT = """
SELECT e.id::text, e.rule, e.subject, e.severity, e.message, e.began, e.date, e.ended, d.about,
    coalesce((
        SELECT t.about FROM alert_deliveries AS t WHERE t.event_id = d.event_id
            AND t.channel = d.channel AND t.sent_at IS NOT NULL AND t.about <> 'ended'
        ORDER BY array_position(%(severities)s, t.about) DESC LIMIT 1
    ), ''), d.attempts
FROM alert_deliveries AS d JOIN alert_events AS e ON e.id = d.event_id
WHERE d.channel = %(channel)s AND d.sent_at IS NULL AND d.due_at <= %(now)s
    AND array_position(%(severities)s, e.severity) >= array_position(%(severities)s, %(lowest)s)
    AND (d.about <> 'ended' OR (e.ended IS NOT NULL AND NOT %(quiet)s))
ORDER BY d.about = 'ended', array_position(%(severities)s, e.severity) DESC, d.queued_at,
    e.recorded_at, e.id
LIMIT 1 FOR UPDATE OF d SKIP LOCKED
"""

_TAKEN = """
UPDATE alert_deliveries SET sent_at = %s, attempts = attempts + 1, reason = '', told_end = %s
WHERE event_id = %s AND channel = %s AND about = %s
"""

_REFUSED = """
UPDATE alert_deliveries SET due_at = %s, attempts = attempts + 1, reason = %s
WHERE event_id = %s AND channel = %s AND about = %s
"""

_WAITING = "SELECT count(*) FROM alert_deliveries WHERE sent_at IS NULL"


@dataclass
class Delivered:
    """What came of a look at the queue.

    Attributes
    ----------
    sent : messages that a channel took
    refused : channel to why it did not take one
    waiting : messages in the queue afterwards, also those of channels that are no longer set
    """

    sent: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    waiting: int = 0

    def __str__(self) -> str:
        parts = [f"{self.sent} sent", f"{self.waiting} waiting"]
        parts += [f"{channel} {reason}" for channel, reason in self.refused.items()]
        return "Alerts: " + ", ".join(parts)


def look_and_deliver(
    settings: Settings,
    database: Database,
    calendar: Calendar,
    clock: Clock = lambda: datetime.now(UTC),
) -> Delivered:
    """Bring events up to what is stored, and send what is due.

    Raises
    ------
    SettingsError
        Channels or rules of the settings are none, or apprise is not installed.
    """
    channels = channels_of(settings)
    rules = rules_in_force(settings.alert_rules).stored
    sessions = Sessions(calendar.sessions(calendar.first, calendar.last))
    record_events(database, sessions, rules, channels, clock())
    return deliver(database, channels, clock)


def deliver(
    database: Database,
    channels: Sequence[Channel],
    clock: Clock,
    send: Send = send,
    chance: Callable[[], float] = random.random,
    seconds: float = SECONDS,
) -> Delivered:
    """Send what is due, a message of each channel in turn.

    Parameters
    ----------
    clock : tells the moment, with its zone
    send : sends a message; returns why it was not taken, or nothing
    chance : number from 0 to 1, for the time until the next attempt
    seconds : after which no further message is begun
    """
    done, until = Delivered(), time.monotonic() + seconds
    active = list(channels)
    while active and time.monotonic() < until:
        for channel in tuple(active):
            if not _deliver_next(database, channel, clock, send, chance, done):
                active.remove(channel)
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(_WAITING)
        done.waiting = cursor.fetchall()[0][0]
    return done


def wait_after(attempts: int, chance: float) -> timedelta:
    """Time until the next attempt, after so many that failed.

    Exponential back-off with equal jitter: half of it is certain, half by chance (M. Brooker,
    "Exponential backoff and jitter", AWS Architecture Blog, 2015).
    """
    # Beyond 2^10 minutes the bound holds in any case.
    doubled: timedelta = FIRST_WAIT * 2 ** min(attempts - 1, 10)
    return min(doubled, LONGEST_WAIT) * (0.5 + 0.5 * chance)


def _deliver_next(
    database: Database,
    channel: Channel,
    clock: Clock,
    send: Send,
    chance: Callable[[], float],
    done: Delivered,
) -> bool:
    """Send a channel's next message; return whether to go on with it."""
    now = clock()
    with closing(database.connect()) as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            _NEXT,
            {
                "channel": channel.name,
                "now": now,
                "severities": list(SEVERITIES),
                "lowest": channel.lowest(now),
                "quiet": channel.is_quiet(now),
            },
        )
        rows = cursor.fetchall()
        if not rows:
            return False
        *values, attempts = rows[0]
        message = Message(*values)
        reason = send(channel, message)
        if reason:
            due = clock() + wait_after(attempts + 1, chance())
            cursor.execute(_REFUSED, (due, reason, message.event, channel.name, message.about))
            done.refused[channel.name] = reason
            return False
        is_over = message.ended is not None
        cursor.execute(_TAKEN, (clock(), is_over, message.event, channel.name, message.about))
    done.sent += 1
    return True
