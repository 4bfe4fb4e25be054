"""Signals of one strategy for a run's sessions, block by block, and the record of how they came."""

from collections.abc import Iterator, Sequence
from functools import partial

import pandas as pd

from quant_platform.isolation import limited
from quant_platform.market.calendar import Calendar
from quant_platform.market.facts import with_tickers
from quant_platform.market.panel import Panel
from quant_platform.pipeline.blocks import Block, SlidingRows, blocks, count_securities
from quant_platform.pipeline.chunks import WAIT_UNTIL_STORED, Chunk
from quant_platform.pipeline.computations import server_time
from quant_platform.pipeline.failures import (
    Failed,
    FailedModel,
    attempt,
    store_failed_model,
)
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.provenance import code_version, digest_of
from quant_platform.pipeline.provision import model_record
from quant_platform.storage.bulk import Members
from quant_platform.storage.models import ModelRun, model_ids, model_run_statement
from quant_platform.storage.stored import Stored
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.limits import scaled_sessions
from quant_platform.strategies.positions import without_room


def signal_chunks(
    platform: Platform,
    strategy: Strategy,
    sessions: Sequence[str],
    features: Sequence[Stored],
    bars: Stored,
    universe: Stored,
    *,
    run_id: str,
) -> Iterator[Chunk]:
    """Rows of `signals`, and a row of `model_runs` for each block, stored with it.

    A block in which the strategy raises, hangs or gives rows that break a rule of the table fails
    alone (`failures.py`).

    Parameters
    ----------
    sessions : ISO dates, ascending
    features : of each set that the strategy reads
    bars : of the securities that were members in some session up to the run's last
    """
    if not sessions:
        return
    model_id = model_ids(platform.database)[strategy.name]
    securities = count_securities(platform, Members(sessions[0], sessions[-1]))
    seconds, hung = platform.settings.step_seconds, False
    signals: pd.DataFrame | Failed
    inputs = [SlidingRows(stored) for stored in (bars, universe, *features)]
    for block in blocks(platform, sessions, strategy.lookback, securities):
        read_at = server_time(platform)
        bar_rows, members, *of_sets = (rows.over(block.window) for rows in inputs)
        feature_rows = side_by_side(of_sets)
        compute = partial(
            _signals, strategy, block, feature_rows, bar_rows, members, platform.calendar
        )
        if not hung:
            signals = attempt(
                partial(limited, compute, seconds, strategy.signals, strategy.run, type(strategy))
            )
        digest = digest_of(feature_rows, bar_rows, members)
        note = partial(_note_failure, platform, strategy, block, digest, run_id)
        if isinstance(signals, Failed):
            hung = signals.hung
            # What comes before is stored first: the ledger is in the order of the sessions.
            yield WAIT_UNTIL_STORED
            note(signals.reason)
            continue
        run = ModelRun(
            run_id=run_id,
            code_version=code_version(),
            input_digest=digest,
            first_session=block.sessions[0],
            last_session=block.sessions[-1],
            signal_rows=len(signals),
            scaled_sessions=scaled_sessions(signals),
        )
        yield Chunk(
            block.sessions,
            {"signals": signals.assign(model_id=model_id)},
            also=[model_run_statement(model_record(strategy, platform.settings.benchmark), run)],
            read_at=read_at,
            counts={
                "sessions scaled": run.scaled_sessions,
                "positions without room": without_room(signals),
            },
            on_refusal=note,
        )


def side_by_side(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Join the rows of several feature sets: one for each that has one in any set."""
    joined = frames[0]
    for frame in frames[1:]:
        joined = joined.merge(frame, on=["date", "symbol", "security_id"], how="outer")
    return joined


def _note_failure(
    platform: Platform, strategy: Strategy, block: Block, digest: str, run_id: str, reason: str
) -> None:
    """Record that the strategy failed in a block: it raised, or its rows are none for the table."""
    asset = f"signals/{strategy.name}"
    failed = FailedModel(strategy.name, asset, block.sessions, reason, code_version(), digest)
    store_failed_model(platform.database, failed, run_id)


def _signals(
    strategy: Strategy,
    block: Block,
    features: pd.DataFrame,
    bars: pd.DataFrame,
    members: pd.DataFrame,
    calendar: Calendar,
) -> pd.DataFrame:
    """Signals of a block's sessions, as the strategy gives them."""
    panel = Panel.from_frames(
        bars, None, block.window, universe=members, features=features, calendar=calendar
    )
    return with_tickers(strategy.run(panel, last=len(block.sessions)), members)
