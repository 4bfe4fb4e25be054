"""Laws of the simulation on random markets, with every assumption on.

Restart: going on from any session's rows gives the same rows, to the last bit. Accounting: equity
changes by the gains of what is held, plus dividends and interest, minus costs and fees, and by
nothing else. Reference: the engine's rows are those of its NumPy version, to the last bit.
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from quant_platform.market.panel import Panel
from quant_platform.trading import simulation
from quant_platform.trading.costs import Costs
from quant_platform.trading.engine import layout
from quant_platform.trading.engine.loop import run
from quant_platform.trading.limits import Limit, Limits
from quant_platform.trading.portfolio_state import PortfolioState, Position
from quant_platform_tests.oracles.make_engines import market
from quant_platform_tests.support.engines import orders_of, panel_of
from quant_platform_tests.support.random_cases import RandomCase, rows_of

CAPITAL = 1_000_000.0


def assert_same(found, expected):
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


FRAMES = ("portfolios", "positions", "fills", "pending_cash", "closed")


@pytest.mark.parametrize(
    ("chunk", "free", "seed"),
    [
        *((1, False, seed) for seed in range(3)),
        *((7, free, seed) for free in (False, True) for seed in range(10)),
    ],
)
def test_going_on_from_any_session_gives_the_same_bits(chunk, free, seed):
    case = RandomCase(seed, free=free)
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
        *("cash_in_lieu", "halt", "ruin"),
    }


@pytest.fixture
def compared(monkeypatch):
    """Sizes of what the engine and its NumPy version wrote; each simulation is run by both."""
    sizes = []

    def run_both(*given):
        copies = [copied(each) for each in given]
        run(*given)
        run.reference(*copies)
        for found, expected in zip(written(copies), written(given), strict=True):
            assert found.tobytes() == expected.tobytes()
            sizes.append(expected.size)

    monkeypatch.setattr(simulation, "run", run_both)
    return sizes


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("free", [False, True])
def test_the_engine_and_its_numpy_version_write_the_same_bits(seed, free, compared, monkeypatch):
    """Rows, fills, positions, cash owed, shares, and the state left; also of some securities."""
    case = RandomCase(seed, 50, free=free)
    both: Any = vars(simulation)["run"]
    part = (3, 9) if seed % 5 == 0 else (0, len(case.symbols))
    monkeypatch.setattr(simulation, "run", lambda *given: both(*given[:-3], *part, given[-1]))
    case.part(0, 50, shares_only=seed % 5 == 1)
    assert sum(compared) > 1000


@pytest.mark.parametrize("alike", [False, True])
def test_many_purchases_take_their_turns_as_in_numpy(alike, compared):
    """With cash for some of them; weights that lie badly, and many that are equal."""
    random = np.random.default_rng(8)
    panel = panel_of(market(30, 300))
    weights = random.dirichlet(np.ones(300), 30) ** 3
    if alike:
        weights = np.where(random.random(weights.shape) < 0.5, 0.001, weights)
        weights[5:9, :4] = [0.9, 0.05, 0.03, 0.02]
    weights *= 1.2 / weights.sum(axis=1, keepdims=True)
    done = simulation.simulate(panel, orders_of(panel, weights), costs=Costs.like_vectorbt())
    assert sum(compared) > 100_000
    assert len(done.fills) > 5_000


@pytest.mark.parametrize("seed", range(10))
def test_a_limit_that_is_never_met_changes_no_bit(seed):
    """With it the engine takes each of its steps alone, without it some at once."""
    case = RandomCase(seed, free=True)
    at_once = case.part(0, 60)
    for limits in (Limits(gross=Limit(1e9, "warn")), Limits(turnover=Limit(1e9, "scale"))):
        for name in FRAMES:
            assert_same(getattr(case.part(0, 60, limits=limits), name), getattr(at_once, name))


def copied(values):
    """Copy an array, or the arrays of a tape, that the engine writes to."""
    if isinstance(values, tuple):
        return type(values)(*map(copied, values))
    writes = isinstance(values, np.ndarray) and values.flags.writeable
    return values.copy() if writes else values


def written(arguments):
    """Return what the engine wrote: its state of the securities, and all else."""
    *_, book, account, owed, tape, lo, hi, _ = arguments
    counts = account[layout.FILL_COUNT : layout.ROW].astype(int)
    rows = zip((tape.fills.T, tape.states, tape.pending), counts, strict=True)
    held = tape.held[:, lo:hi] if tape.held.size else tape.held
    return [book[lo:hi, : layout.BOOK_STATE].copy(), account, owed, tape.rows, held.copy()] + [
        each[:count] for each, count in rows
    ]


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
            expected = rows_of(getattr(whole, name), case.days[:stop]).reset_index(drop=True)
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
    case.symbols = (*case.symbols, "Aa", "Zz")
    case.levels = np.concatenate((case.levels, np.full((6, 40, 2), np.nan)), axis=2)
    case.lending = {
        name: np.concatenate((each, each[:, :2]), axis=1) for name, each in case.lending.items()
    }
    more = case.part(0, 40)
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
