"""Which securities were in the universe in some sessions, looked up once for all who read by them.

A run reads many pieces of tables that are narrowed to the same members, and going through the
universe for each would cost more than the piece. What was looked up holds as long as the versions
of the universe's years do (`sql/migrations/0019_versions.sql`), which each look asks for anew. What
does not belong here: how rows are read (`bulk.py`).
"""

import threading
from collections import OrderedDict

from quant_platform.storage import bulk
from quant_platform.storage.bulk import Members
from quant_platform.storage.database import Database

REMEMBERED = 8
"""Ranges of sessions whose members are kept."""

_VERSIONS = """
SELECT coalesce(string_agg(year || ' ' || version, ',' ORDER BY year), '') AS versions
FROM table_versions WHERE table_name = 'trading_universe'
    AND year BETWEEN extract(year FROM $1::text::date) AND extract(year FROM $2::text::date)
"""

_MEMBERS = """
SELECT DISTINCT security_id FROM trading_universe
WHERE date BETWEEN $1::text::date AND $2::text::date AND security_id IS NOT NULL
"""

_known: OrderedDict[tuple[str, Members], tuple[str, tuple[str, ...]]] = OrderedDict()
_lock = threading.Lock()


def securities_of(database: Database, members: Members) -> tuple[str, ...]:
    """Return the securities that were in the universe in some session of a range, sorted."""
    span = (members.first, members.last)
    # Asked for before the members: a change that comes between counts as a later one.
    versions = str(bulk.query(database, _VERSIONS, span)["versions"].iloc[0])
    key = (database.url, members)
    with _lock:
        known = _known.get(key)
    if known is not None and known[0] == versions:
        return known[1]
    found = tuple(sorted(bulk.query(database, _MEMBERS, span)["security_id"].tolist()))
    with _lock:
        _known[key] = (versions, found)
        _known.move_to_end(key)
        while len(_known) > REMEMBERED:
            _known.popitem(last=False)
    return found
