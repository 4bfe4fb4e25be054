"""`Call`: all that an endpoint needs to answer; and `Route`, how a path finds its endpoint."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import quote

from quant_platform_tests.support.polygon_server.answers import (
    Answer,
    Refused,
    Request,
    bad_request,
)
from quant_platform_tests.support.polygon_server.plans import NEW_YORK, Plan
from quant_platform_tests.support.polygon_server.served_market import ServedMarket


@dataclass(frozen=True)
class Call:
    """A request, the market it asks about, and the plan of its key.

    Attributes
    ----------
    withheld : sessions that the vendor has not published although it should have
    base : scheme and host of `next_url`
    """

    request: Request
    market: ServedMarket
    plan: Plan
    withheld: frozenset[date]
    base: str

    @property
    def params(self) -> dict[str, str]:
        return dict(self.request.params)

    @property
    def now(self) -> datetime:
        return self.request.now.astimezone(NEW_YORK)

    @property
    def today(self) -> date:
        """Calendar day in New York."""
        return self.now.date()

    def published(self, session: date) -> bool:
        return session not in self.withheld and self.plan.published_at(session) <= self.now

    def next_url(self, path: str, cursor: str) -> str:
        return f"{self.base}{quote(path)}?cursor={cursor}"

    def flag(self, name: str, default: bool) -> bool:
        text = self.request.params.get(name, str(default)).lower()
        if text not in ("true", "false"):
            raise Refused(bad_request(f"'{name}' must be true or false"))
        return text == "true"


Endpoint = Callable[..., Answer]
"""Of a `Call` and the named groups of its path."""


@dataclass(frozen=True)
class Route:
    """An endpoint and its path; `{name}` stands for one part of the path."""

    path: str
    endpoint: Endpoint
    entitlement: str = ""  # the attribute of the plan that must hold; empty: on every plan

    @property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path))
