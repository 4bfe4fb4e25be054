"""One typed value each out of the texts of environment variables.

An empty text is no value: the reader returns its default. A text that cannot be read is a
`SettingsError` that names the variable; what may hold a secret is never shown.
"""

import re
from collections.abc import Mapping
from datetime import date
from urllib.parse import urlsplit

from quant_platform.errors import SettingsError

_HOST = r"(?:\[[0-9A-Fa-f:.%]+\]|[^:,@/?#\[\]]*)(?::\d*)?"
_PLACE = re.compile(rf"(?:[^:@/?#]*(?::[^@/?#]*)?@)?{_HOST}(?:,{_HOST})*(?:[/?]|$)")
"""What may follow the scheme: user, password and at least one host, up to the database's name."""

_ADDRESS = re.compile(
    r"https?://(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d+)?(?:/[^\s?#@\\]*)?", re.IGNORECASE
)
"""A scheme, a host, perhaps a port and a path; nothing that could carry a password or a key."""

_KEY = re.compile(r"[!-~]+")
"""Visible ASCII characters, as a header of HTTP can carry them."""


class Secret:
    """A key or password: printed as ***, and read only where it is sent."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


def read_text(values: Mapping[str, str], name: str) -> str:
    """Return the text without the spaces around it."""
    return values.get(name, "").strip()


def read_matching(values: Mapping[str, str], name: str, pattern: str, hint: str) -> str:
    """Return the text, which must match `pattern` from end to end; `hint` says so in words."""
    text = read_text(values, name)
    if text and not re.fullmatch(pattern, text):
        raise SettingsError(f"{name} is {text!r}", hint)
    return text


def read_number(
    values: Mapping[str, str], name: str, default: float, *, low: float, high: float = float("inf")
) -> float:
    """Return a finite number from `low` to `high`."""
    text = read_text(values, name)
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not low <= number <= high or number == float("inf"):
        limit = f"at least {low:g}" if high == float("inf") else f"from {low:g} to {high:g}"
        raise SettingsError(f"{name} is {text!r}", f"It must be a number {limit}")
    return number


def read_whole(values: Mapping[str, str], name: str, default: int, *, low: int, high: int) -> int:
    """Return a whole number from `low` to `high`."""
    number = read_number(values, name, default, low=low, high=high)
    if number != int(number):
        raise SettingsError(f"{name} is {read_text(values, name)!r}", "It must be a whole number")
    return int(number)


def read_choice(
    values: Mapping[str, str], name: str, default: str, allowed: tuple[str, ...]
) -> str:
    """Return one of the words `allowed`, whatever its case."""
    text = read_text(values, name).lower() or default
    if text not in allowed:
        raise SettingsError(f"{name} is {text!r}", f"It must be one of: {', '.join(allowed)}")
    return text


def read_day(values: Mapping[str, str], name: str) -> str | None:
    """Return a day as YYYY-MM-DD."""
    text = read_text(values, name)
    try:
        if not text or date.fromisoformat(text).isoformat() == text:
            return text or None
    except ValueError:
        pass
    raise SettingsError(f"{name} is {text!r}", "It must be a day written as YYYY-MM-DD")


def read_days(values: Mapping[str, str], name: str) -> tuple[date, ...]:
    """Return days written as YYYY-MM-DD with commas between them, ascending, each once."""
    text = read_text(values, name)
    parts = [part.strip() for part in text.split(",") if part.strip()]
    try:
        days = [date.fromisoformat(part) for part in parts]
    except ValueError:
        days = []
    if (text and not days) or [day.isoformat() for day in days] != parts:
        raise SettingsError(
            f"{name} is {text!r}", "It must be days written as YYYY-MM-DD, with commas between them"
        )
    return tuple(sorted(set(days)))


def read_secret(values: Mapping[str, str], name: str) -> Secret | None:
    """Return a key; never shown."""
    text = read_text(values, name)
    if not text:
        return None
    if not usable_key(text):
        raise SettingsError(f"{name} holds a sign that no key has", "Paste the key alone, unquoted")
    return Secret(text)


def usable_key(text: str) -> bool:
    """Whether `text` can be sent as a key: visible ASCII characters only."""
    return bool(_KEY.fullmatch(text))


def read_address(values: Mapping[str, str], name: str, default: str) -> str:
    """Return an address of a web service without a slash at its end; a wrong one is not shown."""
    text = read_text(values, name) or default
    try:
        # The port is a number up to 65535 or raises.
        valid = bool(_ADDRESS.fullmatch(text)) and urlsplit(text).port != 0
    except ValueError:
        valid = False
    if not valid:
        raise SettingsError(
            f"{name} is not the address of a web service",
            f"Write it as {default}: http or https, a host, and no user, password, query or #",
        )
    return text.rstrip("/")


def read_database_url(values: Mapping[str, str], name: str) -> str | None:
    """Return a PostgreSQL URL in the form psycopg2 and SQLAlchemy agree on."""
    text = read_text(values, name)
    if not text:
        return None
    scheme, separator, rest = text.partition("://")
    known = scheme in ("postgres", "postgresql", "postgresql+psycopg2")
    if not separator or not known or not _PLACE.match(rest):
        raise SettingsError(
            f"{name} is not a PostgreSQL URL",
            "Write it as postgresql://user:password@host:5432/database, with the signs"
            " @ : / ? # % in the password percent-encoded",
        )
    return f"postgresql://{rest}"


def without_password(url: str) -> str:
    """Return `url` with its passwords replaced by `***`, even where they make it a wrong one."""
    shown = re.sub(r"(?<=://)([^:@/?#]*):.*@", r"\1:***@", url, flags=re.DOTALL)
    return re.sub(r"([?&](?:ssl)?password=)[^&]*", r"\1***", shown, flags=re.IGNORECASE)
