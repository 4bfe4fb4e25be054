"""News and economic series: from answers in memory to values."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quant_platform.errors import (
    UnknownNameError,
)
from quant_platform.market.admission import admitted_news, readable
from quant_platform.vendors.polygon.news_and_economy import ECONOMY, NEWS_COLUMNS
from quant_platform_tests.test_vendors.polygon_stub import (
    Answers,
    good,
    vendor_of,
)

DAY = date(2024, 3, 1)


def article(number: int, at: str, tickers: Any, insights: Any = None, **more: Any) -> Any:
    row = {
        "id": f"n{number}",
        "publisher": {"name": "The Wire", "homepage_url": "https://wire.example"},
        "title": "A title that is not kept",
        "published_utc": at,
        "article_url": f"https://wire.example/{number}",
        "tickers": tickers,
    }
    return row | ({"insights": insights} if insights is not None else {}) | more


def test_news(tmp_path: Path) -> None:
    insights = [
        {"ticker": "AAPL", "sentiment": "positive", "sentiment_reasoning": "not kept"},
        {"ticker": "MSFT", "sentiment": "negative"},
        {"ticker": "GOOG", "sentiment": "neutral"},
        {"ticker": "IBM", "sentiment": "mixed"},
        None,
    ]
    answers = Answers(
        good(
            results=[
                article(1, "2024-03-01T13:00:00Z", ["AAPL", "MSFT", "GOOG", "IBM"], insights),
                article(2, "2024-03-01T14:00:00Z", ["AAPL", "AAPL", "", None]),
                article(3, "2024-03-02T00:00:00Z", ["AAPL"]),  # the day after
                article(4, "2024-02-29T23:59:59Z", ["AAPL"]),  # the day before
                article(5, "long ago", ["AAPL"]),
                article(6, "2024-03-01T15:00:00Z", None),
                article(1, "2024-03-01T13:00:00Z", ["AAPL", "MSFT", "GOOG", "IBM"], insights),
                article(7, "2024-03-01T16:00:00Z", ["B"], publisher=None, article_url=7),
            ]
        )
    )
    found, unread = admitted_news(vendor_of(tmp_path, answers).news(DAY, DAY), DAY)
    assert unread["reason"].tolist() == [
        "no ticker: ['', None]",
        "of a day that was not asked for",
        "of a day that was not asked for",
        "no time of publication",
        "no list of tickers",
    ]
    assert '"id": "n5"' in unread["sent"].iloc[3]
    found = found[list(NEWS_COLUMNS)]
    assert found[["news_id", "symbol"]].to_numpy().tolist() == [
        ["n1", "AAPL"],
        ["n1", "MSFT"],
        ["n1", "GOOG"],
        ["n1", "IBM"],
        ["n2", "AAPL"],
        ["n7", "B"],
    ]
    np.testing.assert_array_equal(found["sentiment"], [1.0, -1.0, 0.0, np.nan, np.nan, np.nan])
    assert found["published_at"].iloc[0] == pd.Timestamp("2024-03-01T13:00:00Z")
    assert str(found["published_at"].dtype) == "datetime64[us, UTC]"
    assert found["publisher"].tolist()[:2] == ["The Wire", "The Wire"]
    assert found.iloc[-1][["publisher", "url"]].isna().all()
    assert "title" not in " ".join(found.columns)
    assert answers.query() == {
        "published_utc.gte": "2024-03-01T00:00:00Z",
        "published_utc.lt": "2024-03-02T00:00:00Z",
        "order": "asc",
        "sort": "published_utc",
        "limit": "1000",
    }
    nothing = vendor_of(tmp_path, Answers(good())).news(DAY, DAY)
    assert nothing.empty
    assert nothing.dtypes.equals(found.dtypes)


def test_economy(tmp_path: Path) -> None:
    answers = Answers(
        good(
            results=[
                {"date": "2024-03-04", "yield_3_month": 5.46, "yield_10_year": 4.22},
                {"date": "2024-03-01", "yield_3_month": 5.42, "yield_30_year": "4.33"},
                {"date": "2024-02-29", "yield_3_month": 5.45},
                {"date": None, "yield_3_month": 1.0},
            ]
        )
    )
    found, unread = readable(
        vendor_of(tmp_path, answers).economy("treasury_yields", DAY, date(2024, 3, 4))
    )
    assert unread["reason"].tolist() == ["of a day that was not asked for", "no day"]
    assert list(found.columns) == ["date", *ECONOMY["treasury_yields"][1]]
    assert found["date"].dt.date.tolist() == [date(2024, 3, 1), date(2024, 3, 4)]
    assert found["yield_3_month"].tolist() == [5.42, 5.46]
    np.testing.assert_array_equal(found["yield_10_year"], [np.nan, 4.22])
    assert found["yield_30_year"].isna().all()
    assert answers.paths == ["/fed/v1/treasury-yields"]
    assert answers.query() == {
        "date.gte": "2024-03-01",
        "date.lte": "2024-03-04",
        "sort": "date.asc",
        "limit": "50000",
    }


@pytest.mark.parametrize("series", sorted(ECONOMY))
def test_every_series_without_rows(tmp_path: Path, series: str) -> None:
    answers = Answers(good())
    found = vendor_of(tmp_path, answers).economy(series, DAY, DAY)
    assert answers.paths == [f"/fed/v1/{series.replace('_', '-')}"]
    assert found.empty
    assert found.dtypes.astype("str").tolist() == [
        "datetime64[s]",
        *["float64"] * (len(found.columns) - 1),
    ]


def test_an_unknown_series_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="treasury_yields, inflation"):
        vendor_of(tmp_path, Answers(good())).economy("gdp", DAY, DAY)
