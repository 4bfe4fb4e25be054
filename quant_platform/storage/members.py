"""Which securities were in the universe in some sessions, looked up once for all who read by them.

A run reads many pieces of tables that are narrowed to the same members, and going through the
universe for each would cost more than the piece. What was looked up holds as long as the versions
of the universe's years do (`sql/migrations/0019_versions.sql`), which each look asks for anew. What
does not belong here: how rows are read (`bulk.py`).
"""

import threading
from collections import OrderedDict
from datetime import date

import pandas as pd

from quant_platform.storage import bulk
from quant_platform.storage.bulk import BEGINNING, Members
from quant_platform.storage.database import Database

REMEMBERED = 8
"""Ranges of sessions whose members are kept."""

_VERSIONS = """
SELECT concat_ws(',', (SELECT id FROM database_identity), (
    SELECT string_agg(year || ' ' || version, ',' ORDER BY year) FROM table_versions
    WHERE table_name = 'trading_universe'
        AND year BETWEEN extract(year FROM $1::text::date) AND extract(year FROM $2::text::date)
)) AS versions
"""

_MEMBERS = """
SELECT security_id, min(date) AS date FROM trading_universe
WHERE date BETWEEN $1::text::date AND $2::text::date AND security_id IS NOT NULL
GROUP BY 1 ORDER BY 1
"""

_EVER = Members(BEGINNING, date.max.isoformat())

_known: OrderedDict[tuple[str, Members], tuple[str, pd.Series]] = OrderedDict()
_lock = threading.Lock()


def securities_of(database: Database, members: Members) -> tuple[str, ...]:
    """Return the securities that were in the universe in some session of a range, sorted."""
    if members.first != BEGINNING:
        return tuple(_first_sessions(database, members).index)
    since = member_since(database)
    return tuple(since.index[since <= pd.Timestamp(members.last)])


def member_since(database: Database) -> pd.Series:
    """Return the first session of each security that was ever in the universe, by security."""
    return _first_sessions(database, _EVER)


def _first_sessions(database: Database, members: Members) -> pd.Series:
    """First session of a range in which each security is in the universe."""
    span = (members.first, members.last)
    # Asked for before the members: a change that comes between counts as a later one.
    versions = str(bulk.query(database, _VERSIONS, span)["versions"].iloc[0])
    key = (database.url, members)
    with _lock:
        known = _known.get(key)
    if known is not None and known[0] == versions:
        return known[1]
    found = bulk.query(database, _MEMBERS, span).set_index("security_id")["date"]
    with _lock:
        _known[key] = (versions, found)
        _known.move_to_end(key)
        while len(_known) > REMEMBERED:
            _known.popitem(last=False)
    return found
