"""Processes that send alerts and are killed (SIGKILL) before or after a server took a message."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from quant_platform.storage.database import Database
from quant_platform_tests.support import deliverer
from quant_platform_tests.support.alerting import Office, breach
from quant_platform_tests.support.services import CHECKOUT
from quant_platform_tests.support.sinks import WebServer, serving
from quant_platform_tests.support.tables import fetch


@pytest.fixture
def web() -> Iterator[WebServer]:
    with serving(WebServer()) as server:
        yield server


@pytest.fixture
def office(database: Database) -> Office:
    """Two messages wait."""
    office = Office(database)
    breach(database, 0, "first", severity="critical")
    breach(database, 0, "second", severity="warning")
    office.look(0)
    return office


def start(office: Office, web: WebServer, where: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", deliverer.__name__, office.database.url, web.url(), where]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT
    )


def kill(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "stopped\n"
    process.send_signal(signal.SIGKILL)
    assert process.wait(30) == -signal.SIGKILL
    process.stdout.close()
    process.stdin.close()


def finish(office: Office, web: WebServer) -> None:
    """Run a process that is not killed; the server may need a moment to see that one was."""
    for _ in range(50):
        with start(office, web, "-") as process:
            assert process.communicate(timeout=60)[0] == "done\n"
        if fetch(office.database, "SELECT bool_and(sent_at IS NOT NULL) FROM alert_deliveries")[0][
            0
        ]:
            return
        time.sleep(0.2)
    raise AssertionError("a message still waits")


def told(web: WebServer) -> list[tuple[str, str]]:
    """Subject, and the event's id as it stands in the text, of each message."""
    found = []
    for document in web.documents:
        match = re.search(r"Event ([0-9a-f-]{36}) ", document["message"])
        assert match is not None
        found.append((document["title"].rpartition(" ")[2], match[1]))
    return found


def ids(office: Office) -> dict[str, str]:
    return dict(fetch(office.database, "SELECT subject, id::text FROM alert_events"))


def test_killed_between_sending_and_commit(office: Office, web: WebServer) -> None:
    kill(start(office, web, "after"))
    finish(office, web)
    known = ids(office)
    # The repeat has the same id; nothing is lost, and nothing comes a third time.
    assert told(web) == [
        ("first", known["first"]),
        ("first", known["first"]),
        ("second", known["second"]),
    ]
    finish(office, web)
    assert len(web.documents) == 3


def test_killed_before_sending(office: Office, web: WebServer) -> None:
    kill(start(office, web, "before"))
    finish(office, web)
    known = ids(office)
    assert told(web) == [("first", known["first"]), ("second", known["second"])]


def test_one_that_hangs_keeps_nobody_from_the_rest(office: Office, web: WebServer) -> None:
    hanging = start(office, web, "before")
    assert hanging.stdout is not None
    assert hanging.stdout.readline() == "stopped\n"
    with start(office, web, "-") as other:
        assert other.communicate(timeout=60)[0] == "done\n"
    assert [subject for subject, _ in told(web)] == ["second"]
    assert hanging.communicate("go on\n", timeout=60)[0] == "done\n"
    assert [subject for subject, _ in told(web)] == ["second", "first"]


def test_the_moment_of_sending_is_kept(office: Office, web: WebServer) -> None:
    before = datetime.now(UTC)
    finish(office, web)
    moments = fetch(office.database, "SELECT sent_at, attempts, reason FROM alert_deliveries")
    assert all(before <= sent <= datetime.now(UTC) for sent, _, _ in moments)
    assert {(attempts, reason) for _, attempts, reason in moments} == {(1, "")}
