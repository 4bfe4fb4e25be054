"""`ranking`: the models of a session in sets, as `performance_reports` holds them."""

import json
from collections.abc import Mapping

from quant_platform.cli import console
from quant_platform.errors import SessionError
from quant_platform.reports.report import NOTHING
from quant_platform.reports.standings import BESIDE, NOTE, PLACES, standing_rows
from quant_platform.storage import bulk
from quant_platform.storage.database import Database
from quant_platform.storage.holdout import refusal, sealed_from
from quant_platform.storage.models_in_use import states_line

_REPORT = """
SELECT date::text, ranking::text, summary FROM performance_reports
WHERE ($1 = '' OR date::text = $1) AND date < coalesce(holdout_session(), 'infinity')
ORDER BY performance_reports.date DESC LIMIT 1
"""


def show_ranking(
    database: Database, session: str = "", holdout: Mapping[str, str] = NOTHING
) -> str:
    """Print the ranking of a session (ISO date), by default the newest, and return the session.

    Parameters
    ----------
    holdout : state of the sealed hold-out by model, as it is now: a report that was made before it
        was opened says so, too

    Raises
    ------
    SessionError
        There is no report of that session.
    """
    sealed = sealed_from(database)
    if sealed is not None and session >= sealed.isoformat():
        raise refusal(sealed)
    report = bulk.query(database, _REPORT, (session,))
    if report.empty:
        raise SessionError(
            f"There is no report of {session}" if session else "There is no report yet",
            f"Run: quant-platform backfill --start {session} --end {session}"
            if session
            else "Run: quant-platform demo",
        )
    day = str(report["date"].iloc[0])
    records = json.loads(str(report["ranking"].iloc[0]))
    states = [holdout.get(each["model_name"], each.get("holdout")) for each in records]
    rows = standing_rows(
        [{**each, "holdout": state} for each, state in zip(records, states, strict=True)]
    )
    console.table(f"Ranking of {day}", PLACES, [row[: len(PLACES)] for row in rows])
    console.out.print()
    beside = [(row[PLACES.index("rank")], *row[len(PLACES) :]) for row in rows]
    console.table("Beside it, costs and turnover a year's", ("rank", *BESIDE), beside)
    console.out.print()
    console.out.print(str(report["summary"].iloc[0]), markup=False, highlight=False)
    console.out.print(NOTE, markup=False, highlight=False)
    if in_use := states_line(database):
        console.out.print(f"States by now: {in_use}.", markup=False, highlight=False)
    return day
