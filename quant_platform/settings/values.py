"""Types of settings: what a text of the environment may be, and how to write it.

Each type is a pydantic type with a `Form`: its rule in words, for errors and for the settings page.
A type that may hold a secret has a `fault`, so that an error never quotes the value. What does not
belong here: which settings there are (`core.py`, and each vendor's settings).
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

_HOST = r"(?:\[[0-9A-Fa-f:.%]+\]|[^:,@/?#\[\]]*)(?::\d*)?"
_PLACE = re.compile(rf"(?:[^:@/?#]*(?::[^@/?#]*)?@)?{_HOST}(?:,{_HOST})*(?:[/?]|$)")
"""What may follow the scheme: user, password and at least one host, up to the database's name."""

_ADDRESS = re.compile(
    r"https?://(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d+)?(?:/[^\s?#@\\]*)?", re.IGNORECASE
)
"""A scheme, a host, perhaps a port and a path; nothing that could carry a password or a key."""

_SNAKE_CASE = re.compile(r"[a-z][a-z0-9_]*")

_NAME = re.compile(r"\[[0-9a-f:.]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
"""A host's name or address in lower case, without a port."""

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


@dataclass(frozen=True)
class Form:
    """How a value is written.

    Attributes
    ----------
    description : what it must be, such as "a day written as YYYY-MM-DD"
    fault : what an error says of a wrong value instead of quoting it; empty where it may be quoted
    hint : what to do about a wrong value; default: "It must be" and the
        description
    """

    description: str
    fault: str = ""
    hint: str = ""


def a_day_or_a_count(text: str) -> str:
    """Return the text of a day, or of a number from 1 to 9999.

    Raises
    ------
    ValueError
        It is neither.
    """
    if re.fullmatch("[1-9][0-9]{0,3}", text):
        return text
    return date.fromisoformat(text).isoformat() if text else ""


def matching(pattern: str) -> AfterValidator:
    """Return the rule that a text matches `pattern` from end to end."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if text and not compiled.fullmatch(text):
            raise ValueError("not of the form")
        return text

    return AfterValidator(check)


def address_form(example: str) -> Form:
    """Return the form of an `Address`; a wrong one may hold a key and is not shown."""
    return Form(
        "the address of a web service",
        "is not the address of a web service",
        f"Write it as {example}: http or https, a host, and no user, password, query or #",
    )


def usable_key(text: str) -> bool:
    """Whether `text` can be sent as a key: visible ASCII characters only."""
    return bool(_KEY.fullmatch(text))


def without_password(url: str) -> str:
    """Return `url` with its passwords replaced by `***`, even where they make it a wrong one."""
    shown = re.sub(r"(?<=://)([^:@/?#]*):.*@", r"\1:***@", url, flags=re.DOTALL)
    return re.sub(r"([?&](?:ssl)?password=)[^&]*", r"\1***", shown, flags=re.IGNORECASE)


def _address(text: str) -> str:
    # `port` raises a ValueError for anything but a number up to 65535.
    if not _ADDRESS.fullmatch(text) or urlsplit(text).port == 0:
        raise ValueError("no address of a web service")
    return text.rstrip("/")


def _key(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not usable_key(value):
        raise ValueError("no key")
    return Secret(value)


def _secret(value: object) -> object:
    return Secret(value) if isinstance(value, str) else value


def _database_url(url: str) -> str:
    """Return a PostgreSQL URL in the form psycopg2 and SQLAlchemy agree on."""
    scheme, separator, rest = url.partition("://")
    is_postgresql = scheme in ("postgres", "postgresql", "postgresql+psycopg2")
    if not separator or not is_postgresql or not _PLACE.match(rest):
        raise ValueError("no PostgreSQL URL")
    return f"postgresql://{rest}"


def _day(text: str) -> str:
    # Other forms of ISO 8601, such as week dates, are not how a day is stored.
    if date.fromisoformat(text).isoformat() != text:
        raise ValueError("no day as YYYY-MM-DD")
    return text


def _days(value: object) -> object:
    """Return days written with commas between them, ascending, each once."""
    if not isinstance(value, str):
        return value
    parts = [part.strip() for part in value.split(",") if part.strip()]
    if not parts:
        raise ValueError("no days")
    return tuple(date.fromisoformat(_day(part)) for part in sorted(set(parts)))


def _hosts(value: object) -> object:
    """Return host names written with commas between them, in lower case."""
    if not isinstance(value, str):
        return value
    names = [part.strip().lower() for part in value.split(",") if part.strip()]
    if not names or not all(_NAME.fullmatch(name) for name in names):
        raise ValueError("no host names")
    return tuple(names)


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _names(value: object) -> object:
    """Return names written with commas between them, each once."""
    if not isinstance(value, str):
        return value
    names = [part.strip() for part in value.split(",") if part.strip()]
    if not names or not all(_SNAKE_CASE.fullmatch(name) for name in names):
        raise ValueError("no names")
    return tuple(dict.fromkeys(names))


Names = Annotated[tuple[str, ...], BeforeValidator(_names), Form("names with commas between them")]

Hosts = Annotated[
    tuple[str, ...],
    BeforeValidator(_hosts),
    Form("host names with commas between them, without ports"),
]


def shares_by_name(text: str) -> dict[str, float]:
    """Read shares as a `Tolerances` writes them: `low:0.02 volume:1`."""
    shares = {}
    for part in text.split():
        name, _, share = part.partition(":")
        shares[name] = float(share)
    return shares


def _tolerances(text: str) -> str:
    shares = shares_by_name(text)
    if set(shares) != {"open", "high", "low", "volume"} or not all(
        0.0 <= share < float("inf") for share in shares.values()
    ):
        raise ValueError("no tolerances")
    return text


Tolerances = Annotated[
    str,
    AfterValidator(_tolerances),
    Form("shares such as `open:0.01 high:0.01 low:0.01 volume:0.5`, all four"),
]

Number = Annotated[float, Field(allow_inf_nan=False)]
"""A finite number; its limits are the field's own."""

LowerCase = BeforeValidator(_lower)
"""For words whose case does not matter."""

Day = Annotated[str, AfterValidator(_day), Form("a day written as YYYY-MM-DD")]

Days = Annotated[
    tuple[date, ...],
    BeforeValidator(_days),
    Form("days written as YYYY-MM-DD, with commas between them"),
]

Key = Annotated[
    Secret,
    BeforeValidator(_key),
    Form("a key", "holds a sign that no key has", "Paste the key alone, unquoted"),
]

Checks = Annotated[
    str,
    matching(r"\s*[\w./-]+=[\w.:+-]+\s*(?:,\s*[\w./-]+=[\w.:+-]+\s*)*,?"),
    Form("a list of name=severity:threshold, with commas between them"),
]

QuietHours = Annotated[
    str,
    matching(r"(?:never|\d\d:\d\d-\d\d:\d\d(?:@\S+)?)?"),
    Form("hours and a time zone, such as 22:00-07:00@Europe/Berlin; UTC where none is named"),
]

SecretText = Annotated[Secret, BeforeValidator(_secret), Form("text", "cannot be read")]
"""Any text that may hold a secret; who reads it finds its faults."""

Address = Annotated[str, AfterValidator(_address)]
"""A web service's address without a slash at its end; a field adds its `address_form`."""

DatabaseUrl = Annotated[
    str,
    AfterValidator(_database_url),
    Form(
        "a PostgreSQL URL",
        "is not a PostgreSQL URL",
        "Write it as postgresql://user:password@host:5432/database, with the signs"
        " @ : / ? # % in the password percent-encoded",
    ),
]
