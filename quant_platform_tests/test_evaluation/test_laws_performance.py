"""Laws of model_performance: causality and chunk invariance, to the last bit."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_platform.evaluation.performance import performance_rows
from quant_platform.evaluation.risk_free import risk_free_rates
from quant_platform_tests.support.portfolios import BENCHMARK, make_portfolios

SESSIONS = 320
PORTFOLIOS = make_portfolios({BENCHMARK: SESSIONS, 2: SESSIONS, 3: 100}, SESSIONS, seed=3)
DATES = pd.DatetimeIndex(PORTFOLIOS["date"].unique())
YIELDS = pd.DataFrame(
    {
        "date": DATES[5:],
        "observed_on": DATES[4:-1],
        "yield_3_month": np.random.default_rng(4).uniform(0.0, 6.0, SESSIONS - 5),
    }
)


def rates(last: pd.Timestamp) -> pd.Series:
    """Risk-free rates as known in a session."""
    known = YIELDS[YIELDS["date"] <= last]
    return risk_free_rates(known, DATES[last >= DATES], default=0.02)


WHOLE = performance_rows(PORTFOLIOS, BENCHMARK, DATES, risk_free=rates(DATES[-1]))


def rows_of(start: int, stop: int) -> pd.DataFrame:
    """Rows of sessions start … stop − 1 from history cut after the last of them."""
    last = DATES[stop - 1]
    known = PORTFOLIOS[PORTFOLIOS["date"] <= last]
    return performance_rows(known, BENCHMARK, DATES[start:stop], risk_free=rates(last))


def assert_as_in_whole(rows: pd.DataFrame) -> None:
    expected = WHOLE[WHOLE["date"].isin(rows["date"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(rows, expected, check_exact=True)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, SESSIONS - 1))
def test_causality(session: int) -> None:
    """History cut at a session gives the session's rows of the whole history."""
    assert_as_in_whole(rows_of(session, session + 1))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, SESSIONS - 1), st.integers(1, SESSIONS))
def test_the_future_does_not_matter(session: int, seed: int) -> None:
    """Other returns after a session change nothing up to it."""
    changed = PORTFOLIOS.copy()
    later = changed["date"] > DATES[session]
    changed.loc[later, "daily_return"] = np.random.default_rng(seed).normal(0, 0.1, later.sum())
    other = rates(DATES[-1])
    other[other.index > DATES[session]] = 0.5
    assert_as_in_whole(performance_rows(changed, BENCHMARK, DATES[: session + 1], risk_free=other))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, SESSIONS - 1), max_size=6, unique=True))
def test_chunk_invariance(cuts: list[int]) -> None:
    """However a backfill is cut, the rows are the same."""
    bounds = [0, *sorted(cuts), SESSIONS]
    chunks = [rows_of(start, stop) for start, stop in pairwise(bounds)]
    together = pd.concat(chunks, ignore_index=True)
    pd.testing.assert_frame_equal(together, WHOLE, check_exact=True)


@pytest.mark.parametrize("block_cells", [1, 1000, 10**7])
def test_blocks_do_not_matter(block_cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quant_platform.evaluation.performance.BLOCK_CELLS", block_cells)
    again = performance_rows(PORTFOLIOS, BENCHMARK, DATES, risk_free=rates(DATES[-1]))
    pd.testing.assert_frame_equal(again, WHOLE, check_exact=True)


def test_row_order_does_not_matter() -> None:
    shuffled = PORTFOLIOS.sample(frac=1.0, random_state=1)
    again = performance_rows(
        shuffled, BENCHMARK, DATES[::-1], risk_free=rates(DATES[-1]).iloc[::-1]
    )
    pd.testing.assert_frame_equal(again, WHOLE, check_exact=True)
