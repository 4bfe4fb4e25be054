"""Endpoints of splits and dividends, older family and newer.

The newer rows carry cumulative factors: to bring a price of day D to today's terms, take the first
row with a later date and multiply.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from quant_platform_tests.support.polygon_server.answers import Answer
from quant_platform_tests.support.polygon_server.calls import Call, Route
from quant_platform_tests.support.polygon_server.listings import Row
from quant_platform_tests.support.polygon_server.query import Table, answer_table, day, unfold
from quant_platform_tests.support.polygon_server.served_market import ServedMarket

OLD_SPLITS = Table({"ticker": str, "execution_date": day}, sort="execution_date.desc")

NEW_SPLITS = Table(
    {"ticker": str, "execution_date": day, "adjustment_type": str},
    sort="execution_date.desc",
    limit=100,
    most=5000,
    modern=True,
)

OLD_DIVIDENDS = Table(
    {
        "ticker": str,
        "ex_dividend_date": day,
        "record_date": day,
        "declaration_date": day,
        "pay_date": day,
        "frequency": int,
        "cash_amount": float,
        "dividend_type": str,
    },
    sort="ex_dividend_date.desc",
)

NEW_DIVIDENDS = Table(
    {"ticker": str, "ex_dividend_date": day, "frequency": int, "distribution_type": str},
    sort="ticker.asc",
    limit=100,
    most=5000,
    modern=True,
)

OLD_SPLIT_FIELDS = ("id", "ticker", "execution_date", "split_from", "split_to")

OLD_DIVIDEND_FIELDS = (
    "id",
    "ticker",
    "cash_amount",
    "currency",
    "declaration_date",
    "dividend_type",
    "ex_dividend_date",
    "frequency",
    "pay_date",
    "record_date",
)


def routes() -> list[Route]:
    return [
        Route("/v3/reference/splits", old_splits),
        Route("/stocks/v1/splits", new_splits),
        Route("/v3/reference/dividends", old_dividends),
        Route("/stocks/v1/dividends", new_dividends),
    ]


def old_splits(call: Call) -> Answer:
    params = unfold(call.params)
    rows = _only(call.market.splits, OLD_SPLIT_FIELDS)
    if "reverse_split" in params:
        reverse = params["reverse_split"] == "true"
        rows = [row for row in rows if (row["split_from"] > row["split_to"]) == reverse]
    return answer_table(call, rows, OLD_SPLITS, params)


def new_splits(call: Call) -> Answer:
    rows = call.market.derived("new splits", lambda: _with_split_factors(call.market.splits))
    return answer_table(call, rows, NEW_SPLITS, unfold(call.params))


def old_dividends(call: Call) -> Answer:
    rows = _only(call.market.dividends, OLD_DIVIDEND_FIELDS)
    return answer_table(call, rows, OLD_DIVIDENDS, unfold(call.params))


def new_dividends(call: Call) -> Answer:
    rows = call.market.derived("new dividends", lambda: _with_dividend_factors(call.market))
    return answer_table(call, rows, NEW_DIVIDENDS, unfold(call.params))


def _only(rows: Iterable[Row], fields: tuple[str, ...]) -> list[Row]:
    return [{name: row[name] for name in fields if name in row} for row in rows]


def _with_split_factors(splits: Iterable[Row]) -> list[Row]:
    with_factors = []
    for rows in _by_ticker(splits, "execution_date"):
        factor = 1.0
        for row in rows:
            factor *= row["split_from"] / row["split_to"]
            kind = "reverse_split" if row["split_from"] > row["split_to"] else "forward_split"
            # A row may bring its own (stock_dividend), or a factor that is wrong on purpose.
            with_factors.append(
                {"adjustment_type": kind, "historical_adjustment_factor": factor} | row
            )
    return with_factors


def _with_dividend_factors(market: ServedMarket) -> list[Row]:
    answers = []
    for rows in _by_ticker(market.dividends, "ex_dividend_date"):
        factor = 1.0
        for row in rows:
            when = date.fromisoformat(row["ex_dividend_date"])
            close = market.close_before(row["ticker"], when)
            if close:
                factor *= 1.0 - row["cash_amount"] / close
            split = market.factor(row["ticker"], when, date.max)
            kind = "special" if row.get("dividend_type") == "SC" else "recurring"
            more = {
                "distribution_type": kind,
                "split_adjusted_cash_amount": round(row["cash_amount"] * split, 10),
                "historical_adjustment_factor": factor,
            }
            fields = {name: value for name, value in row.items() if name != "dividend_type"}
            answers.append(more | fields)
    return answers


def _by_ticker(rows: Iterable[Row], when: str) -> list[list[Row]]:
    """Rows of each ticker, newest first."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["ticker"]].append(row)
    return [sorted(group, key=lambda row: row[when], reverse=True) for group in groups.values()]
