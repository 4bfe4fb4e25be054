"""The job over everything: order, gates, and where portfolios begin and go on."""

import json

import dagster as dg
import pytest

from quant_platform_tests.support.lab import (
    FIRST,
    Lab,
    MakeLab,
    WindowVendor,
    failed_steps,
    failure_text,
)

ASSETS = {
    "market_data",
    "corporate_actions",
    "trading_universe",
    "securities",
    "security_symbols",
    "features",
    "signals/buy_and_hold",
    "signals/enhanced_momentum",
    "signals/equal_weight",
    "signals/mean_reversion",
    "portfolios",
    "model_performance",
    "model_monitor",
    "factor_evaluation",
    "signal_probabilities",
    "alerts",
    "performance_reports",
}
TABLES = [
    "trading_universe",
    "features",
    "signals",
    "portfolios",
    "model_performance",
    "performance_reports",
]

PORTFOLIOS = [dg.AssetKey("portfolios")]


def test_a_range_materialises_every_asset_of_every_session(make_lab: MakeLab) -> None:
    lab = make_lab(WindowVendor(FIRST, "2000-03-10"))
    result = lab.run("daily_update", FIRST, "2000-03-03")
    assert result.success, failure_text(result)
    for asset in ASSETS:
        assert lab.materialised(asset) == {"2000-03-01", "2000-03-02", "2000-03-03"}, asset
    evaluated = {evaluation.check_name for evaluation in result.get_asset_check_evaluations()}
    assert len(evaluated) == 41
    page = lab.platform.settings.home / "reports" / "2000-03-03.html"
    assert "2000-03-03" in page.read_text()


def test_a_failed_blocking_check_stops_everything_downstream(make_lab: MakeLab) -> None:
    vendor = WindowVendor(FIRST, "2000-03-10")
    vendor.lost.add(("2000-03-02", "IBM"))
    lab = make_lab(vendor)
    result = lab.run("daily_update", FIRST, "2000-03-03")
    assert not result.success
    assert failed_steps(result) == ["market_data_checks"]
    assert lab.failing("completeness") == ["2000-03-02"]
    # What was stored before the check stays for inspection; nothing was built upon it.
    reached = {asset for asset in ASSETS if lab.materialised(asset)}
    assert reached == {"market_data", "securities", "security_symbols"}
    for table in TABLES:
        assert lab.value(f"SELECT count(*) FROM {table}") == 0, table  # noqa: S608 - a constant


def test_a_warning_stops_nothing(make_lab: MakeLab) -> None:
    vendor = WindowVendor(FIRST, "2000-03-10")
    vendor.doctored[("2000-03-02", "IBM")] = {"volume": 0.0}
    lab = make_lab(vendor)
    result = lab.run("daily_update", FIRST, "2000-03-03")
    assert result.success, failure_text(result)
    assert lab.failing("zero_volume") == ["2000-03-02"]
    assert len(lab.materialised("performance_reports")) == 3


def test_a_mended_session_passes_when_it_is_run_again(make_lab: MakeLab) -> None:
    vendor = WindowVendor(FIRST, "2000-03-10")
    vendor.lost.add(("2000-03-02", "IBM"))
    lab = make_lab(vendor)
    assert not lab.run("daily_update", FIRST, "2000-03-02").success
    vendor.lost.clear()
    assert lab.run("daily_update", FIRST, "2000-03-02").success
    assert lab.failing("completeness") == []
    assert lab.value("SELECT count(*) FROM market_data") == 6


def test_running_again_changes_no_row(lab: Lab) -> None:
    def state() -> list[tuple[object, ...]]:
        return lab.sql(
            "SELECT 'bars', date, symbol, recorded_at FROM market_data UNION ALL"
            " SELECT 'features', date, symbol, recorded_at FROM features UNION ALL"
            " SELECT 'signals', date, symbol || model_id, created_at FROM signals UNION ALL"
            " SELECT 'portfolios', date, model_id::text, recorded_at FROM portfolios UNION ALL"
            " SELECT 'performance', date, model_id || window_name, recorded_at"
            " FROM model_performance UNION ALL"
            " SELECT 'reports', date, '', recorded_at FROM performance_reports"
            " ORDER BY 1, 2, 3"
        )

    before = state()
    result = lab.run("daily_update", "2000-07-28", "2000-07-31")
    assert result.success, failure_text(result)
    assert state() == before
    assert lab.value("SELECT count(*) FROM portfolios_history") == 0


def test_portfolios_refuse_to_go_on_after_a_gap(lab: Lab) -> None:
    lab.sql("DELETE FROM portfolios WHERE date >= '2000-07-28'")
    # Friday the 28th is missing; it is the session before Monday the 31st.
    result = lab.run("evaluation_stage", "2000-07-31", assets=PORTFOLIOS)
    assert failed_steps(result) == ["portfolios"]
    assert not any(event.is_step_restarted for event in result.all_events), "it cannot help"
    said = failure_text(result)
    assert "The portfolio of 2000-07-28 is missing" in said
    assert "the last one before it is of 2000-07-27" in said
    assert lab.value("SELECT max(date)::text FROM portfolios") == "2000-07-27"
    # In order it goes through, to the very figures of before.
    assert lab.run("evaluation_stage", "2000-07-28", "2000-07-31", assets=PORTFOLIOS).success


def test_going_on_after_a_restart_gives_the_same_portfolios(lab: Lab) -> None:
    query = (
        "SELECT date, model_id, equity, cash, security_id, shares, price, wanted_weight"
        " FROM portfolios LEFT JOIN positions USING (date, model_id) ORDER BY 1, 2, 5"
    )
    before = lab.sql(query)
    lab.sql("DELETE FROM portfolios WHERE date >= '2000-07-20'")
    assert lab.run("evaluation_stage", "2000-07-20", "2000-07-31", assets=PORTFOLIOS).success
    assert lab.sql(query) == before


def test_portfolios_begin_with_the_capital_where_nothing_is_stored_before(lab: Lab) -> None:
    # At the open, and at no other cost than these.
    settings = lab.platform.settings.model_copy(
        update={"costs": "ideal", "commission_bp": 5.0, "slippage_bp": 5.0}
    )
    lab = Lab(settings, lab.vendor)
    lab.sql("DELETE FROM portfolios")
    result = lab.run("evaluation_stage", "2000-05-10", assets=PORTFOLIOS)
    assert result.success, failure_text(result)
    stored = {
        name: (equity, cash, change)
        for name, equity, cash, change in lab.sql(
            "SELECT model_name, equity, cash, daily_return FROM portfolios p"
            " JOIN models m ON m.id = p.model_id"
        )
    }
    for equity, _, change in stored.values():
        assert equity == pytest.approx(1_000_000 * (1 + change), rel=1e-12)
    # A third of the capital in each of three stocks at the open, 5 bp slippage on the price and
    # 5 bp commission on the filled value; then marked at the close.
    prices = lab.sql("SELECT open_price, close_price FROM market_data WHERE date = '2000-05-10'")
    assert len(prices) == 3
    shares = [1_000_000 / 3 / opened for opened, _ in prices]
    paid = sum(
        held * opened * 1.0005 * 1.0005 for held, (opened, _) in zip(shares, prices, strict=True)
    )
    worth = sum(held * closed for held, (_, closed) in zip(shares, prices, strict=True))
    equity, cash, _ = stored["buy_and_hold"]
    assert cash == pytest.approx(1_000_000 - paid, abs=1e-6)
    assert equity == pytest.approx(1_000_000 - paid + worth, abs=1e-6)


def test_each_run_of_a_model_is_recorded_with_its_inputs(lab: Lab) -> None:
    result = lab.run("signals_stage", "2000-05-10")
    rows = lab.sql(
        "SELECT m.model_name, r.signal_rows, r.first_session::text, r.last_session::text,"
        " length(r.input_digest), r.parameters::text FROM model_runs r"
        " JOIN models m ON m.id = r.model_id WHERE r.run_id = %s ORDER BY 1",
        result.run_id,
    )
    # Fifty sessions of history do not yet give mean reversion its 200-session trend.
    assert [row[:2] for row in rows] == [
        ("buy_and_hold", 3),
        ("enhanced_momentum", 3),
        ("equal_weight", 3),
        ("mean_reversion", 0),
    ]
    for _, _, first, last, digits, parameters in rows:
        assert (first, last, digits) == ("2000-05-10", "2000-05-10", 64)
        assert isinstance(json.loads(parameters), dict)
