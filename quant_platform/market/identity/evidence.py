"""When two descriptions can be of one security, and when a ticker is looked up again.

What does not belong here: the state, and what follows from the evidence (`resolver.py`).
"""

from datetime import date, timedelta

from quant_platform.vendors.answers import Listing

RECENT_SESSIONS = 21
"""Sessions of bars that a book looks back on."""

RETURN_SESSIONS = 5
"""Sessions without a bar after which a ticker that trades again is looked up anew."""

UNEXPLAINED_NIGHT = 0.2
"""Move from the close before to the open, beyond the market's median, that a usual night has not:
the logarithm of the ratio."""

COMPLETE_REFERENCE = 0.8
"""A list shorter than this share of the tickers in use is incomplete: it retires no ticker."""


def anchor_since(session: date, before: date | None, cadence: str) -> date | None:
    """First day of the span that an anchor covers; None where `session` is no anchor.

    Parameters
    ----------
    session : a session
    before : the exchange's session before it
    cadence : monthly, weekly or daily: the first session of each is an anchor
    """
    if before is None or cadence == "daily":
        return before or session
    if cadence == "weekly":
        same = session.isocalendar()[:2] == before.isocalendar()[:2]
        return None if same else before - timedelta(days=before.weekday())
    same = (session.year, session.month) == (before.year, before.month)
    return None if same else before.replace(day=1)


def agree(stored: Listing, listing: Listing) -> bool:
    """Whether a listing can be of the stored security: no field of it contradicts that."""
    if stored.share_class_figi and stored.share_class_figi == listing.share_class_figi:
        return True
    same_issuer = bool(stored.cik) and stored.cik == listing.cik
    named_alike = same_name(stored, listing)
    if stored.figi and listing.figi and stored.figi != listing.figi:
        # A FIGI is sometimes corrected; issuer and name then stay the same.
        return same_issuer and named_alike
    if stored.cik and listing.cik:
        return same_issuer
    return named_alike or not stored.company_name or not listing.company_name


def same_name(stored: Listing, listing: Listing) -> bool:
    """Whether both have a name, and the same one."""
    one, other = stored.company_name, listing.company_name
    return bool(one and other) and (one or "").casefold() == (other or "").casefold()
