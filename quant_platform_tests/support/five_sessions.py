"""A market of one security in five sessions, and a backtest of it: 9, 10, 20, 20, then 5.

What does not belong here: what is expected of it.
"""

from dataclasses import fields
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from quant_platform.market.panel import Panel
from quant_platform.research.backtest import backtest
from quant_platform.research.prepared import Assumptions
from quant_platform.research.reader import TableReader
from quant_platform.research.result import Backtest
from quant_platform.storage.database import Database
from quant_platform.storage.known_at import Moment
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.book import Book
from quant_platform.trading.costs import Costs
from quant_platform_tests.support.tables import fetch

LEARNED, CORRECTED = "2024-02-01T12:00Z", "2024-02-02T12:00Z"
FIRST, LAST = "2024-01-02", "2024-01-08"
FREE = Costs(0.0, 0.0)

COLUMNS = (
    "date, symbol, security_id, open_price, high_price, low_price, close_price, volume, source,"
    " recorded_at"
)
BAR = f"""
INSERT INTO market_data ({COLUMNS})
SELECT %s, %s, 'figi', close, close, close, close, 100, 'test', %s
FROM (VALUES (%s::double precision)) AS given (close)
"""  # noqa: S608 — our own names
MEMBER = """
INSERT INTO trading_universe (date, symbol, security_id, dollar_volume, dollar_volume_rank,
                              listing_date, recorded_at)
VALUES (%s, %s, %s, 1, 1, %s, %s)
"""
DIVIDEND = """
INSERT INTO corporate_actions (date, symbol, security_id, action_type, cash_amount, source,
                               recorded_at)
VALUES (%s, 'NEW', 'figi', 'cash_dividend', 1.0, 'test', %s)
"""


class Ten(Strategy):
    """Puts all of the equity into what closes at 10 or above."""

    name = "ten"
    version = "1.0.0"
    lookback: ClassVar[int] = 1

    def wanted(self, panel: Panel) -> np.ndarray:
        return panel.close >= 10.0

    def signals(self, panel: Panel) -> pd.DataFrame:
        nothing = np.full(panel.close.shape, np.nan)
        wanted = self.wanted(panel)
        columns: dict[str, np.ndarray] = {
            "signal_type": wanted.astype(np.int64),
            "strength": wanted.astype(float),
            "confidence": wanted.astype(float),
            "target_weight": wanted.astype(float),
            "reference_price": panel.close,
            "stop_price": nothing,
            "expected_return": nothing,
            "expected_volatility": nothing,
            "value_at_risk_95": nothing,
            "metadata": np.full(panel.close.shape, "{}", dtype=object),
        }
        return panel.frame(columns, where=self.rows(panel)).astype({"metadata": "str"})


def store_market(database: Database) -> Database:
    """One security that is renamed on 5 January and pays a dividend of 1 on that day."""
    for day, symbol, close in (
        ("2024-01-02", "OLD", 9.0),
        ("2024-01-03", "OLD", 10.0),
        ("2024-01-04", "OLD", 20.0),
        ("2024-01-05", "NEW", 20.0),
        ("2024-01-08", "NEW", 5.0),
    ):
        fetch(database, BAR, day, symbol, LEARNED, close)
        fetch(database, MEMBER, day, symbol, "figi", "2024-01-02", LEARNED)
    fetch(database, DIVIDEND, "2024-01-05", LEARNED)
    return database


def run(
    database: Database,
    strategy: Strategy | Book | None = None,
    moment: Moment | None = None,
    **options: Any,
) -> Backtest:
    names = {each.name for each in fields(Assumptions)}
    money = {name: value for name, value in options.items() if name in names}
    others = {name: value for name, value in options.items() if name not in names}
    assumed = Assumptions(**{"costs": FREE, "capital": 1000.0, **money})
    reader = TableReader(database, moment)
    return backtest(reader, strategy or Ten(), FIRST, LAST, assumed=assumed, **others)
