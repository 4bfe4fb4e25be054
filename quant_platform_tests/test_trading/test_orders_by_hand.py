"""Entries, exits and limits of orders, and dividends, worked out by hand.

The arithmetic stands beside each figure. Unless a test says otherwise, trading is free, and an
account starts with 1,000 in cash.
"""

from dataclasses import fields as fields_of
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from quant_platform.trading.conditions import Conditions
from quant_platform.trading.limits import Limits
from quant_platform_tests.support.books import fills, positions, shares
from quant_platform_tests.support.by_hand import (
    FLAT,
    LEVELS,
    NAN,
    cash,
    fill_of,
    run,
)
from quant_platform_tests.support.small_markets import market


def equity(done):
    return done.portfolios["equity"].tolist()


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
