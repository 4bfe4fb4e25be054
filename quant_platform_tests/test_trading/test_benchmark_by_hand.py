"""The benchmark's equity on the real sample market, against arithmetic that shares no code with it.

Three stocks are bought at the open of 2000-03-02 for a third of the capital each, and held to
2004-08-19, the session before GOOG's listing changes the weights. The second computation reads the
raw file alone: splits and dividends come from its adjusted close, nothing else is used.
"""

from datetime import date
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest

from quant_platform.features.compute import compute_features
from quant_platform.market.calendar import XNYS
from quant_platform.market.identity import fixed_identities
from quant_platform.market.panel import Panel
from quant_platform.market.universe import Directory, UniverseRule, universe_members
from quant_platform.strategies.base import SignalPanel
from quant_platform.strategies.library.buy_and_hold import BuyAndHold
from quant_platform.trading.orders import Orders
from quant_platform.trading.simulation import simulate
from quant_platform.vendors.sample import SampleVendor

FIRST, LAST = date(2000, 3, 1), date(2004, 8, 19)
CAPITAL = 1_000_000.0
COST = 1.0005 * 1.0005  # five basis points of slippage on the price, five of commission on that


def held_by_hand() -> float:
    """Equity at the close of LAST, from the raw file."""
    with files("quant_platform.vendors").joinpath("data/stocks.csv.gz").open("rb") as file:
        raw = pd.read_csv(file, compression="gzip")
    raw = raw[raw["Date"].between(str(FIRST), str(LAST))]
    cash, value = CAPITAL, 0.0
    for symbol in ("AAPL", "IBM", "MSFT"):
        rows = raw[raw["Ticker"] == symbol]
        factor = (rows["Adj Close"] / rows["Close"]).to_numpy()
        shares = CAPITAL / 3 / rows["Open"].iloc[1]
        cash -= shares * rows["Open"].iloc[1] * COST
        for i in range(2, len(rows)):
            change = factor[i] / factor[i - 1]
            if change > 1.9:  # a split 2:1
                shares, change = shares * 2, change / 2
            cash += shares * round(rows["Close"].iloc[i] * (change - 1.0), 2)
        value += shares * rows["Close"].iloc[-1]
    return cash + value


def test_buy_and_hold_equals_the_arithmetic_by_hand() -> None:
    vendor = SampleVendor()
    sessions = [day.isoformat() for day in XNYS.sessions(FIRST, LAST)]
    bars, actions = (
        frame.assign(security_id=frame["symbol"])
        for frame in (vendor.bars(FIRST, LAST), vendor.actions(FIRST, LAST))
    )
    panel = Panel.from_frames(bars, actions, sessions)
    directory = Directory(*fixed_identities(vendor.securities(), XNYS.sessions(FIRST, LAST)))
    universe = universe_members(UniverseRule(), directory, bars, sessions, len(sessions))
    seen = SignalPanel.from_frames(compute_features(panel), bars, universe, sessions)
    orders = Orders.from_signals(BuyAndHold().run(seen), sessions, universe=universe)
    result = simulate(panel, orders, capital=CAPITAL).portfolios
    assert result["equity"].iloc[0] == CAPITAL
    assert result["equity"].iloc[-1] == pytest.approx(held_by_hand(), rel=1e-12)
    assert np.count_nonzero(result["trade_count"]) == 1
