"""Channels: where alerts are sent to, as QUANT_PLATFORM_ALERT_URLS names them.

The setting is a text of apprise URLs, or the name of a file with one a line. Options stand before
the URL they are for: `name=desk severity=critical quiet=22:00-07:00@Europe/Berlin mailtos://…`. A
URL may be all secret (Slack's is made of tokens), so that nothing of it is ever shown but its
scheme: a channel is known by its name. Sending does not belong here: see `sending.py`.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo

from quant_platform.alerts.rules import CRITICAL, SEVERITIES, rank
from quant_platform.errors import SettingsError
from quant_platform.settings import Settings
from quant_platform.settings.values import Secret

VARIABLE = "QUANT_PLATFORM_ALERT_URLS"

OPTIONS = ("name", "severity", "quiet")

NEVER = "never"
"""Quiet hours of a channel that has none, whatever the settings say of the others."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_QUIET = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d)(?:@(\S+))?")
_SALT = b"quant-platform alert channel"


@dataclass(frozen=True)
class QuietHours:
    """Hours of each day in which only what is critical is sent; the rest waits for their end.

    Attributes
    ----------
    start, end : times of day; an end before the start is one of the next day
    zone : time zone of both
    """

    start: time
    end: time
    zone: ZoneInfo

    @classmethod
    def read(cls, text: str) -> "QuietHours | None":
        """Read `22:00-07:00` or `22:00-07:00@Europe/Berlin`; UTC where no zone is named.

        Raises
        ------
        ValueError
            It is neither of these, nor `never` or empty.
        """
        if text in ("", NEVER):
            return None
        match = _QUIET.fullmatch(text)
        if match is None:
            raise ValueError("no hours")
        try:
            zone = ZoneInfo(match[3] or "UTC")
        except (KeyError, OSError):  # no such zone, or a folder of zones
            raise ValueError("no time zone") from None
        hours = cls(time.fromisoformat(match[1]), time.fromisoformat(match[2]), zone)
        if hours.start == hours.end:
            raise ValueError("no hours")
        return hours

    def contain(self, moment: datetime) -> bool:
        """Whether a moment (with its zone) lies in them."""
        clock = moment.astimezone(self.zone).time()
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end


@dataclass(frozen=True)
class Channel:
    """A place that alerts are sent to.

    Attributes
    ----------
    name : what messages, tables and people call it
    service : scheme of its URL, such as mailtos
    url : read only where a message is sent
    severity : the lowest that it is sent
    quiet : hours in which it is sent only what is critical
    """

    name: str
    service: str
    url: Secret
    severity: str
    quiet: QuietHours | None

    def takes(self, severity: str) -> bool:
        """Whether it is ever sent an event of this severity."""
        return rank(severity) >= rank(self.severity)

    def lowest(self, moment: datetime) -> str:
        """Lowest severity that it is sent now."""
        return CRITICAL if self.is_quiet(moment) else self.severity

    def is_quiet(self, moment: datetime) -> bool:
        """Whether a moment lies in its quiet hours."""
        return self.quiet is not None and self.quiet.contain(moment)


def channels_of(settings: Settings) -> tuple[Channel, ...]:
    """Return the channels that the settings name, in their order.

    Raises
    ------
    SettingsError
        An entry cannot be read, or two have one name. The message quotes nothing of a URL.
    """
    if settings.alert_urls is None:
        return ()
    channels: dict[str, Channel] = {}
    for number, (options, url) in enumerate(_entries(_text(settings)), start=1):
        service = url.partition("://")[0].lower()
        name = options.get("name") or f"{service}-{_digest(url)}"
        quiet = _quiet(options.get("quiet", settings.alert_quiet), number)
        severity = options.get("severity", settings.alert_severity).lower()
        if severity not in SEVERITIES:
            raise _wrong(number, "has a severity that is none", f"{', '.join(SEVERITIES)} are")
        if not _NAME.fullmatch(name):
            raise _wrong(number, "has a name that is none", "Use letters, digits and . _ -")
        if name in channels:
            raise _wrong(number, f"is called {name} like another one", "Give it another name=")
        channels[name] = Channel(name, service, Secret(url), severity, quiet)
    return tuple(channels.values())


def channel_called(settings: Settings, name: str) -> Channel:
    """Return a channel by its name.

    Raises
    ------
    SettingsError
        There is none of that name.
    """
    channels = {each.name: each for each in channels_of(settings)}
    if name not in channels:
        there = ", ".join(channels) or "none"
        raise SettingsError(f"There is no channel {name!r}", f"There are: {there}")
    return channels[name]


def _text(settings: Settings) -> str:
    """Text of the setting, or of the file that it names."""
    given = settings.alert_urls.reveal() if settings.alert_urls else ""
    if "://" in given:
        return given
    path = settings.environment.folder / given
    try:
        return path.expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError, ValueError):
        # What was given may be a URL without its scheme: it is not quoted.
        raise SettingsError(
            f"{VARIABLE} is neither a URL (SERVICE://…) nor a file that can be read",
            "Write apprise URLs, one a line, or the name of a file that holds them",
        ) from None


def _entries(text: str) -> Iterator[tuple[dict[str, str], str]]:
    """Yield the options and the URL of each entry."""
    options: dict[str, str] = {}
    number = 1
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for word in (word for line in lines for word in line.split()):
        name, _, value = word.partition("=")
        if name in OPTIONS:
            options[name] = value
        elif re.match(r"[A-Za-z][A-Za-z0-9+.-]*://.", word):
            yield options, word
            options, number = {}, number + 1
        else:
            raise _wrong(
                number,
                "holds a word that is neither an option nor a URL",
                f"Write options ({', '.join(OPTIONS)}) as name=value before their URL, and spaces"
                " in a URL as %20",
            )
    if options or number == 1:
        raise _wrong(number, "has no URL", "Write one as SERVICE://…")


def _quiet(text: str, number: int) -> QuietHours | None:
    try:
        return QuietHours.read(text)
    except ValueError:
        raise _wrong(
            number, "has quiet hours that are none", "Write them as 22:00-07:00@Europe/Berlin"
        ) from None


def _wrong(number: int, fault: str, hint: str) -> SettingsError:
    return SettingsError(f"Channel {number} of {VARIABLE} {fault}", hint)


@lru_cache(maxsize=64)
def _digest(url: str) -> str:
    """Digest of a URL that is dear to compute, so that no password can be guessed from it."""
    return hashlib.scrypt(url.encode(), salt=_SALT, n=2**14, r=8, p=1, dklen=4).hex()
