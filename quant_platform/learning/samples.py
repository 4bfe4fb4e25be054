"""`FeatureRows` and `Sample`: features by session and security as rows, and labels beside them.

Rows are ordered by session, then by security, so that a training has the same bits whatever read
them. Values are float32: what the tables of features hold is rounded to it, and trees look at bins
of it. What does not belong here: where rows come from (a `Source`).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from quant_platform.kernels.arrays import FloatArray, IntArray, SessionArray
from quant_platform.learning.labels import NONE, Labels
from quant_platform.learning.weights import uniqueness
from quant_platform.market.panel import Panel

Matrix = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class FeatureRows:
    """Features of the members of some sessions.

    Attributes
    ----------
    positions : (rows,) position of the session among those of the source, ascending
    security_ids : (rows,) ascending within a session
    matrix : (rows, features) float32, NaN where unknown
    names : of the features
    """

    positions: IntArray
    security_ids: NDArray[np.object_]
    matrix: Matrix
    names: tuple[str, ...]

    def between(self, first: int, last: int) -> "FeatureRows":
        """Return the rows of the sessions from position `first` to `last`, as views."""
        start, stop = np.searchsorted(self.positions, (first, last + 1))
        part = slice(int(start), int(stop))
        return FeatureRows(
            self.positions[part], self.security_ids[part], self.matrix[part], self.names
        )

    def sessions(self) -> list[slice]:
        """Rows of each session that has some, in their order."""
        edges = np.flatnonzero(np.diff(self.positions)) + 1
        bounds = [0, *edges.tolist(), len(self.positions)] if len(self.positions) else [0]
        return [slice(start, stop) for start, stop in pairwise(bounds)]


class Source(Protocol):
    """Where rows come from; positions are those of `sessions`."""

    @property
    def sessions(self) -> SessionArray:
        """Consecutive sessions whose features are there."""

    def rows(self, first: int, last: int) -> FeatureRows:
        """Return features of the sessions from position `first` to `last`."""

    def panel(self, first: int, last: int) -> Panel:
        """Return bars, corporate actions and members of the same sessions."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows with a label that is known.

    Attributes
    ----------
    rows : their features
    labels, weights : (rows,) label, and how unique it is
    """

    rows: FeatureRows
    labels: FloatArray
    weights: FloatArray

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all of it: which data a version was trained on; worked out once."""
        digest = hashlib.sha256()
        for array in (self.rows.positions - self.rows.positions[:1].sum(), self.labels):
            digest.update(np.ascontiguousarray(array).tobytes())
        digest.update(np.ascontiguousarray(self.rows.matrix).tobytes())
        digest.update(self.weights.tobytes())
        digest.update("\n".join(map(str, self.rows.security_ids)).encode())
        digest.update("\n".join(self.rows.names).encode())
        return digest.hexdigest()

    def narrowed(self, names: Sequence[str]) -> "Sample":
        """Return the sample with these features only, in this order."""
        return replace(self, rows=narrowed(self.rows, names))

    def last(self, sessions: int) -> "Sample":
        """Return the rows of the last so many sessions that have some."""
        of = self.rows.sessions()[-sessions:]
        part = slice(of[0].start, None) if of else slice(0)
        rows = self.rows
        kept = FeatureRows(
            rows.positions[part], rows.security_ids[part], rows.matrix[part], rows.names
        )
        return Sample(kept, self.labels[part], self.weights[part])


def narrowed(rows: FeatureRows, names: Sequence[str]) -> FeatureRows:
    """Return rows with these features only, in this order; as they are where they are so."""
    if tuple(names) == rows.names:
        return rows
    at = [rows.names.index(name) for name in names]
    return replace(rows, matrix=np.ascontiguousarray(rows.matrix[:, at]), names=tuple(names))


def labelled(rows: FeatureRows, panel: Panel, first: int, labels: Labels, cut: int) -> Sample:
    """Return the rows whose label is known after the session at position `cut`.

    Parameters
    ----------
    panel : of the sessions from position `first` on, of which `labels` are
    """
    weights = uniqueness(np.where(labels.ends <= cut - first, labels.ends, NONE).astype(np.int32))
    at = rows.positions - first, columns_of(panel, rows)
    ends = labels.ends[at]
    known = (at[1] >= 0) & (ends != NONE) & (ends <= cut - first)
    chosen = FeatureRows(
        rows.positions[known], rows.security_ids[known], rows.matrix[known], rows.names
    )
    place = at[0][known], at[1][known]
    return Sample(chosen, labels.values[place], weights[place])


def columns_of(panel: Panel, rows: FeatureRows) -> IntArray:
    """Column of each row's security in a panel, −1 where it has none."""
    index = {name: at for at, name in enumerate(panel.security_ids)}
    names, inverse = np.unique(rows.security_ids.astype(str), return_inverse=True)
    of_name = np.array([index.get(str(name), -1) for name in names], dtype=np.int64)
    return of_name[inverse] if len(names) else np.empty(0, dtype=np.int64)


def pivoted(rows: FeatureRows, values: FloatArray, first: int, panel: Panel) -> FloatArray:
    """Return values of rows as (sessions, securities) of a panel that begins at `first`."""
    found = np.full(panel.close.shape, np.nan)
    columns = columns_of(panel, rows)
    there = columns >= 0
    found[(rows.positions - first)[there], columns[there]] = values[there]
    return found


def by_rank(rows: FeatureRows) -> Matrix:
    """Return each feature as its rank within the session, from −½ to ½, 0 where unknown.

    For estimators that want features of one scale and without gaps. Of equal values the earlier
    security is the lower.
    """
    found = np.zeros(rows.matrix.shape, dtype=np.float32)
    for part in rows.sessions():
        values = rows.matrix[part]
        known = np.isfinite(values)
        order = np.argsort(np.where(known, values, np.inf), axis=0, kind="stable")
        place = np.empty(values.shape)
        np.put_along_axis(place, order, np.arange(len(values), dtype=float)[:, None], axis=0)
        count = np.maximum(known.sum(axis=0), 1)
        found[part] = np.where(known, (place + 0.5) / count - 0.5, 0.0)
    return found


def grades_of(rows: FeatureRows, labels: FloatArray, grades: int) -> NDArray[np.int32]:
    """Return the grade of each label within its session, from 0 to `grades` − 1, of equal size."""
    found = np.empty(len(labels), dtype=np.int32)
    for part in rows.sessions():
        place = np.argsort(np.argsort(labels[part], kind="stable"), kind="stable")
        found[part] = place * grades // len(place)
    return found
