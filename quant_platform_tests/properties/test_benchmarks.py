"""A security as benchmark: the figures, however a run is cut, and whoever carries the ticker."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from quant_platform.settings import PREFIX
from quant_platform.storage.database import Database
from quant_platform_tests.support.lab import failure_text
from quant_platform_tests.support.pipeline import FIRST, LAST, run
from quant_platform_tests.support.tables import fetch

IBM = {PREFIX + "BENCHMARK": "symbol:IBM"}
EVALUATED = ("model_performance", "alerts", "performance_reports")
CHANGE = "2004-12-15"

PERFORMANCE = (
    "SELECT date::text, model_name, window_name, p.benchmark, excess_return, beta"
    " FROM model_performance AS p JOIN models ON models.id = model_id ORDER BY 1, 2, 3"
)
RETURNS = """
SELECT date::text, daily_return FROM portfolios JOIN models ON models.id = model_id
WHERE model_name = 'equal_weight' ORDER BY 1
"""
CLOSES = """
SELECT b.date::text, close_price, coalesce(sum(cash_amount), 0.0)
FROM market_data AS b LEFT JOIN corporate_actions AS a USING (date, security_id)
WHERE b.security_id = %s AND b.date >= %s GROUP BY 1, 2 ORDER BY 1
"""
SWAP = "UPDATE market_data SET symbol = %s WHERE symbol = %s AND date >= %s"


def evaluate(database: Database, home: Path, first: str, last: str) -> None:
    result = run(database, home, first, last, assets=EVALUATED, settings=IBM)
    assert result.success, failure_text(result)


def returns_of(database: Database, security: str) -> pd.Series:
    """(close + dividend) over the close before, minus 1: there is no split in these months."""
    days, closes, dividends = zip(*fetch(database, CLOSES, security, FIRST), strict=True)
    close, dividend = np.array(closes), np.array(dividends)
    values = (close[1:] + dividend[1:]) / close[:-1] - 1.0
    return pd.Series([0.0, *values], index=list(days))


def test_figures_against_a_security(computed: Database, tmp_path: Path) -> None:
    before = {row[:3]: row[3:] for row in fetch(computed, PERFORMANCE)}
    assert {row[0] for row in before.values()} == {"equal_weight"}
    evaluate(computed, tmp_path, FIRST, LAST)
    rows = fetch(computed, PERFORMANCE)
    assert {row[3] for row in rows} == {"symbol:IBM"}
    figures = {row[:3]: row[4:] for row in rows}
    own = pd.Series(dict(fetch(computed, RETURNS)))
    (security,) = fetch(computed, "SELECT DISTINCT security_id FROM market_data WHERE symbol='IBM'")
    rival = returns_of(computed, security[0])
    assert own.index.tolist() == rival.index.tolist()
    for name, count in (("21d", 21), ("63d", 63), ("inception", len(own))):
        left, right = own.iloc[-count:], rival.iloc[-count:]
        excess, beta = figures[LAST, "equal_weight", name]
        years = count / 252
        growth = [
            np.prod(1.0 + each.to_numpy(np.float64)) ** (1.0 / years) for each in (left, right)
        ]
        assert excess == pytest.approx(growth[0] - growth[1])
        assert beta == pytest.approx(np.cov(left, right)[0, 1] / np.var(right, ddof=1))
    # No model is the benchmark, so nothing is marked, and the report compares returns.
    ((ranking, text),) = fetch(
        computed, "SELECT ranking::text, summary FROM performance_reports WHERE date = %s", LAST
    )
    places = json.loads(ranking)
    assert {(each["is_benchmark"], each["benchmark"]) for each in places} == {(False, "symbol:IBM")}
    ahead = sum(each["excess_return"] > 0.0 for each in places)
    assert f"{ahead} of 4 models return" in text
    assert "more than the benchmark symbol:IBM" in text

    evaluate(computed, tmp_path, "2004-11-01", "2004-12-10")
    assert fetch(computed, PERFORMANCE) == rows


def test_a_session_is_judged_against_who_carries_the_ticker_then(
    computed: Database, tmp_path: Path
) -> None:
    (ids,) = fetch(
        computed,
        "SELECT max(security_id) FILTER (WHERE symbol = 'IBM'),"
        " max(security_id) FILTER (WHERE symbol = 'MSFT') FROM market_data",
    )
    for new, old in (("OLD", "IBM"), ("IBM", "MSFT"), ("MSFT", "OLD")):
        fetch(computed, SWAP, new, old, CHANGE)
    evaluate(computed, tmp_path, "2004-12-13", "2004-12-16")
    figures = {row[:3]: row[4:] for row in fetch(computed, PERFORMANCE)}
    own = pd.Series(dict(fetch(computed, RETURNS)))
    for day, security in (
        ("2004-12-14", ids[0]),
        (CHANGE, ids[1]),
        ("2004-12-16", ids[1]),
    ):
        left, right = (each[:day].iloc[-21:] for each in (own, returns_of(computed, security)))
        beta = np.cov(left, right)[0, 1] / np.var(right, ddof=1)
        assert figures[day, "equal_weight", "21d"][1] == pytest.approx(beta)
