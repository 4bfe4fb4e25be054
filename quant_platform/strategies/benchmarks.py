"""What a model is judged against: a model, or a security's total return.

A strategy states its own benchmark (`Strategy.benchmark`); where it states none, the default of the
settings holds. What does not belong here: figures against it (`evaluation/`), and where its returns
come from (`pipeline/benchmarks.py`, `research/benchmark.py`).
"""

from collections.abc import Collection, Iterable

from quant_platform.errors import UnknownNameError
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.book import Book

SYMBOL = "symbol:"
"""Begins a benchmark that is a security, by its ticker."""


def benchmark_of(strategy: Strategy | Book, default: str, models: Collection[str]) -> str:
    """Return what a strategy or book is judged against: the name of a model, or `symbol:TICKER`.

    Parameters
    ----------
    default : benchmark of a strategy that states none
    models : names of the models that run

    Raises
    ------
    UnknownNameError
        It is neither.
    """
    name = strategy.benchmark or default
    if is_symbol(name) or name in models:
        return name
    raise UnknownNameError(
        f"The benchmark of {strategy.name} is {name!r}, which is not among the models that run",
        f"Add it to QUANT_PLATFORM_MODELS, or name another benchmark: {SYMBOL}TICKER, or one of"
        f" {', '.join(models)}",
    )


def is_symbol(benchmark: str) -> bool:
    """Whether a benchmark is a security."""
    return benchmark.startswith(SYMBOL) and benchmark != SYMBOL


def benchmark_tickers(models: Iterable[Strategy | Book], default: str) -> list[str]:
    """Return the tickers that models are judged against, sorted."""
    names = {each.benchmark or default for each in models}
    return sorted(name.removeprefix(SYMBOL) for name in names if is_symbol(name))
