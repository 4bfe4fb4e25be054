"""Pages of a market's partitions, newest first, begin at its last session.

Dagster (1.13) begins such a page at the present, also where the definition has an end: the UI's
plots, which ask for the newest keys, then show days that are no partitions, and stay empty. The
webserver rebuilds definitions from their description, as Dagster's own class, so what is corrected
is that class. Called by the webserver alone.
"""

from functools import wraps

import dagster as dg
from dagster._core.definitions.partitions.context import PartitionLoadingContext
from dagster._core.definitions.partitions.utils.time_window import TimeWindowCursor
from dagster._core.types.pagination import PaginatedResults


def begin_pages_at_the_end() -> None:
    """Correct the paging of Dagster's definitions in this process."""
    kind = dg.TimeWindowPartitionsDefinition
    paged = kind.get_paginated_partition_keys

    @wraps(paged)
    def from_the_end(
        self: dg.TimeWindowPartitionsDefinition,
        context: PartitionLoadingContext,
        limit: int,
        ascending: bool,
        cursor: str | None = None,
    ) -> PaginatedResults[str]:
        end = self.end_timestamp
        if not ascending and not cursor and end is not None:
            now = context.temporal_context.effective_dt.timestamp()
            begin = TimeWindowCursor(
                start_timestamp=int(self.start_timestamp),
                end_timestamp=int(min(end, now)),
                offset_partition_count=0,
            )
            cursor = str(begin)
        return paged(self, context, limit, ascending, cursor)

    kind.get_paginated_partition_keys = from_the_end  # type: ignore[method-assign]
