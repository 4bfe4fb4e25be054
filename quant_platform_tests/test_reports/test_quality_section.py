"""What a page says of its data: faults in sight, and no text of a vendor's as HTML."""

import re
from dataclasses import replace

import pandas as pd

from quant_platform.reports.html import render_report
from quant_platform_tests.support.report_frames import (
    OUTSTANDING,
    REFUSED,
    report_data,
)
from quant_platform_tests.support.report_pages import section_of

LIBRARY = "plotly-1.2.3.min.js"
DATA = report_data()


def test_faults_of_the_data_are_unfolded() -> None:
    page = render_report(replace(DATA, refused=REFUSED, outstanding=OUTSTANDING), LIBRARY)
    section = section_of(page, "quality")
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
    section = section_of(render_report(replace(DATA, data_quality=well), LIBRARY), "quality")
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
    section = section_of(render_report(replace(DATA, data_quality=both), LIBRARY), "quality")
    assert "1 check passed" in section
    assert "1 check not judged" in section
    assert re.search(r'<span class="soft">.{0,200}not judged</span>', section)
    assert "&lt;i&gt;not&lt;/i&gt; its turn" in section
    assert "0 of 0" in section


def test_what_a_vendor_sent_is_escaped() -> None:
    data = replace(
        DATA,
        data_quality=DATA.data_quality.assign(check_name="<u>1</u>", table_name="<u>2</u>"),
        refused=REFUSED.assign(reason="<u>3</u>", table_name="<u>4</u>"),
        outstanding=OUTSTANDING.assign(reason="<u>5</u>", source="<u>6</u>"),
    )
    section = section_of(render_report(data, LIBRARY), "quality")
    assert "<u>" not in section
    assert "<i>BBB" not in section
    assert "&lt;i&gt;BBB&lt;/i&gt;" in section
    for place in range(1, 7):
        assert f"&lt;u&gt;{place}&lt;/u&gt;" in section
