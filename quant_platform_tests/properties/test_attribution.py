"""P&L of stored portfolios closes over any range, is a backtest's, and a check says where not."""

from pathlib import Path

import numpy as np
import pytest

from quant_platform.errors import SessionError
from quant_platform.evaluation.attribution.brinson import (
    EFFECTS,
    active_return,
    group_names,
    side_of,
)
from quant_platform.evaluation.attribution.gains import gain_lines, unexplained
from quant_platform.evaluation.attribution.trips import round_trips
from quant_platform.pipeline.accounts import stored_account, tickers
from quant_platform.pipeline.attribution import stored_attribution
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.survivorship import stored_survivorship
from quant_platform.quality.check import CheckContext
from quant_platform.quality.portfolios import pnl_attribution
from quant_platform.research.store import Store
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage.database import Database
from quant_platform_tests.support.pipeline import FIRST, LAST, SampleMarket
from quant_platform_tests.support.tables import fetch

MIDDLE = "2004-11-19"

DIVIDEND = """
SELECT date::text, security_id FROM corporate_actions
WHERE cash_amount > 0 AND date BETWEEN %s AND %s ORDER BY date LIMIT 1
"""


@pytest.mark.parametrize("since", [None, MIDDLE])
def test_all_models_close(whole: Database, since: str | None) -> None:
    found = stored_attribution(whole, LAST, since=since)
    assert len(found.models) == 4
    size = found.models["equity"].abs()
    assert (found.models["unexplained"].abs() < 1e-10 * size).all()
    sums = found.rows.groupby("model_id")["pnl"].sum()
    assert sums.to_numpy() == pytest.approx(found.models["change"].to_numpy(), abs=1e-4)


def test_two_parts_are_the_whole(whole: Database) -> None:
    key = ["model_id", "security_id"]
    early, late, all_ = (
        stored_attribution(whole, last, since=since).rows.set_index(key)["pnl"]
        for last, since in ((MIDDLE, None), (LAST, MIDDLE), (LAST, None))
    )
    both = early.add(late, fill_value=0.0)
    assert both.reindex(all_.index).to_numpy() == pytest.approx(all_.to_numpy(), abs=1e-6)


def test_it_is_what_a_backtest_says(whole: Database) -> None:
    result = Store(whole).backtest("mean_reversion", FIRST, LAST)
    mine = result.attribution().set_index("security_id")
    stored = stored_attribution(whole, LAST).rows
    model = fetch(whole, "SELECT id FROM models WHERE model_name = 'mean_reversion'")[0][0]
    theirs = stored[stored["model_id"] == model].set_index("security_id")
    assert set(theirs.index) == set(mine.index)
    for name in ("pnl", "dividends", "commission", "spread", "impact", "interest"):
        want = mine[name].reindex(theirs.index).to_numpy()
        assert theirs[name].to_numpy() == pytest.approx(want, abs=1e-6), name
    sectors = result.attribution("sector")["sector"].tolist()
    assert set(sectors) == set(theirs["sector"])


def test_the_check_names_the_session(computed: Database, tmp_path: Path) -> None:
    values = {"DATABASE_URL": computed.url, PREFIX + "HOME": str(tmp_path)}
    platform = Platform(Settings.load(values, tmp_path), SampleMarket())
    days = [day for (day,) in fetch(computed, "SELECT DISTINCT date::text FROM portfolios")]

    def failing() -> list[str]:
        found = pnl_attribution(CheckContext(platform, sorted(days), 2)).failures
        return sorted({f"{day:%Y-%m-%d}" for day in found["date"]})

    assert failing() == []
    # A dividend that is corrected after the portfolios were computed.
    ((day, security),) = fetch(computed, DIVIDEND, FIRST, LAST)
    double = "UPDATE corporate_actions SET cash_amount = cash_amount * {} WHERE date = %s"
    fetch(computed, double.format("2"), day)
    assert failing() == [day]
    found = stored_attribution(computed, LAST)
    assert (found.models["unexplained"] < -1.0).any(), security
    fetch(computed, double.format("0.5"), day)
    traded = fetch(computed, "SELECT max(date)::text FROM fills")[0][0]
    fetch(computed, "UPDATE fills SET commission = commission + 0.01 WHERE date = %s", traded)
    assert failing() == [traded]


def test_nothing_ended_in_the_sample(whole: Database, tmp_path: Path) -> None:
    settings = Settings.load({"DATABASE_URL": whole.url, PREFIX + "HOME": str(tmp_path)}, tmp_path)
    found = stored_survivorship(settings, whole, LAST)
    assert (found.universe.ended, found.universe.without_price) == (0, 0.0)
    assert len(found.models) == 4
    scenarios = found.models[["as it was", "delistings at −30 %", "delistings at −100 %"]]
    assert np.ptp(scenarios.to_numpy(), axis=1).max() == 0.0


def test_a_stored_account_has_the_trips_of_a_backtest(whole: Database, tmp_path: Path) -> None:
    settings = Settings.load({"DATABASE_URL": whole.url, PREFIX + "HOME": str(tmp_path)}, tmp_path)
    ids = dict(fetch(whole, "SELECT model_name, id FROM models"))
    result = Store(whole).backtest("enhanced_momentum", FIRST, LAST)
    account = stored_account(settings, whole, ids["enhanced_momentum"], LAST)
    key = ["security_id", "entry_date", "exit_date"]
    mine, theirs = (
        trips.sort_values([*key, "shares"], ignore_index=True)
        for trips in (result.round_trips, round_trips(account))
    )
    assert len(mine) == len(theirs) > 0
    for name in ("pnl", "return", "largest_gain", "largest_loss", "sessions"):
        assert theirs[name].to_numpy() == pytest.approx(mine[name].to_numpy(), abs=1e-8), name
    # Of fewer sessions, what was held before is one trip each.
    part = stored_account(settings, whole, ids["buy_and_hold"], LAST, 20)
    assert len(part.sessions) == 20
    assert set(round_trips(part)["entry_reason"]) == {"held"}
    assert np.abs(unexplained(gain_lines(part), part)).max() < 1e-4
    with pytest.raises(SessionError, match="has no portfolio up to 1999-01-04"):
        stored_account(settings, whole, ids["buy_and_hold"], "1999-01-04")
    assert "IBM" in tickers(whole, LAST).values()


def test_stored_accounts_explain_an_active_return(whole: Database, tmp_path: Path) -> None:
    settings = Settings.load({"DATABASE_URL": whole.url, PREFIX + "HOME": str(tmp_path)}, tmp_path)
    ids = dict(fetch(whole, "SELECT model_name, id FROM models"))
    one, other = (
        stored_account(settings, whole, ids[name], LAST)
        for name in ("enhanced_momentum", "equal_weight")
    )
    names = group_names(one, other)
    found = active_return(side_of(one, names), side_of(other, names), one.sessions, names)
    mine = Store(whole).backtest("enhanced_momentum", FIRST, LAST, benchmark="equal_weight")
    want = mine.active_return("sector")
    assert found.active_return == pytest.approx(want.active_return, abs=1e-10)
    assert found.linked.loc["total", "total"] == pytest.approx(found.active_return, abs=1e-10)
    for effect in EFFECTS:
        assert found.linked[effect].to_numpy() == pytest.approx(
            want.linked.loc[found.linked.index, effect].to_numpy(), abs=1e-9
        )
