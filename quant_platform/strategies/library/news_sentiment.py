"""The strategy `news_sentiment`: hold what the news speaks well of."""

from typing import Annotated

import numpy as np
from pydantic import Field

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.market.panel import Panel
from quant_platform.strategies.position_strategy import PositionParameters, PositionStrategy
from quant_platform.strategies.positions import Conditions
from quant_platform.strategies.risk import volatility_confidence


class NewsSentiment(PositionStrategy):
    """Buy where the articles of a week are favourable, and leave when they turn or after a while.

    Buy: news_sentiment, the mean sentiment (−1 to 1) of the articles of five sessions, rises to
    `buy_from` or more. Sell (target 0): it falls to `sell_from` or less. A position also ends where
    it is 0 or less, at its stop, or after `max_holding` sessions. Where no article has a sentiment
    there is no signal, and a position goes on.

    strength = (|news_sentiment| − threshold) / (1 − threshold), where the threshold is `buy_from`,
    or −`sell_from` of a sale, 1 where that is 1; confidence = (½ + ½ strength) · (1 − ½
    clip(σ/volatility_limit − 1, 0, 1)), where σ is realized_volatility_20.

    That prices go on for days after news that names a firm is of Tetlock, Saar-Tsechansky and
    Macskassy, "More Than Words", *Journal of Finance* 63(3), 2008, and for a week's sentiment of
    Heston and Sinha, "News vs. Sentiment", *Financial Analysts Journal* 73(3), 2017. The thresholds
    are ours.
    """

    class Parameters(PositionParameters):
        """Parameters of news_sentiment."""

        buy_from: Annotated[
            float, Field(gt=0, le=1, description="Mean sentiment from which on it buys.")
        ] = 0.5
        sell_from: Annotated[
            float, Field(ge=-1, lt=0, description="Mean sentiment down from which it sells.")
        ] = -0.5
        max_holding: Annotated[
            int,
            Field(ge=1, le=SESSIONS_PER_YEAR, description="Sessions after which a position ends."),
        ] = 10

    name = "news_sentiment"
    version = "1.0.0"
    by_default = False
    required_features = ("momentum_1", "realized_volatility_20", "atr_14")
    optional_features = ("news_sentiment",)
    parameters: Parameters

    def conditions(self, panel: Panel) -> Conditions:
        """Return the conditions of every session of the panel; see the class for the formulas."""
        p = self.parameters
        sentiment = panel["news_sentiment"]
        sell = sentiment <= p.sell_from
        threshold = np.where(sell, -p.sell_from, p.buy_from)
        room = np.maximum(1.0 - threshold, np.finfo(np.float64).tiny)
        beyond = np.clip((np.abs(sentiment) - threshold) / room, 0.0, 1.0)
        strength = np.where(threshold < 1.0, beyond, 1.0)
        confidence = (0.5 + 0.5 * strength) * volatility_confidence(
            panel["realized_volatility_20"], p.volatility_limit
        )
        return Conditions(
            buy=sentiment >= p.buy_from,
            sell=sell,
            leave=sentiment <= 0.0,
            strength=strength,
            confidence=confidence,
            details=lambda: {"news_sentiment": sentiment},
        )
