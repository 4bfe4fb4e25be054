"""Market data, features, signals and performance reports as Dagster assets in Postgres."""

__version__ = "0.1.0"
