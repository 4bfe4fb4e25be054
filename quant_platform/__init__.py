"""The notebook's face: `import quant_platform as qp`, then `qp.open()`.

What belongs here: the few names that a researcher needs, each read from its own module when it is
first used, so that this import loads nothing else. What does not belong here: any code of theirs,
and what only the pipeline needs. `__all__` is a promise; a test pins it.

    store = qp.open()
    store.prices("2008-01-02", "2008-12-31")
    store.at("2024-03-01T22:00Z").backtest("mean_reversion", "2008-01-02", "2008-12-31")
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quant_platform import errors
    from quant_platform.errors import QuantPlatformError
    from quant_platform.evaluation.metrics import metric
    from quant_platform.evaluation.series import evaluate
    from quant_platform.features.feature_registry import feature
    from quant_platform.learning.forecaster import Forecaster
    from quant_platform.market.panel import Panel
    from quant_platform.research.result import Backtest
    from quant_platform.research.sessions import sessions
    from quant_platform.research.store import Store
    from quant_platform.research.store import open_store as open  # noqa: A004 — read as `qp.open`
    from quant_platform.research.study import study
    from quant_platform.settings import Settings
    from quant_platform.strategies.base import Strategy
    from quant_platform.strategies.book import Book
    from quant_platform.strategies.parameters import StrategyParameters
    from quant_platform.trading.costs import Costs

__version__ = "0.1.0"

__all__ = [
    "Backtest",
    "Book",
    "Costs",
    "Forecaster",
    "Panel",
    "QuantPlatformError",
    "Settings",
    "Store",
    "Strategy",
    "StrategyParameters",
    "errors",
    "evaluate",
    "feature",
    "metric",
    "open",
    "sessions",
    "study",
]

_ORIGINS: dict[str, tuple[str, str | None]] = {
    "Backtest": ("research.result", "Backtest"),
    "Book": ("strategies.book", "Book"),
    "Costs": ("trading.costs", "Costs"),
    "Forecaster": ("learning.forecaster", "Forecaster"),
    "Panel": ("market.panel", "Panel"),
    "QuantPlatformError": ("errors", "QuantPlatformError"),
    "Settings": ("settings", "Settings"),
    "Store": ("research.store", "Store"),
    "Strategy": ("strategies.base", "Strategy"),
    "StrategyParameters": ("strategies.parameters", "StrategyParameters"),
    "errors": ("errors", None),
    "evaluate": ("evaluation.series", "evaluate"),
    "feature": ("features.feature_registry", "feature"),
    "metric": ("evaluation.metrics", "metric"),
    "open": ("research.store", "open_store"),
    "sessions": ("research.sessions", "sessions"),
    "study": ("research.study", "study"),
}
"""Name → module of the package and name in it, or the module itself; the imports above are the same
for type checkers."""


def __getattr__(name: str) -> object:
    if name not in _ORIGINS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    origin, attribute = _ORIGINS[name]
    module = import_module(f"{__name__}.{origin}")
    value: object = module if attribute is None else getattr(module, attribute)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
