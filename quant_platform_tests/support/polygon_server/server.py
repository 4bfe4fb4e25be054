"""`PolygonServer`: keys, the plan's limits, routes and the record of requests.

A request goes through: the key, the plan's calls per minute, the route and its entitlement, the
endpoint; then the faults that were injected; then it is recorded, before the answer is sent, so
that a client that has its answer finds its request in the record.
"""

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Self

from quant_platform_tests.support.polygon_server import (
    answers,
    corporate_action_answers,
    feeds,
    marketstatus,
    reference,
)
from quant_platform_tests.support.polygon_server.aggregates import Aggregates
from quant_platform_tests.support.polygon_server.answers import Answer, Refused, Request
from quant_platform_tests.support.polygon_server.calls import Call, Route
from quant_platform_tests.support.polygon_server.faults import Fault, Faults, Injected
from quant_platform_tests.support.polygon_server.flatfiles import FlatFiles
from quant_platform_tests.support.polygon_server.grouped import GroupedAnswers
from quant_platform_tests.support.polygon_server.plans import ADVANCED, Meter, Plan
from quant_platform_tests.support.polygon_server.served_market import ServedMarket
from quant_platform_tests.support.polygon_server.wire import HttpServer

RECORD_PATH = "/-/requests"
"""The record's summary, for a server in another process; needs no key and is not recorded."""


@dataclass(frozen=True)
class Recorded:
    """One request: when (monotonic seconds), what, whether its key was right, and the status."""

    at: float
    path: str
    query: dict[str, str]
    authorised: bool
    status: int


class PolygonServer:
    """The vendor on loopback, over one market.

    Parameters
    ----------
    market : what it knows
    key : the key it accepts, as `Authorization: Bearer` or as `apiKey`
    plan : what the key may do; may be set anew at any time
    clock : its time of day, an aware datetime; decides what is published and what is history
    port : 0 for any free one
    next_base : scheme and host of `next_url`; None for the server's own
    s3_key_id : access key of the flat files

    Attributes
    ----------
    url : base URL while it runs
    requests : every request answered, in order
    faults : the script of faults
    """

    def __init__(
        self,
        market: ServedMarket,
        key: str = "test-key",
        plan: Plan = ADVANCED,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        next_base: str | None = None,
        s3_key_id: str = "test-s3-key",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.market = market
        self.key = key
        self.plan = plan
        self.clock = clock
        self.next_base = next_base
        self.requests: list[Recorded] = []
        self.faults = Faults()
        self.url = ""
        self._host = host
        self._withheld: set[date] = set()
        self._meter = Meter(monotonic)
        self._grouped = GroupedAnswers(market)
        self._flat_files = FlatFiles(market, s3_key_id)
        self._routes = [(route.pattern, route) for route in self._all_routes()]
        self._http = HttpServer(self._handle, lambda: self.clock(), host, port)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()

    def start(self) -> str:
        """Start to listen; return the URL."""
        port = self._http.start()
        self.url = f"http://{self._host}:{port}"
        return self.url

    def stop(self) -> None:
        self._http.stop()

    def prepare(
        self,
        sessions: Iterable[date] | None = None,
        progress: Callable[[int], None] = lambda done: None,
    ) -> int:
        """Render the raw grouped answers of `sessions` (default: all); return their bytes."""
        chosen = self.market.sessions if sessions is None else sessions
        return self._grouped.prepare(chosen, self.plan, progress)

    def inject(
        self,
        fault: Fault,
        where: str | Callable[[Request], bool] = "",
        times: float = 1,
        skip: int = 0,
    ) -> Injected:
        """Let `fault` meet the next `times` requests that fit `where`; see `Faults.inject`."""
        return self.faults.inject(fault, where, times, skip)

    def withhold(self, *sessions: date) -> None:
        """Leave `sessions` unpublished although the clock says they should be."""
        self._withheld.update(sessions)

    def publish(self, *sessions: date) -> None:
        """Publish withheld sessions."""
        self._withheld.difference_update(sessions)

    def counted(self, part: str = "", status: int | None = None) -> int:
        """Count requests whose path contains `part`, of one status or of any."""
        return sum(
            part in request.path and status in (None, request.status)
            for request in tuple(self.requests)
        )

    def most_in_window(self, seconds: float = 60.0, status: int | None = None) -> int:
        """Largest number of requests, of one status or of any, in any window of `seconds`."""
        times = sorted(row.at for row in tuple(self.requests) if status in (None, row.status))
        most = first = 0
        for last, at in enumerate(times):
            while at - times[first] >= seconds:
                first += 1
            most = max(most, last - first + 1)
        return most

    def summary(self) -> dict[str, object]:
        """Return the record in figures."""
        statuses = sorted({row.status for row in tuple(self.requests)})
        return {
            "requests": len(self.requests),
            "most_in_60_seconds": self.most_in_window(60.0),
            "by_status": {str(status): self.counted("", status) for status in statuses},
            "grouped": self.counted("/v2/aggs/grouped/"),
        }

    def _all_routes(self) -> list[Route]:
        return [
            *Aggregates(self._grouped).routes(),
            *reference.routes(),
            *corporate_action_answers.routes(),
            *marketstatus.routes(),
            *feeds.routes(),
        ]

    def _handle(self, request: Request) -> Answer:
        if request.path == RECORD_PATH:
            return answers.ok(self.summary())
        flat = self._flat_files.serves(request.path)
        if flat:
            authorised = self._flat_files.authorised(request.headers)
            answer = self._flat_files.answer(self._call(request))
        else:
            authorised = _key_of(request) == self.key
            try:
                answer = self._answer(request)
            except Refused as refused:
                answer = refused.answer
        answer = self.faults.apply(request, answer)
        self.requests.append(
            Recorded(request.at, request.path, dict(request.params), authorised, answer.status)
        )
        return answer

    def _answer(self, request: Request) -> Answer:
        key = _key_of(request)
        if key != self.key:
            raise Refused(answers.unknown_key() if key else answers.no_key())
        if wait := self._meter.wait(self.plan):
            raise Refused(answers.too_many(wait if self.plan.retry_after else None))
        for pattern, route in self._routes:
            if match := pattern.fullmatch(request.path):
                if route.entitlement and not getattr(self.plan, route.entitlement):
                    raise Refused(answers.not_in_plan())
                return route.endpoint(self._call(request), **match.groupdict())
        return answers.unknown_path()

    def _call(self, request: Request) -> Call:
        base = self.next_base or self.url
        return Call(request, self.market, self.plan, frozenset(self._withheld), base)


def _key_of(request: Request) -> str:
    match = re.fullmatch(r"Bearer (.+)", request.headers.get("authorization", ""))
    return match.group(1) if match else request.params.get("apiKey", "")
