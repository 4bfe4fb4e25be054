"""One message to one channel, through apprise (extra `ops`), which is imported at the first.

apprise says of a failure no more than that it was one, and logs the rest: addresses, paths and
answers of servers, any of which may hold a secret. So its log is kept from everybody, and of what
it says only the status of an HTTP or SMTP server, or the kind of an error, is passed on.
"""

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from http import HTTPStatus
from uuid import uuid4

from quant_platform.alerts.channels import Channel
from quant_platform.alerts.rules import CRITICAL, INFO, WARNING
from quant_platform.packages import optional_package

ENDED = "ended"
"""What a message is about that tells of the end of an event."""

TITLE = 200
"""Characters of a title, of which a mail's subject is made."""

SECRETIVE_LOGGERS = ("apprise", "urllib3", "requests")
"""What logs a channel's address."""

_HTTP = re.compile(r"\berror[= ]+(\d{3})\b")
_SMTP = re.compile(r"\((\d{3}), b['\"]|refused: (\d{3})\b")
_KINDS = {
    "refuses connections": ("Connection refused", "[Errno 111]", "[Errno 61]"),
    "its host is unknown": ("NameResolutionError", "Name or service not known", "[Errno -"),
    "does not answer in time": ("timed out", "Timeout"),
    "its certificate is not trusted": ("CERTIFICATE_VERIFY_FAILED",),
    "closed the connection": ("Connection unexpectedly closed", "Connection reset", "RemoteDisc"),
    "has no valid recipient": ("no Email recipients", "There are no"),
}

_TYPES = {INFO: "info", WARNING: "warning", CRITICAL: "failure"}
"""How apprise calls the severities."""

_threads = threading.Lock()


@dataclass(frozen=True)
class Message:
    """What is sent about an event.

    Attributes
    ----------
    event : its id, which a repeated message has, too
    ended : session from which on it no longer held; None: it lasts
    about : what is told: the severity that it reached, or `ENDED`
    told : severity that the channel was told before; empty: none
    """

    event: str
    rule: str
    subject: str
    severity: str
    text: str
    began: date
    last: date
    ended: date | None
    about: str = ""
    told: str = ""

    @property
    def title(self) -> str:
        """One line: severity, or that it ended, with rule and subject."""
        line = f"[{self.about or self.severity}] {self.rule}: {self.subject}"
        return "".join(sign if sign.isprintable() else " " for sign in line)[:TITLE]

    @property
    def body(self) -> str:
        """What happened, since when, and the event's id."""
        span = f"From {self.began} to {self.last}" if self.last > self.began else f"{self.began}"
        state = {None: ", and it lasts", self.last: ""}.get(self.ended, f", over on {self.ended}")
        more = f". It was told as {self.told} before" if self._is_escalated else ""
        repeat = "a message with the same id and title is the same message again"
        return f"{self.text}\n\n{span}{state}{more}\n\nEvent {self.event} ({repeat})"

    @property
    def kind(self) -> str:
        """Type of the message, as apprise calls it."""
        return "success" if self.about == ENDED else _TYPES[self.severity]

    @property
    def _is_escalated(self) -> bool:
        return self.told not in ("", self.about) and self.about != ENDED


def trial_message() -> Message:
    """Return a message with an id of its own that says that it is a test."""
    text = "This is a test of quant-platform's alerts. Nothing needs your attention."
    today = datetime.now(UTC).date()
    return Message(str(uuid4()), "test", "this channel", INFO, text, today, today, today)


def send(channel: Channel, message: Message) -> str:
    """Send a message; return why it was not taken, in words without a secret; empty: it was.

    Raises
    ------
    SettingsError
        apprise is not installed.
    """
    apprise = optional_package("apprise", "ops", "Sending alerts")
    with _kept_log() as lines:
        try:
            # One at a time and in this thread; no emoji, escape or file is read into a text.
            asset = apprise.AppriseAsset(app_id="quant-platform", async_mode=False)
            service = apprise.Apprise(asset=asset)
            if not service.add(channel.url.reveal()):
                return f"apprise cannot read its URL: the service {channel.service}, or a part"
            taken = service.notify(
                title=message.title,
                body=message.body,
                notify_type=message.kind,
                body_format="text",
            )
        except Exception as error:  # whatever one of apprise's services raises
            return f"apprise failed: {type(error).__name__}"
    return "" if taken else _reason(lines)


def _reason(lines: list[str]) -> str:
    text = "\n".join(lines)
    if match := _SMTP.search(text):
        return f"answered with SMTP status {match[1] or match[2]}"
    if match := _HTTP.search(text):
        try:
            name = f" ({HTTPStatus(int(match[1])).phrase})"
        except ValueError:
            name = ""
        return f"answered with HTTP status {match[1]}{name}"
    for reason, signs in _KINDS.items():
        if any(sign in text for sign in signs):
            return reason
    return "did not take the message"


class _Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextmanager
def _kept_log() -> Iterator[list[str]]:
    """Keep what is logged about a channel from every other handler; one thread at a time."""
    with _threads:
        handler = _Lines()
        loggers = [logging.getLogger(name) for name in SECRETIVE_LOGGERS]
        before = [(each.propagate, each.level, each.handlers) for each in loggers]
        for each in loggers:
            each.propagate, each.handlers = False, [handler]
            each.setLevel(logging.DEBUG)
        try:
            yield handler.lines
        finally:
            for each, (propagate, level, handlers) in zip(loggers, before, strict=True):
                each.propagate, each.handlers = propagate, handlers
                each.setLevel(level)
