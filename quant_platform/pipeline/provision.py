"""Bring a database to the state that the code needs: migrations, registered columns and models."""

from functools import lru_cache

from quant_platform.evaluation.metrics import METRICS
from quant_platform.features.feature_registry import all_features
from quant_platform.settings import Settings
from quant_platform.storage.database import Database, platform_database
from quant_platform.storage.migrations import RegisteredColumn, is_current, upgrade
from quant_platform.storage.models import ModelRecord, register_models
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.strategy_registry import all_strategies, benchmark_strategy


def registered_columns() -> list[RegisteredColumn]:
    """Columns that features and metrics bring, in the order of their registries."""
    features = [
        RegisteredColumn("features", feature.name, "double precision", feature.description)
        for feature in all_features()
    ]
    metrics = [
        RegisteredColumn("model_performance", metric.column, metric.sql_type, metric.description)
        for metric in METRICS.values()
    ]
    return features + metrics


def model_record(strategy: Strategy) -> ModelRecord:
    """Row of `models` for a strategy."""
    return ModelRecord(
        name=strategy.name,
        version=strategy.version,
        description=strategy.description,
        parameters=strategy.parameters.model_dump(mode="json"),
        is_benchmark=strategy.is_benchmark,
        rebalance=strategy.rebalance,
        max_gross=strategy.max_gross,
        max_net=strategy.max_net,
        benchmark=benchmark_strategy().name,
    )


def provision(database: Database) -> list[str]:
    """Apply what is missing; return the migrations and columns applied now. Safe to repeat."""
    columns = registered_columns()
    applied = [] if is_current(database, columns) else upgrade(database, columns)
    register_models(database, [model_record(strategy) for strategy in all_strategies()])
    return applied


@lru_cache(maxsize=8)
def ready_database(settings: Settings) -> Database:
    """Return the platform's database, provisioned, one object per process."""
    database = platform_database(settings)
    provision(database)
    return database
