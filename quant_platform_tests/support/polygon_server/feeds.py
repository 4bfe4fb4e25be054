"""Endpoints of news and of the economy's figures."""

from collections.abc import Iterable
from datetime import date, timedelta
from functools import partial

from quant_platform_tests.support.polygon_server.answers import Answer
from quant_platform_tests.support.polygon_server.calls import Call, Route
from quant_platform_tests.support.polygon_server.listings import Row
from quant_platform_tests.support.polygon_server.query import (
    COMPARISONS,
    Table,
    answer_table,
    day,
    moment,
    unfold,
)

NEWS = Table({"published_utc": moment}, sort="published_utc.desc", counted=True)
ECONOMY = Table({"date": day}, sort="date.asc", limit=100, most=50_000, modern=True)

SERIES = {
    "treasury-yields": "treasury_yields",
    "inflation": "inflation",
    "labor-market": "labor_market",
}
"""Path to table."""


def routes() -> list[Route]:
    return [
        Route("/v2/reference/news", news, "news"),
        *(
            Route(f"/fed/v1/{path}", partial(economy, table), "economy")
            for path, table in SERIES.items()
        ),
    ]


def news(call: Call) -> Answer:
    params = unfold(call.params)
    now = moment(call.now.isoformat())
    rows: Iterable[Row] = [row for row in call.market.news if row["published_utc"] <= now]
    for suffix, holds in COMPARISONS.items():
        if (ticker := params.get(f"ticker{suffix}")) is not None:
            # An article is about several tickers; one that fits is enough.
            rows = [row for row in rows if any(holds(own, ticker) for own in row["tickers"])]
    if whole := _whole_day(params):
        params = {name: text for name, text in params.items() if name != "published_utc"} | whole
    return answer_table(call, rows, NEWS, params)


def economy(table: str, call: Call) -> Answer:
    today = call.today.isoformat()
    rows = [row for row in getattr(call.market, table) if row["date"] <= today]
    return answer_table(call, rows, ECONOMY, unfold(call.params))


def _whole_day(params: Row) -> Row:
    """`published_utc=2024-01-02` means that day from midnight to midnight."""
    text = str(params.get("published_utc", ""))
    if len(text) != len("2024-01-02"):
        return {}
    try:
        following = date.fromisoformat(text) + timedelta(days=1)
    except ValueError:
        return {}
    return {"published_utc.gte": text, "published_utc.lt": str(following)}
