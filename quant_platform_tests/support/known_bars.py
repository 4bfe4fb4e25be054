"""Bars with both clocks, stored and read as known at a moment."""

from quant_platform.storage import bulk
from quant_platform.storage.database import Database
from quant_platform.storage.known_at import Moment

BAR = "(date, symbol, open_price, high_price, low_price, close_price, volume, source, security_id"


def closes(
    database: Database, moment: Moment | None, name: str = "market_data"
) -> dict[str, float]:
    sql = f"SELECT symbol, close_price FROM {name}"  # noqa: S608 — our own names
    rows = bulk.query(database, sql, known_at=moment)
    return dict(zip(rows["symbol"], rows["close_price"], strict=True))
