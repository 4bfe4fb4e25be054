"""`buy_and_hold`: every member at equal weight once, and then as the prices go."""

import numpy as np
import pandas as pd

from quant_platform.market.panel import Panel
from quant_platform.strategies.base import BUY, Strategy, metadata_json
from quant_platform.strategies.limits import REFUSE
from quant_platform.strategies.signal_arrays import SignalArrays


class BuyAndHold(Strategy):
    """Buy every member of the universe at equal weight; trade only when the membership changes.

    target weight = 1/n, where n is the number of members of the session; type, strength and
    confidence are always 1. A member that joins or leaves changes every target, so the portfolio is
    rebalanced then and only then: in between, its weights drift with the prices. Its signals' hit
    rate is the share of sessions in which a member rose.
    """

    name = "buy_and_hold"
    version = "1.0.0"
    on_excess = REFUSE
    optional_features = ("realized_volatility_20",)
    row_features = ("realized_volatility_20",)

    @property
    def lookback(self) -> int:
        """One session: membership is all it looks at."""
        return 1

    def signals(self, panel: Panel) -> pd.DataFrame:
        """Return a buy of every member."""
        return self.frame(panel, **self.arrays(panel).columns())

    def arrays(self, panel: Panel) -> SignalArrays:
        """Return the same without making rows."""
        shape = panel.close.shape
        members = np.broadcast_to(panel.member.sum(axis=1, keepdims=True), shape)
        ones = np.ones(shape)
        return SignalArrays(
            signal_type=np.full(shape, BUY),
            target_weight=1.0 / np.maximum(members, 1),
            rest=lambda: {
                "strength": ones,
                "confidence": ones,
                "stop_price": np.full(shape, np.nan),
                "score": ones,
                "metadata": metadata_json(self.rows(panel), {"members": members}),
            },
        )
