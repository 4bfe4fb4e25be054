"""`alerts` as a user runs it, against a mail server and a web server of the test's own."""

import json
from collections.abc import Iterator

import pytest

from quant_platform.storage.database import Database
from quant_platform_tests.support.alerting import breach, computed, day
from quant_platform_tests.support.services import Run
from quant_platform_tests.support.sinks import MailServer, WebServer, serving
from quant_platform_tests.support.tables import fetch

URLS = "QUANT_PLATFORM_ALERT_URLS"
PASSWORD = "hunter2-and-more"


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with serving(MailServer()) as server:
        yield server


@pytest.fixture
def web() -> Iterator[WebServer]:
    with serving(WebServer()) as server:
        yield server


@pytest.fixture
def urls(mail: MailServer, web: WebServer) -> str:
    login = f"desk:{PASSWORD}@"
    return f"name=desk {mail.url(login)}\nname=hook severity=critical {web.url(login=login)}\n"


def test_a_message_to_each_channel(
    in_folder: Run, urls: str, mail: MailServer, web: WebServer
) -> None:
    done = in_folder("alerts", "test", "--json", **{URLS: urls})
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == [
        {"channel": "desk", "service": "mailto", "severity": "warning", "result": "sent"},
        {"channel": "hook", "service": "json", "severity": "critical", "result": "sent"},
    ]
    assert len(mail.messages) == len(web.documents) == 1


def test_a_message_to_one_channel_that_refuses_it(
    in_folder: Run, urls: str, web: WebServer
) -> None:
    web.status = 500
    done = in_folder("alerts", "test", "hook", **{URLS: urls})
    assert done.returncode == 1
    assert "answered with HTTP status 500" in done.stdout
    assert PASSWORD not in done.stdout + done.stderr


def test_without_a_channel(in_folder: Run) -> None:
    done = in_folder("alerts", "test")
    assert (done.returncode, done.stdout) == (0, f"No channel is set: {URLS}\n")


def test_a_wrong_channel_is_one_line_without_its_url(in_folder: Run) -> None:
    done = in_folder("alerts", "test", **{URLS: f"loud mailto://desk:{PASSWORD}@example.org"})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "Channel 1 of QUANT_PLATFORM_ALERT_URLS holds a word" in done.stderr
    assert PASSWORD not in done.stderr


def test_what_waits_is_delivered(
    command: Run, urls: str, database: Database, mail: MailServer, web: WebServer
) -> None:
    breach(database, 0, severity="warning")
    computed(database, 0)
    mail.refusal = "451 later"
    done = command("alerts", "deliver", **{URLS: urls})
    assert done.returncode == 1
    assert done.stdout == "Alerts: 0 sent, 1 waiting, desk answered with SMTP status 451\n"
    shown = json.loads(command("alerts", "list", "--json").stdout)
    assert [(row["channel"], row["state"], row["attempts"]) for row in shown] == [
        ("desk", "waiting", 1)
    ]
    mail.refusal = ""
    fetch(database, "UPDATE alert_deliveries SET due_at = now()")
    done = command("alerts", "deliver", "--json", **{URLS: urls})
    assert json.loads(done.stdout) == [{"sent": 1, "waiting": 0, "refused": {}}]
    (message,) = mail.messages
    assert shown[0]["event"] in message.as_string()
    # The web server is sent only what is critical.
    assert web.documents == []
    # The event lasts; it is not told of again.
    breach(database, 1, severity="warning")
    assert command("alerts", "deliver", **{URLS: urls}).stdout == "Alerts: 0 sent, 0 waiting\n"
    (row,) = json.loads(command("alerts", "list", "--json").stdout)
    assert (row["state"], row["last"]) == ("sent", str(day(1)))


def test_nothing_of_a_url_is_stored_or_shown(
    command: Run, urls: str, database: Database, mail: MailServer
) -> None:
    breach(database, 0)
    computed(database, 0)
    mail.knows_passwords = False
    texts = [
        done.stdout + done.stderr
        for done in (
            command("--debug", "alerts", "deliver", **{URLS: urls}),
            command("alerts", "list", **{URLS: urls}),
            command("doctor", **{URLS: urls}),
        )
    ]
    rows = fetch(database, "SELECT d::text FROM alert_deliveries AS d")
    assert len(rows) == 2
    assert not any(PASSWORD in text for text in [*texts, str(rows)])
    assert "desk from warning on, hook from critical on" in texts[2]


def test_an_empty_queue(command: Run) -> None:
    assert command("alerts", "list").stdout == "No event lasts, and no message waits\n"
    assert command("alerts", "list", "--json").stdout == "[]\n"
