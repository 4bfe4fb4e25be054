"""Checks of what was refused: rows that stand in quarantine, by the reason that they stand there.

Every session is judged: quarantine says of each whether a row of it was refused. What does not
belong here: what is refused and why (the tables' constraints, `storage/replace.py`, the vendors).
"""

from quant_platform.quality.check import CheckContext, CheckFunction
from quant_platform.quality.verdict import Findings, failures
from quant_platform.storage import bulk


def refused(*patterns: str) -> CheckFunction:
    """Check function that counts the rows in quarantine whose reason is like one of `patterns`."""

    def judge(context: CheckContext, threshold: float) -> Findings:
        rows = bulk.query(
            context.platform.database,
            "SELECT date, table_name, symbol, reason FROM quarantine"
            " WHERE date BETWEEN $1::text::date AND $2::text::date"
            " AND reason LIKE ANY ($3::text::text[]) ORDER BY date, id",
            (context.sessions[0], context.sessions[-1], "{" + ",".join(patterns) + "}"),
        )
        examples = [f"{row.table_name} {row.symbol}: {row.reason}" for row in rows.itertuples()]
        return context.all_judged(failures(rows["date"].to_numpy(), examples))

    return judge


REFUSED = (
    (
        "refused_rows",
        "No row was refused: OHLC order, positive prices, volumes, types and unique keys.",
        refused("%"),
    ),
    (
        "ohlc_violations",
        "No row was refused because its high was not the highest or its low not the lowest price.",
        refused("%high_price >=%", "%low_price <=%"),
    ),
    (
        "duplicate_rows",
        "No row was refused because the vendor sent the same symbol or action twice.",
        refused("%twice%", "%more than once%", "%duplicate%"),
    ),
    (
        "foreign_dates",
        "No row was refused because it was of another day, such as a holiday.",
        refused("%another session%", "%another day%", "%no session%"),
    ),
    (
        "implausible_prices",
        "No row was refused because of a price that no share ever had.",
        refused("%10000000%"),
    ),
)
"""Name, description and function of each check of bars that looks at quarantine."""
