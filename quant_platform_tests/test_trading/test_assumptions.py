"""Each assumption of trading alone, worked out by hand; the arithmetic stands beside each figure.

Unless a test says otherwise, trading is free, an account starts with 1,000 in cash, and the first
session buys at 100.
"""

import math
from dataclasses import fields as fields_of
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from quant_platform.trading.conditions import NO_CONDITIONS, Conditions
from quant_platform.trading.costs import Costs
from quant_platform.trading.engine import layout
from quant_platform.trading.limits import NO_LIMITS, Limits
from quant_platform.trading.orders import TradingRules
from quant_platform.trading.rebalancing import Rebalance
from quant_platform.trading.settlement import settlement_lags
from quant_platform.trading.simulation import simulate
from quant_platform_tests.support.books import fills, positions, shares
from quant_platform_tests.support.small_markets import market, wants

NAN = math.nan
FLAT = (100, 100)

LEVELS = {
    "limit": layout.L_LIMIT,
    "trigger": layout.L_TRIGGER,
    "stop": layout.L_STOP,
    "take": layout.L_TAKE,
    "trail": layout.L_TRAIL,
    "life": layout.L_LIFE,
}


def run(panel, targets, *, limits=NO_LIMITS, conditions=NO_CONDITIONS, rule="on_change", **more):
    """Simulate weights of securities; levels are named with the assumptions, for the first one."""
    given = {name: more.pop(name) for name in LEVELS if name in more}
    options = {name: more.pop(name) for name in ("actions", "state") if name in more}
    closes = {name: [NAN, *panel.close[:-1, at]] for at, name in enumerate(panel.security_ids)}
    orders = wants(panel, targets, references={name: closes[name] for name in targets})
    levels = np.full((layout.LEVELS, *orders.targets.shape), NAN)
    for name, values in given.items():
        levels[LEVELS[name], : len(values), 0] = [NAN if each is None else each for each in values]
    return simulate(
        panel,
        replace(
            orders,
            levels=levels if given else None,
            rules=TradingRules(Rebalance.of(rule), max_gross=10.0),
        ),
        costs=Costs.ideal(**more),
        capital=1000.0,
        limits=limits,
        conditions=conditions,
        **options,
    )


def cash(done):
    return done.portfolios["cash"].tolist()


def equity(done):
    return done.portfolios["equity"].tolist()


def fill_of(done, session):
    (one,) = fills(done, session)
    return one


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


class TestDividends:
    DAYS = np.datetime64("2020-03-02") + np.arange(5)

    def paid(self, day):
        return pd.DataFrame(
            {
                "date": [pd.Timestamp("2020-03-03")],
                "security_id": ["A"],
                "paid_on": [pd.Timestamp(day) if day else pd.NaT],
            }
        )

    def panel(self):
        return market(
            {"A": [FLAT, (98, 98), (98, 98), (98, 98), (98, 98)]}, dividends={("A", 1): 2.0}
        )

    def test_cash_comes_on_the_pay_date(self):
        done = run(
            self.panel(), {"A": [0.5]}, dividends_paid="pay_date", actions=self.paid("2020-03-05")
        )
        # 5 · 2 are owed from the ex-date on and belong to the equity.
        assert cash(done) == [500.0, 500.0, 500.0, 510.0, 510.0]
        assert done.portfolios["receivables"].tolist() == [0.0, 10.0, 10.0, 0.0, 0.0]
        assert equity(done) == [1000.0] * 5

    def test_a_lag_where_no_pay_date_is_known(self):
        done = run(
            self.panel(),
            {"A": [0.5]},
            dividends_paid="pay_date",
            pay_lag=1,
            actions=self.paid(None),
        )
        assert cash(done) == [500.0, 500.0, 510.0, 510.0, 510.0]

    def test_the_shares_may_be_gone_when_it_is_paid(self):
        done = run(self.panel(), {"A": [0.5, 0.0]}, dividends_paid="pay_date", pay_lag=2)
        assert cash(done) == [500.0, 990.0, 990.0, 1000.0, 1000.0]

    def test_tax_is_withheld_and_a_short_position_owes_all(self):
        done = run(self.panel(), {"A": [0.5]}, withholding=0.3)
        assert done.portfolios["dividends"].tolist()[:2] == pytest.approx([0.0, 7.0])
        done = run(self.panel(), {"A": [-0.5]}, withholding=0.3, dividends_paid="pay_date")
        assert done.portfolios["receivables"].tolist()[:2] == [0.0, -10.0]
        assert equity(done)[:2] == [1000.0, 1000.0]

    @pytest.mark.parametrize("weight", [0.5, -0.5])
    def test_the_rest_of_a_share_is_paid_out(self, weight):
        panel = market({"A": [FLAT, (66, 66)]}, splits={("A", 1): 1.5})
        done = run(panel, {"A": [weight] * 2}, whole_shares=True)
        # 5 shares of 100 are 7.5 of 66.67: half a share is 33.33 in cash.
        sign = np.sign(weight)
        fill = fill_of(done, 1)
        assert (fill["reason"], fill["shares"]) == ("cash_in_lieu", -0.5 * sign)
        assert fill["price"] == pytest.approx(200 / 3)
        assert shares(done, 1) == {"A": 7.0 * sign}
        assert cash(done)[1] == pytest.approx(1000 - sign * (500 - 100 / 3))


class TestEntries:
    @pytest.mark.parametrize(
        ("bar", "price"),
        [
            ((100, 101, 97, 100), None),  # not reached
            ((100, 101, 95, 100), 95.0),  # reached
            ((92, 96, 91, 95), 92.0),  # opens beyond
        ],
    )
    def test_a_limit_to_buy(self, bar, price):
        panel = market({"A": [bar, (100, 100), (90, 100)]})
        done = run(panel, {"A": [0.5]}, limit=[95.0], slippage_bp=100.0, impact=1.0)
        assert [each["price"] for each in fills(done, 0)] == ([] if price is None else [price])
        if price is None:
            # It waits, and needs the same price.
            assert positions(done, 0)["A"]["limit_price"] == 95.0
            assert [fills(done, 1), fill_of(done, 2)["price"]] == [[], 90.0]

    @pytest.mark.parametrize(
        ("bar", "price"),
        [((100, 104, 99, 100), None), ((100, 106, 99, 100), 105.0), ((108, 109, 99, 100), 108.0)],
    )
    def test_a_limit_to_sell_short(self, bar, price):
        done = run(market({"A": [bar]}), {"A": [-0.5]}, limit=[105.0])
        assert [each["price"] for each in fills(done, 0)] == ([] if price is None else [price])

    def test_a_price_at_the_limit_may_not_be_enough(self):
        panel = market({"A": [(100, 101, 95, 100), (100, 101, 94, 100)]})
        done = run(panel, {"A": [0.5]}, limit=[95.0], limit_through=True)
        assert fills(done, 0) == []
        assert fill_of(done, 1)["price"] == 95.0

    @pytest.mark.parametrize(
        ("bar", "price"),
        [((100, 104, 99, 100), None), ((100, 106, 99, 100), 105.0), ((108, 109, 99, 100), 108.0)],
    )
    def test_a_trigger_to_buy(self, bar, price):
        done = run(market({"A": [bar]}), {"A": [0.5]}, trigger=[105.0], slippage_bp=100.0)
        # It becomes a market order and pays the spread.
        found = [each["price"] for each in fills(done, 0)]
        assert found == pytest.approx([] if price is None else [price * 1.01])

    @pytest.mark.parametrize(
        ("bar", "price"),
        [((100, 101, 97, 100), None), ((100, 101, 94, 100), 95.0), ((92, 96, 91, 95), 92.0)],
    )
    def test_a_trigger_to_sell_short(self, bar, price):
        done = run(market({"A": [bar]}), {"A": [-0.5]}, trigger=[95.0])
        assert [each["price"] for each in fills(done, 0)] == ([] if price is None else [price])

    def test_a_limit_is_no_longer_there_once_its_order_is_taken_back(self):
        panel = market({"A": [FLAT] * 3})
        done = run(panel, {"A": [0.5, 0.0, 0.5]}, limit=[90.0, None, None])
        assert fill_of(done, 2)["price"] == 100.0
        # Nor where there was no order at all.
        done = run(panel, {"A": [0.5, 0.5, 0.8]}, limit=[None, 90.0, None])
        assert fill_of(done, 2)["price"] == 100.0

    def test_an_exit_waits_for_no_limit(self):
        done = run(market({"A": [FLAT] * 2}), {"A": [0.5, 0.0]}, limit=[None, 90.0])
        assert fill_of(done, 1)["price"] == 100.0


class TestExits:
    def exit_of(self, bar, weight=0.5, **levels):
        panel = market({"A": [FLAT, bar]})
        given = {name: [level] for name, level in levels.items() if name in LEVELS}
        rest = {name: level for name, level in levels.items() if name not in LEVELS}
        done = run(panel, {"A": [weight] * 2}, **given, **rest)
        return [(each["reason"], pytest.approx(each["price"])) for each in fills(done, 1)]

    def test_stops(self):
        assert self.exit_of((100, 101, 96, 100), stop=95.0) == []
        assert self.exit_of((100, 101, 95, 100), stop=95.0) == [("stop", 95.0)]
        # A gap through the level: at the open.
        assert self.exit_of((90, 93, 89, 92), stop=95.0) == [("stop", 90.0)]
        # A market order: 95 · 0.99.
        assert self.exit_of((100, 101, 94, 100), stop=95.0, slippage_bp=100.0) == [("stop", 94.05)]
        assert self.exit_of((100, 106, 99, 100), -0.5, stop=105.0) == [("stop", 105.0)]
        assert self.exit_of((108, 109, 99, 100), -0.5, stop=105.0) == [("stop", 108.0)]

    def test_profits(self):
        assert self.exit_of((100, 104, 99, 100), take=105.0) == []
        assert self.exit_of((100, 105, 99, 100), take=105.0) == [("take_profit", 105.0)]
        assert self.exit_of((100, 105, 99, 100), take=105.0, limit_through=True) == []
        assert self.exit_of((109, 110, 99, 100), take=105.0) == [("take_profit", 109.0)]
        # A limit order pays no spread.
        assert self.exit_of((100, 106, 99, 100), take=105.0, slippage_bp=100.0) == [
            ("take_profit", 105.0)
        ]
        assert self.exit_of((100, 101, 94, 100), -0.5, take=95.0) == [("take_profit", 95.0)]

    def test_a_bar_that_touches_both_is_a_loss(self):
        assert self.exit_of((100, 110, 90, 100), stop=95.0, take=105.0) == [("stop", 95.0)]

    def test_a_bar_that_opens_at_its_profit_has_not_touched_the_stop_before(self):
        assert self.exit_of((106, 110, 90, 100), stop=95.0, take=105.0) == [("take_profit", 106.0)]

    def test_a_trailing_stop_follows_the_closes(self):
        panel = market({"A": [FLAT, (100, 130, 100, 120), (110, 112, 107, 110)]})
        done = run(panel, {"A": [0.5] * 3}, trail=[0.1])
        # 10 % below the best close, 120; the high of 130 is none.
        fill = fill_of(done, 2)
        assert (fill["reason"], fill["price"]) == ("trailing_stop", pytest.approx(108.0))
        panel = market({"A": [FLAT, (100, 100, 70, 80), (85, 90, 84, 90)]})
        done = run(panel, {"A": [-0.5] * 3}, trail=[0.1])
        # The session after the fall to 80: 80 · 1.1 = 88.
        assert fill_of(done, 2)["price"] == pytest.approx(88.0)

    def test_a_split_moves_the_levels(self):
        panel = market({"A": [FLAT, (50, 51, 47, 50)]}, splits={("A", 1): 2.0})
        assert fill_of(run(panel, {"A": [0.5] * 2}, stop=[95.0]), 1)["price"] == 47.5
        assert fill_of(run(panel, {"A": [0.5] * 2}, trail=[0.04]), 1)["price"] == 48.0

    def test_a_position_is_left_after_its_time(self):
        done = run(market({"A": [FLAT] * 5}), {"A": [0.5] * 4 + [0.4]}, life=[2.0])
        # Held in the sessions 0 and 1, left at the open of 2; 3 asks for nothing new.
        assert fill_of(done, 2)["reason"] == "time_stop"
        assert [len(fills(done, t)) for t in range(5)] == [1, 0, 1, 0, 1]

    def test_a_position_whose_time_is_up_may_change_its_side(self):
        done = run(market({"A": [FLAT] * 3}), {"A": [0.5, 0.5, -0.5]}, life=[2.0])
        assert shares(done, 2) == {"A": -5.0}

    def test_a_fill_has_the_reason_of_its_own_order(self):
        bars = [FLAT, FLAT, None, (100, 101, 90, 100), FLAT]
        done = run(
            market({"A": bars, "B": [FLAT] * 5}),
            {"A": [0.5, 0.5, 0.5, 0.4, 0.3], "B": [0.0]},
            life=[2.0, None, None, 9.0],
        )
        # The time is up in a session without a bar; in the next one another weight is asked for.
        assert [fills(done, t)[0]["reason"] for t in (0, 3)] == ["target", "target"]
        assert shares(done, 3)["A"] == 4.0

    @pytest.mark.parametrize("rule", ["on_change", "never", "monthly", "drift 0.5"])
    def test_a_stopped_position_stays_out_until_another_weight_is_asked(self, rule):
        bars = [FLAT, (100, 101, 90, 100), FLAT, FLAT]
        done = run(market({"A": bars}), {"A": [0.5, 0.5, 0.5, 0.4]}, stop=[95.0], rule=rule)
        assert [shares(done, t).get("A", 0.0) for t in (1, 2)] == [0.0, 0.0]
        # Another weight is an entry, which no rule of rebalancing holds back.
        assert shares(done, 3)["A"] == pytest.approx(0.4 * 975 / 100)

    def test_a_stop_may_be_hit_in_the_session_of_the_entry(self):
        done = run(market({"A": [(100, 101, 94, 98)]}), {"A": [0.5]}, stop=[95.0])
        assert [each["reason"] for each in fills(done, 0)] == ["target", "stop"]
        assert cash(done) == [975.0]

    def test_a_position_entered_inside_the_bar_takes_no_profit_in_it(self):
        # The high of 108 may have come before the low of 94.
        bar = (100, 108, 94, 100)
        done = run(market({"A": [bar]}), {"A": [0.5]}, limit=[95.0], take=[105.0])
        assert [each["price"] for each in fills(done, 0)] == [95.0]

    def test_a_position_entered_inside_the_bar_is_not_stopped_before(self):
        # Opened at 100, bought on the way up at 105, stopped at 102 and not at the open.
        bar = (100, 108, 99, 104)
        done = run(market({"A": [bar]}), {"A": [0.5]}, trigger=[105.0], stop=[102.0])
        assert [each["price"] for each in fills(done, 0)] == [105.0, 102.0]

    def test_a_stop_comes_before_a_trade_at_the_close(self):
        panel = market({"A": [FLAT, (100, 110, 90, 110)]})
        options = {"stop": [95.0], "execute_at": "close"}
        # The bar fell to 90 before the position is sold, or enlarged, at its close of 110.
        for weight in (0.0, 0.9):
            done = run(panel, {"A": [0.5, weight]}, **options)
            fill = fill_of(done, 1)
            assert (fill["reason"], fill["price"], fill["shares"]) == ("stop", 95.0, -5.0)

    def test_a_trade_at_the_close_is_stopped_in_the_next_session_at_the_earliest(self):
        panel = market({"A": [(100, 110, 90, 100), (100, 110, 90, 100)]})
        done = run(panel, {"A": [0.5, 0.5]}, stop=[95.0], execute_at="close")
        assert [[each["reason"] for each in fills(done, t)] for t in (0, 1)] == [
            ["target"],
            ["stop"],
        ]


class TestLimits:
    """The nine limits; each warns, scales or halts."""

    def panel(self):
        return market({"A": [FLAT] * 3, "B": [FLAT] * 3, "C": [FLAT] * 3})

    def held(self, text, targets, session=0, **conditions):
        done = run(
            self.panel(), targets, limits=Limits.read(text), conditions=Conditions(**conditions)
        )
        row = done.portfolios.iloc[session]
        names = [field.name for field in fields_of(Limits)]
        exceeded = [
            name for bit, name in enumerate(names) if int(row["limits_exceeded"]) >> bit & 1
        ]
        return pytest.approx(shares(done, session)), exceeded, done

    CASES = (
        # A limit, weights, and what it scales them to.
        ("name=0.2", {"A": [0.5], "B": [-0.3], "C": [0.1]}, {"A": 2.0, "B": -2.0, "C": 1.0}),
        # A and B are one sector: 0.8 becomes 0.4.
        ("sector=0.4", {"A": [0.5], "B": [-0.3], "C": [0.1]}, {"A": 2.5, "B": -1.5, "C": 1.0}),
        # 0.9 becomes 0.45.
        ("gross=0.45", {"A": [0.5], "B": [-0.3], "C": [0.1]}, {"A": 2.5, "B": -1.5, "C": 0.5}),
        # 0.5 − 0.3 + 0.2 = 0.4 becomes 0.1.
        ("net=0.1", {"A": [0.5], "B": [-0.3], "C": [0.2]}, {"A": 1.25, "B": -0.75, "C": 0.5}),
        # 0.5 · 2 − 0.3 · 0.5 + 0.15 · 1, unknown, = 1 becomes 0.5.
        ("beta=0.5", {"A": [0.5], "B": [-0.3], "C": [0.15]}, {"A": 2.5, "B": -1.5, "C": 0.75}),
        # Orders of 900 become 450.
        ("turnover=0.45", {"A": [0.5], "B": [-0.3], "C": [0.1]}, {"A": 2.5, "B": -1.5, "C": 0.5}),
        ("leverage=0.45", {"A": [0.5], "B": [-0.3], "C": [0.1]}, {"A": 2.5, "B": -1.5, "C": 0.5}),
    )

    @pytest.mark.parametrize(("text", "targets", "scaled"), CASES)
    @pytest.mark.parametrize("action", ["warn", "scale", "halt"])
    def test_limits_on_weights_and_orders(self, text, targets, scaled, action):
        beta = np.tile([2.0, 0.5, NAN], (3, 1))
        # More sectors than securities: any numbers.
        sectors = np.tile([900, 900, 5], (3, 1))
        found, exceeded, done = self.held(f"{text}:{action}", targets, beta=beta, sectors=sectors)
        assert exceeded == [text.partition("=")[0]]
        if action == "scale":
            assert scaled == found
        if action == "warn":
            assert {name: 10 * weight[0] for name, weight in targets.items()} == found
        assert done.portfolios["halted"].tolist() == [action == "halt"] * 3
        if action == "halt":
            assert len(done.fills) == 0

    @pytest.mark.parametrize(("text", "targets", "scaled"), CASES)
    def test_a_limit_that_is_met_changes_nothing(self, text, targets, scaled):
        _, exceeded, done = self.held(f"{text.partition('=')[0]}=5:halt", targets)
        assert exceeded == []
        assert done.portfolios["trade_count"][0] == 3

    def test_what_turnover_does_not_allow_follows_in_the_next_sessions(self):
        *_, done = self.held("turnover=0.3", {"A": [0.8] * 3})
        assert [shares(done, t)["A"] for t in range(3)] == pytest.approx([3.0, 6.0, 8.0])

    def test_leverage_counts_positions_that_are_not_traded(self):
        *_, done = self.held("leverage=1.0", {"A": [0.8] * 3, "B": [None, 0.8, 0.8]})
        # A is not traded again and leaves room for 0.2.
        assert shares(done, 1) == pytest.approx({"A": 8.0, "B": 2.0})

    def falling(self, text, bars=((100, 80), (80, 80), (80, 80), (80, 120), (120, 120)), **more):
        panel = market({"A": list(bars)})
        return run(panel, {"A": [1.0] * len(bars)}, limits=Limits.read(text), **more)

    @pytest.mark.parametrize("name", ["drawdown", "daily_loss"])
    def test_a_loss_is_noted(self, name):
        done = self.falling(f"{name}=0.15:warn")
        bits = done.portfolios["limits_exceeded"].tolist()
        # The loss of 20 % is of one day; the drawdown lasts until 1,200 at the fourth close.
        bit = 128 if name == "drawdown" else 256
        assert bits == [bit, *[bit if name == "drawdown" else 0] * 2, 0, 0]
        assert [shares(done, t) for t in range(5)] == [{"A": 10.0}] * 5

    def test_a_drawdown_halves_the_weights_while_it_lasts(self):
        done = self.falling("drawdown=0.15:scale")
        # 20 % below 1,000: half of 800 at the next open is 5 shares of 80. They gain 200 and end
        # the drawdown, so that all of 1,000 is invested at 120.
        held = [shares(done, t)["A"] for t in range(5)]
        assert held == pytest.approx([10.0, 5.0, 5.0, 5.0, 1000 / 120])
        assert done.portfolios["weight_factor"].tolist() == [0.5, 0.5, 0.5, 1.0, 1.0]

    def test_a_daily_loss_halves_the_weights_for_a_session(self):
        done = self.falling("daily_loss=0.15:scale")
        held = [shares(done, t)["A"] for t in range(3)]
        assert held == pytest.approx([10.0, 5.0, 10.0])

    @pytest.mark.parametrize("name", ["drawdown", "daily_loss"])
    def test_a_loss_halts_the_account_for_good(self, name):
        done = self.falling(f"{name}=0.15:halt")
        assert [each["reason"] for each in done.fills.to_dict("records")] == ["target", "halt"]
        assert equity(done) == [800.0] * 5
        assert done.portfolios["halted"].all()

    @pytest.mark.parametrize("name", ["drawdown", "daily_loss"])
    def test_a_released_account_trades_again_and_its_drawdown_begins_anew(self, name):
        """Halted at 800, released before the third open: 10 shares of 80, 1,200 when they rise.

        A drawdown from 1,000 would halt it at once.
        """
        bars = [(100, 80), (80, 80), (80, 80), (80, 120), (120, 120)]
        days = market({"A": bars}).sessions[2:3]
        done = self.falling(f"{name}=0.15:halt", conditions=Conditions(released=days))
        assert done.portfolios["halted"].tolist() == [True, True, False, False, False]
        assert [shares(done, t) for t in range(5)] == [{"A": 10.0}, {}, *[{"A": 10.0}] * 3]
        assert equity(done) == [800.0, 800.0, 800.0, 1200.0, 1200.0]
        assert done.portfolios["highest_equity"].tolist() == [1000.0, 1000.0, 800.0, 1200.0, 1200.0]

    @pytest.mark.parametrize("released", [False, True])
    def test_a_halt_survives_a_restart_until_it_is_released(self, released):
        bars = {"A": [(100, 80), (80, 80), (80, 80)]}
        first = run(market(bars), {"A": [1.0] * 3}, limits=Limits.read("daily_loss=0.15:halt"))
        state = first.state()
        assert state.halted
        state = replace(state, halted=not released)
        later = market({"A": [(80, 80)] * 2}, days=np.datetime64("2020-03-05") + np.arange(2))
        done = run(later, {"A": [1.0] * 2}, state=state)
        assert shares(done, 1) == ({"A": 10.0} if released else {})

    def test_a_ruined_account_is_closed_and_trades_no_more(self):
        panel = market({"A": [FLAT, (350, 350), (300, 300), FLAT]})
        done = run(panel, {"A": [-0.5] * 3 + [0.5]})
        # 5 short at 100; at 350 they are owed 1,750 of 1,500 in cash; bought back at 300.
        assert done.portfolios["ruined"].tolist() == [False, True, True, True]
        assert (fill_of(done, 2)["reason"], cash(done)[2:]) == ("ruin", [0.0, 0.0])
        assert fills(done, 3) == []
