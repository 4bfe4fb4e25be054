"""Studies out of the ledger, with their benchmark run over the same sessions."""

from pathlib import Path
from typing import Any

import pytest

import quant_platform as qp
from quant_platform.errors import SettingsError, UnknownNameError
from quant_platform.research.store import Store
from quant_platform.storage.database import Database
from quant_platform_tests.support.five_sessions import FIRST, FREE, LAST, Ten
from quant_platform_tests.support.tables import fetch


@pytest.mark.parametrize(
    ("declared", "word"),
    [
        ({"budget": 10**30}, "The budget is"),
        ({"budget": True}, "The budget is"),
        ({"hypothesis": 3}, "The hypothesis is 3"),
        ({"give_up": ["never"]}, "The rule for giving up is"),
        ({"metric": "luck"}, "There is no figure 'luck'"),
    ],
)
def test_what_cannot_be_declared(declared: dict[str, Any], word: str) -> None:
    with pytest.raises(SettingsError, match=word), qp.study("a question", **declared):
        pass


def test_trials_of_the_same_sessions_are_compared(market: Database) -> None:
    store = Store(market)
    with qp.study("tens", budget=2, hypothesis="ten is much") as study:
        store.backtest(Ten(), FIRST, LAST, costs=FREE)
        store.backtest("buy_and_hold", FIRST, LAST, costs=FREE)
        store.backtest(Ten(), FIRST, "2024-01-05", costs=FREE)
    report = study.report(store)
    assert report.facts["trials"] == "3 of 2; exploratory"
    assert report.facts["hypothesis"] == "ten is much"
    assert report.trials["sessions"].tolist().count(5) == 2
    assert report.benchmark == "equal_weight"
    # Five sessions prove nothing: there is no figure where one would be made up.
    assert report.trials["p_value"].isna().all()
    assert report.spa_p_value != report.spa_p_value
    # The benchmark that was run for it is no trial.
    assert fetch(market, "SELECT count(*) FROM trials") == [(3,)]


def test_a_study_that_is_not_there(market: Database) -> None:
    with pytest.raises(UnknownNameError, match="There is no study 'none'"):
        Store(market).study_report("none")


def test_one_whose_trials_all_failed(market: Database, tmp_path: Path) -> None:
    def broken(panel: qp.Panel) -> object:
        raise ValueError(f"{len(panel.sessions)} sessions")

    broken.features, broken.lookback = (), 1  # type: ignore[attr-defined]
    store = Store(market)
    with qp.study("broken") as study:
        store.sweep(broken, [{}], FIRST, LAST, progress=False)
    report = study.report(store)
    assert report.trials.empty
    assert report.facts["without a result"] == "1"
