"""Random markets, wishes and assumptions for the laws of the simulation: everything at once.

The markets have splits, dividends, gaps, ends, short positions, stops and halts.
"""

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd

from quant_platform.market.calendar import XNYS
from quant_platform.market.panel import Panel
from quant_platform.trading.conditions import LIQUIDITY_LOOKBACK, Conditions
from quant_platform.trading.costs import EXECUTE_AT, Costs
from quant_platform.trading.delistings import DelistingRules, Endings
from quant_platform.trading.limits import Limit, Limits
from quant_platform.trading.orders import Orders, TradingRules
from quant_platform.trading.rebalancing import Rebalance
from quant_platform.trading.simulation import simulate

SYMBOLS = tuple("ABCDEFGHIJK")
REBALANCE = ("on_change", "every_session", "weekly", "never", "drift 0.02")


class RandomCase:
    """A market, a model's wishes and a set of assumptions, all drawn from one seed.

    A free one has no limit, and no price or time at which a position is entered or left.
    """

    def __init__(self, seed: int, sessions: int = 60, *, free: bool = False) -> None:
        rng = np.random.default_rng(seed)
        self.symbols = SYMBOLS
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
                    paid_on=paid[dividend != 0.0].astype("datetime64[s]")
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
        rule = Rebalance.of(REBALANCE[seed % len(REBALANCE)])
        self.rules = TradingRules(rule, float(rng.choice([1.2, 6.0])))
        self.costs = costs_of(rng)
        self.limits = limits_of(rng)
        # Some ask for more than the cash and the book have room for; a reckless one is ruined.
        more = rng.choice([1.0, 4.0])
        if seed % 10 == 9:
            more, self.limits, self.rules = 40.0, Limits(), TradingRules(rule, 20.0)
        self.signals["target_weight"] *= more
        self.free = free
        if free:
            self.limits = Limits()

    def rows(self, where, **columns):
        at = np.nonzero(where)
        names = np.asarray(self.symbols, dtype=object)[at[1]]
        frame = pd.DataFrame(
            {"date": self.days[at[0]].astype("datetime64[s]"), "security_id": names}
        )
        return frame.assign(**{name: values[at] for name, values in columns.items()})

    def part(self, start, stop, state=None, **changes):
        """Simulate some sessions, from no more rows than these and the ones looked back on."""
        panel, orders, options = self.given(start, stop)
        return simulate(panel, orders, state=state, **{**options, **changes})

    def given(self, start, stop):
        """Return the panel, orders and assumptions of some sessions."""
        deep = max(start - LIQUIDITY_LOOKBACK, 0)
        days = self.days[deep:stop]
        first = self.days[max(start - 1, 0)]
        panel = Panel.from_frames(rows_of(self.bars, days), rows_of(self.actions, days), days)
        orders = Orders.from_signals(
            rows_of(self.signals, self.days[max(start - 1, 0) : stop]),
            self.days[start:stop],
            before=first if start else None,
            universe=rows_of(self.universe, self.days[max(start - 1, 0) : stop]),
            rules=self.rules,
        )
        levels = np.full((6, *orders.targets.shape), np.nan)
        columns = [self.symbols.index(each) for each in orders.security_ids]
        earlier = self.levels[:, max(start - 1, 0) : stop - 1][:, :, columns]
        levels[:, levels.shape[1] - earlier.shape[1] :] = earlier
        given = [self.symbols.index(each) for each in panel.security_ids]
        lending = {name: each[deep:stop][:, given] for name, each in self.lending.items()}
        numbers = np.array([40, -1, 7, 1000])[np.array(given) % 4]
        sectors = np.tile(numbers, (len(days), 1))
        options = {
            "costs": self.costs,
            "limits": self.limits,
            "endings": Endings(
                DelistingRules(sessions=5),
                rows_of(self.retired, self.days[start:stop]),
                lambda _, names: dict.fromkeys(names, 150.0),
            ),
            "conditions": Conditions(
                sectors=sectors,
                released=self.days[::7],
                halted=self.days[5::14],
                **lending,  # type: ignore[arg-type]
            ),
            "actions": self.actions,
        }
        return panel, orders if self.free else replace(orders, levels=levels), options


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


def rows_of(frame, days):
    return frame[(frame["date"] >= days[0]) & (frame["date"] <= days[-1])]
