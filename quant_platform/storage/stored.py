"""`Stored`: rows of a table that are read only on demand, for inputs too long to hold in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from quant_platform.storage import bulk
from quant_platform.storage.bulk import Listed, Members, Scope
from quant_platform.storage.database import Database
from quant_platform.storage.members import securities_of
from quant_platform.storage.schema import Table


@dataclass(frozen=True)
class Stored:
    """The rows of a table over some sessions.

    Attributes
    ----------
    database, table : where they are
    first, last : first and last session (ISO dates); nothing outside can be read
    columns : the columns to read; None: all but the clocks
    scope : the part of the table
    members : narrows it to securities of the universe
    ordered : whether rows come in the order of the table's key; without, the server need not sort
    """

    database: Database
    table: Table
    first: str
    last: str
    columns: Sequence[str] | None = None
    scope: Scope | None = None
    members: Members | None = None
    ordered: bool = True

    def read(
        self,
        first: str | None = None,
        last: str | None = None,
        *,
        among: Mapping[str, Sequence[str]] | None = None,
    ) -> pd.DataFrame:
        """Read the rows from `first` to `last`, as far as they lie in here.

        `among` narrows them: column of text → its allowed values.
        """
        members = self.members and Listed(securities_of(self.database, self.members))
        return bulk.read(
            self.database,
            self.table,
            max(first or self.first, self.first),
            min(last or self.last, self.last),
            columns=self.columns,
            scope=self.scope,
            members=members,
            among=among,
            ordered=self.ordered,
        )

    def narrowed(self, *columns: str) -> "Stored":
        """Return the same rows with these columns only."""
        return replace(self, columns=columns)

    def in_any_order(self) -> "Stored":
        """Return the same rows, read in whatever order is cheapest."""
        return replace(self, ordered=False)
