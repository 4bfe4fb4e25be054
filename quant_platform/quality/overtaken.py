"""Verdicts that facts have overtaken: they are withdrawn with the change, and judged again.

1. The transaction that changes a row of a session withdraws every verdict that follows from it:
   those on the session, and those on later ones that look back on it. One that refuses a row, or
   finds it mended, withdraws those about refused rows. They move to `data_quality_history`. Rows
   that are equal change nothing and withdraw nothing.
2. The checks of the same run judge its sessions, and those after them that have no verdict now
   (`later_unjudged`).
3. Where no run comes to that, since it was killed, the sessions have no verdict, and the next
   backfill over them judges them (`judging.unjudged`).

So a verdict that stands is one of what is stored. What does not belong here: how a session is
judged (`judging.py`).
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta

from quant_platform.market.calendar import LONGEST_BREAK
from quant_platform.pipeline.platform import Platform
from quant_platform.quality.check import QualityCheck
from quant_platform.storage import bulk
from quant_platform.storage.bulk import quoted, scope_sql
from quant_platform.storage.replace import Statement, TableRows
from quant_platform.storage.schema import CLOCK_COLUMNS

_CHANGED = """
WITH changed AS MATERIALIZED (
    SELECT wanted.date FROM unnest($1::text::date[]) AS wanted (date)
    WHERE EXISTS (SELECT 1 FROM {table} AS t
                  WHERE t.date = wanted.date{scope} AND t.{clock} = now())
       OR EXISTS (SELECT 1 FROM {history} AS t
                  WHERE t.date = wanted.date{scope} AND t.superseded_at = now())
), overtaken AS (
    SELECT DISTINCT old.date, old.check_name FROM changed
    JOIN unnest($2::text::date[], $3::text::date[], $4::text::int[]) AS seen (date, until, lookback)
        ON seen.date = changed.date
    JOIN unnest($5::text::text[], $6::text::int[]) AS judge (name, lookback)
        ON judge.lookback = seen.lookback
    JOIN data_quality AS old
        ON old.date BETWEEN seen.date AND seen.until AND old.check_name = judge.name
)
"""

_REFUSED = """
WITH refused AS MATERIALIZED (
    SELECT DISTINCT date FROM quarantine WHERE date BETWEEN
        (SELECT min(day) FROM unnest($1::text::date[]) AS day) - {longest}
        AND (SELECT max(day) FROM unnest($1::text::date[]) AS day)
    AND table_name = $2::text AND now() IN (recorded_at, mended_at)
), overtaken AS (
    -- A row of a day without trading is of the session after it.
    SELECT old.date, old.check_name FROM data_quality AS old
    WHERE old.check_name = ANY ($3::text::text[]) AND old.date IN (
        SELECT (SELECT min(day) FROM unnest($1::text::date[]) AS day WHERE day >= refused.date)
        FROM refused)
)
"""

_WITHDRAW = """
, withdrawn AS (
    DELETE FROM data_quality AS v USING overtaken AS old
    WHERE v.date = old.date AND v.check_name = old.check_name RETURNING v.*
)
INSERT INTO data_quality_history (date, check_name, table_name, passed, severity, failures,
    details, recorded_at, superseded_at)
SELECT date, check_name, table_name, passed, severity, failures, details, recorded_at, now()
FROM withdrawn
"""


def withdraw(
    platform: Platform,
    checks: Sequence[QualityCheck],
    asset: str,
    part: TableRows,
    sessions: Sequence[str],
) -> list[Statement]:
    """Statements that withdraw verdicts, for the end of the transaction that replaces rows.

    Parameters
    ----------
    checks : all there are
    asset : key of the asset whose rows are replaced
    part : its table and scope
    sessions : ISO dates, ascending
    """
    speaking = [check for check in checks if asset in check.speaks_of]
    of_rows = [check for check in speaking if not check.of_refused]
    of_refused = [check for check in speaking if check.of_refused]
    statements: list[Statement] = []
    if of_rows:
        sql = _CHANGED.format(
            table=quoted(part.table.name),
            history=quoted(f"{part.table.name}_history"),
            scope=scope_sql(part.scope),
            clock=quoted(next(c.name for c in part.table.columns if c.name in CLOCK_COLUMNS)),
        )
        lookbacks = sorted({check.lookback for check in of_rows})
        seen = [
            (day, until, lookback)
            for lookback in lookbacks
            for day, until in _last_that_see(platform, sessions, lookback)
        ]
        statements.append(
            (
                sql + _WITHDRAW,
                (
                    _array(sessions),
                    *(_array(values) for values in zip(*seen, strict=True)),
                    _array(check.name for check in of_rows),
                    _array(check.lookback for check in of_rows),
                ),
            )
        )
    if of_refused:
        sql = _REFUSED.format(longest=LONGEST_BREAK.days) + _WITHDRAW
        names = _array(check.name for check in of_refused)
        statements.append((sql, (_array(sessions), part.table.name, names)))
    return statements


def _last_that_see(
    platform: Platform, sessions: Sequence[str], lookback: int
) -> Iterator[tuple[str, str]]:
    """Each session with the last one that looks back on it."""
    if lookback == 1:
        yield from zip(sessions, sessions, strict=True)
        return
    following = [day.isoformat() for day in _following(platform, sessions, lookback - 1)]
    calendar = platform.window(sessions, 1) + following
    place = {session: number for number, session in enumerate(calendar)}
    for session in sessions:
        yield session, calendar[min(place[session] + lookback - 1, len(calendar) - 1)]


def _following(platform: Platform, sessions: Sequence[str], count: int) -> Sequence[date]:
    """Sessions after the last of `sessions`."""
    last = date.fromisoformat(sessions[-1])
    # So many sessions never last more than twice as many days and a break.
    until = last + timedelta(days=2 * count) + LONGEST_BREAK
    return platform.calendar.sessions(last, until)[1 : count + 1]


def _array(values: Iterable[object]) -> str:
    return "{" + ",".join(map(str, values)) + "}"


def later_unjudged(
    platform: Platform, checks: Sequence[QualityCheck], sessions: Sequence[str]
) -> list[list[str]]:
    """Stored sessions after those of a run that look back on them and lack a verdict.

    Returns
    -------
    Consecutive sessions (ISO dates) each; none where the run's are the last that are stored.
    """
    reach = max(check.lookback for check in checks) - 1
    if not reach:
        return []
    following = _following(platform, sessions, reach)
    rows = bulk.query(
        platform.database,
        "SELECT wanted.date::text AS date FROM unnest($1::text::date[]) AS wanted (date)"
        " WHERE EXISTS (SELECT 1 FROM computations AS c"
        " WHERE c.asset = $2::text AND c.date = wanted.date)"
        " AND (SELECT count(*) FROM data_quality AS v WHERE v.date = wanted.date"
        " AND v.check_name = ANY ($3::text::text[])) < $4::text::int ORDER BY 1",
        (
            _array(following),
            checks[0].asset,
            _array(check.name for check in checks),
            str(len(checks)),
        ),
    )
    days = [date.fromisoformat(day) for day in rows["date"]]
    blocks = platform.calendar.consecutive(days)
    return [[day.isoformat() for day in block] for block in blocks]
