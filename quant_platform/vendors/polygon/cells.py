"""Single values of the vendor's JSON: text, tickers, numbers.

Any field may be absent, blank, of another type, or hold characters that no database takes.
"""

import re
from typing import Any

import numpy as np

from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.vendors.symbols import normal_symbol

LONGEST_TICKER = 64
"""Characters of a ticker; an option's, the longest kind, has 21 and a prefix."""

LONGEST_TEXT = 2_000
"""Characters of a text of a refused row that are kept."""


_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
"""A character that text of PostgreSQL cannot hold, and halves of a character."""


def text(value: object) -> str | None:
    """Text on one line of printable characters; None where there is none."""
    if not isinstance(value, str):
        return None
    if value.isprintable() and "  " not in value and value == value.strip():
        return value or None
    if not value.isprintable():
        value = "".join(c if c.isprintable() else " " for c in value)
    return " ".join(value.split()) or None


def ticker(value: object) -> str | None:
    """Ticker in its one form (`vendors/symbols.py`), None where the value can be none.

    A ticker is printable ASCII without a blank inside; case matters.
    """
    if type(value) is not str:
        return None
    name = value if value.isascii() and value.isalnum() else normal_symbol(value)
    plain = name.isascii() and name.isprintable() and " " not in name
    return name if plain and 0 < len(name) <= LONGEST_TICKER else None


def tickers(values: list[Any]) -> list[str | None]:
    """`ticker` of each value."""
    if set(map(type, values)) == {str} and min(lengths := list(map(len, values))) > 0:
        joined = "".join(values)
        plain = joined.isascii() and joined.isprintable() and " " not in joined
        if plain and max(lengths) <= LONGEST_TICKER:
            return values
    return list(map(ticker, values))


def numbers(values: list[Any]) -> tuple[FloatArray, BoolArray]:
    """Values as floats, NaN where absent, and a mask of values that are not finite numbers.

    Text and booleans are never numbers.
    """
    plain = set(map(type, values)) <= {float, int, type(None)}
    try:
        floats = np.array(values if plain else list(map(_number, values)), dtype=np.float64)
    except OverflowError:
        floats = np.array(list(map(_number, values)), dtype=np.float64)
    strange = np.isinf(floats)
    floats[strange] = np.nan
    return floats, strange


def _number(value: object) -> float:
    """Value as a float, NaN where absent, infinite where it is no number or too large a one."""
    if value is None:
        return np.nan
    try:
        return float(value) if type(value) in (float, int) else np.inf  # type: ignore[arg-type]
    except OverflowError:
        return np.inf


def storable(value: object) -> object:
    """Return a value as it came, but for what PostgreSQL has no place for, and what has no end."""
    if isinstance(value, str):
        kept = value if len(value) <= LONGEST_TEXT else value[: LONGEST_TEXT - 1] + "…"
        return _UNSTORABLE.sub("\ufffd", kept)
    return value
