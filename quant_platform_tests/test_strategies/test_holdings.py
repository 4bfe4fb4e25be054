"""The position memory against a plain loop that keeps one position at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_platform.strategies.holdings import EXIT, STOP, TIME, hold


def one_at_a_time(entry, leave, relatives, stop, max_holding):
    """The rules of the module, written as a recursion over sessions for one symbol."""
    entered, growth, result = None, 1.0, []
    for t in range(len(entry)):
        ended = 0
        if entered is not None and not entry[t]:
            growth *= relatives[t]
            if leave[t]:
                ended = EXIT
            elif not growth > 1.0 - stop[entered]:
                ended = STOP
            elif t - entered >= max_holding:
                ended = TIME
            if ended:
                entered = None
        if entry[t]:
            entered, growth = t, 1.0
        result.append((entered is not None, -1 if entered is None else t - entered, ended))
    return result


@st.composite
def markets(draw):
    sessions = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (sessions, 3)
    relatives = np.exp(rng.normal(0, 0.03, shape))
    relatives[rng.random(shape) < 0.02] = np.nan
    return (
        rng.random(shape) < draw(st.sampled_from([0.05, 0.2])),
        rng.random(shape) < draw(st.sampled_from([0.0, 0.1])),
        relatives,
        rng.uniform(0.01, 0.1, shape),
        draw(st.integers(1, 12)),
    )


@given(markets())
@settings(max_examples=150, deadline=None)
def test_agrees_with_a_recursion(market):
    entry, leave, relatives, stop, max_holding = market
    got = hold(entry, leave, relatives, stop, max_holding)
    for column in range(entry.shape[1]):
        expected = one_at_a_time(
            entry[:, column], leave[:, column], relatives[:, column], stop[:, column], max_holding
        )
        actual = list(
            zip(
                got.held[:, column].tolist(),
                got.age[:, column].tolist(),
                got.ended[:, column].tolist(),
                strict=True,
            )
        )
        assert actual == expected


@given(markets(), st.integers(1, 39))
@settings(max_examples=100, deadline=None)
def test_the_last_sessions_need_no_more_than_the_window(market, at):
    entry, leave, relatives, stop, max_holding = market
    at = min(at, len(entry) - 1)
    start = max(at - max_holding, 0)
    part = slice(start, at + 1)
    whole = hold(entry, leave, relatives, stop, max_holding)
    window = hold(entry[part], leave[part], relatives[part], stop[part], max_holding)
    for name in ("held", "age", "growth", "ended"):
        np.testing.assert_array_equal(getattr(whole, name)[at], getattr(window, name)[-1])
    np.testing.assert_array_equal(whole.of_entry(stop)[at], window.of_entry(stop[part])[-1])


def column(*values):
    return np.array(values, dtype=float)[:, None]


def test_stop_price_follows_the_units_across_a_split():
    # Bought at 100 with a stop 4 % below. A 2:1 split comes with a close of 49, that is −2 %
    # adjusted: the stop of 96 is 48 in the new units.
    entry = column(1, 0) > 0
    got = hold(entry, ~entry & False, column(1, 0.98), column(0.04, 0.9), 10)
    assert got.held[:, 0].tolist() == [True, True]
    np.testing.assert_allclose(got.stop_price(column(100, 49), column(0.04, 0.9))[:, 0], [96, 48])


def test_a_close_at_the_stop_gives_the_position_up():
    entry = column(1, 0, 0) > 0
    got = hold(entry, ~entry & False, column(1, 0.75, 1), column(0.25, 0, 0), 10)
    assert got.held[:, 0].tolist() == [True, False, False]
    assert got.ended[:, 0].tolist() == [0, STOP, 0]


def test_a_new_entry_replaces_age_and_stop():
    entry = column(1, 0, 1, 0) > 0
    # −5 % from the second entry breaks its stop of 4 %; the first one's 20 % no longer counts.
    got = hold(entry, ~entry & False, column(1, 1, 1, 0.95), column(0.2, 0, 0.04, 0), 10)
    assert got.age[:, 0].tolist() == [0, 1, 0, -1]
    assert got.ended[3, 0] == STOP


@pytest.mark.parametrize("max_holding", [1, 3])
def test_a_position_lasts_max_holding_sessions(max_holding):
    entry = column(1, 0, 0, 0, 0) > 0
    got = hold(entry, ~entry & False, column(1, 1, 1, 1, 1), column(1, 1, 1, 1, 1) / 2, max_holding)
    assert got.held[:, 0].sum() == max_holding
    assert got.ended[max_holding, 0] == TIME
