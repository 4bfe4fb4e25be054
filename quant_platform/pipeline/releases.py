"""Halted accounts that a person releases: a row that the next portfolios are computed with.

What belongs here: reading and recording releases. What does not: what a release changes
(`trading/engine/loop.py`).
"""

from datetime import date, timedelta

from quant_platform.errors import SettingsError, UnknownNameError
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.portfolios import SIMULATED
from quant_platform.storage import bulk
from quant_platform.storage.releases import record_release

A_WHILE = timedelta(days=30)
"""Within it there is a session, after whatever closed the exchange."""

_NEWEST = """
SELECT p.date::text AS date, p.halted FROM portfolios AS p JOIN models AS m ON m.id = p.model_id
WHERE m.model_name = $1::text ORDER BY p.date DESC LIMIT 1
"""

_MODELS = "SELECT model_name FROM models ORDER BY 1"


def release(platform: Platform, model: str, by: str) -> tuple[date, bool]:
    """Release the account of a model from the session after its newest portfolio on.

    Returns
    -------
    First session in which it trades again, and whether it was not released before.

    Raises
    ------
    UnknownNameError
        The model has no portfolio.
    SettingsError
        Its account is not halted.
    """
    newest = bulk.query(platform.database, _NEWEST, (model,))
    if newest.empty:
        names = bulk.query(platform.database, _MODELS)["model_name"].tolist()
        raise UnknownNameError(
            f"There is no portfolio of a model {model!r}", f"Models: {', '.join(names) or 'none'}"
        )
    last, halted = newest.iloc[0]
    if not halted:
        raise SettingsError(
            f"The account of {model} is not halted on {last}", "There is nothing to release"
        )
    day = date.fromisoformat(last)
    session = platform.calendar.sessions(day + timedelta(days=1), day + A_WHILE)[0]
    return session, record_release(platform.database, model, SIMULATED, session, by)
