"""Checks of what was refused: rows that stand in quarantine, by the reason that they stand there.

Every session is judged: quarantine says of each whether a row of it was refused. A row of a day
without trading is of the session after it. What was refused of the bars is said at once, since a
run may stop there, and is judged again with what was refused of the other facts. What does not
belong here: what is refused and why (the tables' constraints, `storage/replace.py`, the vendors).
"""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np

from quant_platform.quality.check import WARN, CheckContext, CheckFunction, QualityCheck
from quant_platform.quality.verdict import Findings, failures
from quant_platform.storage import bulk

FACTS = ("market_data", "securities", "security_symbols", "corporate_actions", "trading_universe")
"""Assets, and their tables, of which a vendor's rows are refused."""

INFORMATION = ("news", "treasury_yields", "inflation", "labor_market")
"""The same of vendors that have more; each has a check of its own and waits for no other."""


def refused(tables: Sequence[str], *patterns: str) -> CheckFunction:
    """Check function that counts refused rows of `tables`, by patterns of their reason."""

    def judge(context: CheckContext, threshold: float) -> Findings:
        sessions = np.asarray(context.sessions, dtype="datetime64[D]")
        before = context.platform.window(context.sessions[:1], 2)[0]
        since = date.fromisoformat(before)
        if before != context.sessions[0]:
            since += timedelta(days=1)
        rows = bulk.query(
            context.platform.database,
            "SELECT date, table_name, symbol, reason FROM quarantine"
            " WHERE date BETWEEN $1::text::date AND $2::text::date"
            " AND table_name = ANY ($3::text::text[])"
            " AND reason LIKE ANY ($4::text::text[]) ORDER BY date, id",
            (since.isoformat(), context.sessions[-1], _array(tables), _array(patterns)),
        )
        days = rows["date"].to_numpy().astype("datetime64[D]")
        examples = [f"{row.table_name} {row.symbol}: {row.reason}" for row in rows.itertuples()]
        return context.all_judged(failures(sessions[np.searchsorted(sessions, days)], examples))

    return judge


def _array(texts: Sequence[str]) -> str:
    return "{" + ",".join(texts) + "}"


_REFUSED = (
    (
        "refused_rows",
        "No row was refused: OHLC order, positive prices, volumes, types and unique keys.",
        ("%",),
    ),
    (
        "ohlc_violations",
        "No row was refused because its high was not the highest or its low not the lowest price.",
        ("%high_price >=%", "%low_price <=%"),
    ),
    (
        "duplicate_rows",
        "No row was refused because the vendor sent the same symbol or action twice.",
        ("%twice%", "%more than once%", "%duplicate%"),
    ),
    (
        "foreign_dates",
        "No row was refused because it was of another day, such as a holiday.",
        ("%another session%", "%another day%", "%no session%"),
    ),
    (
        "implausible_prices",
        "No row was refused because of a price that no share ever had.",
        ("%10000000%",),
    ),
)
"""Name, description and patterns of each check of the facts that looks at quarantine."""

REFUSED_CHECKS = tuple(
    QualityCheck(
        name,
        "market_data",
        "market_data",
        WARN,
        description,
        refused(FACTS, *patterns),
        reads=FACTS[1:],
        again_after="corporate_actions",
        of_refused=True,
    )
    for name, description, patterns in _REFUSED
)

REFUSED_INFORMATION_CHECKS = tuple(
    QualityCheck(
        f"refused_{table}",
        table,
        table,
        WARN,
        "No row was refused.",
        refused((table,), "%"),
        of_refused=True,
    )
    for table in INFORMATION
)
"""For vendors with news and figures of the economy."""
