"""What the platform holds, for a notebook: tables, SQL, adjusted prices and backtests as frames.

>>> store = Store.open()
>>> bars = store.read("market_data", "2008-07-01", "2008-07-31", known_at="2024-03-01T22:00Z")

Reads only; `known_at` everywhere means: as it was known at that moment (`storage/known_at.py`).
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, get_args

from quant_platform.errors import QuantPlatformError, SessionError, UnknownNameError
from quant_platform.market.adjustment import Kind, adjust
from quant_platform.market.calendar import XNYS, parse_date, platform_calendar
from quant_platform.research.backtest import BacktestResult, backtest
from quant_platform.settings import Settings
from quant_platform.storage import bulk
from quant_platform.storage.database import Database, platform_database
from quant_platform.storage.known_at import Moment
from quant_platform.storage.schema import Table, read_table
from quant_platform.strategies.base import Strategy
from quant_platform.trading.costs import Costs

if TYPE_CHECKING:
    import pandas as pd

_NAMES = """
SELECT relname::text AS name FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')
  AND relname !~ '_history$|^_yoyo|^yoyo' ORDER BY 1
"""


class Store:
    """The tables of one database.

    Parameters
    ----------
    database : where they are
    settings : closures, and costs, capital and risk-free rate of backtests; default: the platform's
        defaults
    """

    def __init__(self, database: Database, settings: Settings | None = None) -> None:
        self._database = database
        self._assumed = settings or Settings()
        self._calendar = platform_calendar(settings) if settings else XNYS

    def __repr__(self) -> str:
        return f"Store({self._database!r})"

    @classmethod
    def open(cls, settings: Settings | None = None) -> "Store":
        """Open the store of `settings`; by default those of the environment and `.env`.

        Raises
        ------
        SettingsError
            A setting has no valid value.
        DatabaseError
            The database cannot be reached.
        """
        chosen = settings or Settings.load()
        return cls(platform_database(chosen), chosen)

    def read(
        self,
        table: str,
        start: str | date,
        end: str | date,
        *,
        known_at: Moment | None = None,
        columns: Sequence[str] | None = None,
        symbols: str | Sequence[str] | None = None,
    ) -> "pd.DataFrame":
        """Read the rows of a table or view whose `date` lies from `start` to `end`, both included.

        Parameters
        ----------
        known_at : moment with its zone, such as "2024-03-01T22:00Z"; a date alone is 00:00 UTC
        columns : default: all but the clock
        symbols : tickers, as they were in the session of the row; default: all

        Returns
        -------
        pd.DataFrame
            Ordered by the table's key; dates as datetime64, JSON as text.

        Raises
        ------
        UnknownNameError
            No such table or column.
        SessionError
            A date or the moment cannot be read, or the dates are reversed.

        Examples
        --------
        >>> store = Store.open()
        >>> bars = store.read("market_data", "2008-07-01", "2008-07-31", symbols="MSFT")
        """
        chosen = {} if symbols is None else {"symbol": _several(symbols)}
        return self._rows(table, _range(start, end), chosen, known_at, columns)

    def sql(self, statement: str, *, known_at: Moment | None = None) -> "pd.DataFrame":
        """Run one statement that reads and return its rows.

        Raises
        ------
        DatabaseError
            The server refuses the statement, in its own words.
        SessionError
            `known_at` is no moment.
        """
        text = statement.strip().rstrip(";").strip()
        if not text:
            raise QuantPlatformError("The statement is empty", "Write one that reads, in quotes")
        return bulk.query(self._database, text, known_at=known_at)

    def adjusted(
        self,
        start: str | date,
        end: str | date,
        *,
        as_of: str | date | None = None,
        kind: Kind = "split",
        symbols: str | Sequence[str] | None = None,
        known_at: Moment | None = None,
    ) -> "pd.DataFrame":
        """Read bars from `start` to `end`, adjusted as of a session.

        Parameters
        ----------
        as_of : session in whose units prices and volumes are, and after which no split or dividend
            is known; default: `end`. Bars after it are left out.
        kind : "split", or "total_return" with the dividends reinvested
        symbols : the securities that carried one of these tickers from `start` to `end`, each with
            its whole series, whatever its ticker was; default: all
        known_at : moment whose bars, splits and dividends are used; default: now

        Returns
        -------
        pd.DataFrame
            Columns of `market_data`, ordered by its key.

        Raises
        ------
        SessionError
            A date or the moment cannot be read, or the dates are reversed.
        UnknownNameError
            No such kind.

        Examples
        --------
        >>> store = Store.open()
        >>> bars = store.adjusted("2005-01-03", "2005-03-31", symbols="AAPL")
        """
        if kind not in get_args(Kind):
            raise UnknownNameError(
                f"There is no adjustment {kind!r}", f"Choose from: {', '.join(get_args(Kind))}"
            )
        first, last = _range(start, end)
        _, known = _range(start, last if as_of is None else as_of)
        chosen = {}
        if symbols is not None:
            named = {"symbol": _several(symbols)}
            rows = self._rows("market_data", (first, last), named, known_at, ["security_id"])
            chosen = {"security_id": rows["security_id"].unique().tolist()}
        # A dividend after the last bar wanted is reinvested at a later one.
        needed = (first, known if kind == "total_return" else min(last, known))
        bars = self._rows("market_data", needed, chosen, known_at)
        actions = self._rows("corporate_actions", (first, known), chosen, known_at)
        adjusted = adjust(bars, actions, known, kind)
        return adjusted[adjusted["date"] <= last]

    def backtest(
        self,
        strategy: str | Strategy,
        start: str | date,
        end: str | date,
        *,
        known_at: Moment | None = None,
        costs: Costs | None = None,
        capital: float | None = None,
        risk_free: float | None = None,
    ) -> BacktestResult:
        """Run a strategy over stored sessions, in memory, on what was known at a moment.

        Parameters
        ----------
        strategy : one by its name, or any `Strategy`, with parameters of its own
        start, end : first and last session, as far as there are bars
        known_at : moment whose bars, splits, dividends, universe and yields are used; default: now
        costs, capital, risk_free : default: the settings

        Raises
        ------
        UnknownNameError, SessionError, ContractError
            As `quant_platform.research.backtest.backtest`, which says how it is computed.

        Examples
        --------
        On the sample market, after `quant-platform demo`:

        >>> from datetime import UTC, datetime
        >>> store, year = Store.open(), ("2008-01-02", "2008-12-31")
        >>> result = store.backtest("mean_reversion", *year)
        >>> float(result.portfolios["equity"].iloc[-1].round(2))
        982976.05

        What is corrected from here on does not change what is found for this moment:

        >>> moment = datetime.now(UTC)
        >>> then = store.backtest("mean_reversion", *year, known_at=moment)
        """
        assumed = self._assumed
        return backtest(
            self._database,
            strategy,
            start,
            end,
            calendar=self._calendar,
            known_at=known_at,
            costs=costs or Costs(assumed.commission_bp, assumed.slippage_bp),
            capital=assumed.capital if capital is None else capital,
            risk_free=assumed.risk_free if risk_free is None else risk_free,
        )

    def _rows(
        self,
        table: str,
        dates: tuple[str, str],
        among: Mapping[str, Sequence[str]],
        known_at: Moment | None,
        columns: Sequence[str] | None = None,
    ) -> "pd.DataFrame":
        definition = self._table(table)
        for name in ("date", *among):
            definition.column(name)
        return bulk.read(
            self._database, definition, *dates, columns=columns, among=among, known_at=known_at
        )

    def _table(self, name: str) -> Table:
        try:
            return read_table(self._database, name)
        except UnknownNameError as error:
            names = bulk.query(self._database, _NAMES)["name"].tolist()
            if not names:
                raise
            raise UnknownNameError(error.message, f"It has: {', '.join(names)}") from None


def _range(start: str | date, end: str | date) -> tuple[str, str]:
    first, last = _day(start), _day(end)
    if first > last:
        raise SessionError(f"The range {first} to {last} is reversed", "Put the earlier date first")
    return first.isoformat(), last.isoformat()


def _several(names: str | Sequence[str]) -> Sequence[str]:
    return [names] if isinstance(names, str) else names


def _day(value: str | date) -> date:
    if isinstance(value, str):
        return parse_date(value)
    return value.date() if isinstance(value, datetime) else value
