"""What a key may do, tested with a few requests, for `quant-platform doctor`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from quant_platform.errors import (
    BadRequestError,
    NotFoundError,
    NotPublishedError,
    PlanError,
    QuantPlatformError,
    VendorError,
)
from quant_platform.vendors.answers import Diagnosis, Finding
from quant_platform.vendors.polygon.transport import Client, Params

DEPTHS = (2, 5, 10)
"""Years of history that plans have, besides all of it."""

SLACK = timedelta(days=7)
"""Days inside a plan's history at which it is tried."""

DAYS_PER_YEAR = 365.25

PLANS = "https://massive.com/pricing"

GROUPED = "/v2/aggs/grouped/locale/us/market/stocks/{session}"
GROUPED_PARAMETERS: Params = {"adjusted": "false", "include_otc": "false"}


@dataclass(frozen=True)
class Probe:
    """What the key may do.

    Attributes
    ----------
    grouped_daily : the bars of the whole market in one request
    history_from : earliest day for which they were granted among those tried (the depths of the
        known plans); None if none was
    reference : tickers as of a session
    news, economy : those
    flat_files : whether keys for them are configured; they are not tried here
    reasons : name of what is refused → the vendor's reason
    """

    grouped_daily: bool
    history_from: date | None
    reference: bool
    news: bool
    economy: bool
    flat_files: bool
    reasons: dict[str, str] = field(default_factory=dict)

    def diagnosis(self) -> Diagnosis:
        """Describe the permissions; a key without the bars of the whole market is a failure."""
        granted = {True: "yes", False: "no"}
        reach = f"yes, from {self.history_from}" if self.history_from else "no"
        failure = QuantPlatformError(
            "The key may not read the bars of the whole market", f"The plans are listed at {PLANS}"
        )
        permissions = [
            ("bars of the whole market", granted[self.grouped_daily], "grouped_daily"),
            ("history", reach, "history"),
            ("reference as of a session", granted[self.reference], "reference"),
            ("news", granted[self.news], "news"),
            ("economic series", granted[self.economy], "economy"),
            ("flat files", "keys are configured" if self.flat_files else "no keys", ""),
        ]
        return Diagnosis(
            tuple(
                Finding(what, verdict, self.reasons.get(name, ""))
                for what, verdict, name in permissions
            ),
            None if self.grouped_daily else failure,
        )


def probe_key(client: Client, *, now: date, first_session: date, flat_files: bool) -> Probe:
    """Ask for one thing of each kind: five or six requests.

    Raises
    ------
    VendorError
        The key is refused, or the vendor cannot be reached.
    """
    reasons: dict[str, str] = {}

    def granted(name: str, path: str, parameters: Params) -> bool:
        refusal = _refusal(client, path, parameters)
        if refusal is not None:
            reasons[name] = refusal.message
        return refusal is None

    def reaches(day: date) -> bool:
        return granted("grouped_daily", GROUPED.format(session=day), GROUPED_PARAMETERS)

    lately = now - SLACK
    history_from = _earliest([first_session, *_depths(now)], reaches)
    if history_from is None and reaches(lately):
        history_from = lately
    if history_from is not None:
        reasons.pop("grouped_daily", None)
    tickers: Params = {"date": lately.isoformat(), "limit": 1}
    return Probe(
        grouped_daily=history_from is not None,
        history_from=history_from,
        reference=granted("reference", "/v3/reference/tickers", tickers),
        news=granted("news", "/v2/reference/news", {"limit": 1}),
        economy=granted("economy", "/fed/v1/treasury-yields", {"limit": 1}),
        flat_files=flat_files,
        reasons=reasons,
    )


def _depths(now: date) -> list[date]:
    """Days just inside the history of the known plans, oldest first."""
    return [
        now - timedelta(days=round(DAYS_PER_YEAR * years)) + SLACK
        for years in sorted(DEPTHS, reverse=True)
    ]


def _earliest(days: Sequence[date], reaches: Callable[[date], bool]) -> date | None:
    """First of `days` (ascending) that `reaches` grants, found by bisection."""
    low, high = 0, len(days)
    while low < high:
        middle = (low + high) // 2
        if reaches(days[middle]):
            high = middle
        else:
            low = middle + 1
    return days[low] if low < len(days) else None


def _refusal(client: Client, path: str, parameters: Params) -> VendorError | None:
    """Return the vendor's refusal; None if it answers, even with nothing."""
    try:
        client.get(path, parameters)
    except (NotFoundError, NotPublishedError):
        return None
    except (PlanError, BadRequestError) as error:
        return error
    return None
