"""`Inputs`: what is read and computed once for a backtest, whatever is then run over it.

What belongs here: reading rows of the sessions and of those looked back on, and the features of
both. What does not: strategies and simulations (`backtest.py`, `sweep.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import pandas as pd

from quant_platform.features.compute import compute_features, required_lookback
from quant_platform.features.feature_registry import select
from quant_platform.market.calendar import Calendar
from quant_platform.market.facts import with_tickers
from quant_platform.market.panel import BAR_COLUMNS, Panel
from quant_platform.research.reader import TableReader
from quant_platform.storage.bulk import BEGINNING, Members
from quant_platform.strategies.base import Strategy
from quant_platform.trading.conditions import LIQUIDITY_LOOKBACK

IDENTITY_COLUMNS = ("date", "symbol", "security_id")


@dataclass(frozen=True)
class Inputs:
    """What models are computed from.

    Attributes
    ----------
    days : the sessions of the backtest (ISO dates)
    window : these and the ones a signal looks back on
    deep : those and the ones that a feature looks back on
    panel : bars and corporate actions of `days` and of the sessions before that impact looks back
        on, by security
    actions : corporate actions, with the days on which dividends are paid
    features, bars : rows of `window` (bars: and of sessions before it), by security
    universe : the members of each session of `window`, with their tickers
    calendar : sessions of the exchange
    """

    days: Sequence[str]
    window: Sequence[str]
    deep: Sequence[str]
    panel: Panel
    actions: pd.DataFrame
    features: pd.DataFrame
    bars: pd.DataFrame
    universe: pd.DataFrame
    calendar: Calendar

    @cached_property
    def strategy_panel(self) -> Panel:
        """What a strategy sees: the sessions of `window`, with members and features."""
        return Panel.from_frames(
            self.bars,
            None,
            self.window,
            universe=self.universe,
            features=self.features,
            calendar=self.calendar,
        )


def read_inputs(
    reader: TableReader,
    models: Sequence[Strategy],
    stored: Sequence[date],
    sessions: Sequence[date],
    calendar: Calendar,
) -> Inputs:
    """Read and compute, once, what all of these models need of these sessions.

    A model that looks back on fewer sessions than another is given more than it needs, and cuts
    them off itself (`Strategy.run`), so no value depends on which models there are.

    Parameters
    ----------
    stored : all sessions that have bars
    sessions : those of the backtest

    Raises
    ------
    SessionError
        The tables lack a session.
    UnknownNameError
        There is no such feature.
    """
    names = tuple(dict.fromkeys(name for model in models for name in model.features))
    days = [day.isoformat() for day in sessions]
    window = sessions_before(stored, days, max(model.lookback for model in models))
    traded = sessions_before(stored, days, LIQUIDITY_LOOKBACK + 1)
    deep = min(
        sessions_before(stored, window, required_lookback(names)), traded, key=lambda each: each[0]
    )
    reader.refuse_gaps("market_data", deep)
    reader.refuse_gaps("trading_universe", window)
    span = (deep[0], deep[-1])
    # Bars of a security from before it was a member count, too, and positions outlive membership.
    ever = Members(BEGINNING, days[-1])
    bars = reader.rows(
        "market_data", span, (*IDENTITY_COLUMNS, *BAR_COLUMNS.values()), members=ever
    )
    actions = reader.rows("corporate_actions", span, members=ever)
    universe = reader.rows(
        "trading_universe", (window[0], window[-1]), (*IDENTITY_COLUMNS, "sector")
    )
    news = None
    if any("articles" in feature.inputs for feature in select(names)):
        articles = reader.rows("news", span, (*IDENTITY_COLUMNS, "sentiment"), members=ever)
        # Without a single article, the market is taken for one whose news nobody collects.
        news = articles if len(articles) else None
    computed = compute_features(
        Panel.from_frames(bars, actions, deep, news=news), last=len(window), names=names
    )
    return Inputs(
        days,
        window,
        deep,
        Panel.from_frames(bars, actions, traded),
        actions,
        with_tickers(computed, universe),
        bars,
        universe,
        calendar,
    )


def sessions_before(stored: Sequence[date], days: Sequence[str], lookback: int) -> list[str]:
    """Return days, with the stored sessions before them that a look-back reaches."""
    first = stored.index(date.fromisoformat(days[0]))
    before = [day.isoformat() for day in stored[max(first - (lookback - 1), 0) : first]]
    return [*before, *days]
