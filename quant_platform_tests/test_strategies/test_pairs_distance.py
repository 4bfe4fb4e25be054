"""Distances, deviations and positions of pairs, all of them worked out by hand."""

import numpy as np
import pytest

from quant_platform.market.calendar import XNYS, parse_date
from quant_platform.market.panel import Panel
from quant_platform.strategies.library.pairs_distance import PairsDistance
from quant_platform.strategies.pairs import Pairs, closest_pairs, pair_positions


def returns_of(prices):
    """Returns of prices that begin with 1 before the first session."""
    prices = np.array(prices, dtype=np.float64)
    return prices / np.vstack((np.ones(prices.shape[1]), prices[:-1])) - 1.0


def test_the_closest_pairs():
    """A − B is 0, 0.1, 0: distance 0.01, deviation √((0.01 − 0.1²/3)/2). A − C is −0.9, −0.8, −0.9.

    B and C do not move, so that they never part; D has no return in one session; E goes to 0.
    """
    prices = [[1.1, 1.1, 2.0, 1.1, 1.1], [1.2, 1.1, 2.0, 1.1, 0.0], [1.1, 1.1, 2.0, 1.1, 0.0]]
    with np.errstate(invalid="ignore"):
        returns = returns_of(prices)
    returns[1, 3] = np.nan
    found = closest_pairs(returns, 5)
    assert list(zip(found.left.tolist(), found.right.tolist(), strict=True)) == [(0, 1), (0, 2)]
    np.testing.assert_allclose(found.deviation, np.sqrt((0.01 - 0.01 / 3) / 2))
    assert closest_pairs(returns, 1).right.tolist() == [1]
    assert closest_pairs(returns[:, :1], 5).left.tolist() == []


def test_when_a_pair_is_open():
    """Deviation 0.05, so it opens beyond 0.1. Left − right: 0, 0.05, 0.15, 0.12, 0, −0.15."""
    left = [[1.0], [1.05], [1.15], [1.12], [1.0], [0.85], [0.85], [0.85]]
    returns = np.hstack((returns_of(left), np.zeros((8, 1))))
    returns[6, 1] = np.nan
    pairs = Pairs(np.array([0]), np.array([1]), np.array([0.05]))
    positions = pair_positions(returns, pairs, 2.0)
    # Closed in the session without a return, and open again in the next.
    assert positions[:, 0].tolist() == [0, 0, -1, -1, 0, 1, 0, 1]


DAYS = np.array(
    XNYS.sessions(parse_date("2010-12-15"), parse_date("2011-03-02")), dtype="datetime64[D]"
)
CHOICE, NEXT = (
    int(np.flatnonzero(np.datetime64(day) == DAYS)[0]) for day in ("2011-02-01", "2011-03-01")
)


def market(stops=None):
    """A and B differ by 0, 0.02 in turn until the choice; then A rises by 10 % and falls again."""
    prices = np.ones((len(DAYS), 3))
    prices[1::2, 0] = 1.02
    prices[:, 2] = np.linspace(1.5, 3.0, len(DAYS))
    at = prices[CHOICE, 0]
    prices[CHOICE:, 0] = at
    prices[CHOICE + 3 : CHOICE + 6, 0] = at * 1.1
    if stops is not None:
        prices[stops:, 1] = np.nan
    returns = np.full(prices.shape, 0.0)
    returns[1:] = prices[1:] / prices[:-1] - 1.0
    features = {"return_1": returns, "realized_volatility_20": np.full(prices.shape, 0.2)}
    return Panel(DAYS, ("A", "B", "C"), close=50.0 * prices, features=features)


def weights(panel, **parameters):
    strategy = PairsDistance(formation=20, trading="month", **parameters)
    frame = strategy.run(panel)
    return frame.pivot(index="date", columns="security_id", values="target_weight").to_numpy()


def test_the_dearer_is_sold_and_the_cheaper_bought_until_they_meet():
    held = weights(market(), pairs=1)
    is_open = np.zeros(len(DAYS), dtype=bool)
    is_open[CHOICE + 3 : CHOICE + 6] = True
    assert (held[is_open] == [-0.5, 0.5, 0.0]).all()
    assert not held[~is_open].any()


def test_fewer_pairs_than_asked_for_leave_cash():
    """Three securities are three pairs; each has a tenth of the equity, half of it on each side."""
    held = weights(market(), pairs=10)
    assert held[CHOICE + 3, 1] == pytest.approx(0.05)


def test_a_pair_of_which_one_stops_trading_is_closed():
    held = weights(market(CHOICE + 4), pairs=1)
    assert held[CHOICE + 3].tolist() == [-0.5, 0.5, 0.0]
    assert held[CHOICE + 4, 0] == 0.0
    assert np.isnan(held[CHOICE + 4, 1])


def test_without_a_full_formation_there_is_no_pair():
    assert not weights(market().cut(CHOICE - 18, NEXT)).any()
    assert weights(market().cut(CHOICE - 19, NEXT)).any()


def test_half_years_begin_in_january_and_july():
    days = np.array(
        XNYS.sessions(parse_date("2010-12-31"), parse_date("2011-12-30")), dtype="datetime64[D]"
    )
    rng = np.random.default_rng(1)
    returns = rng.normal(0.0, 0.02, (len(days), 4))
    features = {"return_1": returns, "realized_volatility_20": np.full(returns.shape, 0.2)}
    panel = Panel(days, ("A", "B", "C", "D"), close=np.ones(returns.shape), features=features)
    frame = PairsDistance(formation=60, open=0.5).run(panel)
    held = frame[frame["target_weight"] != 0.0]
    # The formation of the first half lies before the panel.
    assert held["date"].min() > np.datetime64("2011-07-01")
    assert PairsDistance().lookback == 252 + 2 * 66
