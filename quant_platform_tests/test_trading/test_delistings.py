"""Securities that stop trading, and books that lose everything, worked out by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from quant_platform.errors import SettingsError
from quant_platform.market.panel import Panel
from quant_platform.trading.costs import Costs
from quant_platform.trading.delistings import DelistingRules, Endings, year_highs
from quant_platform.trading.simulation import simulate
from quant_platform_tests.support.books import fills, positions, shares
from quant_platform_tests.support.small_markets import DAYS, market, wants

FREE = Costs(0.0, 0.0)
SOON = DelistingRules(sessions=2)
FLAT = (100.0, 100.0)


def retired(*rows):
    """Rows of `securities`: session, security and day of its delisting."""
    days = [pd.Timestamp(DAYS[t]) for t, _, _ in rows]
    ended = [pd.Timestamp(DAYS[t]) for _, _, t in rows]
    names = [name for _, name, _ in rows]
    return pd.DataFrame({"date": days, "security_id": names, "delisted_on": ended})


def run(panel, targets, *, endings=None, capital=1_000_000.0, costs=FREE, **more):
    orders = wants(panel, targets)
    return simulate(
        panel, orders, endings=endings or Endings(), capital=capital, costs=costs, **more
    )


def test_the_money_of_a_stock_that_stopped_trading_is_not_given_out_again():
    # Three at 100, a third each; C has no bar from the fourth session on and leaves the universe,
    # so that A and B are to be a half each.
    line = [FLAT] * 8
    panel = market({"A": line, "B": line, "C": [FLAT] * 3 + [None] * 5})
    third = 1.0 / 3.0
    halves = [third] * 3 + [0.5] * 5
    done = run(
        panel,
        {"A": halves, "B": halves, "C": [third] * 3 + [0.0] * 5},
        endings=Endings(DelistingRules(sessions=3)),
    )
    frame, closed = done.portfolios, done.closed
    assert (frame["gross_exposure"] <= 1.0 + 1e-12).all()
    assert (frame["cash"] >= -1e-6).all()
    # While C waits, A and B are halves of 1,000,000 − 333,333.33: 3,333.33 shares each, as before.
    assert shares(done, 3)["A"] == pytest.approx(3_333.333333)
    waited = [positions(done, t).get("C", {}).get("sessions_without_bar") for t in range(8)]
    assert waited == [*[0] * 3, 1, 2, *[None] * 3]
    # Third session without a bar: closed at 100, as cash.
    assert frame["cash"].tolist()[5:] == pytest.approx([333_333.33] * 3, abs=0.01)
    assert frame["equity"].tolist() == pytest.approx([1_000_000.0] * 8)
    (row,) = closed.to_dict("records")
    assert (row["date"], row["security_id"]) == (pd.Timestamp(DAYS[5]), "C")
    assert (row["assumed"], row["sessions_without_bar"], row["distressed"]) == (True, 3, False)
    assert (row["last_price"], row["delisting_return"]) == (100.0, 0.0)
    assert row["proceeds"] == pytest.approx(333_333.33, abs=0.01)


def test_a_delisting_of_the_reference_data_closes_at_the_close_at_which_it_is_known():
    panel = market({"A": [(50, 50)] * 2 + [None] * 3})
    known = Endings(DelistingRules(), retired((3, "A", 2)))
    done = run(panel, {"A": [0.5]}, endings=known)
    # 500,000 / 50 = 10,000 shares. Delisted in session 2, learned in session 3.
    held = [shares(done, t).get("A") for t in range(5)]
    assert held == [10_000.0, 10_000.0, 10_000.0, None, None]
    (row,) = done.closed.to_dict("records")
    assert (row["date"], row["assumed"]) == (pd.Timestamp(DAYS[3]), False)
    assert done.portfolios["cash"].tolist() == [500_000.0] * 3 + [1_000_000.0] * 2


def test_what_is_retired_but_trades_is_kept():
    panel = market({"A": [FLAT] * 3 + [None, FLAT]})
    done = run(panel, {"A": [0.5]}, endings=Endings(DelistingRules(), retired((1, "A", 1))))
    # A bar came after the reference retired it: the reference was wrong.
    assert done.closed.empty
    later = run(panel, {"A": [0.5]}, endings=Endings(DelistingRules(), retired((2, "A", 9))))
    assert later.closed.empty


@pytest.mark.parametrize(
    ("bars", "distressed"),
    [
        ([(100, 100), (21, 21)], False),  # Fell by 79 %.
        ([(100, 100), (19, 19)], True),  # Fell by 81 %.
        ([(3, 3), (1, 1)], False),  # Exactly 1: not below it.
        ([(3, 3), (0.99, 0.99)], True),
    ],
)
def test_distress_is_a_low_price_or_a_deep_fall(bars, distressed):
    panel = market({"A": [*bars, None, None]})
    done = run(panel, {"A": [1.0]}, endings=Endings(SOON))
    (row,) = done.closed.to_dict("records")
    assert row["distressed"] is distressed
    # 1,000,000 at the first open; 30 % of the last value is lost where there was distress.
    last = 1_000_000.0 * bars[1][1] / bars[0][0]
    paid = last * (0.7 if distressed else 1.0)
    assert row["proceeds"] == pytest.approx(paid)
    assert done.portfolios["equity"].iloc[-1] == pytest.approx(paid)
    assert row["delisting_return"] == (-0.3 if distressed else 0.0)


def test_a_short_position_pays_for_its_end():
    panel = market({"A": [FLAT, None, None]})
    done = run(panel, {"A": [-0.5]}, endings=Endings(SOON))
    # 5,000 short at 100 and bought back at 100: the cash of 1,500,000 becomes 1,000,000 again.
    assert done.closed["proceeds"].tolist() == [-500_000.0]
    assert done.portfolios["cash"].tolist() == [1_500_000.0, 1_500_000.0, 1_000_000.0]


def test_a_split_in_the_pause_changes_units_and_no_value():
    panel = market({"A": [FLAT, (40, 40), None, None]}, splits={("A", 2): 2.0})
    done = run(panel, {"A": [1.0]}, endings=Endings(SOON))
    # 10,000 shares at 40 become 20,000 at 20; the year's high of 100 becomes 50: a fall of 60 %.
    (row,) = done.closed.to_dict("records")
    assert (row["shares"], row["last_price"], row["year_high"]) == (20_000.0, 20.0, 50.0)
    assert (row["distressed"], row["proceeds"]) == (False, 400_000.0)


def test_the_year_high_is_of_252_sessions():
    days = np.datetime64("2020-01-01", "D") + np.arange(300)
    closes = np.full(300, 10.0)
    closes[[40, 60]] = 90.0, 80.0
    rows = pd.DataFrame({"date": days.astype("datetime64[s]"), "security_id": "A", "volume": 1.0})
    for field in ("open", "high", "low", "close"):
        rows[f"{field}_price"] = closes
    none = pd.DataFrame(columns=["date", "security_id", "split_ratio", "cash_amount"])
    panel = Panel.from_frames(rows, none.astype({"date": "datetime64[s]"}), days)
    # Session 299 looks back to session 48, session 291 to session 40.
    assert year_highs(panel, ["A"]) == {"A": 80.0}
    assert year_highs(panel, ["A"], 291) == {"A": 90.0}
    assert year_highs(panel, ["B"]) == {"B": -math.inf}


def test_a_position_that_was_closed_is_bought_again_when_it_is_wanted_and_trades():
    panel = market({"A": [FLAT, None, None, FLAT, FLAT]})
    done = run(panel, {"A": [0.5, None, None, 0.5, None]}, endings=Endings(SOON))
    assert len(done.closed) == 1
    held = [shares(done, t).get("A") for t in range(5)]
    assert held == [5_000.0, 5_000.0, None, 5_000.0, 5_000.0]


@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_the_count_is_state_of_the_portfolio(chunk):
    bars = {"A": [FLAT] * 2 + [None] * 7, "B": [(50, 50)] * 4 + [None] * 3 + [(5, 6)] * 2}
    reference = retired((3, "A", 3))
    endings = Endings(
        DelistingRules(sessions=3), reference, lambda _, ids: dict.fromkeys(ids, 50.0)
    )
    targets = {"A": [0.4] + [None] * 8, "B": [0.4] + [None] * 7 + [0.2]}
    whole = run(market(bars), targets, endings=endings)
    state, parts = None, []
    for start in range(0, 9, chunk):
        panel = part_of(market(bars), start, chunk)
        orders = wants(panel, {n: line[start : start + chunk] for n, line in targets.items()})
        done = simulate(panel, orders, state=state, costs=FREE, endings=endings)
        parts.append(done)
        state = done.state()
    for name in ("portfolios", "closed"):
        joined = pd.concat([getattr(part, name) for part in parts], ignore_index=True)
        pd.testing.assert_frame_equal(joined, getattr(whole, name), check_exact=True)
    assert whole.closed["security_id"].tolist() == ["A", "B"]


def part_of(panel, start, count):
    rows = slice(start, start + count)
    return Panel(
        panel.sessions[rows],
        panel.security_ids,
        *(getattr(panel, name)[rows] for name in ("open", "high", "low", "close", "volume")),
        *(getattr(panel, name)[rows] for name in ("split", "dividend", "traded")),
    )


def test_rules_that_mean_nothing_are_refused():
    for wrong in ({"sessions": 0}, {"normal_return": -2.0}, {"distress_fall": math.nan}):
        with pytest.raises(SettingsError, match=next(iter(wrong))):
            DelistingRules(**wrong)


@pytest.mark.parametrize("seed", range(3))
def test_a_market_of_which_a_fifth_ends_in_five_years(seed):
    """150 stocks, 30 ends, 1,260 sessions; equal weights of the members, changed with them."""
    rng = np.random.default_rng(seed)
    days = np.datetime64("2015-01-01", "D") + np.arange(1260)
    names = [f"S{number:03}" for number in range(150)]
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0003, 0.015, (1260, 150)), axis=0))
    opens = close * np.exp(rng.normal(0.0, 0.005, close.shape))
    traded = np.ones(close.shape, dtype=bool)
    ends = rng.choice(np.arange(50, 1200), 30, replace=False)
    for column, end in enumerate(ends):
        traded[end:, column] = False
    shown = np.where(traded, close, np.nan)
    # As a panel does it: a missing bar is filled for some sessions.
    panel = Panel(
        days,
        tuple(names),
        *(np.where(traded, opens, np.nan), shown, shown, shown, np.ones(close.shape)),
        *(np.ones(close.shape), np.zeros(close.shape), traded),
    )
    orders = wants(panel, {name: [] for name in names})
    # Known at the close: a stock without a bar is no member any more, from the next open on.
    member = np.vstack((traded[:1], traded[:-1]))
    orders.targets[:] = np.where(member, 1.0 / member.sum(axis=1, keepdims=True), 0.0)
    costs = Costs(5.0, 5.0)
    done = simulate(panel, orders, costs=costs)
    frame = done.portfolios
    assert len(done.closed) == 30
    assert done.closed["assumed"].all()
    # Never more than the equity is invested, but for the costs that were paid.
    borrowed = -frame["cash"].to_numpy()
    assert (borrowed <= frame["costs"].cumsum() + 0.01).all()
    assert frame["gross_exposure"].max() < 1.01
    held = done.positions.groupby("date")["value"].sum().to_numpy()
    assert frame["equity"].to_numpy() == pytest.approx(frame["cash"].to_numpy() + held, abs=0.01)
    # All cash flows: trades with their commission, and what was paid for positions that ended.
    flows = done.fills["shares"] * done.fills["price"] + done.fills["commission"]
    assert done.fills["reason"].value_counts()["delisted"] == 30
    cash = 1_000_000.0 - math.fsum(flows)
    assert frame["cash"].iloc[-1] == pytest.approx(cash, abs=0.01)


def test_a_ruined_book_is_closed_out_at_the_next_open_and_frozen():
    # −1 of 1,000,000 at 100: 10,000 short, cash 2,000,000. At 250 they are owed 2,500,000.
    panel = market({"A": [FLAT, (100, 250), (120, 130), (90, 80), (70, 60)], "B": [(10, 10)] * 5})
    done = run(panel, {"A": [-1.0] * 5, "B": [None, None, 0.5, 0.5, 0.5]})
    frame = done.portfolios
    # Bought back at the open of 120: 2,000,000 − 1,200,000.
    assert frame["equity"].tolist() == [1e6, -500_000.0, 800_000.0, 800_000.0, 800_000.0]
    assert frame["ruined"].tolist() == [False, True, True, True, True]
    assert frame["trade_count"].tolist() == [1, 0, 1, 0, 0]
    assert frame["daily_return"].tolist() == pytest.approx(
        [0.0, -1.5, math.nan, 0.0, 0.0], nan_ok=True
    )
    assert frame["gross_exposure"].tolist() == pytest.approx(
        [1.0, math.nan, 0.0, 0.0, 0.0], nan_ok=True
    )
    assert math.isnan(positions(done, 1)["A"]["weight"])
    assert fills(done, 2)[0]["reason"] == "ruin"
    assert frame["cash"].iloc[-1] == 800_000.0


def test_a_ruined_book_that_cannot_trade_waits_for_a_bar():
    panel = market({"A": [FLAT, (100, 250), None, (300, 300), (9, 9)]})
    frame = run(panel, {"A": [-1.0] * 5}).portfolios
    # 2,000,000 − 10,000 · 300 at the first open with a bar.
    assert frame["equity"].tolist() == [1e6, -500_000.0, -500_000.0, -1e6, -1e6]
    assert frame["ruined"].tolist() == [False, True, True, True, True]
    assert frame["daily_return"].isna().tolist() == [False, False, True, True, True]
