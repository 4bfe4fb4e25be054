"""When positions are brought back to their targets; the arithmetic stands beside each figure."""

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from quant_platform.errors import ContractError
from quant_platform.market.calendar import XNYS
from quant_platform.market.panel import Panel
from quant_platform.trading.costs import Costs
from quant_platform.trading.orders import Orders, TradingRules
from quant_platform.trading.rebalancing import RULES, Rebalance
from quant_platform.trading.simulation import Simulation, simulate
from quant_platform_tests.support.books import positions, shares

FREE = Costs(0.0, 0.0)


def days(first: date, last: date) -> np.ndarray:
    return np.array(XNYS.sessions(first, last), dtype="datetime64[D]")


def market(sessions: np.ndarray, prices: dict[str, list[float | None]]) -> Panel:
    """Open and close alike; None: no bar."""
    rows = [
        {"date": pd.Timestamp(day), "security_id": name, "volume": 1.0}
        | {f"{field}_price": price for field in ("open", "high", "low", "close")}
        for name, line in prices.items()
        for day, price in zip(sessions, line, strict=True)
        if price is not None
    ]
    nothing = pd.DataFrame(columns=["date", "security_id", "split_ratio", "cash_amount"])
    return Panel.from_frames(pd.DataFrame(rows), nothing, sessions)


def orders(
    panel: Panel, targets: dict[str, list[float]], rule: str, asked: dict | None = None, **rules
) -> Orders:
    names = tuple(sorted(targets))
    nothing = np.full((len(panel.sessions), len(names)), math.nan)
    rebalance = Rebalance.of(rule)
    return Orders(
        panel.sessions,
        names,
        targets=np.array([targets[name] for name in names]).T,
        types=np.nan_to_num(nothing),
        references=nothing,
        others=nothing[:, 0],
        asked=None if asked is None else np.array([asked[name] for name in names]).T,
        rules=TradingRules(rebalance, **rules),
        due=rebalance.due(panel.sessions, XNYS),
    )


def test_periods_begin_with_the_exchange_and_not_with_the_array() -> None:
    """2024: Monday 1 January, 15 January, 19 February and Friday 29 March are holidays."""
    year = days(date(2024, 1, 1), date(2024, 4, 2))

    def first(rule: str) -> list[str]:
        return [str(day) for day in year[Rebalance.of(rule).due(year, XNYS)]]

    assert first("quarterly") == ["2024-01-02", "2024-04-01"]
    assert first("monthly") == ["2024-01-02", "2024-02-01", "2024-03-01", "2024-04-01"]
    assert first("weekly")[:4] == ["2024-01-02", "2024-01-08", "2024-01-16", "2024-01-22"]
    assert "2024-02-20" in first("weekly")
    assert first("never") == first("on_change") == first("drift 0.1") == []
    for rule in ("weekly", "monthly", "quarterly", "every_session"):
        whole = Rebalance.of(rule).due(year, XNYS)
        for start in range(len(year)):
            part = Rebalance.of(rule).due(year[start:], XNYS)
            np.testing.assert_array_equal(part, whole[start:])


def test_a_rule_is_written_as_it_is_read() -> None:
    for rule in (*RULES[:-1], "drift 0.05"):
        assert str(Rebalance.of(rule)) == rule
    for none in ("yearly", "drift", "drift x", "drift 0", "drift -1", "drift inf", "monthly 2", ""):
        with pytest.raises(ContractError, match="no rule of rebalancing"):
            Rebalance.of(none)


ACROSS = days(date(2024, 1, 30), date(2024, 2, 2))
"""30 and 31 January, 1 and 2 February."""


def drifting(rule: str) -> Simulation:
    """Two names at a constant target of a half; A goes from 100 to 300, B stays at 100."""
    panel = market(ACROSS, {"A": [100, 300, 300, 300], "B": [100, 100, 100, 100]})
    wanted = {"A": [0.5] * 4, "B": [0.5] * 4}
    return simulate(panel, orders(panel, wanted, rule), costs=FREE, capital=1000.0)


@pytest.mark.parametrize(
    ("rule", "row"),
    [
        ("never", None),
        ("on_change", None),
        ("quarterly", None),
        ("every_session", 1),
        ("monthly", 2),
        # At the close of the 31st A has 1,500 of 2,000, 0.25 from its target: traded the next day.
        ("drift 0.2", 2),
        ("drift 0.25", None),
    ],
)
def test_a_constant_target_is_brought_back(rule: str, row: int | None) -> None:
    done = drifting(rule)
    # 5 shares of each; equity 1,500 + 500 = 2,000. A half of it: 1,000/300 of A, 10 of B.
    assert shares(done, 0) == {"A": 5.0, "B": 5.0}
    for t in range(1, 4):
        held = {"A": 5.0, "B": 5.0} if row is None or t < row else {"A": 1000 / 300, "B": 10.0}
        assert shares(done, t) == pytest.approx(held)
    assert done.portfolios["equity"].tolist() == pytest.approx([1000.0, 2000.0, 2000.0, 2000.0])


def test_a_quarter_in_four_names_never_runs_away() -> None:
    """Seven years of one name that gains 0.1 % a session while three stand still.

    In a month of 23 sessions, 22 closes after the first open, a weight of 0.25 is 0.25 · 1.0222 /
    (0.75 + 0.25 · 1.0222) = 0.25415, where 1.001²² = 1.0222;
    left alone for 1,760 sessions it is at 0.25 · 5.81 / (0.75 + 0.25 · 5.81) = 0.66.
    """
    sessions = days(date(2010, 1, 4), date(2016, 12, 30))
    prices: dict[str, list[float | None]] = {name: [100.0] * len(sessions) for name in "BCD"}
    prices["A"] = [100.0 * 1.001**t for t in range(len(sessions))]
    panel = market(sessions, prices)
    wanted = {name: [0.25] * len(sessions) for name in "ABCD"}

    def largest(rule: str) -> float:
        done = simulate(panel, orders(panel, wanted, rule), costs=FREE)
        weights = done.positions.set_index("security_id")["weight"]
        return float(weights["A"].max())

    assert largest("never") == pytest.approx(0.66, abs=0.01)
    assert largest("monthly") == pytest.approx(0.25415, abs=1e-5)
    assert largest("drift 0.05") < 0.3011


def test_entries_and_exits_never_wait() -> None:
    """Under `never`: a new size is left alone, an exit and a change of sign are not."""
    panel = market(ACROSS, {"A": [100] * 4, "B": [100] * 4, "C": [100] * 4})
    wanted = {"A": [0.2, 0.4, 0.4, 0.0], "B": [0.0, 0.2, 0.2, 0.2], "C": [0.2, 0.2, -0.2, -0.1]}
    done = simulate(panel, orders(panel, wanted, "never"), costs=FREE, capital=1000.0)
    assert [shares(done, t) for t in range(4)] == [
        {"A": 2.0, "C": 2.0},
        {"A": 2.0, "B": 2.0, "C": 2.0},
        {"A": 2.0, "B": 2.0, "C": -2.0},
        {"B": 2.0, "C": -2.0},
    ]


def test_a_rebalancing_waits_for_a_bar() -> None:
    """1 February has no bar of A: it is brought back on the 2nd, and from a stored row too."""
    prices: dict[str, list[float | None]] = {"A": [100, 300, None, 300], "B": [100] * 4}
    panel = market(ACROSS, prices)
    wanted = orders(panel, {"A": [0.5] * 4, "B": [0.5] * 4}, "monthly")
    whole = simulate(panel, wanted, costs=FREE, capital=1000.0)
    # B is due, and may have what A leaves: 1 − 1,500/2,000 = 0.25, which is what it has.
    assert shares(whole, 2) == pytest.approx({"A": 5.0, "B": 5.0})
    assert bool(positions(whole, 2)["A"]["is_due"])
    assert shares(whole, 3)["A"] == pytest.approx(1000 / 300)
    first, last = (
        market(ACROSS[:3], {k: v[:3] for k, v in prices.items()}),
        market(ACROSS[3:], {k: v[3:] for k, v in prices.items()}),
    )
    wanted = orders(first, {"A": [0.5] * 3, "B": [0.5] * 3}, "monthly")
    before = simulate(first, wanted, costs=FREE, capital=1000.0)
    after = simulate(
        last,
        orders(last, {"A": [0.5], "B": [0.5]}, "monthly"),
        state=before.state(),
        costs=FREE,
    )
    expected = whole.portfolios.iloc[3:].reset_index(drop=True)
    pd.testing.assert_frame_equal(after.portfolios, expected, check_exact=True)


def test_a_target_that_changes_by_scaling_alone_is_not_traded() -> None:
    """Asked for 0.4 of A and B in all sessions, of C from the second on: scaled by 1/1.2."""
    panel = market(ACROSS, {name: [100.0] * 4 for name in "ABC"})
    scaled = 0.4 / 1.2
    wanted = {"A": [0.4, *[scaled] * 3], "B": [0.4, *[scaled] * 3], "C": [0.0, *[scaled] * 3]}
    asked = {"A": [0.4] * 4, "B": [0.4] * 4, "C": [0.0, 0.4, 0.4, 0.4]}
    done = simulate(panel, orders(panel, wanted, "on_change", asked), costs=FREE, capital=1000.0)
    assert done.portfolios["trade_count"].tolist() == [2, 1, 0, 0]
    # C takes the room that A and B leave: 1 − 0.8 = 0.2.
    assert shares(done, 3) == pytest.approx({"A": 4.0, "B": 4.0, "C": 2.0})
    assert done.portfolios["gross_exposure"].max() == pytest.approx(1.0)


def test_the_capital_of_a_position_that_waits_is_not_given_out_again() -> None:
    """Three names at a third; C has no bar any more and leaves: A and B want a half each."""
    prices: dict[str, list[float | None]] = {
        "A": [100] * 4,
        "B": [100] * 4,
        "C": [100, 100, None, None],
    }
    panel = market(ACROSS, prices)
    third = 1.0 / 3.0
    wanted = {name: [third, third, 0.5, 0.5] for name in "AB"} | {"C": [third, third, 0.0, 0.0]}
    done = simulate(panel, orders(panel, wanted, "on_change"), costs=FREE, capital=900.0)
    # C is worth a third: two thirds are left for A and B, which is what they have.
    assert done.portfolios["gross_exposure"].tolist() == pytest.approx([1.0] * 4)
    assert done.portfolios["cash"].tolist() == pytest.approx([0.0] * 4, abs=1e-9)


def test_a_long_short_book_keeps_its_size() -> None:
    """130/30, with a limit of 1.6; halved with one of 0.8."""
    panel = market(ACROSS[:1], {"A": [100], "B": [100]})
    wanted = orders(panel, {"A": [1.3], "B": [-0.3]}, "monthly", max_gross=1.6)
    done = simulate(panel, wanted, costs=FREE, capital=1000.0)
    assert (
        done.portfolios["gross_exposure"][0],
        done.portfolios["net_exposure"][0],
    ) == pytest.approx((1.6, 1.0))
    half = replace(wanted, rules=TradingRules(Rebalance.of("monthly"), 0.8))
    done = simulate(panel, half, costs=FREE, capital=1000.0)
    assert shares(done, 0) == pytest.approx({"A": 6.5, "B": -1.5})
