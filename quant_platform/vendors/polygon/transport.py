"""One request: sent with the key in a header, within a deadline, and repeated where that may help.

The key is in the `Authorization` header and nowhere else. It is in no URL, hence in no log of URLs,
and is removed from error texts. Redirects are not followed. What does not belong here: when a
request may be sent (`rate_limit.py`), and what an error body means (`faults.py`).
"""

import email.utils
import logging
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import httpx

from quant_platform.errors import (
    BadAnswerError,
    RateLimitError,
    SettingsError,
    VendorDownError,
    VendorError,
)
from quant_platform.settings import Secret
from quant_platform.settings.values import usable_key
from quant_platform.vendors.polygon.address import Address
from quant_platform.vendors.polygon.clock import Clock, StoppedError
from quant_platform.vendors.polygon.exchange import (
    Deadline,
    bound,
    refuse_too_many_values,
    unpacked,
)
from quant_platform.vendors.polygon.faults import GOOD, fault_in, one_line, status_of
from quant_platform.vendors.polygon.json_text import read_json
from quant_platform.vendors.polygon.key import polygon_key
from quant_platform.vendors.polygon.rate_limit import RateLimit, Slot
from quant_platform.vendors.polygon.settings import PolygonSettings

logger = logging.getLogger(__name__)

WINDOW = 60.0
"""Seconds in which the vendor counts requests."""

LONGEST_WAIT = 1e9
"""Seconds of a wait that the vendor may ask for; beyond it is no time that anybody waits."""

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Errors after which the vendor cannot have counted the request."""

Params = Mapping[str, str | int]
Parse = Callable[[bytes], object]


@dataclass(frozen=True)
class Timeouts:
    """Seconds one attempt may take: to connect, to send, for the next bytes, and in all."""

    connect: float = 10.0
    write: float = 10.0
    read: float = 30.0
    pool: float = 60.0
    total: float = 60.0


@dataclass(frozen=True)
class Patience:
    """How long to go on with a request that fails in a way that may pass.

    Attributes
    ----------
    attempts : in all
    first : seconds before the second attempt; doubled for each further one
    longest : seconds between two attempts at most, unless the vendor asks for more
    total : seconds to spend waiting; a longer wait is not begun
    """

    attempts: int = 6
    first: float = 1.0
    longest: float = 30.0
    total: float = 300.0


class _AgainError(Exception):
    """An attempt failed in a way that may pass; `wait` is what the vendor asked for, in seconds."""

    def __init__(self, fault: VendorError, wait: float | None = None) -> None:
        self.fault = fault
        self.wait = wait
        super().__init__(fault.message)


class Client:
    """The vendor's API over HTTP, for any number of threads.

    Parameters
    ----------
    settings : key, base URL, limits
    folder : where the request limit is kept
    window : seconds in which the vendor counts requests
    transport : in place of the network, for tests

    Raises
    ------
    KeyMissingError
        No key is configured.
    SettingsError
        The key or the base URL cannot be one, or the folder cannot be written.
    """

    def __init__(
        self,
        settings: PolygonSettings,
        folder: Path,
        *,
        window: float = WINDOW,
        clock: Clock | None = None,
        timeouts: Timeouts | None = None,
        patience: Patience | None = None,
        jitter: Callable[[], float] = random.random,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._key = _checked(polygon_key(settings))
        self.address = Address(settings.base_url)
        self._clock = clock or Clock()
        self._window = window
        self._timeouts = timeouts or Timeouts()
        self._patience = patience or Patience()
        self._jitter = jitter
        limited = settings.calls_per_minute > 0
        self.limit = RateLimit(
            folder,
            self.address.service,
            self._key,
            calls=settings.calls_per_minute if limited else settings.connections,
            window=window if limited else 0.0,
            clock=self._clock,
        )
        self._http = httpx.Client(
            headers={
                "Authorization": f"Bearer {self._key.reveal()}",
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
                "User-Agent": "quant-platform",
            },
            timeout=httpx.Timeout(
                connect=self._timeouts.connect,
                read=min(self._timeouts.read, self._timeouts.total),
                write=self._timeouts.write,
                pool=self._timeouts.pool,
            ),
            limits=httpx.Limits(
                max_connections=settings.connections,
                max_keepalive_connections=settings.connections,
                keepalive_expiry=30.0,
            ),
            follow_redirects=False,
            transport=transport,
        )
        self._deadline = Deadline(self._clock.now)
        bound(self._http, self._deadline)

    def __repr__(self) -> str:
        return f"Client({self.address.base_url!r})"

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(
        self,
        path: str,
        params: Params | None = None,
        stop: threading.Event | None = None,
        parse: Parse = read_json,
    ) -> object:
        """Return the JSON at `path`.

        Parameters
        ----------
        path : from the base URL on, percent-encoded; may bring a query if there are no `params`
        stop : when set, the request is given up
        parse : reads the body; raises ValueError where it is no JSON

        Raises
        ------
        VendorError
            The kind says what to do; see `errors.py`.
        StoppedError
            `stop` was set.
        """
        waited = 0.0
        for attempt in range(1, self._patience.attempts + 1):
            try:
                return self._attempt(path, params, stop, parse)
            except _AgainError as again:
                wait = self._wait(attempt, again)
                last = attempt == self._patience.attempts
                if last or waited + wait > self._patience.total:
                    raise _given_up(again.fault, attempt, wait, last) from None
                self._pause(again.fault, wait, stop)
                waited += wait
        raise AssertionError("unreachable")  # pragma: no cover

    def document(
        self,
        path: str,
        params: Params | None = None,
        stop: threading.Event | None = None,
        parse: Parse = read_json,
    ) -> dict[str, object]:
        """Return the JSON object at `path`; raises as `get` does."""
        document = self.get(path, params, stop, parse)
        if not isinstance(document, dict):
            raise BadAnswerError(f"Polygon's answer is no JSON object: {where(path)}")
        return document

    def _attempt(
        self, path: str, params: Params | None, stop: threading.Event | None, parse: Parse
    ) -> object:
        request = self._http.build_request("GET", self.address.url(path), params=params)
        deadline = float("inf")
        try:
            with self.limit.slot(stop) as slot:
                deadline = self._clock.now() + self._timeouts.total
                with self._deadline.at(deadline):
                    response = self._send(request, slot)
                    try:
                        body = self._read(response, stop, where(path))
                    finally:
                        response.close()
        except httpx.RequestError as error:
            is_late = self._clock.now() >= deadline
            fault = self._late(where(path)) if is_late else self._unreachable(error, where(path))
            raise _AgainError(fault) from None
        return self._parsed(response, body, parse, where(path))

    def _send(self, request: httpx.Request, slot: Slot) -> httpx.Response:
        try:
            response = self._http.send(request, stream=True)
        except _NEVER_SENT:
            slot.unused()
            raise
        slot.arrived()
        return response

    def _read(self, response: httpx.Response, stop: threading.Event | None, path: str) -> bytes:
        chunks: list[bytes] = []
        for chunk in unpacked(response, path):
            chunks.append(chunk)
            if stop is not None and stop.is_set():
                raise StoppedError
        body = b"".join(chunks)
        refuse_too_many_values(body, path)
        return body

    def _parsed(self, response: httpx.Response, body: bytes, parse: Parse, path: str) -> object:
        try:
            document = parse(body)
        except (ValueError, RecursionError):
            document = None
            if response.status_code == httpx.codes.OK:
                raise _not_json(response, body, path) from None
        if response.status_code == httpx.codes.OK and (status_of(document) or "OK") in GOOD:
            return document
        fault = fault_in(response.status_code, document, path, self._tidy)
        if isinstance(fault, RateLimitError | VendorDownError):
            raise _AgainError(fault, self._retry_after(response))
        raise fault

    def _tidy(self, text: str) -> str:
        """Return the vendor's text without the key, on one line."""
        key = self._key.reveal()
        for form in {key, quote(key, safe="")}:
            text = text.replace(form, "***")
        return one_line(text)

    def _unreachable(self, error: httpx.RequestError, path: str) -> VendorDownError:
        reason = self._tidy(str(error)) or "no reason given"
        return VendorDownError(
            f"Polygon cannot be reached: {path} ({type(error).__name__}: {reason})",
            "Check the network, POLYGON_BASE_URL, and https://massive.com/system",
        )

    def _late(self, path: str) -> VendorDownError:
        return VendorDownError(
            f"Polygon's answer took more than {self._timeouts.total:g} s: {path}",
            "Check the network; the request is repeated later",
        )

    def _retry_after(self, response: httpx.Response) -> float | None:
        """Seconds the vendor asks to wait; None where it does not say."""
        text = response.headers.get("Retry-After", "").strip()
        if text.isdecimal():
            return min(float(text), LONGEST_WAIT)
        until = _http_date(text)
        if until is None:
            return None
        # Both times are the server's own, so that a wrong clock here does not matter.
        now = _http_date(response.headers.get("Date", "")) or self._clock.wall()
        return max(0.0, (until - now).total_seconds())

    def _wait(self, attempt: int, again: _AgainError) -> float:
        """Seconds before the next attempt, spread so that waiting processes do not come at once."""
        limited = isinstance(again.fault, RateLimitError)
        if again.wait is None and not limited:
            backoff = min(self._patience.longest, self._patience.first * 2.0 ** (attempt - 1))
            return backoff * (0.5 + 0.5 * self._jitter())
        wait = self._window if again.wait is None else again.wait
        return wait + self._patience.first * self._jitter()

    def _pause(self, fault: VendorError, wait: float, stop: threading.Event | None) -> None:
        logger.warning("%s; next attempt in %.1f s", fault.message, wait)
        if isinstance(fault, RateLimitError):
            # Other requests would be refused as well, and a refused one may count.
            self.limit.hold(wait)
        self._clock.sleep(wait, stop)


def where(path: str) -> str:
    """Path as errors show it: without the query, whose cursors mean nothing to a reader."""
    return path.partition("?")[0]


def _checked(key: Secret) -> Secret:
    """Refuse a key that httpx could not send: its error would quote the header, key included."""
    text = key.reveal().strip()
    if not usable_key(text):
        raise SettingsError(
            "POLYGON_API_KEY holds characters that no key has",
            "Copy it again from the dashboard, without spaces or quotes",
        )
    return Secret(text)


def _given_up(fault: VendorError, attempts: int, wait: float, last: bool) -> VendorError:
    times = "once" if attempts == 1 else f"{attempts} times"
    tried = (
        f"tried {times}" if last else f"tried {times}, and to wait {wait:.0f} s more is too long"
    )
    return type(fault)(f"{fault.message}; {tried}", fault.hint)


def _not_json(response: httpx.Response, body: bytes, path: str) -> Exception:
    start = body.lstrip()[:1]
    if start == b"<" or "html" in response.headers.get("Content-Type", ""):
        return BadAnswerError(
            f"Polygon answered with a web page, not with JSON: {path}",
            "POLYGON_BASE_URL is probably wrong, or a proxy answers in Polygon's place",
        )
    return _AgainError(
        BadAnswerError(
            f"Polygon's answer ends early or is no JSON ({len(body)} bytes): {path}",
            "Try again later; if it stays so, check POLYGON_BASE_URL",
        )
    )


def _http_date(text: str) -> datetime | None:
    try:
        parsed = email.utils.parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
