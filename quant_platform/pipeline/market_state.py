"""The vendor's word on the market, as the daily sensor goes by it.

The vendor is asked once a day; the sensor's cursor holds its answer (`market/announcements.py`).
Here is what happens with it: alerts, warnings and entries in the ledger.
"""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from quant_platform.alerts.queue import raise_alert
from quant_platform.errors import VendorError
from quant_platform.market.announcements import KEPT, Announced, closure_words, unknown_closures
from quant_platform.pipeline.platform import Platform
from quant_platform.storage.ingestions import PENDING, Ingestion, record
from quant_platform.vendors.abilities import MarketVendor


@dataclass(frozen=True)
class MarketState:
    """What is known of the market; nothing, of a vendor of a fixed list.

    Attributes
    ----------
    announced : what the vendor has said
    unknown : closures that the calendar takes for sessions, with names
    sentences : one about these, if there are any
    is_new : whether the vendor was asked just now
    """

    announced: Announced = field(default_factory=Announced)
    unknown: Mapping[date, str] = field(default_factory=dict)
    sentences: tuple[str, ...] = ()
    is_new: bool = False


def market_state(
    platform: Platform,
    cursor: str | None,
    clock: Callable[[], datetime],
    done: AbstractSet[date],
    missing: Sequence[date],
    warn: Callable[[str], None],
) -> MarketState:
    """Return the state, from the cursor or once a day from the vendor; alert where it must.

    Parameters
    ----------
    cursor : what `MarketState.announced` was written as at the last look
    done : sessions that are materialised, at least one
    missing : closed sessions that are not, ascending
    """
    vendor = platform.vendor.abilities.market
    if vendor is None:
        return MarketState()
    announced = Announced.read(cursor, platform.calendar)
    is_new = announced.is_due(clock())
    if is_new:
        announced = _asked(vendor, announced, clock, missing, warn)
    unknown = unknown_closures(platform.calendar, announced.closed, min(done), done)
    setting = {*platform.settings.closures, *unknown}
    for day, name in unknown.items():
        message = closure_words({day: name}, setting)
        raise_alert(platform.database, day.isoformat(), "unknown_closure", day.isoformat(), message)
    sentences = (closure_words(unknown, setting),) if unknown else ()
    return MarketState(announced, unknown, sentences, is_new)


def note_pending(
    platform: Platform, announced: Announced, session: date, reason: str, now: datetime
) -> str:
    """Record that a session waits for the vendor, raise an alert once it is late; return why."""
    trading = announced.is_trading(session, now)
    if trading:
        reason = f"{session} is not over: the vendor says that the market is still trading"
    day, name = session.isoformat(), platform.vendor.name
    record(platform.database, Ingestion(day, name, "", PENDING, reason=reason))
    late_from = announced.close_of(session) + timedelta(hours=platform.settings.late_hours)
    if now > late_from and not trading:
        raise_alert(platform.database, day, "session_late", day, reason)
    return reason


def _asked(
    vendor: MarketVendor,
    remembered: Announced,
    clock: Callable[[], datetime],
    missing: Sequence[date],
    warn: Callable[[str], None],
) -> Announced:
    before = clock()
    try:
        status = vendor.market_status()
    except VendorError as error:
        warn(f"The vendor's market status cannot be had, and is asked for again tomorrow. {error}")
        return remembered.unanswered(before)
    # What is missing may have been announced long ago.
    oldest = min([before.date() - KEPT, *missing[:1]])
    answered = remembered.answered(status, before, clock(), oldest)
    if answered.clock_warning:
        warn(answered.clock_warning)
    return answered
