"""Forecasts by the pipeline: causal, cut however one likes, idempotent, and trained once."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

import quant_platform as qp
import quant_platform.learning.walk_forward as module
from quant_platform.alerts.stored_rules import DRIFT
from quant_platform.learning.estimators import fit
from quant_platform.research.forecast_result import ForecastRun
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage.database import Database
from quant_platform.strategies.models import model_of
from quant_platform_tests.support.lab import failure_text
from quant_platform_tests.support.pipeline import FACTS, FIRST, rows, run
from quant_platform_tests.support.readers import reading_login
from quant_platform_tests.support.server import Server
from quant_platform_tests.support.tables import fetch

MODEL = "ml_ranker(features=technical, window=126, retrain=quarter, trees=8, fraction=0.3)"
SETTING = {PREFIX + "MODELS": f"{MODEL}; equal_weight"}
ASSETS = ("forecasts/ml_ranker", "signals/ml_ranker")
RIGHT = "EXECUTE ON FUNCTION record_trial(jsonb, jsonb, jsonb)"
END = "2004-10-20"
"""After the third training cut, 1 October: those before are of 1 April and 1 July."""


def fill(database: Database, home: Path, *ranges: tuple[str, str], assets=ASSETS, **more) -> None:
    for first, last in ranges:
        result = run(database, home, first, last, assets=assets, settings=SETTING, **more)
        assert result.success, failure_text(result)


@pytest.fixture(scope="session")
def features(server: Server, base: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    home = tmp_path_factory.mktemp("forecasts")
    """Name of a database with facts and features of the whole range, and no forecast; copy it."""
    home = tmp_path_factory.mktemp("forecasts")

    def work(url: str) -> None:
        fill(Database(url), home, (FIRST, END), assets=[*FACTS, "features"])

    return server.template("properties_forecasts", work, source=base)


@pytest.fixture(scope="module")
def whole(features: str, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """Everything in one run."""
    database = Database(server.url(server.create(features)))
    fill(database, tmp_path_factory.mktemp("whole"), (FIRST, END))
    return database


def versions(database: Database) -> list[tuple]:
    return fetch(
        database,
        "SELECT date::text, artefact, data_version, champion::text, challenger::text, reason,"
        " sessions, last_session::text, gain::text, permutation::text, reference::text"
        " FROM forecast_models ORDER BY date",
    )


def test_every_member_is_forecast_and_traded_by(whole: Database) -> None:
    counts = fetch(
        whole,
        "SELECT (SELECT count(*) FROM forecasts), (SELECT count(*) FROM features WHERE date >= %s),"
        " (SELECT count(DISTINCT date) FROM signals WHERE target_weight > 0)",
        FIRST,
    )[0]
    assert counts[0] == counts[1] > 0
    assert counts[2] == 57  # each session from August 2 to October 20
    assert [row[0] for row in versions(whole)] == ["2004-04-01", "2004-07-01", "2004-10-01"]
    drift = fetch(
        whole,
        "SELECT count(DISTINCT name), min(stability_index),"
        " count(*) FILTER (WHERE name = 'forecast') FROM forecast_drift",
    )[0]
    assert drift[0] == 21 and drift[1] >= 0.0 and drift[2] == 57


def test_no_label_reaches_beyond_its_training_cut(whole: Database) -> None:
    """A label of five sessions is known after the sixth session that follows it."""
    late = fetch(
        whole,
        "SELECT count(*) FROM forecast_models AS m WHERE (SELECT count(DISTINCT b.date)"
        " FROM market_data AS b WHERE b.date > m.last_session AND b.date <= m.date) < 6",
    )
    assert late == [(0,)]
    assert fetch(whole, "SELECT count(*) FROM forecasts WHERE trained_on > date") == [(0,)]


def test_runs_cut_otherwise_give_the_same_bits(
    features: str, whole: Database, new_database: Callable[[str | None], Database], tmp_path: Path
) -> None:
    parts = new_database(features)
    cuts = ("2004-10-04", END), (FIRST, "2004-09-30"), ("2004-10-01", "2004-10-01")
    fill(parts, tmp_path, *cuts, assets=ASSETS[:1])
    fill(parts, tmp_path, (FIRST, "2004-09-08"), ("2004-09-09", END), assets=ASSETS[1:])
    for table in ("forecasts", "forecast_drift", "signals"):
        pd.testing.assert_frame_equal(
            ordered(rows(parts, table, END)), ordered(rows(whole, table, END)), check_exact=True
        )
    assert versions(parts) == versions(whole)


def ordered(frame: pd.DataFrame) -> pd.DataFrame:
    keys = [name for name in ("date", "symbol", "name") if name in frame]
    return frame.sort_values(keys, ignore_index=True)


def test_a_second_run_trains_nothing_and_changes_no_row(
    whole: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clocks = "SELECT max(recorded_at)::text, count(*) FROM {}"
    tables = ("forecasts", "forecast_models", "forecast_drift", "forecast_models_history")
    before = [fetch(whole, clocks.format(table)) for table in tables]

    def refuse(*_):
        raise AssertionError("a version that still holds was trained again")

    monkeypatch.setattr("quant_platform.learning.walk_forward.fit", refuse)
    fill(whole, tmp_path, ("2004-09-20", END))
    assert [fetch(whole, clocks.format(table)) for table in tables] == before


def test_what_comes_later_changes_no_forecast(
    features: str, whole: Database, new_database: Callable[[str | None], Database], tmp_path: Path
) -> None:
    """Law 1: without any row after 15 September, the forecasts up to it are the same."""
    cut = new_database(features)
    for table in (*FACTS, "features", "computations"):
        fetch(cut, f"DELETE FROM {table} WHERE date > '2004-09-15'")  # noqa: S608
    fill(cut, tmp_path, (FIRST, "2004-09-15"))
    for table in ("forecasts", "forecast_drift"):
        pd.testing.assert_frame_equal(
            ordered(rows(cut, table, "2004-09-15")),
            ordered(rows(whole, table, "2004-09-15")),
            check_exact=True,
        )


def test_a_changed_artefact_is_refused_in_one_line(
    features: str, whole: Database, new_database: Callable[[str | None], Database], tmp_path: Path
) -> None:
    database = new_database(features)
    fill(database, tmp_path, (FIRST, FIRST))
    fetch(
        database,
        "UPDATE forecast_artefacts SET artefact = set_byte(artefact, length(artefact) - 9, 48)",
    )
    result = run(database, tmp_path, FIRST, FIRST, assets=ASSETS[:1], settings=SETTING)
    assert not result.success
    assert "has changed bytes" in failure_text(result)


def test_a_notebook_foretells_and_trades_the_same_bits(whole: Database, tmp_path: Path) -> None:
    """In memory, of the same tables: forecasts, versions, and the signals of a backtest."""
    settings = Settings.load({"DATABASE_URL": whole.url, PREFIX + "HOME": str(tmp_path), **SETTING})
    store = qp.Store(whole, settings)
    model = model_of(settings, "ml_ranker")
    assert model.forecaster is not None
    run_ = store.walk_forward_forecast(model.forecaster, FIRST, END)
    stored = rows(whole, "forecasts", END).set_index(["date", "symbol"])
    mine = run_.forecasts
    assert mine["forecast"].to_numpy().tolist() == stored["forecast"].to_numpy().tolist()
    assert mine["security_id"].tolist() == stored["security_id"].tolist()
    assert [f"{cut}" for cut in run_.versions.index] == [row[0] for row in versions(whole)]
    assert run_.skill.sessions > 0

    result = store.backtest("ml_ranker", "2004-08-10", END)
    signals = rows(whole, "signals", END)
    signals = signals[signals["date"] >= pd.Timestamp("2004-08-10").date()]
    assert result.signals["target_weight"].tolist() == signals["target_weight"].tolist()
    assert result.signals["signal_type"].tolist() == signals["signal_type"].tolist()


def test_a_forecast_is_a_trial_and_who_may_not_record_is_told(
    whole: Database, tmp_path: Path
) -> None:
    """Law 8: equal content is one trial and one run, whoever reads; another choice another one."""
    settings = Settings.load({"DATABASE_URL": whole.url, PREFIX + "HOME": str(tmp_path)})
    simple = qp.Forecaster(
        ("momentum_20", "rsi_14"), estimator=Ridge(), window=126, minimum=63, retrain="quarter"
    )
    count = (
        "SELECT (SELECT count(*) FROM study_trials AS s JOIN studies ON studies.id = s.study_id"
        " WHERE name = 'forecasts'), (SELECT count(*) FROM trial_runs AS r JOIN studies AS s"
        " ON s.id = r.study_id WHERE name = 'forecasts')"
    )

    def forecast(store: qp.Store, forecaster: qp.Forecaster) -> ForecastRun:
        with qp.study("forecasts", budget=2):
            return store.walk_forward_forecast(forecaster, FIRST, END)

    store = qp.Store(whole, settings)
    first = forecast(store, simple)
    with reading_login(whole) as database:
        again = forecast(qp.Store(database, settings), simple)
        assert fetch(whole, count) == [(1, 1)]
        other = forecast(qp.Store(database, settings), replace(simple, seed=1))
        assert fetch(whole, count) == [(2, 2)]
        fetch(whole, f"REVOKE {RIGHT} FROM PUBLIC")
        try:
            third = forecast(qp.Store(database, settings), replace(simple, seed=2))
        finally:
            fetch(whole, f"GRANT {RIGHT} TO PUBLIC")
    counted = [each.counted for each in (first, again, other)]
    assert [each.trials for each in counted if each] == [1, 1, 2]
    assert "this login may not call record_trial()" in third._repr_html_()
    assert fetch(whole, count) == [(2, 2)]
    kept = fetch(
        whole,
        "SELECT t.id, daily_returns, r.sharpe_ratio, turnover, t.parameters->>'estimator'"
        " FROM trial_runs AS r JOIN trials AS t ON t.id = r.trial_id"
        " WHERE t.strategy = 'forecast: Ridge' ORDER BY r.id LIMIT 1",
    )[0]
    assert np.array_equal(np.float32(kept[1]), first.returns.to_numpy(np.float32))
    assert any(kept[1])
    assert kept[2] is not None and kept[3:] == (None, "Ridge()")
    with pytest.raises(qp.QuantPlatformError, match="is a forecast of a learned model"):
        store.reproduce(kept[0])
    assert store.study_report("forecasts") is not None


def test_the_alert_on_drift_reads_what_is_stored(whole: Database) -> None:
    found = fetch(whole, DRIFT.statement.replace("%(first)s", f"'{FIRST}'"))
    beyond = fetch(
        whole,
        "SELECT count(DISTINCT date) FROM forecast_drift"
        " WHERE name = 'forecast' AND stability_index > 0.25",
    )[0][0]
    assert len(found) >= beyond
    assert {(subject, severity) for _, subject, severity, _ in found} <= {("ml_ranker", "warning")}


def test_a_training_that_fails_leaves_the_champion_in_force_and_is_told_of(
    features: str,
    whole: Database,
    new_database: Callable[[str | None], Database],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    database, plain = new_database(features), fit
    calls: list[object] = []

    def second_fails(*given: object) -> bytes:
        calls.append(given)
        if len(calls) == 2:
            raise FloatingPointError("no solution")
        return plain(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "fit", second_fails)
    fill(database, tmp_path, ("2004-06-01", END), assets=ASSETS[:1])
    monkeypatch.undo()
    assert [row[1] is None for row in versions(database)] == [False, True, False]
    told = fetch(database, "SELECT date::text, part, reason FROM computation_failures")
    assert [(day, part) for day, part, _ in told] == [("2004-07-01", "forecaster ml_ranker")]
    assert told[0][2].startswith("FloatingPointError: no solution")
    assert fetch(database, "SELECT DISTINCT trained_on::text FROM forecasts") == [("2004-04-01",)]
    # The next run that has the session tries again, and nothing is failed any more.
    fill(database, tmp_path, ("2004-06-01", END), assets=ASSETS[:1])
    assert versions(database) == versions(whole)
    assert fetch(database, "SELECT count(*) FROM computation_failures") == [(0,)]


def test_a_notebook_calibrates_stored_signals(
    whole: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quant_platform.learning.probability.FEWEST_OUTCOMES", 5)
    settings = Settings.load({"DATABASE_URL": whole.url, PREFIX + "HOME": str(tmp_path), **SETTING})
    store = qp.Store(whole, settings)
    # Every session in which something is held counts as a signal, for as long as it is looked at.
    kept = "SELECT date, model_id, symbol, signal_type, strength FROM signals"
    fetch(whole, f"CREATE TABLE aside AS {kept}")
    fetch(
        whole,
        "UPDATE signals SET signal_type = 1, strength = extract(day FROM date) / 31.0"
        " WHERE target_weight > 0",
    )
    try:
        held_ = rows(whole, "signals", END)
        study = store.signal_probabilities("ml_ranker", FIRST, END, horizon=1)
    finally:
        fetch(
            whole,
            "UPDATE signals AS s SET signal_type = a.signal_type, strength = a.strength FROM aside"
            " AS a WHERE (a.date, a.model_id, a.symbol) = (s.date, s.model_id, s.symbol)",
        )
        fetch(whole, "DROP TABLE aside")
    assert len(study.probabilities) == (held_["signal_type"] != 0).sum()
    assert study.calibration.outcomes == study.curve.counts.sum() > 0
    assert study.probabilities["probability"].dropna().between(0.0, 1.0).all()
    assert len(study.plot().data) == 2
    # By hand: what was bought, over one session from the next open on.
    bars = store.bars(FIRST, END).pivot(index="date", columns="security_id", values="open_price")
    later = bars.shift(-2) / bars.shift(-1) - 1.0
    judged = study.probabilities.dropna(subset="hit").reset_index().head(5)
    for day, security, kind, hit in judged[
        ["date", "security_id", "signal_type", "hit"]
    ].to_numpy():
        assert hit == float(later.loc[day, security] * kind > 0.0)
    assert len(judged) == 5
    with pytest.raises(qp.QuantPlatformError, match="There is no model 'other'"):
        store.signal_probabilities("other", FIRST, END)
    with pytest.raises(qp.QuantPlatformError, match="no signal from"):
        store.signal_probabilities("ml_ranker", "2003-08-04", "2003-08-29")
