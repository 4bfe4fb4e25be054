"""Rows of `performance_statistics`: by hand, against their parts, and the laws."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from arch.bootstrap import MCS

from quant_platform.evaluation.comparison import COLUMNS, statistics_rows
from quant_platform.evaluation.effective_trials import Tried
from quant_platform.evaluation.metrics import METRICS
from quant_platform.evaluation.sharpe_inference import deflated_sharpe
from quant_platform.evaluation.windows import TrailingWindow

SESSIONS = 400
DATES = pd.date_range("2010-01-04", periods=SESSIONS, freq="B", unit="s")


def model(number: int, returns: Any, first: int = 0, **columns: Any) -> pd.DataFrame:
    """Rows of `portfolios` of one model, from a session on."""
    values = np.asarray(returns, dtype=np.float64)
    given = {"gross_exposure": 0.9, "costs": 0.0, "equity": 1e6 * np.cumprod(1.0 + values)}
    return pd.DataFrame(
        {
            "date": DATES[first : first + len(values)],
            "model_id": number,
            "daily_return": values,
            **given,
            **columns,
        }
    )


def drawn(seed: int, drift: float, count: int = SESSIONS) -> np.ndarray:
    return np.random.default_rng(seed).normal(drift, 0.01, count)


GOOD, EQUAL, BAD = drawn(1, 0.002), drawn(2, 0.0015), drawn(3, -0.004)
IDLE, NEW = drawn(4, 0.0) * 0.01 + 0.0005, drawn(5, 0.001, 100)
PORTFOLIOS = pd.concat(
    [
        model(1, GOOD),
        model(2, EQUAL, costs=30.0),
        model(3, BAD),
        model(4, IDLE, gross_exposure=0.04),
        model(5, NEW, first=300),
    ]
)
LAST = DATES[-1:]
ROWS = statistics_rows(PORTFOLIOS, DATES, risk_free=0.02)


def last(portfolios: pd.DataFrame, **options: Any) -> pd.DataFrame:
    return statistics_rows(portfolios, LAST, **options).set_index("model_id")


def test_standings() -> None:
    rows = last(PORTFOLIOS)
    assert rows["standing"].tolist() == ["best", "best", "eliminated", "lightly invested", "young"]
    assert rows["sessions"].tolist() == [400, 400, 400, 400, 100]
    assert rows["elimination_step"][3] == 1
    assert rows["rank_lower"][3] == rows["rank_upper"][3] == 3
    # The one that holds almost nothing has the highest Sharpe ratio, and is not compared.
    assert rows["sharpe_ratio"].idxmax() == 4
    apart = rows.loc[[4, 5], ["p_value", "rank_lower", "deflated_sharpe", "trials"]]
    assert apart.isna().all().all()
    assert list(ROWS.columns) == list(COLUMNS)


def test_the_set_is_that_of_arch() -> None:
    """With other draws: p-values agree within the error of 1,000 resamples."""
    rows = last(PORTFOLIOS)
    losses = -np.column_stack([GOOD, EQUAL, BAD])
    block = round(float(rows["block_length"][1]))
    theirs = MCS(losses, size=0.05, reps=2000, block_size=max(block, 1), seed=1)
    theirs.compute()
    assert theirs.included == [0, 1]
    expected = theirs.pvalues["Pvalue"].sort_index().to_numpy()
    np.testing.assert_allclose(rows["p_value"][:3], expected, atol=0.05)


def test_the_interval_is_around_the_metric() -> None:
    for number, returns in ((1, GOOD), (3, BAD), (4, IDLE), (5, NEW)):
        row = last(PORTFOLIOS).loc[number]
        ratio = METRICS["sharpe_ratio"](TrailingWindow.of(returns))
        assert row["sharpe_ratio"] == pytest.approx(float(ratio), rel=1e-9)
        assert row["sharpe_lower"] < ratio < row["sharpe_upper"]


def test_the_deflated_ratio_counts_the_models_compared() -> None:
    rows = last(PORTFOLIOS)
    compared = np.stack([GOOD, EQUAL, BAD])
    ratios = compared.mean(axis=1) / compared.std(axis=1, ddof=1)
    deviation = compared[0] - compared[0].mean()
    second = (deviation**2).mean()
    shape = (deviation**3).mean() / second**1.5, (deviation**4).mean() / second**2
    spread = float(ratios.std(ddof=1))
    expected = deflated_sharpe(ratios[0], SESSIONS, *shape, trials=3, deviation=spread)
    assert rows["deflated_sharpe"][1] == pytest.approx(float(expected), rel=1e-9)
    assert rows["trials"][1] == 3
    assert 2.9 < rows["effective_trials"][1] <= 3.0


def test_what_was_tried_beside_them_deflates_further() -> None:
    """Ratios of 1 and −1 a year, 250 of each: their deviation and the models' own, by hand."""
    ratios = np.repeat([1.0, -1.0], 250)
    rows = last(PORTFOLIOS)
    many = last(PORTFOLIOS, tried=Tried(ratios, np.full(500, 9.0 * SESSIONS), 80.0))
    assert (many["trials"].dropna() == 503).all()
    own = rows["effective_trials"][1]
    assert many["effective_trials"][1] == pytest.approx(own + 80.0, rel=1e-12)
    compared = np.stack([GOOD, EQUAL, BAD])
    all_ratios = [*(compared.mean(axis=1) / compared.std(axis=1, ddof=1)), *ratios / np.sqrt(252)]
    deviation = compared[0] - compared[0].mean()
    second = (deviation**2).mean()
    shape = (deviation**3).mean() / second**1.5, (deviation**4).mean() / second**2
    spread = float(np.std(all_ratios, ddof=1))
    expected = deflated_sharpe(all_ratios[0], SESSIONS, *shape, trials=503, deviation=spread)
    assert many["deflated_sharpe"][1] == pytest.approx(float(expected), rel=1e-9)
    assert many["deflated_sharpe"][1] < many["deflated_sharpe_effective"][1]


def test_ratios_of_a_few_sessions_deflate_as_those_of_as_many_as_the_models_have() -> None:
    """Without skill a ratio over a quarter of the sessions is twice as far from zero by chance."""
    ratios = np.repeat([1.0, -1.0], 250)
    long = last(PORTFOLIOS, tried=Tried(ratios, np.full(500, float(SESSIONS)), 80.0))
    short = last(PORTFOLIOS, tried=Tried(2.0 * ratios, np.full(500, SESSIONS / 4.0), 80.0))
    pd.testing.assert_frame_equal(short, long)


def test_costs_and_capacity_by_hand() -> None:
    """Impact of 100 a session on an equity of 1,000,000, costs of 200, and 0.001 a session left.

    Costs are 0.02 % a session, 5.04 % a year. The edge before impact is 0.0011, of which impact
    takes 0.0001 · √(equity ÷ 1,000,000); half of it at an equity of 1,000,000 · 5.5² = 30,250,000.
    """
    returns = np.tile([0.002, 0.0], SESSIONS // 2)
    rows = model(1, returns, equity=1e6, costs=200.0)
    impacts = rows[["date", "model_id"]].assign(impact=100.0)
    result = last(rows, impacts=impacts).loc[1]
    assert result["cost_rate"] == pytest.approx(0.0504)
    assert result["capacity"] == pytest.approx(30_250_000)
    assert np.isnan(last(rows)["capacity"][1])
    losing = model(1, -returns, equity=1e6)
    assert np.isnan(last(losing, impacts=impacts)["capacity"][1])


def test_ended_positions_are_counted_so_far() -> None:
    endings = pd.DataFrame(
        {"date": DATES[[5, 7, 390]], "model_id": 1, "ended": [1, 2, 1], "assumed": [0, 1, 0]}
    )
    rows = statistics_rows(model(1, GOOD), DATES[[4, 6, 10, 399]], endings=endings)
    assert rows["ended_positions"].tolist() == [0, 1, 3, 4]
    assert rows["assumed_endings"].tolist() == [0, 0, 1, 1]


def test_models_of_different_length_are_compared_over_what_they_share() -> None:
    rows = last(pd.concat([model(1, GOOD), model(2, EQUAL[:300], first=100)]))
    assert rows["sessions"].tolist() == [300, 300]
    alone = last(pd.concat([model(1, GOOD[100:], first=100), model(2, EQUAL[:300], first=100)]))
    assert rows["p_value"].tolist() == alone["p_value"].tolist()
    np.testing.assert_allclose(rows["sharpe_lower"], alone["sharpe_lower"], rtol=1e-6)


@pytest.mark.parametrize("cut", [1, 21, 252, 253, 330])
def test_causality(cut: int) -> None:
    """Law 1: history cut at a session gives that session the same row, bit by bit."""
    known = PORTFOLIOS[PORTFOLIOS["date"] <= DATES[cut - 1]]
    rows = statistics_rows(known, DATES[cut - 1 : cut], risk_free=0.02)
    expected = ROWS[ROWS["date"] == DATES[cut - 1]].reset_index(drop=True)
    pd.testing.assert_frame_equal(rows, expected, check_exact=True)


def test_any_cut_and_any_number_of_threads_give_the_same_bits() -> None:
    """Laws 2 and 6."""
    parts = [
        statistics_rows(PORTFOLIOS, part, risk_free=0.02, threads=threads)
        for part, threads in ((DATES[250:251], 1), (DATES[251:275], 3), (DATES[275:290], 2))
    ]
    expected = ROWS[ROWS["date"].between(DATES[250], DATES[289])].reset_index(drop=True)
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), expected, check_exact=True)


FIGURES = ["sharpe_ratio", "sharpe_lower", "sharpe_upper", "deflated_sharpe", "p_value"]


def test_one_day() -> None:
    row = statistics_rows(PORTFOLIOS, DATES[:1]).iloc[0]
    assert row["standing"] == "young"
    assert row["sessions"] == 1
    assert row[FIGURES].isna().all()


def test_one_model_is_compared_with_nothing() -> None:
    row = last(model(1, GOOD)).loc[1]
    assert row["standing"] == "best"
    assert row[["p_value", "rank_lower", "rank_upper", "elimination_step"]].isna().all()
    assert (row["trials"], row["deflated_sharpe"]) == (1, pytest.approx(row["deflated_sharpe"]))


def test_no_deviation() -> None:
    """Two models that hold cash at no interest, and one that does something."""
    nothing = np.zeros(SESSIONS)
    rows = last(pd.concat([model(1, nothing), model(2, nothing), model(3, GOOD)]))
    assert rows.loc[[1, 2], ["sharpe_ratio", "sharpe_lower", "deflated_sharpe"]].isna().all().all()
    assert rows["p_value"][1] == rows["p_value"][2]
    assert rows["standing"][3] == "best"
    assert rows["trials"][3] == 1


def test_a_loss_of_everything() -> None:
    returns = np.where(np.arange(SESSIONS) == 350, -1.0, GOOD)
    returns[351:] = np.nan
    equity = np.where(np.arange(SESSIONS) >= 350, 0.0, 1e6)
    ruined = model(1, returns, equity=equity)
    rows = last(pd.concat([ruined, model(2, EQUAL), model(3, BAD)]))
    assert rows["standing"].tolist() == ["ruined", "best", "eliminated"]
    assert rows.loc[1, FIGURES].isna().all()
    without = last(pd.concat([model(2, EQUAL), model(3, BAD)]))
    assert rows["p_value"][2:].tolist() == without["p_value"][1:].tolist()


def test_a_gap_is_no_return() -> None:
    returns = np.where(np.arange(SESSIONS) == 100, np.nan, GOOD)
    rows = last(pd.concat([model(1, returns, equity=1e6), model(2, EQUAL)]))
    assert rows.loc[1, FIGURES].isna().all()
    assert rows["p_value"].isna().all()


def test_no_portfolio() -> None:
    assert statistics_rows(PORTFOLIOS.iloc[:0], DATES).empty
