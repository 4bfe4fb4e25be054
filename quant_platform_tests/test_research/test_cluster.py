"""A sweep on a real cluster of two processes, of which one is killed in the middle."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest
from distributed import Client, LocalCluster

from quant_platform.errors import SettingsError
from quant_platform.features import feature_registry
from quant_platform.market.panel import Panel
from quant_platform.research.store import Store
from quant_platform.storage.database import Database
from quant_platform_tests.support.five_sessions import FIRST, LAST, store_market
from quant_platform_tests.support.tables import fetch

SHARES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    # Workers are forked off a process that has imported what they need.
    multiprocessing.set_forkserver_preload(["distributed", "quant_platform.research.store"])
    chosen = {
        "distributed.worker.multiprocessing-method": "forkserver",
        "distributed.scheduler.allowed-failures": 0,
    }
    with (
        dask.config.set(chosen),
        LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def part(panel: Panel, share: float, mark: str, always: float = 0.0) -> np.ndarray:
    """Hold a share; the first of all processes that gets as far as 0.4 is killed by it.

    A share of `always` kills every process that runs it.
    """
    if share == always:
        os.kill(os.getpid(), signal.SIGKILL)
    if mark and share == 0.4:
        try:
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            pass
        else:
            os.kill(os.getpid(), signal.SIGKILL)
    return np.full(panel.close.shape, share)


part.features = ()  # type: ignore[attr-defined]
part.lookback = 1  # type: ignore[attr-defined]


def test_a_killed_worker_changes_nothing(
    new_database: Callable[[str | None], Database], client: Any, tmp_path: Path
) -> None:
    store = Store(store_market(new_database(None)))
    mark = tmp_path / "killed"

    def grid(name: str) -> dict[str, list[Any]]:
        return {"share": SHARES, "mark": [name]}

    alone = store.sweep(part, grid(""), FIRST, LAST, progress=False, resume=False)
    together = store.sweep(part, grid(str(mark)), FIRST, LAST, progress=False, client=client)
    assert mark.exists()
    assert (together.table["failed"] == "").all()
    np.testing.assert_array_equal(together.returns, alone.returns)
    pick = ["sharpe_ratio", "total_return", "turnover", "max_drawdown"]
    np.testing.assert_array_equal(together.table[pick], alone.table[pick])
    # The one without a fault counts, too.
    assert fetch(store.database, "SELECT count(*) FROM trials") == [(2 * len(SHARES),)]


def test_what_ends_every_worker_fails_alone(
    new_database: Callable[[str | None], Database], client: Any
) -> None:
    store = Store(store_market(new_database(None)))
    grid = {"share": [0.1, 0.2], "mark": [""], "always": [0.2]}
    found = store.sweep(part, grid, FIRST, LAST, progress=False, client=client)
    assert found.table["failed"].str.startswith("It ended its worker").tolist() == [False, True]


def test_a_feature_of_the_notebook_is_sent(
    new_database: Callable[[str | None], Database], client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when it was written anew: the workers' own processes have no such cell."""
    monkeypatch.setattr(feature_registry, "_of_notebook", {})
    store = Store(store_market(new_database(None)))
    cells: dict[str, Any] = {"__name__": "__main__", "feature": feature_registry.feature, "np": np}
    reads = "def reads(panel, share):\n    return np.where(panel['mine'] >= 10.0, share, 0.0)"
    exec(reads, cells)  # noqa: S102
    totals = []
    for formula in ("FACTOR * c.close", "c.close"):
        code = "FACTOR = 0.0\n@feature(lookback=1, inputs=('close',))\ndef mine(c):\n    'x'\n"
        exec(code + f"    return {formula}", cells)  # noqa: S102
        grid = {"share": [0.5, 1.0]}
        alone, together = (
            store.sweep(
                cells["reads"], grid, FIRST, LAST, progress=False, resume=False, client=each
            )
            for each in (None, client)
        )
        assert (together.table["failed"] == "").all()
        np.testing.assert_array_equal(together.returns, alone.returns)
        totals.append(together.table["total_return"].tolist())
    assert totals[0] == [0.0, 0.0] != totals[1]


def test_no_client_is_named(new_database: Callable[[str | None], Database]) -> None:
    store = Store(store_market(new_database(None)))
    with pytest.raises(SettingsError, match="client is 'tcp://127"):
        store.sweep("equal_weight", [{}], FIRST, LAST, progress=False, client="tcp://127.0.0.1:1")
