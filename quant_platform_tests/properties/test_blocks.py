"""Blocks and the ledger of computations: the same bits, nothing twice, and what a change reaches.

Expected sessions are counted by hand in the calendar: 2004-10-05 is the session after 2004-10-04.
"""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from quant_platform.defs.build import build_defs
from quant_platform.defs.upstream import upstream_of
from quant_platform.pipeline import blocks, portfolios
from quant_platform.pipeline.computations import unfinished
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.recipes import recipe_of
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage.database import Database
from quant_platform_tests.support.lab import failure_text
from quant_platform_tests.support.pipeline import (
    FIRST,
    LAST,
    SampleMarket,
    dump,
    platform_of,
    run,
)
from quant_platform_tests.support.tables import fetch

CORRECTED = "2004-10-04"
MISSING = {"quant_platform/fetch": "missing"}


class Dearer(SampleMarket):
    """The close of one bar is ten cents higher than it was."""

    def bars(self, first: date, last: date) -> pd.DataFrame:
        """Bars with the corrected one."""
        rows = super().bars(first, last)
        bar = (rows["symbol"] == "IBM") & (rows["date"] == pd.Timestamp(CORRECTED))
        rows.loc[bar, ["close_price", "high_price"]] += 0.1
        return rows


def test_small_blocks_give_the_same_bits(
    fresh: Database, whole: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the sessions, none was a block of its own in the run that is compared with."""
    monkeypatch.setattr(blocks, "BLOCK_CELLS", 1)
    monkeypatch.setattr(blocks, "FEWEST_SESSIONS", 7)
    monkeypatch.setattr(portfolios, "PERFORMANCE_SESSIONS", 11)
    result = run(fresh, tmp_path, FIRST, LAST)
    assert result.success, failure_text(result)
    assert dump(fresh) == dump(whole)
    # 107 sessions from August to December 2004, in blocks of seven.
    runs = fetch(fresh, "SELECT count(*) FROM model_runs GROUP BY model_id")
    assert runs == [(16,)] * 4


@pytest.mark.parametrize(
    ("lookback", "securities", "size"),
    [
        # 250,000 cells: 500 sessions of 500 securities, those looked back on among them.
        (1, 500, 500),
        (63, 500, 438),
        # A long look-back is not computed again for a few sessions: as many as it has, …
        (452, 500, 452),
        # … as far as they are no more cells, and never fewer than 20.
        (452, 3000, 83),
        (452, 12_000, 20),
    ],
)
def test_a_block_computes_more_than_it_looks_back_on(
    computed: Database, tmp_path: Path, lookback: int, securities: int, size: int
) -> None:
    platform = platform_of(computed, tmp_path)
    first_session = platform.vendor.first_session
    days = [f"{day}" for day in platform.calendar.sessions(first_session, date(2008, 12, 31))]
    first = next(blocks.blocks(platform, days, lookback, securities))
    assert len(first.sessions) == size


def test_what_was_computed_is_finished(computed: Database, tmp_path: Path) -> None:
    assert to_do(computed, tmp_path) == {}


def test_a_corrected_bar_leaves_what_follows_from_it_to_do(
    computed: Database, tmp_path: Path
) -> None:
    result = run(computed, tmp_path, CORRECTED, CORRECTED, vendor=Dearer(), assets=["market_data"])
    assert result.success, failure_text(result)
    left = to_do(computed, tmp_path)
    # Which of several splits holds is judged by the move of one night.
    assert left["corporate_actions"] == [CORRECTED, "2004-10-05"]
    # A portfolio holds the bar's close, and each later one follows from it.
    assert left["portfolios"][0] == CORRECTED
    assert left["portfolios"][-1] == LAST
    assert len(left["portfolios"]) == 63
    # The session itself and those that look back on it, and none before.
    assert {name: sessions[0] for name, sessions in left.items()} == dict.fromkeys(left, CORRECTED)
    assert "market_data" not in left

    result = run(computed, tmp_path, FIRST, LAST, vendor=Dearer(), tags=MISSING)
    assert result.success, failure_text(result)
    assert to_do(computed, tmp_path) == {}
    # Everything follows from the corrected bar, as if it had always been there.
    again = dump(computed)
    result = run(computed, tmp_path, FIRST, LAST, vendor=Dearer())
    assert result.success, failure_text(result)
    assert dump(computed) == again


def test_the_same_rows_again_leave_nothing_to_do(computed: Database, tmp_path: Path) -> None:
    changes = "SELECT asset, date, changed_at FROM computations ORDER BY 1, 2"
    before = fetch(computed, changes)
    assert run(computed, tmp_path, FIRST, "2004-09-30", assets=["features"]).success
    assert fetch(computed, changes) == before
    assert to_do(computed, tmp_path) == {}


def test_a_run_goes_on_where_one_was_stopped(
    fresh: Database, whole: Database, tmp_path: Path
) -> None:
    result = run(fresh, tmp_path, FIRST, "2004-10-29")
    assert result.success, failure_text(result)
    assert run(fresh, tmp_path, "2004-11-01", "2004-11-30", assets=["market_data"]).success
    done = "SELECT asset, date::text, read_at FROM computations WHERE date >= %s"
    before = {row[:2]: row[2] for row in fetch(fresh, done, FIRST)}
    result = run(fresh, tmp_path, FIRST, LAST, tags=MISSING)
    assert result.success, failure_text(result)
    after = {row[:2]: row[2] for row in fetch(fresh, done, FIRST)}
    computed_before = {key for key in before if key[0] not in FETCHED}
    assert {after[key] for key in computed_before} == {before[key] for key in computed_before}
    assert len(after) > len(before)
    assert dump(fresh) == dump(whole)


FETCHED = ("market_data", "securities", "security_symbols")
"""Assets of a fixed list of symbols, which is read again each time."""


def test_other_costs_are_another_portfolio(computed: Database, tmp_path: Path) -> None:
    left = to_do(computed, tmp_path, **{PREFIX + "COMMISSION_BP": "7"})
    assert left.keys() == {"portfolios"}
    assert left["portfolios"][0] == FIRST


def to_do(database: Database, home: Path, **settings: str) -> dict[str, list[str]]:
    """Asset → its unfinished sessions, of `FIRST` to `LAST`; finished assets are left out."""
    values = {"DATABASE_URL": database.url, PREFIX + "HOME": str(home), **settings}
    platform = Platform(Settings.load(values, home), SampleMarket())
    graph = build_defs(settings=platform.settings, vendor=platform.vendor).resolve_asset_graph()
    days = platform.calendar.sessions(date.fromisoformat(FIRST), date.fromisoformat(LAST))
    sessions = [day.isoformat() for day in days]
    left = {}
    for key in graph.executable_asset_keys:
        name = key.to_user_string()
        recipe = recipe_of(platform, name)
        upstream = upstream_of(graph.get(key).assets_def)
        left[name] = unfinished(platform, name, upstream, sessions, recipe)
    return {name: sessions for name, sessions in left.items() if sessions}
