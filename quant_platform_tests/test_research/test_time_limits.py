"""A strategy or a notebook's feature that never ends: one line, and nothing else comes to harm."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from quant_platform.errors import OverdueError, SettingsError
from quant_platform.features import feature_registry
from quant_platform.market.panel import Panel
from quant_platform.research.store import Store
from quant_platform.settings import Settings
from quant_platform.storage.database import Database
from quant_platform.strategies import function as function_module
from quant_platform_tests.support.five_sessions import FIRST, LAST, store_market

SOON, LONG = 0.2, 60.0

BEGUN = threading.Event()


def endless(panel: Panel, share: float = 0.2) -> np.ndarray:
    """Hold a share; of 0.2 it never gets to an end."""
    if share == 0.2:
        BEGUN.set()
    while share == 0.2:
        pass
    return np.full(panel.close.shape, share)


endless.features = ()  # type: ignore[attr-defined]
endless.lookback = 1  # type: ignore[attr-defined]

LATE = r"The strategy endless did not end within 0.2 s, at test_time_limits\.py:\d+"


@pytest.fixture(scope="module")
def store(server: Any, template: str) -> Iterator[Store]:
    name = server.create(template)
    database = store_market(Database(server.url(name)))
    yield Store(database)
    database.close()
    server.drop(name)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Writes a feature `mine` as a cell of a notebook does."""
    monkeypatch.setattr(feature_registry, "_of_notebook", {})

    def write(body: str) -> None:
        code = f"@feature(lookback=1, inputs=('close',))\ndef mine(c):\n    'x'\n    {body}"
        exec(code, {"__name__": "__main__", "feature": feature_registry.feature})  # noqa: S102

    return write


def test_a_backtest_that_never_ends_is_stopped(store: Store) -> None:
    with pytest.raises(OverdueError, match=LATE):
        store.backtest(endless, FIRST, LAST, time_limit=SOON)


def test_the_setting_is_the_limit(store: Store) -> None:
    hasty = Store(store.database, Settings(step_seconds=SOON))
    with pytest.raises(OverdueError, match=LATE):
        hasty.backtest(endless, FIRST, LAST)
    found = hasty.sweep(endless, {"share": [0.2]}, FIRST, LAST, progress=False)
    assert found.table["failed"].str.fullmatch(LATE + r"\. Mend it.*").all()


def test_also_where_its_features_are_looked_for(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(function_module, "EMPTY_SECONDS", SOON)

    def unstated(panel: Panel) -> np.ndarray:
        return endless(panel)

    with pytest.raises(OverdueError, match=r"The strategy unstated did not end within 0\.2 s"):
        store.backtest(unstated, FIRST, LAST, time_limit=SOON)


def test_a_configuration_that_never_ends_fails_alone(store: Store) -> None:
    shares = {"share": [0.1, 0.2, 0.3]}
    found = store.sweep(endless, shares, FIRST, LAST, progress=False, time_limit=SOON)
    failed = found.table["failed"].tolist()
    assert [bool(each) for each in failed] == [False, True, False]
    assert failed[1].startswith("The strategy endless did not end within 0.2 s, at test_time")
    sound = {"share": [0.1, 0.3]}
    alone = store.sweep(endless, sound, FIRST, LAST, progress=False, resume=False)
    np.testing.assert_array_equal(found.returns[[0, 2]], alone.returns)


@pytest.mark.parametrize("limit", [LONG, 0.0])
def test_a_sweep_whose_configurations_never_end_can_be_stopped(store: Store, limit: float) -> None:
    def interrupt() -> None:
        BEGUN.wait()
        time.sleep(SOON)  # until the main thread waits for a result
        os.kill(os.getpid(), signal.SIGINT)

    BEGUN.clear()
    before = {*threading.enumerate()}
    threading.Thread(target=interrupt, daemon=True).start()
    shares = {"share": [0.2, 0.1]}
    with pytest.raises(KeyboardInterrupt, match="0 of 2 configurations are kept"):
        store.sweep(endless, shares, FIRST, LAST, progress=False, time_limit=limit)
    for each in {*threading.enumerate()} - before:
        each.join(LONG)
        assert not each.is_alive()


def test_an_audit_names_it(store: Store) -> None:
    hasty = Store(store.database, Settings(step_seconds=SOON))
    table = hasty.audit(endless, FIRST, LAST).table.set_index("subject")
    said = table["first_difference"][["signals of endless", "portfolio of endless"]]
    assert said.str.startswith("failed: The strategy endless did not end within").all()


def test_a_feature_that_never_ends_is_named(store: Store, written: Callable[[str], None]) -> None:
    written("while True: pass")
    hasty = Store(store.database, Settings(step_seconds=SOON))

    def reads_it(panel: Panel) -> np.ndarray:
        return np.where(panel["mine"] > 0.0, 1.0, 0.0)

    late = r"The feature mine did not end within 0\.2 s, at <string>:\d+"
    calls: list[Callable[[], Any]] = [
        lambda: hasty.backtest(reads_it, FIRST, LAST),
        lambda: hasty.sweep(reads_it, [{}], FIRST, LAST, progress=False),
        lambda: hasty.features("mine", FIRST, LAST),
        lambda: hasty.panel("mine", FIRST, LAST),
        lambda: hasty.factor("mine", horizons=(1,), quantiles=2),
        lambda: hasty.audit(reads_it, FIRST, LAST),
    ]
    for call in calls:
        with pytest.raises(OverdueError, match=late):
            call()


@pytest.mark.parametrize("wrong", [-1.0, float("nan"), "long"])
def test_a_limit_that_is_none(store: Store, wrong: Any) -> None:
    with pytest.raises(SettingsError, match="The time limit is"):
        store.backtest(endless, FIRST, LAST, time_limit=wrong)
    with pytest.raises(SettingsError, match="The time limit is"):
        store.sweep(endless, {"share": [0.1]}, FIRST, LAST, time_limit=wrong, progress=False)
