"""From a vendor's answers to a session's facts: bars that know their security.

What belongs here: the way from `Vendor` to rows of `market_data`, `securities` and
`security_symbols`, one session after the other, in memory that does not grow with their number.
What does not: where rows are stored, and which sessions are asked for again.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa

from quant_platform.market.admission import admitted_bars, admitted_reference, normal_symbols
from quant_platform.market.calendar import Calendar
from quant_platform.market.identity import (
    IdentityBook,
    anchor_since,
    arrow_text,
    fixed_identities,
)
from quant_platform.vendors.abilities import MarketVendor
from quant_platform.vendors.answers import SessionBars
from quant_platform.vendors.base import Vendor

OPTIONAL = ("vwap", "trade_count", "vendor_adjusted_close")
"""Columns of `market_data` that a vendor need not have."""


@dataclass(frozen=True)
class Facts:
    """The facts of consecutive sessions.

    Attributes
    ----------
    sessions : the sessions
    bars, securities, symbols : rows of `market_data`, `securities` and `security_symbols`
    refused : table → rows of the vendor that are not stored, with a column `reason`
    etag : version of the vendor's file, empty where there is none
    """

    sessions: tuple[date, ...]
    bars: pd.DataFrame
    securities: pd.DataFrame
    symbols: pd.DataFrame
    refused: Mapping[str, pd.DataFrame]
    etag: str = ""


@dataclass(frozen=True)
class IdentityPolicy:
    """How much a vendor is asked about identities.

    Attributes
    ----------
    cadence : how often the whole list of tickers is read: monthly, weekly or daily
    dollars : trading in one session from which on an unknown ticker is looked up by itself
    """

    cadence: str
    dollars: float


def fixed_facts(
    vendor: Vendor, calendar: Calendar, sessions: Sequence[date], described: Container[str] = ()
) -> Iterator[Facts]:
    """Facts of a market in which a symbol is a security, one piece for consecutive sessions.

    A vendor is asked from the day after the session before, so that what it has of days without
    trading is seen and set aside.

    Parameters
    ----------
    calendar : calendar of the vendor's exchange
    described : securities that have a description of an earlier session
    """
    known = set[str]()
    for stretch in calendar.consecutive(sessions):
        first = min(max(calendar.day_after_previous(stretch[0]), vendor.first_session), stretch[0])
        bars, refused = admitted_bars(vendor.bars(first, stretch[-1]), first, stretch)
        reference, strange = admitted_reference(vendor.securities(), stretch[-1])
        new = reference[~reference["symbol"].isin(known)]
        securities, symbols = fixed_identities(new, stretch, described)
        known |= set(securities["security_id"])
        completed = complete(bars, arrow_text(bars["symbol"]))
        aside = {"market_data": refused, "securities": strange}
        yield Facts(tuple(stretch), completed, securities, symbols, aside)


def market_facts(
    vendor: MarketVendor,
    calendar: Calendar,
    sessions: Sequence[date],
    book: IdentityBook,
    policy: IdentityPolicy,
) -> Iterator[Facts]:
    """Facts of a market whose tickers are renamed and reused, session by session.

    Parameters
    ----------
    calendar : calendar of the vendor's exchange
    sessions : consecutive sessions of it
    book : identities as they were before the first of them; it moves on with the sessions
    policy : how much the vendor is asked about identities

    Raises
    ------
    VendorError
        At the first session that cannot be had; the facts of those before it were yielded.
    """
    for answer in vendor.stream(sessions):
        session = answer.session
        since = anchor_since(session, calendar.previous(session), policy.cadence)
        bars, strange = _at_the_door(answer)
        identities = book.resolve(
            session,
            arrow_text(bars["symbol"]),
            (bars["close_price"] * bars["volume"]).to_numpy(np.float64),
            vendor,
            anchor=since is not None,
            delisted_since=since,
            dollars=policy.dollars,
            opens=bars["open_price"].to_numpy(np.float64),
            closes=bars["close_price"].to_numpy(np.float64),
        )
        yield Facts(
            (session,),
            complete(bars, identities.security_ids),
            identities.securities,
            identities.symbols,
            {"market_data": strange},
            answer.etag,
        )


def _at_the_door(answer: SessionBars) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bars of a session, and what is none, of a vendor that need not keep to every rule."""
    bars, session = answer.bars, answer.session
    symbols = bars["symbol"]
    in_form = normal_symbols(symbols)
    of_session = (bars["date"] == pd.Timestamp(session)).all()
    if of_session and (in_form is symbols or in_form.equals(symbols)):
        return bars, answer.refused
    bars, strange = admitted_bars(bars, session, [session])
    return bars, pd.concat([part for part in (answer.refused, strange) if len(part)] or [strange])


def complete(bars: pd.DataFrame, security_ids: Sequence[str] | pa.Array) -> pd.DataFrame:
    """Add the securities, and the optional columns the vendor left out."""
    absent = {name: np.nan for name in OPTIONAL if name not in bars.columns}
    return bars.assign(security_id=pd.array(security_ids, dtype="str"), **absent)


def with_tickers(frame: pd.DataFrame, tickers: pd.DataFrame) -> pd.DataFrame:
    """Give computed rows the tickers that their securities had in the session.

    Parameters
    ----------
    frame : date, security_id, …
    tickers : date, symbol, security_id; rows of `frame` that are not among them are left out
    """
    names = tickers[["date", "security_id", "symbol"]]
    return frame.merge(names, on=["date", "security_id"], how="inner", validate="one_to_one")
