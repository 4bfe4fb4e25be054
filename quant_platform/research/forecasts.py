"""Forecasts in memory: a forecaster's way through stored sessions, to the bits of the pipeline.

What belongs here: where its rows come from, and what came of it. What does not: learning
(`learning/`), and what a user calls (`forecasting.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd

from quant_platform.errors import SessionError
from quant_platform.evaluation.forecast_spread import spread_returns
from quant_platform.evaluation.promotion import ForecastJudge
from quant_platform.features.feature_registry import select
from quant_platform.kernels.arrays import FloatArray, SessionArray
from quant_platform.learning.assembly import YearlyRows, assembled, tickers_of
from quant_platform.learning.drift import FORECAST
from quant_platform.learning.forecaster import Forecaster
from quant_platform.learning.labels import ForwardReturn
from quant_platform.learning.samples import FeatureRows, narrowed, pivoted
from quant_platform.learning.versions import Decision, Version
from quant_platform.learning.walk_forward import WalkForward
from quant_platform.market.calendar import Calendar
from quant_platform.market.deferred import Deferred
from quant_platform.market.panel import Panel
from quant_platform.research.feature_data import KEY, FeatureData
from quant_platform.research.forecast_result import ForecastRun
from quant_platform.research.inputs import Inputs
from quant_platform.research.reader import TableReader
from quant_platform.time_limit import UNLIMITED, TimeLimit


@dataclass(eq=False)
class ReaderSource:
    """A `Source` of rows as they were known at one moment.

    Attributes
    ----------
    reader, calendar : of the tables and the exchange
    names : features, in their order
    last : last session, ISO date
    limit : how long each call of a feature may take that somebody added
    """

    reader: TableReader
    calendar: Calendar
    names: tuple[str, ...]
    last: str
    limit: TimeLimit = UNLIMITED
    sessions: SessionArray = field(init=False)
    _rows: YearlyRows = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.reader.refuse_sealed(self.last)
        days = self.calendar.sessions(self._first(), date.fromisoformat(self.last))
        if not days:
            raise SessionError(f"No feature is stored up to {self.last}", "Choose a later session")
        self.sessions = np.array(days, dtype="datetime64[D]")
        self._rows = YearlyRows(self.sessions, self._read)

    def rows(self, first: int, last: int) -> FeatureRows:
        """Return features of the members of the sessions from position `first` to `last`."""
        return self._rows.between(first, last)

    def panel(self, first: int, last: int) -> Panel:
        """Return bars, actions and members of the same sessions."""
        return self._data(first, last).panel([])

    def tickers(self, rows: FeatureRows) -> "np.ndarray[tuple[int], np.dtype[np.object_]]":
        """Return the ticker of each row."""
        span = (str(self.sessions[rows.positions[at]]) for at in (0, -1))
        members = self.reader.rows("trading_universe", (next(span), next(span)), KEY)
        return tickers_of(rows, self.sessions, members)

    def _first(self) -> date:
        """First session that all stored sets have rows of; of others the first bar."""
        first = self.reader.first_and_last_bar()[0]
        for table in {each.of.table for each in select(self.names)}:
            names = [each.name for each in select(self.names) if each.of.table == table]
            if self.reader.has_columns(table, names):
                found = self.reader.query(f'SELECT min(date)::text AS first FROM "{table}"')  # noqa: S608 — a table of a feature set
                stored = found["first"].iloc[0]
                first = first if pd.isna(stored) else max(first, date.fromisoformat(stored))
        return first

    def _data(self, first: int, last: int) -> FeatureData:
        span = str(self.sessions[first]), str(self.sessions[last])
        return FeatureData(self.reader, self.calendar, *span, self.limit)

    def _read(self, first: int, last: int) -> FeatureRows:
        parts = []
        for rows in self._data(first, last).rows(self.names):
            frame = rows if isinstance(rows, pd.DataFrame) else self.reader.decoded(rows)
            parts.append((frame, [name for name in frame.columns if name not in KEY]))
        return narrowed(assembled(parts, self.sessions), self.names)


@dataclass(eq=False)
class _Told:
    """Takes down the versions as they are trained."""

    known: list[tuple[Version, Decision]] = field(default_factory=list)

    def note(self, version: Version, decision: Decision) -> None:
        self.known.append((version, decision))

    @cached_property
    def frame(self) -> pd.DataFrame:
        rows = [
            {
                "cut": version.cut,
                "champion": decision.champion,
                "challenger": decision.challenger,
                "reason": decision.reason,
                "sessions": version.sessions,
                "samples": version.rows,
                "features": len(version.features),
                "fitted_ic": version.fitted_ic,
                "skill": decision.skill.ic,
                "skill_lower": decision.skill.lower,
                "skill_upper": decision.skill.upper,
                "difference": decision.difference.ic,
                "failed": version.failed,
            }
            for version, decision in self.known
        ]
        names = ["cut", "champion", "challenger", "reason", "sessions", "samples", "features"]
        names += ["fitted_ic", "skill", "skill_lower", "skill_upper", "difference", "failed"]
        return pd.DataFrame(rows, columns=names).set_index("cut")

    def importance(self, name: str) -> pd.DataFrame:
        """Return one kind of importance: a row per feature, a column per version."""
        of: Mapping[date, Mapping[str, float]] = {
            version.cut: getattr(version, name) for version, _ in self.known
        }
        return pd.DataFrame({cut: pd.Series(values, dtype=float) for cut, values in of.items()})


def walk_forward_forecast(
    source: ReaderSource, forecaster: Forecaster, first: int, last: int
) -> ForecastRun:
    """Train a forecaster on its schedule and forecast the sessions from one position to another."""
    told, judge = _Told(), ForecastJudge()
    walk = WalkForward(forecaster, source, source.calendar, judge, on_version=told.note)
    panel = source.panel(first, last)
    known, frames = np.full(panel.close.shape, np.nan), []
    for part in walk.forecasts(first, last):
        if not len(part.rows.positions):
            continue
        values = pivoted(part.rows, part.forecasts, first, panel)
        known = np.where(np.isfinite(values), values, known)
        frames.append(
            pd.DataFrame(
                {
                    "date": source.sessions[part.rows.positions].astype("datetime64[s]"),
                    "symbol": pd.array(source.tickers(part.rows), dtype="str"),
                    "security_id": pd.array(part.rows.security_ids, dtype="str"),
                    FORECAST: part.forecasts,
                    "trained_on": np.datetime64(part.version.cut, "s"),
                }
            )
        )
    names = ["date", "symbol", "security_id", FORECAST, "trained_on"]
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=names)
    returns = ForwardReturn(forecaster.label.horizon).of(panel)
    days = pd.DatetimeIndex(panel.sessions.astype("datetime64[s]"), name="date")
    coefficients = judge.coefficients(known, returns.values)
    return ForecastRun(
        type(forecaster.estimator).__name__,
        frame.sort_values(["date", "symbol"]).set_index(["date", "symbol"]),
        told.frame,
        told.importance("gain"),
        told.importance("permutation"),
        judge.skill(coefficients, "walk forward"),
        pd.Series(coefficients, days, name="rank_ic"),
        pd.Series(spread_returns(known, panel), days, name="spread"),
    )


def forecasts_over(
    reader: TableReader, inputs: Inputs, forecaster: Forecaster, limit: TimeLimit
) -> FloatArray:
    """Return forecasts in the shape of what a strategy sees, NaN where there are none."""
    panel = inputs.strategy_panel
    names = tuple(each.name for each in select(forecaster.features))
    source = ReaderSource(reader, inputs.calendar, names, inputs.days[-1], limit)
    walk = WalkForward(forecaster, source, inputs.calendar, ForecastJudge())
    found = np.full(panel.close.shape, np.nan)
    begin = int(np.searchsorted(source.sessions, panel.sessions[0]))
    offset = int(np.searchsorted(panel.sessions, source.sessions[begin]))
    for part in walk.forecasts(begin, len(source.sessions) - 1):
        values = pivoted(part.rows, part.forecasts, begin - offset, panel)
        found = np.where(np.isfinite(values), values, found)
    return found


def with_forecasts(panel: Panel, forecasts: FloatArray) -> Panel:
    """Return a panel that holds forecasts beside its features."""
    features = panel.features
    names = [name for name in features if name != FORECAST]
    return replace(
        panel, features=Deferred({FORECAST: forecasts}, names, lambda name: features[name])
    )
