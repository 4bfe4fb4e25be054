"""What a report says of learned models."""

from dataclasses import replace

import pandas as pd

from quant_platform.reports.forecasts import NOTHING, forecast_lines
from quant_platform.reports.sections.learned import learned
from quant_platform_tests.support.report_frames import report_data

NONE = float("nan")


def rows(*given):
    names = [*("model_name", "date", "champion", "reason", "skill_sessions", "skill")]
    names += ["skill_lower", "skill_upper"]
    return pd.DataFrame(given, columns=names)


def test_each_model_has_a_line_that_says_what_it_showed():
    lines = forecast_lines(
        rows(
            ("b", "2011-01-03", "2010-01-04", "", 246, 0.02, 0.01, 0.03),
            ("b", "2012-01-03", "2010-01-04", "", 246, 0.01, -0.01, 0.03),
            ("a", "2012-01-03", "2012-01-03", "the first version", 0, NONE, NONE, NONE),
            ("c", "2012-01-03", "2011-01-03", "", 246, 0.05, 0.02, 0.08),
            ("d", "2012-01-03", None, "no solution", 0, NONE, NONE, NONE),
            ("e", "2012-01-03", "2011-01-03", "", 246, -0.05, -0.08, -0.02),
            ("f", "2012-01-03", "2011-01-03", "", 9, 0.05, NONE, NONE),
        )
    )
    assert lines == [
        "a: the version of 2012-01-03 is in force; no outcome of its forecasts is known yet",
        "b: the version of 2010-01-04 is in force; rank correlation with what followed +0.0100,"
        f" 95 % interval -0.0100 to +0.0300, over 246 sessions: {NOTHING}",
        "c: the version of 2011-01-03 is in force; rank correlation with what followed +0.0500,"
        " 95 % interval +0.0200 to +0.0800, over 246 sessions",
        "d: no version is in force: no solution",
        "e: the version of 2011-01-03 is in force; it foretold the contrary: rank correlation with"
        " what followed -0.0500, 95 % interval -0.0800 to -0.0200, over 246 sessions",
        "f: the version of 2011-01-03 is in force; too few outcomes to judge it, over 9 sessions",
    ]


def test_the_page_has_a_row_per_learned_model_and_nothing_without_any():
    given = rows(
        ("b", "2012-01-03", "2010-01-04", "", 246, 0.01, -0.01, 0.03),
        ("d", "2012-01-03", None, "no solution", 0, NONE, NONE, NONE),
    ).assign(model_id=[1, 2], fitted_ic=[0.5, NONE], drift=[0.1, NONE])
    data = report_data()
    assert learned(data) is None
    content = learned(replace(data, frames={**data.frames, "learned_models": given}))
    assert content is not None
    assert NOTHING in content.sentences[0] and "no solution" in content.sentences[1]
    lines = content.tables[0].lines
    assert [cell.text for cell in lines[0]] == ["b", "2010-01-04", "0.0100", "246", "0.500", "0.10"]
    assert [cell.text for cell in lines[1]][1:3] == ["none", "–"]
