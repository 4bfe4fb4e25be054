"""Promoting, demoting and retiring models: what is allowed, what is refused, what is promised."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from quant_platform.cli.application import complete_app
from quant_platform.errors import SealedError, SessionError, SettingsError, UnknownNameError
from quant_platform.evaluation.effective_trials import Trials
from quant_platform.evaluation.monitor import promise_of, scaled_returns
from quant_platform.market.calendar import XNYS
from quant_platform.pipeline.model_listing import changes_of, listed, standing_of
from quant_platform.pipeline.model_states import Changed, change_state, sentences
from quant_platform.pipeline.monitor import spells_of
from quant_platform.pipeline.platform import Platform
from quant_platform.settings import PREFIX, Settings
from quant_platform.storage.database import Database
from quant_platform.storage.models import ModelRecord, register_models
from quant_platform.storage.models_in_use import states_line
from quant_platform_tests.support.pipeline import SampleMarket
from quant_platform_tests.support.tables import fetch

DAYS = XNYS.sessions(date(2003, 8, 1), date(2004, 12, 31))
NEWEST, NEXT = DAYS[-1], date(2005, 1, 3)

PORTFOLIOS = """
INSERT INTO portfolios (date, model_id, equity, cash, daily_return, gross_exposure, net_exposure,
    turnover, trade_count, costs, dividends, signals_judged, signals_hit, highest_equity)
SELECT day, %s, 1000, 0, gain, 1, 1, 0, 0, 0, 0, 0, 0, 1000
FROM unnest(%s::date[], %s::float8[]) AS given (day, gain)
"""

STATISTICS = """
INSERT INTO performance_statistics (date, model_id, sessions, standing, ended_positions,
    assumed_endings)
SELECT day, %s, %s, %s, 0, 0 FROM unnest(%s::date[]) AS given (day)
"""

RETURNS = """
SELECT daily_return FROM portfolios JOIN models ON id = model_id
WHERE model_name = 'good' AND date <= %s ORDER BY date
"""

MONITOR = """
INSERT INTO model_monitor (date, model_id, state, promoted_on, sessions, mean, lower, upper,
    promised, e_value, crossed)
SELECT %s, id, 'challenger', %s, 40, -0.1, -0.3, 0.0, 0.02, 50, true
FROM models WHERE model_name = 'good'
"""


def insert(database: Database, model: int, standing: str, gains: np.ndarray) -> None:
    """A model's last sessions, with a row of statistics after the last ten."""
    days = list(DAYS[-len(gains) :])
    fetch(database, PORTFOLIOS, model, days, gains.tolist())
    fetch(database, STATISTICS, model, len(gains), standing, days[-10:])


@pytest.fixture
def platform(database: Database, tmp_path: Path) -> Platform:
    """`good` and `other` are compared, `young` has 200 sessions, `lost` all its money."""
    names = ("good", "other", "young", "lost", "idle")
    records = [ModelRecord(name, "1", "", {}, is_benchmark=False) for name in names]
    ids = register_models(database, records)
    noise = np.random.default_rng(5).normal(0.0, 0.01, (4, len(DAYS)))
    insert(database, ids["good"], "best", noise[0] + 0.002)
    insert(database, ids["other"], "best", noise[1])
    insert(database, ids["young"], "young", noise[2, :200])
    insert(database, ids["lost"], "ruined", noise[3])
    values = {"DATABASE_URL": database.url, PREFIX + "HOME": str(tmp_path)}
    return Platform(Settings.load(values, tmp_path), SampleMarket())


def change(platform: Platform, what: str, model: str = "good", **more: str) -> Changed:
    return change_state(platform, model, what, more.pop("why", "because"), "ann", **more)


class TestTransitions:
    def test_a_model_goes_up_by_one_and_out_by_one(self, platform: Platform) -> None:
        steps = [
            *(("promote", "challenger"), ("promote", "champion"), ("demote", "demoted")),
            *(("promote", "challenger"), ("demote", "demoted"), ("retire", "retired")),
        ]
        for what, state in steps:
            done = change(platform, what, why=f"  {what}d  ")
            assert (done.change.state, done.change.begins) == (state, NEXT)
            assert (done.promise is not None) == (state in ("challenger", "champion"))
        rows = changes_of(platform.database, "good")
        assert rows["state"].tolist() == [state for _, state in steps]
        assert rows["why"].tolist() == [f"{what}d" for what, _ in steps]
        assert set(rows["person"]) == {"ann"}
        assert rows["promised"].notna().tolist() == [True, True, False, True, False, False]
        # Of several changes of one session the last one counts: no session is left to the others.
        (spells,) = spells_of(platform.database).values()
        assert {(spell.first, spell.end) for spell in spells} == {(NEXT, NEXT)}

    @pytest.mark.parametrize(
        ("before", "what", "hint"),
        [
            ([], "demote", "promoted or retired"),
            (["promote", "promote"], "promote", "demoted or retired"),
            (["promote", "demote"], "demote", "promoted or retired"),
            (["retire"], "promote", "another name"),
            (["retire"], "retire", "another name"),
        ],
    )
    def test_another_change_is_refused(
        self, platform: Platform, before: list[str], what: str, hint: str
    ) -> None:
        for each in before:
            change(platform, each)
        with pytest.raises(SettingsError, match=f"and cannot be {what}d") as refused:
            change(platform, what)
        assert hint in (refused.value.hint or "")
        assert len(changes_of(platform.database, "good")) == len(before)

    def test_a_state_does_not_begin_before_the_last_one(self, platform: Platform) -> None:
        change(platform, "promote")
        with pytest.raises(SessionError, match="good is a challenger model from 2005-01-03 on"):
            change(platform, "demote", session="2004-12-30")


class TestBadInput:
    def test_no_reason(self, platform: Platform) -> None:
        with pytest.raises(SettingsError, match="No reason is given"):
            change(platform, "promote", why=" \n")

    def test_an_unknown_model(self, platform: Platform) -> None:
        with pytest.raises(UnknownNameError, match="no model 'nobody'") as unknown:
            change(platform, "promote", "nobody")
        assert "good, idle, lost" in (unknown.value.hint or "")
        with pytest.raises(UnknownNameError, match="no model 'nobody'"):
            changes_of(platform.database, "nobody")

    @pytest.mark.parametrize(
        ("model", "session", "words"),
        [
            ("idle", "", "idle has no portfolio, so it has no figures"),
            ("good", "2002-08-01", "good has no portfolio of 2002-08-01"),
            ("good", "2003-08-04", "good has no statistics of 2003-08-04"),
            ("young", "", "There are 179 returns to promise anything by"),
            ("lost", "", "lost was ruined by 2004-12-31"),
        ],
    )
    def test_without_figures_nothing_is_promised(
        self, platform: Platform, model: str, session: str, words: str
    ) -> None:
        with pytest.raises(SessionError, match=words):
            change(platform, "promote", model, session=session)
        assert changes_of(platform.database, model).empty

    def test_a_sealed_session_promises_nothing_and_is_not_shown(self, platform: Platform) -> None:
        declare = "INSERT INTO holdouts (first_session, declared, person) VALUES (%s, %s, 'ann')"
        fetch(platform.database, declare, NEWEST, str(NEWEST))
        with pytest.raises(SealedError, match="sessions from 2004-12-31 on are sealed") as sealed:
            change(platform, "promote")
        assert "--session" in (sealed.value.hint or "")
        change(platform, "promote", session="2004-12-30")
        model = changes_of(platform.database, "good")
        assert model["since"].tolist() == ["2004-12-31"]
        fetch(platform.database, MONITOR, NEWEST, NEWEST)
        assert standing_of(platform.database, "good") == "There is no row of the monitor of good"
        assert states_line(platform.database) == "good challenger"
        # What promises nothing shows nothing.
        change(platform, "demote")


class TestPromise:
    def test_it_is_that_of_the_returns_up_to_the_session(self, platform: Platform) -> None:
        past = change(platform, "promote", session="2004-12-20")
        returns = [gain for (gain,) in fetch(platform.database, RETURNS, date(2004, 12, 20))]
        scaled = scaled_returns(np.array(returns))
        assert past.is_past
        assert past.promise is not None
        # Two models without a trial beside them: nearly independent, as they were drawn.
        assert past.promise.trials == 2
        assert past.promise.effective_trials == pytest.approx(2.0, abs=0.02)
        alone = promise_of(scaled, Trials(1, 1.0, 0.0))
        assert (past.promise.mean, past.promise.lower) == (alone.mean, alone.lower)
        assert past.promise.haircut > 0.0
        assert past.change.promise[4] == past.promise.promised == alone.lower - past.promise.haircut

    def test_what_is_said(self, platform: Platform) -> None:
        now = change(platform, "promote")
        past = change(platform, "promote", "other", session="2004-12-20")
        assert sentences(now, "alert")[0] == (
            "good is a challenger model from 2005-01-03 on, after it was candidate"
        )
        assert "promises a scaled return of at least" in sentences(now, "alert")[1]
        assert not any("backfill" in line for line in sentences(now, "halt"))
        assert sentences(past, "alert")[-1].endswith(
            "--start 2004-12-21 --recompute --select model_monitor"
        )
        assert sentences(past, "halt")[-1].endswith("--select portfolios+")
        assert any("That is no gain" in line for line in sentences(past, "alert"))


def test_a_list_and_a_line(platform: Platform) -> None:
    assert states_line(platform.database) == ""
    change(platform, "promote")
    change(platform, "retire", "other")
    fetch(platform.database, MONITOR, NEXT, NEXT)
    rows = listed(platform.database).set_index("model")
    assert rows.loc[["good", "idle", "lost", "other", "young"], "state"].to_dict() == {
        "good": "challenger",
        "idle": "candidate",
        "lost": "candidate",
        "other": "retired",
        "young": "candidate",
    }
    assert (rows.loc["good", "e-value"], rows.loc["good", "promise"]) == (50.0, "broken")
    assert states_line(platform.database) == "good challenger, its promise is broken; other retired"
    assert "the promise of at least +0.32 is broken" in standing_of(platform.database, "good")


def test_the_command(platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", platform.database.url)
    monkeypatch.setenv(PREFIX + "HOME", str(tmp_path))
    fetch(
        platform.database,
        "INSERT INTO ingestions (date, source, status, rows) VALUES (%s, 'sample', 'complete', 1)",
        NEWEST,
    )

    def call(*words: str) -> str:
        done = CliRunner().invoke(complete_app(), ["model", *words])
        assert done.exit_code == 0, done.output
        return done.stdout

    said = call("promote", "good", "--why", "a study", "--session", "2004-12-20", "--by", "bob")
    assert said.startswith("good is a challenger model from 2004-12-21 on")
    (row,) = json.loads(call("show", "good", "--json"))
    assert (row["person"], row["why"], row["known_on"]) == ("bob", "a study", "2004-12-20")
    assert "There is no row of the monitor of good" in call("show", "good")
    assert "idle is a candidate: nobody has promoted it" in call("show", "idle")
    states = {each["model"]: each["state"] for each in json.loads(call("list", "--json"))}
    assert (states["good"], states["idle"]) == ("challenger", "candidate")
    refused = CliRunner().invoke(complete_app(), ["model", "demote", "idle", "--why", "x"])
    assert isinstance(refused.exception, SettingsError)
    assert CliRunner().invoke(complete_app(), ["model", "demote", "good"]).exit_code == 2


def test_a_model_without_a_monitor_has_no_figure_of_it(platform: Platform) -> None:
    rows = listed(platform.database)
    assert set(rows["state"]) == {"candidate"}
    assert rows[["promised", "sessions", "mean", "upper", "e-value", "promise"]].isna().all().all()
