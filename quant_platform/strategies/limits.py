"""How much a model may hold in all: what it asks for beyond its limits is scaled or refused.

1. A session's gross is the sum of its absolute weights, its net the size of their sum. A model
   states the largest of each, `max_gross` and `max_net`.
2. Beyond a limit, all weights of the session are scaled by the one factor that meets it exactly.
   What was asked for stays beside the target, in the column `asked_weight`.
3. Excess of more than rounding is said in the rows' metadata, as `scaled`, and counted; a model may
   ask for it to be refused instead.

What does not belong here: choosing which positions to hold where there is no room for all
(`positions.py`), and the limit of one position (`base.py`).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from quant_platform.conventions import WEIGHT_NOISE
from quant_platform.errors import ContractError
from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.kernels.positions import add_up
from quant_platform.trading.orders import ASKED_WEIGHT

SCALE, REFUSE = "scale", "refuse"
"""What becomes of a session that asks for more than the model's limits by more than rounding."""


def within_limits(
    frame: pd.DataFrame,
    *,
    max_gross: float = 1.0,
    max_net: float = 1.0,
    on_excess: str = SCALE,
    model: str = "",
) -> pd.DataFrame:
    """Scale the weights of sessions that exceed a limit, and keep what was asked for.

    Parameters
    ----------
    frame : rows with date, target_weight and metadata (JSON objects as text)
    max_gross, max_net : limits of a session, as shares of the equity
    on_excess : `SCALE` or `REFUSE`
    model : its name, for the message of a refusal

    Returns
    -------
    The rows, with `asked_weight` as the last column.

    Raises
    ------
    ContractError
        A session exceeds a limit by more than rounding, and that is to be refused.
    """
    asked = frame["target_weight"]
    gross, net = totals(frame["date"], asked)
    frame = frame.assign(**{ASKED_WEIGHT: asked})
    # At most one of these divides: the limit that is exceeded by more.
    excess = np.maximum(np.maximum(gross / max_gross, net / max_net), 1.0)
    if not (excess > 1.0).any():
        return frame
    beyond = (gross > max_gross + WEIGHT_NOISE) | (net > max_net + WEIGHT_NOISE)
    if on_excess == REFUSE and beyond.any():
        first = int(np.flatnonzero(beyond)[0])
        raise ContractError(
            f"Strategy {model} asks for weights of {gross[first]:.6g} gross and {net[first]:.6g}"
            f" net on {frame['date'].iloc[first]:%Y-%m-%d}; its limits are max_gross"
            f" {max_gross:g} and max_net {max_net:g}",
            "Ask for less, state higher limits, or state on_excess = 'scale'.",
        )
    said = beyond & (asked != 0.0).to_numpy()
    return frame.assign(
        target_weight=asked / excess, metadata=_said(frame["metadata"], said, 1.0 / excess)
    )


def totals(dates: pd.Series, weights: pd.Series) -> tuple[FloatArray, FloatArray]:
    """Return gross and net of the session of each row, added up in the order of the rows."""
    sessions, values = pd.factorize(dates)[0], weights.to_numpy(dtype=np.float64)
    gross: FloatArray = np.bincount(sessions, weights=np.abs(values)).astype(np.float64)
    net: FloatArray = np.abs(np.bincount(sessions, weights=values)).astype(np.float64)
    return gross[sessions], net[sessions]


def totals_of_arrays(weights: FloatArray, rows: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return gross and net of each session of an array, of its rows, with the same bits."""
    gross, net = np.empty((2, len(weights)))
    add_up(weights, rows, gross, net)
    return gross, net


def scaled_sessions(frame: pd.DataFrame) -> int:
    """Return how many sessions of a frame of `within_limits` were scaled by more than rounding."""
    difference = (frame[ASKED_WEIGHT] - frame["target_weight"]).abs()
    return int(frame["date"][difference > WEIGHT_NOISE].nunique())


def _said(metadata: pd.Series, where: np.ndarray, factors: FloatArray) -> pd.Series:
    """Add the factor to the JSON objects of the rows `where`."""
    texts: Sequence[str] = metadata.tolist()
    return pd.Series(
        [
            f'{text[:-1]}{"," if text != "{}" else ""}"scaled":{factor:.6g}}}' if add else text
            for text, add, factor in zip(texts, where.tolist(), factors.tolist(), strict=True)
        ],
        index=metadata.index,
        dtype="str",
    )
