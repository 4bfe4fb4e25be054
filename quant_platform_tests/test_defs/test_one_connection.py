"""Who stores events asks for no second connection while holding one, on which a lock may be held.

With a single connection for the whole process, whoever asked for another would wait in vain.
"""

from functools import partial
from pathlib import Path

import dagster as dg
import pytest

from quant_platform.defs.instance import pool
from quant_platform.defs.instance.event_log import BulkEventLogStorage
from quant_platform.defs.instance.pool import PoolOptions
from quant_platform.storage.database import Database
from quant_platform_tests.support.instance_harness import (
    FIRST,
    KEYS,
    SECOND,
    definitions,
    open_instance,
    run_range,
)


@pytest.fixture
def instance(
    empty_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dg.DagsterInstance:
    """An instance whose process may have one connection."""
    monkeypatch.setattr(pool, "PoolOptions", partial(PoolOptions, idle=1, overflow=0))
    monkeypatch.setattr(pool, "WAIT_SECONDS", 0.5)
    return open_instance(empty_database.url, tmp_path / "instance")


def test_runs_checks_and_readers_need_one_connection(instance: dg.DagsterInstance) -> None:
    storage = instance.event_log_storage
    assert isinstance(storage, BulkEventLogStorage)
    assert storage.lease.engine.pool.size() + storage.lease.options.overflow == 1  # type: ignore[attr-defined]
    with instance:
        result = run_range(instance)
        assert result.success
        assert not run_range(instance, fail=True).success
        assert instance.get_materialized_partitions(SECOND) >= set(KEYS)
        check = definitions()[-1].check_key
        records = storage.get_asset_check_execution_history(check, limit=10)
        assert [record.status.value for record in records][-1] == "SUCCEEDED"
        instance.report_runless_asset_event(dg.AssetMaterialization(FIRST, partition=KEYS[0]))
        instance.add_dynamic_partitions("names", ["a", "b"])
        instance.delete_run(result.run_id)
