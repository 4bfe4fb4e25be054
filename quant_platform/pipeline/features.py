"""Features of a run's sessions, block by block: read, compute, hand over."""

from collections.abc import Iterator, Sequence

from quant_platform.features.compute import compute_features, required_lookback
from quant_platform.market.facts import with_tickers
from quant_platform.market.panel import Panel
from quant_platform.pipeline.blocks import SlidingRows, blocks, count_securities
from quant_platform.pipeline.chunks import Chunk, alone
from quant_platform.pipeline.computations import server_time
from quant_platform.pipeline.failures import Failures
from quant_platform.pipeline.platform import Platform
from quant_platform.storage.bulk import Members
from quant_platform.storage.stored import Stored


def feature_chunks(
    platform: Platform,
    sessions: Sequence[str],
    bars: Stored,
    actions: Stored,
    universe: Stored,
    news: Stored | None,
) -> Iterator[Chunk]:
    """Rows of `features` for the members of each session.

    Parameters
    ----------
    sessions : ISO dates, ascending
    bars, actions, news : of the securities that are members in some session of the run
    """
    if not sessions:
        return
    lookback = required_lookback()
    securities = count_securities(platform, Members(sessions[0], sessions[-1]))
    bar_rows, action_rows = SlidingRows(bars), SlidingRows(actions)
    news_rows = None if news is None else SlidingRows(news)
    for block in blocks(platform, sessions, lookback, securities):
        read_at = server_time(platform)
        panel = Panel.from_frames(
            bar_rows.over(block.window),
            action_rows.over(block.window),
            block.window,
            news=None if news_rows is None else news_rows.over(block.window),
        )
        members = universe.read(block.sessions[0], block.sessions[-1])
        failures = Failures("feature")
        features = compute_features(
            panel,
            last=len(block.sessions),
            on_failure=failures.note,
            seconds=platform.settings.step_seconds,
        )
        yield from alone(
            Chunk(
                block.sessions,
                {"features": with_tickers(features, members)},
                read_at=read_at,
                failures=failures.by_part,
            )
        )
