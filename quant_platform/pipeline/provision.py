"""Bring a database to the state that the code needs: migrations, registered columns and models."""

from functools import lru_cache

from quant_platform.conventions import DEFAULT_BENCHMARK
from quant_platform.evaluation.metrics import METRICS
from quant_platform.features.feature_registry import select
from quant_platform.settings import Settings
from quant_platform.storage.database import Database, platform_database
from quant_platform.storage.migrations import RegisteredColumn, is_current, upgrade
from quant_platform.storage.models import ModelRecord, register_models
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.benchmarks import benchmark_of
from quant_platform.strategies.strategy_registry import all_strategies


def registered_columns() -> list[RegisteredColumn]:
    """Columns that features and metrics bring, in the order of their registries."""
    features = [
        RegisteredColumn("features", feature.name, "double precision", feature.description)
        for feature in select()
    ]
    metrics = [
        RegisteredColumn("model_performance", metric.column, metric.sql_type, metric.description)
        for metric in METRICS.values()
    ]
    return features + metrics


def model_record(strategy: Strategy, benchmark: str = DEFAULT_BENCHMARK) -> ModelRecord:
    """Row of `models` for a strategy; `benchmark` is that of models that state none."""
    return ModelRecord(
        name=strategy.name,
        version=strategy.version,
        description=strategy.description,
        parameters=strategy.parameters.model_dump(mode="json"),
        is_benchmark=strategy.name == benchmark,
        rebalance=strategy.rebalance,
        max_gross=strategy.max_gross,
        max_net=strategy.max_net,
        benchmark=benchmark_of(strategy, benchmark),
    )


def provision(database: Database, benchmark: str = DEFAULT_BENCHMARK) -> list[str]:
    """Apply what is missing; return the migrations and columns applied now. Safe to repeat.

    Parameters
    ----------
    benchmark : of models that state none

    Raises
    ------
    UnknownNameError
        A model's benchmark is neither a model nor a security.
    """
    columns = registered_columns()
    applied = [] if is_current(database, columns) else upgrade(database, columns)
    records = [model_record(strategy, benchmark) for strategy in all_strategies()]
    register_models(database, records)
    return applied


@lru_cache(maxsize=8)
def ready_database(settings: Settings) -> Database:
    """Return the platform's database, provisioned, one object per process."""
    database = platform_database(settings)
    provision(database, settings.benchmark)
    return database
