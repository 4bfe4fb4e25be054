"""Books of the setting: the same rows however they are cut, and parts that add up to the whole.

`computed` holds five months of the four usual models; runs of books begin with it.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from quant_platform.pipeline.platform import Platform
from quant_platform.quality.check import CheckContext
from quant_platform.quality.portfolios import book_attribution
from quant_platform.research.store import Store
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage.database import Database
from quant_platform_tests.support.lab import failure_text
from quant_platform_tests.support.pipeline import FIRST, SampleMarket, run
from quant_platform_tests.support.tables import content, fetch

MIDDLE, NEXT, END = "2004-08-18", "2004-08-19", "2004-09-03"
BOOKS = {
    PREFIX + "BOOKS": "core = equal(buy_and_hold, mean_reversion);"
    " risk = inverse_volatility(enhanced_momentum, equal_weight, lookback=10, every=weekly)"
}
OF_BOOKS = """
SELECT (to_jsonb(t) - 'recorded_at')::text FROM {} AS t JOIN models ON models.id = model_id
WHERE model_name IN ('core', 'risk') AND date BETWEEN %s AND %s ORDER BY 1
"""
TABLES = (
    *("book_attribution", "book_holdings", "portfolios", "positions", "fills"),
    "model_performance",
)
OF_MODELS = """
SELECT (to_jsonb(t) - 'recorded_at')::text FROM portfolios AS t JOIN models ON models.id = model_id
WHERE strategy <> 'book' AND date <= %s ORDER BY 1
"""
SHARES = """
SELECT DISTINCT capital_share FROM book_attribution JOIN models ON models.id = model_id
WHERE model_name = 'risk' AND member = 'equal_weight'
"""


def of_books(database: Database) -> dict[str, list[str]]:
    return {
        table: [text for (text,) in fetch(database, OF_BOOKS.format(table), FIRST, END)]
        for table in TABLES
    }


def compute(database: Database, home: Path, *cuts: tuple[str, str]) -> None:
    for first, last in cuts:
        assets = ["portfolios", "model_performance", "alerts", "performance_reports"]
        result = run(database, home, first, last, assets=assets, settings=BOOKS)
        assert result.success, failure_text(result)


@pytest.fixture
def platform(computed: Database, tmp_path: Path) -> Platform:
    values = {"DATABASE_URL": computed.url, PREFIX + "HOME": str(tmp_path), **BOOKS}
    return Platform(Settings.load(values, tmp_path), SampleMarket())


def test_books_are_models_in_all_that_follows(
    computed: Database,
    platform: Platform,
    whole_template: str,
    new_database: Callable[[str | None], Database],
    tmp_path: Path,
) -> None:
    models = fetch(computed, OF_MODELS, END)
    compute(computed, tmp_path, (FIRST, END))
    whole = of_books(computed)
    assert all(whole.values())
    ((ranking,),) = fetch(
        computed, "SELECT ranking::text FROM performance_reports WHERE date = %s", END
    )
    assert {"core", "risk"} <= {each["model_name"] for each in json.loads(ranking)}
    # Equal until there are ten returns of both, and then what their volatilities say.
    shares = [share for (share,) in fetch(computed, SHARES)]
    assert 0.5 in shares and len(shares) == 4

    cut = new_database(whole_template)
    compute(cut, tmp_path, (FIRST, MIDDLE), (NEXT, NEXT), ("2004-08-20", END))
    assert of_books(cut) == whole

    result = Store(computed, platform.settings).backtest("risk", FIRST, END)
    stored = [json.loads(text) for text in whole["book_attribution"]]
    ids = {row["model_id"] for row in stored if row["member"] == "equal_weight"}
    pnl = sorted(row["pnl"] for row in stored if row["model_id"] in ids)
    assert sorted(result.member_attribution["pnl"]) == pnl

    # A model's portfolio is what it is without books.
    assert fetch(computed, OF_MODELS, END) == models

    days = [day for (day,) in fetch(computed, "SELECT DISTINCT date::text FROM book_attribution")]
    context = CheckContext(platform, sorted(days), 1)
    assert book_attribution(context).failures.empty
    fetch(computed, "UPDATE book_attribution SET pnl = pnl + 1 WHERE date = %s", END)
    fetch(computed, "UPDATE book_holdings SET shares = shares + 1 WHERE date = %s", NEXT)
    found = book_attribution(CheckContext(platform, sorted(days), 1)).failures
    assert {str(day)[:10] for day in found["date"]} == {END, NEXT}


def test_without_the_setting_no_table_of_books_has_a_row(whole: Database) -> None:
    assert content(whole, "book_attribution") == content(whole, "book_holdings") == []
