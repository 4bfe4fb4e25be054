"""Colours of the models: those of Okabe and Ito, which readers with any colour vision tell apart.

Yellow and black are left out, since a page is white or nearly black. From the seventh model on the
colours come again with another dash. Source: M. Okabe and K. Ito, "Color Universal Design", 2008.
What does not belong here: colours of text and ground, which the page knows (`templates/`).
"""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

PALETTE = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7"),
    *("#e69f00", "#56b4e9", "#7a68d8", "#a6761d"),
)
"""The first six are of Okabe and Ito; the others serve single curves."""

DISTINCT = 6
"""Colours that are used for models."""

BENCHMARK_COLOUR = "#6b7280"

DASHES = ("solid", "dash", "dashdot", "longdash")


class Look(NamedTuple):
    """How a model's line is drawn."""

    colour: str
    dash: str


def looks(models: pd.DataFrame) -> dict[int, Look]:
    """Look of each model by id; the benchmark is grey and dotted."""
    drawn: dict[int, Look] = {}
    used = 0
    ordered = models.sort_values("id")
    for model, benchmark in zip(
        ordered["id"].tolist(), ordered["is_benchmark"].tolist(), strict=True
    ):
        if benchmark:
            drawn[model] = Look(BENCHMARK_COLOUR, "dot")
            continue
        dash = DASHES[used // DISTINCT % len(DASHES)]
        drawn[model] = Look(PALETTE[used % DISTINCT], dash)
        used += 1
    return drawn


def model_colours(models: pd.DataFrame) -> dict[int, str]:
    """Colour of each model by id; the benchmark is grey."""
    return {model: look.colour for model, look in looks(models).items()}


def faint(colour: str, share: float = 0.14) -> str:
    """The colour, mostly transparent."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share:.2f})"


def in_turn(names: Sequence[str]) -> dict[str, str]:
    """A colour for each of some names, in their order."""
    return {name: PALETTE[place % len(PALETTE)] for place, name in enumerate(names)}
