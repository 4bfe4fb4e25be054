"""Rows of model_performance: which rows exist, what they hold, and bad input."""

import empyrical
import numpy as np
import pandas as pd
import pytest

from quant_platform.errors import ContractError
from quant_platform.evaluation.metrics import METRICS
from quant_platform.evaluation.performance import (
    last_figures,
    performance_intervals,
    performance_rows,
    rolling_metric,
)
from quant_platform_tests.support.portfolios import (
    BENCHMARK,
    DATES,
    LATE,
    MODEL,
    PORTFOLIOS,
    make_portfolios,
)


def test_rows_exist_once_the_window_is_full() -> None:
    rows = performance_rows(PORTFOLIOS, BENCHMARK, DATES)
    counts = rows.groupby(["model_id", "window_name"]).size().to_dict()
    full = {"21d": 280, "63d": 238, "252d": 49, "inception": 300}
    assert counts == {
        **{(model, name): n for model in (BENCHMARK, MODEL) for name, n in full.items()},
        (LATE, "21d"): 10,
        (LATE, "inception"): 30,
    }
    first = rows[(rows["model_id"] == MODEL) & (rows["window_name"] == "252d")].iloc[0]
    assert first["date"] == DATES[251]
    assert first["window_sessions"] == 252
    inception = rows[(rows["model_id"] == LATE) & (rows["window_name"] == "inception")]
    assert inception["window_sessions"].tolist() == list(range(1, 31))


def test_columns_types_and_order() -> None:
    rows = performance_rows(PORTFOLIOS, BENCHMARK, DATES)
    keys = ["date", "model_id", "window_name", "window_sessions"]
    assert rows.columns.tolist() == [*keys, *METRICS]
    assert not rows.duplicated(keys[:3]).any()
    assert rows["trade_count"].dtype == np.int64
    assert rows["max_drawdown_sessions"].dtype == np.int64
    order = rows["window_name"].map({"21d": 0, "63d": 1, "252d": 2, "inception": 3})
    expected = rows.assign(order=order).sort_values(["date", "model_id", "order"])
    assert expected.index.tolist() == list(range(len(rows)))
    assert np.isfinite(rows[list(METRICS)].max()).all()


@pytest.mark.parametrize("model", [MODEL, LATE])
def test_the_last_figures_are_those_of_the_rows(model: int) -> None:
    rates = pd.Series(0.03, pd.DatetimeIndex(DATES))
    whole = performance_rows(PORTFOLIOS, BENCHMARK, DATES, risk_free=rates)
    row = whole[(whole["model_id"] == model) & (whole["window_name"] == "inception")].iloc[-1]
    own, rival = (PORTFOLIOS[PORTFOLIOS["model_id"] == each] for each in (model, BENCHMARK))
    returns = rival.set_index("date")["daily_return"]
    figures = last_figures(own.drop(columns="model_id"), returns, risk_free=rates)
    assert list(figures) == list(METRICS)
    for name, value in figures.items():
        np.testing.assert_equal(value, row[name], name)
    twice = pd.concat([own, own.tail(1)]).drop(columns="model_id")
    with pytest.raises(ContractError, match="a model has two rows"):
        last_figures(twice, returns)


def test_values_are_those_of_the_window() -> None:
    session = DATES[270]
    rows = performance_rows(PORTFOLIOS, BENCHMARK, [session]).set_index(["model_id", "window_name"])
    history = PORTFOLIOS[PORTFOLIOS["date"] <= session]
    returns = history[history["model_id"] == MODEL]["daily_return"].to_numpy()
    benchmark = history[history["model_id"] == BENCHMARK]["daily_return"].to_numpy()
    trades = history[history["model_id"] == MODEL]["trade_count"].to_numpy()
    for name, length in {"21d": 21, "63d": 63, "252d": 252, "inception": 271}.items():
        row = rows.loc[[(MODEL, name)]].iloc[0]
        assert row["sharpe_ratio"] == pytest.approx(empyrical.sharpe_ratio(returns[-length:]))
        assert row["max_drawdown"] == pytest.approx(empyrical.max_drawdown(returns[-length:]))
        assert row["beta"] == pytest.approx(empyrical.beta(returns[-length:], benchmark[-length:]))
        assert row["trade_count"] == trades[-length:].sum()


def test_risk_free_is_an_annual_rate() -> None:
    rows = performance_rows(PORTFOLIOS, BENCHMARK, [DATES[-1]], risk_free=0.05)
    row = rows[(rows["model_id"] == MODEL) & (rows["window_name"] == "252d")].iloc[0]
    returns = PORTFOLIOS[PORTFOLIOS["model_id"] == MODEL]["daily_return"].to_numpy()[-252:]
    assert row["sharpe_ratio"] == pytest.approx(
        empyrical.sharpe_ratio(returns, 1.05 ** (1 / 252) - 1)
    )


def test_a_benchmark_that_does_not_cover_the_window_gives_no_beta() -> None:
    portfolios = make_portfolios({BENCHMARK: 30, MODEL: 60}, 60)
    rows = performance_rows(portfolios, BENCHMARK, portfolios["date"].unique())
    model = rows[rows["model_id"] == MODEL]
    assert model[model["window_name"] == "inception"]["beta"].isna().all()
    recent = model[model["window_name"] == "21d"].set_index("date")["beta"]
    assert recent.isna().tolist() == [True] * 30 + [False] * 10


def test_without_portfolios_there_are_no_rows() -> None:
    none = performance_rows(PORTFOLIOS.iloc[:0], BENCHMARK, DATES)
    assert none.empty
    assert none.columns.tolist()[4:] == list(METRICS)
    assert performance_rows(PORTFOLIOS, BENCHMARK, ["1999-01-04"]).empty
    assert performance_rows(PORTFOLIOS, BENCHMARK, []).empty


def test_two_rows_for_a_session_are_refused() -> None:
    twice = pd.concat([PORTFOLIOS, PORTFOLIOS.iloc[[5]]])
    with pytest.raises(ContractError, match="two rows for 2001-01-08"):
        performance_rows(twice, BENCHMARK, DATES)


def test_intervals_are_those_of_the_last_window() -> None:
    rows = performance_rows(PORTFOLIOS, BENCHMARK, DATES[-1:], risk_free=0.02)
    table = performance_intervals(PORTFOLIOS, BENCHMARK, risk_free=0.02)
    # The late model has not filled the window.
    assert set(table.index.get_level_values("model_id")) == {BENCHMARK, MODEL}
    year = rows[rows["window_name"] == "252d"].set_index("model_id")
    for model in (BENCHMARK, MODEL):
        estimates = table.xs(model)["estimate"].to_numpy()
        expected = year.loc[model, list(METRICS)].astype("float64")
        np.testing.assert_allclose(estimates, expected, rtol=1e-12)
    sharpe = table.xs("sharpe_ratio", level="metric")
    assert (sharpe["lower"] < sharpe["estimate"]).all()
    assert (sharpe["estimate"] < sharpe["upper"]).all()
    alone = performance_intervals(PORTFOLIOS, None, risk_free=0.02, threads=1)
    assert alone.xs("beta", level="metric").isna().all().all()
    again = alone.xs("sharpe_ratio", level="metric")
    np.testing.assert_array_equal(again.to_numpy(), sharpe.to_numpy())
    assert performance_intervals(PORTFOLIOS.iloc[:0], None).empty


def test_rolling_metric() -> None:
    returns = PORTFOLIOS[PORTFOLIOS["model_id"] == MODEL]["daily_return"].to_numpy()
    rolled = rolling_metric(returns, "sharpe_ratio", 63)
    assert np.isnan(rolled[:62]).all()
    expected = empyrical.roll_sharpe_ratio(pd.Series(returns), window=63)
    np.testing.assert_allclose(rolled[62:], expected, rtol=1e-9)
    assert np.isnan(rolling_metric(returns[:10], "sharpe_ratio", 63)).all()


def ruined(equities: list[float], returns: list[float]) -> pd.DataFrame:
    """Portfolio rows of one model with these equities; NaN is a session without a return."""
    rows = make_portfolios({BENCHMARK: len(equities)}, len(equities))
    exposure = np.where(np.array(equities) > 0.0, 0.5, np.nan)
    return rows.assign(equity=equities, daily_return=returns, gross_exposure=exposure)


def test_the_figures_of_a_ruined_book_follow_its_equity() -> None:
    # 100, then −50 at a close, then bought back with 80 left, which stay.
    equities = [100.0, -50.0, 80.0, *[80.0] * 22]
    rows = ruined(equities, [0.0, -1.5, np.nan, *[0.0] * 22])
    figures = performance_rows(rows, BENCHMARK, pd.DatetimeIndex(rows["date"])).set_index(
        ["window_name", "date"]
    )
    inception = figures.loc["inception"]
    # −50/100 − 1 and 80/100 − 1.
    assert inception["total_return"].tolist() == pytest.approx([0.0, -1.5, *[-0.2] * 23])
    # The lowest close against the highest before it: −50/100 − 1, for ever.
    assert inception["max_drawdown"].tolist() == pytest.approx([0.0, *[-1.5] * 24])
    # One session has no return, so none of these is known from it on.
    for name in ("sharpe_ratio", "annualized_volatility", "win_rate", "average_return", "beta"):
        assert inception[name].iloc[2:].isna().all(), name
    assert inception["average_exposure"].iloc[1:].isna().all()
    # 21 sessions that begin at −50 are shares of nothing; the next ones begin at 80.
    month = figures.loc["21d"]
    assert month["total_return"].tolist() == pytest.approx(
        [-0.2, -0.2, np.nan, 0.0, 0.0], nan_ok=True
    )
    assert month["max_drawdown_sessions"].isna().tolist() == [False, False, True, False, False]


def test_a_book_that_ends_below_zero_stays_there() -> None:
    rows = ruined([100.0, -50.0, -60.0, -60.0], [0.0, -1.5, np.nan, np.nan])
    figures = performance_rows(rows, BENCHMARK, pd.DatetimeIndex(rows["date"]))
    assert figures["total_return"].tolist() == pytest.approx([0.0, -1.5, -1.6, -1.6])
    assert figures["annualized_return"].iloc[1:].isna().all()
