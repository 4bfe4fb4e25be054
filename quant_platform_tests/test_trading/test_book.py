"""Books of several models: by hand, and their laws on random markets with every assumption on."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from quant_platform.trading.allocation import allocate
from quant_platform.trading.book import BookState, Member, simulate_book
from quant_platform.trading.capital import CapitalRule
from quant_platform.trading.conditions import Conditions
from quant_platform.trading.costs import Costs
from quant_platform.trading.limits import Limit, Limits
from quant_platform.trading.orders import Orders
from quant_platform_tests.support.books import shares
from quant_platform_tests.support.random_cases import RandomCase
from quant_platform_tests.support.small_markets import market, wants

EQUAL = CapitalRule()
FREE = Costs(0.0, 0.0)


def member(panel, name, targets, returns=None):
    none = np.zeros(len(panel.sessions))
    return Member(name, wants(panel, targets), none if returns is None else np.array(returns))


def run(panel, wanted, *, costs=FREE, rule=EQUAL, **more):
    members = [member(panel, name, targets) for name, targets in wanted.items()]
    return simulate_book(panel, rule, members, costs=costs, capital=1000.0, **more)


def lines(done, column, session):
    rows = done.attribution[done.attribution["date"] == done.simulation.sessions[session]]
    return dict(zip(rows["member"], rows[column], strict=True))


def held(done, session):
    rows = done.holdings[done.holdings["date"] == done.simulation.sessions[session]]
    keys = zip(rows["member"], rows["security_id"], strict=True)
    return dict(zip(keys, rows["shares"], strict=True))


BARS = {"X": [(10, 11), (12, 12), (10, 8)], "Y": [(20, 20), (22, 21), (21, 21)]}
WANTED = {
    "a": {"X": [1.0, 1.0, 1.0]},
    "b": {"X": [-0.4, 0.0, -1.0], "Y": [0.8, 0.8, 0.8]},
}


class TestByHand:
    """Half of 1,000 for each of two members, which are on opposite sides of X.

    1. a: 0.5 · 1,000 / 10 = 50 X; b: −0.2 · 1,000 / 10 = −20 X and 0.4 · 1,000 / 20 = 20 Y. The
       book buys 30 X and 20 Y; 300 is left. X gains 1: a 50, b −20.
    2. b no longer wants X: at the open the equity is 300 + 30 · 12 + 20 · 22 = 1,100, so that the
       book and a hold 0.5 · 1,100 / 12 = 45.8333 X; b buys 20, 4.1667 of them from a. Overnight X
       gains 1: a 50, b −20; then nothing. Y, which nobody trades, gains 1: b 20.
    3. b wants what a has, sold: the book sells all of X, 45.8333 at 10. The equity at the open is
       110 + 458.3333 + 20 · 21 = 988.3333, so that a has 49.4167 X and b −49.4167. Overnight a
       loses 2 · 45.8333 = 91.6667; after the open 2 · 49.4167 = 98.8333, which b gains.
    """

    def test_shares_of_members_and_of_the_book(self):
        done = run(market(BARS), WANTED)
        assert held(done, 0) == {("a", "X"): 50.0, ("b", "X"): -20.0, ("b", "Y"): 20.0}
        assert shares(done.simulation, 0) == {"X": 30.0, "Y": 20.0}
        assert held(done, 1) == pytest.approx({("a", "X"): 550 / 12, ("b", "Y"): 20.0})
        assert shares(done.simulation, 1)["X"] == pytest.approx(550 / 12)
        each = (110 + 5500 / 12 + 420) / 20
        assert held(done, 2)[("a", "X")] == pytest.approx(each)
        assert held(done, 2)[("b", "X")] == pytest.approx(-each)
        assert shares(done.simulation, 2) == {"Y": 20.0}

    def test_gains_add_up_to_the_change_of_equity(self):
        done = run(market(BARS), WANTED)
        assert lines(done, "pnl", 0) == pytest.approx({"a": 50.0, "b": -20.0, "cash": 0.0})
        assert lines(done, "pnl", 1) == pytest.approx({"a": 50.0, "b": 0.0, "cash": 0.0})
        each = (110 + 5500 / 12 + 420) / 20
        assert lines(done, "pnl", 2) == pytest.approx(
            {"a": -2 * 550 / 12 - 2 * each, "b": 2 * each, "cash": 0.0}
        )
        assert done.simulation.portfolios["equity"].tolist() == pytest.approx(
            [1030.0, 1080.0, 1080.0 - 2 * 550 / 12]
        )

    def test_costs_are_divided_by_what_each_member_trades(self):
        done = run(market(BARS), WANTED, costs=Costs(0.0, 100.0, size_at="previous_close"))
        # 30 X at 10 · 0.01: 3, of which a, who buys 50, pays 5/7, and b, who sells 20, 2/7. b pays
        # for 20 Y at 20 · 0.01: 4.
        assert lines(done, "costs", 0) == pytest.approx(
            {"a": 3 * 5 / 7, "b": 3 * 2 / 7 + 4, "cash": 0.0}
        )
        assert done.simulation.portfolios["costs"][0] == pytest.approx(7.0)

    def test_dividends_and_fees_go_to_who_holds_and_who_is_short(self):
        panel = market(
            {"X": [(10, 10), (10, 10)], "Z": [(10, 10), (10, 10)]}, dividends={("X", 1): 1.0}
        )
        costs = Costs(0.0, 0.0, withholding=0.1, borrow_rate=0.36, cash_rate=0.036)
        wanted = {
            "a": {"X": [1.0, 1.0], "Z": [0.2, 0.2]},
            "b": {"X": [-0.4, -0.4], "Z": [-0.8] * 2},
        }
        done = run(panel, wanted, costs=costs)
        # a holds 50 X and 10 Z, b −20 X and −40 Z; the book 30 X, paid 0.9 each, and −30 Z, whose
        # fee is 300 · 0.36 / 360 a day. The cash, all 1,000 of it, earns 1,000 · 0.036 / 360.
        assert lines(done, "dividends", 1) == pytest.approx({"a": 45.0, "b": -18.0, "cash": 0.0})
        assert lines(done, "borrow_fees", 1) == pytest.approx({"a": 0.0, "b": 0.3, "cash": 0.0})
        assert lines(done, "interest", 1) == pytest.approx({"a": 0.0, "b": 0.0, "cash": 0.1})
        assert done.simulation.portfolios["dividends"][1] == pytest.approx(27.0)
        assert done.simulation.portfolios["equity"][1] == pytest.approx(1000 + 27 - 0.3 + 0.1)


def test_limits_hold_for_the_book_and_not_for_a_member():
    limits = Limits(name=Limit(0.2, "scale"))
    done = run(market(BARS), WANTED, limits=limits)
    # 0.2 · 1,000 / 10 = 20 X in place of 30: a, on the heavier side, has 10 fewer than its 50.
    assert shares(done.simulation, 0) == {"X": 20.0, "Y": 10.0}
    assert held(done, 0) == {("a", "X"): 40.0, ("b", "X"): -20.0, ("b", "Y"): 10.0}


def test_a_halted_book_is_closed_out_until_it_is_released():
    panel = market({"X": [(10, 10), (10, 5), (5, 5), (5, 6)]})
    wanted = {"a": {"X": [1.0] * 4}, "b": {"X": [-0.4] * 4}}
    limits = Limits(drawdown=Limit(0.1, "halt"))
    done = run(panel, wanted, limits=limits, conditions=Conditions(released=panel.sessions[3:]))
    # 30 X lose half of 300: nobody holds any after the next open, at an equity of 850. Released,
    # a takes 0.5 · 850 / 5 = 85 X, and b −34.
    assert held(done, 2) == {("a", "X"): 0.0, ("b", "X"): 0.0}
    assert held(done, 3) == {("a", "X"): 85.0, ("b", "X"): -34.0}
    assert lines(done, "pnl", 3) == {"a": 85.0, "b": -34.0, "cash": 0.0}


def test_a_book_that_is_halted_from_outside_is_closed_out_for_all_members():
    panel = market({"X": [(10, 10), (10, 10), (10, 11)]})
    wanted = {"a": {"X": [1.0] * 3}, "b": {"X": [-0.4] * 3}}
    done = run(panel, wanted, conditions=Conditions(halted=panel.sessions[1:2]))
    assert held(done, 0) == {("a", "X"): 50.0, ("b", "X"): -20.0}
    assert held(done, 1) == {("a", "X"): 0.0, ("b", "X"): 0.0}
    assert done.simulation.portfolios["equity"].tolist() == [1000.0] * 3


def test_members_trade_with_each_other_first_and_share_what_the_market_gives():
    # a and b buy 60 and 30, c sells 20: 70 are asked for, 40 come. The buyers share 40 + 20 as 2:1.
    after = allocate(np.zeros((3, 1)), np.array([[60.0], [30.0], [-20.0]]), np.array([40.0]))
    assert after[:, 0].tolist() == [40.0, 20.0, -20.0]
    # Nobody wants to trade, and a limit takes a fifth away: by the size of what is held.
    after = allocate(np.array([[30.0], [-10.0]]), np.array([[30.0], [-10.0]]), np.array([16.0]))
    assert after[:, 0].tolist() == [27.0, -11.0]
    # What is closed out is closed for all.
    after = allocate(np.array([[30.0], [-10.0]]), np.zeros((2, 1)), np.zeros(1))
    assert after[:, 0].tolist() == [0.0, 0.0]


class TestCapital:
    def test_inverse_volatility(self):
        # The second's returns are three times the first's, and so is their deviation.
        returns = np.array([[0.01, 0.03], [-0.01, -0.03], [0.01, 0.03]])
        rule = CapitalRule("inverse_volatility", lookback=3)
        assert rule.divide(returns).tolist() == pytest.approx([0.75, 0.25])
        assert rule.divide(returns[:2]).tolist() == [0.5, 0.5]
        assert rule.divide(np.array([[0.01, 0.0]] * 3)).tolist() == [0.5, 0.5]

    def test_shares_of_a_month_come_from_the_sessions_before_it(self):
        rule = CapitalRule("inverse_volatility", lookback=2)
        returns = np.array([[0.01, 0.03], [-0.01, -0.03], [0.5, 0.1]])
        sets = np.array([False, False, True])
        shares = rule.over(sets, (), np.zeros((0, 2)), returns)
        assert shares.tolist() == [[0.5, 0.5], [0.5, 0.5], pytest.approx([0.75, 0.25])]

    def test_what_fixed_shares_leave_is_cash(self):
        rule = CapitalRule("fixed", shares=(0.5, 0.25))
        done = run(market({"X": [(10, 10)]}), {"a": {"X": [1.0]}, "b": {"X": [1.0]}}, rule=rule)
        assert done.simulation.portfolios["cash"][0] == 250.0
        assert lines(done, "capital_share", 0) == {"a": 0.5, "b": 0.25, "cash": 0.25}


def test_who_leaves_the_book_is_traded_out_of_it():
    first = run(market({"X": [(10, 11)]}), {"a": {"X": [1.0]}, "b": {"X": [0.4]}})
    last = market({"X": [(10, 11), (12, 12)]})
    orders = wants(last, {"X": [1.0, 1.0]})
    later = Orders(
        orders.sessions[1:],
        orders.security_ids,
        *(each[1:] for each in (orders.targets, orders.types, orders.references, orders.others)),
    )
    before = BookState(holdings=first.state.holdings)
    done = simulate_book(
        last,
        EQUAL,
        [Member("a", later, np.zeros(1))],
        costs=FREE,
        state=first.simulation.state(),
        before=before,
    )
    # 70 X at 11 and 300: at 12 the equity is 1,140, and all of it is a's. Both gained 1 a share.
    assert held(done, 0)[("a", "X")] == pytest.approx(95.0)
    assert lines(done, "pnl", 0) == pytest.approx({"a": 50.0, "b": 20.0, "cash": 0.0})


def book(case, start, stop, state=None, before=None):
    """Simulate a book of three members over some sessions, drawn from the seed of the case."""
    panel, orders, options = case.given(start, stop)
    rng = np.random.default_rng(7)
    shape = (3, len(case.days), len(case.symbols))
    factor = rng.choice([1.0, 1.0, 1.0, -0.7, 0.0], shape)
    factor[:, 1::2] = factor[:, ::2]
    returns = rng.normal(0.0, [0.01, 0.02, 0.04], (len(case.days), 3))
    places = [case.symbols.index(each) for each in orders.security_ids]
    rule = CapitalRule("inverse_volatility", lookback=5, every="weekly")
    members = [
        Member(
            name,
            replace(orders, targets=orders.targets * factor[number, start:stop, places].T),
            returns[start:stop, number],
        )
        for number, name in enumerate("abc")
    ]
    return simulate_book(
        panel, rule, members, max_gross=case.rules.max_gross, state=state, before=before, **options
    )


@pytest.mark.parametrize("seed", range(6))
def test_a_book_goes_on_from_any_session_with_the_same_bits(seed):
    case = RandomCase(seed)
    whole = book(case, 0, 60)
    state = before = None
    parts = []
    for start in range(0, 60, 1 if seed % 3 == 0 else 7):
        stop = min(start + (1 if seed % 3 == 0 else 7), 60)
        parts.append(book(case, start, stop, state, before))
        state, before = parts[-1].simulation.state(), parts[-1].state
    for name in ("attribution", "holdings"):
        joined = pd.concat([getattr(part, name) for part in parts], ignore_index=True)
        pd.testing.assert_frame_equal(joined, getattr(whole, name), check_exact=True)
    joined = pd.concat([part.simulation.portfolios for part in parts], ignore_index=True)
    pd.testing.assert_frame_equal(joined, whole.simulation.portfolios, check_exact=True)


@pytest.mark.parametrize("seed", range(12))
def test_parts_add_up_to_the_book(seed):
    done = book(RandomCase(seed), 0, 60)
    portfolios = done.simulation.portfolios.set_index("date")
    by_day = done.attribution.groupby("date")
    before = portfolios["equity"].shift(fill_value=1_000_000.0)
    change = portfolios["equity"] - before
    assert by_day["pnl"].sum().to_numpy() == pytest.approx(change.to_numpy(), abs=1e-5)
    for name in ("costs", "dividends", "borrow_fees", "interest"):
        assert by_day[name].sum().to_numpy() == pytest.approx(portfolios[name].to_numpy(), abs=1e-6)
    parts = done.holdings.groupby(["date", "security_id"])["shares"].sum()
    whole = done.simulation.positions.set_index(["date", "security_id"])["shares"]
    both = pd.concat([parts, whole], axis=1, keys=["parts", "whole"]).fillna(0.0)
    assert both["parts"].to_numpy() == pytest.approx(both["whole"].to_numpy(), abs=1e-6)
    assert (done.holdings["shares"] < 0).any() and (done.attribution["costs"] > 0).any()
