"""Pages of models with one session, without any, of zeros, ruined, unknown and vast."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quant_platform.reports.html import render_report
from quant_platform_tests.support.report_frames import (
    DATES,
    OUTSTANDING,
    PORTFOLIOS,
    REFUSED,
    report_data,
)
from quant_platform_tests.support.report_pages import chart_data

LIBRARY = "plotly-1.2.3.min.js"
DATA = report_data()
PAGE = render_report(DATA, LIBRARY)


def test_first_session() -> None:
    """One session: nothing is full, most figures are undefined, and the page still stands."""
    page = render_report(report_data(DATES[0]), LIBRARY)
    assert "Monday, 4 January 2010" in page
    assert "• new" in page
    assert "they need 63 sessions, and the longest portfolio has 1." in page


def of_model(model: int, **columns: Any) -> pd.DataFrame:
    """The portfolios, with other columns of one model."""
    rows = PORTFOLIOS["model_id"] == model
    changed = PORTFOLIOS.copy()
    for name, values in columns.items():
        changed.loc[rows, name] = values
    return changed


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param({"daily_return": 0.0, "equity": 1e6}, id="zeros"),
        pytest.param(
            {
                "daily_return": np.r_[np.zeros(100), -1.5, np.full(219, np.nan)],
                "equity": np.r_[np.full(100, 1e6), np.full(220, -5e5)],
                "gross_exposure": np.r_[np.full(101, 1.0), np.full(219, np.nan)],
            },
            id="ruined",
        ),
        pytest.param(
            {"daily_return": np.nan, "gross_exposure": np.nan, "net_exposure": np.nan}, id="nan"
        ),
        pytest.param({"equity": 1e6 * np.r_[np.ones(160), np.full(160, 1e300)]}, id="vast"),
    ],
)
def test_a_model_of_odd_numbers_leaves_the_others_as_they_are(columns: dict[str, Any]) -> None:
    """A null for what is undefined: the page's own figures never say nan or inf."""
    page = render_report(replace(DATA, portfolios=of_model(3, **columns)), LIBRARY)
    assert not re.search(r">[^<]*\b(nan|inf|NaN|None)\b", page.partition("<script")[0])
    before = {curve["name"]: curve for curve in chart_data(PAGE)["charts"]["equity"]["curves"]}
    after = {curve["name"]: curve for curve in chart_data(page)["charts"]["equity"]["curves"]}
    assert after["fast"] == before["fast"]


def test_a_model_with_one_session_beside_others() -> None:
    young = PORTFOLIOS[(PORTFOLIOS["model_id"] != 3) | (PORTFOLIOS["date"] == DATES[-1])]
    page = render_report(replace(DATA, portfolios=young), LIBRARY)
    curves = {curve["name"]: curve["y"] for curve in chart_data(page)["charts"]["equity"]["curves"]}
    assert curves["<b>slow</b>"] == [None] * 319 + [10_000]
    assert "was never below its highest close" in page


def test_nothing_yet() -> None:
    empty = replace(
        DATA,
        portfolios=DATA.portfolios.iloc[:0],
        performance=DATA.performance.iloc[:0],
        ranking=DATA.ranking.iloc[:0],
        trends=DATA.trends.iloc[:0],
        signals=DATA.signals.iloc[:0],
        alerts=DATA.alerts.iloc[:0],
        data_quality=DATA.data_quality.iloc[:0],
        refused=REFUSED.iloc[:0],
        outstanding=OUTSTANDING.iloc[:0],
        row_counts={},
        frames={},
    )
    page = render_report(empty)
    assert "No model has a portfolio yet." in page
    assert "No signals for this session." in page
    assert "No checks recorded" in page
    assert "plotly.js v" not in page
