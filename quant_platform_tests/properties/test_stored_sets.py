"""Sets beside `technical`: stored by the setting, the same bits however cut, and as computed again.

One set is of four bytes, the other looks across securities and reads what is no bar.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from quant_platform.errors import SettingsError
from quant_platform.features import feature_registry
from quant_platform.features.context import FeatureContext
from quant_platform.features.feature_registry import all_features, feature
from quant_platform.features.feature_set import TECHNICAL, FeatureSet
from quant_platform.features.inputs import market_return
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.windows import window_sum
from quant_platform.market.calendar import XNYS, parse_date
from quant_platform.pipeline.feature_sets import stored_sets
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.provision import provision
from quant_platform.pipeline.recipes import recipe_of
from quant_platform.quality.computed import computed_checks
from quant_platform.quality.judging import judge_blocks
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage import bulk
from quant_platform.storage.database import Database
from quant_platform.storage.reset import drop_everything
from quant_platform_tests.support.lab import failure_text
from quant_platform_tests.support.pipeline import FACTS, FIRST, LISTING, SampleMarket, run
from quant_platform_tests.support.tables import fetch

SMALL = FeatureSet("small", "Kept in four bytes.", "float4")
WIDE = FeatureSet("wide", "Looks across securities.", across=True)
BOTH = (SMALL, WIDE)

END, SAMPLE = "2004-09-08", "2004-09-03"
DAYS = [day.isoformat() for day in XNYS.sessions(parse_date(FIRST), parse_date(END))]
SETS = {PREFIX + "FEATURE_SETS": "small, technical, wide"}


@feature(lookback=1, inputs=("close",), of=SMALL)
def third(context: FeatureContext) -> FloatArray:
    """A third of the close."""
    return context.close / 3.0


@feature(lookback=5, inputs=("close", "split", "dividend", "market_return", "member"), of=WIDE)
def above_market(context: FeatureContext) -> FloatArray:
    """Sum over five sessions of: rank among the members, plus the market's return."""
    price = np.where(context.member, context.close, np.nan)
    below = (price[:, None, :] < price[:, :, None]).sum(axis=2).astype(np.float64)
    return window_sum(below + context.market_return[:, None], 5)


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    every = (*all_features(), third, above_market)
    monkeypatch.setattr(feature_registry, "all_features", lambda: every)
    yield


def fill(database: Database, home: Path, ends: list[str]) -> None:
    provision(database, sets=(TECHNICAL, *BOTH))
    first = FIRST
    for end in ends:
        assets = [*FACTS, *(each.table for each in BOTH)]
        result = run(database, home, first, end, assets=assets, settings=SETS)
        assert result.success, failure_text(result)
        first = DAYS[DAYS.index(end) + 1] if end != DAYS[-1] else ""


def stored(database: Database, table: str) -> list[str]:
    rows = fetch(
        database,
        f"SELECT (to_jsonb(t) - 'recorded_at')::text FROM {table} AS t WHERE date >= %s ORDER BY 1",  # noqa: S608
        FIRST,
    )
    return [text for (text,) in rows]


def test_sets_are_stored_however_cut_and_equal_what_is_computed_again(
    fresh: Database,
    new_database: Callable[[str | None], Database],
    base: str,
    tmp_path: Path,
) -> None:
    other = new_database(base)
    fill(fresh, tmp_path, [DAYS[-1]])
    fill(other, tmp_path, [LISTING, DAYS[DAYS.index(LISTING) + 1], DAYS[-1]])
    for each in BOTH:
        rows = stored(fresh, each.table)
        assert rows == stored(other, each.table)
        # Three securities, and Google from its listing on, which is the 14th session.
        assert len(rows) == 3 * len(DAYS) + len(DAYS) - 13
    # Four bytes hold a third of the close, and are what a computation gives.
    values = fetch(
        fresh,
        "SELECT s.third, b.close_price FROM features_small s"
        " JOIN market_data b USING (date, symbol)",
    )
    assert all(np.float32(value) == np.float32(close / 3.0) for value, close in values)

    settings = Settings.load(
        {"DATABASE_URL": fresh.url, PREFIX + "HOME": str(tmp_path), **SETS}, tmp_path
    )
    assert stored_sets(settings) == (TECHNICAL, *BOTH)
    platform = Platform(settings, SampleMarket())
    assert recipe_of(platform, "features_small").startswith("1 features ")
    checks = computed_checks(BOTH)[:2]
    for check in checks:
        judge_blocks(platform, [check], DAYS)
    verdicts = fetch(
        fresh,
        "SELECT check_name, date::text, passed FROM data_quality WHERE passed IS NOT NULL"
        " AND check_name LIKE 'features_%%_causality' ORDER BY 1",
    )
    assert verdicts == [
        ("features_small_causality", SAMPLE, True),
        ("features_wide_causality", SAMPLE, True),
    ]

    # Both clocks: what a changed fact replaces is in the set's history.
    fetch(fresh, f"UPDATE market_data SET close_price = low_price WHERE date = '{SAMPLE}'")  # noqa: S608
    assert run(fresh, tmp_path, SAMPLE, SAMPLE, assets=["features_small"], settings=SETS).success
    replaced = fetch(fresh, "SELECT DISTINCT date::text FROM features_small_history")
    assert replaced == [(SAMPLE,)]

    # The view shows all of a session's features as one object, of a security and session once.
    shown = fetch(
        fresh,
        "SELECT count(*), count(DISTINCT (symbol, date)), bool_and(features ? 'third'),"
        " bool_and(features ? 'above_market') FROM feature_store WHERE date >= %s",
        FIRST,
    )
    count = len(stored(fresh, "features_small"))
    assert shown == [(count, count, True, True)]


def test_the_markets_return_is_that_of_the_members(fresh: Database, tmp_path: Path) -> None:
    """By hand, over a session without any action: the mean of three ratios of closes."""
    fill(fresh, tmp_path, [DAYS[1]])
    closes = fetch(
        fresh,
        "SELECT security_id, array_agg(close_price ORDER BY date) FROM market_data"
        " WHERE date IN (%s, %s) GROUP BY 1 ORDER BY 1",
        DAYS[0],
        DAYS[1],
    )
    expected = np.mean([after / before - 1.0 for _, (before, after) in closes])
    days = np.array(DAYS[:2], dtype="datetime64[D]")
    found = market_return(partial(bulk.query, fresh), days)
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(expected, rel=1e-12)


def test_a_set_that_does_not_exist(tmp_path: Path) -> None:
    settings = Settings.load({PREFIX + "FEATURE_SETS": "technical, alpha"}, tmp_path)
    with pytest.raises(SettingsError, match=r"names alpha, which is no feature set\. .*technical"):
        stored_sets(settings)


def test_a_reset_drops_the_tables_of_sets(
    new_database: Callable[[str | None], Database], tmp_path: Path
) -> None:
    database = new_database(None)
    assert "features_small" in provision(database, sets=(TECHNICAL, *BOTH))
    assert provision(database, sets=(TECHNICAL, *BOTH)) == []
    left = "SELECT count(*) FROM pg_class WHERE relname LIKE %s AND relkind = 'r'"
    # The table of sets, and three tables with their histories.
    assert fetch(database, left, "features%") + fetch(database, left, "feature_sets") == [
        (6,),
        (1,),
    ]
    drop_everything(Settings.load({"DATABASE_URL": database.url}, tmp_path))
    assert fetch(database, left, "feature%") == [(0,)]
