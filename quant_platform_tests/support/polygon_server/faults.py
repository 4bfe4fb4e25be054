"""Faults on demand: what can go wrong with an answer, and when it shall.

A fault is a function from a request and its right answer to a wrong one. `Faults` holds the script:
which requests a fault meets, after how many of them, and how often. Several faults may meet one
request; they apply in the order of their injection.
"""

import gzip
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from quant_platform_tests.support.polygon_server import answers
from quant_platform_tests.support.polygon_server.answers import Answer, Request
from quant_platform_tests.support.polygon_server.bars import close_ms
from quant_platform_tests.support.polygon_server.listings import Row
from quant_platform_tests.support.polygon_server.query import fold, unfold

Fault = Callable[[Request, Answer], Answer]

GATEWAY_PAGE = (
    b"<html>\r\n<head><title>%s</title></head>\r\n<body>\r\n<center><h1>%s</h1></center>\r\n"
    b"<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)

REASONS = {
    200: "Welcome",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
}

# --- answers of another kind ---------------------------------------------------------------------


def too_many(retry_after: float | None = None) -> Fault:
    """429, with or without `Retry-After` (seconds)."""
    return lambda request, answer: answers.too_many(retry_after)


def error(status: int = 500, message: str = "internal error") -> Fault:
    """A status with a body of JSON."""
    return lambda request, answer: answers.refusal(status, "ERROR", "error", message)


def empty_body(status: int = 500) -> Fault:
    """A status without a body."""
    return lambda request, answer: Answer(status, b"")


def html(status: int = 502) -> Fault:
    """A page of HTML, also with status 200, as a proxy or a wrong base URL answers."""
    title = f"{status} {REASONS.get(status, 'Error')}".encode()
    page = GATEWAY_PAGE % (title, title)
    return lambda request, answer: Answer(status, page, "text/html")


def not_published() -> Fault:
    """403: data of today asked for before the end of the day."""
    return lambda request, answer: answers.too_early()


def not_in_plan() -> Fault:
    """403: the endpoint is not in the plan."""
    return lambda request, answer: answers.not_in_plan()


# --- bytes that travel badly ---------------------------------------------------------------------


def truncated(share: float = 0.5) -> Fault:
    """The connection ends within the body: `Content-Length` promises more than comes."""
    return lambda request, answer: answer.delivered(share=share)


def dropped(*, after_headers: bool = False) -> Fault:
    """The connection ends before any byte, or right after the headers."""
    return lambda request, answer: answer.delivered(headers=after_headers, share=0.0)


def slow(seconds: float, chunks: int = 20) -> Fault:
    """The body comes in `chunks` small pieces over `seconds`."""

    def apply(request: Request, answer: Answer) -> Answer:
        size = max(1, len(answer.packed or answer.content) // chunks)
        return answer.delivered(chunk=size, pause=seconds / chunks)

    return apply


def late(seconds: float) -> Fault:
    """Nothing comes for `seconds`, then the answer."""
    return lambda request, answer: answer.delivered(wait=seconds)


def broken_gzip() -> Fault:
    """A body that says it is gzip and is cut in its midst, with a `Content-Length` that fits."""

    def apply(request: Request, answer: Answer) -> Answer:
        packed = answer.packed or gzip.compress(answer.content)
        cut = packed[: len(packed) // 2]
        return replace(
            answer, body=cut, packed=None, headers={**answer.headers, "Content-Encoding": "gzip"}
        )

    return apply


# --- bodies that say something wrong -------------------------------------------------------------


def rewritten(change: Callable[[Any], Any]) -> Fault:
    """The body's JSON as `change` returns it; answers that are no success stay as they are."""

    def apply(request: Request, answer: Answer) -> Answer:
        return answer if answer.status != 200 else answer.with_payload(change(answer.payload))

    return apply


def rows(change: Callable[[list[Row]], list[Row]]) -> Fault:
    """The rows of `results` as `change` returns them, the envelope's counts with them."""

    def apply(body: Row) -> Row:
        results = change(body.get("results", []))
        counts = {name: len(results) for name in ("queryCount", "resultsCount", "count")}
        return body | {"results": results} | {k: n for k, n in counts.items() if k in body}

    return rewritten(apply)


def duplicate_rows(number: int = 3) -> Fault:
    """The first rows come a second time at the end."""
    return rows(lambda results: results + results[:number])


def half_the_rows() -> Fault:
    """Every second row is missing."""
    return rows(lambda results: results[::2])


def no_rows() -> Fault:
    """A session of zero rows: `results` is absent, as on a holiday."""

    def apply(body: Row) -> Row:
        envelope = {name: value for name, value in body.items() if name not in ("results", "count")}
        return envelope | {"queryCount": 0, "resultsCount": 0}

    return rewritten(apply)


def wrong_date(day: date) -> Fault:
    """Every `t` is of another day."""
    return rows(lambda results: [row | {"t": close_ms(day)} for row in results])


def huge_prices(number: int = 3, price: float = 1e11) -> Fault:
    """The first rows have absurd prices (2020-04-06 to 14, issue 138)."""
    prices = dict.fromkeys(("o", "h", "l", "c", "vw"), price)
    return rows(lambda results: [row | prices for row in results[:number]] + results[number:])


def garbled_tickers(number: int = 3) -> Fault:
    """The first rows have tickers that are none (issue 138)."""

    def garbled(place: int, row: Row) -> Row:
        return row | {"T": ("", "\x00\ufffd", row["T"] + "\u00df\t")[place % 3]}

    return rows(
        lambda results: (
            [garbled(i, row) for i, row in enumerate(results[:number])] + results[number:]
        )
    )


def without(*keys: str, number: int = 3) -> Fault:
    """The first rows lack some keys, such as `vw` and `n` (issue 105) or `T`."""
    return rows(
        lambda results: (
            [
                {key: value for key, value in row.items() if key not in keys}
                for row in results[:number]
            ]
            + results[number:]
        )
    )


def error_in_body(message: str = "something went wrong") -> Fault:
    """Status 200 whose body says `status: ERROR`."""
    return lambda request, answer: replace(
        answers.refusal(500, "ERROR", "error", message), status=200
    )


def delayed() -> Fault:
    """`status: DELAYED`, as plans of delayed data answer."""
    return rewritten(lambda body: body | {"status": "DELAYED"})


# --- pages that lead astray ----------------------------------------------------------------------


def repeated_cursor() -> Fault:
    """`next_url` leads to this very page, for ever (issue 289)."""
    return _linked(lambda request: {})


def endless_pages() -> Fault:
    """Every page has a next one with the same rows, each with another cursor."""
    return _linked(lambda request: {"nth": str(request.at)})


def _linked(mark: Callable[[Request], dict[str, str]]) -> Fault:
    def apply(request: Request, answer: Answer) -> Answer:
        params = {
            name: text for name, text in unfold(dict(request.params)).items() if name != "nth"
        }
        url = (
            f"http://{request.headers.get('host', '')}{request.path}"
            f"?cursor={fold(params | mark(request))}"
        )
        return rewritten(lambda body: body | {"next_url": url})(request, answer)

    return apply


def foreign_host(base: str = "https://api.example.com") -> Fault:
    """`next_url` leads to another host."""

    def apply(body: Row) -> Row:
        if "next_url" not in body:
            return body
        url = urlsplit(body["next_url"])
        return body | {"next_url": f"{base}{url.path}?{url.query}"}

    return rewritten(apply)


# --- the script ----------------------------------------------------------------------------------


@dataclass
class Injected:
    """A fault, whom it meets and how often it has: `met` requests fitted, `applied` suffered."""

    fault: Fault
    where: Callable[[Request], bool]
    times: float
    skip: int
    met: int = 0
    applied: int = 0


@dataclass
class Faults:
    """The script of a server's faults."""

    script: list[Injected] = field(default_factory=list)

    def inject(
        self,
        fault: Fault,
        where: str | Callable[[Request], bool] = "",
        times: float = 1,
        skip: int = 0,
    ) -> Injected:
        """Let `fault` meet the next `times` requests (`math.inf`: all) after `skip` of them.

        `where` is a part of the path, or a function of the request.
        """
        if isinstance(where, str):
            part = where
            injected = Injected(fault, lambda request: part in request.path, times, skip)
        else:
            injected = Injected(fault, where, times, skip)
        self.script.append(injected)
        return injected

    def clear(self) -> None:
        self.script.clear()

    def apply(self, request: Request, answer: Answer) -> Answer:
        for injected in tuple(self.script):
            if not injected.where(request):
                continue
            injected.met += 1
            if injected.met > injected.skip and injected.applied < injected.times:
                injected.applied += 1
                answer = injected.fault(request, answer)
        return answer


FOREVER = math.inf
