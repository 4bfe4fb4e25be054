"""Messages through apprise to a real mail server and a real web server, and what failures show."""

import logging
import sys
from collections.abc import Iterator
from datetime import date

import pytest

from quant_platform.alerts.channels import Channel
from quant_platform.alerts.sending import Message, send, trial_message
from quant_platform.errors import SettingsError
from quant_platform.settings.values import Secret
from quant_platform_tests.support.services import free_port
from quant_platform_tests.support.sinks import MailServer, WebServer, serving

EVENT = "3f0c8f3e-3f5d-4c0e-9d6b-0f6f1b1f4a11"
PASSWORD = "hunter2-and-more"
MESSAGE = Message(
    EVENT,
    "drawdown_limit",
    "tight",
    "critical",
    "tight: drawdown of -23.4 % <over> 252 sessions",
    date(2012, 3, 1),
    date(2012, 3, 2),
    None,
)


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with serving(MailServer()) as server:
        yield server


@pytest.fixture
def web() -> Iterator[WebServer]:
    with serving(WebServer()) as server:
        yield server


def to(url: str) -> Channel:
    return Channel("desk", url.partition("://")[0], Secret(url), "info", None)


def test_a_mail(mail: MailServer) -> None:
    assert send(to(mail.url()), MESSAGE) == ""
    (message,) = mail.messages
    assert message["Subject"] == "[critical] drawdown_limit: tight"
    assert message["To"] == "desk@example.org"
    plain = message.get_body(("plain",))
    assert plain is not None
    text = plain.get_content()
    assert "tight: drawdown of -23.4 % <over> 252 sessions" in text
    assert "From 2012-03-01 to 2012-03-02, and it lasts" in text
    assert f"Event {EVENT} (a message with the same id and title is the same message again)" in text


def test_a_webhook(web: WebServer) -> None:
    assert send(to(web.url()), MESSAGE) == ""
    (document,) = web.documents
    assert document["title"] == "[critical] drawdown_limit: tight"
    assert document["type"] == "failure"
    assert document["message"] == MESSAGE.body


def test_a_subject_with_line_breaks_is_one_line(mail: MailServer) -> None:
    odd = Message(EVENT, "run_failed", "a\r\nBcc: b@example.org", *list(vars(MESSAGE).values())[3:])
    assert send(to(mail.url()), odd) == ""
    (message,) = mail.messages
    assert message["Bcc"] is None
    assert message["Subject"].split() == ["[critical]", "run_failed:", "a", "Bcc:", "b@example.org"]


def test_a_test_message_says_so_and_has_an_id_of_its_own() -> None:
    first, second = trial_message(), trial_message()
    assert first.event != second.event
    assert first.title == "[info] test: this channel"
    assert "Nothing needs your attention" in first.body


class TestFailures:
    """Each says what happened, and nothing of the address, the password or the server's answer."""

    @pytest.fixture(autouse=True)
    def _logs(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)

    @pytest.fixture
    def quiet(
        self, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> Iterator[None]:
        yield
        captured = capfd.readouterr()
        assert captured.out + captured.err == ""
        assert PASSWORD not in caplog.text
        assert "example.org" not in caplog.text

    def test_a_mail_server_that_does_not_take_it(self, mail: MailServer, quiet: None) -> None:
        mail.refusal = f"451 {PASSWORD}: try again later"
        assert send(to(mail.url()), MESSAGE) == "answered with SMTP status 451"

    def test_a_mail_server_that_does_not_know_the_password(
        self, mail: MailServer, quiet: None
    ) -> None:
        mail.knows_passwords = False
        url = mail.url(f"desk:{PASSWORD}@")
        assert send(to(url), MESSAGE) == "answered with SMTP status 535"

    def test_nobody_listens(self, quiet: None) -> None:
        for url in (
            f"json://desk:{PASSWORD}@127.0.0.1:{free_port()}",
            f"mailto://localhost:{free_port()}?from=a@example.org&to=b@example.org",
        ):
            assert send(to(url), MESSAGE) == "refuses connections"

    def test_a_web_server_that_fails(self, web: WebServer, quiet: None) -> None:
        web.status = 503
        reason = send(to(web.url(PASSWORD)), MESSAGE)
        assert reason == "answered with HTTP status 503 (Service Unavailable)"

    def test_a_url_that_apprise_cannot_read(self, quiet: None) -> None:
        for url in (f"nonsense://{PASSWORD}", f"slack://{PASSWORD}"):
            reason = send(to(url), MESSAGE)
            assert reason.startswith("apprise cannot read its URL")
            assert PASSWORD not in reason

    def test_a_service_that_raises(
        self, web: WebServer, quiet: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import apprise

        def fail(*_: object, **__: object) -> bool:
            raise RuntimeError(PASSWORD)

        monkeypatch.setattr(apprise.Apprise, "notify", fail)
        assert send(to(web.url()), MESSAGE) == "apprise failed: RuntimeError"

    def test_the_log_is_given_back(self, web: WebServer, caplog: pytest.LogCaptureFixture) -> None:
        send(to(web.url()), MESSAGE)
        logging.getLogger("apprise").warning("a word of its own")
        assert "a word of its own" in caplog.text


def test_without_apprise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(SettingsError, match=r"pip install 'quant-platform\[ops\]'"):
        send(to("json://127.0.0.1"), MESSAGE)
