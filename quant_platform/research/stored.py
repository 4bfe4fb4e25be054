"""`StoredTables`: what a store reads as it is stored: bars, prices, the universe, tables and SQL.

What belongs here: what a user calls, with arguments as a person writes them; nothing writes. What
does not: what is computed (`store.py`), and how rows are read (`reader.py`). The examples show the
sample market, after `quant-platform demo`.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Self

import pandas as pd

from quant_platform.errors import QuantPlatformError, SessionError
from quant_platform.market.calendar import platform_calendar
from quant_platform.research.arguments import Day, Names, iso_range, open_range, several
from quant_platform.research.prices import (
    Adjustment,
    Field,
    adjusted_bars,
    kind_of,
    price_column,
    securities_of,
    wide,
)
from quant_platform.research.reader import TableReader
from quant_platform.research.risk import RiskReport, risk_report
from quant_platform.settings import Settings
from quant_platform.storage.cache import ColumnCache
from quant_platform.storage.database import Database
from quant_platform.storage.holdout import refusal, sealed_from
from quant_platform.storage.known_at import Moment, parse_moment

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoredTables:
    """The tables of one database, as they are known now or were known at a moment.

    All methods read, none writes. Dates go from `start` to `end`, both included. Errors are of
    `QuantPlatformError`, one line each.

    Attributes
    ----------
    database : where the tables are
    settings : closures of the exchange, and costs, capital and risk-free rate of backtests;
        default: the platform's defaults
    moment : when the rows were known; None: now
    """

    database: Database
    settings: Settings = field(default_factory=Settings, repr=False)
    moment: Moment | None = None

    def at(self, moment: Moment) -> Self:
        """Return the store as it was known at a moment: nothing that came later is in it.

        Parameters
        ----------
        moment : with its time zone, such as "2024-03-01T22:00Z"; a date alone is 00:00 UTC; a
            moment to come is the present

        Raises
        ------
        SessionError
            It is no moment, or a time without a zone.

        Examples
        --------
        >>> import quant_platform as qp
        >>> qp.open().at("2000-01-01").bars("2008-07-01", "2008-07-31").empty
        True
        """
        parse_moment(moment)
        return replace(self, moment=moment)

    def prices(
        self,
        start: Day,
        end: Day,
        *,
        symbols: Names | None = None,
        field: Field = "close",
        adjust: Adjustment | None = "total_return",
        as_of: Day | None = None,
    ) -> pd.DataFrame:
        """Read one field of all bars as a sessions × securities frame.

        Parameters
        ----------
        symbols : the securities that carried one of these tickers from `start` to `end`, each with
            its whole series, whatever its ticker was; default: all
        field : "open", "high", "low", "close", "vwap" (currency per share) or "volume" (shares)
        adjust : "total_return" with dividends reinvested, "splits", or "none" for raw
        as_of : session in whose units adjusted values are; see `bars`

        Returns
        -------
        pd.DataFrame
            Index `date`: the sessions from the first bar to the last one. Columns `symbol`, sorted:
            the ticker that the security had in its last bar of the frame, or its `security_id`
            where two securities had the same. Values float64, NaN where a security has no bar.

        Raises
        ------
        SessionError
            A date cannot be read, or the dates are reversed; `as_of` for raw values.
        UnknownNameError
            There is no such field or adjustment.

        Examples
        --------
        >>> import quant_platform as qp
        >>> prices = qp.open().prices("2005-02-25", "2005-02-28", symbols="AAPL", adjust="split")
        >>> prices["AAPL"].tolist()
        [44.495, 44.86]
        """
        column = price_column(field)
        rows = self.bars(
            start,
            end,
            adjust=adjust,
            as_of=as_of,
            symbols=symbols,
            columns=["date", "symbol", "security_id", column],
        )
        return wide(rows, column, platform_calendar(self.settings))

    def bars(
        self,
        start: Day,
        end: Day,
        *,
        adjust: Adjustment | None = None,
        as_of: Day | None = None,
        symbols: Names | None = None,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Read bars, raw as they are stored, or adjusted as of a session.

        Parameters
        ----------
        adjust : "none" for raw, "splits", or "total_return" with the dividends reinvested
        as_of : session in whose units adjusted prices and volumes are, and after which no split or
            dividend is known; default: `end`. Bars after it are left out.
        symbols : the securities that carried one of these tickers from `start` to `end`, each with
            its whole series, whatever its ticker was; default: all
        columns : default: all but the clock

        Returns
        -------
        pd.DataFrame
            Columns of `market_data`, ordered by its key: one row per session and ticker. Prices in
            currency per share, volume in shares.

        Raises
        ------
        SessionError
            A date cannot be read, or the dates are reversed; `as_of` for raw bars.
        UnknownNameError
            There is no such adjustment or column.

        Examples
        --------
        Apple split 2:1 on 2005-02-28:

        >>> import quant_platform as qp
        >>> days = ("2005-02-25", "2005-02-28")
        >>> qp.open().bars(*days, symbols="AAPL")["close_price"].tolist()
        [88.99, 44.86]
        >>> qp.open().bars(*days, adjust="split", symbols="AAPL")["close_price"].tolist()
        [44.495, 44.86]
        """
        first, last = iso_range(start, end)
        among = securities_of(self._reader, symbols, first, last)
        kind = kind_of(adjust)
        if kind is None:
            if as_of is not None:
                raise SessionError(
                    "Raw bars are as of no session", 'Leave as_of out, or add adjust="splits"'
                )
            return self._reader.rows("market_data", (first, last), columns, among=among)
        _, until = iso_range(start, last if as_of is None else as_of)
        return adjusted_bars(
            self._reader, first, last, as_of=until, kind=kind, among=among, columns=columns
        )

    def universe(self, start: Day, end: Day | None = None) -> pd.DataFrame:
        """Read the members of the trading universe, of one session or of several.

        Parameters
        ----------
        end : default: `start`, for the members of that session alone

        Returns
        -------
        pd.DataFrame
            Columns of `trading_universe`: one row per session and member, ordered by date and
            symbol, with the median dollar volume of 20 sessions in currency and the rank by it.

        Raises
        ------
        SessionError
            A date cannot be read, or the dates are reversed.

        Examples
        --------
        >>> import quant_platform as qp
        >>> qp.open().universe("2008-07-01")["symbol"].tolist()
        ['AAPL', 'GOOG', 'IBM', 'MSFT']
        """
        return self._reader.rows(
            "trading_universe", iso_range(start, start if end is None else end)
        )

    def table(
        self,
        name: str,
        start: Day | None = None,
        end: Day | None = None,
        *,
        columns: Sequence[str] | None = None,
        symbols: Names | None = None,
    ) -> pd.DataFrame:
        """Read rows of any table or view.

        Parameters
        ----------
        start, end : range of the column `date`; None leaves that side open. A table without that
            column is read whole.
        columns : default: all but the clock
        symbols : tickers, as they were in the session of the row; default: all

        Returns
        -------
        pd.DataFrame
            Ordered by the table's key; dates as datetime64, JSON as text.

        Raises
        ------
        UnknownNameError
            There is no such table or column.
        SessionError
            A date cannot be read, or the dates are reversed.

        Examples
        --------
        >>> import quant_platform as qp
        >>> store = qp.open()
        >>> store.table("models", columns=["model_name"])["model_name"].tolist()
        ['buy_and_hold', 'enhanced_momentum', 'equal_weight', 'mean_reversion']
        >>> len(store.table("market_data", "2008-07-01", "2008-07-31", symbols="MSFT"))
        22
        """
        among = None if symbols is None else {"symbol": several(symbols)}
        return self._reader.rows(name, open_range(start, end), columns, among=among)

    def risk(self, start: Day, end: Day, *, models: Names | None = None) -> RiskReport:
        """Read what risk was forecast for the sessions of a range, and how that turned out.

        Parameters
        ----------
        start, end : sessions that the forecasts are of; each was made after the session before
        models : default: all

        Returns
        -------
        RiskReport
            `forecasts` by session and model, `backtest` by model: bias statistic and QLIKE of the
            volatility, Kupiec and Christoffersen of the value at risk, Acerbi and Székely of the
            expected shortfall, NaN below 63 sessions. `figure(model)` shows it.

        Raises
        ------
        SessionError
            A date cannot be read, the dates are reversed, or there are no forecasts of the range.
        UnknownNameError
            There is no such model.
        SealedError
            The range ends in the sealed hold-out.
        """
        first, last = iso_range(start, end)
        named = None if models is None else list(several(models))
        return risk_report(self._reader, first, last, named)

    def sql(self, statement: str) -> pd.DataFrame:
        """Run one statement that reads and return its rows.

        It runs as a login that may only read, where the server is the platform's own. Statements
        and functions that may do more than read are refused.

        Raises
        ------
        DatabaseError
            The statement is refused, or took longer than the settings' `sql_seconds`.
        QuantPlatformError
            The statement is empty.

        Examples
        --------
        >>> import quant_platform as qp
        >>> qp.open().sql("SELECT count(*) AS n FROM market_data")["n"].tolist()
        [12154]
        """
        if not (text := statement.strip().rstrip(";").strip()):
            raise QuantPlatformError("The statement is empty", "Write one that reads, in quotes")
        if self._sealed is not None:
            logger.warning("%s; rows of these sessions are left out", refusal(self._sealed))
        return self._reader.query(text, limit=self.settings.sql_seconds)

    @property
    def _reader(self) -> TableReader:
        home, limit = self.settings.home, int(self.settings.cache_gigabytes * 2**30)
        # Settings that nobody loaded name no place of their own.
        cache = ColumnCache(home / "cache", limit) if home.is_absolute() else None
        return TableReader(self.database, self.moment, cache, find_sealed=lambda: self._sealed)

    @cached_property
    def _sealed(self) -> date | None:
        """First session of the hold-out, as it stood in the database at first use."""
        return sealed_from(self.database)
