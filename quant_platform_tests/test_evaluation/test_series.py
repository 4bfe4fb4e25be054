"""Figures of any series of returns: against empyrical, and what is refused."""

import empyrical
import numpy as np
import pandas as pd
import pytest

from quant_platform.errors import ContractError
from quant_platform.evaluation.series import evaluate

DAYS = pd.date_range("2020-01-01", periods=300, name="date")


@pytest.fixture
def returns() -> pd.DataFrame:
    drawn = np.random.default_rng(5).normal(0.0005, 0.01, (300, 2))
    return pd.DataFrame(drawn, DAYS, ["mine", "market"])


def test_empyrical_says_the_same(returns: pd.DataFrame) -> None:
    mine, market = returns["mine"], returns["market"]
    figures = evaluate(mine, market)
    assert figures.name == "mine"
    assert figures["max_drawdown"] == pytest.approx(empyrical.max_drawdown(mine))
    assert figures["total_return"] == pytest.approx(empyrical.cum_returns_final(mine))
    assert figures["sharpe_ratio"] == pytest.approx(empyrical.sharpe_ratio(mine))
    assert figures["annualized_volatility"] == pytest.approx(empyrical.annual_volatility(mine))
    assert figures["beta"] == pytest.approx(empyrical.beta(mine, market))
    rate = 1.02 ** (1 / 252) - 1
    assert evaluate(mine, risk_free=0.02)["sharpe_ratio"] == pytest.approx(
        empyrical.sharpe_ratio(mine, risk_free=rate)
    )


def test_what_needs_trades_is_unknown(returns: pd.DataFrame) -> None:
    figures = evaluate(returns["mine"])
    assert figures[["turnover", "trade_count", "hit_rate", "alpha", "beta"]].isna().all()


def test_a_column_a_series(returns: pd.DataFrame) -> None:
    table = evaluate(returns, returns["market"])
    assert table.columns.tolist() == ["mine", "market"]
    pd.testing.assert_series_equal(table["mine"], evaluate(returns["mine"], returns["market"]))
    assert table.loc["beta", "market"] == pytest.approx(1.0)
    np.testing.assert_array_equal(evaluate(returns["mine"].to_numpy()), evaluate(returns["mine"]))


@pytest.mark.parametrize(
    ("given", "benchmark", "text"),
    [
        (
            pd.Series([0.1, np.nan], DAYS[:2]),
            None,
            "unknown in 1 sessions, the first at 2020-01-02",
        ),
        (np.array([]), None, "no series of numbers"),
        (np.ones((2, 2)), None, "no series of numbers"),
        (np.array([0.1, 0.2]), np.array([0.1]), "benchmark has 1 returns, and the series 2"),
        (
            pd.Series([0.1], DAYS[:1]),
            pd.Series([0.1], DAYS[1:2]),
            "benchmark's returns are unknown",
        ),
    ],
)
def test_a_wrong_series_is_named(given: pd.Series, benchmark: pd.Series, text: str) -> None:
    with pytest.raises(ContractError, match=text):
        evaluate(given, benchmark)
