"""What a page draws: curves over sessions, or any Plotly figure, as plain values.

A `SessionChart` holds curves over common sessions; the page's script draws it, colours it by model
and answers the page's buttons. A `PlainChart` holds Plotly's data and layout as they are (bars,
points). Making Plotly's own objects costs more than all the rest of a page, so neither needs them.
What does not belong here: which curves there are (`figures.py`, `sections/`).
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from quant_platform.kernels.arrays import FloatArray

SIGNIFICANT = 5
"""Digits of a chart's values that are written."""

LARGEST = 1e15
"""Values from which on they are written with an exponent."""


@dataclass(frozen=True, eq=False)
class Curve:
    """One line of a chart.

    Attributes
    ----------
    name : what the legend says
    values : (T,) a value per session kept, NaN for a gap
    colour, dash : of the line, as CSS and Plotly call them
    low, high : (T,) ends of its band; empty: none. The band of one curve at a time is drawn
    is_benchmark : drawn thin
    """

    name: str
    values: FloatArray
    colour: str
    dash: str = "solid"
    low: FloatArray = field(default_factory=lambda: np.zeros(0))
    high: FloatArray = field(default_factory=lambda: np.zeros(0))
    is_benchmark: bool = False


@dataclass(frozen=True, eq=False)
class SessionChart:
    """Curves over sessions.

    Attributes
    ----------
    key : its name in the page, unique
    label : what it shows, for who cannot see it
    dates : (T,) sessions kept
    curves : the lines
    tick : format of the vertical axis, as d3 writes it
    hover : format of a value under the pointer
    rebased : whether every curve is to start at 1 at the left edge of the range that is shown
    filled : whether the area between a curve and 0 is tinted
    height : in pixels
    title : heading above it; empty: none
    note : a sentence below it; empty: none
    """

    key: str
    label: str
    dates: NDArray[np.datetime64]
    curves: Sequence[Curve]
    tick: str = "~g"
    hover: str = ".2f"
    rebased: bool = False
    filled: bool = False
    height: int = 380
    title: str = ""
    note: str = ""

    @property
    def banded(self) -> list[str]:
        """Names of the curves with a band."""
        return [each.name for each in self.curves if len(each.low)]


@dataclass(frozen=True, eq=False)
class PlainChart:
    """Plotly's own data and layout; colours of text and grid are the page's.

    Attributes
    ----------
    key, label, height, title, note : as of `SessionChart`
    data, layout : as Plotly's JSON has them; arrays are lists
    """

    key: str
    label: str
    data: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any] = field(default_factory=dict)
    height: int = 320
    title: str = ""
    note: str = ""


Chart = SessionChart | PlainChart


def charts_json(charts: Sequence[Chart]) -> Markup:
    """Charts as JSON for the page's script; equal axes of sessions are stored once.

    An axis is its first session and the days from each session to the next. Values have
    `SIGNIFICANT` digits, or four decimals where that is less; what is not finite is null.
    """
    axes: list[dict[str, object]] = []
    places: dict[bytes, int] = {}
    drawn: dict[str, object] = {}
    for chart in charts:
        if isinstance(chart, PlainChart):
            plain = {"data": chart.data, "layout": chart.layout, "height": chart.height}
            drawn[chart.key] = _plain(plain)
            continue
        days = chart.dates.astype("datetime64[D]").astype(np.int64)
        place = places.setdefault(days.tobytes(), len(axes))
        if place == len(axes):
            axes.append({"start": int(days[0]) if len(days) else 0, "steps": np.diff(days).tolist()})
        drawn[chart.key] = {
            "axis": place,
            "tick": chart.tick,
            "hover": chart.hover,
            "rebased": chart.rebased,
            "filled": chart.filled,
            "height": chart.height,
            "curves": [_curve(each) for each in chart.curves],
        }
    text = json.dumps(
        {"axes": axes, "charts": drawn},
        allow_nan=False,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    # Inside a script element only "<" could end it; JSON may write it as an escape.
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704 - escaped on this line


def _curve(curve: Curve) -> dict[str, object]:
    written: dict[str, object] = {
        "name": curve.name,
        "colour": curve.colour,
        "dash": curve.dash,
        "thin": curve.is_benchmark,
        "y": rounded(curve.values),
    }
    if len(curve.low):
        written |= {"low": rounded(curve.low), "high": rounded(curve.high)}
    return written


def rounded(values: FloatArray) -> list[float | int | None]:
    """Values of `SIGNIFICANT` digits and at most four decimals below 1; None for no number."""
    finite = np.isfinite(values)
    safe = np.where(finite, values, 0.0)
    size = float(np.abs(safe).max(initial=0.0))
    if size >= LARGEST:
        return [float(f"{each:.{SIGNIFICANT}g}") if math.isfinite(each) else None for each in values.tolist()]
    power = 4 if size < 10.0 else max(SIGNIFICANT - 1 - math.floor(math.log10(size)), 0)
    scaled = np.round(safe, power) + 0.0
    texts: list[float | int | None] = (scaled.astype(np.int64) if power == 0 else scaled).tolist()
    if finite.all():
        return texts
    return [text if known else None for text, known in zip(texts, finite.tolist(), strict=True)]


def _plain(value: object) -> object:
    """Values as JSON has them: arrays are lists, and what is not finite is null."""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value


