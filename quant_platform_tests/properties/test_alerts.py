"""Law 5 for alerts: what needs attention reaches every channel that takes it, whatever happens.

Sessions come, conditions hold in some of them, looks and deliveries happen in between, channels
are down, and processes end after a message was sent and before that was stored. What must have been
sent is worked out from strings of sessions, split where three or more are without the condition.
"""

import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quant_platform.alerts.channels import Channel
from quant_platform.alerts.delivery import deliver
from quant_platform.alerts.events import RECENT
from quant_platform.alerts.sending import Message
from quant_platform.storage.database import Database
from quant_platform_tests.support.alerting import Office, breach, channel, day
from quant_platform_tests.support.tables import fetch

CHANNELS = (channel("all"), channel("grave", "critical"), channel("night", quiet="22:00-07:00"))
SUBJECTS = {"a": "critical", "b": "warning"}


@dataclass(frozen=True)
class Step:
    """A session, and what happens after it.

    Attributes
    ----------
    holds : subjects whose condition holds
    looks : number of looks at what is stored, each with a delivery
    down : channels that take nothing
    killed : whether each process that delivers ends once a channel has taken a message
    minutes : until the next look
    """

    holds: frozenset[str]
    looks: int
    down: frozenset[str]
    killed: bool
    minutes: int


STEPS = st.lists(
    st.builds(
        Step,
        st.frozensets(st.sampled_from(sorted(SUBJECTS))),
        st.integers(0, 3),
        st.frozensets(st.sampled_from([each.name for each in CHANNELS])),
        st.booleans(),
        st.integers(1, 1500),
    ),
    min_size=1,
    # What was never looked at for longer is no news.
    max_size=RECENT + 1,
)


class KilledError(BaseException):
    """Stands for the end of a process."""


@given(steps=STEPS)
@settings(
    max_examples=12, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_event_reaches_every_channel_that_takes_it(
    database: Database, steps: list[Step]
) -> None:
    fetch(database, "TRUNCATE alert_deliveries, alert_events, alerts, computations CASCADE")
    office = Office(database, CHANNELS)
    kills: Counter[tuple[str, str]] = Counter()
    for number, step in enumerate(steps):
        happen(office, number, step, kills)
    # In the end all is well.
    office.down = set()
    office.look(len(steps) - 1)
    for _ in range(3):
        office.wait(12 * 60)
        office.deliver()
    received = Counter((name, message.event) for name, message in office.received)
    events = fetch(database, "SELECT id::text, severity FROM alert_events")
    assert set(received) == {
        (each.name, identity)
        for identity, severity in events
        for each in CHANNELS
        if each.takes(severity)
    }
    assert received == Counter(dict.fromkeys(received, 1)) + kills
    for subject in SUBJECTS:
        held = "".join("x" if subject in step.holds else "." for step in steps)
        found = [(began, last) for name, began, last, _ in office.events() if name == subject]
        # What lies between three or more sessions without the condition.
        spells = re.finditer(r"x(?:\.{0,2}x)*", held)
        assert found == [(day(each.start()), day(each.end() - 1)) for each in spells]


def happen(office: Office, number: int, step: Step, kills: Counter[tuple[str, str]]) -> None:
    """Store a session, and look and deliver as often as the step says."""
    for subject in step.holds:
        breach(office.database, number, subject, severity=SUBJECTS[subject])
    office.down = set(step.down)

    def take(channel: Channel, message: Message) -> str:
        reason = office.take(channel, message)
        if step.killed and not reason:
            kills[channel.name, message.event] += 1
            raise KilledError
        return reason

    for _ in range(step.looks):
        office.look(number)
        with suppress(KilledError):
            deliver(office.database, CHANNELS, lambda: office.now, take)
        office.wait(step.minutes)
