"""Dagster's own cost per partition and asset of one run: stock Postgres storage against ours.

A chain of assets that compute nothing and an IO manager that stores nothing, one run over n daily
partitions, in this process, on an embedded server of its own.
Run: python benchmarks/dagster_cost.py [--partitions 1200] [--assets 2]

The remaining limit is what Dagster does for the materialisation of each partition (building the
event, passing it through the logging machinery, printing it on the console), about two thirds of
the time; no storage can change that.
"""

import argparse
import contextlib
import datetime as dt
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg2
import yaml

from quant_platform.storage.addresses import sqlalchemy_url
from quant_platform.storage.embedded import start_embedded

OURS = {"module": "quant_platform.defs.instance.storage", "class": "PlatformStorage"}
WAYS = {
    "stock": ("stock storage, as shipped", "0"),
    "batch": ("stock storage, DAGSTER_EVENT_BATCH_SIZE=1000", "1000"),
    "ours": ("PlatformStorage", "1000"),
}


class NoRows(dg.IOManager):
    """Stores and loads nothing."""

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Say how many rows there would be."""
        context.add_output_metadata({"rows": 500})

    def load_input(self, context: dg.InputContext) -> None:
        """Load nothing."""


def chain(length: int, partitions: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Return assets of which each takes the one before."""

    def first() -> int:
        return 1

    def later(before: Any) -> int:
        return 1

    def build(number: int) -> dg.AssetsDefinition:
        return dg.asset(
            name=f"asset_{number}",
            ins={"before": dg.AssetIn(f"asset_{number - 1}")} if number else {},
            partitions_def=partitions,
            backfill_policy=dg.BackfillPolicy.single_run(),
        )(later if number else first)

    return [build(number) for number in range(length)]


def one_run(instance: dg.DagsterInstance, assets: int, days: int) -> float:
    """Materialise everything in one run and return its seconds."""
    start = dt.date(2000, 3, 1)
    partitions = dg.DailyPartitionsDefinition(
        str(start), end_date=str(start + dt.timedelta(days=days))
    )
    chosen = chain(assets, partitions)
    keys = partitions.get_partition_keys()
    began = time.perf_counter()
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
        result = dg.materialize(
            chosen,
            instance=instance,
            resources={"io_manager": NoRows()},
            tags={
                "dagster/asset_partition_range_start": keys[0],
                "dagster/asset_partition_range_end": keys[-1],
            },
        )
    seconds = time.perf_counter() - began
    last = chosen[-1].key
    if not result.success or instance.get_materialized_partitions(last) != set(keys):
        raise SystemExit("The run did not materialise every partition; the figure is void")
    return seconds


@contextlib.contextmanager
def instance_on(url: str, way: str, home: Path) -> Iterator[dg.DagsterInstance]:
    """Yield an instance that stores in the way named."""
    os.environ["DAGSTER_EVENT_BATCH_SIZE"] = WAYS[way][1]
    storage = (
        {"custom": {**OURS, "config": {"postgres_url": url}}}
        if way == "ours"
        else {"postgres": {"postgres_url": sqlalchemy_url(url)}}
    )
    (home / "dagster.yaml").write_text(
        yaml.dump({"storage": storage, "telemetry": {"enabled": False}})
    )
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


def timed(storage: Any) -> Callable[[], float]:
    """Time the calls that write events; return a function that gives their seconds so far."""
    spent = 0.0
    depth = 0

    def wrap(call: Callable[..., None]) -> Callable[..., None]:
        def wrapped(*arguments: Any) -> None:
            nonlocal spent, depth
            depth += 1
            began = time.perf_counter()
            try:
                call(*arguments)
            finally:
                depth -= 1
                spent += 0.0 if depth else time.perf_counter() - began

        return wrapped

    for name in ("store_event", "store_event_batch"):
        setattr(storage, name, wrap(getattr(storage, name)))
    return lambda: spent


def main() -> None:
    """Print one line per way of storing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--partitions", type=int, default=1200)
    parser.add_argument("--assets", type=int, default=2)
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    events = options.partitions * options.assets
    print(f"{options.assets} assets x {options.partitions} partitions in one run")
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        server = start_embedded(Path(folder) / "server")
        for way in options.ways:
            home = Path(folder) / way
            home.mkdir()
            with contextlib.closing(psycopg2.connect(server.url("postgres"))) as connection:
                connection.autocommit = True
                connection.cursor().execute(f"CREATE DATABASE dagster_{way}")
            with instance_on(server.url(f"dagster_{way}"), way, home) as instance:
                one_run(instance, 1, 3)
                writing = timed(instance.event_log_storage)
                seconds = one_run(instance, options.assets, options.partitions)
            figures[way] = 1000 * seconds / events
            print(
                f"{WAYS[way][0]:46} {seconds:7.2f} s {figures[way]:8.3f} ms per partition and"
                f" asset, of which writing events {1000 * writing() / events:7.3f} ms"
            )
        server.leave()
    if {"stock", "ours"} <= figures.keys():
        print(f"ratio stock / ours: {figures['stock'] / figures['ours']:.0f}")


if __name__ == "__main__":
    main()
