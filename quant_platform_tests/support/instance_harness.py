"""Instances, a small job, events and tables' contents for the tests of the instance storage."""

import json
import logging
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg2
import yaml
from dagster._core.events import DagsterEvent, DagsterEventType, StepMaterializationData
from dagster._core.events.log import EventLogEntry

from quant_platform.defs.instance import storage as instance_storage
from quant_platform.defs.processes import PROCESS_TAG

KEYS = [f"2013-02-{day:02}" for day in range(1, 13)] + ['quo"te', "back\\slash", "Zürich", "%s"]
PARTITIONS = dg.StaticPartitionsDefinition(KEYS)
FIRST, SECOND = dg.AssetKey(["prices"]), dg.AssetKey(["group", "returns"])
CHANGING = {"timestamp", "pid", "storage_id", "file_key", "log_key", "duration_ms", "stack"}
OURS = {"custom": {"module": instance_storage.__name__, "class": "PlatformStorage"}}


def open_instance(url: str, home: Path, *, stock: bool = False) -> dg.DagsterInstance:
    home.mkdir(exist_ok=True)
    if stock:
        stock_url = url.replace("postgresql://", "postgresql+psycopg2://")
        storage: dict[str, Any] = {"postgres": {"postgres_url": stock_url}}
    else:
        storage = {"custom": {**OURS["custom"], "config": {"postgres_url": url}}}
    (home / "dagster.yaml").write_text(
        yaml.dump({"storage": storage, "telemetry": {"enabled": False}})
    )
    return dg.DagsterInstance.from_config(str(home))


def query(url: str, statement: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def connections(url: str) -> int:
    rows = query(
        url,
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    return int(rows[0][0])


class NoRows(dg.IOManager):
    """Stores nothing; says how much it would have stored, in total and per partition."""

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        context.add_output_metadata({"rows": 7, "note": "all", "share": 0.5})

    def load_input(self, context: dg.InputContext) -> None:
        return None


def definitions(*, fail: bool = False) -> list[Any]:
    one_run = dg.BackfillPolicy.single_run()

    @dg.asset(key=FIRST, partitions_def=PARTITIONS, backfill_policy=one_run, code_version="1")
    def prices(context: dg.AssetExecutionContext) -> int:
        for number, key in enumerate(context.partition_keys[::2]):
            context.add_asset_metadata(
                {"count": number % 3, "table": {"a": [1]}}, partition_key=key
            )
        return 1

    @dg.asset(
        key=SECOND,
        ins={"prices": dg.AssetIn(FIRST)},
        partitions_def=PARTITIONS,
        backfill_policy=one_run,
        code_version="1",
    )
    def returns(context: dg.AssetExecutionContext, prices: Any) -> int:
        for key in KEYS[:3]:
            context.log_event(dg.AssetObservation(FIRST, partition=key, metadata={"seen": key}))
        if fail:
            raise ValueError("no prices")
        return 1

    @dg.asset_check(asset=SECOND)
    def positive() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    return [prices, returns, positive]


def run_range(instance: dg.DagsterInstance, *, fail: bool = False) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        definitions(fail=fail),
        instance=instance,
        resources={"io_manager": NoRows()},
        raise_on_error=False,
        tags={
            "dagster/asset_partition_range_start": KEYS[0],
            "dagster/asset_partition_range_end": KEYS[-1],
        },
    )


def contents(url: str, run_id: str) -> dict[str, list[Any]]:
    """Every row of the event tables, without what differs from one run to the next."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: plain(item)
                for key, item in value.items()
                if key not in CHANGING
                and not key.startswith("dagster/input_event_pointer")
                # Ours alone say which process executes a run.
                and key != PROCESS_TAG
            }
        if isinstance(value, list):
            return [plain(item) for item in value]
        if isinstance(value, str):
            return re.sub(r"\b\d+(\.\d+)?m?s\b", "TIME", value.replace(run_id, "RUN"))
        return value

    def rows(statement: str) -> list[Any]:
        return [
            [plain(json.loads(cell) if str(cell).startswith("{") else cell) for cell in row]
            for row in query(url, statement)
        ]

    return {
        "event_logs": rows(
            "SELECT dagster_event_type, step_key, asset_key, partition, event,"
            " abs(extract(epoch FROM timestamp) - (event::json ->> 'timestamp')::float8) < 1e-5"
            " FROM event_logs ORDER BY id"
        ),
        "asset_event_tags": rows(
            "SELECT e.partition, t.asset_key, t.key, t.value, t.event_timestamp = e.timestamp"
            " FROM asset_event_tags t JOIN event_logs e ON e.id = t.event_id ORDER BY e.id, t.key"
        ),
        "asset_keys": rows(
            "SELECT k.asset_key, k.last_materialization, k.last_run_id,"
            " e.asset_key, e.partition, e.timestamp <= k.last_materialization_timestamp"
            " FROM asset_keys k LEFT JOIN event_logs e"
            " ON e.id = (k.last_materialization::json ->> 'storage_id')::bigint ORDER BY 1"
        ),
        "asset_check_executions": rows(
            "SELECT asset_key, check_name, partition, execution_status, evaluation_event"
            " FROM asset_check_executions ORDER BY id"
        ),
        "runs": rows("SELECT status, run_body FROM runs"),
    }


def materialization(run_id: str, partition: str | None, metadata: dict[str, Any]) -> EventLogEntry:
    data = StepMaterializationData(
        dg.AssetMaterialization(FIRST, partition=partition, metadata=metadata)
    )
    kind = DagsterEventType.ASSET_MATERIALIZATION.value
    return entry(run_id, DagsterEvent(kind, "job", event_specific_data=data, step_key="prices"))


def entry(run_id: str, event: DagsterEvent) -> EventLogEntry:
    return EventLogEntry(
        None, logging.DEBUG, "", run_id, 1.5e9 + 0.25, event.step_key, "job", event
    )
