"""Facts: bars and the securities they are of, corporate actions, and the universe that follows."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from quant_platform.defs.assets.common import (
    RETRIES,
    AssetContext,
    asset,
    asset_out,
    columns,
    sessions_to_do,
)
from quant_platform.defs.partitions import lookback, previous_session
from quant_platform.defs.tags import fetch_of, lineage
from quant_platform.market.universe import UniverseRule
from quant_platform.pipeline.chunks import Chunks
from quant_platform.pipeline.ingest import action_chunks, fact_chunks, universe_chunks
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.recipes import recipe_of
from quant_platform.storage.stored import Stored

GROUP = "market"

BARS, SECURITIES, SYMBOLS = "market_data", "securities", "security_symbols"

CUMULATIVE = {"lazy": True, "cumulative": True}


def assets(market: AssetContext) -> list[dg.AssetsDefinition]:
    """`market_data` with `securities` and `security_symbols`, actions and the universe."""
    return [
        _facts(market),
        _corporate_actions(market),
        _trading_universe(market, market.universe_rule),
    ]


def _facts(market: AssetContext) -> dg.AssetsDefinition:
    outs = {
        BARS: asset_out(
            market,
            GROUP,
            BARS,
            "Daily bars, raw as traded, from the vendor; each row knows its security.",
            quarantine=True,
            dense=True,
        ),
        SECURITIES: asset_out(
            market,
            GROUP,
            SECURITIES,
            "Descriptions of securities, from a session on.",
            quarantine=True,
        ),
        SYMBOLS: asset_out(
            market,
            GROUP,
            SYMBOLS,
            "Which security a ticker means, from a session on.",
            quarantine=True,
        ),
    }
    # What a ticker means follows from what it meant in the session before.
    past = {f"{name}_before": _own_past(name) for name in outs}
    ins = past if market.vendor.abilities.market is not None else {}
    # Each follows from the past of all three. The graph shows its own alone: one in which assets
    # follow from each other is not drawn.
    own = {name: {dg.AssetKey(name)} if ins else set() for name in outs}

    @dg.multi_asset(
        name=BARS,
        outs=outs,
        ins=ins,
        internal_asset_deps=own,
        partitions_def=market.partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRIES,
        # Whichever is selected, all three are stored; the others are just not reported.
        can_subset=True,
    )
    def facts(
        context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform], **before: Stored
    ) -> Iterator[dg.Output[Any]]:
        chunks = Chunks(
            fact_chunks(
                platform,
                context.partition_keys,
                before,
                lineage=lineage(context.run),
                fetch=fetch_of(context.run),
            )
        )
        selected = {key.to_user_string() for key in context.selected_asset_keys}
        first, *others = [name for name in outs if name in selected]
        yield dg.Output(chunks, first)
        for name in others:
            # Stored already, in the transactions of the first one.
            yield dg.Output(chunks.written(name), name)

    return facts


def _own_past(name: str) -> dg.AssetIn:
    return dg.AssetIn(
        name,
        partition_mapping=previous_session(),
        metadata={**CUMULATIVE, "own_past": True},
    )


def _corporate_actions(market: AssetContext) -> dg.AssetsDefinition:
    @asset(
        market,
        GROUP,
        "corporate_actions",
        ins={
            "bars": dg.AssetIn(
                BARS,
                partition_mapping=lookback(2),
                metadata={"lazy": True, **columns("date", "symbol", "open_price", "close_price")},
            ),
            "symbols": dg.AssetIn(SYMBOLS, metadata=CUMULATIVE),
        },
        quarantine=True,
        with_tables=("doubtful_dividends",),
    )
    def corporate_actions(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        bars: Stored,
        symbols: Stored,
    ) -> Chunks:
        """Splits and cash dividends by ex-date; duplicates and doubtful ones are set aside."""
        recipe = recipe_of(platform, "corporate_actions")
        sessions = sessions_to_do(context, platform, recipe)
        return Chunks(action_chunks(platform, sessions, bars, symbols), recipe)

    return corporate_actions


def _trading_universe(market: AssetContext, rule: UniverseRule) -> dg.AssetsDefinition:
    @asset(
        market,
        GROUP,
        "trading_universe",
        ins={
            "bars": dg.AssetIn(
                BARS,
                partition_mapping=lookback(rule.lookback),
                metadata={
                    "lazy": True,
                    **columns("date", "symbol", "security_id", "close_price", "volume"),
                },
            ),
            "securities": dg.AssetIn(SECURITIES, metadata=CUMULATIVE),
            "symbols": dg.AssetIn(SYMBOLS, metadata=CUMULATIVE),
        },
        quarantine=True,
        dense=True,
    )
    def trading_universe(
        context: dg.AssetExecutionContext,
        platform: dg.ResourceParam[Platform],
        bars: Stored,
        securities: Stored,
        symbols: Stored,
    ) -> Chunks:
        """Members of the tradable universe with sector, listing date and dollar-volume rank."""
        recipe = repr(rule)
        sessions = sessions_to_do(context, platform, recipe)
        return Chunks(universe_chunks(platform, rule, sessions, bars, securities, symbols), recipe)

    return trading_universe
