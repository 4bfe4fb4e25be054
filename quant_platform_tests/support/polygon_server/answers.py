"""Requests, answers and the vendor's error bodies, word for word.

An `Answer` is a value: a fault turns one into another. How its bytes travel (whole, cut, slowly,
not at all) is its `Delivery`; `wire.py` obeys it. An endpoint that cannot answer raises `Refused`.
"""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

PRICING = "https://massive.com/pricing"


@dataclass(frozen=True)
class Request:
    """One request as it came in; header names in lower case, `at` on the monotonic clock."""

    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    at: float
    now: datetime


@dataclass(frozen=True)
class Delivery:
    """How the bytes of an answer travel; the default is whole and at once."""

    wait: float = 0.0  # seconds before the first byte
    headers: bool = True  # False: the connection ends before any byte
    share: float = 1.0  # part of the body that is sent; below 1 the connection ends there
    chunk: int = 0  # bytes in one write; 0: all
    pause: float = 0.0  # seconds between two writes


@dataclass(frozen=True)
class Answer:
    """A status, a body and how to send it.

    `packed` is the body in gzip where it was made beforehand; with it `body` may be None.
    """

    status: int = 200
    body: bytes | None = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    packed: bytes | None = None
    delivery: Delivery = Delivery()

    @property
    def content(self) -> bytes:
        if self.body is not None:
            return self.body
        return gzip.decompress(self.packed or b"")

    @property
    def payload(self) -> Any:
        """The body as JSON."""
        return json.loads(self.content)

    def with_payload(self, payload: Any) -> "Answer":
        return replace(self, body=_json(payload), packed=None)

    def delivered(self, **how: Any) -> "Answer":
        return replace(self, delivery=replace(self.delivery, **how))


class Refused(Exception):  # noqa: N818 — an answer that is a refusal, not a fault of the server
    """The endpoint answers with a refusal."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__(answer.status)


def ok(payload: Any, status: int = 200) -> Answer:
    return Answer(status, _json(payload))


def request_id() -> str:
    return uuid4().hex


def refusal(code: int, status: str, key: str, message: str) -> Answer:
    """Error body: 403 and 404 say it under `message`, the others under `error`."""
    return ok({"status": status, "request_id": request_id(), key: message}, code)


def bad_request(message: str) -> Answer:
    return refusal(400, "ERROR", "error", message)


def no_key() -> Answer:
    return refusal(401, "ERROR", "error", "API Key was not provided")


def unknown_key() -> Answer:
    return refusal(401, "ERROR", "error", "Unknown API Key")


def not_in_plan() -> Answer:
    return _not_authorized("You are not entitled to this data.")


def too_old() -> Answer:
    return _not_authorized("Your plan doesn't include this data timeframe.")


def too_early() -> Answer:
    return _not_authorized("Attempted to request today's data before end of day.")


def ticker_not_found() -> Answer:
    return refusal(404, "NOT_FOUND", "message", "Ticker not found.")


def data_not_found() -> Answer:
    return refusal(404, "NOT_FOUND", "message", "Data not found.")


def too_many(retry_after: float | None = None) -> Answer:
    message = (
        "You've exceeded the maximum requests per minute, please wait or upgrade your"
        f" subscription to continue. {PRICING}"
    )
    answer = refusal(429, "ERROR", "error", message)
    if retry_after is None:
        return answer
    return replace(answer, headers={"Retry-After": f"{retry_after:.0f}"})


def unknown_path() -> Answer:
    return Answer(404, b"404 page not found\n", "text/plain; charset=utf-8")


def _not_authorized(message: str) -> Answer:
    text = f"{message} Please upgrade your plan at {PRICING}"
    return refusal(403, "NOT_AUTHORIZED", "message", text)


def _json(payload: Any) -> bytes:
    return json.dumps(payload, separators=(",", ":")).encode()
