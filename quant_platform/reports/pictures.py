"""Key plots of a report as small pictures in Markdown, as the Dagster UI shows them.

Each is an SVG inside the text itself, so that it needs no file and no network; its curves have few
points, since the text lies in the event log. What does not belong here: text views of frames
(`previews.py`), and the charts of pages (`figures.py`).
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.kernels.arrays import FloatArray
from quant_platform.reports.data import ReportData
from quant_platform.reports.formats import number, percent
from quant_platform.reports.palette import Look, looks
from quant_platform.reports.previews import escaped

WIDTH, HEIGHT, LINE = 640.0, 180.0, 16.0
"""Size of the plot, and the height of a line of names below it."""

POINTS = 120
"""Points of a curve at most."""

MOST = 8
"""Curves at most: those of the models ranked first."""

LONGEST_NAME = 32

DASHES = {"solid": "", "dot": "2 3", "dash": "7 4", "dashdot": "7 3 2 3", "longdash": "11 4"}

Drawn = tuple[str, FloatArray, Look]
"""Name, values and look of a curve."""


def pictures_of(data: ReportData) -> Mapping[str, str]:
    """Growth and drawdown of the models ranked first, as Markdown by name."""
    if not data.ordered:
        return {}
    histories = data.histories
    chosen = data.ordered[:MOST]
    look = looks(data.models)
    pictures = {}
    for name, values in (("growth of 1", histories.growth), ("drawdown", histories.drawdown)):
        curves = [
            (str(data.names[model]), values[:, histories.models.index(model)], look[model])
            for model in chosen
        ]
        pictures[name] = picture(name, histories.dates.astype("datetime64[D]"), curves)
    return pictures


def picture(label: str, dates: NDArray[np.datetime64], curves: Sequence[Drawn]) -> str:
    """Curves over sessions as an image in Markdown.

    Parameters
    ----------
    label : what it shows
    dates : (T,) sessions
    curves : each with (T,) values; NaN for none
    """
    known = [values[np.isfinite(values)] for _, values, _ in curves]
    known = [values for values in known if len(values)]
    if not known:
        return "*no values*"
    low = min(float(values.min()) for values in known)
    high = max(float(values.max()) for values in known)
    paths = "".join(_path(values, low, high, look) for _, values, look in curves)
    names = "".join(_name(place, name, look) for place, (name, _, look) in enumerate(curves))
    form = percent if label == "drawdown" else number
    size = HEIGHT + LINE * (1.0 + np.ceil(len(curves) / 4.0)) + 8.0
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH:.0f}" height="{size:.0f}"'
        f' viewBox="0 0 {WIDTH:.0f} {size:.0f}" font-family="sans-serif" font-size="11">'
        f'<rect width="100%" height="100%" fill="#fff"/>{paths}'
        f'<g fill="#5d6778"><text x="4" y="12">{form(high)}</text>'
        f'<text x="4" y="{HEIGHT - 4:.0f}">{form(low)}</text>'
        f'<text x="4" y="{HEIGHT + 12:.0f}">{_day(dates[0])}</text>'
        f'<text x="{WIDTH - 4:.0f}" y="{HEIGHT + 12:.0f}" text-anchor="end">{_day(dates[-1])}'
        f"</text></g>{names}</svg>"
    )
    return f"![{escaped(label)}](data:image/svg+xml;base64,{b64encode(svg.encode()).decode()})"


def _path(values: FloatArray, low: float, high: float, look: Look) -> str:
    at = np.unique(np.linspace(0, len(values) - 1, min(len(values), POINTS)).round())
    chosen = values[at.astype(np.intp)]
    finite = np.isfinite(chosen)
    across = 4.0 + (WIDTH - 8.0) * at / max(len(values) - 1, 1)
    up = HEIGHT - 18.0 - (chosen - low) / max(high - low, 1e-12) * (HEIGHT - 36.0)
    points = " ".join(f"{x:.0f},{y:.1f}" for x, y in zip(across[finite], up[finite], strict=True))
    dash = f' stroke-dasharray="{DASHES[look.dash]}"' if DASHES[look.dash] else ""
    return f'<polyline points="{points}" fill="none" stroke="{look.colour}"{dash}/>'


def _name(place: int, name: str, look: Look) -> str:
    shown = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
    left = 4.0 + (place % 4) * WIDTH / 4.0
    down = HEIGHT + LINE * (2.0 + place // 4)
    return f'<text x="{left:.0f}" y="{down:.0f}" fill="{look.colour}">{escape(shown)}</text>'


def _day(date: np.datetime64) -> str:
    return f"{pd.Timestamp(date):%Y-%m-%d}"
