"""The instance storage on a real server, with the stock storage of dagster-postgres as oracle."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg2
import pytest
import yaml
from dagster._core.definitions.partitions.subset import DefaultPartitionsSubset
from dagster._core.events import (
    AssetMaterializationPlannedData,
    DagsterEvent,
    DagsterEventType,
)
from dagster._core.events.log import EventLogEntry
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.partition_status_cache import AssetPartitionStatus
from dagster._serdes import deserialize_value, serialize_value
from dagster_postgres import PostgresEventLogStorage
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_platform.defs.instance import storage as instance_storage
from quant_platform.defs.instance.event_log import BulkEventLogStorage
from quant_platform.defs.instance.event_text import EventTexts, texts_by_partition
from quant_platform.defs.instance.storage import PlatformStorage
from quant_platform.errors import SettingsError
from quant_platform.settings import Settings
from quant_platform.storage import cluster
from quant_platform.storage.database import dagster_url
from quant_platform.storage.embedded import EmbeddedServer, start_embedded
from quant_platform_tests.support.instance_harness import (
    FIRST,
    KEYS,
    OURS,
    PARTITIONS,
    SECOND,
    connections,
    contents,
    definitions,
    entry,
    materialization,
    open_instance,
    query,
    run_range,
)


@pytest.fixture(scope="module")
def server(server_folders: Callable[[str], Path]) -> EmbeddedServer:
    """Return a server of this file's own, which it may restart."""
    return start_embedded(server_folders("server"))


@pytest.fixture
def url(server: EmbeddedServer) -> Iterator[str]:
    """URL of an empty database."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with closing(psycopg2.connect(server.url("postgres"))) as connection:
        connection.autocommit = True
        connection.cursor().execute(f"CREATE DATABASE {name}")
    yield server.url(name)
    with closing(psycopg2.connect(server.url("postgres"))) as connection:
        connection.autocommit = True
        connection.cursor().execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def instance(url: str, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with open_instance(url, tmp_path / "home") as opened:
        yield opened


@pytest.mark.parametrize("fail", [False, True])
def test_tables_hold_what_the_stock_storage_writes(
    url: str, server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fail: bool
) -> None:
    with open_instance(url, tmp_path / "ours") as instance:
        run_id = run_range(instance, fail=fail).run_id
        ours = contents(url, run_id)
    with closing(psycopg2.connect(url)) as connection:
        connection.cursor().execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        connection.commit()
    # One event at a time: the way Dagster goes by default.
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "0")
    with open_instance(url, tmp_path / "stock", stock=True) as instance:
        assert type(instance.event_log_storage) is PostgresEventLogStorage
        run_id = run_range(instance, fail=fail).run_id
        stock = contents(url, run_id)
    assert len(stock["event_logs"]) > (3 if fail else 4) * len(KEYS)
    for table, rows in stock.items():
        assert len(ours[table]) == len(rows), table
        for mine, its in zip(ours[table], rows, strict=True):
            assert mine == its, table


def test_one_run_over_a_range_is_stored_in_full(instance: dg.DagsterInstance, url: str) -> None:
    result = run_range(instance)
    assert result.success
    events = instance.event_log_storage
    for asset in (FIRST, SECOND):
        assert instance.get_materialized_partitions(asset) == set(KEYS)
        newest = instance.get_latest_materialization_event(asset)
        assert newest is not None and newest.run_id == result.run_id
        planned = events.get_latest_planned_materialization_info(asset, 'quo"te')
        assert planned is not None and planned.run_id == result.run_id
    for kind in (
        DagsterEventType.ASSET_MATERIALIZATION,
        DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    ):
        found = events.get_asset_partitions_for_run(result.run_id, of_type=kind)
        assert found == {FIRST: set(KEYS), SECOND: set(KEYS)}
        records = events.get_records_for_run(result.run_id, of_type=kind).records
        ids = [record.storage_id for record in records]
        assert len(ids) == 2 * len(KEYS) and ids == sorted(set(ids))
    versions = events.get_latest_tags_by_partition(
        FIRST, DagsterEventType.ASSET_MATERIALIZATION, ["dagster/data_version"]
    )
    assert set(versions) == set(KEYS)
    checks = events.get_latest_asset_check_execution_by_key([dg.AssetCheckKey(SECOND, "positive")])
    assert [check.status.value for check in checks.values()] == ["SUCCEEDED"]
    run = instance.get_run_by_id(result.run_id)
    assert run is not None and run.status is dg.DagsterRunStatus.SUCCESS


def test_a_failed_run_leaves_its_partitions_failed(instance: dg.DagsterInstance) -> None:
    result = run_range(instance, fail=True)
    assert not result.success
    assert instance.get_materialized_partitions(FIRST) == set(KEYS)
    assert instance.get_materialized_partitions(SECOND) == set()
    status = instance.get_status_by_partition(SECOND, KEYS, PARTITIONS)
    assert status is not None and set(status) == set(KEYS)
    assert set(status.values()) == {AssetPartitionStatus.FAILED}


def test_another_process_reads_planned_partitions_right_after_the_run_is_created(
    instance: dg.DagsterInstance,
) -> None:
    job = dg.Definitions(definitions(), jobs=[dg.define_asset_job("all")]).resolve_job_def("all")
    run = instance.create_run_for_job(
        job,
        tags={
            "dagster/asset_partition_range_start": KEYS[0],
            "dagster/asset_partition_range_end": KEYS[-1],
        },
        asset_selection=frozenset({FIRST, SECOND}),
    )
    script = (
        "import sys, dagster as dg; from dagster._serdes import deserialize_value as read\n"
        "with dg.DagsterInstance.from_ref(read(sys.argv[1])) as instance:\n"
        "    found = instance.event_log_storage.get_asset_partitions_for_run(sys.argv[2])\n"
        "    print(type(instance.event_log_storage).__name__)\n"
        "    print(sorted(len(keys) for keys in found.values()))\n"
    )
    ref = serialize_value(instance.get_ref())
    done = subprocess.run(
        [sys.executable, "-c", script, ref, run.run_id], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["BulkEventLogStorage", str([len(KEYS)] * 2)]


def test_readers_with_a_cursor_miss_nothing_of_concurrent_writers(url: str, tmp_path: Path) -> None:
    runs = [str(uuid.uuid4()) for _ in range(4)]
    keys = [f"k{number}" for number in range(120)]
    seen: list[int] = []
    done = threading.Event()
    errors: list[BaseException] = []

    def write(number: int) -> None:
        try:
            with open_instance(url, tmp_path / f"home{number}") as instance:
                for _ in range(12):
                    batch = [materialization(runs[number], key, {}) for key in keys]
                    if number % 2:
                        instance.event_log_storage.store_event_batch(batch)
                    else:
                        for event in batch[:20]:
                            instance.event_log_storage.store_event(event)
        except BaseException as error:  # told by the main thread
            errors.append(error)

    def read() -> None:
        with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            last = False
            while not last:
                last = done.is_set()
                cursor.execute(
                    "SELECT id FROM event_logs WHERE id > %s ORDER BY id", (max(seen, default=0),)
                )
                seen.extend(row[0] for row in cursor)

    open_instance(url, tmp_path / "home").dispose()
    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    reader = threading.Thread(target=read)
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert errors == []
    assert seen == [row[0] for row in query(url, "SELECT id FROM event_logs ORDER BY id")]
    assert dict(query(url, "SELECT run_id, count(*) FROM event_logs GROUP BY 1")) == {
        run: 12 * (120 if number % 2 else 20) for number, run in enumerate(runs)
    }
    assert query(url, "SELECT count(*) FROM asset_keys") == [(1,)]


def test_a_batch_that_fails_half_way_leaves_nothing(
    instance: dg.DagsterInstance, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("power cut")

    storage = instance.event_log_storage
    batch = [materialization("run", key, {}) for key in KEYS]
    with monkeypatch.context() as patch:
        patch.setattr(BulkEventLogStorage, "_store_asset_event", broken)
        with pytest.raises(RuntimeError, match="power cut"):
            storage.store_event_batch(batch)
    assert query(url, "SELECT count(*) FROM event_logs") == [(0,)]
    storage.store_event_batch(batch)
    assert query(url, "SELECT count(*) FROM event_logs") == [(len(KEYS),)]


def test_a_restarted_server_is_met_with_fresh_connections(
    instance: dg.DagsterInstance, server: EmbeddedServer
) -> None:
    run_range(instance)
    cluster.stop(server.data)
    assert start_embedded(server.home).postmaster.pid != server.postmaster.pid
    assert instance.get_materialized_partitions(FIRST) == set(KEYS)
    assert run_range(instance).success


def test_instances_of_a_process_share_few_connections(url: str, tmp_path: Path) -> None:
    instances = [open_instance(url, tmp_path / str(number)) for number in range(15)]
    for opened in instances:
        opened.get_runs(limit=1)
        opened.all_instigator_state()
        opened.event_log_storage.store_event(materialization("run", "a", {}))
    # The server takes a moment to end the session of a connection that was closed.
    wait_for(lambda: 1 <= connections(url) <= 2)
    for opened in instances[1:]:
        opened.dispose()
    assert len(instances[0].get_runs()) == 0
    instances[0].dispose()
    wait_for(lambda: connections(url) == 0)


def wait_for(holds: Callable[[], bool]) -> None:
    """Return as soon as something holds; fail if it does not within half a minute."""
    until = time.monotonic() + 30.0
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def _store_in_child(instance: dg.DagsterInstance) -> None:
    instance.event_log_storage.store_event(materialization("child", "a", {}))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_uses_its_own_connections(instance: dg.DagsterInstance, url: str) -> None:
    instance.event_log_storage.store_event(materialization("parent", "a", {}))
    child = multiprocessing.get_context("fork").Process(target=_store_in_child, args=(instance,))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    instance.event_log_storage.store_event(materialization("parent", "b", {}))
    runs = query(url, "SELECT run_id FROM event_logs ORDER BY id")
    assert runs == [("parent",), ("child",), ("parent",)]


def test_the_webserver_limits_statements(instance: dg.DagsterInstance, url: str) -> None:
    instance.optimize_for_webserver(statement_timeout=4321, pool_recycle=3600, max_overflow=5)
    storage = instance.event_log_storage
    assert isinstance(storage, BulkEventLogStorage)
    with storage.index_connection() as connection:
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "4321ms"
    assert run_range(instance).success
    assert instance.get_materialized_partitions(SECOND) == set(KEYS)
    assert connections(url) <= 3


def test_the_reference_that_travels_holds_no_password(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = url.replace("postgres@", "postgres:s3cret@")
    assert "s3cret" in secret
    monkeypatch.setenv("DAGSTER_DATABASE_URL", secret)
    (tmp_path / "dagster.yaml").write_text(
        yaml.dump({"storage": {"custom": {**OURS["custom"], "config": {}}}})
    )
    with dg.DagsterInstance.from_config(str(tmp_path)) as first:
        ref = first.get_ref()
        assert "s3cret" not in serialize_value(ref) + first.info_str()
        run_range(first)
    travelled = deserialize_value(serialize_value(ref), InstanceRef)
    assert travelled == ref
    with dg.DagsterInstance.from_ref(travelled) as second:
        assert isinstance(second.event_log_storage, BulkEventLogStorage)
        assert second.get_materialized_partitions(FIRST) == set(KEYS)
    for legacy in (ref.run_storage, ref.event_storage, ref.schedule_storage):
        assert legacy is not None


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_every_form_of_url_means_psycopg2(url: str, scheme: str) -> None:
    storage = PlatformStorage(url.replace("postgresql", scheme, 1))
    events = storage.event_log_storage
    assert isinstance(events, BulkEventLogStorage)
    with events.index_connection() as connection:
        assert connection.engine.driver == "psycopg2"
    events.dispose()


def test_another_kind_of_url_is_refused_in_plain_words() -> None:
    with pytest.raises(SettingsError, match=r"dagster\.yaml is not a PostgreSQL URL"):
        PlatformStorage("mysql://root:s3cret@host/db")


@pytest.mark.parametrize("known", [frozenset(), frozenset({("1.13.26", "0.29.26")})])
def test_an_unknown_version_gets_the_stock_storages(
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    known: frozenset[tuple[str, str]],
) -> None:
    monkeypatch.setattr(instance_storage, "KNOWN_VERSIONS", known)
    monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE", raising=False)
    instance_storage.versions_are_known.cache_clear()
    try:
        with open_instance(url, tmp_path / "home") as instance:
            assert type(instance.event_log_storage) is PostgresEventLogStorage
            assert "DAGSTER_EVENT_BATCH_SIZE" not in os.environ
            assert run_range(instance).success
            assert instance.get_materialized_partitions(FIRST) == set(KEYS)
        open_instance(url, tmp_path / "home").dispose()
    finally:
        instance_storage.versions_are_known.cache_clear()
    assert [record.name for record in caplog.records].count(instance_storage.__name__) == 1


def test_the_users_own_batch_size_wins(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "7")
    PlatformStorage(url).event_log_storage.dispose()
    assert os.environ["DAGSTER_EVENT_BATCH_SIZE"] == "7"


def test_without_configuration_the_settings_name_the_database(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_DATABASE_URL", url)
    events = PlatformStorage().event_log_storage
    assert isinstance(events, BulkEventLogStorage)
    assert events.postgres_url == dagster_url(Settings.load())
    events.dispose()


_VALUES = st.one_of(
    st.text(max_size=8),
    st.integers(-(2**40), 2**40),
    st.floats(allow_nan=False),
    st.booleans(),
    st.sampled_from([0, 0.0, -0.0, 1, 1.0, True, "", "1", "null", None]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
_METADATA = st.dictionaries(st.sampled_from(["rows", "note", '"', "tags"]), _VALUES, max_size=3)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.none() | st.text(min_size=1), _METADATA), max_size=6))
def test_texts_are_those_of_dagster(items: list[tuple[str | None, dict[str, Any]]]) -> None:
    texts = EventTexts()
    for number, (partition, metadata) in enumerate(items):
        event = materialization(f"run{number % 2}", partition, metadata)
        assert texts.text(event) == serialize_value(event)


@given(st.lists(st.text(min_size=1), max_size=6, unique=True))
def test_texts_of_planned_partitions_are_those_of_dagster(keys: list[str]) -> None:
    def planned(**where: Any) -> EventLogEntry:
        data = AssetMaterializationPlannedData(FIRST, **where)
        return entry(
            "run", DagsterEvent.build_asset_materialization_planned_event("job", "prices", data)
        )

    whole = planned(partitions_subset=DefaultPartitionsSubset(set(keys)))
    expected = [(key, serialize_value(planned(partition=key))) for key in keys]
    assert list(texts_by_partition(whole, keys)) == expected
