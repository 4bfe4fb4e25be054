"""`list`: what there is to choose from, a line each."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Annotated

import typer

from quant_platform.cli import console


class Kind(StrEnum):
    """What can be listed."""

    STRATEGIES = "strategies"
    FEATURES = "features"
    METRICS = "metrics"
    CHECKS = "checks"
    ASSETS = "assets"


def register(app: typer.Typer) -> None:
    """Add the command of this module to the application."""
    example = "Example: [bold]quant-platform list features[/bold]"
    app.command("list", epilog=example)(list_names)


def list_names(kind: Annotated[Kind, typer.Argument(help="What to list.")]) -> None:
    """List the strategies, features, metrics, checks or assets, each with what it is."""
    headers, rows = _LISTS[kind]()
    console.table("", headers, rows)


Listing = tuple[list[str], Iterable[tuple[str, ...]]]
"""Headers, and a row for each."""


def _strategies() -> Listing:
    from quant_platform.settings import Settings
    from quant_platform.strategies.models import read_models
    from quant_platform.strategies.strategy_registry import strategy_classes

    models = read_models(Settings.load().models)
    return ["name", "version", "runs as", "what it is"], [
        (
            name,
            each.version,
            ", ".join(model.name for model in models if type(model) is each),
            _first_line(each.__doc__),
        )
        for name, each in strategy_classes().items()
    ]


def _features() -> Listing:
    from quant_platform.features.feature_registry import all_features

    return ["name", "set", "look-back", "what it is"], [
        (each.name, each.of.name, str(each.lookback), each.description) for each in all_features()
    ]


def _metrics() -> Listing:
    from quant_platform.evaluation.metrics import METRICS

    return ["name", "unit", "what it is"], [
        (each.column, each.unit, each.description) for each in METRICS.values()
    ]


def _checks() -> Listing:
    from quant_platform.quality.check_registry import all_checks
    from quant_platform.settings import Settings
    from quant_platform.vendors.vendor_registry import vendor_of

    settings = Settings.load()
    return ["name", "asset", "severity", "threshold", "what it looks for"], [
        (each.name, each.asset, each.severity, f"{each.threshold:g}", each.description)
        for each in sorted(
            all_checks(settings, vendor_of(settings)), key=lambda check: (check.asset, check.name)
        )
    ]


def _assets() -> Listing:
    from quant_platform.defs.build import build_defs

    graph = build_defs().resolve_asset_graph()
    return ["name", "group", "what it is"], [
        (
            key.to_user_string(),
            str(graph.get(key).group_name),
            _first_line(graph.get(key).description),
        )
        for key in sorted(graph.executable_asset_keys)
    ]


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]


_LISTS: dict[Kind, Callable[[], Listing]] = {
    Kind.STRATEGIES: _strategies,
    Kind.FEATURES: _features,
    Kind.METRICS: _metrics,
    Kind.CHECKS: _checks,
    Kind.ASSETS: _assets,
}
