"""Figures, amounts and sessions as a reader sees them.

What does not belong here: which figures a page shows (`html.py`).
"""

import math

import pandas as pd

MINUS = "−"

NONE = "–"
"""Shown for an undefined figure."""


def percent(value: object, digits: int = 1, *, sign: bool = False) -> str:
    """Format a fraction in per cent."""
    return _format(value, f"{'+' if sign else ''},.{digits}f", 100.0, "\u202f%")


def number(value: object, digits: int = 2, *, sign: bool = False) -> str:
    """Format a figure."""
    return _format(value, f"{'+' if sign else ''},.{digits}f")


def whole(value: object) -> str:
    """Format a count."""
    return _format(value, ",.0f")


def counted(count: float, noun: str, plural: str = "") -> str:
    """Format a count with its noun."""
    return f"{whole(count)} {noun if count == 1 else plural or noun + 's'}"


def day(value: object) -> str:
    """Format a session."""
    return f"{pd.Timestamp(str(value)):%Y-%m-%d}" if known(value) else NONE


def name_of(value: object) -> str:
    """Show a name that may be unknown."""
    return str(value) if known(value) else NONE


def known(value: object) -> bool:
    """Whether there is a figure: neither null nor NaN."""
    return value is not None and value is not pd.NaT and value == value  # NaN is not itself


def _format(value: object, pattern: str, factor: float = 1.0, unit: str = "") -> str:
    if not known(value):
        return NONE
    scaled = float(str(value)) * factor
    if not math.isfinite(scaled):
        return NONE
    text = format(scaled, pattern)
    if not text.strip("+-0.,"):
        text = text.lstrip("+-")
    return text.replace("-", MINUS).replace(",", "\u202f") + unit
