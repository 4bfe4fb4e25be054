"""`compute_features`: a panel in; a row per session and security out, with a column per feature.

What belongs here: running features over panels. What does not: any formula.

The panel is worked on in blocks of securities narrow enough for a block's arrays to stay in the
processor's cache: each kernel makes many passes over its arrays, and in main memory those passes
are what costs time. Blocks change no bit of the result, since no feature looks across securities.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.errors import OnFailure
from quant_platform.features.context import FeatureContext
from quant_platform.features.feature_registry import Feature, select
from quant_platform.isolation import limited
from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.panel import Panel

BLOCK_CELLS = 65_536
"""Most cells of one array of a block: 512 KB; a kernel's two or three live arrays stay in cache."""

BLOCK_STEP = 8
"""Securities by which a block grows: 8 float64 are one cache line."""

PANEL_ARRAYS = (
    *("open", "high", "low", "close", "volume", "split", "dividend", "traded"),
    *("sentiment", "articles"),
)


def required_lookback(names: Sequence[str] | None = None) -> int:
    """Return the sessions that a panel must hold for a value of these features in its last one.

    Parameters
    ----------
    names : features; all of them if None

    Raises
    ------
    UnknownNameError : there is no feature of that name
    """
    return max((each.lookback for each in select(names)), default=1)


def compute_features(
    panel: Panel,
    *,
    last: int | None = None,
    names: Sequence[str] | None = None,
    on_failure: OnFailure | None = None,
    seconds: float = 0.0,
) -> pd.DataFrame:
    """Compute features over a panel.

    A row's values are the same bits for every panel that ends with or after its session and begins
    at least `required_lookback(names)` - 1 sessions before it.

    Parameters
    ----------
    panel : bars; sessions before its first count as not existing, as before a listing
    last : return only the last so many sessions (the ones before are looked back on); all if None
    names : features, in the order of the columns; all of them if None
    on_failure : is told of a feature that raised, whose column is then NaN; None: it raises
    seconds : limit of each call of a feature that somebody added; 0: none (`isolation.py`)

    Returns
    -------
    DataFrame with columns date, security_id and one float64 column per feature, ordered by date
    and security_id; only cells with a real bar are rows; what is undefined or infinite is NaN.

    Raises
    ------
    UnknownNameError : there is no feature of that name
    """
    chosen = select(names)
    count = len(panel.sessions) if last is None else max(min(last, len(panel.sessions)), 0)
    needed = count + max((each.lookback for each in chosen), default=1) - 1
    recent = _last_sessions(panel, needed).filled()
    values = _computed(recent, chosen, count, on_failure, seconds)
    where = panel.traded[len(panel.sessions) - count :]
    table = _compressed(values, where).T
    frame = pd.DataFrame(table, columns=[each.name for each in chosen], copy=False)
    keys = panel.frame({}, last=count)
    frame.insert(0, "date", keys["date"])
    frame.insert(1, "security_id", keys["security_id"])
    return frame


def _computed(
    panel: Panel,
    chosen: Sequence[Feature],
    count: int,
    on_failure: OnFailure | None,
    seconds: float,
) -> FloatArray:
    """Return the features over the last `count` sessions, shape (features, count, securities)."""
    values = np.empty((len(chosen), count, len(panel.security_ids)))
    skipped = len(panel.sessions) - count
    fields = {"split"}.union(*(each.inputs for each in chosen))
    failed: set[str] = set()
    for columns, block in _blocks(panel, fields):
        context = FeatureContext(block)
        for feature, target in zip(chosen, values, strict=True):
            if feature.name in failed:
                continue
            try:
                compute = partial(feature.compute, context)
                result = limited(compute, seconds, feature.function)[skipped:]
                target[:, columns] = result
                infinite = np.isinf(target[:, columns])
            except Exception as error:  # whatever a feature raises, the others go on
                if on_failure is None:
                    raise
                on_failure(feature.name, error)
                failed.add(feature.name)
                continue
            if infinite.any():
                target[:, columns][infinite] = np.nan
    for feature, target in zip(chosen, values, strict=True):
        if feature.name in failed:
            target[:] = np.nan
    return values


def _blocks(panel: Panel, fields: Collection[str]) -> Iterator[tuple[slice, Panel]]:
    """Cut a panel into blocks of securities, and say which columns each is.

    The arrays named in `fields` become contiguous and read only; the others stay views.
    """
    step = max(BLOCK_CELLS // max(len(panel.sessions), 1) // BLOCK_STEP, 1) * BLOCK_STEP
    for start in range(0, len(panel.security_ids), step):
        columns = slice(start, start + step)
        arrays = {name: getattr(panel, name)[:, columns] for name in PANEL_ARRAYS}
        for name in fields:
            arrays[name] = arrays[name].copy()
            arrays[name].flags.writeable = False
        yield columns, replace(panel, security_ids=panel.security_ids[columns], **arrays)


def _last_sessions(panel: Panel, count: int) -> Panel:
    """Return the panel's last `count` sessions, as views."""
    start = max(len(panel.sessions) - count, 0)
    arrays = {name: getattr(panel, name)[start:] for name in PANEL_ARRAYS}
    return replace(panel, sessions=panel.sessions[start:], **arrays)


def _compressed(values: FloatArray, where: NDArray[np.bool_]) -> FloatArray:
    """Keep the cells in which `where` is true: an array (features, rows) in the same memory.

    The result overwrites `values`, the largest array of all, from its beginning; a feature's rows
    always end before the next feature's cells start.
    """
    rows = int(np.count_nonzero(where))
    flat = values.reshape(-1)
    if rows < where.size:
        for index in range(len(values)):
            flat[index * rows : (index + 1) * rows] = values[index][where]
    return flat[: len(values) * rows].reshape(len(values), rows)
