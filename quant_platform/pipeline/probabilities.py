"""How probable it is that signals are right, and how well that was said, block by block.

Every model's signals are calibrated by the outcomes that were known before (`learning/`), over the
horizon that it states. What does not belong here: any formula, and what a reader is shown.
"""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256

import numpy as np
import pandas as pd

from quant_platform.errors import ContractError
from quant_platform.learning import calibration, labels, probability, session_calibration
from quant_platform.learning.labels import LONGEST_HORIZON, ForwardReturn, Labels
from quant_platform.learning.probability import SignalProbabilities, signal_probabilities
from quant_platform.learning.session_calibration import MEASURED_SESSIONS
from quant_platform.learning.session_calibration import session_calibration as calibration_of
from quant_platform.market.grid import Grid
from quant_platform.market.panel import Panel
from quant_platform.pipeline.blocks import SlidingRows, blocks, count_securities
from quant_platform.pipeline.chunks import Chunk
from quant_platform.pipeline.computations import server_time
from quant_platform.pipeline.platform import Platform
from quant_platform.storage.bulk import BEGINNING, Members
from quant_platform.storage.models import model_ids
from quant_platform.storage.stored import Stored
from quant_platform.strategies.base import Strategy

PROBABILITIES, CALIBRATION, CURVES = (
    "signal_probabilities",
    "signal_calibration",
    "signal_calibration_bins",
)
"""Tables."""

SIGNAL_COLUMNS = ("date", "symbol", "security_id", "model_id", "signal_type", "strength")
BAR_COLUMNS = ("date", "security_id", "open_price", "close_price")

FIGURES = {
    "outcomes": "outcomes",
    "base_rate": "base_rate",
    "brier": "brier",
    "reliability": "reliability",
    "resolution": "resolution",
    "uncertainty": "uncertainty",
    "within_bins": "within",
    "expected_calibration_error": "expected_error",
}
"""Column of `signal_calibration` → attribute of `SessionCalibration`."""

NO_METHOD = "none"


def horizon_of(model: Strategy) -> int:
    """Return the sessions that a model's signals are stated for.

    Raises
    ------
    ContractError
        It states none that can be.
    """
    stated = model.horizon
    if isinstance(stated, bool) or not isinstance(stated, int) or not 0 < stated <= LONGEST_HORIZON:
        raise ContractError(
            f"Strategy {model.name} states horizon = {stated!r}",
            f"Allowed: a whole number of sessions from 1 to {LONGEST_HORIZON}.",
        )
    return stated


def measured_before(horizon: int) -> int:
    """Sessions before one whose signals' probabilities its figures are of."""
    return MEASURED_SESSIONS + horizon


def lookback_of(models: Sequence[Strategy]) -> int:
    """Sessions that a session's rows depend on, its own included."""
    return probability.lookback() + measured_before(max(map(horizon_of, models), default=1))


def probability_recipe(models: Sequence[Strategy]) -> str:
    """Digest of what calibrates, and the horizon of each model."""
    horizons = ",".join(f"{model.name} {horizon_of(model)}" for model in models)
    return f"calibration {_source_digest()} over {horizons}"


@cache
def _source_digest() -> str:
    modules = (calibration, labels, probability, session_calibration)
    source = "".join(inspect.getsource(module) for module in modules)
    return sha256(source.encode()).hexdigest()[:16]


def probability_chunks(
    platform: Platform,
    models: Sequence[Strategy],
    sessions: Sequence[str],
    bars: Stored,
    actions: Stored,
    signals_of: Mapping[str, Stored],
) -> Iterator[Chunk]:
    """Rows of the three tables.

    Parameters
    ----------
    models : whose signals are calibrated
    sessions : ISO dates, ascending
    bars, actions : of the securities that were members in some session up to the run's last
    signals_of : model → its signals, as far back as the bars
    """
    if not sessions or not models:
        return
    ids = model_ids(platform.database)
    securities = count_securities(platform, Members(BEGINNING, sessions[-1]))
    bar_rows = SlidingRows(bars.narrowed(*BAR_COLUMNS).in_any_order())
    action_rows = SlidingRows(actions)
    signs = {
        model.name: SlidingRows(signals_of[model.name].narrowed(*SIGNAL_COLUMNS), keep=with_a_sign)
        for model in models
    }
    for block in blocks(platform, sessions, lookback_of(models), securities):
        read_at = server_time(platform)
        market = _Outcomes.of(
            Panel.from_frames(
                bar_rows.over(block.window),
                action_rows.over(block.window),
                block.window,
                calendar=platform.calendar,
            ),
            models,
        )
        parts = [
            model_rows(
                signs[model.name].over(block.window),
                market,
                horizon_of(model),
                ids[model.name],
                len(block.sessions),
            )
            for model in models
        ]
        frames = {name: pd.concat([part[name] for part in parts]) for name in parts[0]}
        yield Chunk(block.sessions, frames, read_at=read_at)


def with_a_sign(signals: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that buy or sell."""
    chosen: pd.DataFrame = signals[signals["signal_type"].to_numpy() != 0]
    return chosen


@dataclass(frozen=True)
class _Outcomes:
    """A market, and the returns over each horizon that some model states."""

    panel: Panel
    returns: Mapping[int, Labels]

    @classmethod
    def of(cls, panel: Panel, models: Sequence[Strategy]) -> "_Outcomes":
        """Work out the returns."""
        horizons = sorted({horizon_of(model) for model in models})
        return cls(panel, {each: ForwardReturn(each).of(panel) for each in horizons})


def model_rows(
    signals: pd.DataFrame, market: _Outcomes, horizon: int, model_id: int, last: int
) -> dict[str, pd.DataFrame]:
    """Rows of one model for a panel's last sessions.

    Parameters
    ----------
    signals : those with a sign, of the panel's sessions
    last : sessions wanted
    """
    panel, returns = market.panel, market.returns[horizon]
    grid = Grid(panel.sessions, tuple(panel.security_ids))
    arrays = grid.columns(signals, {"sign": "signal_type", "strength": "strength"})
    signs = np.nan_to_num(arrays["sign"]).astype(np.int8)
    start = len(panel.sessions) - last
    found = signal_probabilities(
        signs,
        arrays["strength"],
        returns,
        panel.sessions,
        panel.calendar,
        first=max(start - measured_before(horizon), 0),
    )
    rows = signals[signals["date"].to_numpy() >= panel.sessions[start]]
    at = np.searchsorted(panel.sessions, rows["date"].to_numpy().astype("datetime64[D]"))
    column = pd.Index(panel.security_ids).get_indexer(pd.Index(rows["security_id"]))
    value = np.where(column >= 0, found.probabilities[at, column], np.nan)
    known = np.isfinite(value)
    probabilities = rows.loc[known, ["date", "symbol", "security_id"]].assign(
        model_id=model_id, horizon=horizon, probability=value[known]
    )
    return {
        PROBABILITIES: probabilities,
        **_figures(found, returns, panel, horizon, model_id, start),
    }


def _figures(
    found: SignalProbabilities,
    returns: Labels,
    panel: Panel,
    horizon: int,
    model_id: int,
    start: int,
) -> dict[str, pd.DataFrame]:
    """Rows of the figures and of the curves, from one session on."""
    measured = calibration_of(found.probabilities, found.hits, returns.ends)
    days = panel.sessions[start:].astype("datetime64[s]")
    cuts = np.array([each.at for each in found.calibrators], dtype=np.int64)
    force = np.searchsorted(cuts, np.arange(start, len(panel.sessions)), side="right") - 1
    methods = [each.chosen or NO_METHOD for each in found.calibrators] + [NO_METHOD]
    fitted = [each.outcomes for each in found.calibrators] + [0]
    figures = pd.DataFrame(
        {
            "date": days,
            "model_id": model_id,
            "horizon": horizon,
            "method": pd.array(methods, dtype="str").take(force),
            "fitted": np.array(fitted, dtype=np.int64)[force],
            **{column: getattr(measured, name)[start:] for column, name in FIGURES.items()},
        }
    )
    shown = (figures["method"] != NO_METHOD) | (figures["outcomes"] > 0)
    day, number = np.nonzero(measured.counts[start:] > 0)
    cells = (day + start, number)
    curves = pd.DataFrame(
        {
            "date": days[day],
            "model_id": model_id,
            "bin": number,
            "outcomes": measured.counts[cells].astype(np.int64),
            "probability": measured.probabilities[cells],
            "frequency": measured.frequencies[cells],
        }
    )
    return {
        CALIBRATION: figures[shown].astype({"outcomes": "int64"}),
        CURVES: curves,
    }
