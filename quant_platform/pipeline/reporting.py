"""Alerts and reports of a run's sessions, block by block."""

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from quant_platform.alerts.rules import SILENCE, AlertInputs, evaluate_alerts, with_failures
from quant_platform.alerts.tuning import rules_in_force
from quant_platform.pipeline.blocks import SlidingRows, blocks, count_securities
from quant_platform.pipeline.chunks import Chunk, alone
from quant_platform.pipeline.computations import server_time
from quant_platform.pipeline.failures import Failures
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.seen import holdout_states
from quant_platform.reports.ranking import TREND_SESSIONS
from quant_platform.reports.report import performance_reports
from quant_platform.storage import bulk
from quant_platform.storage.bulk import Members
from quant_platform.storage.models import model_ids
from quant_platform.storage.stored import Stored

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
    signals_of : signals by the model's name, from `SILENCE` sessions before on
    """
    if not sessions:
        return
    securities = count_securities(platform, Members(sessions[0], sessions[-1]))
    signals = [SlidingRows(stored.in_any_order()) for stored in signals_of.values()]
    for block in blocks(platform, sessions, SILENCE, securities):
        read_at, first, last = server_time(platform), block.sessions[0], block.sessions[-1]
        rows = pd.concat([each.over(block.window) for each in signals], ignore_index=True)
        inputs = AlertInputs(
            sessions=_days(block.sessions),
            calendar=_days(block.window),
            models=stored_models(platform),
            performance=performance.read(first, last),
            activity=_activity(pd.concat([rows, *of_books(rows, platform)], ignore_index=True)),
            universe=universe.read(first, last),
            bars=bars.read(first, last),
        )
        failures = Failures("alert rule")
        rows = evaluate_alerts(
            inputs,
            rules_in_force(platform.settings.alert_rules).of_sessions,
            on_failure=failures.note,
            seconds=platform.settings.step_seconds,
        )
        failed = _failed(platform, block.sessions, failures.by_part)
        yield from alone(
            Chunk(
                block.sessions,
                {"alerts": with_failures(rows, failed)},
                read_at=read_at,
                failures=failures.by_part,
            )
        )


def _failed(platform: Platform, sessions: Sequence[str], rules: Mapping[str, str]) -> pd.DataFrame:
    """What could not be computed of the sessions, the alert rules of this run included."""
    stored = bulk.query(
        platform.database,
        "SELECT date, part, reason FROM computation_failures WHERE asset <> 'alerts'"
        " AND date BETWEEN $1::text::date AND $2::text::date ORDER BY date, part",
        (sessions[0], sessions[-1]),
    )
    own = [(day, part, reason) for part, reason in rules.items() for day in _days(sessions)]
    if not own:
        return stored
    return pd.concat([stored, pd.DataFrame(own, columns=stored.columns)], ignore_index=True)


def report_chunks(
    platform: Platform, sessions: Sequence[str], performance: Stored, alerts: Stored
) -> Iterator[Chunk]:
    """Rows of `performance_reports`: ranking, trends and summary of each session."""
    history = SlidingRows(performance)
    statistics = platform.table("performance_statistics")
    for block in blocks(platform, sessions, TREND_SESSIONS + 1, REPORT_CELLS):
        read_at = server_time(platform)
        rows = performance_reports(
            history.over(block.window),
            bulk.read(platform.database, statistics, block.sessions[0], block.sessions[-1]),
            stored_models(platform),
            alerts.read(block.sessions[0], block.sessions[-1]),
            _days(block.sessions),
            holdout_states(platform.database, platform.models, platform.books),
        )
        yield Chunk(block.sessions, {"performance_reports": rows}, read_at=read_at)


def stored_models(platform: Platform) -> pd.DataFrame:
    """Rows of `models` of those that run: id, model_name, is_benchmark."""
    rows = bulk.query(
        platform.database, "SELECT id, model_name, is_benchmark FROM models ORDER BY id"
    )
    running = rows["model_name"].isin([each.name for each in platform.traded])
    return rows[running].reset_index(drop=True)


def _days(sessions: Sequence[str]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(list(sessions)).as_unit("s")


def of_books(signals: pd.DataFrame, platform: Platform) -> Iterator[pd.DataFrame]:
    """Signals of each book, as rows of its own: those of its members."""
    ids = model_ids(platform.database) if platform.books else {}
    for book in platform.books:
        of_members = signals["model_id"].isin([ids[name] for name in book.members])
        yield signals[of_members].assign(model_id=ids[book.name])


def _activity(signals: pd.DataFrame) -> pd.DataFrame:
    """Number of buy and sell signals per model and session."""
    active = signals[signals["signal_type"] != 0]
    return (
        active.groupby(["date", "model_id"])["signal_type"]
        .size()
        .rename("active_signals")
        .reset_index()
    )
