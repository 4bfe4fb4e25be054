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
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.library.buy_and_hold import BuyAndHold
from quant_platform.strategies.library.equal_weight import EqualWeight
from quant_platform.trading.orders import Orders
from quant_platform.trading.simulation import Simulation, simulate
from quant_platform.vendors.sample import SampleVendor

FIRST, LAST = date(2000, 3, 1), date(2004, 8, 19)
CAPITAL = 1_000_000.0
COST = 1.0005 * 1.0005  # five basis points of slippage on the price, five of commission on that


def raw_bars() -> pd.DataFrame:
    """Rows of the raw file from FIRST to LAST."""
    with files("quant_platform.vendors").joinpath("data/stocks.csv.gz").open("rb") as file:
        raw = pd.read_csv(file, compression="gzip")
    return raw[raw["Date"].between(str(FIRST), str(LAST))]


def held_by_hand() -> float:
    """Equity at the close of LAST, from the raw file."""
    raw = raw_bars()
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


def simulated(strategy: Strategy) -> Simulation:
    """A strategy from FIRST to LAST."""
    vendor = SampleVendor()
    sessions = [day.isoformat() for day in XNYS.sessions(FIRST, LAST)]
    bars, actions = (
        frame.assign(security_id=frame["symbol"])
        for frame in (vendor.bars(FIRST, LAST), vendor.actions(FIRST, LAST))
    )
    panel = Panel.from_frames(bars, actions, sessions)
    directory = Directory(*fixed_identities(vendor.securities(), XNYS.sessions(FIRST, LAST)))
    universe = universe_members(UniverseRule(), directory, bars, sessions, len(sessions))
    seen = Panel.from_frames(
        bars, None, sessions, universe=universe, features=compute_features(panel)
    )
    orders = Orders.from_signals(
        strategy.run(seen), sessions, universe=universe, rules=strategy.trading_rules
    )
    return simulate(panel, orders, capital=CAPITAL)


def test_buy_and_hold_equals_the_arithmetic_by_hand() -> None:
    result = simulated(BuyAndHold()).portfolios
    assert result["equity"].iloc[0] == CAPITAL
    assert result["equity"].iloc[-1] == pytest.approx(held_by_hand(), rel=1e-12)
    assert np.count_nonzero(result["trade_count"]) == 1


def test_equal_weight_is_equal_in_the_first_session_of_every_month() -> None:
    """The value of each position at the open, from the raw file's prices."""
    done = simulated(EqualWeight())
    result = done.portfolios.set_index("date")
    months = pd.Series(result.index, index=result.index).dt.to_period("M")
    firsts = result.index[months.ne(months.shift()).to_numpy()][1:]
    # It begins on 2 March 2000, and 4 ½ years have 53 further months up to August 2004.
    assert result["trade_count"].gt(0).sum() == 1 + len(firsts) == 54
    opens = raw_bars().pivot(index="Date", columns="Ticker", values="Open")
    for day in firsts:
        held = done.positions[done.positions["date"] == day]
        prices = opens.loc[f"{day:%Y-%m-%d}"].loc[held["security_id"]]
        values = (held["shares"].to_numpy() * prices.to_numpy()).tolist()
        assert values == pytest.approx([values[0]] * 3, rel=1e-9)
