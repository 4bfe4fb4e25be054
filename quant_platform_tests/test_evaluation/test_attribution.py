"""P&L by session, security and round trip: by hand, and that it closes whatever happens.

The random markets have splits, dividends, gaps, ends, short positions, fees, ruins and halts.
"""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from quant_platform.errors import ContractError
from quant_platform.evaluation.attribution.account import UNCLASSIFIED, Account, filled_groups
from quant_platform.evaluation.attribution.excursions import extremes
from quant_platform.evaluation.attribution.gains import COSTS, GAINS, gain_lines, unexplained
from quant_platform.evaluation.attribution.matching import match
from quant_platform.evaluation.attribution.totals import by_cause, by_sector, by_security
from quant_platform.evaluation.attribution.trips import (
    best_and_worst,
    by_fill,
    by_position,
    round_trips,
    trade_figures,
)
from quant_platform.trading.costs import Costs
from quant_platform.trading.delistings import DelistingRules, Endings
from quant_platform.trading.simulation import START_CAPITAL, simulate
from quant_platform_tests.support.accounts import account_of, random_account
from quant_platform_tests.support.small_markets import market, wants

CLOSES = 1e-10
"""Share of the equity by which a sum may be apart."""


@pytest.fixture(scope="module")
def account():
    panel = market(
        {
            "A": [(10, 10), (10, 11), (6, 6), (6, 7), (7, 7)],
            "B": [(50, 50), (50, 40), (40, 45), None, None],
        },
        splits={("A", 2): 2.0},
        dividends={("A", 3): 0.5},
    )
    orders = wants(panel, {"A": [None, 0.5, None, -0.4], "B": [None, 0.5]})
    rules = Endings(DelistingRules(sessions=2, normal_return=-0.3))
    free = Costs(0.0, 0.0)
    done = simulate(panel, orders, costs=free, capital=1000.0, endings=rules)
    return account_of(panel, done, 1000.0)


def cell(rows, key):
    """One row, by what names it."""
    return rows.loc[key]


class TestByHand:
    """A is bought at 10, split 2 for 1, pays 0.5 and is turned into a short position at 6.

    B is bought at 50, falls to 45, and is never traded again: paid at −30 %.
    """

    def test_lines(self, account) -> None:
        rows = gain_lines(account).set_index(["date", "security_id"])
        day = account.sessions.astype("datetime64[s]")
        # 50 shares of A from 10 to 11, 10 of B from 50 to 40: the trades of the day.
        assert cell(rows, (day[1], "A"))["trading"] == 50.0
        assert cell(rows, (day[1], "B"))["trading"] == -100.0
        # 100 shares from 5.5 to 6: a split gains nothing.
        assert cell(rows, (day[2], "A"))["holding"] == 50.0
        third = cell(rows, (day[3], "A"))
        # 100 more to 7, less what was sold at 6: 100, and 40 % of 1,100 (with the dividend) short.
        sold = 100.0 + 0.4 * 1100.0 / 6.0
        assert third["dividends"] == 50.0
        assert third["holding"] + third["trading"] == pytest.approx(100.0 - sold)
        # 10 shares of 45 at −30 %.
        assert cell(rows, (day[4], "B"))["ending"] == pytest.approx(-135.0)
        assert np.abs(unexplained(gain_lines(account), account)).max() < 1e-12

    def test_trips(self, account) -> None:
        trips = round_trips(account).set_index(["security_id", "side"])
        long, short = cell(trips, ("A", "long")), cell(trips, ("A", "short"))
        # In shares after the split: 100 at 5, sold at 6 with 0.5 a share received.
        assert (long["shares"], long["entry_price"]) == (100.0, 5.0)
        assert long["exit_price"] == pytest.approx(6.0)
        assert (long["price_gain"], long["dividends"], long["sessions"]) == (
            pytest.approx(100.0),
            50.0,
            2,
        )
        # Best at the exit: 6.5 of 5; never below what was paid.
        assert (long["largest_gain"], long["largest_loss"]) == (pytest.approx(0.3), 0.0)
        assert (short["exit_reason"], short["sessions"]) == ("open", 1)
        assert short["largest_loss"] == pytest.approx(-1.0 / 6.0)
        ended = cell(trips, ("B", "long"))
        assert (ended["exit_reason"], ended["exit_price"]) == ("delisted", pytest.approx(31.5))
        assert ended["return"] == pytest.approx(31.5 / 50.0 - 1.0)
        assert ended["largest_loss"] == pytest.approx(-0.37)

    def test_a_fill_that_closes_has_the_gain(self, account) -> None:
        trips, lines = round_trips(account), gain_lines(account)
        rows = by_fill(trips, lines, account)
        short = trips[trips["side"] == "short"]["pnl"].sum()
        # Buying settles nothing; the turn settles the long trip and opens the short one.
        assert rows["pnl"].tolist()[:2] == [0.0, 0.0]
        assert rows["pnl"].iloc[2] == pytest.approx(150.0 + short)

    def test_figures(self, account) -> None:
        trips = round_trips(account)
        figures = trade_figures(trips)
        assert (figures["trips"], figures["closed"], figures["win_rate"]) == (3.0, 2.0, 0.5)
        assert figures["profit_factor"] == pytest.approx(150.0 / 185.0)
        best, worst = best_and_worst(trips, 1)
        assert best["security_id"].tolist() == ["A"]
        assert worst["security_id"].tolist() == ["B"]

    def test_nothing_closed_has_no_figure(self, account) -> None:
        figures = trade_figures(round_trips(account)[:0])
        assert figures["closed"] == 0.0
        assert figures.drop(["trips", "closed"]).isna().all()


@pytest.mark.parametrize("seed", range(20))
def test_everything_adds_up_to_the_change_of_equity(seed: int) -> None:
    account, done = random_account(seed)
    lines = gain_lines(account)
    size = max(np.abs(account.equity).max(), START_CAPITAL)
    assert np.abs(unexplained(lines, account)).max() < CLOSES * size
    change = account.equity[-1] - START_CAPITAL
    trips = round_trips(account)
    tables = {
        "security": by_security(lines),
        "sector": by_sector(lines),
        "cause": by_cause(lines),
        "fill": by_fill(trips, lines, account),
        "position": by_position(trips, lines),
    }
    for name, table in tables.items():
        assert abs(table["pnl"].sum() - change) < CLOSES * size, name
    rows = done.portfolios
    for name in ("dividends", "interest", "borrow_fees"):
        assert lines[name].sum() == pytest.approx(rows[name].sum(), rel=1e-9, abs=1e-6), name
    costs = lines[list(COSTS[:-1])].to_numpy().sum()
    assert costs == pytest.approx(rows["costs"].sum(), rel=1e-9)
    assert (trips["largest_gain"] >= 0.0).all() and (trips["largest_loss"] <= 0.0).all()
    assert lines["pnl"].sum() == pytest.approx(
        lines[list(GAINS)].to_numpy().sum() - lines[list(COSTS)].to_numpy().sum()
    )


def test_the_random_accounts_have_what_is_hard() -> None:
    accounts = [random_account(seed)[0] for seed in range(20)]
    trips = pd.concat([round_trips(each) for each in accounts])
    assert {"delisted", "cash_in_lieu", "stop", "open", "ruin"} <= set(trips["exit_reason"])
    assert {"long", "short"} == set(trips["side"])
    assert any((each.split != 1.0).any() for each in accounts)
    assert any((each.equity <= 0.0).any() for each in accounts)


@pytest.mark.parametrize("seed", [0, 3, 8, 9])
def test_lines_are_the_same_bits_however_history_is_cut(seed: int) -> None:
    whole, _ = random_account(seed)
    cuts, done, parts = [0, 7, 8, 31, 60], None, []
    for start, stop in pairwise(cuts):
        account, done = random_account(seed, start, stop, done)
        parts.append(gain_lines(account))
    want = gain_lines(whole).drop(columns="group")
    got = pd.concat(parts, ignore_index=True).drop(columns="group")
    pd.testing.assert_frame_equal(got, want, check_exact=True)


def test_what_was_held_before_is_a_trip_without_an_entry() -> None:
    _, first = random_account(3, 0, 20)
    account, _ = random_account(3, 20, 60, first)
    trips, lines = round_trips(account), gain_lines(account)
    held = trips[trips["entry_reason"] == "held"]
    assert len(held) and held["entry_date"].isna().all() and (held["entry"] == -1).all()
    change = account.equity[-1] - account.equity_before
    table = by_fill(trips, lines, account)
    assert abs(table["pnl"].sum() - change) < CLOSES * account.equity_before


def test_fifo_is_what_a_queue_gives() -> None:
    random = np.random.default_rng(7)
    for case in range(200):
        security = np.sort(random.integers(0, 4, 25))
        shares = random.integers(1, 6, 25) * random.choice([-1.0, 1.0], 25)
        # Tenths are no sums of powers of two.
        shares *= 0.1 if case % 2 else 1.0
        pieces = match(security, shares)
        got = list(zip(pieces.opened.tolist(), pieces.closed.tolist(), strict=True))
        want = queued(security.tolist(), shares.tolist())
        order = sorted(range(len(got)), key=got.__getitem__)
        assert [got[each] for each in order] == [each[:2] for each in want]
        assert pieces.size[order] == pytest.approx([each[2] for each in want])
        used = np.bincount(pieces.opened, pieces.of_opened, 25)
        closed = pieces.closed >= 0
        used += np.bincount(pieces.closed[closed], pieces.of_closed[closed], 25)
        assert used == pytest.approx(np.ones(25), abs=1e-12)


def queued(security, shares):
    """The same by a queue of each security, one fill after the other."""
    queues: dict[int, list[tuple[int, float]]] = {}
    found = []
    for number, (name, left) in enumerate(zip(security, shares, strict=True)):
        queue = queues.setdefault(name, [])
        while abs(left) > 1e-9 and queue and queue[0][1] * left < 0.0:
            opened, size = queue[0]
            part = min(abs(left), abs(size))
            found.append((opened, number, part))
            left -= np.sign(left) * part
            queue[0] = (opened, size - np.sign(size) * part)
            if abs(queue[0][1]) < 1e-9:
                queue.pop(0)
        if abs(left) > 1e-9:
            queue.append((number, left))
    found += [(opened, -1, abs(size)) for queue in queues.values() for opened, size in queue]
    return sorted(found)


def test_extremes_are_those_of_each_range() -> None:
    random = np.random.default_rng(3)
    values = np.where(random.random((50, 4)) < 0.1, np.nan, random.normal(size=(50, 4)))
    column, start = random.integers(0, 4, 300), random.integers(0, 50, 300)
    stop = np.minimum(start + random.integers(0, 51, 300), 50)
    high, low = extremes(values, column, start, stop)
    for at in range(300):
        cells = values[start[at] : stop[at], column[at]]
        known = cells[~np.isnan(cells)]
        if len(known):
            assert (high[at], low[at]) == (known.max(), known.min())
        else:
            assert np.isnan(high[at]) and np.isnan(low[at])


class TestGroups:
    def test_the_last_known_one_is_carried_on(self) -> None:
        panel = market({"A": [(10, 10), (10, 11), (11, 12)], "B": [(10, 10), (10, 9), (9, 9)]})
        orders = wants(panel, {"A": [None, 0.5], "B": [None, 0.5]})
        done = simulate(panel, orders, costs=Costs(0.0, 0.0), capital=1000.0)
        codes = np.array([[0, 1], [0, 1], [-1, 1]])
        groups, names = filled_groups(codes, ("Energy", "Unknown"))
        account = account_of(panel, done, 1000.0, groups=groups, group_names=names)
        rows = by_sector(gain_lines(account)).set_index("sector")["pnl"]
        assert rows.to_dict() == {"Energy": 100.0, "cash": 0.0, UNCLASSIFIED: -50.0}


class TestBadInput:
    def test_rows_of_other_sessions(self) -> None:
        account, done = random_account(0, 0, 10)
        with pytest.raises(ContractError, match="portfolios of 9 sessions for prices of 10"):
            Account(
                account.sessions,
                account.security_ids,
                done.portfolios[1:],
                done.positions,
                done.fills,
                account.close,
                account.split,
                account.dividend,
                START_CAPITAL,
            )

    def test_a_security_without_prices(self) -> None:
        panel = market({"A": [(10, 10), (10, 11)]})
        done = simulate(panel, wants(panel, {"A": [None, 1.0]}), capital=1000.0)
        account = account_of(panel, done, 1000.0)
        stranger = done.fills.assign(security_id="X")
        with pytest.raises(ContractError, match="no price of X"):
            gain_lines(
                Account(
                    account.sessions,
                    account.security_ids,
                    done.portfolios,
                    done.positions,
                    stranger,
                    account.close,
                    account.split,
                    account.dividend,
                    1000.0,
                )
            )

    def test_equity_that_is_not_positive_has_no_return(self) -> None:
        ruined = next(
            each
            for each in (random_account(seed)[0] for seed in (9, 19, 29))
            if (each.equity <= 0.0).any()
        )
        first = int(np.argmax(ruined.equity <= 0.0))
        assert np.isnan(ruined.returns[first + 1 :][ruined.equity[first:-1] <= 0.0]).all()
        assert np.isfinite(ruined.returns[: first + 1]).all()
