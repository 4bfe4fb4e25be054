"""The HTML page: what it holds, that it needs no network, and that names cannot break it."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from quant_platform.errors import UnknownNameError
from quant_platform.evaluation.metrics import METRICS
from quant_platform.reports.formats import NONE, number, percent, whole
from quant_platform.reports.html import library_name, render_report
from quant_platform.reports.ranking import SCORE_FORMULA
from quant_platform.reports.sections.all_figures import explained
from quant_platform.reports.sections.attribution import AMOUNTS
from quant_platform.reports.sections.order import SECTIONS, queries
from quant_platform.reports.sections.section import READERS
from quant_platform.reports.sections.signals import SIGNAL_ROWS
from quant_platform_tests.support.report_frames import (
    DATES,
    MODELS,
    OUTSTANDING,
    REFUSED,
    large_report_data,
    report_data,
)
from quant_platform_tests.support.report_pages import chart_data, section_of, table_of, text_of

LIBRARY = "plotly-1.2.3.min.js"

MEGABYTE = 1_000_000

DATA = report_data()
PAGE = render_report(DATA, LIBRARY)


def test_a_page_alone_holds_the_script_of_its_charts() -> None:
    page = render_report(DATA)
    assert "plotly.js v" in page
    assert len(page.encode()) < 6 * MEGABYTE
    assert LIBRARY not in page


def test_a_page_asks_the_network_for_nothing() -> None:
    assert f'<script src="{LIBRARY}"></script>' in PAGE
    rest = PAGE.replace(f'<script src="{LIBRARY}"></script>', "")
    # Beside a page lie the pages of features.
    assert not re.search(r'(src|href)="(?!#|factors/)|@import|url\(|https?://', rest)
    assert "default-src 'none'; script-src 'unsafe-inline' 'self' file:;" in PAGE
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in PAGE
    assert re.fullmatch(r"plotly-\d+\.\d+\.\d+\.min\.js", library_name())


def test_ten_models_over_ten_years_are_less_than_a_megabyte() -> None:
    page = render_report(large_report_data(10, 2_520), LIBRARY)
    assert len(page.encode()) < 0.85 * MEGABYTE
    assert "before them the last session of each week" in page


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_finds_their_sections(reader: str) -> None:
    """A researcher sees all; the page of another reader differs in what it is switched to alone."""
    page = render_report(DATA, LIBRARY, reader)
    assert f'<body data-for="{reader}">' in page
    shown = re.findall(r'<section id="(\w+)"[^>]*data-readers="([^"]*)"', page)
    mine = {key for key, readers in shown if reader in readers.split()}
    assert {"summary", "returns", "drawdowns", "assumptions"} <= mine
    if reader == "researcher":
        assert mine == {key for key, _ in shown}
    assert ("figures" in mine) == (reader == "researcher")
    assert ("quality" in mine) == (reader != "manager")
    switched = f'data-reader="{reader}" aria-pressed="true"'
    assert switched in page
    undone = page.replace(f'<body data-for="{reader}">', '<body data-for="researcher">')
    undone = undone.replace(switched, switched.replace("true", "false"))
    other = 'data-reader="researcher" aria-pressed="false"'
    assert undone.replace(other, other.replace("false", "true")) == PAGE


def test_a_reader_that_there_is_not() -> None:
    with pytest.raises(UnknownNameError, match="no reader 'boss' of reports"):
        render_report(DATA, LIBRARY, "boss")


def test_sections_have_names_and_queries_of_their_own() -> None:
    keys = [section.key for section in SECTIONS]
    assert len(set(keys)) == len(keys)
    assert all("researcher" in section.readers for section in SECTIONS)
    assert sum(len(section.queries) for section in SECTIONS) == len(queries())
    for sql in queries().values():
        assert "$1::text::date" in sql


def test_without_data_a_section_says_so_to_who_needs_it() -> None:
    page = render_report(replace(DATA, frames={}), LIBRARY)
    section = section_of(page, "attribution")
    assert 'data-readers="researcher"' in section
    assert "Nothing was held yet" in section


def test_what_is_written_of_a_session_does_not_change() -> None:
    assert render_report(report_data(), LIBRARY) == PAGE


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
    text = text_of(section_of(PAGE, "figures"))
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
    page = render_report(
        replace(DATA, models=models, assumptions={"Costs": "5 & 5 points"}), LIBRARY
    )
    section = section_of(page, "assumptions")
    assert "<dt>Costs</dt><dd>5 &amp; 5 points</dd>" in section
    assert "days 3, max position 0.05" in section
    assert "no parameters" in section
    rules = "rebalanced monthly, gross at most 1.60, net 1.00, judged against hold_all<"
    assert rules in section
    assert "rebalanced on change, " in section
    assert "rebalanced drift 0.05, gross at most 1.00, net 1.00<" in section
    assert "12\u202f154" in section


def test_the_page_names_what_each_model_is_judged_against() -> None:
    ranking = DATA.ranking.assign(
        benchmark=pd.Series(["symbol:SPY", "hold_all", None], dtype="object")
    )
    page = render_report(replace(DATA, ranking=ranking), LIBRARY)
    assert [row[8] for row in table_of(page, "scores")[1:]] == ["symbol:SPY", "hold_all", NONE]


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
    page = render_report(replace(DATA, ranking=ranking), LIBRARY)
    shown = table_of(page, "ranking")[1:]
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
    assert "does not make them equal" in section_of(page, "ranking")
    assert "1 of 2" in text_of(section_of(page, "summary"))


def test_page_shows_every_part() -> None:
    for text in (
        "Friday, 25 March 2011",
        "fast leads.",
        "Calendar years",
        "Deepest drawdowns of",
        "Sharpe ratio, 252 sessions",
        "Monthly returns",
        SCORE_FORMULA.split(" with ")[0],
        "Signals of the session",
        "ohlc consistency",
        "prefers-color-scheme: dark",
    ):
        assert text in PAGE, text
    for metric in METRICS.values():
        assert metric.column.replace("_", " ") in PAGE


def test_intervals_stand_below_the_figures_of_a_year() -> None:
    keys = [(1, "total_return"), (2, "total_return"), (2, "sharpe_ratio")]
    index = pd.MultiIndex.from_tuples(keys, names=["model_id", "metric"])
    ends = {
        "estimate": [0.1, 0.2, 1.0],
        "lower": [-0.125, np.nan, 0.5],
        "upper": [0.5, np.nan, 2.0],
    }
    given = replace(DATA, intervals=pd.DataFrame(ends, index=index))
    page = render_report(given, LIBRARY)
    expected = {f"{percent(-0.125, 2)} to {percent(0.5, 2)}", f"{number(0.5)} to {number(2.0)}"}
    for key in ("returns", "figures"):
        found = re.findall(r"<small>([^<]* to [^<]*)</small>", section_of(page, key))
        assert {text for text in found if text[0] in "−0123456789"} == expected


def test_sharpe_interval_is_shown() -> None:
    year = DATA.performance[DATA.performance["window_name"] == "252d"]
    for row in year.to_dict("records"):
        low, high = number(row["sharpe_lower_95"]), number(row["sharpe_upper_95"])
        assert f"95 % interval {low} to {high}" in PAGE


def test_hostile_names_are_shown_as_they_are() -> None:
    hostile = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&_{{7*7}}"
    models = DATA.models.assign(
        model_name=["hold_all", "fast", hostile],
        description=hostile,
        version=hostile,
        parameters=json.dumps({hostile: hostile}),
    )
    ranking = DATA.ranking.assign(
        model_name=DATA.ranking["model_id"].map(
            dict(zip(models["id"], models["model_name"], strict=True))
        ),
        benchmark=hostile,
    )
    data = replace(
        DATA,
        models=models,
        ranking=ranking,
        summary=hostile,
        warning=hostile,
        assumptions={hostile: hostile},
        signals=DATA.signals.assign(symbol=hostile),
        alerts=DATA.alerts.assign(message=hostile),
        frames={
            **DATA.frames,
            "holdings": DATA.frames["holdings"].assign(symbol=hostile),
            "book_members": pd.DataFrame(
                {"model_id": [2], "member": [hostile]} | {name: [1.0] for name in AMOUNTS}
            ),
        },
        title=hostile,
    )
    page = render_report(data, LIBRARY)
    assert "<script>alert" not in page
    assert "<img" not in page
    assert page.count("</script>") == PAGE.count("</script>")
    assert hostile in {curve["name"] for curve in chart_data(page)["charts"]["equity"]["curves"]}


def test_charts_name_the_models() -> None:
    names = {curve["name"] for curve in chart_data(PAGE)["charts"]["equity"]["curves"]}
    assert names == set(MODELS["model_name"])
    assert "<b>slow</b>" not in PAGE.replace("\\u003c", "")
    assert "&lt;b&gt;slow&lt;/b&gt;" in PAGE


def test_a_constant_risk_free_rate() -> None:
    page = render_report(replace(DATA, risk_free=0.02), LIBRARY)
    assert "Risk-free rate: 2.00\u202f% a year, the same in every session." in page


def test_a_risk_free_rate_that_changes() -> None:
    rates = pd.Series(0.0, index=DATES)
    rates.iloc[-2:] = 0.05
    page = render_report(replace(DATA, risk_free=rates), LIBRARY)
    words = "Risk-free rate: the 3-month Treasury yield known in each session, 5.00\u202f% a year"
    assert words in page


def test_every_table_has_a_name_and_headers() -> None:
    """What a screen reader needs: labelled regions, headers with a scope, no bare symbols."""
    page = render_report(replace(DATA, refused=REFUSED, outstanding=OUTSTANDING), LIBRARY)
    tables = page.count("<table")
    assert (
        len(re.findall(r'role="region" aria-label(?:ledby)?="[^"]+" tabindex="0"', page)) == tables
    )
    assert not re.search(r"<th(?! scope=)", page.replace("<thead>", ""))
    assert page.count("<caption") == tables - 3
    assert page.count("● ") == page.count('<span aria-hidden="true">● </span>')
    assert len(re.findall(r'class="chart"[^>]*role="img" aria-label="[^"]+"', page)) == page.count(
        'class="chart"'
    )


def test_signals_are_bounded_and_active_ones_first() -> None:
    many = pd.concat([DATA.signals] * 100, ignore_index=True)
    page = render_report(replace(DATA, signals=many), LIBRARY)
    assert f"300 in all, {SIGNAL_ROWS} shown" in page
    assert [row[2] for row in table_of(PAGE, "signals")[1:]] == ["buy", "sell", "hold"]


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
