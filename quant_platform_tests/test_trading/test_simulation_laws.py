"""Laws of the simulation on random markets with splits, dividends, gaps and short positions.

Restart: going on from any stored row gives the same rows, to the last bit. Accounting: equity
changes by the gains of what is held, plus dividends, minus costs, and by nothing else.
"""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_platform.market.panel import Panel
from quant_platform.trading.costs import Costs
from quant_platform.trading.orders import Orders
from quant_platform.trading.portfolio_state import PortfolioState, Position
from quant_platform.trading.simulation import simulate

SYMBOLS = tuple("ABCDEFGHIJK")


def random_frames(seed, sessions):
    """Bars, actions, signals and universe of one model, with every kind of gap."""
    rng = np.random.default_rng(seed)
    days = np.datetime64("2021-01-01", "D") + np.arange(sessions)
    shape = (sessions, len(SYMBOLS))
    split = np.where(rng.random(shape) < 0.02, rng.choice([2.0, 3.0, 0.5], shape), 1.0)
    dividend = np.where(rng.random(shape) < 0.03, rng.uniform(0.1, 2.0, shape), 0.0)
    growth = np.cumsum(rng.normal(0, 0.03, shape), axis=0)
    close = 100.0 * np.exp(growth) / np.cumprod(split, axis=0)
    opens = close * np.exp(rng.normal(0, 0.01, shape))
    traded = rng.random(shape) > 0.1
    member = rng.random(shape) > 0.05
    member[rng.random(sessions) < 0.1] = False
    target = np.where(rng.random(shape) < 0.3, rng.uniform(-0.1, 0.2, shape).round(2), 0.05)

    def rows(where, **columns):
        at = np.nonzero(where)
        names = np.asarray(SYMBOLS, dtype=object)[at[1]]
        frame = pd.DataFrame({"date": days[at[0]].astype("datetime64[s]"), "security_id": names})
        return frame.assign(**{name: values[at] for name, values in columns.items()})

    bars = rows(
        traded,
        open_price=opens,
        high_price=np.maximum(opens, close),
        low_price=np.minimum(opens, close),
        close_price=close,
        volume=np.full(shape, 1e6),
    )
    nothing = np.full(shape, np.nan)
    actions = pd.concat(
        [
            rows(traded & (split != 1.0), split_ratio=split, cash_amount=nothing),
            rows(traded & (dividend != 0.0), split_ratio=nothing, cash_amount=dividend),
        ]
    )
    signals = rows(
        traded & member,
        signal_type=rng.choice([-1, 0, 1], shape),
        target_weight=target,
        reference_price=close,
    )
    return days, bars, actions, signals, rows(member)


def of_sessions(frame, first, last):
    return frame[(frame["date"] >= first) & (frame["date"] <= last)]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("chunk", [1, 5, 17])
def test_going_on_from_a_row_gives_the_same_bits(seed, chunk):
    days, bars, actions, signals, universe = random_frames(seed, 60)
    whole = simulate(
        Panel.from_frames(bars, actions, days),
        Orders.from_signals(signals, days, universe=universe),
    ).portfolios
    assert whole["trade_count"].sum() > 50
    assert whole["positions"].str.contains("wanted").any()
    state, before = None, None
    for start in range(0, len(days), chunk):
        part = days[start : start + chunk]
        known = part[0] if before is None else before
        # As a partitioned run does: only the rows of these sessions, with the symbols they show.
        frame = simulate(
            Panel.from_frames(
                of_sessions(bars, part[0], part[-1]), of_sessions(actions, part[0], part[-1]), part
            ),
            Orders.from_signals(
                of_sessions(signals, known, part[-1]),
                part,
                before=before,
                universe=of_sessions(universe, known, part[-1]),
            ),
            state=state,
        ).portfolios
        expected = whole.iloc[start : start + chunk].reset_index(drop=True)
        pd.testing.assert_frame_equal(frame, expected, check_exact=True)
        row = {str(name): value for name, value in frame.iloc[-1].items()}
        # A JSON column comes back with its keys in another order, or already parsed.
        row["positions"] = dict(reversed(json.loads(row["positions"]).items()))
        state, before = PortfolioState.from_row(row), part[-1]


@pytest.mark.parametrize("seed", range(6))
def test_equity_changes_by_gains_dividends_and_costs_only(seed):
    days, bars, actions, signals, universe = random_frames(seed, 80)
    panel = Panel.from_frames(bars, actions, days)
    orders = Orders.from_signals(signals, days, universe=universe)
    frame = simulate(panel, orders, costs=Costs(7.0, 11.0)).portfolios
    column = {symbol: number for number, symbol in enumerate(panel.security_ids)}
    held: dict[str, dict[str, float]] = {}
    equity, cash = 1_000_000.0, 1_000_000.0
    for t, row in enumerate(frame.to_dict("records")):
        now = json.loads(row["positions"])
        gains, paid, value = 0.0, 0.0, 0.0
        for symbol in {*held, *now}:
            n = column[symbol]
            before = held.get(symbol, {"shares": 0.0, "price": None})
            after = now.get(symbol, {"shares": 0.0, "price": None})
            overnight = before["shares"] * panel.split[t, n]
            paid += overnight * panel.dividend[t, n]
            value += after["shares"] * (after["price"] or 0.0)
            if panel.traded[t, n]:
                gains += after["shares"] * (panel.close[t, n] - panel.open[t, n])
                if overnight:
                    gains += overnight * (panel.open[t, n] - before["price"] / panel.split[t, n])
        assert row["dividends"] == pytest.approx(paid, abs=1e-6)
        assert row["equity"] - equity == pytest.approx(gains + paid - row["costs"], abs=1e-6)
        assert row["equity"] == pytest.approx(row["cash"] + value, abs=1e-6)
        flows = sum(t["shares"] * t["price"] + t["commission"] for t in json.loads(row["trades"]))
        assert row["cash"] == pytest.approx(cash + paid - flows, abs=1e-6)
        held, equity, cash = now, row["equity"], row["cash"]


@pytest.mark.parametrize("seed", range(3))
def test_later_sessions_change_nothing(seed):
    days, bars, actions, signals, universe = random_frames(seed, 50)

    def upto(stop):
        part = days[:stop]
        return simulate(
            Panel.from_frames(of_sessions(bars, part[0], part[-1]), actions, part),
            Orders.from_signals(signals, part, universe=universe),
        ).portfolios

    whole = upto(50)
    for stop in (1, 20, 49):
        pd.testing.assert_frame_equal(upto(stop), whole.iloc[:stop], check_exact=True)


numbers = st.floats(min_value=0.01, max_value=1e15) | st.floats(max_value=0.0, min_value=-1e15)
prices = st.floats(min_value=1e-6, max_value=1e6)
amounts = st.floats(min_value=-1e12, max_value=1e12).filter(bool)
weights = st.floats(min_value=-1.0, max_value=1.0).map(lambda weight: weight + 0.0)
held_positions = st.builds(Position, st.text(min_size=1), amounts, prices, weights, weights)
empty_positions = st.builds(
    Position, st.text(min_size=1), st.just(0.0), st.just(math.nan), weights, weights
)


@given(
    numbers, numbers, st.lists(held_positions | empty_positions, unique_by=lambda p: p.security_id)
)
@settings(max_examples=200, deadline=None)
def test_a_state_survives_its_row(cash, equity, positions):
    positions = tuple(sorted(positions, key=lambda position: position.security_id))
    state = PortfolioState(cash, equity, positions)
    assert repr(PortfolioState.from_row(state.to_row())) == repr(state)
