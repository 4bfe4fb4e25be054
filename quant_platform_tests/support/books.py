"""What a simulation holds and trades in one session, for tests that look at single positions."""

from typing import Any

from quant_platform.trading.simulation import Simulation


def positions(done: Simulation, session: int) -> dict[str, dict[str, Any]]:
    """Rows of `positions` after a session, by its number, as security → columns."""
    rows = done.positions[done.positions["date"] == done.sessions[session]]
    return {row["security_id"]: row for row in rows.to_dict("records")}


def shares(done: Simulation, session: int) -> dict[str, float]:
    """Shares after a session, as security → number; what is only wanted has 0."""
    return {name: row["shares"] for name, row in positions(done, session).items()}


def fills(done: Simulation, session: int) -> list[dict[str, Any]]:
    """Fills of a session, in their order."""
    return done.fills[done.fills["date"] == done.sessions[session]].to_dict("records")
