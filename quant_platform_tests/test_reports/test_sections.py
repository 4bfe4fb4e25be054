"""Sections on gains, benchmark, trips, risk, features and promises: frames by hand, texts by hand.

The frames are those of `support/explained_frames.py`, where each figure is stated.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from quant_platform.reports.formats import NONE
from quant_platform.reports.html import render_report
from quant_platform_tests.support.explained_frames import feature_rows, risk_rows
from quant_platform_tests.support.report_frames import DATES, report_data
from quant_platform_tests.support.report_pages import chart_data, section_of, table_of, text_of

DATA = report_data()
PAGE = render_report(DATA, "plotly.js")


def page_with(**frames: pd.DataFrame) -> str:
    return render_report(replace(DATA, frames={**DATA.frames, **frames}), "plotly.js")


def said(page: str, key: str) -> str:
    return text_of(section_of(page, key)).replace("\u202f", " ")


def cells(page: str, key: str, number: int = 0) -> list[list[str]]:
    return [[text.replace("\u202f", " ") for text in row] for row in table_of(page, key, number)]


def test_causes_add_up_to_the_gain() -> None:
    """Prices 900 − 400, dividends 30, interest 5; costs 50, 10, 40, 25 and 5: 405."""
    head, *rows = cells(PAGE, "attribution")
    assert head[1:4] == ["Prices", "Dividends", "Interest"]
    assert rows[0][1:] == ["+500", "+30", "+5", "−50", "−10", "−40", "−25", "−5", "+405"]
    assert len(rows) == 3


def test_sectors_and_securities_of_a_model() -> None:
    sectors = cells(PAGE, "attribution", 1)[1:]
    assert [row[0] for row in sectors] == ["Energy", "cash", "Health", "All"]
    assert sectors[0][1:] == ["+900", "+30", "0", "−30", "+900"]
    assert sectors[2][1:] == ["−400", "0", "0", "−100", "−500"]
    assert sectors[3][-1] == "+405"
    (bars,) = chart_data(PAGE)["charts"]["pnl2"]["data"]
    assert (bars["y"], bars["x"]) == (["AAA", "cash", "BBB"], [900.0, 5.0, -500.0])


def test_what_is_not_explained_is_said() -> None:
    changes = DATA.frames["pnl_by_model"].assign(unexplained=[0.0, -12.5, 1e-9])
    text = said(page_with(pnl_by_model=changes), "attribution")
    assert "−12.50 of fast is not explained" in text
    assert text.count("not explained") == 1


def test_effects_add_up_to_the_active_return() -> None:
    """5 % less 3 % is allocation 1, selection 2, interaction −0.5, trading 0.25, costs −0.75."""
    row = cells(PAGE, "active")[1]
    assert row[1:6] == ["hold_all", "252", "+5.00 %", "+3.00 %", "+2.00 %"]
    assert row[6:] == ["+1.00 %", "+2.00 %", "−0.50 %", "+0.25 %", "−0.75 %"]
    groups = cells(PAGE, "active", 1)[1:]
    assert [each[0] for each in groups] == ["Energy", "cash", "Total"]
    assert groups[2][1:3] == ["100.0 %", "100.0 %"]
    assert groups[2][-1] == "+2.00 %"


def test_the_best_and_the_worst_trips() -> None:
    figures = cells(PAGE, "trades")[1]
    assert figures[1:5] == ["252", "10", "9", "44.4 %"]
    assert figures[6:9] == ["+500", "−250", "1.60"]
    best, worst = cells(PAGE, "trades", 1)[1:], cells(PAGE, "trades", 2)[1:]
    assert best[0][:5] == ["AAA", "long", "2010-06-01", "open", "12"]
    assert worst[0][:4] == ["BBB", "short", NONE, "2010-06-01"]
    assert worst[0][5:] == ["−250", "−2.5 %", "+8.0 %", "−4.0 %"]


def test_the_universe_and_what_ended() -> None:
    text = said(PAGE, "survivorship")
    assert "1 of 4 members have ended by 2011-03-25" in text
    assert "Survivors alone, the total return of the universe is +5.00 % away" in text
    results = cells(PAGE, "survivorship")[1:]
    assert [row[4] for row in results] == ["0.00 %", "−8.00 %", "−25.00 %", "+5.00 %"]
    assert cells(PAGE, "survivorship", 1)[1] == [
        *("gone", "2010-01-04", "2010-06-01", "1.50", "reference data"),
    ]
    # A position of 1,000 of 10,000 that was paid in full, at −30 % and at −100 %.
    assert cells(PAGE, "survivorship", 2)[1][1:4] == ["1", "1", "0"]


def test_risk_of_the_next_session() -> None:
    """1.2 % a session is 1.2 × √252 = 19.0 % a year; 1.6 and 2.5 of it are lost rarely."""
    row = cells(PAGE, "risk")[1]
    assert row[1:6] == ["19.0 %", "1.92 %", "3.00 %", "4.20 %", "0.75"]
    assert row[6:] == ["80 %", "−10 %", "10 %", "20 %", "100 %"]
    assert len(chart_data(PAGE)["charts"]["expected_volatility"]["curves"]) == 3


def test_forecasts_that_are_too_low_are_named() -> None:
    """A loss of 10 % every fourth session is beyond any of them; there should be 3 in 319."""
    portfolios = DATA.portfolios.copy()
    mine = portfolios["model_id"] == 2
    losses = np.where(np.arange(mine.sum()) % 4 == 0, -0.1, 0.001)
    portfolios.loc[mine, "daily_return"] = losses
    page = render_report(replace(DATA, portfolios=portfolios), "plotly.js")
    assert "more frequent than they should be in fast" in said(page, "risk")
    row = next(each for each in cells(page, "risk", 1) if each[0] == "fast")
    # 320 sessions; the first has no forecast, and its loss is not counted.
    assert row[1] == "319"
    assert (row[4], row[8]) == ("79 16 due", "79 3 due")
    assert row[5] == "0.000"


def test_a_forecast_is_judged_by_the_return_that_followed() -> None:
    """The last forecast has no return yet: what it says changes no verdict."""
    rows = risk_rows([1, 2, 3], DATES)
    last = rows["date"] == DATES[-1]
    other = rows.assign(value_at_risk_99=rows["value_at_risk_99"].where(~last, 0.0))
    assert cells(page_with(risk_forecasts=other), "risk", 1) == cells(PAGE, "risk", 1)


def test_features_the_clearest_first() -> None:
    """Feature 2 has 0.02 ± 1.96 × 0.01; of nine with t of 0, 1 and 2 three are beyond 1.96."""
    assert "3 of 9 rank correlations" in said(PAGE, "features")
    head, *rows = cells(PAGE, "features")
    assert [row[0] for row in rows] == ["feature_2", "feature_1", "feature_0"]
    assert rows[0][1:4] == ["+0.020 0.000 to 0.040", "+2.0", "+0.013"]
    assert head[4:9] == ["Q1", "Q2", "Q3", "Q4", "Q5"]
    assert rows[0][4:10] == ["+0.50 %", "+1.00 %", "+1.50 %", "+2.00 %", "+2.50 %", "+2.00 %"]
    assert '<a href="factors/feature_2.html">' in section_of(PAGE, "features")


def test_in_a_small_universe_there_are_two_quantiles() -> None:
    rows = feature_rows(2).assign(return_3=np.nan, return_4=np.nan, return_5=np.nan)
    head = cells(page_with(factor_summary=rows), "features")[0]
    assert [each for each in head if each.startswith("Q")] == ["Q1", "Q2"]


def test_of_many_features_the_clearest_are_listed() -> None:
    page = page_with(factor_summary=feature_rows(40))
    assert len(cells(page, "features")) == 16
    assert "The 15 clearest of 40 features." in said(page, "features")


def test_models_in_use() -> None:
    assert "fast, champion since 2010-01-04: the promise" in said(PAGE, "monitor")
    row = cells(PAGE, "monitor")[1]
    assert row[0] == "fast"
    assert row[4:8] == ["+1.00", "0.00", "+2.00", "+0.50"]
    assert row[-1] == "holds"
    # log10 of 3.25 is 0.51.
    curve = chart_data(PAGE)["charts"]["evidence"]["curves"][0]
    assert (curve["power"], curve["y"][0]) == (2, 51)


def test_the_holdout_is_a_column_where_there_is_one() -> None:
    assert "Hold-out" not in cells(PAGE, "ranking")[0]
    states = pd.Series(["sealed", "opened 2024-03-01", None], DATA.ranking.index, dtype=object)
    page = render_report(replace(DATA, ranking=DATA.ranking.assign(holdout=states)), "plotly.js")
    column = [row[-1] for row in cells(page, "ranking")]
    assert column == ["Hold-out", "sealed", "opened 2024-03-01", NONE]


def test_declared_studies_and_their_budget() -> None:
    """Two trials of a budget of one are exploratory; a study without a trial has no figures."""
    rows = pd.DataFrame(
        {
            "name": ["momentum", "nothing yet"],
            "hypothesis": ["Small caps trend.", None],
            "metric": ["sharpe_ratio", None],
            "budget": [1.0, np.nan],
            "give_up": ["below 0.5", None],
            "since": "2010-02-01",
            "trials": [2, 0],
            "tested": [2, 0],
            "discoveries": [1.0, np.nan],
            "best": ["fast", None],
            "best_sharpe": [1.25, np.nan],
        }
    )
    one, other = cells(page_with(declared_studies=rows), "studies")[1:]
    assert one[:4] == [
        *("momentum Small caps trend.", "2010-02-01", "sharpe_ratio", "2 of 1 exploratory"),
    ]
    assert one[4:] == ["2", "1", "1.25 fast", "below 0.5"]
    assert other[2:] == [NONE, "0", "0", NONE, NONE, NONE]
    assert 'id="studies"' not in PAGE


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("attribution", "Nothing was held yet"),
        ("active", "No active return is explained"),
        ("trades", "there is no round trip"),
        ("survivorship", "Nothing is known of securities that ended."),
        ("risk", "No risk is forecast"),
        ("features", "Nothing is known of what features foretold"),
        ("monitor", "No model is in use"),
    ],
)
def test_without_data_there_is_a_sentence(key: str, sentence: str) -> None:
    page = render_report(replace(DATA, frames={}), "plotly.js")
    assert sentence in said(page, key)
    assert "<table" not in section_of(page, key)
    # What is of an earlier session alone is not of this one.
    earlier = {
        name: rows[rows["date"] < DATES[-1]]
        for name, rows in DATA.frames.items()
        if name in ("risk_forecasts", "model_monitor")
    }
    if key in ("risk", "monitor"):
        assert sentence in said(page_with(**earlier), key)
