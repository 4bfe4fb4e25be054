"""`DataVersion`: which version of the rows a simulation reads, and by which rule its universe is.

What does not belong here: how rows are read (`bulk.py`), and versions of code (`provenance.py`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quant_platform.storage.known_at import Moment, parse_moment
from quant_platform.storage.trials import digest_of

if TYPE_CHECKING:
    import pandas as pd

AS_OF = " as of "
"""Stands between the digest and the moment as of which tables were read."""

Query = Callable[[str, Sequence[str]], "pd.DataFrame"]
"""Runs a statement with its parameters."""

_IDENTITY = """
SELECT id::text AS id, coalesce((SELECT recipe FROM computations WHERE asset = 'trading_universe'
    ORDER BY date DESC LIMIT 1), '') AS universe FROM database_identity
"""

_VERSIONS = """
SELECT table_name AS name, year::text AS part, version::text AS version FROM table_versions
WHERE table_name IN ('market_data', 'corporate_actions', 'trading_universe', 'news', 'own_data')
  AND year <= extract(year FROM $1::text::date)
UNION ALL
SELECT 'securities', count(*)::text, max(recorded_at)::text
FROM securities WHERE date <= $1::text::date
UNION ALL
SELECT 'treasury_yields', count(*)::text, max(recorded_at)::text
FROM treasury_yields WHERE date <= $1::text::date
UNION ALL
SELECT 'inflation', count(*)::text, max(recorded_at)::text
FROM inflation WHERE date <= $1::text::date
UNION ALL
SELECT 'labor_market', count(*)::text, max(recorded_at)::text
FROM labor_market WHERE date <= $1::text::date ORDER BY 1, 2
"""


@dataclass(frozen=True)
class DataVersion:
    """What the tables hold up to a session.

    Attributes
    ----------
    digest : changes with every row that a simulation may read; as known at a moment it ends with it
    universe : rule by which the universe was made; empty: unknown
    """

    digest: str
    universe: str

    @classmethod
    def read(cls, query: Query, last: str, moment: Moment | None = None) -> "DataVersion":
        """Read it of the database that `query` asks.

        As known at a moment, rows never change, and the moment is their version: it is stated, so
        that the same can be read again.
        """
        identity, universe = query(_IDENTITY, ()).iloc[0].tolist()
        if moment is not None:
            return cls(f"{digest_of(identity)}{AS_OF}{parse_moment(moment).isoformat()}", universe)
        versions = query(_VERSIONS, (last,)).astype(object).to_numpy().tolist()
        return cls(digest_of(repr([identity, versions])), universe)


def moment_of(version: str) -> str | None:
    """Return the moment as of which a version was read; None: what was stored then."""
    _, _, moment = version.partition(AS_OF)
    return moment or None
