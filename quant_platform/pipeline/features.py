"""Features of a run's sessions, block by block: read, compute, hand over."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from quant_platform.features.compute import feature_frames, required_lookback
from quant_platform.features.feature_registry import features_of
from quant_platform.features.feature_set import FeatureSet
from quant_platform.features.inputs import OWN_DATA, UNIVERSE_INPUTS, inputs_of, own_inputs
from quant_platform.market.facts import with_tickers
from quant_platform.market.panel import Panel
from quant_platform.pipeline.blocks import SlidingRows, blocks, count_securities
from quant_platform.pipeline.chunks import Chunk, alone
from quant_platform.pipeline.computations import server_time
from quant_platform.pipeline.failures import Failures
from quant_platform.pipeline.feature_inputs import known_window, read_extras
from quant_platform.pipeline.platform import Platform
from quant_platform.storage.bulk import Members
from quant_platform.storage.stored import Stored


def feature_chunks(
    platform: Platform,
    chosen: FeatureSet,
    sessions: Sequence[str],
    bars: Stored,
    actions: Stored,
    universe: Stored,
    others: Mapping[str, Stored],
) -> Iterator[Chunk]:
    """Rows of a set's table for the members of each session.

    Parameters
    ----------
    sessions : ISO dates, ascending
    bars, actions : of the securities that are members in some session of the run; of a set that
        looks across securities: that were in some session up to its last
    others : news of the same securities, tables of the economy and `own_data`, as far as there are
        any
    """
    if not sessions:
        return
    lookback, inputs = required_lookback([chosen.name]), inputs_of(features_of(chosen))
    securities = count_securities(platform, Members(sessions[0], sessions[-1]))
    bar_rows, action_rows = SlidingRows(bars), SlidingRows(actions)
    other_rows = {
        name: SlidingRows(_of_datasets(stored, inputs) if name == OWN_DATA else stored)
        for name, stored in others.items()
    }
    reads_universe = bool(inputs & {*UNIVERSE_INPUTS})
    for block in blocks(platform, sessions, lookback, securities):
        read_at = server_time(platform)
        news = other_rows["news"].over(block.window) if "news" in others else None
        panel = Panel.from_frames(
            bar_rows.over(block.window),
            action_rows.over(block.window),
            block.window,
            news=news,
            calendar=platform.calendar,
        )
        first = block.window[0] if reads_universe else block.sessions[0]
        members = universe.read(first, block.sessions[-1])
        days = known_window(platform, block.window, inputs)
        known = {name: rows.over(days) for name, rows in other_rows.items() if name != "news"}
        failures = Failures("feature")
        frames = feature_frames(
            panel,
            last=len(block.sessions),
            names=[chosen.name],
            extras=read_extras(platform, panel, inputs, members, known, days),
            on_failure=failures.note,
            seconds=platform.settings.step_seconds,
        )
        for stored_days, rows in frames:
            yield from alone(
                Chunk(
                    [str(day) for day in stored_days],
                    {chosen.table: with_tickers(rows, members)},
                    read_at=read_at,
                    failures=dict(failures.by_part),
                )
            )


def _of_datasets(stored: Stored, inputs: frozenset[str]) -> Stored:
    """Narrow the user's own data to the datasets that are read."""
    return replace(stored, scope={"dataset": tuple({each.dataset for each in own_inputs(inputs)})})
