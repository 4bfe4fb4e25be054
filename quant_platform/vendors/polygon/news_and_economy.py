"""News and economic series: articles by ticker and time, and figures by day of observation.

Of an article only its identity and the vendor's sentiment are kept, not its text. What does not
belong here: from which session on it counts (`market/news_and_economy.py`).
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd

from quant_platform.errors import UnknownNameError
from quant_platform.vendors.polygon.cells import numbers, text, ticker
from quant_platform.vendors.polygon.paging import Row, all_rows, newest
from quant_platform.vendors.polygon.times import day, moment
from quant_platform.vendors.polygon.transport import Client
from quant_platform.vendors.unread import Unread, with_unread

NEWS = "/v2/reference/news"

NEWS_COLUMNS = ("news_id", "published_at", "symbol", "publisher", "url", "sentiment")

SENTIMENTS = {"positive": 1.0, "neutral": 0.0, "negative": -1.0}

_MATURITIES = (
    "1_month",
    "3_month",
    "6_month",
    *(f"{years}_year" for years in (1, 2, 3, 5, 7, 10, 20, 30)),
)

ECONOMY: dict[str, tuple[str, tuple[str, ...]]] = {
    "treasury_yields": (
        "/fed/v1/treasury-yields",
        tuple(f"yield_{maturity}" for maturity in _MATURITIES),
    ),
    "inflation": (
        "/fed/v1/inflation",
        ("cpi", "cpi_core", "cpi_year_over_year", "pce", "pce_core", "pce_spending"),
    ),
    "inflation_expectations": (
        "/fed/v1/inflation-expectations",
        (
            "market_5_year",
            "market_10_year",
            "forward_years_5_to_10",
            "model_1_year",
            "model_5_year",
            "model_10_year",
            "model_30_year",
        ),
    ),
    "labor_market": (
        "/fed/v1/labor-market",
        (
            "unemployment_rate",
            "labor_force_participation_rate",
            "avg_hourly_earnings",
            "job_openings",
        ),
    ),
}
"""Series → where it is, and its figures: yields and rates in percent, job openings in thousands."""


def news_between(client: Client, first: date, last: date) -> pd.DataFrame:
    """News published on the days (of UTC) `first` to `last`, one row an article and ticker."""
    start, end = _midnight(first), _midnight(last + timedelta(days=1))
    articles = all_rows(
        client,
        NEWS,
        {
            "published_utc.gte": _iso(start),
            "published_utc.lt": _iso(end),
            "order": "asc",
            "sort": "published_utc",
            "limit": 1000,
        },
    )
    rows: list[tuple[Any, ...]] = []
    unread: list[Unread] = []
    for article in newest(articles, key=_key):
        reason = _fault(article, start, end)
        if reason:
            unread.append(Unread(article, reason, first))
            continue
        rows += _news_rows(article)
        strange = [name for name in _tickers(article) if ticker(name) is None]
        if strange:
            unread.append(Unread(article, f"no ticker: {strange!r:.200}", first))
    columns: list[list[Any]] = [list(column) for column in zip(*rows, strict=True)]
    frame = pd.DataFrame(
        dict(zip(NEWS_COLUMNS, columns or [[] for _ in NEWS_COLUMNS], strict=True))
    )
    frame["published_at"] = pd.to_datetime(frame["published_at"], utc=True).astype(
        "datetime64[us, UTC]"
    )
    texts = dict.fromkeys(("news_id", "symbol", "publisher", "url"), "str")
    return with_unread(frame.astype(texts | {"sentiment": "float64"}), unread)


def economy_between(client: Client, series: str, first: date, last: date) -> pd.DataFrame:
    """Rows of an economic series, ascending by day of observation.

    Raises
    ------
    UnknownNameError
        There is no such series.
    """
    if series not in ECONOMY:
        raise UnknownNameError(
            f"There is no economic series {series!r}", f"It can be: {', '.join(ECONOMY)}"
        )
    path, figures = ECONOMY[series]
    rows = all_rows(
        client,
        path,
        {
            "date.gte": first.isoformat(),
            "date.lte": last.isoformat(),
            "sort": "date.asc",
            "limit": 50_000,
        },
    )
    dated: dict[date, Row] = {}
    unread: list[Unread] = []
    for row in rows:
        on = day(row.get("date"))
        if on is None or not first <= on <= last:
            reason = "no day" if on is None else "of a day that was not asked for"
            unread.append(Unread(row, reason, first))
        elif on in dated:
            unread.append(Unread(row, "a second row of its day; the first was kept", on))
        else:
            dated[on] = row
    days = sorted(dated)
    columns: dict[str, Any] = {"date": pd.Series(days, dtype="datetime64[s]")}
    for name in figures:
        columns[name] = numbers([dated[on].get(name) for on in days])[0]
    return with_unread(pd.DataFrame(columns), unread)


def _key(article: Row) -> str:
    """Identity of an article; one without an id is like no other."""
    return str(article.get("id") or id(article))


def _fault(article: Row, start: datetime, end: datetime) -> str:
    """Why an article cannot be used; empty where it can."""
    at = moment(article.get("published_utc"))
    if text(article.get("id")) is None:
        return "no id"
    if at is None:
        return "no time of publication"
    if not start <= at < end:
        return "of a day that was not asked for"
    return "" if isinstance(article.get("tickers"), list) else "no list of tickers"


def _news_rows(article: Row) -> Iterator[tuple[Any, ...]]:
    """One row a ticker; an article about no stock has none."""
    name, at = text(article.get("id")), moment(article.get("published_utc"))
    publisher = article.get("publisher")
    publisher_name = text(publisher.get("name")) if isinstance(publisher, dict) else None
    url = text(article.get("article_url"))
    sentiments = _sentiments(article.get("insights"))
    for symbol in dict.fromkeys(filter(None, map(ticker, _tickers(article)))):
        yield name, at, symbol, publisher_name, url, sentiments.get(symbol, float("nan"))


def _tickers(article: Row) -> list[Any]:
    names = article.get("tickers")
    return names if isinstance(names, list) else []


def _sentiments(insights: object) -> dict[str, float]:
    """Sentiment by ticker; the vendor has given them since 2024 only, and not for every article."""
    rows = insights if isinstance(insights, list) else []
    return {
        str(row.get("ticker")): SENTIMENTS[str(row.get("sentiment"))]
        for row in rows
        if isinstance(row, dict) and row.get("sentiment") in SENTIMENTS
    }


def _midnight(on: date) -> datetime:
    return datetime(on.year, on.month, on.day, tzinfo=UTC)


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
