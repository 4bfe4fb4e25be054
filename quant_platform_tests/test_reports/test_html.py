"""The HTML page: what it holds, that it needs no network, and that names cannot break it."""

import json
import re
from dataclasses import replace
from typing import Any

import empyrical
import numpy as np
import pandas as pd
import pytest

from quant_platform.evaluation.metrics import METRICS
from quant_platform.reports import figures
from quant_platform.reports.formats import NONE, number, percent, whole
from quant_platform.reports.html import SIGNAL_ROWS, explained, library_name, render_report
from quant_platform.reports.ranking import SCORE_FORMULA
from quant_platform_tests.support.report_frames import (
    DATES,
    MODELS,
    OUTSTANDING,
    PORTFOLIOS,
    REFUSED,
    report_data,
)

DATA = report_data()
PAGE = render_report(DATA)
# Without Plotly's own script, which is not ours to judge.
OWN = re.sub(r"<script>/\*\*.*?</script>", "", PAGE, count=1, flags=re.DOTALL)


def chart_data() -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="chart-data">(.*?)</script>', OWN)
    assert found
    return json.loads(found.group(1))


def test_page_is_self_contained() -> None:
    assert "plotly.js v" in PAGE
    assert len(PAGE.encode()) < 6_000_000
    assert len(OWN) < 500_000
    assert not re.search(r"(src|href)=|@import|url\(|https?://", OWN)
    assert "default-src 'none'" in OWN
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in OWN


def test_pages_share_the_script_of_their_charts() -> None:
    """Less than half a megabyte a page, where one with the script in it has five."""
    page = render_report(DATA, "plotly-1.2.3.min.js")
    assert '<script src="plotly-1.2.3.min.js"></script>' in page
    assert len(page) == pytest.approx(len(OWN), rel=0.01)
    assert len(page) < 500_000
    assert "script-src 'unsafe-inline' 'self' file:;" in page
    assert "https:" not in page
    assert re.fullmatch(r"plotly-\d+\.\d+\.\d+\.min\.js", library_name())


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("total_return", "Compounded return over the window."),
        ("average_win", "Mean return of the sessions with a gain; undefined without one."),
        ("max_drawdown", "Deepest fall of the equity below its highest value in the window."),
    ],
)
def test_a_reader_is_told_of_per_cent_and_of_what_is_undefined(column: str, expected: str) -> None:
    assert explained(METRICS[column]) == expected


def test_no_description_speaks_of_fractions_or_null() -> None:
    text = re.sub(r"<[^>]*>", " ", OWN.partition('id="figures"')[2].partition("</section>")[0])
    assert "fraction" not in text
    assert "null" not in text.lower()


def test_the_page_says_what_the_figures_rest_on() -> None:
    models = DATA.models.assign(
        parameters=['{"max_position": 0.05, "days": 3}', "{}", "{}"],
        rebalance=["on_change", "monthly", "drift 0.05"],
        max_gross=[1.0, 1.6, 1.0],
        max_net=1.0,
        benchmark=pd.Series(["hold_all", "hold_all", None], dtype="object"),
    )
    page = render_report(replace(DATA, models=models, assumptions={"Costs": "5 & 5 points"}))
    section = page.partition('id="assumptions"')[2].partition("</section>")[0]
    assert "<dt>Costs</dt><dd>5 &amp; 5 points</dd>" in section
    assert "days 3, max position 0.05" in section
    assert "no parameters" in section
    rules = "rebalanced monthly, gross at most 1.60, net 1.00, judged against hold_all<"
    assert rules in section
    assert "rebalanced on change, " in section
    assert "rebalanced drift 0.05, gross at most 1.00, net 1.00<" in section


def test_the_page_names_what_each_model_is_judged_against() -> None:
    ranking = DATA.ranking.assign(
        benchmark=pd.Series(["symbol:SPY", "hold_all", None], dtype="object")
    )
    page = render_report(replace(DATA, ranking=ranking))
    table = page.partition('id="scores"')[2].partition("</section>")[0]
    assert re.findall(r'<td class="left">([^<]*)</td><td>252', table) == [
        "symbol:SPY",
        "hold_all",
        NONE,
    ]
    assert page.count("minus that of the benchmark symbol:SPY") == 1


def test_the_page_shows_sets_and_what_stands_beside_them() -> None:
    ranking = DATA.ranking.assign(
        standing=["best", "eliminated", "lightly invested"],
        p_value=[1.0, 0.012, np.nan],
        rank_lower=pd.array([1, 2, None], dtype="Int64"),
        rank_upper=pd.array([1, 3, None], dtype="Int64"),
        capacity=[1.25e9, np.nan, 0.0],
        ended_positions=pd.array([3, 0, 1], dtype="Int64"),
        assumed_endings=pd.array([2, 0, 0], dtype="Int64"),
    )
    page = render_report(replace(DATA, ranking=ranking))
    table = page.partition('id="ranking"')[2].partition("</section>")[0]
    rows = [re.sub(r"\s+", " ", row) for row in table.split("<tr>")[2:]]
    shown = [re.findall(r"<td[^>]*>(?:<[^>]*>)?([^<]*)", row) for row in rows]
    # Place, set, p, ranks; capacity, ended, sessions.
    assert [row[1:5] for row in shown] == [
        ["1", "best", "1.000", "1–1"],
        ["2", "eliminated", "0.012", "2–3"],
        ["3", "lightly invested", NONE, NONE],
    ]
    assert [row[-3:] for row in shown] == [
        ["1.2 B", "3 (2 assumed)", "320"],
        [NONE, "0", "320"],
        ["0", "1", "320"],
    ]
    assert "does not make them equal" in table


def test_same_data_same_bytes() -> None:
    assert render_report(report_data()) == PAGE


def test_page_shows_every_part() -> None:
    for text in (
        "Friday, 25 March 2011",
        "fast leads.",
        "Growth of 1",
        "Drawdown",
        "Rolling Sharpe ratio",
        "Monthly returns",
        SCORE_FORMULA.split(" with ")[0],
        "Signals of the session",
        "ohlc consistency",
        "12\u202f154",
        "prefers-color-scheme: dark",
    ):
        assert text in OWN, text
    for metric in METRICS.values():
        assert metric.column.replace("_", " ") in OWN


def test_intervals_stand_below_the_figures_of_a_year() -> None:
    keys = [(1, "total_return"), (2, "total_return"), (2, "sharpe_ratio")]
    index = pd.MultiIndex.from_tuples(keys, names=["model_id", "metric"])
    ends = {
        "estimate": [0.1, 0.2, 1.0],
        "lower": [-0.125, np.nan, 0.5],
        "upper": [0.5, np.nan, 2.0],
    }
    page = render_report(replace(DATA, intervals=pd.DataFrame(ends, index=index)))
    figures = page.partition('id="figures"')[2].partition("</section>")[0]
    shown = re.findall(r'<br><span class="soft">\s*(\S[^<]*?)\s*</span>', figures)
    assert [re.sub(r"[ \n]+", " ", text) for text in shown] == [
        f"{percent(-0.125, 2)} to {percent(0.5, 2)}",
        f"{number(0.5)} to {number(2.0)}",
    ]


def test_sharpe_interval_is_shown() -> None:
    year = DATA.performance[DATA.performance["window_name"] == "252d"]
    for row in year.to_dict("records"):
        low, high = number(row["sharpe_lower_95"]), number(row["sharpe_upper_95"])
        assert f"95 % interval {low} to {high}" in OWN


def test_names_are_escaped() -> None:
    assert "<b>slow</b>" not in OWN
    assert "&lt;b&gt;slow&lt;/b&gt;" in OWN
    names = {trace["name"] for trace in chart_data()["charts"]["equity"]["data"]}
    assert names == set(MODELS["model_name"])


def test_charts_hold_the_portfolios() -> None:
    data = chart_data()
    assert set(data["charts"]) == {"equity", "drawdown", "sharpe252", "sharpe63"}
    assert data["axes"] == [[f"{day:%Y-%m-%d}" for day in DATES]]
    curve = data["charts"]["equity"]["data"][1]["y"]
    equity = PORTFOLIOS[PORTFOLIOS["model_id"] == 2]["equity"].to_numpy()
    np.testing.assert_allclose(curve, equity / equity[0], rtol=1e-5)
    ratio = data["charts"]["sharpe63"]["data"][1]["y"]
    assert ratio[:62] == [None] * 62
    returns = PORTFOLIOS[PORTFOLIOS["model_id"] == 2]["daily_return"].to_numpy()
    assert ratio[-1] == pytest.approx(empyrical.sharpe_ratio(returns[-63:]), rel=1e-5)
    lowest = min(data["charts"]["drawdown"]["data"][1]["y"])
    assert lowest == pytest.approx(empyrical.max_drawdown(returns), rel=1e-5)


def test_a_constant_risk_free_rate() -> None:
    page = render_report(replace(DATA, risk_free=0.02))
    assert "Risk-free rate: 2.00\u202f% a year, the same in every session." in page


def test_a_risk_free_rate_that_changes() -> None:
    """0 until the last but one session, then 5 %: the curve is empyrical's with these rates."""
    rates = pd.Series(0.0, index=DATES)
    rates.iloc[-2:] = 0.05
    page = render_report(replace(DATA, risk_free=rates))
    words = "Risk-free rate: the 3-month Treasury yield known in each session, 5.00\u202f% a year"
    assert words in page
    figure = figures.rolling_sharpe_figure(PORTFOLIOS, MODELS, 63, risk_free=rates)
    returns = PORTFOLIOS[PORTFOLIOS["model_id"] == 2]["daily_return"].to_numpy()
    daily = np.where(np.arange(len(DATES)) < len(DATES) - 2, 0.0, 1.05 ** (1 / 252) - 1)
    for end in (len(DATES) - 2, len(DATES)):
        expected = empyrical.sharpe_ratio((returns - daily)[end - 63 : end])
        assert figure.data[1].y[end - 1] == pytest.approx(expected, rel=1e-12)


def test_a_session_without_a_rate_is_refused() -> None:
    with pytest.raises(KeyError):
        figures.rolling_sharpe_figure(
            PORTFOLIOS, MODELS, 63, risk_free=pd.Series(0.0, index=DATES[1:])
        )


def quality_section(page: str) -> str:
    found = re.search(r'<section id="quality".*?</section>', page, re.DOTALL)
    assert found
    return found.group()


def test_faults_of_the_data_are_unfolded() -> None:
    section = quality_section(
        render_report(replace(DATA, refused=REFUSED, outstanding=OUTSTANDING))
    )
    assert '<details class="fold" open>' in section
    for text in (
        "1 check failed",
        "1 session pending",
        "2011-03-28",
        "not published yet",
        "1\u202f200",
        "AAA high 9.5",
        "and 10 more",
        "1 of 5",
    ):
        assert text in section, text


def test_what_is_well_is_folded() -> None:
    well = DATA.data_quality.assign(passed=True, failures=0, details="{}")
    section = quality_section(render_report(replace(DATA, data_quality=well)))
    assert '<details class="fold">' in section
    assert "1 check passed" in section
    assert "failed</span>" not in section
    assert "set aside" not in section
    assert "not complete" not in section


def test_a_check_that_did_not_judge_the_session_is_shown_apart() -> None:
    rows = DATA.data_quality.assign(passed=True, failures=0, details="{}")
    sampled = rows.assign(
        check_name="sampled", passed=None, details='{"reason": "<i>not</i> its turn"}'
    )
    both = pd.concat([rows, sampled], ignore_index=True)
    section = quality_section(render_report(replace(DATA, data_quality=both)))
    assert "1 check passed" in section
    assert "1 check not judged" in section
    assert re.search(r'<span class="soft">.{0,200}not judged</span>', section)
    assert "&lt;i&gt;not&lt;/i&gt; its turn" in section
    assert "0 of 0" in section


def test_what_a_vendor_sent_is_escaped() -> None:
    section = quality_section(
        render_report(
            replace(
                DATA,
                data_quality=DATA.data_quality.assign(check_name="<u>1</u>", table_name="<u>2</u>"),
                refused=REFUSED.assign(reason="<u>3</u>", table_name="<u>4</u>"),
                outstanding=OUTSTANDING.assign(reason="<u>5</u>", source="<u>6</u>"),
            )
        )
    )
    assert "<u>" not in section
    assert "<i>BBB" not in section
    assert "&lt;i&gt;BBB&lt;/i&gt;" in section
    for place in range(1, 7):
        assert f"&lt;u&gt;{place}&lt;/u&gt;" in section


def test_the_tables_of_the_data_have_names_and_headers() -> None:
    """What a screen reader needs: labelled regions, headers with a scope, no bare symbols."""
    section = quality_section(
        render_report(replace(DATA, refused=REFUSED, outstanding=OUTSTANDING))
    )
    labels = re.findall(r'aria-labelledby="(\w+)" tabindex="0"', section)
    assert labels == re.findall(r'<h3 id="(\w+)">', section)
    assert len(labels) == section.count("<table>") == 3
    assert not re.search(r"<th(?! scope=)", section.replace("<thead>", ""))
    assert section.count("● ") == section.count('<span aria-hidden="true">● </span>')


def test_monthly_returns() -> None:
    table = figures.monthly_returns(PORTFOLIOS)[2]
    rows = PORTFOLIOS[PORTFOLIOS["model_id"] == 2].set_index("date")["daily_return"]
    assert table.index.tolist() == [2011, 2010]
    assert table.loc[2010, 3] == pytest.approx((1 + rows.loc["2010-03"]).prod() - 1)
    assert table.loc[2010, "year"] == pytest.approx((1 + rows.loc["2010"]).prod() - 1)
    assert table[4].isna()[2011]


def test_first_session() -> None:
    """One session: nothing is full, most figures are undefined, and the page still stands."""
    page = render_report(report_data(DATES[0]))
    assert "Monday, 4 January 2010" in page
    assert "• new" in page


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
    )
    page = render_report(empty)
    assert "No model has a portfolio yet." in page
    assert "No signals for this session." in page
    assert "No checks recorded" in page
    assert "plotly" not in page


def test_signals_are_bounded_and_active_ones_first() -> None:
    many = pd.concat([DATA.signals] * 100, ignore_index=True)
    page = render_report(replace(DATA, signals=many))
    assert f"300 in all, {SIGNAL_ROWS} shown" in page
    first = re.findall(r'<span class="chip (buy|sell|hold|flat)">', OWN)
    assert first == ["buy", "sell", "hold"]


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (percent(0.12345), "12.3\u202f%"),
        (percent(-0.12345, 2), "−12.35\u202f%"),
        (percent(0.5, sign=True), "+50.0\u202f%"),
        (percent(-0.0001, sign=True), "0.0\u202f%"),
        (number(1234567.891), "1\u202f234\u202f567.89"),
        (number(float("nan")), "–"),
        (number(None), "–"),
        (percent(float("inf")), "–"),
        (whole(0), "0"),
    ],
)
def test_formats(shown: str, expected: str) -> None:
    assert shown == expected


def test_colours() -> None:
    colours = figures.model_colours(MODELS)
    assert colours[1] == figures.BENCHMARK_COLOUR
    assert len(set(colours.values())) == 3
