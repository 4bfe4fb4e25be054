"""What a person reads: alerts, the ranking of the models, and one HTML page per report date."""

import dagster as dg
import pandas as pd

from quant_platform.alerts.rules import AlertInputs, ModelSilent, evaluate_alerts
from quant_platform.defs.assets.common import AssetContext, asset, columns
from quant_platform.defs.assets.signals import signal_key
from quant_platform.defs.partitions import lookback
from quant_platform.pipeline.pages import write_page
from quant_platform.pipeline.platform import Platform
from quant_platform.reports.ranking import TREND_SESSIONS
from quant_platform.reports.report import performance_reports as report_rows
from quant_platform.storage import bulk
from quant_platform.strategies.registry import all_strategies

GROUP = "reports"
SIGNALS_PREFIX = "signals_of_"
SILENCE = ModelSilent().window


def report_assets(market: AssetContext) -> list[dg.AssetsDefinition]:
    """`alerts` and `performance_reports`."""
    signals = {
        SIGNALS_PREFIX + strategy.name: dg.AssetIn(
            signal_key(strategy),
            partition_mapping=lookback(SILENCE),
            metadata=columns("date", "model_id", "signal_type"),
        )
        for strategy in all_strategies()
    }

    @asset(
        market,
        GROUP,
        "alerts",
        scope={"origin": "report"},
        ins={
            "performance": dg.AssetIn("model_performance"),
            "universe": dg.AssetIn("trading_universe", metadata=columns("date", "symbol")),
            "bars": dg.AssetIn(
                "market_data", metadata={"members": "run", **columns("date", "symbol")}
            ),
            **signals,
        },
    )
    def alerts(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        performance: pd.DataFrame,
        universe: pd.DataFrame,
        bars: pd.DataFrame,
        **signals_of: pd.DataFrame,
    ) -> pd.DataFrame:
        """Limits breached, models gone silent, data gone stale."""
        keys = context.partition_keys
        calendar = platform.window(keys, SILENCE)
        return evaluate_alerts(
            AlertInputs(
                sessions=_days(keys),
                calendar=_days(calendar),
                models=stored_models(platform),
                performance=performance,
                activity=_activity(pd.concat(signals_of.values(), ignore_index=True)),
                universe=universe,
                bars=bars,
            )
        )

    @asset(
        market,
        GROUP,
        "performance_reports",
        ins={
            "performance": dg.AssetIn(
                "model_performance", partition_mapping=lookback(TREND_SESSIONS + 1)
            ),
            "alerts": dg.AssetIn("alerts"),
        },
    )
    def performance_reports(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        performance: pd.DataFrame,
        alerts: pd.DataFrame,
    ) -> pd.DataFrame:
        """Ranking, trends and summary of each session; the run's newest as an HTML page too."""
        keys = context.partition_keys
        rows = report_rows(performance, stored_models(platform), alerts, _days(keys))
        page = write_page(platform.settings, platform.database, keys[-1])
        context.log.info(f"Report of {keys[-1]}: {page}")
        return rows

    return [alerts, performance_reports]


def stored_models(platform: Platform) -> pd.DataFrame:
    """Rows of `models`."""
    return bulk.query(
        platform.database, "SELECT id, model_name, is_benchmark FROM models ORDER BY id"
    )


def _days(keys: list[str]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(keys).as_unit("s")


def _activity(signals: pd.DataFrame) -> pd.DataFrame:
    """Number of buy and sell signals per model and session."""
    active = signals[signals["signal_type"] != 0]
    return (
        active.groupby(["date", "model_id"])["signal_type"]
        .size()
        .rename("active_signals")
        .reset_index()
    )
