"""Each assumption of trading alone, worked out by hand; the arithmetic stands beside each figure.

Unless a test says otherwise, trading is free, an account starts with 1,000 in cash, and the first
session buys at 100.
"""

import numpy as np
import pytest

from quant_platform.trading.conditions import Conditions
from quant_platform.trading.settlement import settlement_lags
from quant_platform_tests.support.books import fills, shares
from quant_platform_tests.support.by_hand import (
    FLAT,
    NAN,
    cash,
    fill_of,
    run,
)
from quant_platform_tests.support.small_markets import market


class TestSizeAndPrice:
    def test_size_from_the_fill(self):
        panel = market({"A": [(90, 100), (125, 125)]})
        # 0.5 · 1,000 / 125 = 4 shares.
        assert shares(run(panel, {"A": [0.0, 0.5]}), 1) == {"A": 4.0}

    def test_size_from_the_close_before(self):
        panel = market({"A": [(90, 100), (125, 125)]})
        done = run(panel, {"A": [0.0, 0.5]}, size_at="previous_close")
        # 0.5 · 1,000 / 100 = 5 shares, filled at 125: they became dearer by 5 · 25 meanwhile.
        fill = fill_of(done, 1)
        assert (fill["shares"], fill["price"], fill["delay"]) == (5.0, 125.0, 125.0)
        assert cash(done)[1] == 375.0

    def test_the_equity_of_the_close_before_holds_no_dividend_of_today(self):
        panel = market({"A": [FLAT, (90, 90)], "B": [FLAT, FLAT]}, dividends={("A", 1): 10.0})
        done = run(panel, {"A": [0.5, None], "B": [None, 0.4]}, size_at="previous_close")
        # Before the open the account has 500 and 5 · 100: 0.4 · 1,000 / 100 = 4 shares of B. The
        # dividend of 50 is in the close of A already.
        assert shares(done, 1) == {"A": 5.0, "B": 4.0}

    @pytest.mark.parametrize(
        ("execute_at", "price"), [("open", 100), ("close", 110), ("mid", 105), ("vwap", 320 / 3)]
    )
    def test_the_price_executed_at(self, execute_at, price):
        panel = market({"A": [(100, 120, 90, 110)]})
        # The middle of 120 and 90; the mean of 120, 90 and 110.
        done = run(panel, {"A": [0.5]}, execute_at=execute_at, slippage_bp=100.0)
        fill = fill_of(done, 0)
        assert fill["reference_price"] == pytest.approx(price)
        assert fill["price"] == pytest.approx(price * 1.01)
        assert fill["shares"] == pytest.approx(500 / price)

    def test_whole_shares_are_rounded_towards_zero(self):
        panel = market({"A": [(30, 30), (30, 30)], "B": [(30, 30), (30, 30)]})
        done = run(panel, {"A": [0.5, 0.1], "B": [-0.5, -0.1]}, whole_shares=True)
        # 500 / 30 = 16.67. Then 100 / 30 = 3.33: an order of −12.67 shares becomes −12.
        assert shares(done, 0) == {"A": 16.0, "B": -16.0}
        assert shares(done, 1) == {"A": 4.0, "B": -4.0}

    def test_lots(self):
        panel = market({"A": [(30, 30), (30, 30)]})
        done = run(panel, {"A": [0.5, 0.0]}, whole_shares=True, lot=5.0)
        # 16.67 shares are three lots of five; an exit sells all.
        assert [shares(done, 0), shares(done, 1)] == [{"A": 15.0}, {}]

    def test_the_smallest_order(self):
        panel = market({"A": [FLAT] * 3})
        done = run(panel, {"A": [0.05, 0.09, 0.0]}, min_order=50.0)
        # 50 is bought; 40 more is too little; an exit is made whatever its value.
        assert done.portfolios["trade_count"].tolist() == [1, 0, 1]
        assert shares(done, 1) == {"A": 0.5}

    def test_costs_inside_the_size(self):
        panel = market({"A": [FLAT]})
        done = run(
            panel,
            {"A": [0.5]},
            size_includes_costs=True,
            commission_bp=100.0,
            buy_tax_bp=100.0,
            slippage_bp=50.0,
        )
        # Price 100.5, commission and tax on it 2.01: 102.51 a share.
        assert shares(done, 0)["A"] == pytest.approx(500 / 102.51)
        assert cash(done)[0] == pytest.approx(500.0)

    def test_cash_only(self):
        panel = market({"A": [FLAT] * 3, "B": [FLAT] * 3})
        done = run(panel, {"A": [0.9, 0.5, 0.5], "B": [0.9, None, None]}, cash_only=True)
        # 900 for A leaves 100 for B.
        assert shares(done, 0) == {"A": 9.0, "B": 1.0}
        # What the cash did not buy is no order that waits.
        assert shares(done, 2) == {"A": 5.0, "B": 1.0}

    def test_sales_come_before_purchases_that_need_their_cash(self):
        panel = market({"A": [FLAT] * 2, "B": [FLAT] * 2})
        done = run(panel, {"A": [0.0, 1.0], "B": [1.0, 0.0]}, cash_only=True)
        assert shares(done, 1) == {"A": 10.0}

    def test_cash_pays_commission_and_tax(self):
        panel = market({"A": [FLAT]})
        costs = {"commission_bp": 100.0, "buy_tax_bp": 100.0, "commission_per_share": 1.0}
        done = run(panel, {"A": [1.0]}, cash_only=True, **costs)
        # 1,000 / (100 + 1 + 1 + 1).
        assert shares(done, 0)["A"] == pytest.approx(1000 / 103)
        assert cash(done)[0] == pytest.approx(0.0, abs=1e-9)

    def test_cash_is_enough_where_a_smaller_order_has_a_dearer_tier(self):
        panel = market({"A": [FLAT]})
        costs = {"commission_bp": 500.0, "commission_tiers": ((1000.0, 0.0),)}
        done = run(panel, {"A": [1.2]}, cash_only=True, **costs)
        # An order of 1,200 would be free; what 1,000 buys pays 5 %: 1,000 / 105.
        assert shares(done, 0)["A"] == pytest.approx(1000 / 105)
        assert cash(done)[0] == pytest.approx(0.0, abs=1e-9)


class TestVolume:
    def test_the_rest_is_carried_over(self):
        done = run(market({"A": [FLAT] * 4}), {"A": [1.0] * 4}, volume_share=0.004)
        # At most 4 of 1,000 shares a session: 4, 4, 2.
        assert [shares(done, t)["A"] for t in range(4)] == [4.0, 8.0, 10.0, 10.0]

    def test_the_rest_is_cancelled(self):
        done = run(market({"A": [FLAT] * 4}), {"A": [1.0] * 4}, volume_share=0.004, rest="cancel")
        assert [shares(done, t)["A"] for t in range(4)] == [4.0] * 4

    def test_a_position_that_is_left_is_left_whole(self):
        targets = {"A": [0.4, 0.0, 0.0, 0.0]}
        panel = market({"A": [FLAT] * 4})
        done = run(panel, targets, volume_share=0.003, rest="cancel")
        # 3 of the 4 shares are bought; nothing keeps a share that is not wanted.
        assert [shares(done, t).get("A", 0.0) for t in range(3)] == [3.0, 0.0, 0.0]
        panel = market({"A": [(100, 100), (200, 200), (200, 200), (200, 200)]}, volume=1000.0)
        done = run(panel, {"A": [-0.5, 0.0, 0.0, 0.0]}, volume_share=0.004, rest="cancel")
        assert [shares(done, t).get("A", 0.0) for t in range(3)] == [-4.0, 0.0, 0.0]

    def test_an_exit_is_carried_over_although_rests_are_cancelled(self):
        bars = market({"A": [FLAT] * 4})
        bars.volume[1:] = 200.0
        done = run(bars, {"A": [0.4, 0.0, 0.0, 0.0]}, volume_share=0.01, rest="cancel")
        # 4 shares; then 1 % of 200 is 2 a session.
        assert [shares(done, t).get("A", 0.0) for t in range(4)] == [4.0, 2.0, 0.0, 0.0]


class TestCostOfAFill:
    def test_commission_per_share(self):
        done = run(market({"A": [FLAT] * 2}), {"A": [0.5, 0.0]}, commission_per_share=0.02)
        # 5 · 0.02, twice.
        assert cash(done) == pytest.approx([499.9, 999.8])

    def test_the_least_commission(self):
        costs = {"commission_bp": 10.0, "commission_per_share": 0.02, "commission_minimum": 2.0}
        done = run(market({"A": [FLAT] * 2}), {"A": [0.5, 0.0]}, **costs)
        # 0.5 + 0.1 is less than 2.
        assert cash(done) == pytest.approx([498.0, 996.0])
        done = run(
            market({"A": [FLAT] * 2}), {"A": [0.5, 0.0]}, **{**costs, "commission_minimum": 0.1}
        )
        assert cash(done) == pytest.approx([499.4, 998.8])

    @pytest.mark.parametrize(("weight", "rate"), [(0.1, 0.005), (0.2, 0.003), (0.6, 0.001)])
    def test_tiers_are_of_the_whole_order(self, weight, rate):
        tiers = ((200.0, 30.0), (500.0, 10.0))
        done = run(
            market({"A": [FLAT] * 2}), {"A": [weight]}, commission_bp=50.0, commission_tiers=tiers
        )
        assert fill_of(done, 0)["commission"] == pytest.approx(1000 * weight * rate)

    def test_taxes(self):
        done = run(market({"A": [FLAT] * 2}), {"A": [0.5, 0.0]}, buy_tax_bp=50.0, sell_tax_bp=20.0)
        # 500 · 0.005, then 500 · 0.002.
        assert cash(done) == pytest.approx([497.5, 996.5])
        assert done.portfolios["costs"].tolist() == pytest.approx([2.5, 1.0])

    def test_impact(self):
        panel = market({"A": [FLAT, (110, 110), (99, 99), FLAT, FLAT]}, volume=200.0)
        done = run(panel, {"A": [0.0, 0.0, 0.0, 0.5]}, impact=2.0)
        # Returns +10 % and −10 %: volatility √(2 · 0.1²) = 0.141421. 5 of 200 shares:
        # 2 · 0.141421 · √0.025 = 0.0447214, so 104.47214 a share.
        fill = fill_of(done, 3)
        assert fill["price"] == pytest.approx(104.472136, abs=1e-6)
        assert fill["impact"] == pytest.approx(22.36068, abs=1e-5)
        assert cash(done)[3] == pytest.approx(1000 - 522.36068, abs=1e-5)

    def test_no_impact_is_known_of_a_new_security(self):
        done = run(market({"A": [FLAT] * 2}), {"A": [0.5]}, impact=2.0)
        assert fill_of(done, 0)["impact"] == 0.0


class TestCash:
    # A Thursday, a Friday, a Monday and a Tuesday under the rule of two sessions.
    DAYS = np.array(["2020-03-05", "2020-03-06", "2020-03-09", "2020-03-10"], "datetime64[D]")

    @pytest.mark.parametrize(
        ("day", "lag"),
        [
            ("1995-06-06", 5),
            ("1995-06-07", 3),
            ("2017-09-01", 3),
            ("2017-09-05", 2),
            ("2024-05-24", 2),
            ("2024-05-28", 1),
        ],
    )
    def test_settlement_after_the_rule_of_the_day(self, day, lag):
        assert settlement_lags(np.array([day], "datetime64[D]"), "us").tolist() == [lag]

    def test_interest_by_days(self):
        panel = market({"A": [FLAT] * 4}, days=self.DAYS)
        done = run(panel, {"A": [0.0]}, cash_rate=0.036)
        # 1,000 · 0.036 / 360 = 0.1 a day: one, three over the weekend, one; with interest on it.
        expected = [1000.0, 1000 * 1.0001, 1000 * 1.0001 * 1.0003, 1000 * 1.0001**2 * 1.0003]
        assert cash(done) == pytest.approx(expected, abs=1e-9)

    def test_interest_is_of_settled_cash(self):
        panel = market({"A": [FLAT] * 4}, days=self.DAYS)
        done = run(panel, {"A": [0.5]}, cash_rate=0.036, settlement="us")
        # Bought on Thursday, paid on Monday: until then 1,000 bear interest, 0.1 a day.
        interest = [0.0, 0.1, 1000.1 * 0.0003, 500.40003 * 0.0001]
        assert done.portfolios["interest"].tolist() == pytest.approx(interest, abs=1e-9)
        pending = done.pending_cash[["due_in", "amount"]].to_numpy().tolist()
        assert pending == [[2.0, -500.0], [1.0, -500.0]]

    def test_interest_on_what_is_owed(self):
        panel = market({"A": [FLAT] * 2}, days=self.DAYS[1:])
        done = run(panel, {"A": [1.5]}, margin_rate=0.072, cash_rate=0.01)
        # 500 owed for three days: 500 · 0.072 · 3 / 360 = 0.3.
        assert done.portfolios["interest"].tolist() == pytest.approx([0.0, -0.3])

    @pytest.mark.parametrize("given", ["one", "security", "dated"])
    def test_borrow_fees(self, given):
        panel = market({"A": [FLAT] * 3, "B": [FLAT] * 3}, days=self.DAYS[1:])
        rates = {
            "one": None,
            "security": np.tile([0.072, NAN], (3, 1)),
            "dated": np.array([[0.5, 0.5], [0.072, 0.036], [0.144, NAN]]),
        }[given]
        conditions = Conditions(borrow=rates)
        done = run(panel, {"A": [-0.5], "B": [-0.25]}, borrow_rate=0.036, conditions=conditions)
        # 500 and 250 short, for three days and then one: 750 · 0.036 / 360 = 0.075 a day; A alone
        # at twice the rate 0.125; dated 0.125 for three days, then 500 · 0.0004 + 0.025.
        expected = {"one": [0.225, 0.075], "security": [0.375, 0.125], "dated": [0.375, 0.225]}
        assert done.portfolios["borrow_fees"].tolist() == pytest.approx([0.0, *expected[given]])
        assert cash(done)[2] == pytest.approx(1750 - sum(expected[given]))


class TestShortSales:
    def test_nothing_that_is_not_lent_is_sold_short(self):
        panel = market({"A": [FLAT] * 3, "B": [FLAT] * 3})
        available = np.array([[True, False], [False, False], [False, True]])
        done = run(
            panel,
            {"A": [0.5, -0.5, -0.5], "B": [-0.5] * 3},
            conditions=Conditions(available=available),
        )
        # A is sold and not sold short; B is sold short as soon as it is lent.
        assert shares(done, 0) == {"A": 5.0, "B": 0.0}
        assert shares(done, 1) == {"A": 0.0, "B": 0.0}
        assert shares(done, 2) == {"A": 0.0, "B": -5.0}

    def test_a_cover_needs_nobody_to_lend(self):
        panel = market({"A": [FLAT] * 2})
        lent = Conditions(available=np.array([[True], [False]]))
        done = run(panel, {"A": [-0.5, -0.2]}, conditions=lent)
        assert shares(done, 1) == {"A": -2.0}

    def test_a_recall_closes_the_position(self):
        panel = market({"A": [FLAT, FLAT, FLAT, FLAT]})
        recalled = Conditions(recalled=np.array([[False], [True], [False], [False]]))
        done = run(panel, {"A": [-0.5, -0.5, -0.5, -0.3]}, conditions=recalled)
        # Bought back at the next open; sold again once another weight is asked for.
        assert (fill_of(done, 1)["reason"], fill_of(done, 1)["shares"]) == ("recall", 5.0)
        assert fills(done, 2) == []
        assert fill_of(done, 3)["shares"] == -3.0

    def test_a_recall_keeps_nobody_from_buying(self):
        panel = market({"A": [FLAT, FLAT]})
        recalled = Conditions(recalled=np.array([[False], [True]]))
        done = run(panel, {"A": [-0.5, 0.5]}, conditions=recalled)
        assert shares(done, 1) == {"A": 5.0}
