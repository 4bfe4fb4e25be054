"""Error bodies of the vendor, each turned into an exception with a remedy.

The kind of error follows from the HTTP status and from a sentence under `error` or `message`, which
may also come with status 200. The exception quotes that sentence on one line, without the key.
Repeating requests does not belong here: see `transport.py`.
"""

from collections.abc import Callable
from typing import Any

from quant_platform.errors import (
    BadAnswerError,
    BadRequestError,
    HistoryError,
    KeyMissingError,
    KeyRefusedError,
    NotFoundError,
    NotPublishedError,
    PlanError,
    RateLimitError,
    VendorDownError,
    VendorError,
)

GOOD = ("OK", "DELAYED")
"""`status` of a good answer; DELAYED on plans that are not in real time."""

LONGEST_TEXT = 200
"""Longest error text of the vendor that is shown, in characters."""

TRANSIENT = (408, 413, 425, 499)
"""Statuses below 500 that another attempt may cure."""

TOO_MANY = 429

_PLANS = "The plans are listed at https://massive.com/pricing; see: quant-platform doctor"
_HOST = "Check POLYGON_BASE_URL, and any proxy on the way"


def fault_in(status: int, body: object, where: str, tidy: Callable[[str], str]) -> VendorError:
    """Return the error that an unusable answer stands for.

    Parameters
    ----------
    status : HTTP status
    body : the JSON of the answer; None where it was no JSON
    where : path that was asked for
    tidy : removes what must not be shown from the vendor's text
    """
    error_text = _error_text(body)
    quoted = f' (it says: "{tidy(error_text)}")' if error_text else ""
    kind, message, hint = _meaning(status, body, error_text.lower())
    return kind(f"Polygon {message}: {where}{quoted}", hint)


def one_line(text: str) -> str:
    """Return `text` as one short line of printable characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LONGEST_TEXT else line[: LONGEST_TEXT - 1] + "…"


def status_of(body: object) -> str | None:
    """`status` in the body; None where there is none."""
    status = body.get("status") if isinstance(body, dict) else None
    return str(status) if status is not None else None


def _error_text(body: object) -> str:
    if not isinstance(body, dict):
        return ""
    error_text = next((body[name] for name in ("error", "message") if body.get(name)), "")
    return error_text if isinstance(error_text, str) else str(error_text)


_Meaning = tuple[type[VendorError], str, str]

_SENTENCES: tuple[tuple[str, _Meaning], ...] = (
    (
        "before end of day",
        (
            NotPublishedError,
            "has not published this yet",
            "Nothing is wrong: it is asked again later. End-of-day plans get a session by the"
            " next morning",
        ),
    ),
    (
        "data timeframe",
        (HistoryError, "keeps this outside the history of the key's plan", _PLANS),
    ),
    (
        "maximum requests",
        (
            RateLimitError,
            "refuses more requests for now",
            "Set POLYGON_CALLS_PER_MINUTE to the plan's limit (5 on the free one), and look for"
            " other programs or machines that use the same key",
        ),
    ),
    (
        "key was not provided",
        (
            KeyMissingError,
            "got no API key",
            "Put POLYGON_API_KEY or MASSIVE_API_KEY in .env; a proxy must pass the"
            " Authorization header on",
        ),
    ),
    (
        "unknown api key",
        (
            KeyRefusedError,
            "does not know the API key",
            "Compare POLYGON_API_KEY (or MASSIVE_API_KEY) in .env with the key on the dashboard",
        ),
    ),
    ("not entitled", (PlanError, "does not include this in the key's plan", _PLANS)),
)
"""Phrase of the error text → its meaning, whatever the status below 500."""

_STATUSES: dict[int, _Meaning] = {
    400: (BadRequestError, "refuses a parameter", "Please report it as a fault of the platform"),
    401: (
        KeyRefusedError,
        "refuses the API key",
        "Compare POLYGON_API_KEY (or MASSIVE_API_KEY) in .env with the key on the dashboard",
    ),
    403: (PlanError, "does not include this in the key's plan", _PLANS),
    404: (NotFoundError, "knows nothing of this", "Check the name and the day"),
    429: (
        RateLimitError,
        "refuses more requests for now",
        "Set POLYGON_CALLS_PER_MINUTE to the plan's limit (5 on the free one)",
    ),
}

_IN_BODY = {"NOT_AUTHORIZED": 403, "NOT_FOUND": 404}
"""`status` in an answer of HTTP status 200 → the HTTP status it should have had."""


def _meaning(status: int, body: object, error_text: str) -> _Meaning:
    for phrase, meaning in _SENTENCES:
        if phrase in error_text and status < 500:
            return meaning
    if status == 200:
        status = _IN_BODY.get(status_of(body) or "", status)
    if status >= 500 or status in TRANSIENT:
        return _down(status)
    # The vendor's own refusals are JSON; a page of HTML comes from a proxy.
    if status in _STATUSES and (isinstance(body, dict) or status in (401, TOO_MANY)):
        return _STATUSES[status]
    return _stranger(status, body)


def _down(status: int) -> _Meaning:
    return (
        VendorDownError,
        f"answers with a fault of its own ({status})",
        "It is asked again later; its state is shown at https://massive.com/system",
    )


def _stranger(status: int, body: Any) -> _Meaning:
    if status == 200:
        return BadAnswerError, "reports an error in its answer", "Try again later"
    if 300 <= status < 400:
        return BadAnswerError, f"sends us elsewhere ({status}), which is not followed", _HOST
    if isinstance(body, dict):
        return BadRequestError, f"refuses the request ({status})", _HOST
    return BadAnswerError, f"answers {status} without a reason; this may not be Polygon", _HOST
