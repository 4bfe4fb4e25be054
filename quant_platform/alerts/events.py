"""Events: what needs attention, once for as long as it lasts, and the queue of messages about it.

1. Read what holds: rows of `alerts` and what the stored rules find, of the last `WINDOW` sessions;
   what failed in the last `RUN_DAYS`; what has been stale for longer than `STALE_FOR`.
2. Make spells of it (`spells.py`), and of each the event that it continues, or a new one.
3. End the events whose condition no longer holds.
4. Queue a message for every channel that takes the event's severity and has none of it yet, if the
   event held in one of the `RECENT` sessions. What a backfill finds in the past is no news. One
   that waits when the event gets more severe tells that instead of what it would have told.
5. Queue a message about the end of each event of the `RECENT` sessions for every channel that was
   told of it while it lasted. What happened once, and what is only for information, has no end.

All of it is one transaction, and one process at a time: looked at twice, nothing changes. What does
not belong here: sending (`delivery.py`).
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from quant_platform.alerts.channels import Channel
from quant_platform.alerts.rules import CRITICAL, SEVERITIES, rank
from quant_platform.alerts.spells import (
    LEDGER,
    RUN,
    Breach,
    Key,
    Sessions,
    Spell,
    ends,
    gathered,
    spells,
    touch,
)
from quant_platform.alerts.stored_rules import StoredRule
from quant_platform.errors import ContractError
from quant_platform.isolation import reason_of
from quant_platform.storage.database import Database

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - it is a class

STORED = "stored"
"""Origin of what a stored rule finds."""

WINDOW = 252
"""Sessions that are looked at; an event that began before is known from earlier looks."""

RECENT = 10
"""Sessions, the newest one not counted, in which an event must have held to be news."""

RUN_DAYS = 14
"""Days after which a failure of operation is no news."""

STALE_FOR = timedelta(hours=1)
"""Time for which sessions are stale before that is an event: the next update computes them."""

_ONE_AT_A_TIME = "LOCK TABLE alert_events IN SHARE ROW EXCLUSIVE MODE"

_NEWEST = """
SELECT coalesce(
    (SELECT max(date) FROM computations WHERE asset = 'alerts'),
    (SELECT max(date) FROM alerts WHERE origin = 'report'),
    %(today)s
)
"""

_ALERTS = """
SELECT origin, rule, subject, date, severity, message FROM alerts
WHERE (origin = 'report' AND date >= %(first)s)
    OR (origin = 'run' AND recorded_at >= %(run_since)s)
    OR (origin = 'ledger' AND (
        recorded_at <= %(stale_since)s
        OR (rule, subject) IN (
            SELECT rule, subject FROM alert_events WHERE origin = 'ledger' AND ended IS NULL
        )
    ))
"""

_EVENTS = """
SELECT id::text, origin, rule, subject, severity, message, began, date, ended FROM alert_events
WHERE ended IS NULL OR date >= %(first)s OR (origin = 'run' AND recorded_at >= %(run_since)s)
"""

_INSERT = """
INSERT INTO alert_events (origin, rule, subject, severity, message, began, date, ended, recorded_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id::text
"""

_UPDATE = """
UPDATE alert_events SET severity = %s, message = %s, began = %s, date = %s, ended = %s
WHERE id = %s
"""

_END = "UPDATE alert_events SET ended = greatest(date, %s) WHERE id = %s"

_QUEUE = """
INSERT INTO alert_deliveries (event_id, channel, about, queued_at, due_at)
VALUES (%(event)s, %(channel)s, %(severity)s, %(now)s, %(now)s) ON CONFLICT DO NOTHING
"""

# One that is being sent now is left alone: the channel is told again, then.
_MORE_SEVERE = """
UPDATE alert_deliveries SET about = %(severity)s
WHERE (event_id, channel, about) IN (
    SELECT event_id, channel, about FROM alert_deliveries
    WHERE event_id = %(event)s AND channel = %(channel)s AND sent_at IS NULL
        AND about NOT IN ('ended', %(severity)s)
    FOR UPDATE SKIP LOCKED
)
"""

_QUEUE_ENDS = """
INSERT INTO alert_deliveries (event_id, channel, about, queued_at, due_at)
SELECT e.id, d.channel, 'ended', %(now)s, %(now)s
FROM alert_events AS e JOIN alert_deliveries AS d ON d.event_id = e.id
WHERE e.ended >= %(recent)s AND e.origin <> 'run' AND e.severity <> 'info'
    AND d.channel = ANY (%(channels)s)
GROUP BY e.id, d.channel
HAVING bool_and(d.sent_at IS NOT NULL) AND NOT bool_or(d.told_end)
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True)
class _Event:
    """A row of `alert_events`."""

    id: str
    spell: Spell
    ended: date | None


def record_events(
    database: Database,
    sessions: Sessions,
    rules: Sequence[StoredRule],
    channels: Sequence[Channel],
    now: datetime,
) -> int:
    """Bring events up to what is stored, and queue messages; return how many were queued.

    Parameters
    ----------
    sessions : all sessions of the exchange
    rules : rules over stored tables
    now : the moment, with its zone
    """
    with closing(database.connect()) as connection, connection, connection.cursor() as cursor:
        cursor.execute(_ONE_AT_A_TIME)
        cursor.execute(_NEWEST, {"today": now.date()})
        newest = cursor.fetchall()[0][0]
        span = {
            "first": sessions.before(newest, WINDOW),
            "run_since": now - timedelta(days=RUN_DAYS),
            "stale_since": now - STALE_FOR,
        }
        cursor.execute(_ALERTS, span)
        alerts = [
            Breach(origin, rule, subject, day, severity, message)
            for origin, rule, subject, day, severity, message in cursor.fetchall()
        ]
        stored = [each for rule in rules for each in _found(cursor, rule, span["first"], newest)]
        found = spells([*gathered(alerts), *stored], sessions)
        cursor.execute(_EVENTS, span)
        events = [_event(row) for row in cursor.fetchall()]
        return _record(cursor, found, events, sessions, channels, newest, now)


def _record(
    cursor: "Cursor",
    found: Sequence[Spell],
    events: Sequence[_Event],
    sessions: Sessions,
    channels: Sequence[Channel],
    newest: date,
    now: datetime,
) -> int:
    by_key: dict[Key, list[_Event]] = {}
    for known in events:
        by_key.setdefault(known.spell.key, []).append(known)
    pairs = [(spell, _continued(spell, by_key.get(spell.key, ()), sessions)) for spell in found]
    continued = {event.id for _, event in pairs if event is not None}
    # First: of a condition, one event lasts at most.
    for known in events:
        if known.ended is None and known.id not in continued:
            cursor.execute(_END, (newest, known.id))
    # A check that stops the run finds sessions later than the newest one that has alerts.
    latest = {spell.key: max(spell.last, newest) for spell in found}
    queued = 0
    for spell, event in pairs:
        ended = ends(spell, latest[spell.key], sessions)
        stored = _store(cursor, spell, event, ended, now)
        if not _is_news(spell, newest, sessions):
            continue
        queued += _queue(cursor, stored, channels, now)
    ends_of = {
        "now": now,
        "recent": sessions.before(newest, RECENT),
        "channels": [each.name for each in channels],
    }
    cursor.execute(_QUEUE_ENDS, ends_of)
    return queued + cursor.rowcount


def _queue(cursor: "Cursor", event: _Event, channels: Sequence[Channel], now: datetime) -> int:
    """Queue messages about the severity of an event; return how many."""
    severity, queued = event.spell.severity, 0
    for channel in channels:
        if channel.takes(severity):
            values = {"event": event.id, "channel": channel.name, "severity": severity, "now": now}
            cursor.execute(_MORE_SEVERE, values)
            cursor.execute(_QUEUE, values)
            queued += cursor.rowcount
    return queued


def _found(cursor: "Cursor", rule: StoredRule, first: date, newest: date) -> list[Breach]:
    """What a rule finds; one that cannot be evaluated is itself what needs attention."""
    cursor.execute("SAVEPOINT rule")
    try:
        cursor.execute(rule.statement, {"first": first})
        return list(_breaches(rule, cursor.fetchall()))
    except Exception as error:  # whatever a rule of somebody's raises, the others go on
        cursor.execute("ROLLBACK TO SAVEPOINT rule")
        text = f"alert rule {rule.name} could not be evaluated: {reason_of(error)}"
        subject = f"alert rule {rule.name}"
        return [Breach(STORED, "computation_failed", subject, newest, CRITICAL, text)]


def _breaches(rule: StoredRule, rows: Sequence[tuple[object, ...]]) -> Iterator[Breach]:
    for row in rows:
        day, subject, severity, message = row
        severity = rule.severity or severity
        if not isinstance(day, date) or isinstance(day, datetime) or severity not in SEVERITIES:
            raise ContractError("its rows are not date, subject, severity and message")
        yield Breach(STORED, rule.name, str(subject), day, str(severity), str(message))


def _event(row: tuple[object, ...]) -> _Event:
    identity, origin, rule, subject, severity, message, began, last, ended = row
    spell = Spell((origin, rule, subject), began, last, severity, message)  # type: ignore[arg-type]
    return _Event(str(identity), spell, ended)  # type: ignore[arg-type]


def _continued(spell: Spell, events: Sequence[_Event], sessions: Sessions) -> _Event | None:
    """Return the event that a spell is one with; of several the one that lasts, or the newest."""
    span = spell.began, spell.last
    touching = [
        event
        for event in events
        if touch(spell.key, span, (event.spell.began, event.spell.last), sessions)
        # What is stale again is so because of something else.
        and (event.ended is None or spell.key[0] != LEDGER)
    ]
    return max(touching, key=lambda event: (event.ended is None, event.spell.last), default=None)


def _store(
    cursor: "Cursor", spell: Spell, event: _Event | None, ended: date | None, now: datetime
) -> _Event:
    """Insert a new event, or bring an old one up to its spell; return what is stored now."""
    if event is None:
        values = (spell.severity, spell.message, spell.began, spell.last, ended)
        cursor.execute(_INSERT, (*spell.key, *values, now))
        return _Event(cursor.fetchall()[0][0], spell, ended)
    before = event.spell
    severity = max(before.severity, spell.severity, key=rank)
    began = min(before.began, spell.began)
    after = _Event(event.id, Spell(spell.key, began, spell.last, severity, spell.message), ended)
    if after != event:
        values = (severity, spell.message, began, spell.last, ended)
        cursor.execute(_UPDATE, (*values, event.id))
    return after


def _is_news(spell: Spell, newest: date, sessions: Sessions) -> bool:
    if spell.key[0] in (RUN, LEDGER):
        return True
    return sessions.between(spell.last, newest) <= RECENT
