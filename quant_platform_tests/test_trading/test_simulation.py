"""The simulation against markets worked out by hand; the arithmetic stands beside each figure."""

import math

import pandas as pd
import pytest

from quant_platform.errors import ContractError, SettingsError
from quant_platform.trading.costs import Costs
from quant_platform.trading.orders import Orders
from quant_platform.trading.portfolio_state import PortfolioState, Position
from quant_platform.trading.simulation import PORTFOLIO_COLUMNS, simulate
from quant_platform_tests.support.books import fills, positions
from quant_platform_tests.support.small_markets import DAYS, market, wants

FREE = Costs(0.0, 0.0)
NAN = math.nan


def run(panel, targets, *, costs=FREE, capital=1000.0, **judged):
    orders = wants(panel, targets, **judged)
    return simulate(panel, orders, costs=costs, capital=capital)


def position(done, row, symbol):
    return positions(done, row)[symbol]


def test_buy_at_the_next_open_with_costs():
    panel = market({"A": [(100, 102), (103, 104)]})
    done = run(panel, {"A": [0.5, 0.5]}, costs=Costs(5.0, 5.0), capital=1_000_000.0)
    frame = done.portfolios
    first = frame.iloc[0]
    # shares 0.5 · 1,000,000 / 100 = 5,000, filled at 100 · 1.0005 = 100.05: 500,250.
    # commission 500,250 · 0.0005 = 250.125; slippage 5,000 · 0.05 = 250.
    # cash 1,000,000 − 500,250 − 250.125 = 499,499.875; position 5,000 · 102 = 510,000.
    assert first["cash"] == pytest.approx(499_499.875, abs=1e-6)
    assert first["equity"] == pytest.approx(1_009_499.875, abs=1e-6)
    assert first["daily_return"] == pytest.approx(0.009499875)
    assert first["costs"] == pytest.approx(500.125)
    assert first["turnover"] == pytest.approx(0.50025)
    assert first["gross_exposure"] == pytest.approx(510_000 / 1_009_499.875)
    assert first["net_exposure"] == first["gross_exposure"]
    assert first["trade_count"] == 1
    (fill,) = fills(done, 0)
    assert fill["security_id"] == "A"
    assert fill["shares"] == pytest.approx(5000.0)
    assert fill["price"] == pytest.approx(100.05)
    assert fill["commission"] == pytest.approx(250.125)
    assert fill["spread"] == pytest.approx(250.0)
    # The second session only marks: 5,000 · 104 = 520,000.
    second = frame.iloc[1]
    assert second["equity"] == pytest.approx(1_019_499.875, abs=1e-6)
    assert (second["trade_count"], second["turnover"], second["costs"]) == (0, 0.0, 0.0)
    assert fills(done, 1) == []


@pytest.mark.parametrize("before_spread,each", [(True, 103.0), (False, 103.02)])
def test_an_order_that_includes_its_costs_is_worth_what_is_traded(before_spread, each):
    costs = Costs(100.0, 200.0, size_includes_costs=True, charge_before_spread=before_spread)
    done = run(market({"A": [(100, 100)]}), {"A": [0.5]}, costs=costs)
    # 1% of 100 or of 102, beside a price of 102: 103 or 103.02 a share, out of 0.5 · 1,000.
    assert position(done, 0, "A")["shares"] == pytest.approx(500.0 / each)
    assert done.portfolios["cash"][0] == pytest.approx(500.0)


def test_cash_is_short_for_the_largest_purchase():
    panel = market({"A": [(10, 10)], "B": [(10, 10)], "C": [(10, 10)]})
    done = run(panel, {"A": [0.5], "B": [0.2], "C": [0.3]}, costs=Costs(100.0, 0.0, cash_only=True))
    # B takes 200 · 1.01 = 202, C 300 · 1.01 = 303; 495 are left for A, at 10.10 a share.
    assert [fill["security_id"] for fill in fills(done, 0)] == ["B", "C", "A"]
    assert position(done, 0, "A")["shares"] == pytest.approx(495.0 / 10.1)
    assert done.portfolios["cash"][0] == pytest.approx(0.0, abs=1e-9)


def test_sell_with_costs():
    panel = market({"A": [(100, 100), (110, 120)]})
    done = run(panel, {"A": [0.5, 0.0]}, costs=Costs(10.0, 20.0))
    frame = done.portfolios
    # Buy 5 at 100.2 = 501, commission 0.501: cash 498.499. Sell 5 at 110 · 0.998 = 109.78 = 548.9,
    # commission 0.5489: cash 1,046.8501; slippage 5 · 0.22 = 1.1. Equity at the open 498.499 + 550.
    assert frame["cash"][1] == pytest.approx(498.499 + 548.9 - 0.5489)
    assert frame["equity"][1] == frame["cash"][1]
    assert frame["costs"][1] == pytest.approx(0.5489 + 1.1)
    assert frame["turnover"][1] == pytest.approx(548.9 / 1048.499)
    assert done.positions["date"].nunique() == 1
    assert frame["gross_exposure"][1] == 0.0


def test_a_split_changes_shares_and_not_wealth():
    panel = market({"A": [(100, 100), (50, 51)]}, splits={("A", 1): 2.0})
    done = run(panel, {"A": [0.5, 0.5]})
    frame = done.portfolios
    # 5 shares of 100 become 10 of 50; at 51: 500 + 510.
    assert position(done, 1, "A")["shares"] == 10.0
    assert frame["equity"].tolist() == [1000.0, 1010.0]
    assert frame["trade_count"].tolist() == [1, 0]


def test_a_sale_on_the_day_of_a_split_sells_the_new_shares():
    panel = market({"A": [(100, 100), (50, 51)]}, splits={("A", 1): 2.0})
    done = run(panel, {"A": [0.5, 0.0]})
    frame = done.portfolios
    assert fills(done, 1)[0]["shares"] == -10.0
    assert frame["cash"][1] == 1000.0


def test_a_dividend_goes_to_the_shares_held_overnight():
    panel = market(
        {"A": [(100, 100), (98, 99)], "B": [(10, 10), (10, 10)]},
        dividends={("A", 1): 2.0, ("B", 1): 1.0},
    )
    done = run(panel, {"A": [0.5, 0.0], "B": [None, 0.5]})
    frame = done.portfolios
    # 5 shares of A are paid 2 each, although sold at that open for 490; B, bought on its ex-date at
    # half of 500 + 10 + 490 = 1,000, is paid nothing.
    assert frame["dividends"].tolist() == [0.0, 10.0]
    assert frame["cash"][1] == 500.0
    assert frame["equity"][1] == 1000.0


def test_a_dividend_on_the_day_of_a_split_is_per_new_share():
    panel = market(
        {"A": [(100, 100), (49, 49.5)]}, splits={("A", 1): 2.0}, dividends={("A", 1): 0.5}
    )
    done = run(panel, {"A": [0.5, 0.5]})
    frame = done.portfolios
    # 10 new shares: 5 in cash; 500 + 5 + 10 · 49.5.
    assert frame["dividends"][1] == 5.0
    assert frame["equity"][1] == 1000.0


def test_a_short_position_pays_the_dividend():
    panel = market({"A": [(100, 100), (90, 90)]}, dividends={("A", 1): 1.0})
    done = run(panel, {"A": [-0.5, -0.5]})
    frame = done.portfolios
    # 5 sold short: cash 1,500; the dividend takes 5; 1,495 − 5 · 90 = 1,045.
    assert frame["cash"].tolist() == [1500.0, 1495.0]
    assert frame["dividends"][1] == -5.0
    assert frame["equity"].tolist() == [1000.0, 1045.0]
    assert frame["net_exposure"][1] == pytest.approx(-450 / 1045)
    assert frame["gross_exposure"][1] == pytest.approx(450 / 1045)


def test_short_sales_and_covers_are_filled_against_the_trader():
    panel = market({"A": [(100, 100), (100, 100)]})
    done = run(panel, {"A": [-0.5, 0.0]}, costs=Costs(0.0, 100.0))
    frame = done.portfolios
    # Sold 5 at 99, bought back 5 at 101.
    assert frame["cash"].tolist() == pytest.approx([1495.0, 990.0])


def test_drift_is_not_traded_and_a_new_target_is():
    panel = market({"A": [(100, 100), (200, 200), (200, 200)]})
    done = run(panel, {"A": [0.5, 0.5, 0.25]})
    frame = done.portfolios
    # The weight drifts to 1,000/1,500; the target 0.25 wants 375/200 = 1.875 shares.
    assert frame["trade_count"].tolist() == [1, 0, 1]
    assert position(done, 1, "A")["weight"] == pytest.approx(2 / 3)
    assert position(done, 1, "A")["target_weight"] == 0.5
    assert position(done, 2, "A")["shares"] == 1.875
    assert frame["turnover"][2] == pytest.approx(3.125 * 200 / 1500)


def test_a_new_member_rebalances_the_rest():
    panel = market({"A": [(100, 120), (120, 120)], "B": [None, (30, 40)]})
    done = run(panel, {"A": [1.0, 0.5], "B": [None, 0.5]})
    frame = done.portfolios
    # 10 A; at the next open 1,200: 600/120 = 5 A and 600/30 = 20 B; at the close 600 + 800.
    assert position(done, 1, "A")["shares"] == 5.0
    assert position(done, 1, "B")["shares"] == 20.0
    assert frame["equity"][1] == 1400.0
    assert frame["trade_count"][1] == 2


def test_no_opinion_keeps_what_was_wanted():
    panel = market({"A": [(100, 100), (100, 110), (120, 120)]})
    done = run(panel, {"A": [0.5, None, None]})
    frame = done.portfolios
    assert frame["trade_count"].tolist() == [1, 0, 0]
    assert frame["equity"][2] == 1100.0


def test_an_order_waits_for_a_bar():
    panel = market({"A": [(1, 1)] * 4, "B": [(10, 10), None, None, (20, 22)]})
    done = run(panel, {"A": [0.0] * 4, "B": [None, 0.5, None, None]})
    frame = done.portfolios
    # Wanted in session 1 while there is no bar; bought in session 3: 500/20 = 25 shares.
    assert frame["trade_count"].tolist() == [0, 0, 0, 1]
    waiting = position(done, 1, "B")
    assert (waiting["shares"], waiting["value"], waiting["weight"]) == (0.0, 0.0, 0.0)
    assert (waiting["target_weight"], waiting["wanted_weight"]) == (0.0, 0.5)
    assert math.isnan(waiting["price"])
    assert frame["equity"][3] == 500 + 25 * 22


def test_an_order_taken_back_before_a_bar_is_never_traded():
    panel = market({"A": [(1, 1)] * 3, "B": [(10, 10), None, (20, 22)]})
    done = run(panel, {"B": [None, 0.5, 0.0]})
    frame = done.portfolios
    assert frame["trade_count"].sum() == 0
    assert done.positions["date"].max() == pd.Timestamp(done.sessions[1])


def test_a_position_without_a_bar_is_marked_at_its_last_price():
    panel = market(
        {"A": [(1, 1)] * 8, "B": [(10, 12), *[None] * 7]},
        splits={("B", 1): 3.0},
        dividends={("B", 2): 0.1},
    )
    done = run(panel, {"B": [0.5, None, None, 0.0]})
    frame = done.portfolios
    # 50 shares at 12, then 150 at 4, for as long as there is no bar; 150 · 0.1 in dividends.
    assert position(done, 7, "B")["shares"] == 150.0
    assert position(done, 7, "B")["price"] == 4.0
    assert frame["equity"].tolist() == [1100.0, 1100.0, *[1115.0] * 6]
    assert position(done, 7, "B")["wanted_weight"] == 0.0


def test_everything_invested_at_a_cost_leaves_a_small_debt():
    panel = market({"A": [(100, 100)]})
    done = run(panel, {"A": [1.0]}, costs=Costs(5.0, 5.0))
    frame = done.portfolios
    # 10 shares at 100.05 and 0.50025 commission.
    assert frame["cash"][0] == pytest.approx(-1.00025)
    assert frame["gross_exposure"][0] == pytest.approx(1000 / 998.99975)


def test_a_lost_portfolio_opens_nothing():
    panel = market({"A": [(100, 100), (400, 400), (400, 400)], "B": [(10, 10)] * 3})
    done = run(panel, {"A": [-0.5, None, 0.0], "B": [None, None, 0.5]})
    frame = done.portfolios
    # 5 short at 100: cash 1,500; at 400 they are owed 2,000, equity −500. B is not bought.
    assert frame["equity"].tolist() == [1000.0, -500.0, -500.0]
    # What follows a close without equity is no return.
    assert frame["daily_return"].tolist() == pytest.approx([0.0, -1.5, NAN], nan_ok=True)
    assert frame["cash"][2] == -500.0
    # Nor is anything a share of what is not there.
    assert frame["gross_exposure"].isna().tolist() == [False, True, True]


def test_hit_rate():
    panel = market(
        {
            "A": [(100, 101), (100, 100), (101, 101)],
            "B": [(50, 50), (26, 26), (26, 25)],
            "C": [(10, 10), (9, 9.5), None],
        },
        splits={("B", 1): 2.0},
        dividends={("C", 1): 0.5},
    )
    done = run(
        panel,
        {},
        types={"A": [None, 1, -1], "B": [None, 1, -1], "C": [None, 1, 1]},
        references={"A": [None, 101, 100], "B": [None, 50, 26], "C": [None, 10, 9.5]},
    )
    frame = done.portfolios
    # Session 1: A bought, fell: miss. B bought, 26 · 2 over 50: hit. C bought, (9.5 + 0.5) over 10
    # is exactly zero: not judged. Session 2: A sold, rose: miss. B sold, fell: hit. C has no bar.
    assert frame["signals_judged"].tolist() == [0, 2, 2]
    assert frame["signals_hit"].tolist() == [0, 1, 1]


def test_the_columns_are_those_of_the_table():
    done = run(market({"A": [(1, 1)]}), {})
    frame = done.portfolios
    assert tuple(frame.columns) == PORTFOLIO_COLUMNS
    assert frame["date"].dtype.kind == "M"
    assert frame["equity"][0] == 1000.0


def test_a_state_brings_symbols_the_market_does_not_show():
    state = PortfolioState(100.0, 150.0, (Position("Z", 5.0, 10.0, 0.3, 0.3),))
    panel = market({"A": [(1, 1)]})
    done = simulate(panel, wants(panel, {"A": [0.0]}), state=state)
    assert done.portfolios["equity"][0] == 150.0
    assert done.portfolios["daily_return"][0] == 0.0
    # A session without a bar is counted.
    held = Position("Z", 5.0, 10.0, 0.3, 0.3, sessions_without_bar=1, sessions_held=1)
    assert repr(done.state().positions) == repr((held,))


def test_bars_and_orders_of_other_sessions_are_refused():
    panel = market({"A": [(1, 1), (1, 1)]})
    orders = Orders.from_signals(
        pd.DataFrame(
            columns=["date", "security_id", "signal_type", "target_weight", "reference_price"]
        ).astype({"date": "datetime64[s]"}),
        DAYS[1:3],
    )
    with pytest.raises(ContractError, match="not of the same sessions"):
        simulate(panel, orders)


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf, 10_000.0])
@pytest.mark.parametrize("name", ["commission_bp", "slippage_bp"])
def test_impossible_costs_are_refused(name, value):
    with pytest.raises(SettingsError, match=f"trading cost {name}"):
        Costs(**{name: value})
