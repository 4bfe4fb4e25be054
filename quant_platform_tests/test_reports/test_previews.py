"""Small views of a frame, read back by a Markdown parser (markdown-it) as the UI does."""

import pandas as pd
import pytest
from markdown_it import MarkdownIt

from quant_platform.reports.previews import LONGEST_CELL, preview, sparkline

HOSTILE = [
    "a | b",
    "ends with \\",
    "\\| both",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "*bold* _it_ `code` ~~gone~~",
    "&lt;b&gt;",
    "<!-- -->",
    "1 + 2 = 3 # no heading",
]


def cells(markdown: str) -> list[list[str]]:
    """Texts of the table's rows, head included; every cell must be one piece of plain text."""
    rows: list[list[str]] = []
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    for token in parser.parse(markdown):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            children = token.children or []
            assert {child.type for child in children} <= {"text", "text_special"}, token.content
            rows[-1].append("".join(child.content for child in children))
    return rows


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_is_shown_as_it_is(text: str) -> None:
    frame = pd.DataFrame({"name": [text], "number": [2.5]})
    assert cells(preview(frame)) == [["name", "number"], [text, "2.5"]]


def test_any_name_of_a_column_is_shown_as_it_is() -> None:
    frame = pd.DataFrame([[1] * len(HOSTILE)], columns=HOSTILE)
    assert cells(preview(frame))[0] == HOSTILE


def test_a_long_text_is_cut_and_its_lines_are_joined() -> None:
    (shown,) = cells(preview(pd.DataFrame({"text": ["first\nsecond " + "x|" * 40]})))[1]
    assert shown == ("first second " + "x|" * 40)[: LONGEST_CELL - 1] + "…"


def test_rows_per_session() -> None:
    """Levels by hand: 1 is the lowest of eight bars, 8 the highest; sessions without rows go."""
    line = sparkline({"2013-01-02": 1, "2013-01-03": 0, "2013-01-04": 8})
    assert line == "`▁█` 1–8 rows, 2013-01-02 to 2013-01-04"
    assert sparkline({"2013-01-02": 0}) == "*no rows*"
