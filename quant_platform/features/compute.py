"""`compute_features`: a panel in; a row per session and security out, with a column per feature.

1. The panel is worked on in pieces, as many at once as there are cores. A piece of a set that does
   not look across securities is a block of securities narrow enough for its arrays to stay in the
   processor's cache: kernels make many passes over their arrays, and in main memory those passes
   are what costs time. A piece of a set that does is all securities of a few sessions.
2. Pieces change no bit of the result: a feature depends on its look-back alone, and looks across
   securities only where its set says so.
3. `feature_arrays` gives the same values as arrays, for who makes no rows of them.
4. `feature_frames` gives the rows of some sessions after the other. What it holds is bounded by
   `FRAME_BYTES`, however many features, sessions and securities there are.

What belongs here: running features over panels. What does not: any formula.
"""

import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.errors import OnFailure
from quant_platform.features.context import FeatureContext
from quant_platform.features.extras import Extras
from quant_platform.features.feature_registry import Feature, select
from quant_platform.isolation import is_added, limited
from quant_platform.kernels.arrays import BoolArray, FloatArray, SessionArray
from quant_platform.kernels.finite import Place, keep_finite
from quant_platform.kernels.threads import in_threads
from quant_platform.market.panel import Panel
from quant_platform.time_limit import TimeLimit

BLOCK_CELLS = 65_536
"""Most cells of one array of a block: 512 KB; a kernel's two or three live arrays stay in cache."""

BLOCK_STEP = 8
"""Securities by which a block grows: 8 float64 are one cache line."""

ACROSS_CELLS = 1_000_000
"""Most cells of one array of a piece of whole sessions, the look-back included: 8 MB."""

FRAME_BYTES = 128_000_000
"""Most bytes of the values in a frame of `feature_frames`."""

PANEL_ARRAYS = (
    *("open", "high", "low", "close", "volume", "vwap", "split", "dividend", "traded"),
    *("sentiment", "articles"),
)

Values = NDArray[np.floating]
"""Shape (features, sessions, securities), of the type in which their set is kept."""


def required_lookback(names: Sequence[str] | None = None) -> int:
    """Return the sessions that a panel must hold for a value of these features in its last one.

    Parameters
    ----------
    names : features and sets; the set `technical` if None

    Raises
    ------
    UnknownNameError : there is no feature or set of that name
    """
    return _lookback(select(names))


def compute_features(
    panel: Panel,
    *,
    last: int | None = None,
    names: Sequence[str] | None = None,
    extras: Extras | None = None,
    on_failure: OnFailure | None = None,
    seconds: float = 0.0,
    limit: TimeLimit | None = None,
) -> pd.DataFrame:
    """Compute features over a panel.

    A row's values are the same bits for every panel that ends with or after its session and begins
    at least `required_lookback(names)` - 1 sessions before it. For a set that looks across
    securities, its members of each session must be the same as well.

    Parameters
    ----------
    panel : bars; sessions before its first count as not existing, as before a listing
    last : return only the last so many sessions (the ones before are looked back on); all if None
    names : features and sets, in the order of the columns; the set `technical` if None
    extras : what features read beside bars; what is missing counts as unknown
    on_failure : is told of a feature that raised, whose column is then NaN; None: it raises
    seconds : limit of each call of a feature that somebody added; 0: none (`isolation.py`)
    limit : the same, of calls in this process

    Returns
    -------
    DataFrame with columns date, security_id and one column per feature, float64, or float32 where
    its set is kept so, ordered by date and security_id; only cells with a real bar are rows; what
    is undefined or infinite is NaN.

    Raises
    ------
    UnknownNameError : there is no feature or set of that name
    """
    chosen = select(names)
    count = len(panel.sessions) if last is None else max(min(last, len(panel.sessions)), 0)
    work = _Work(chosen, extras or Extras(), on_failure, seconds, limit)
    return work.frame(panel.filled(), len(panel.sessions) - count, len(panel.sessions))


def feature_arrays(
    panel: Panel,
    *,
    last: int | None = None,
    names: Sequence[str] | None = None,
    extras: Extras | None = None,
    limit: TimeLimit | None = None,
) -> dict[str, FloatArray]:
    """Compute features over a panel as arrays (sessions, securities), by name.

    Arguments and values are those of `compute_features`; NaN where it has no row.
    """
    chosen = select(names)
    count = len(panel.sessions) if last is None else max(min(last, len(panel.sessions)), 0)
    work = _Work(chosen, extras or Extras(), None, 0.0, limit)
    return work.arrays(panel.filled(), len(panel.sessions) - count, len(panel.sessions))


def feature_frames(
    panel: Panel,
    *,
    last: int | None = None,
    names: Sequence[str] | None = None,
    extras: Extras | None = None,
    on_failure: OnFailure | None = None,
    seconds: float = 0.0,
) -> Iterator[tuple[SessionArray, pd.DataFrame]]:
    """Yield the rows of `compute_features` by consecutive sessions, in bounded memory.

    Sessions without a row are among those that come with a frame. Each frame computes its look-back
    again, so it holds at least as many sessions as that has.
    """
    chosen = select(names)
    count = len(panel.sessions) if last is None else max(min(last, len(panel.sessions)), 0)
    work = _Work(chosen, extras or Extras(), on_failure, seconds)
    of_cell = sum(each.of.dtype.itemsize for each in chosen)
    size = max(FRAME_BYTES // max(of_cell * len(panel.security_ids), 1), _lookback(chosen))
    panel = panel.filled()
    for start in range(len(panel.sessions) - count, len(panel.sessions), size):
        stop = min(start + size, len(panel.sessions))
        yield panel.sessions[start:stop], work.frame(panel, start, stop)


def _lookback(chosen: Sequence[Feature]) -> int:
    return max((each.lookback for each in chosen), default=1)


@dataclass(frozen=True)
class _Piece:
    """Sessions `rows` and securities `columns` of a panel; `skipped` of the rows are look-back."""

    rows: slice
    columns: slice
    skipped: int


class _Work:
    """Features that are to be computed, and those of them that failed so far."""

    def __init__(
        self,
        chosen: Sequence[Feature],
        extras: Extras,
        on_failure: OnFailure | None,
        seconds: float,
        limit: TimeLimit | None = None,
    ) -> None:
        self.chosen = chosen
        self.extras = extras
        self.on_failure = on_failure
        self.seconds = seconds
        self.limit = limit
        self.failed: set[str] = set()
        self._lock = threading.Lock()

    def frame(self, panel: Panel, start: int, stop: int) -> pd.DataFrame:
        """Rows of the sessions from `start` to before `stop`."""
        where = panel.traded[start:stop]
        names = [each.name for each in self.chosen]
        parts = []
        values = self._values(panel, start, stop)
        for dtype, part in values.items():
            columns = [each.name for each in self.chosen if each.of.dtype == dtype]
            parts.append(pd.DataFrame(_compressed(part, where).T, columns=columns, copy=False))
        frame = parts[0] if len(parts) == 1 else pd.concat(parts, axis=1)[names]
        keys = _sessions_of(panel, start, stop).frame({})
        frame.insert(0, "date", keys["date"])
        frame.insert(1, "security_id", keys["security_id"])
        return frame

    def arrays(self, panel: Panel, start: int, stop: int) -> dict[str, FloatArray]:
        """Values of the sessions from `start` to before `stop`, NaN without a real bar."""
        closed = ~panel.traded[start:stop]
        any_closed = bool(closed.any())
        found: dict[str, FloatArray] = {}
        for dtype, part in self._values(panel, start, stop).items():
            columns = [each.name for each in self.chosen if each.of.dtype == dtype]
            for name, values in zip(columns, part, strict=True):
                if any_closed:
                    np.copyto(values, np.nan, where=closed)
                found[name] = values.astype(np.float64, copy=False)
        return {each.name: found[each.name] for each in self.chosen}

    def _values(self, panel: Panel, start: int, stop: int) -> "dict[np.dtype[np.floating], Values]":
        """Values of the sessions, by the type in which they are kept."""
        shape = (stop - start, len(panel.security_ids))
        by_type = {
            dtype: np.empty((sum(each.of.dtype == dtype for each in self.chosen), *shape), dtype)
            for dtype in dict.fromkeys(each.of.dtype for each in self.chosen)
        } or {np.dtype(np.float64): np.empty((0, *shape))}
        left = {dtype: iter(values) for dtype, values in by_type.items()}
        targets = {each.name: next(left[each.of.dtype]) for each in self.chosen}
        for across in (False, True):
            features = [each for each in self.chosen if each.of.across == across]
            if features:
                self._run(panel, features, targets, start, stop, across)
        for name in self.failed:
            targets[name][:] = np.nan
        return by_type

    def _run(
        self,
        panel: Panel,
        features: Sequence[Feature],
        targets: dict[str, Values],
        start: int,
        stop: int,
        across: bool,
    ) -> None:
        cut = _whole_sessions if across else _blocks_of_securities
        pieces = cut(panel, start, stop, _lookback(features))
        fields = {"split"}.union(*(each.inputs for each in features))
        # A process is forked for what somebody added, which threads would not survive.
        threads = 1 if any(is_added(each.function) for each in features) else None

        def compute(piece: _Piece) -> None:
            first = piece.rows.start + piece.skipped - start
            at = first, piece.columns.start or 0
            context = FeatureContext(
                _part(panel, piece, fields), self.extras.cut(piece.rows, piece.columns)
            )
            for each in features:
                self._one(each, context, targets[each.name], at, piece.skipped)

        for _ in in_threads(compute, pieces, threads):
            pass

    def _one(
        self, each: Feature, context: FeatureContext, target: Values, at: Place, skipped: int
    ) -> None:
        """Compute one feature of a piece into its place."""
        if each.name in self.failed:
            return
        try:
            keep_finite(self._called(each, context), skipped, target, at)
        except Exception as error:  # whatever a feature raises, the others go on
            if self.on_failure is None:
                raise
            with self._lock:
                if each.name not in self.failed:
                    self.failed.add(each.name)
                    self.on_failure(each.name, error)

    def _called(self, each: Feature, context: FeatureContext) -> FloatArray:
        """Call a feature, within its limit where somebody added it."""
        compute = partial(each.compute, context)
        if self.limit is None:
            return limited(compute, self.seconds, each.function)
        if not is_added(each.function):
            return compute()
        return self.limit.call(f"The feature {each.name}", compute)


def _blocks_of_securities(panel: Panel, start: int, stop: int, lookback: int) -> Iterator[_Piece]:
    """Cut a panel into blocks of securities, each of all sessions that are needed."""
    rows = slice(max(start - lookback + 1, 0), stop)
    cells = max(rows.stop - rows.start, 1)
    step = max(BLOCK_CELLS // cells // BLOCK_STEP, 1) * BLOCK_STEP
    for first in range(0, len(panel.security_ids), step):
        yield _Piece(rows, slice(first, first + step), start - rows.start)


def _whole_sessions(panel: Panel, start: int, stop: int, lookback: int) -> Iterator[_Piece]:
    """Cut a panel into sessions of all securities, each with its look-back before it."""
    size = max(ACROSS_CELLS // max(len(panel.security_ids), 1) - lookback, lookback)
    for first in range(start, stop, size):
        rows = slice(max(first - lookback + 1, 0), min(first + size, stop))
        yield _Piece(rows, slice(None), first - rows.start)


def _part(panel: Panel, piece: _Piece, fields: Collection[str]) -> Panel:
    """Return a piece of a panel; `fields` are contiguous and read only, the others stay views."""
    arrays = {name: getattr(panel, name)[piece.rows, piece.columns] for name in PANEL_ARRAYS}
    for name in fields & arrays.keys():
        arrays[name] = arrays[name].copy()
        arrays[name].flags.writeable = False
    return replace(
        panel,
        sessions=panel.sessions[piece.rows],
        security_ids=panel.security_ids[piece.columns],
        **arrays,
    )


def _sessions_of(panel: Panel, start: int, stop: int) -> Panel:
    """Return the panel's sessions from `start` to before `stop`, as views."""
    arrays = {name: getattr(panel, name)[start:stop] for name in PANEL_ARRAYS}
    return replace(panel, sessions=panel.sessions[start:stop], **arrays)


def _compressed(values: Values, where: BoolArray) -> Values:
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
