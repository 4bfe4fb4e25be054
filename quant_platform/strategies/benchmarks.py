"""What a model is judged against: a model, or a security's total return.

A strategy states its own benchmark (`Strategy.benchmark`); where it states none, the default of the
settings holds. What does not belong here: figures against it (`evaluation/`), and where its returns
come from (`pipeline/benchmarks.py`, `research/benchmark.py`).
"""

from collections.abc import Iterable

from quant_platform.errors import UnknownNameError
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.strategy_registry import strategy_classes

SYMBOL = "symbol:"
"""Begins a benchmark that is a security, by its ticker."""


def benchmark_of(strategy: Strategy, default: str) -> str:
    """Return what a strategy is judged against: the name of a model, or `symbol:TICKER`.

    Raises
    ------
    UnknownNameError
        It is neither.
    """
    name = strategy.benchmark or default
    if is_symbol(name) or name in strategy_classes():
        return name
    raise UnknownNameError(
        f"The benchmark of {strategy.name} is {name!r}, and there is no such model",
        f"Write {SYMBOL}TICKER for a security, or one of the models"
        f" {', '.join(strategy_classes())}",
    )


def is_symbol(benchmark: str) -> bool:
    """Whether a benchmark is a security."""
    return benchmark.startswith(SYMBOL) and benchmark != SYMBOL


def benchmark_tickers(strategies: Iterable[Strategy], default: str) -> list[str]:
    """Return the tickers that strategies are judged against, sorted."""
    names = {benchmark_of(each, default) for each in strategies}
    return sorted(name.removeprefix(SYMBOL) for name in names if is_symbol(name))
