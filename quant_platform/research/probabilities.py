"""How probable it was that a model's signals were right, of stored signals and bars.

What belongs here: reading them, and the result. What does not: calibration (`learning/`), and what
a user calls (`forecasting.py`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from quant_platform.errors import ContractError, SettingsError, UnknownNameError
from quant_platform.learning.calibration import Calibration, ReliabilityCurve, reliability_curve
from quant_platform.learning.labels import LONGEST_HORIZON, ForwardReturn
from quant_platform.learning.probability import (
    CALIBRATION_SESSIONS,
    lookback,
    signal_probabilities,
)
from quant_platform.market.calendar import Calendar
from quant_platform.market.grid import pivot
from quant_platform.reports.calibration import calibration_figure
from quant_platform.research.feature_data import FeatureData
from quant_platform.research.reader import TableReader

if TYPE_CHECKING:
    import plotly.graph_objects as go

HORIZON = 5
"""Sessions over which a signal is judged here unless somebody says otherwise."""


@dataclass(frozen=True, eq=False)
class ProbabilityStudy:
    """Probabilities of a model's signals, and how well they were calibrated.

    Attributes
    ----------
    model, horizon : whose signals, and over how many sessions they are judged
    probabilities : pd.DataFrame
        Index `date` and `security_id`: `signal_type`, `strength`, `probability` (NaN where too few
        outcomes were known) and `hit` (1 or 0, NaN where it is not known yet).
    calibrators : pd.DataFrame
        Index `cut`: what was chosen there, of how many outcomes, and the Brier score of each.
    calibration : Calibration
        Of the probabilities whose outcome is known.
    curve : ReliabilityCurve
        The same by bin.
    """

    model: str
    horizon: int
    probabilities: pd.DataFrame
    calibrators: pd.DataFrame
    calibration: Calibration
    curve: ReliabilityCurve

    def plot(self) -> "go.Figure":
        """Draw the reliability curve."""
        frame = pd.DataFrame(
            {
                "model_name": self.model,
                "bin": np.arange(len(self.curve.counts)),
                "outcomes": self.curve.counts,
                "probability": self.curve.probabilities,
                "frequency": self.curve.frequencies,
            }
        )
        return calibration_figure(frame)


def probability_study(
    reader: TableReader, calendar: Calendar, model: str, first: str, last: str, horizon: int
) -> ProbabilityStudy:
    """Calibrate a model's stored signals, session by session of what was known before.

    Parameters
    ----------
    first, last : ISO dates of the sessions that are shown; the look-back lies before them
    horizon : sessions over which a signal is judged

    Raises
    ------
    UnknownNameError
        There is no such model.
    ContractError
        It has no signal in the range.
    """
    if not isinstance(horizon, int) or not 1 <= horizon <= LONGEST_HORIZON:
        raise SettingsError(
            f"Signals are to be judged over {horizon!r} sessions",
            f"Allowed: a whole number from 1 to {LONGEST_HORIZON}",
        )
    models = reader.query("SELECT id, model_name FROM models ORDER BY id")
    ids = dict(zip(models["model_name"], models["id"], strict=True))
    if model not in ids:
        raise UnknownNameError(f"There is no model {model!r}", f"There are: {', '.join(ids)}")
    stored = calendar.sessions(*reader.first_and_last_bar())
    days = calendar.range(first, last, stored)
    begin = max(stored.index(days[0]) - lookback(CALIBRATION_SESSIONS) + 1, 0)
    span = stored[begin].isoformat(), days[-1].isoformat()
    columns = ("date", "security_id", "model_id", "signal_type", "strength")
    signals = reader.rows("signals", span, columns)
    signals = signals[signals["model_id"] == ids[model]]
    shown = signals["date"] >= pd.Timestamp(days[0])
    if not shown.any():
        raise ContractError(
            f"{model} has no signal from {first} to {last}",
            f"Backfill it: quant-platform backfill --start {first} --end {last} --select signals",
        )
    panel = FeatureData(reader, calendar, *span).panel([])
    sessions, securities = panel.sessions, panel.security_ids
    kinds = pivot(signals, "signal_type", sessions, securities)
    strengths = pivot(signals, "strength", sessions, securities)
    signs = np.where(np.isfinite(kinds), kinds, 0.0).astype(np.int64)
    returns = ForwardReturn(horizon).of(panel)
    found = signal_probabilities(signs, strengths, returns, sessions, calendar)
    at = int(np.searchsorted(sessions, np.datetime64(days[0])))
    judged = found.known[at:] & np.isfinite(found.probabilities[at:])
    hits = np.where(found.known, found.hits, np.nan)
    frame = panel.frame(
        {
            "signal_type": signs,
            "strength": strengths,
            "probability": found.probabilities,
            "hit": hits,
        },
        where=signs != 0,
        last=len(sessions) - at,
    )
    cuts = [
        {
            "cut": sessions[each.at].item(),
            "chosen": each.chosen,
            "outcomes": each.outcomes,
            **each.scores,
        }
        for each in found.calibrators
    ]
    return ProbabilityStudy(
        model,
        horizon,
        frame.set_index(["date", "security_id"]),
        pd.DataFrame(cuts).set_index("cut"),
        found.calibration(at),
        reliability_curve(found.probabilities[at:][judged], found.hits[at:][judged]),
    )
