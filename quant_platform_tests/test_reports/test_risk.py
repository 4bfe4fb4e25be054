"""The figure, the table and the sentence of risk, from frames by hand."""

import numpy as np
import pandas as pd

from quant_platform.evaluation.risk_backtests import risk_backtest
from quant_platform.reports.risk import (
    COLUMNS,
    risk_figure,
    risk_sentence,
    risk_table,
    share_figure,
)

DAYS = pd.bdate_range("2011-01-03", periods=3)
ROWS = pd.DataFrame(
    {
        "date": DAYS,
        "model_id": 1,
        "daily_return": [0.01, -0.05, -0.02],
        "volatility": 0.01,
        "value_at_risk_95": 0.016,
        "value_at_risk_99": 0.026,
        "expected_shortfall_95": 0.022,
        "expected_shortfall_99": 0.034,
        "market_share": 0.8,
        "style_share": -0.1,
        "sector_share": 0.1,
        "specific_share": 0.2,
    }
)


def test_the_figure_marks_losses_beyond_the_value_at_risk() -> None:
    bars, _, at_99, beyond = risk_figure(ROWS).data
    assert list(bars.y) == [0.01, -0.05, -0.02]
    assert list(at_99.y) == [-0.026] * 3
    assert list(beyond.y) == [-0.05]
    assert [str(day)[:10] for day in beyond.x] == ["2011-01-04"]


def test_the_shares_have_a_line_each() -> None:
    figure = share_figure(ROWS)
    assert [trace.name for trace in figure.data] == ["Market", "Style", "Sector", "Specific"]
    assert [trace.y[0] for trace in figure.data] == [0.8, -0.1, 0.1, 0.2]


def test_the_table_has_a_dash_where_nothing_is_known() -> None:
    backtest = risk_backtest(ROWS).rename(index={1: "<mine>"})
    text = risk_table(backtest)
    assert "&lt;mine&gt;" in text
    assert text.count("<td>") == len(COLUMNS)
    assert "nan" not in text.lower()
    assert "<td>3</td>" in text  # sessions


def test_the_sentence() -> None:
    assert " ".join(risk_sentence(ROWS.iloc[0]).split()) == (
        "Next session: deviation 1.00 %, a loss beyond 2.60 % in one of 100 sessions, then 3.40 %"
        " on average."
    )
    assert "fewer than 63" in risk_sentence(ROWS.iloc[0].replace({0.01: np.nan}))
