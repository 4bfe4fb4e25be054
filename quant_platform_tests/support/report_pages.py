"""Parts of a report's page as a reader finds them: sections, texts, tables, data of charts."""

import json
import re
from typing import Any


def section_of(page: str, key: str) -> str:
    found = re.search(rf'<section id="{key}".*?</section>', page, re.DOTALL)
    assert found, key
    return found.group()


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html.replace("<wbr>", ""))).strip()


def table_of(page: str, key: str, number: int = 0) -> list[list[str]]:
    """Texts of a section's table, a row a list; the head is the first."""
    table = re.findall(r"<table.*?</table>", section_of(page, key), re.DOTALL)[number]
    rows = re.findall(r"<tr>.*?</tr>", table, re.DOTALL)
    return [
        [text_of(cell) for cell in re.findall(r"<t[hd][^>]*>.*?</t[hd]>", row, re.DOTALL)]
        for row in rows
    ]


def chart_data(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="chart-data">(.*?)</script>', page)
    assert found
    return json.loads(found.group(1))
