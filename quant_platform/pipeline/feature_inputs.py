"""What a run's features read beside prices and actions, from the rows that are stored.

What does not belong here: what is made of the rows (`features/inputs.py`).
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from quant_platform.features.extras import Extras
from quant_platform.features.inputs import extras_of, sessions_held
from quant_platform.market.panel import Panel
from quant_platform.pipeline.platform import Platform
from quant_platform.storage import bulk


def read_extras(
    platform: Platform,
    panel: Panel,
    inputs: frozenset[str],
    universe: pd.DataFrame,
    known: Mapping[str, pd.DataFrame],
    days: Sequence[str],
) -> Extras:
    """Return what features with these inputs read beside bars, as `extras_of` does.

    Parameters
    ----------
    days : the panel's sessions with those before them that `known_window` adds
    """

    def query(statement: str, parameters: Sequence[str]) -> pd.DataFrame:
        return bulk.query(platform.database, statement, parameters)

    return extras_of(panel, inputs, universe=universe, known=known, days=days, query=query)


def known_window(platform: Platform, window: Sequence[str], inputs: frozenset[str]) -> list[str]:
    """Return the window with the sessions before it in which what it holds may be known first."""
    return [*platform.window(window[:1], sessions_held(inputs))[:-1], *window]
