"""Laws that hold for every strategy, the ones written later included.

Causality: the signals of a session are the same whether or not later sessions are known. Chunk
invariance: with `lookback − 1` earlier sessions, and no more, they are the same to the last bit.
"""

import numpy as np
import pandas as pd
import pytest

from quant_platform.strategies.strategy_registry import all_strategies
from quant_platform_tests.support.builders import random_market, rows

SESSIONS = 220

parametrised = pytest.mark.parametrize("strategy", all_strategies(), ids=lambda one: one.name)


@pytest.fixture(scope="module")
def markets():
    names = sorted({name for one in all_strategies() for name in one.features})
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
    # One session at a time takes as many runs as there are sessions: one market will do.
    for market in markets[: 1 if chunk == 1 else None]:
        whole = strategy.run(market)
        for start in range(0, SESSIONS, chunk):
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


# Their weight is one over the number of members, so to them other symbols do matter.
EQUAL = ("buy_and_hold", "equal_weight")


@pytest.mark.parametrize(
    "strategy", [one for one in all_strategies() if one.name not in EQUAL], ids=lambda one: one.name
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
def test_one_row_per_member_with_known_features(strategy, markets):
    for market in markets:
        assert len(strategy.run(market)) == int(strategy.rows(market).sum())


@parametrised
def test_it_says_what_it_is(strategy):
    assert strategy.description
    assert strategy.version
    assert strategy.lookback >= 1
    assert 0.0 < strategy.max_weight <= 1.0
