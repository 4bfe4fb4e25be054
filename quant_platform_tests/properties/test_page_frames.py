"""What a page works out of stored rows: nothing later than its session, and sums that close."""

from pathlib import Path

import pandas as pd
import pytest

from quant_platform.pipeline.page_data import gather
from quant_platform.pipeline.page_frames import MOST_ROWS, sessions_of
from quant_platform.pipeline.page_studies import declared_studies
from quant_platform.reports.data import ReportData
from quant_platform.reports.html import render_report
from quant_platform.research.store import Store
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage.database import Database
from quant_platform_tests.support.pipeline import FIRST, LAST
from quant_platform_tests.support.tables import fetch

MIDDLE = "2004-11-19"

LATER = (
    *("market_data", "corporate_actions", "trading_universe", "portfolios", "positions", "fills"),
    *("model_performance", "risk_forecasts", "factor_evaluation", "performance_statistics"),
)


def page_data(database: Database, home: Path, session: str) -> ReportData:
    settings = Settings.load({"DATABASE_URL": database.url, PREFIX + "HOME": str(home)}, home)
    return gather(settings, database, session)


def test_later_rows_change_no_byte(computed: Database, tmp_path: Path) -> None:
    before = page_data(computed, tmp_path, MIDDLE)
    for table in LATER:
        fetch(computed, f"DELETE FROM {table} WHERE date > %s", MIDDLE)  # noqa: S608
    after = page_data(computed, tmp_path, MIDDLE)
    assert before.frames.keys() == after.frames.keys()
    assert render_report(before, "plotly.js") == render_report(after, "plotly.js")


def test_what_is_shown_closes(whole: Database, tmp_path: Path) -> None:
    """P&L is the change of the equity; effects are the active return; trips are a backtest's."""
    data = page_data(whole, tmp_path, LAST)
    frames = data.frames
    changes = frames["pnl_by_model"].set_index("model_id")["change"]
    sums = frames["pnl_by_security"].groupby("model_id")["pnl"].sum()
    assert sums.to_numpy() == pytest.approx(changes.to_numpy(), abs=1e-4)
    equity = data.portfolios.groupby("model_id")["equity"].last()
    assert (1e6 + changes).to_numpy() == pytest.approx(equity.to_numpy())
    active = frames["active_returns"]
    totals = active[active["group"] == "total"]
    benchmark = data.models.loc[data.models["is_benchmark"], "id"]
    traded = {model for (model,) in fetch(whole, "SELECT DISTINCT model_id FROM fills")}
    assert set(totals["model_id"]) == traded - set(benchmark)
    assert totals["total"].to_numpy(float) == pytest.approx(
        (totals["portfolio_return"] - totals["benchmark_return"]).to_numpy(float), abs=1e-10
    )
    ids = {name: model for model, name in data.names.items()}
    result = Store(whole).backtest("enhanced_momentum", FIRST, LAST)
    figures = frames["trip_figures"].set_index("model_id").loc[ids["enhanced_momentum"]]
    for name in ("closed", "win_rate", "mean_gain", "profit_factor"):
        assert figures[name] == pytest.approx(result.trades[name]), name
    # The page of the backtest says the same of the same sessions.
    mine = result._page_frames(1)
    assert mine["pnl_by_security"]["pnl"].sum() == pytest.approx(
        sums[ids["enhanced_momentum"]], abs=1e-4
    )
    assert mine.keys() <= frames.keys()


def test_features_are_summed_as_the_command_sums_them(whole: Database, tmp_path: Path) -> None:
    rows = page_data(whole, tmp_path, LAST).frames["factor_summary"]
    stored = fetch(
        whole,
        "SELECT feature, horizon, avg(rank_ic::float8) FROM factor_evaluation"
        " WHERE date <= %s GROUP BY 1, 2 ORDER BY 1, 2",
        LAST,
    )
    assert list(zip(rows["feature"], rows["horizon"], strict=True)) == [each[:2] for each in stored]
    means = pd.Series([each[2] for each in stored], dtype="float64")
    assert rows["rank_ic"].to_numpy() == pytest.approx(means.to_numpy(), nan_ok=True, abs=1e-12)


def test_studies_are_those_of_the_session(computed: Database) -> None:
    """Declared the day before, and the day after; the trials of the daily models count, once."""
    for name, day in (("early", "2004-11-18"), ("late", "2004-11-20")):
        fetch(
            computed,
            "INSERT INTO studies (name, person, declared, budget, created_at)"
            " VALUES (%s, 'me', true, 3, %s)",
            *(name, day),
        )
    fetch(
        computed,
        "INSERT INTO study_trials SELECT s.id, t.id, '2004-11-18' FROM studies AS s, trials AS t"
        " WHERE s.name = 'early'",
    )
    (early,) = declared_studies(computed, MIDDLE).to_dict("records")
    trials = fetch(computed, "SELECT count(*) FROM trials")[0][0]
    # Their runs were recorded today, long after the session.
    assert (early["name"], early["trials"], early["tested"]) == ("early", trials, 0)
    today = fetch(computed, "SELECT current_date::text")[0][0]
    early, late = declared_studies(computed, today).to_dict("records")
    assert early["tested"] > 0
    assert (late["name"], late["trials"], late["tested"]) == ("late", 0, 0)


@pytest.mark.parametrize("rows", [0, 700, 5_000, 100_000])
def test_a_large_market_is_looked_at_over_fewer_sessions(rows: int) -> None:
    count = sessions_of(rows)
    assert 21 <= count <= 252
    assert rows * count <= max(MOST_ROWS, rows * 21)
