"""Laws that hold for every strategy, the ones written later included.

Causality: the signals of a session are the same whether or not later sessions are known. Chunk
invariance: with `lookback − 1` earlier sessions, and no more, they are the same to the last bit.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from quant_platform.strategies.forecast_strategy import FORECAST
from quant_platform.strategies.strategy_registry import all_strategies
from quant_platform_tests.support.builders import random_market, rows

SESSIONS = 220

SHORT: dict[str, dict[str, object]] = {
    "constructed": {"window": 21, "names": 4, "max_name": 0.4},
    "pairs_distance": {"formation": 20, "trading": "month", "pairs": 3, "open": 0.5},
    # Positions that end by their time alone, so that the oldest condition shows.
    "residual_mean_reversion": {"window": 20, "max_holding": 3, "enter": 0.3, "leave": -10.0},
}
"""Parameters with which the random markets, which are short, try all of a strategy."""

STRATEGIES = all_strategies(SHORT)

parametrised = pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda one: one.name)


@pytest.fixture(scope="module")
def markets():
    # What a learned model foretells is drawn after everything else.
    names = [*sorted({name for one in STRATEGIES for name in one.features}), FORECAST]
    return [random_market(names, sessions=SESSIONS, symbols=6, seed=seed) for seed in (1, 2)]


def of_sessions(frame, days):
    inside = np.isin(frame["date"].to_numpy().astype("datetime64[D]"), days)
    return frame[inside].reset_index(drop=True)


def assert_same(left, right):
    pd.testing.assert_frame_equal(left, right, check_exact=True)


@parametrised
def test_the_random_markets_make_it_trade(strategy, markets):
    for market in markets:
        frame = strategy.run(market)
        assert (frame["signal_type"] == 1).any()
        assert (frame["target_weight"] != 0.0).any()


@parametrised
def test_causality(strategy, markets):
    for market in markets:
        whole = strategy.run(market)
        for stop in (1, 2, 50, 137, SESSIONS - 1):
            cut = strategy.run(rows(market, 0, stop))
            assert_same(cut, of_sessions(whole, market.sessions[:stop]))


@parametrised
@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_chunk_invariance(strategy, markets, chunk):
    # One session at a time takes as many runs as there are: one market, and every fifth will do.
    for market in markets[: 1 if chunk == 1 else None]:
        whole = strategy.run(market)
        for start in range(0, SESSIONS, 5 if chunk == 1 else chunk):
            stop = min(start + chunk, SESSIONS)
            part = rows(market, max(start - strategy.lookback + 1, 0), stop)
            assert_same(
                strategy.run(part, last=stop - start),
                of_sessions(whole, market.sessions[start:stop]),
            )


@parametrised
def test_more_history_than_needed_changes_nothing(strategy, markets):
    for market in markets:
        whole = strategy.run(market)
        assert_same(strategy.run(market, last=10), of_sessions(whole, market.sessions[-10:]))


COMPARING = {
    *("buy_and_hold", "equal_weight", "cross_sectional_momentum", "low_volatility"),
    *("short_term_reversal", "trend_following", "pairs_distance", "residual_mean_reversion"),
    "ml_ranker",
    "constructed",
}
"""Those that compare members or divide by their number: to them other symbols do matter."""


@pytest.mark.parametrize(
    "strategy", [one for one in STRATEGIES if one.name not in COMPARING], ids=lambda one: one.name
)
def test_other_symbols_do_not_matter(strategy, markets):
    market = markets[0]
    alone = market.cut(columns=slice(1))
    whole = strategy.run(market)
    assert_same(
        strategy.run(alone),
        whole[whole["security_id"] == market.security_ids[0]].reset_index(drop=True),
    )


@parametrised
def test_who_is_no_member_does_not_matter(strategy, markets):
    """A run's panel has a column for whoever was a member once."""
    market = markets[0]
    member = market.member.copy()
    member[:, 4:] = False
    assert_same(
        strategy.run(replace(market, member=member)), strategy.run(market.cut(columns=slice(4)))
    )


@parametrised
def test_one_row_per_member_with_known_features(strategy, markets):
    for market in markets:
        assert len(strategy.run(market)) == int(strategy.rows(market).sum())


@parametrised
def test_it_says_what_it_is(strategy):
    assert strategy.description
    assert strategy.version
    assert strategy.lookback >= 1
    assert 0.0 < strategy.max_weight <= 1.0
