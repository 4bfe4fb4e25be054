"""Small views of a frame as Markdown: the first rows, and a line of bars.

What does not belong here: pages (`html.py`), and what Dagster is told (`defs/metadata.py`).
"""

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

PREVIEW_ROWS = 8
PREVIEW_COLUMNS = 12
PLOT_SESSIONS = 60
LONGEST_CELL = 40
BARS = "▁▂▃▄▅▆▇█"

_MARKUP = re.compile(r"[\\`*_{}\[\]()<>#+!|~&$]")
"""Signs that mean something in Markdown or HTML."""


def preview(frame: pd.DataFrame) -> str:
    """Markdown table of the first rows; wide frames are cut, long cells shortened."""
    if frame.empty:
        return "*no rows*"
    shown = frame.head(PREVIEW_ROWS).iloc[:, :PREVIEW_COLUMNS]
    lines = [
        "| " + " | ".join(_cell(str(name)) for name in shown.columns) + " |",
        "|" + "---|" * len(shown.columns),
    ]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in shown.to_numpy()]
    hidden = len(frame.columns) - len(shown.columns)
    if hidden:
        lines.append(f"\n*and {hidden} more columns*")
    return "\n".join(lines)


def sparkline(rows: Mapping[str, int]) -> str:
    """Rows per session over the newest sessions that have any, as a line of bars."""
    days = sorted(day for day, count in rows.items() if count)[-PLOT_SESSIONS:]
    if not days:
        return "*no rows*"
    counts = [rows[day] for day in days]
    levels = [(count - 1) * (len(BARS) - 1) // max(max(counts) - 1, 1) for count in counts]
    bars = "".join(BARS[level] for level in levels)
    return f"`{bars}` {min(counts)}–{max(counts)} rows, {days[0]} to {days[-1]}"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, pd.Timestamp | np.datetime64):
        moment = value.to_datetime64() if isinstance(value, pd.Timestamp) else value
        return str(moment.astype("datetime64[D]"))
    text = " ".join(str(value).split())
    return escaped(text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…")


def escaped(text: str) -> str:
    """Text as Markdown that shows exactly it: no HTML, no link, no end of a table's cell."""
    return _MARKUP.sub(lambda sign: f"&#{ord(sign.group())};", text)
