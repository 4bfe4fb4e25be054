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
"""Digits of a chart's values that are written, where they have more before the point."""


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
    decimals : that values are written with; hundreds and thousands have fewer
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
    decimals: int = 4
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

    An axis is its first session and the days from each session to the next. A curve's values are
    whole numbers, each less the one before, to be divided by ten to its `power`; what is not finite
    is null.
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
            axes.append(
                {"start": int(days[0]) if len(days) else 0, "steps": np.diff(days).tolist()}
            )
        drawn[chart.key] = {
            "axis": place,
            "tick": chart.tick,
            "hover": chart.hover,
            "rebased": chart.rebased,
            "filled": chart.filled,
            "height": chart.height,
            "curves": [_curve(each, chart.decimals) for each in chart.curves],
        }
    text = json.dumps(
        {"axes": axes, "charts": drawn},
        allow_nan=False,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    # Inside a script element only "<" could end it; JSON may write it as an escape.
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704 - escaped on this line


def _curve(curve: Curve, decimals: int) -> dict[str, object]:
    power = power_of(decimals, curve.values, curve.low, curve.high)
    written: dict[str, object] = {
        "name": curve.name,
        "colour": curve.colour,
        "dash": curve.dash,
        "thin": curve.is_benchmark,
        "power": power,
        "y": written_values(curve.values, power),
    }
    if len(curve.low):
        written["low"] = written_values(curve.low, power)
        written["high"] = written_values(curve.high, power)
    return written


def power_of(decimals: int, *values: FloatArray) -> int:
    """Decimals that values are written with: fewer where they have more digits before the point."""
    finite = [np.abs(each[np.isfinite(each)]) for each in values]
    largest = max((float(each.max()) for each in finite if len(each)), default=0.0)
    if largest < 10.0:
        return decimals
    return min(decimals, SIGNIFICANT - 1 - math.floor(math.log10(largest)))


def written_values(values: FloatArray, power: int) -> list[int | None]:
    """Values times ten to the power as whole numbers, each less the one before; None for none.

    The first one is less 0; after a gap it is less the last known one. Rounding does not add up:
    whole numbers are subtracted.
    """
    finite = np.isfinite(values)
    whole = np.rint(values[finite] * 10.0**power).astype(np.int64)
    steps: list[int] = np.diff(whole, prepend=0).tolist()
    if finite.all():
        return list(steps)
    each = iter(steps)
    return [next(each) if is_known else None for is_known in finite.tolist()]


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
