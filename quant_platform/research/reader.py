"""`TableReader`: the tables of one database, all as they were known at one moment.

What belongs here: reading rows, and refusing to compute where they lack a session. What does not
belong here: what is made of the rows (`store.py`, `backtest.py`), and how the past is read
(`storage/known_at.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, cast

from quant_platform.errors import SessionError, UnknownNameError
from quant_platform.market.grid import securities_in
from quant_platform.storage import bulk
from quant_platform.storage.bulk import Members
from quant_platform.storage.cache import ColumnCache
from quant_platform.storage.columnar import Columns, between, read_columns
from quant_platform.storage.database import Database
from quant_platform.storage.frames import decoded
from quant_platform.storage.holdout import refusal
from quant_platform.storage.known_at import Moment
from quant_platform.storage.schema import Table, read_table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Dates = tuple[str | None, str | None]
"""First and last day of a range, ISO dates, both included; None leaves that side open."""

ALWAYS: Dates = (None, None)

_NAMES = """
SELECT relname::text AS name FROM pg_class
WHERE relnamespace = quote_ident(current_schema())::regnamespace AND relkind IN ('r', 'p', 'v')
  AND relname !~ '_history$|^_yoyo|^yoyo' ORDER BY 1
"""

_FIRST_AND_LAST_BAR = """
SELECT min(date)::text AS first, max(date)::text AS last FROM market_data
"""

_HOLES = """
SELECT wanted.date::text AS date FROM unnest($1::text::date[]) AS wanted (date)
WHERE NOT EXISTS (SELECT 1 FROM {0} AS t WHERE t.date = wanted.date)
  AND wanted.date > coalesce((SELECT min(date) FROM {0}), '0001-01-01') ORDER BY 1
"""


@dataclass(frozen=True)
class TableReader:
    """Reads tables as they were known at one moment.

    Attributes
    ----------
    database : where the tables are
    moment : when the rows were known; None: now
    cache : where columns that were read are kept; those of a moment never are
    securities : who was in the universe in some sessions; a reader finds that out once
    find_sealed : returns the first session of the hold-out when it is asked for; default: there is
        none
    """

    database: Database
    moment: Moment | None = None
    cache: ColumnCache | None = None
    securities: dict[Members, list[str]] = field(default_factory=dict, compare=False, repr=False)
    find_sealed: Callable[[], date | None] = field(default=lambda: None, compare=False)

    @property
    def sealed(self) -> date | None:
        """First session that nobody may see here; None: all may be seen."""
        return self.find_sealed()

    def query(
        self, statement: str, parameters: Sequence[str] = (), *, limit: float | None = None
    ) -> "pd.DataFrame":
        """Run one statement that reads and return its rows.

        Parameters
        ----------
        limit : seconds it may take, if it is a user's; one that does not only read is refused

        Raises
        ------
        DatabaseError
            The statement is refused, or it took too long.
        """
        return bulk.query(
            self.database,
            statement,
            parameters,
            known_at=self.moment,
            limit=limit,
            sealed=self.sealed,
        )

    def refuse_sealed(self, last: str | None) -> None:
        """Refuse a range that ends in the hold-out.

        Raises
        ------
        SealedError
            It does.
        """
        if last is not None and self.sealed is not None and last >= self.sealed.isoformat():
            raise refusal(self.sealed)

    def rows(
        self,
        table: str,
        dates: Dates,
        columns: Sequence[str] | None = None,
        *,
        members: Members | None = None,
        among: Mapping[str, Sequence[str]] | None = None,
    ) -> "pd.DataFrame":
        """Read rows of a table or view, ordered by its key.

        Parameters
        ----------
        dates : range of the column `date`; a table without that column is read with `ALWAYS`
        columns : default: all but the clock
        members : only securities that were in the universe in some of these sessions
        among : column of text → its allowed values

        Raises
        ------
        UnknownNameError
            There is no such table or column.
        SealedError
            The range ends in the hold-out.
        """
        definition = self._definition(table)
        self.refuse_sealed(dates[1])
        for name in (*(() if dates == ALWAYS else ("date",)), *(among or {})):
            definition.column(name)
        if among is None and self._is_kept(definition, dates):
            names = (
                columns if columns is not None else [each.name for each in definition.shown_columns]
            )
            return decoded(self._columns(definition, dates, names, members))
        return bulk.read(
            self.database,
            definition,
            *dates,
            columns=columns,
            members=members,
            among=among,
            known_at=self.moment,
            sealed=self.sealed,
        )

    def columns(
        self, table: str, dates: Dates, names: Sequence[str], *, members: Members | None = None
    ) -> "pd.DataFrame | pa.Table":
        """Read columns of a table for arrays: from the cache, where they are current there.

        Returns
        -------
        A table of Arrow with dictionary-encoded text, or, as known at a moment, a frame.

        Raises
        ------
        UnknownNameError
            There is no such table or column.
        SealedError
            The range ends in the hold-out.
        """
        definition = self._definition(table)
        self.refuse_sealed(dates[1])
        if self._is_kept(definition, dates):
            return self._columns(definition, dates, names, members)
        return self.rows(table, dates, names, members=members)

    def has_columns(self, table: str, names: Sequence[str]) -> bool:
        """Whether there is such a table with all of these columns."""
        try:
            definition = read_table(self.database, table)
        except UnknownNameError:
            return False
        return set(names) <= {each.name for each in definition.columns}

    @staticmethod
    def decoded(columns: "pa.Table") -> "pd.DataFrame":
        """Turn what `columns` read into a frame as `rows` reads it."""
        return decoded(columns)

    def _is_kept(self, definition: Table, dates: Dates) -> bool:
        """Whether rows can be read by years, each ordered by date."""
        return self.moment is None and None not in dates and definition.key[:1] == ("date",)

    def _columns(
        self, definition: Table, dates: Dates, names: Sequence[str], members: Members | None
    ) -> "pa.Table":
        for name in names:
            definition.column(name)
        # The securities themselves, and not how they are found: a year that was read stays current
        # while the universe's later sessions bring no other security.
        among = {} if members is None else {"security_id": self._members(members)}
        first, last = (date.fromisoformat(str(each)) for each in dates)
        return read_columns(
            self.database, Columns(definition, names, first, last, among), self.cache
        )

    def _members(self, members: Members) -> list[str]:
        if members not in self.securities:
            span = (members.first, members.last)
            universe = self.columns("trading_universe", span, ["security_id"])
            self.securities[members] = sorted(securities_in(universe).tolist())
        return self.securities[members]

    def universe(
        self, ever: Members, first: str, names: Sequence[str]
    ) -> "pd.DataFrame | pa.Table":
        """Read columns of the universe from `first` on, and who is meant by `ever`, at once.

        Parameters
        ----------
        ever : ends with the last session that is read
        names : columns, `date` and `security_id` among them
        """
        if self.moment is not None:  # then the server finds out who is meant
            return self.columns("trading_universe", (first, ever.last), names)
        rows = cast("pa.Table", self.columns("trading_universe", (ever.first, ever.last), names))
        self.securities[ever] = sorted(securities_in(rows).tolist())
        return between(rows, date.fromisoformat(first), date.fromisoformat(ever.last))

    def first_and_last_bar(self) -> tuple[date, date]:
        """Return the first and the last session with a bar.

        Raises
        ------
        SessionError
            There are no bars.
        """
        ends = self.query(_FIRST_AND_LAST_BAR).iloc[0]
        if ends.isna().any():
            raise SessionError(
                f"There are no bars{self._when()}", self._remedy(", or quant-platform demo")
            )
        return date.fromisoformat(str(ends["first"])), date.fromisoformat(str(ends["last"]))

    def refuse_gaps(self, table: str, sessions: Sequence[str]) -> None:
        """Refuse to compute over a hole: history may begin late, but not skip a session.

        Raises
        ------
        SessionError
            The table has no row of a session, and has rows before it.
        """
        holes = self.query(_HOLES.format(bulk.quoted(table)), ("{" + ",".join(sessions) + "}",))[
            "date"
        ].tolist()
        if holes:
            raise SessionError(
                f"{table} lacks {len(holes)} of the sessions needed{self._when()},"
                f" from {holes[0]} to {holes[-1]}",
                self._remedy(f" --start {holes[0]} --end {holes[-1]}"),
            )

    def _definition(self, name: str) -> Table:
        try:
            return read_table(self.database, name)
        except UnknownNameError as error:
            names = bulk.query(self.database, _NAMES)["name"].tolist()
            if not names:
                raise
            raise UnknownNameError(error.message, f"It has: {', '.join(names)}") from None

    def _when(self) -> str:
        """Return the moment as the end of a sentence; empty for now."""
        return "" if self.moment is None else f" known at {self.moment}"

    def _remedy(self, options: str) -> str:
        if self.moment is not None:
            return "Choose a later moment"
        return f"Run: quant-platform backfill{options}"
