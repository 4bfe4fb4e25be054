"""Checks of what was refused: rows that stand in quarantine, by the reason that they stand there.

Every session is judged: quarantine says of each whether a row of it was refused. A row of a day
without trading is of the session after it. What was refused of the bars is said at once, since a
run may stop there, and is judged again with what was refused of the other facts. What does not
belong here: what is refused and why (the tables' constraints, `storage/replace.py`, the vendors).
"""

from collections.abc import Iterable, Sequence
from datetime import date

import numpy as np

from quant_platform.market.admission import UNCLAIMED
from quant_platform.quality.check import (
    WARN,
    CheckContext,
    CheckFunction,
    QualityCheck,
    description_of,
)
from quant_platform.quality.verdict import Findings, failures
from quant_platform.storage import bulk

FACTS = ("market_data", "securities", "security_symbols", "corporate_actions", "trading_universe")
"""Assets, and their tables, of which a vendor's rows are refused."""

INFORMATION = ("news", "treasury_yields", "inflation", "labor_market")
"""The same of vendors that have more; each has a check of its own and waits for no other."""


OF_ITS_OWN = (UNCLAIMED,)
"""Reasons that have a check of their own, and are no fault of the row."""

SEPARATORS = str.maketrans("/-_ ", "....")
"""Signs that vendors write between the parts of a symbol."""


def refused(tables: Sequence[str], *patterns: str) -> CheckFunction:
    """Check function that counts refused rows of `tables`, by patterns of their reason."""

    def judge(context: CheckContext, threshold: float) -> Findings:
        sessions = np.asarray(context.sessions, dtype="datetime64[D]")
        first = date.fromisoformat(context.sessions[0])
        since = context.platform.calendar.day_after_previous(first)
        rows = bulk.query(
            context.platform.database,
            "SELECT date, table_name, symbol, reason FROM quarantine"
            " WHERE date BETWEEN $1::text::date AND $2::text::date"
            " AND table_name = ANY ($3::text::text[]) AND reason <> ALL ($5::text::text[])"
            " AND reason LIKE ANY ($4::text::text[]) AND mended_at IS NULL ORDER BY date, id",
            (
                since.isoformat(),
                context.sessions[-1],
                _array(tables),
                _array(patterns),
                _array(f'"{reason}"' for reason in OF_ITS_OWN),
            ),
        )
        days = rows["date"].to_numpy().astype("datetime64[D]")
        examples = [f"{row.table_name} {row.symbol}: {row.reason}" for row in rows.itertuples()]
        return context.all_judged(failures(sessions[np.searchsorted(sessions, days)], examples))

    return judge


def unclaimed_actions(context: CheckContext, threshold: float) -> Findings:
    """Of a session's splits and dividends at most this share is of symbols that mean no security.

    Of a fixed list none is, and nowhere one whose symbol is that of a security but for its case or
    the sign between its parts.
    """
    limits = (context.sessions[0], context.sessions[-1])
    database = context.platform.database
    rows = bulk.query(
        database,
        "SELECT q.date::text AS date, q.symbol, q.row ->> 'action_type' AS kind FROM quarantine q"
        " WHERE q.table_name = 'corporate_actions' AND q.reason = $3"
        " AND q.date BETWEEN $1::text::date AND $2::text::date"
        " AND NOT EXISTS (SELECT 1 FROM corporate_actions a WHERE a.date = q.date"
        " AND a.symbol = q.symbol) ORDER BY q.date, q.symbol, q.id",
        (*limits, UNCLAIMED),
    )
    if rows.empty:
        return context.all_judged(failures([], []))
    stored = bulk.query(
        database,
        "SELECT date::text AS date, count(*) AS actions FROM corporate_actions"
        " WHERE date BETWEEN $1::text::date AND $2::text::date GROUP BY 1",
        limits,
    ).set_index("date")["actions"]
    if context.platform.vendor.abilities.market is None:
        threshold = 0.0
    unclaimed = rows.groupby("date").size()
    shares = unclaimed / (unclaimed + stored.reindex(unclaimed.index).fillna(0))
    many = rows["date"].map(shares > threshold)
    alike = {_parts(name): name for names in context.tickers.values() for _, name in names[-1:]}
    twins = rows["symbol"].map(lambda symbol: alike.get(_parts(symbol), ""))
    failing = rows[many | (twins != "")]
    examples = [
        f"{row.symbol} {row.kind}" + (f", is it {twin}?" if twin else " is of no security")
        for row, twin in zip(failing.itertuples(), twins[failing.index], strict=True)
    ]
    return context.all_judged(failures(failing["date"].to_numpy(), examples))


def _parts(symbol: str) -> str:
    return symbol.translate(SEPARATORS).casefold()


def _array(texts: Iterable[str]) -> str:
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
        ("%another session%", "%another day%", "%no session%", "%not asked for%"),
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

UNCLAIMED_CHECK = QualityCheck(
    "unclaimed_actions",
    "corporate_actions",
    "corporate_actions",
    WARN,
    description_of(unclaimed_actions),
    unclaimed_actions,
    reads=("security_symbols",),
    of_refused=True,
    threshold=0.5,
)


def refused_check(table: str) -> QualityCheck:
    """Return a check that speaks of every refused row of a table."""
    return QualityCheck(
        f"refused_{table}",
        table,
        table,
        WARN,
        "No row was refused.",
        refused((table,), "%"),
        of_refused=True,
    )


REFUSED_INFORMATION_CHECKS = tuple(map(refused_check, INFORMATION))
"""For vendors with news and figures of the economy."""
