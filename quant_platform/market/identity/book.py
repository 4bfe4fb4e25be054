"""`IdentityBook`: what every ticker means after a session, and the step to the next one.

What does not belong here: the rules of that step (`resolver.py`).
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa

from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.identity.resolver import Resolver
from quant_platform.market.identity.rows import (
    arrow_text,
    listing_of,
    securities_frame,
    symbols_frame,
)
from quant_platform.market.identity.state import BookState, Reference


@dataclass(frozen=True)
class Resolution:
    """What a session's bars mean, and what is new.

    Attributes
    ----------
    security_ids : one per bar, in their order
    securities : rows of the table `securities`: descriptions that hold from the session on
    symbols : rows of the table `security_symbols`: meanings that hold from the session on
    """

    security_ids: pa.Array
    securities: pd.DataFrame
    symbols: pd.DataFrame


class IdentityBook:
    """What every ticker means after a session, and the step to the next one."""

    def __init__(self) -> None:
        self._state = BookState()

    @classmethod
    def from_frames(
        cls, securities: pd.DataFrame, symbols: pd.DataFrame, recent: pd.DataFrame, dollars: float
    ) -> "IdentityBook":
        """Build the book as it was after a session.

        Parameters
        ----------
        securities, symbols : all rows up to the session
        recent : date, symbol, dollars and close_price of the bars of the last `RECENT_SESSIONS`
        dollars : trading in one session from which on a ticker is followed
        """
        book = cls()
        state = book._state
        ordered = securities.sort_values(["date", "security_id"])
        for row in ordered.to_dict("records"):
            state.describe(str(row["security_id"]), listing_of({str(k): v for k, v in row.items()}))
        ordered = symbols.sort_values(["date", "symbol"])
        for symbol, security in zip(ordered["symbol"], ordered["security_id"], strict=True):
            state.set_meaning(symbol, None if pd.isna(security) else str(security))
        for _, bars in recent.groupby("date", sort=True):
            places = state.tickers.places(arrow_text(bars["symbol"]))
            closes = bars["close_price"].to_numpy(np.float64) if "close_price" in bars else None
            state.note_trading(places, bars["dollars"].to_numpy(np.float64), dollars, closes)
        return book

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known yet."""
        return not self._state.description

    def resolve(
        self,
        session: date,
        symbols: pa.Array,
        traded: FloatArray,
        reference: Reference,
        *,
        anchor: bool,
        delisted_since: date | None,
        dollars: float,
        opens: FloatArray | None = None,
        closes: FloatArray | None = None,
    ) -> Resolution:
        """Work out what the tickers of the next session mean.

        Parameters
        ----------
        session : the session after the one the book stands at
        symbols : tickers of its bars
        traded : close × volume of each
        reference : asked where the book does not know
        anchor : whether the whole list is read
        delisted_since : first day of the delistings that are read with it
        dollars : trading in the session from which on a ticker is looked up
        opens, closes : prices of each bar; None: no night is judged

        Raises
        ------
        VendorError
            The reference could not be asked; the book is then of no more use.
        """
        today = Resolver(self._state, session, symbols, traded, reference, dollars, opens)
        if self.is_empty:
            today.read_list(None)
        elif anchor:
            today.read_list(delisted_since)
        today.look_up_new()
        today.follow_vanished()
        today.look_up_returned()
        self._state.note_trading(today.places, traded, dollars, closes)
        return Resolution(
            self._state.tickers.securities(today.places),
            securities_frame(session, today.described),
            symbols_frame(session, today.meanings),
        )
