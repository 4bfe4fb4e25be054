"""Laws of the simulation on random markets, with every assumption on.

The markets have splits, dividends, gaps, ends, short positions, stops and halts. Restart: going on
from any session's rows gives the same rows, to the last bit. Accounting: equity changes by the
gains of what is held, plus dividends and interest, minus costs and fees, and by nothing else.
"""

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from quant_platform.market.calendar import XNYS
from quant_platform.market.panel import Panel
from quant_platform.trading.conditions import LIQUIDITY_LOOKBACK, Conditions
from quant_platform.trading.costs import EXECUTE_AT, Costs
from quant_platform.trading.delistings import DelistingRules, Endings
from quant_platform.trading.limits import Limit, Limits
from quant_platform.trading.orders import Orders, TradingRules
from quant_platform.trading.portfolio_state import PortfolioState, Position
from quant_platform.trading.rebalancing import Rebalance
from quant_platform.trading.simulation import simulate

SYMBOLS = tuple("ABCDEFGHIJK")
CAPITAL = 1_000_000.0
REBALANCE = ("on_change", "every_session", "weekly", "never", "drift 0.02")


class RandomCase:
    """A market, a model's wishes and a set of assumptions, all drawn from one seed."""

    def __init__(self, seed: int, sessions: int = 60) -> None:
        rng = np.random.default_rng(seed)
        days = XNYS.sessions(date(2017, 7, 10), date(2018, 6, 1))
        self.days = np.array(days[:sessions], "datetime64[D]")
        shape = (sessions, len(SYMBOLS))
        split = np.where(rng.random(shape) < 0.02, rng.choice([2.0, 1.5, 0.1], shape), 1.0)
        dividend = np.where(rng.random(shape) < 0.03, rng.uniform(0.1, 2.0, shape), 0.0)
        growth = np.cumsum(rng.normal(0, 0.03, shape), axis=0)
        close = 100.0 * np.exp(growth) / np.cumprod(split, axis=0)
        opens = close * np.exp(rng.normal(0, 0.01, shape))
        traded = rng.random(shape) > 0.1
        traded[sessions // 2 :, 0] = False
        traded[sessions // 3 : sessions // 3 + 9, 1] = False
        member = rng.random(shape) > 0.05
        member[rng.random(sessions) < 0.1] = False
        weight = np.where(rng.random(shape) < 0.3, rng.uniform(-0.1, 0.2, shape).round(2), 0.05)
        wide = np.exp(np.abs(rng.normal(0, 0.01, shape)))
        self.bars = self.rows(
            traded,
            open_price=opens,
            high_price=np.maximum(opens, close) * wide,
            low_price=np.minimum(opens, close) / wide,
            close_price=close,
            volume=rng.lognormal(8.0, 1.0, shape).round(),
        )
        nothing = np.full(shape, np.nan)
        paid = self.days[:, None] + rng.integers(0, 40, shape)
        self.actions = pd.concat(
            [
                self.rows(split != 1.0, split_ratio=split, cash_amount=nothing),
                self.rows(dividend != 0.0, split_ratio=nothing, cash_amount=dividend).assign(
                    pay_date=paid[dividend != 0.0].astype("datetime64[s]")
                ),
            ]
        )
        self.signals = self.rows(
            traded & member,
            signal_type=rng.choice([-1, 0, 1], shape),
            target_weight=weight,
            reference_price=close,
        )
        self.universe = self.rows(member)
        self.levels = np.full((6, *shape), np.nan)
        for level, (low, high) in enumerate(
            ((0.97, 1.03), (0.97, 1.03), (0.85, 0.97), (1.03, 1.15), (0.05, 0.2), (3, 20))
        ):
            value = rng.uniform(low, high, shape)
            value = value.round() if level == 5 else value * (close if level < 4 else 1.0)
            # A level comes with a signal of its session.
            stated = (rng.random(shape) < 0.1) & traded & member
            self.levels[level] = np.where(stated, value, np.nan)
        self.lending = {
            "borrow": rng.uniform(0.0, 0.5, shape),
            "available": rng.random(shape) > 0.2,
            "recalled": rng.random(shape) < 0.03,
            "beta": rng.normal(1.0, 0.3, shape),
        }
        self.retired = self.rows((rng.random(shape) < 0.03) & ~traded).assign(
            delisted_on=pd.Timestamp("2000-01-01")
        )
        self.rules = TradingRules(Rebalance.of(REBALANCE[seed % len(REBALANCE)]), 1.2)
        self.costs = costs_of(rng)
        self.limits = limits_of(rng)

    def rows(self, where, **columns):
        at = np.nonzero(where)
        names = np.asarray(SYMBOLS, dtype=object)[at[1]]
        frame = pd.DataFrame(
            {"date": self.days[at[0]].astype("datetime64[s]"), "security_id": names}
        )
        return frame.assign(**{name: values[at] for name, values in columns.items()})

    def part(self, start, stop, state=None, **changes):
        """Simulate some sessions, from no more rows than these and the ones looked back on."""
        deep = max(start - LIQUIDITY_LOOKBACK, 0)
        days = self.days[deep:stop]
        first = self.days[max(start - 1, 0)]
        panel = Panel.from_frames(of(self.bars, days), of(self.actions, days), days)
        orders = Orders.from_signals(
            of(self.signals, self.days[max(start - 1, 0) : stop]),
            self.days[start:stop],
            before=first if start else None,
            universe=of(self.universe, self.days[max(start - 1, 0) : stop]),
            rules=self.rules,
        )
        levels = np.full((6, *orders.targets.shape), np.nan)
        columns = [SYMBOLS.index(each) for each in orders.security_ids]
        earlier = self.levels[:, max(start - 1, 0) : stop - 1][:, :, columns]
        levels[:, levels.shape[1] - earlier.shape[1] :] = earlier
        given = [SYMBOLS.index(each) for each in panel.security_ids]
        lending = {name: each[deep:stop][:, given] for name, each in self.lending.items()}
        sectors = {name: "xyz"[number % 3] for number, name in enumerate(SYMBOLS)}
        options = {
            "costs": self.costs,
            "limits": self.limits,
            "endings": Endings(
                DelistingRules(sessions=5),
                of(self.retired, self.days[start:stop]),
                lambda _, names: dict.fromkeys(names, 150.0),
            ),
            "conditions": Conditions(**lending, sectors=sectors),
            "actions": self.actions,
        }
        return simulate(
            panel, replace(orders, levels=levels), state=state, **{**options, **changes}
        )


def costs_of(rng) -> Costs:
    """Every assumption, drawn; none of them off for good."""
    return Costs.realistic(
        commission_bp=7.0,
        slippage_bp=11.0,
        size_at=rng.choice(["fill", "previous_close"]),
        execute_at=rng.choice(EXECUTE_AT),
        whole_shares=bool(rng.random() < 0.5),
        lot=float(rng.choice([1.0, 5.0])),
        min_order=float(rng.choice([0.0, 500.0])),
        size_includes_costs=bool(rng.random() < 0.3),
        cash_only=bool(rng.random() < 0.3),
        volume_share=float(rng.choice([0.05, 0.5, math.inf])),
        rest=rng.choice(["carry", "cancel"]),
        limit_through=bool(rng.random() < 0.5),
        commission_per_share=0.005,
        commission_minimum=1.0,
        commission_tiers=((20_000.0, 3.0),),
        buy_tax_bp=2.0,
        sell_tax_bp=1.0,
        cash_rate=0.02,
        dividends_paid=rng.choice(["ex_date", "pay_date"]),
        withholding=0.15,
        charge_before_spread=bool(rng.random() < 0.3),
    )


def limits_of(rng) -> Limits:
    if rng.random() < 0.3:
        return Limits()
    action = str(rng.choice(["warn", "scale"]))
    return Limits(
        name=Limit(0.15, action),
        sector=Limit(0.4, action),
        gross=Limit(0.9, action),
        net=Limit(0.6, action),
        beta=Limit(0.7, action),
        turnover=Limit(0.3, action),
        leverage=Limit(1.0, action),
        drawdown=Limit(0.1, str(rng.choice(["warn", "scale", "halt"]))),
        daily_loss=Limit(0.03, action),
    )


def of(frame, days):
    return frame[(frame["date"] >= days[0]) & (frame["date"] <= days[-1])]


def assert_same(found, expected):
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


FRAMES = ("portfolios", "positions", "fills", "pending_cash", "closed")


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("chunk", [1, 7])
def test_going_on_from_any_session_gives_the_same_bits(seed, chunk):
    case = RandomCase(seed)
    whole = case.part(0, 60)
    assert len(whole.fills) > 25
    state, parts = None, []
    for start in range(0, 60, chunk):
        parts.append(case.part(start, min(start + chunk, 60), state))
        state = parts[-1].state()
    for name in FRAMES:
        joined = pd.concat([getattr(part, name) for part in parts], ignore_index=True)
        assert_same(joined, getattr(whole, name))


def test_the_random_cases_have_every_kind_of_fill():
    reasons = {name for seed in range(30) for name in RandomCase(seed).part(0, 60).fills["reason"]}
    assert reasons >= {
        *("target", "stop", "take_profit", "trailing_stop", "time_stop", "recall", "delisted"),
        *("cash_in_lieu", "halt"),
    }


@pytest.mark.parametrize("seed", range(10))
def test_equity_changes_by_gains_dividends_and_costs_only(seed):
    """The change of equity, from prices, shares, fills and payments; nothing of it is the engine's.

    A position's gain of a session is the price change of what was held overnight, and for each fill
    the difference of the close to its price.
    """
    case = RandomCase(seed, 80)
    done = case.part(0, 80)
    panel = Panel.from_frames(case.bars, case.actions, case.days)
    rows = done.portfolios.set_index("date")
    held = done.positions.pivot(index="date", columns="security_id", values="shares")
    price = done.positions.pivot(index="date", columns="security_id", values="price")
    names = list(panel.security_ids)
    held = held.reindex(index=rows.index, columns=names).fillna(0.0).to_numpy()
    price = price.reindex(index=rows.index, columns=names).to_numpy()
    before = np.vstack((np.zeros(len(names)), held[:-1]))
    last = np.vstack((np.full(len(names), np.nan), price[:-1]))
    now = np.where(panel.traded, panel.close, last / panel.split)
    overnight = before * panel.split
    moved = np.where(before != 0.0, overnight * (now - last / panel.split), 0.0).sum(axis=1)
    row = done.fills["date"].map({day: t for t, day in enumerate(rows.index)}).to_numpy()
    column = done.fills["security_id"].map(names.index).to_numpy()
    at = done.fills["shares"] * (now[row, column] - done.fills["price"])
    traded = np.zeros(len(rows))
    np.add.at(traded, row, at - done.fills["commission"] - done.fills["tax"])
    dividends = overnight * panel.dividend
    dividends = np.where(dividends > 0.0, dividends * (1 - 0.15), dividends)
    # A dividend is paid on shares after the split, and whole shares lose their rest before it.
    rest = done.fills[done.fills["reason"] == "cash_in_lieu"]
    rest_row, rest_column = (
        rest["date"].map({day: t for t, day in enumerate(rows.index)}).to_numpy(dtype=int),
        rest["security_id"].map(names.index).to_numpy(dtype=int),
    )
    less = rest["shares"].to_numpy() * panel.dividend[rest_row, rest_column]
    dividends[rest_row, rest_column] += np.where(less < 0.0, less * (1 - 0.15), less)
    expected = moved + traded + dividends.sum(axis=1)
    expected += (rows["interest"] - rows["borrow_fees"]).to_numpy()
    change = np.diff(np.concatenate(([CAPITAL], rows["equity"])))
    np.testing.assert_allclose(change, expected, atol=0.005)
    np.testing.assert_allclose(rows["dividends"], dividends.sum(axis=1), atol=1e-6)
    # Equity is cash, what is owed and positions; costs are what the fills say.
    worth = np.where(held != 0.0, held * np.nan_to_num(price), 0.0).sum(axis=1)
    total = rows["cash"] + rows["receivables"] + worth
    np.testing.assert_allclose(rows["equity"], total, atol=1e-6)
    costs = done.fills[["commission", "tax", "spread", "impact"]].sum(axis=1)
    by_day = costs.groupby(done.fills["date"]).sum().reindex(rows.index, fill_value=0.0)
    np.testing.assert_allclose(rows["costs"], by_day, atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_later_sessions_change_nothing(seed):
    case = RandomCase(seed, 50)
    whole = case.part(0, 50)
    for stop in (1, 20, 49):
        cut = case.part(0, stop)
        for name in FRAMES:
            expected = of(getattr(whole, name), case.days[:stop]).reset_index(drop=True)
            assert_same(getattr(cut, name), expected)


@pytest.mark.parametrize("seed", range(5))
def test_securities_that_nobody_wants_change_no_bit(seed):
    """Sums run over the securities in their order: one that is not held adds 0."""
    case = RandomCase(seed, 40)
    some = case.part(0, 40)
    case.signals = pd.concat(
        [
            case.signals,
            *(
                case.signals[case.signals["security_id"] == "C"].assign(
                    security_id=name, target_weight=0.0, signal_type=0
                )
                for name in ("Aa", "Zz")
            ),
        ]
    )
    case.universe = pd.concat(
        [case.universe, *(case.universe.assign(security_id=name) for name in ("Aa", "Zz"))]
    ).drop_duplicates()
    global SYMBOLS
    before, SYMBOLS = SYMBOLS, (*SYMBOLS, "Aa", "Zz")
    try:
        case.levels = np.concatenate((case.levels, np.full((6, 40, 2), np.nan)), axis=2)
        more = case.part(0, 40)
    finally:
        SYMBOLS = before
    for name in FRAMES:
        assert_same(getattr(more, name), getattr(some, name))


def test_shares_alone_are_those_of_the_positions():
    case = RandomCase(3)
    done, light = case.part(0, 60), case.part(0, 60, shares_only=True)
    assert_same(light.portfolios, done.portfolios)
    assert_same(light.fills, done.fills)
    held = done.positions.pivot(index="date", columns="security_id", values="shares")
    held = held.reindex(index=done.portfolios["date"], columns=list(done.security_ids)).fillna(0.0)
    np.testing.assert_array_equal(light.shares, held)


def test_a_state_is_read_from_rows_as_it_was_written():
    """With each of its numbers other than their defaults."""
    case = RandomCase(4)
    state = case.part(0, 30).state()
    kinds = {type(each) for each in state.positions}
    assert kinds == {Position}
    assert state.session == case.days[29]
    rebuilt = PortfolioState(
        state.cash,
        state.equity,
        state.positions,
        state.ruined,
        state.halted,
        state.highest_equity,
        state.weight_factor,
        state.session,
        state.dividends,
        state.unsettled,
    )
    assert repr(rebuilt) == repr(state)
