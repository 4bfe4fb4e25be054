"""What stored features foretold, block by block: read, compute, hand over."""

from collections.abc import Iterator, Mapping, Sequence

from quant_platform.evaluation.factor_rows import HORIZONS, LOOKBACK, factor_rows
from quant_platform.market.panel import Panel
from quant_platform.pipeline.blocks import SlidingRows, blocks, count_securities
from quant_platform.pipeline.chunks import Chunk
from quant_platform.pipeline.computations import server_time
from quant_platform.pipeline.platform import Platform
from quant_platform.storage.bulk import Members
from quant_platform.storage.stored import Stored

COLUMNS = 40
"""Features of a session that count as one of its cells: what a block of features holds."""


def factor_chunks(
    platform: Platform,
    sessions: Sequence[str],
    bars: Stored,
    actions: Stored,
    universe: Stored,
    features: Mapping[str, Stored],
) -> Iterator[Chunk]:
    """Rows of `factor_evaluation`.

    Parameters
    ----------
    sessions : ISO dates, ascending
    bars, actions : of the securities that were members in some session
    features : table of a set → its rows
    """
    if not sessions:
        return
    names = [
        column.name
        for stored in features.values()
        for column in stored.table.columns
        if column.sql_type in ("double precision", "real")
    ]
    securities = count_securities(platform, Members(sessions[0], sessions[-1]))
    cells = max(securities * -(-len(names) // COLUMNS), len(names) * len(HORIZONS))
    inputs = [SlidingRows(each) for each in (bars, actions, universe)]
    sets = [SlidingRows(each) for each in features.values()]
    for block in blocks(platform, sessions, LOOKBACK, cells):
        read_at = server_time(platform)
        bar_rows, action_rows, members = (each.over(block.window) for each in inputs)
        panel = Panel.from_frames(
            bar_rows,
            action_rows,
            block.window,
            universe=members,
            features=[each.over(block.window) for each in sets],
            calendar=platform.calendar,
        )
        rows = factor_rows(panel, panel.features, len(block.sessions))
        yield Chunk(block.sessions, {"factor_evaluation": rows}, read_at=read_at)
