"""What a backtest's result says of a market of five sessions, worked out by hand.

The market is that of `support/five_sessions.py`: 9, 10, 20, 20 and a dividend of 1, then 5. A
function that wants all of the equity where the close is 10 or above buys 50 shares at 20 on the
third session.
"""

import math
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quant_platform.errors import ContractError, SettingsError, UnknownNameError
from quant_platform.storage.database import Database
from quant_platform.trading.costs import Costs
from quant_platform_tests.support.five_sessions import FREE, run


def ten(panel):
    """All of the equity where the close is 10 or above."""
    return (panel.close >= 10.0).astype(float)


ten.lookback = 1  # type: ignore[attr-defined]


@pytest.fixture
def result(market: Database) -> Any:
    return run(market, ten)  # type: ignore[arg-type]


def test_a_function_is_a_strategy(result: Any) -> None:
    assert result.name == "ten"
    assert result.signals["signal_type"].tolist() == [0, 1, 0, 0, -1]
    assert result.signals["target_weight"].tolist() == [0.0, 1.0, 1.0, 1.0, 0.0]
    assert result.equity.tolist() == [1000.0, 1000.0, 1000.0, 1050.0, 300.0]
    assert result.returns.tolist() == pytest.approx([0.0, 0.0, 0.0, 0.05, 300 / 1050 - 1])


def test_weights_by_the_last_ticker(result: Any) -> None:
    assert result.weights.columns.tolist() == ["NEW"]
    # 50 shares of 20 in 1,050, of 5 in 300.
    expected = [0.0, 0.0, 1.0, 1000 / 1050, 250 / 300]
    assert result.weights["NEW"].tolist() == pytest.approx(expected)


def test_figures_and_costs(market: Database) -> None:
    done = run(market, ten, costs=Costs(10.0, 10.0))  # type: ignore[arg-type]
    # 50 shares at 20.02, and 0.1 % of that: commission 1.001, spread 50 · 0.02.
    costs = done.costs.loc[pd.Timestamp("2024-01-04")]
    assert (costs["commission"], costs["spread"]) == pytest.approx((1.001, 1.0))
    # From the close of 10 to the open of 20, 50 shares.
    assert costs["delay"] == pytest.approx(500.0)
    total = done.equity.iloc[-1] / 1000.0 - 1.0
    assert done.metrics["total_return"] == pytest.approx(total)
    assert done.rolling("total_return", 5).iloc[-1] == pytest.approx(total)
    assert done.rolling("total_return", 5).iloc[:4].isna().all()


def test_it_shows_itself(result: Any, tmp_path) -> None:
    assert "against equal_weight" in repr(result)
    fragment = result._repr_html_()
    assert fragment.count("<polyline") == 3
    assert "<script" not in fragment
    page = result.to_html(tmp_path / "out.html", for_="manager").read_text()
    assert page == result.to_html(for_="manager")
    assert "−70.00\u202f%" in page
    assert "1\u202f000 became 300 from 2024-01-02 to 2024-01-08" in page
    assert '<body data-for="manager">' in page
    assert 'src="http' not in page
    # 50 shares of 5 in an account of 300; nothing of the platform's own tables.
    assert re.search(r">NEW</th><td[^>]*>83.33\u202f%</td>", page)
    for section in ("ranking", "trials", "quality", "signals"):
        assert f'<section id="{section}"' not in page
    assert [trace.name for trace in result.plot().data] == ["ten", "equal_weight", "drawdown"]


def test_implementation_risk_runs_other_assumptions(result: Any) -> None:
    risk = result.implementation_risk().set_index("value")
    assert risk.loc["ideal", "total_return"] == pytest.approx(-0.7)
    # Sized from the close of 10 and filled at 20: 100 shares for 2,000, of which 1,000 are owed.
    assert risk.loc["previous_close", "total_return"] < -0.9


def test_a_frame_of_tickers_is_aligned(market: Database) -> None:
    def framed(panel):
        return panel.wide((panel.close >= 10.0).astype(float)).iloc[1:]

    with pytest.raises(ContractError, match="the weight nan"):
        run(market, framed)  # type: ignore[arg-type]

    def whole(panel):
        return panel.wide(ten(panel))

    assert run(market, whole).equity.tolist()[-1] == 300.0  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (
            lambda panel: np.where(panel.close > 15, math.nan, 0.0),
            "the weight nan for figi on 2024",
        ),
        (lambda panel: np.where(panel.close > 15, math.inf, 0.0), "the weight inf"),
        (lambda panel: ten(panel)[1:], "where the panel is"),
        (lambda panel: None, "NoneType where the panel is"),
        (
            lambda panel: panel.wide(ten(panel)).rename(columns=str.upper),
            "weights for FIGI",
        ),
        (lambda panel: panel.wide(ten(panel)).shift(freq="30000D"), "which the panel has not"),
    ],
)
def test_weights_that_are_none(market: Database, weights, message) -> None:
    with pytest.raises(ContractError, match=message):
        run(market, weights)


def test_what_is_no_strategy(market: Database) -> None:
    with pytest.raises(SettingsError, match="is no strategy"):
        run(market, 7)  # type: ignore[arg-type]

    def broken(panel):
        raise ValueError("nothing works")

    with pytest.raises(SettingsError, match="nothing works"):
        run(market, broken)  # type: ignore[arg-type]


def test_the_features_that_a_function_reads_are_found(market: Database) -> None:
    seen = []

    def reads(panel):
        seen.append(panel["momentum_1"].shape)
        return np.where(panel["momentum_1"] > 0.5, 1.0, 0.0)

    # 10 to 20: bought at the next open, the ex-date's, for 20; sold for 5 in the session after it.
    assert run(market, reads, costs=FREE).equity.tolist()[-1] == pytest.approx(250.0)  # type: ignore[arg-type]
    assert len(seen) >= 2


def test_intervals_of_a_short_backtest_are_unknown(result: Any) -> None:
    """Its figures are known: five returns are too few to resample."""
    table = result.intervals()
    assert {"sharpe_lower_95", "sharpe_upper_95"}.isdisjoint(table.index)
    for name in table.index:
        np.testing.assert_allclose(table["estimate"][name], result.metrics[name], rtol=1e-12)
    assert table[["lower", "upper"]].isna().all(axis=None)
    assert result.intervals(["total_return"]).index.tolist() == ["total_return"]
    with pytest.raises(UnknownNameError, match="There is no figure 'sharpe'"):
        result.intervals(["sharpe"])


@pytest.mark.parametrize("sessions", [0, -1, 2.5, "252", True, math.nan])
def test_a_rolling_figure_takes_a_number_of_sessions(result: Any, sessions: Any) -> None:
    with pytest.raises(SettingsError, match="sessions is"):
        result.rolling("sharpe_ratio", sessions)


@pytest.mark.parametrize("metric", ["nix", "", 3, None, ["sharpe_ratio"]])
def test_a_rolling_figure_is_one_that_there_is(result: Any, metric: Any) -> None:
    with pytest.raises(UnknownNameError, match="There is no figure"):
        result.rolling(metric)
