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


def titles(office: Office) -> list[str]:
    return [message.title for _, message in office.received]


class TestEnds:
    def test_a_channel_that_was_told_of_it_is_told_of_its_end_once(self, office: Office) -> None:
        breach(office.database, 0)
        office.look(0)
        office.deliver()
        assert office.look(1, 2) == 0
        assert office.look(3) == 1
        office.deliver()
        for number in (4, 5):
            assert office.look(number) == 0
            office.deliver()
        assert titles(office) == [
            "[critical] drawdown_limit: tight",
            "[ended] drawdown_limit: tight",
        ]
        (_, first), (_, last) = office.received
        assert first.event == last.event
        assert f"{day(0)}, over on {day(1)}" in last.body
        assert (first.kind, last.kind) == ("failure", "success")

    def test_a_message_that_says_so_itself_has_no_other_after_it(self, office: Office) -> None:
        breach(office.database, 0)
        office.look(*range(4))
        office.deliver()
        assert office.look(4) == 0
        assert titles(office) == ["[critical] drawdown_limit: tight"]

    def test_who_takes_only_what_is_critical_hears_no_end_of_a_warning(
        self, database: Database
    ) -> None:
        office = Office(database, [channel("grave", "critical")])
        breach(database, 0, severity="warning")
        assert office.look(*range(4)) == 0

    @pytest.mark.parametrize(("origin", "severity"), [("run", "critical"), ("report", "info")])
    def test_what_happened_once_or_is_for_information_has_no_end(
        self, office: Office, origin: str, severity: str
    ) -> None:
        breach(office.database, 0, origin=origin, severity=severity)
        office.look(0)
        office.deliver()
        assert office.look(1, 2, 3, 4) == 0
        assert len(office.received) == 1

    def test_what_ended_long_ago_is_no_news(self, office: Office) -> None:
        breach(office.database, 0)
        office.look(0)
        office.deliver()
        assert office.look(*range(1, 40)) == 0

    def test_it_waits_for_the_end_of_quiet_hours(self, database: Database) -> None:
        office = Office(database, [channel(quiet="22:00-07:00")])
        office.now = datetime(2030, 1, 15, 12, 0, tzinfo=UTC)
        breach(database, 0)
        office.look(0)
        office.deliver()
        office.now = datetime(2030, 1, 15, 23, 0, tzinfo=UTC)
        office.look(1, 2, 3)
        assert office.deliver().waiting == 1
        office.now = datetime(2030, 1, 16, 7, 0, tzinfo=UTC)
        assert office.deliver().sent == 1
        assert titles(office)[-1] == "[ended] drawdown_limit: tight"

    def test_an_end_that_was_none_is_not_told(self, office: Office) -> None:
        """Rows of a later session come before the message is sent."""
        breach(office.database, 0)
        office.look(0)
        office.deliver()
        office.look(1, 2, 3)
        breach(office.database, 3)
        office.look()
        assert office.deliver().sent == 0
        office.look(4, 5, 6)
        assert office.deliver().sent == 1
        assert f"From {day(0)} to {day(3)}, over on {day(4)}" in office.received[-1][1].body


class TestEscalation:
    def test_a_channel_is_told_again_of_what_got_more_severe(self, office: Office) -> None:
        for number, severity in enumerate(("info", "warning", "warning", "critical", "warning")):
            breach(office.database, number, severity=severity)
            office.look(number)
            office.deliver()
        assert titles(office) == [
            f"[{severity}] drawdown_limit: tight" for severity in ("info", "warning", "critical")
        ]
        assert len({message.event for _, message in office.received}) == 1
        bodies = [message.body for _, message in office.received]
        assert "It was told as" not in bodies[0]
        assert "It was told as info before" in bodies[1]
        assert "It was told as warning before" in bodies[2]

    def test_one_that_waits_tells_the_worst_alone(self, office: Office) -> None:
        office.down = {"desk"}
        for number, severity in enumerate(("warning", "critical")):
            breach(office.database, number, severity=severity)
            office.look(number)
            office.deliver()
        office.down = set()
        office.wait(5)
        assert office.deliver().sent == 1
        assert titles(office) == ["[critical] drawdown_limit: tight"]
        assert office.look() == 0

    def test_one_that_is_being_sent_is_followed_by_the_worse(self, office: Office) -> None:
        breach(office.database, 0, severity="warning")
        office.look(0)

        def meanwhile(channel: Channel, message: Message) -> str:
            if not office.received:
                breach(office.database, 1, severity="critical")
                assert office.look(1) == 1
            return office.take(channel, message)

        deliver(office.database, office.channels, lambda: office.now, meanwhile)
        assert titles(office) == [
            "[warning] drawdown_limit: tight",
            "[critical] drawdown_limit: tight",
        ]
