"""Alerts and reports of a run's sessions, block by block."""

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from quant_platform.alerts.rules import AlertInputs, ModelSilent, evaluate_alerts
from quant_platform.pipeline.blocks import SlidingRows, blocks, count_securities
from quant_platform.pipeline.chunks import Chunk
from quant_platform.pipeline.computations import server_time
from quant_platform.pipeline.platform import Platform
from quant_platform.reports.ranking import TREND_SESSIONS
from quant_platform.reports.report import performance_reports
from quant_platform.storage import bulk
from quant_platform.storage.bulk import Members
from quant_platform.storage.stored import Stored

SILENCE = ModelSilent().window
"""Sessions that an alert looks back on."""

REPORT_CELLS = 100
"""Cells that a report of a session is counted for: its ranking, trends and text are documents."""


def alert_chunks(
    platform: Platform,
    sessions: Sequence[str],
    performance: Stored,
    universe: Stored,
    bars: Stored,
    signals_of: Mapping[str, Stored],
) -> Iterator[Chunk]:
    """Rows of `alerts`: limits breached, models gone silent, data gone stale.

    Parameters
    ----------
    sessions : ISO dates, ascending
    signals_of : signals by the strategy's name, from `SILENCE` sessions before on
    """
    if not sessions:
        return
    securities = count_securities(platform, Members(sessions[0], sessions[-1]))
    signals = [SlidingRows(stored) for stored in signals_of.values()]
    for block in blocks(platform, sessions, SILENCE, securities):
        read_at, first, last = server_time(platform), block.sessions[0], block.sessions[-1]
        rows = pd.concat([each.over(block.window) for each in signals], ignore_index=True)
        inputs = AlertInputs(
            sessions=_days(block.sessions),
            calendar=_days(block.window),
            models=stored_models(platform),
            performance=performance.read(first, last),
            activity=_activity(rows),
            universe=universe.read(first, last),
            bars=bars.read(first, last),
        )
        yield Chunk(block.sessions, {"alerts": evaluate_alerts(inputs)}, read_at=read_at)


def report_chunks(
    platform: Platform, sessions: Sequence[str], performance: Stored, alerts: Stored
) -> Iterator[Chunk]:
    """Rows of `performance_reports`: ranking, trends and summary of each session."""
    history = SlidingRows(performance)
    for block in blocks(platform, sessions, TREND_SESSIONS + 1, REPORT_CELLS):
        read_at = server_time(platform)
        rows = performance_reports(
            history.over(block.window),
            stored_models(platform),
            alerts.read(block.sessions[0], block.sessions[-1]),
            _days(block.sessions),
        )
        yield Chunk(block.sessions, {"performance_reports": rows}, read_at=read_at)


def stored_models(platform: Platform) -> pd.DataFrame:
    """Rows of `models`: id, model_name, is_benchmark."""
    return bulk.query(
        platform.database, "SELECT id, model_name, is_benchmark FROM models ORDER BY id"
    )


def _days(sessions: Sequence[str]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(list(sessions)).as_unit("s")


def _activity(signals: pd.DataFrame) -> pd.DataFrame:
    """Number of buy and sell signals per model and session."""
    active = signals[signals["signal_type"] != 0]
    return (
        active.groupby(["date", "model_id"])["signal_type"]
        .size()
        .rename("active_signals")
        .reset_index()
    )
