"""What a person reads: alerts, the ranking of the models, and one HTML page per report date."""

from collections.abc import Iterator

import dagster as dg

from quant_platform.alerts.rules import SILENCE
from quant_platform.defs.assets.common import LAZY, AssetContext, asset, columns, sessions_to_do
from quant_platform.defs.assets.signals import signal_key
from quant_platform.defs.metadata import page_metadata
from quant_platform.defs.partitions import lookback
from quant_platform.pipeline.chunks import Chunk, Chunks
from quant_platform.pipeline.pages import write_page
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.reporting import alert_chunks, report_chunks
from quant_platform.reports.ranking import TREND_SESSIONS
from quant_platform.storage.stored import Stored

GROUP = "reports"
SIGNALS_PREFIX = "signals_of_"

ON_THE_PAGE = ("risk_forecasts", "factor_evaluation", "model_monitor", "signal_probabilities")
"""Tables whose rows of the session the page shows, beside those that its report is made of."""


def assets(market: AssetContext) -> list[dg.AssetsDefinition]:
    """`alerts` and `performance_reports`."""
    return [_alerts(market), _performance_reports(market)]


def _alerts(market: AssetContext) -> dg.AssetsDefinition:
    signals = {
        SIGNALS_PREFIX + strategy.name: dg.AssetIn(
            signal_key(strategy),
            partition_mapping=lookback(SILENCE),
            metadata={**LAZY, **columns("date", "model_id", "signal_type")},
        )
        for strategy in market.models
    }

    @asset(
        market,
        GROUP,
        "alerts",
        scope={"origin": "report"},
        ins={
            "performance": dg.AssetIn("model_performance", metadata=LAZY),
            "universe": dg.AssetIn(
                "trading_universe", metadata={**LAZY, **columns("date", "symbol")}
            ),
            "bars": dg.AssetIn(
                "market_data", metadata={**LAZY, "members": "run", **columns("date", "symbol")}
            ),
            **signals,
        },
    )
    def alerts(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        performance: Stored,
        universe: Stored,
        bars: Stored,
        **signals_of: Stored,
    ) -> Chunks:
        """Limits breached, models gone silent, data gone stale."""
        sessions = sessions_to_do(context, platform, platform.settings.alert_rules)
        return Chunks(alert_chunks(platform, sessions, performance, universe, bars, signals_of))

    return alerts


def _performance_reports(market: AssetContext) -> dg.AssetsDefinition:
    @asset(
        market,
        GROUP,
        "performance_reports",
        ins={
            "performance": dg.AssetIn(
                "model_performance", partition_mapping=lookback(TREND_SESSIONS + 1), metadata=LAZY
            ),
            "alerts": dg.AssetIn("alerts", metadata=LAZY),
            **{table: dg.AssetIn(table, metadata=LAZY) for table in ON_THE_PAGE},
        },
    )
    def performance_reports(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        performance: Stored,
        alerts: Stored,
        **on_the_page: Stored,
    ) -> Chunks:
        """Ranking, trends and summary of each session; the run's newest as an HTML page too."""
        sessions = sessions_to_do(context, platform)

        def chunks() -> Iterator[Chunk]:
            yield from report_chunks(platform, sessions, performance, alerts)
            newest = context.partition_keys[-1]
            page = write_page(platform.settings, platform.database, newest)
            context.log.info(f"Report of {newest}: {page.path}")
            context.add_asset_metadata(page_metadata(page), partition_key=newest)

        return Chunks(chunks())

    return performance_reports
