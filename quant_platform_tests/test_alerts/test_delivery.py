"""The queue: order, back-off, quiet hours, several processes, and a channel that is down."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from quant_platform.alerts.channels import Channel
from quant_platform.alerts.delivery import LONGEST_WAIT, deliver, wait_after
from quant_platform.alerts.queue import queued
from quant_platform.alerts.sending import Message
from quant_platform.storage.database import Database
from quant_platform_tests.support.alerting import Office, breach, channel, day
from quant_platform_tests.support.tables import fetch


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


def subjects(office: Office) -> list[str]:
    return [message.subject for _, message in office.received]


def test_a_message_is_sent_once(office: Office) -> None:
    breach(office.database, 0)
    office.look(0)
    done = office.deliver()
    assert (done.sent, done.refused, done.waiting) == (1, {}, 0)
    for number in range(1, 4):
        breach(office.database, number)
        office.look(number)
        office.deliver()
    ((name, message),) = office.received
    assert name == "desk"
    ((identity,),) = fetch(office.database, "SELECT id::text FROM alert_events")
    assert message.event == identity
    assert message.body.splitlines()[-1].startswith(f"Event {identity} ")
    assert message.title == "[critical] drawdown_limit: tight"


def test_the_most_severe_goes_first(office: Office) -> None:
    for subject, severity in (("a", "info"), ("b", "warning"), ("c", "critical")):
        breach(office.database, 0, subject, severity=severity)
    office.look(0)
    office.deliver()
    assert subjects(office) == ["c", "b", "a"]


def test_one_channel_that_is_down_keeps_no_other_from_its_message(database: Database) -> None:
    office = Office(database, [channel("down"), channel("up")], down={"down"})
    for number in range(3):
        breach(database, 0, f"model {number}")
    office.look(0)
    done = office.deliver()
    assert (done.sent, done.waiting) == (3, 3)
    assert done.refused == {"down": "refuses connections"}
    assert str(done) == "Alerts: 3 sent, 3 waiting, down refuses connections"
    # It was asked once, and not for each of its messages.
    assert Counter(name for _, name in office.attempts) == {"down": 1, "up": 3}


def test_the_wait_doubles_up_to_an_hour_half_of_it_by_chance() -> None:
    minutes = [wait_after(attempts, 1.0).total_seconds() / 60 for attempts in range(1, 9)]
    assert minutes == [1, 2, 4, 8, 16, 32, 60, 60]
    assert wait_after(3, 0.0) == timedelta(minutes=2)
    assert wait_after(10**6, 1.0) == LONGEST_WAIT


def test_a_server_that_accepts_nothing_for_an_hour(office: Office) -> None:
    """Looked at each minute; by the doubling, tried after 0, 1, 3, 7, 15, 31 and 63 minutes."""
    breach(office.database, 0)
    office.look(0)
    begin = office.now
    office.down = {"desk"}
    for minute in range(130):
        office.now = begin + timedelta(minutes=minute)
        if minute == 60:
            office.down = set()
        office.look()
        office.deliver()
    tried = [(moment - begin).total_seconds() / 60 for moment, _ in office.attempts]
    assert tried == [0, 1, 3, 7, 15, 31, 63]
    assert subjects(office) == ["tight"]
    ((attempts, reason),) = fetch(office.database, "SELECT attempts, reason FROM alert_deliveries")
    assert (attempts, reason) == (7, "")


def test_a_message_is_never_given_up(office: Office) -> None:
    breach(office.database, 0)
    office.look(0)
    office.down = {"desk"}
    for _ in range(60):
        office.deliver()
        office.wait(60)
    assert office.deliver().waiting == 1
    office.down = set()
    office.wait(60)
    assert office.deliver().sent == 1


def test_a_channel_that_is_gone_keeps_its_queue(office: Office) -> None:
    breach(office.database, 0)
    office.look(0)
    office.channels = []
    assert office.deliver().waiting == 1
    assert queued(office.database)["channel"].tolist() == ["desk"]


def test_in_quiet_hours_only_what_is_critical_is_sent(database: Database) -> None:
    office = Office(database, [channel(quiet="22:00-07:00@America/New_York")])
    # 03:30 UTC in winter is 22:30 in New York, 11:59 is 06:59, and 12:00 the end of quiet hours.
    office.now = datetime(2030, 1, 15, 3, 30, tzinfo=UTC)
    breach(database, 0, "mild", severity="warning")
    breach(database, 0, "grave", severity="critical")
    office.look(0)
    assert office.deliver().waiting == 1
    assert subjects(office) == ["grave"]
    office.now = datetime(2030, 1, 15, 11, 59, tzinfo=UTC)
    office.deliver()
    assert subjects(office) == ["grave"]
    office.now = datetime(2030, 1, 15, 12, 0, tzinfo=UTC)
    office.deliver()
    assert subjects(office) == ["grave", "mild"]


def test_what_is_over_when_its_message_can_be_sent_is_said_to_be(office: Office) -> None:
    breach(office.database, 0)
    office.look(0)
    office.down = {"desk"}
    office.deliver()
    office.look(1, 2, 3)
    office.down = set()
    office.wait(5)
    office.deliver()
    ((_, message),) = office.received
    assert f"{day(0)}, over on {day(1)}" in message.body


def test_two_processes_do_not_send_the_same(office: Office) -> None:
    """While one is sending the first message, the other takes the second and no more."""
    for subject in ("a", "b"):
        breach(office.database, 0, subject)
    office.look(0)
    sending, go_on = threading.Event(), threading.Event()

    def slow(channel: Channel, message: Message) -> str:
        sending.set()
        assert go_on.wait(30)
        return office.take(channel, message)

    def first() -> None:
        deliver(office.database, office.channels, lambda: office.now, slow, seconds=0.01)

    thread = threading.Thread(target=first)
    thread.start()
    try:
        assert sending.wait(30)
        assert office.deliver().sent == 1
        assert subjects(office) in (["a"], ["b"])
    finally:
        go_on.set()
        thread.join()
    assert sorted(subjects(office)) == ["a", "b"]
    assert office.deliver().sent == 0


def test_an_error_in_the_middle_leaves_the_message_in_the_queue(office: Office) -> None:
    breach(office.database, 0)
    office.look(0)

    def interrupted(channel: Channel, message: Message) -> str:
        office.take(channel, message)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deliver(office.database, office.channels, lambda: office.now, interrupted)
    assert office.deliver().sent == 1
    first, second = (message.event for _, message in office.received)
    assert first == second
