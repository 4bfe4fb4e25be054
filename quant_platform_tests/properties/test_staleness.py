"""What follows from a correction is named, session by session, and computed again, and no more.

Expected sessions are counted by hand in the calendar: 2004-10-05 is the session after 2004-10-04,
and 63 sessions are left of 2004 from there on.
"""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.staleness import stale_of
from quant_platform.quality.staleness import announce
from quant_platform.storage.database import Database
from quant_platform_tests.support.lab import failure_text
from quant_platform_tests.support.pipeline import (
    FIRST,
    LAST,
    STALE,
    TABLES,
    SampleMarket,
    dump,
    everything,
    platform_of,
    run,
)
from quant_platform_tests.support.tables import fetch

CORRECTED = "2004-10-04"


class Dearer(SampleMarket):
    """The close of one bar is ten cents higher than it was."""

    def bars(self, first: date, last: date) -> pd.DataFrame:
        """Bars with the corrected one."""
        rows = super().bars(first, last)
        bar = (rows["symbol"] == "IBM") & (rows["date"] == pd.Timestamp(CORRECTED))
        rows.loc[bar, ["close_price", "high_price"]] += 0.1
        return rows


class LateDividend(SampleMarket):
    """A dividend of half a dollar turns up that was not there before."""

    def actions(self, first: date, last: date) -> pd.DataFrame:
        """Actions with the late one."""
        rows = super().actions(first, last)
        day = date.fromisoformat(CORRECTED)
        if not first <= day <= last:
            return rows
        dividend = {
            "date": pd.Timestamp(day).as_unit("s"),
            "symbol": "IBM",
            "action_type": "cash_dividend",
            "cash_amount": 0.5,
            "source": "late",
        }
        return pd.concat([rows, pd.DataFrame([dividend])], ignore_index=True)[rows.columns]


def stale(platform: Platform) -> dict[str, list[str]]:
    return {each.asset: list(each.sessions) for each in stale_of(platform)}


def sessions_from(platform: Platform, first: str, last: str = LAST) -> list[str]:
    days = platform.calendar.sessions(date.fromisoformat(first), date.fromisoformat(last))
    return [day.isoformat() for day in days]


def correct(database: Database, home: Path, vendor: SampleMarket, *assets: str) -> None:
    result = run(database, home, CORRECTED, CORRECTED, vendor=vendor, assets=assets)
    assert result.success, failure_text(result)


def repair(database: Database, home: Path, platform: Platform, vendor: SampleMarket) -> None:
    """Compute what is stale in one run, as the command and the sensor do."""
    found = stale_of(platform)
    days = sorted({day for each in found for day in each.sessions})
    assets = [each.asset for each in found]
    result = run(database, home, days[0], days[-1], vendor=vendor, assets=assets, tags=STALE)
    assert result.success, failure_text(result)


def recorded(database: Database) -> set[tuple[str, str]]:
    """Every current row with its clocks."""
    return {
        (table, text)
        for table in TABLES
        for (text,) in fetch(database, f"SELECT to_jsonb(t)::text FROM {table} AS t")  # noqa: S608
    }


def test_nothing_is_stale_after_a_run(computed: Database, tmp_path: Path) -> None:
    platform = platform_of(computed, tmp_path)
    assert stale(platform) == {}
    assert announce(platform) == []
    assert fetch(computed, "SELECT * FROM alerts WHERE origin = 'ledger'") == []


def test_a_corrected_bar_makes_stale_what_follows_from_it(
    computed: Database, tmp_path: Path
) -> None:
    platform = platform_of(computed, tmp_path)
    correct(computed, tmp_path, Dearer(), "market_data")
    found = stale(platform)
    # Windows: the move of a night; the median of 20 sessions; 452 sessions of history, of which 63
    # are left; portfolios, figures, alerts and reports go on from there to the end.
    to_the_end = sessions_from(platform, CORRECTED)
    assert len(to_the_end) == 63
    assert found["corporate_actions"] == [CORRECTED, "2004-10-05"]
    # 20 sessions from 2004-10-04 on: five in each of three weeks, and Monday the 25th to Friday.
    assert found["trading_universe"] == sessions_from(platform, CORRECTED, "2004-10-29")
    assert len(found["trading_universe"]) == 20
    for asset in (
        *("features", "signals/buy_and_hold", "signals/enhanced_momentum"),
        *("signals/equal_weight", "signals/mean_reversion", "portfolios"),
        *("model_performance", "alerts"),
        "performance_reports",
    ):
        assert found[asset] == to_the_end, asset
    assert not found.keys() & {"market_data", "securities", "security_symbols"}


@pytest.mark.parametrize(
    ("vendor", "asset"),
    [(Dearer(), "market_data"), (LateDividend(), "corporate_actions")],
    ids=["bar", "dividend"],
)
def test_what_is_stale_is_computed_again_and_no_more(
    computed: Database,
    fresh: Database,
    tmp_path: Path,
    vendor: SampleMarket,
    asset: str,
) -> None:
    """The tables of a fresh backfill of the corrected data; other rows keep their clock."""
    platform = platform_of(computed, tmp_path)
    before = recorded(computed)
    correct(computed, tmp_path, vendor, asset)
    assert stale(platform)["portfolios"][0] == CORRECTED
    repair(computed, tmp_path, platform, vendor)
    assert stale(platform) == {}

    result = run(fresh, tmp_path, FIRST, LAST, vendor=vendor)
    assert result.success, failure_text(result)
    assert dump(computed) == dump(fresh)

    gone = before - recorded(computed)
    assert gone
    assert all(_date(text) >= CORRECTED for _, text in gone)
    # The other stocks' features of the corrected session came out as they were.
    kept = (
        "SELECT count(*) FROM features WHERE date = %s"
        " AND recorded_at < (SELECT max(recorded_at) FROM features)"
    )
    assert fetch(computed, kept, CORRECTED)[0][0] >= 1


def _date(text: str) -> str:
    return text.partition('"date": "')[2][:10]


def test_it_is_written_down_until_it_is_mended(computed: Database, tmp_path: Path) -> None:
    platform = platform_of(computed, tmp_path)
    correct(computed, tmp_path, Dearer(), "market_data")
    announce(platform)
    failed = (
        "SELECT date::text FROM data_quality WHERE check_name = 'stale_sessions' AND NOT passed"
        " ORDER BY 1"
    )
    assert [day for (day,) in fetch(computed, failed)] == sessions_from(platform, CORRECTED)
    alerts = "SELECT subject, date::text, message FROM alerts WHERE origin = 'ledger' ORDER BY 1"
    said = {subject: (day, message) for subject, day, message in fetch(computed, alerts)}
    assert said["portfolios"] == (
        CORRECTED,
        "portfolios: 63 sessions, 2004-10-04 to 2004-12-31, because of"
        " corporate_actions, market_data, signals/buy_and_hold,"
        " signals/enhanced_momentum, signals/equal_weight, signals/mean_reversion,"
        " trading_universe;"
        " quant-platform backfill --stale computes them again",
    )
    repair(computed, tmp_path, platform, Dearer())
    announce(platform)
    assert fetch(computed, failed) == []
    assert fetch(computed, alerts) == []
    gone = "SELECT count(*) FROM alerts_history WHERE origin = 'ledger'"
    assert fetch(computed, gone) == [(len(said),)]


def test_who_builds_on_a_stale_session_says_so(computed: Database, tmp_path: Path) -> None:
    platform_of(computed, tmp_path)
    correct(computed, tmp_path, Dearer(), "market_data")
    result = run(computed, tmp_path, LAST, LAST, assets=["portfolios"])
    assert result.success, failure_text(result)
    (event,) = result.get_asset_materialization_events()
    text = str(event.materialization.metadata["computed from stale"].value)
    # The portfolio of the session before, the signals that were executed, and the actions of the
    # year, over which the highest close of a position that ends is looked for.
    assert "- portfolios: session 2004-12-30" in text
    assert "- signals/enhanced_momentum: session 2004-12-30" in text
    assert f"- corporate_actions: 2 sessions, {CORRECTED} to 2004-10-05" in text
    assert "- features" not in text
    # And it is stale itself.
    assert stale(platform_of(computed, tmp_path))["portfolios"][-1] == LAST


def test_one_partition_by_hand(computed: Database, tmp_path: Path) -> None:
    """Features of a session are computed again with other rows; what reads them is not."""
    platform = platform_of(computed, tmp_path)
    fetch(computed, "UPDATE features SET rsi_14 = 1 WHERE date = '2004-12-01' AND symbol = 'IBM'")
    result = run(computed, tmp_path, "2004-12-01", "2004-12-01", assets=["features"])
    assert result.success, failure_text(result)
    found = stale(platform)
    assert found["signals/buy_and_hold"] == ["2004-12-01"]
    assert found["signals/mean_reversion"] == sessions_from(platform, "2004-12-01")
    # Executed in the session after.
    assert found["portfolios"] == sessions_from(platform, "2004-12-02")
    assert "features" not in found
    assert "trading_universe" not in found


def test_nothing_is_asked_of_the_ledger_that_is_not_in_it(fresh: Database, tmp_path: Path) -> None:
    """Sessions that were never computed are missing, not stale."""
    platform = platform_of(fresh, tmp_path)
    correct(fresh, tmp_path, Dearer(), "market_data")
    assert stale(platform) == {}
    before = everything(fresh)
    assert announce(platform) == []
    assert everything(fresh) == before
