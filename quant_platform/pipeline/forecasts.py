"""Forecasts of one model for a run's sessions, and how far its data has drifted.

Versions are trained, judged and stored as the sessions ask for them (`learning/walk_forward.py`).
Each stretch of sessions that one version is in force in is read, forecast and handed over. What
does not belong here: learning, and which versions still hold (`forecast_memory.py`).
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.evaluation.promotion import ForecastJudge
from quant_platform.features.feature_registry import select
from quant_platform.features.feature_set import FeatureSet
from quant_platform.kernels.arrays import FloatArray
from quant_platform.learning.drift import DRIFT_SESSIONS, FORECAST, drift_figures
from quant_platform.learning.forecaster import Forecaster
from quant_platform.learning.samples import FeatureRows
from quant_platform.learning.versions import Version
from quant_platform.learning.walk_forward import WalkForward
from quant_platform.pipeline.blocks import blocks, count_securities
from quant_platform.pipeline.chunks import Chunk, alone
from quant_platform.pipeline.computations import server_time
from quant_platform.pipeline.forecast_memory import StoredMemory
from quant_platform.pipeline.forecast_source import StoredSource
from quant_platform.pipeline.platform import Platform
from quant_platform.storage.bulk import Members
from quant_platform.storage.forecasts import first_session
from quant_platform.storage.models import model_ids
from quant_platform.storage.stored import Stored
from quant_platform.strategies.base import Strategy

BASE_ASSETS = ("market_data", "corporate_actions", "trading_universe")

USUAL_FEATURES = 20
"""Features that a block of the usual size has room for."""

FORECASTS, DRIFT = "forecasts", "forecast_drift"


def features_read(forecaster: Forecaster) -> dict[FeatureSet, tuple[str, ...]]:
    """Return the features that a forecaster reads of each set, in the order of the registry."""
    of: dict[FeatureSet, list[str]] = {}
    for each in select(forecaster.features):
        of.setdefault(each.of, []).append(each.name)
    return {each: tuple(names) for each, names in of.items()}


def forecast_chunks(
    platform: Platform,
    model: Strategy,
    sessions: Sequence[str],
    features: Mapping[str, Stored],
    bars: Stored,
    actions: Stored,
    universe: Stored,
    *,
    run_id: str,
) -> Iterator[Chunk]:
    """Rows of `forecasts` and `forecast_drift`; versions are stored as they are trained.

    A session before the first version has no row. A training that fails is told of in its cut's
    session, and the version before stays in force.

    Parameters
    ----------
    sessions : ISO dates, ascending
    features : of each set that the forecaster reads, by table; like all others from the first
        stored session on
    """
    forecaster = model.forecaster
    if not sessions or forecaster is None:
        return
    read = features_read(forecaster)
    model_id = model_ids(platform.database)[model.name]
    first = first_session(platform.database, [each.table for each in read])
    read_at = server_time(platform)
    if first is None or first > sessions[-1]:
        yield Chunk(sessions, _empty(), read_at=read_at)
        return
    source = StoredSource(
        {each: (features[each.table], names) for each, names in read.items()},
        bars,
        actions,
        universe,
        platform.calendar,
        first,
        sessions[-1],
    )
    assets = (*BASE_ASSETS, *(each.table for each in read))
    memory = StoredMemory(
        platform, model_id, forecaster, assets, run_id, read_at, sessions[-1], set(sessions)
    )
    walk = WalkForward(forecaster, source, platform.calendar, ForecastJudge(), memory)
    members = count_securities(platform, Members(sessions[0], sessions[-1]))
    # Rows of some features are what a block is cut for; here there may be hundreds.
    securities = members * max(len(source.names) // USUAL_FEATURES, 1)
    for block in blocks(platform, sessions, DRIFT_SESSIONS, securities):
        for part in _stretches(walk, source, block.sessions):
            yield from alone(_chunk(walk, source, part, model, model_id, read_at))


def _stretches(
    walk: WalkForward, source: StoredSource, sessions: Sequence[str]
) -> Iterator[list[str]]:
    """Cut consecutive sessions where another version takes over, a failed cut's session alone."""
    cuts = {str(source.sessions[at]) for at in walk.cuts}
    part: list[str] = []
    for session in sessions:
        if session in cuts and part:
            yield part
            part = []
        part.append(session)
        if session in cuts and _failure(walk, source, session):
            yield part
            part = []
    if part:
        yield part


def _failure(walk: WalkForward, source: StoredSource, session: str) -> str:
    """Why the training of a session failed; empty: it did not, or there was none."""
    at = source.place(session)
    state = walk.state_at(at) if at in walk.cuts else None
    return "" if state is None else state[0].failed


def _chunk(
    walk: WalkForward,
    source: StoredSource,
    sessions: Sequence[str],
    model: Strategy,
    model_id: int,
    read_at: str,
) -> Chunk:
    """Rows of sessions in which one version is in force."""
    first, last = source.place(sessions[0]), source.place(sessions[-1])
    version = walk.in_force(first) if first >= 0 else None
    failed = _failure(walk, source, sessions[0])
    failures = {f"forecaster {model.name}": failed} if failed else {}
    if version is None:
        return Chunk(sessions, _empty(), read_at=read_at, failures=failures)
    begin = max(first - DRIFT_SESSIONS + 1, 0)
    rows = source.rows(begin, last)
    values = walk.model(version).forecasts(rows)
    wanted = rows.positions >= first
    asked = rows.between(first, last)
    frame = pd.DataFrame(
        {
            "date": source.sessions[asked.positions].astype("datetime64[s]"),
            "model_id": model_id,
            "symbol": pd.array(source.symbols(asked), dtype="str"),
            "security_id": pd.array(asked.security_ids, dtype="str"),
            "forecast": values[wanted],
            "trained_on": np.datetime64(version.cut, "s"),
        }
    )
    drift = drift_rows(rows, values, version, begin, first, last)
    drift["date"] = source.sessions[drift.pop("position")].astype("datetime64[s]")
    drift["model_id"] = model_id
    frames = {FORECASTS: frame[np.isfinite(values[wanted])], DRIFT: drift}
    return Chunk(sessions, frames, read_at=read_at, failures=failures)


def drift_rows(
    rows: FeatureRows, forecasts: FloatArray, version: Version, begin: int, first: int, last: int
) -> pd.DataFrame:
    """Figures of drift of the sessions from position `first` to `last`.

    Parameters
    ----------
    rows, forecasts : of the sessions from position `begin` to `last`
    """
    parts = []
    count = last - first + 1
    for name, reference in version.references.items():
        values: NDArray[np.floating] = (
            forecasts if name == FORECAST else rows.matrix[:, rows.names.index(name)]
        )
        of_session = np.zeros((last - begin + 1, len(reference.shares)), dtype=np.int64)
        for part in rows.sessions():
            of_session[rows.positions[part.start] - begin] = reference.counts(values[part])
        running = np.cumsum(of_session, axis=0)
        running[DRIFT_SESSIONS:] -= running[:-DRIFT_SESSIONS].copy()
        windows = running[first - begin :]
        index, away = drift_figures(windows, reference)
        parts.append(
            pd.DataFrame(
                {
                    "position": np.arange(first, last + 1),
                    "name": pd.array([name] * count, dtype="str"),
                    "trained_on": np.datetime64(version.cut, "s"),
                    "values_counted": windows.sum(axis=1),
                    "stability_index": index,
                    "wasserstein": away,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _empty() -> dict[str, pd.DataFrame]:
    types = {"model_id": "int64", "symbol": "str", "security_id": "str", "forecast": "float64"}
    drift = {"model_id": "int64", "name": "str", "values_counted": "int64"}
    days = {"date": "datetime64[s]", "trained_on": "datetime64[s]"}
    figures = {"stability_index": "float64", "wasserstein": "float64"}
    return {
        table: pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns.items()})
        for table, columns in ((FORECASTS, days | types), (DRIFT, days | drift | figures))
    }
