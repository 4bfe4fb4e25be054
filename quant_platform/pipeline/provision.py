"""Bring a database to the state that the code needs: migrations, registered columns and models."""

from collections.abc import Sequence
from functools import lru_cache

from quant_platform.conventions import DEFAULT_BENCHMARK
from quant_platform.evaluation.metrics import METRICS
from quant_platform.features.feature_registry import features_of
from quant_platform.features.feature_set import TECHNICAL, FeatureSet
from quant_platform.pipeline.feature_sets import stored_sets
from quant_platform.provenance import person
from quant_platform.settings import Settings
from quant_platform.storage.database import Database, platform_database
from quant_platform.storage.feature_tables import FeatureTable
from quant_platform.storage.holdout import keep_holdout
from quant_platform.storage.migrations import RegisteredColumn, is_current, upgrade
from quant_platform.storage.models import ModelRecord, register_models
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.book import BOOK_VERSION, Book
from quant_platform.strategies.books import books_of
from quant_platform.strategies.models import default_models, models_of


def registered_columns(sets: Sequence[FeatureSet] = (TECHNICAL,)) -> list[RegisteredColumn]:
    """Columns that the features of these sets and the metrics bring, in their registries' order."""
    features = [
        RegisteredColumn(each.table, feature.name, each.sql_type, feature.description)
        for each in sets
        for feature in features_of(each)
    ]
    metrics = [
        RegisteredColumn("model_performance", metric.column, metric.sql_type, metric.description)
        for metric in METRICS.values()
    ]
    return features + metrics


def model_record(strategy: Strategy, benchmark: str = DEFAULT_BENCHMARK) -> ModelRecord:
    """Row of `models` for a model; `benchmark` is that of models that state none."""
    return ModelRecord(
        strategy=type(strategy).name,
        name=strategy.name,
        version=strategy.version,
        description=strategy.description,
        parameters=strategy.parameters.model_dump(mode="json"),
        is_benchmark=strategy.name == benchmark,
        rebalance=strategy.rebalance,
        max_gross=strategy.max_gross,
        max_net=strategy.max_net,
        benchmark=strategy.benchmark or benchmark,
    )


BOOK = "book"
"""What stands in `models.strategy` of a book."""


def book_record(
    book: Book, models: Sequence[Strategy], benchmark: str = DEFAULT_BENCHMARK
) -> ModelRecord:
    """Row of `models` for a book of some of `models`."""
    return ModelRecord(
        strategy=BOOK,
        name=book.name,
        version=BOOK_VERSION,
        description=book.description,
        parameters=book.parameters,
        is_benchmark=False,
        max_gross=book.max_gross(models),
        max_net=book.max_net(models),
        benchmark=benchmark,
    )


def provision(
    database: Database,
    benchmark: str = DEFAULT_BENCHMARK,
    sets: Sequence[FeatureSet] = (TECHNICAL,),
    models: Sequence[Strategy] | None = None,
    books: Sequence[Book] = (),
) -> list[str]:
    """Apply what is missing; return migrations, tables and columns applied now. Safe to repeat.

    Parameters
    ----------
    benchmark : of models that state none
    sets : feature sets that are stored
    models : that run; default: those of no setting. Rows of others stay as they are.
    books : of these models
    """
    columns = registered_columns(sets)
    tables = [
        FeatureTable(each.table, each.name, each.storage, each.description)
        for each in sets
        if each != TECHNICAL
    ]
    applied = [] if is_current(database, columns) else upgrade(database, columns, tables)
    running = default_models() if models is None else models
    records = [model_record(model, benchmark) for model in running]
    records += [book_record(book, running, benchmark) for book in books]
    register_models(database, records)
    return applied


@lru_cache(maxsize=8)
def ready_database(settings: Settings) -> Database:
    """Return the platform's database, provisioned, one object per process."""
    models, books = models_of(settings), books_of(settings)
    database = platform_database(settings)
    provision(database, settings.benchmark, stored_sets(settings), models, books)
    # What was sealed before is sealed in new tables, too.
    keep_holdout(database, settings.holdout, person())
    return database
