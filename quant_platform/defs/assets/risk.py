"""The risk model: exposures of securities, factor returns, and the risk of each portfolio."""

import dagster as dg

from quant_platform.defs.assets.common import (
    LAZY,
    AssetContext,
    asset,
    columns,
    keyed,
    sessions_to_do,
)
from quant_platform.defs.partitions import lookback, previous_session
from quant_platform.pipeline.chunks import Chunks
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.risk import (
    exposure_chunks,
    factor_return_chunks,
    forecast_chunks,
    risk_recipe,
)
from quant_platform.risk.characteristics import LOOKBACK
from quant_platform.risk.covariance import FACTOR_LOOKBACK
from quant_platform.storage.stored import Stored

GROUP = "risk"


def assets(market: AssetContext) -> list[dg.AssetsDefinition]:
    """`factor_exposures`, `factor_returns` (with specific returns) and `risk_forecasts`."""
    return [_exposures(market), _factor_returns(market), _forecasts(market)]


def _facts(sessions: int) -> dict[str, dg.AssetIn]:
    """Bars and actions of all that were members, so far back."""
    metadata = {**LAZY, "members": "ever"}
    return {
        name: dg.AssetIn(table, partition_mapping=lookback(sessions), metadata=metadata)
        for name, table in (("bars", "market_data"), ("actions", "corporate_actions"))
    }


def _exposures(market: AssetContext) -> dg.AssetsDefinition:
    @asset(
        market,
        GROUP,
        "factor_exposures",
        ins={
            **_facts(LOOKBACK),
            "universe": dg.AssetIn(
                "trading_universe",
                partition_mapping=lookback(LOOKBACK),
                metadata={**LAZY, **keyed("sector")},
            ),
        },
        code_version=risk_recipe(),
        dense=True,
    )
    def factor_exposures(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        bars: Stored,
        actions: Stored,
        universe: Stored,
    ) -> Chunks:
        """What each member is like: beta, sector, and scores of size, momentum and so on."""
        sessions = sessions_to_do(context, platform, risk_recipe())
        return Chunks(exposure_chunks(platform, sessions, bars, actions, universe), risk_recipe())

    return factor_exposures


def _factor_returns(market: AssetContext) -> dg.AssetsDefinition:
    @asset(
        market,
        GROUP,
        "factor_returns",
        with_tables=("specific_returns",),
        ins={
            **_facts(2),
            "exposed": dg.AssetIn(
                "factor_exposures",
                partition_mapping=previous_session(),
                metadata={**LAZY, "only_before": True},
            ),
        },
        code_version=risk_recipe(),
    )
    def factor_returns(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        bars: Stored,
        actions: Stored,
        exposed: Stored,
    ) -> Chunks:
        """What each factor earned by the exposures of the session before, and what is left over."""
        sessions = sessions_to_do(context, platform, risk_recipe())
        return Chunks(
            factor_return_chunks(platform, sessions, bars, actions, exposed), risk_recipe()
        )

    return factor_returns


def _forecasts(market: AssetContext) -> dg.AssetsDefinition:
    @asset(
        market,
        GROUP,
        "risk_forecasts",
        scope={"model_id": market.model_names},
        ins={
            "factors": dg.AssetIn(
                "factor_returns", partition_mapping=lookback(FACTOR_LOOKBACK), metadata=LAZY
            ),
            "exposed": dg.AssetIn("factor_exposures", metadata=LAZY),
            "portfolios": dg.AssetIn(
                "portfolios", metadata={**LAZY, **columns("date", "model_id")}
            ),
        },
        code_version=risk_recipe(),
    )
    def risk_forecasts(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        factors: Stored,
        exposed: Stored,
        portfolios: Stored,
    ) -> Chunks:
        """Volatility, value at risk and expected shortfall of each portfolio's next session."""
        sessions = sessions_to_do(context, platform, risk_recipe())
        return Chunks(
            forecast_chunks(platform, sessions, factors, exposed, portfolios), risk_recipe()
        )

    return risk_forecasts
