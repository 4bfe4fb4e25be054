"""Laws of every registered feature: causality and chunk invariance, to the last bit.

A feature added to the folder is tested here without a change to this file.
"""

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_platform.conventions import FILL_LIMIT
from quant_platform.features import compute, feature_registry
from quant_platform.features.compute import compute_features, required_lookback
from quant_platform.features.context import FeatureContext
from quant_platform.features.feature_registry import INPUTS, Feature, all_features, feature
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.windows import window_mean
from quant_platform.market.panel import Panel
from quant_platform_tests.support.panels import MarketFrames, bits, random_market

COUNT = 620
SEEDS = (1, 2)
EVERY = [each.name for each in all_features()]


@cache
def market(seed: int) -> MarketFrames:
    return random_market(seed, COUNT)


@cache
def whole(seed: int) -> pd.DataFrame:
    """All features of all sessions, computed at once from the whole history."""
    return compute_features(market(seed).panel())


def assert_same_bits(rows: pd.DataFrame, expected: pd.DataFrame) -> None:
    keys = ["date", "security_id"]
    pd.testing.assert_frame_equal(
        rows[keys].reset_index(drop=True), expected[keys].reset_index(drop=True)
    )
    for name in rows.columns.drop(keys):
        np.testing.assert_array_equal(
            bits(rows[name].to_numpy()), bits(expected[name].to_numpy()), err_msg=name
        )


def expected_rows(seed: int, start: int, stop: int) -> pd.DataFrame:
    days = market(seed).sessions
    inside = whole(seed)["date"].between(pd.Timestamp(days[start]), pd.Timestamp(days[stop - 1]))
    return whole(seed)[inside]


def rows_of_chunk(seed: int, start: int, stop: int, name: str) -> pd.DataFrame:
    """Rows of sessions start … stop − 1 from exactly the look-back before them."""
    first = start - required_lookback([name]) + 1
    panel = market(seed).panel(max(first, 0), stop)
    return compute_features(panel, last=stop - start, names=[name])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", EVERY)
def test_causality(name: str, seed: int) -> None:
    """History cut after a session gives every session up to it the values of the whole history."""
    for stop in np.random.default_rng(seed).integers(1, COUNT, size=6):
        rows = compute_features(market(seed).panel(0, int(stop)), names=[name])
        assert_same_bits(rows, expected_rows(seed, 0, int(stop)))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", EVERY)
def test_one_session_from_its_lookback(name: str, seed: int) -> None:
    """A session computed from its own look-back alone has the values of the whole history."""
    for session in np.random.default_rng(seed + 100).integers(0, COUNT, size=10):
        rows = rows_of_chunk(seed, int(session), int(session) + 1, name)
        assert_same_bits(rows, expected_rows(seed, int(session), int(session) + 1))


@pytest.mark.parametrize("name", EVERY)
def test_chunks(name: str) -> None:
    """A backfill in chunks of any size gives the values of a backfill at once."""
    random = np.random.default_rng(len(name))
    for size in (1, 12):
        cuts = sorted({0, COUNT, *random.integers(1, COUNT, size=size).tolist()})
        chunks = [rows_of_chunk(1, start, stop, name) for start, stop in pairwise(cuts)]
        assert_same_bits(pd.concat(chunks), whole(1))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), start=st.integers(0, 559), length=st.integers(1, 60))
def test_all_features_of_any_market(seed: int, start: int, length: int) -> None:
    """All features together, over markets and chunks of hypothesis' choice."""
    some = random_market(seed, COUNT)
    days = some.sessions[start : start + length]
    first = max(start - required_lookback() + 1, 0)
    rows = compute_features(some.panel(first, start + length), last=length)
    everything = compute_features(some.panel())
    inside = everything["date"].between(pd.Timestamp(days[0]), pd.Timestamp(days[-1]))
    assert_same_bits(rows, everything[inside])


@pytest.mark.parametrize("name", EVERY)
def test_only_declared_inputs_matter(name: str) -> None:
    """A feature names all the panel fields it depends on."""
    (chosen,) = feature_registry.select([name])
    panel = market(1).panel()
    random = np.random.default_rng(5)
    others = {
        field: getattr(panel, field) * random.uniform(0.5, 2.0, panel.close.shape)
        for field in INPUTS
        if field not in chosen.inputs
    }
    assert_same_bits(
        compute_features(replace(panel, **others), names=[name]),
        compute_features(panel, names=[name]),
    )


@pytest.mark.parametrize("name", EVERY)
def test_a_feature_has_values(name: str) -> None:
    """The laws above are not met by a column of nothing."""
    assert whole(1)[name].notna().mean() > 0.3


@pytest.mark.parametrize("cells", [1, 5_000, 10**9])
def test_blocks_change_nothing(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The width of the blocks of symbols is invisible in the result."""
    monkeypatch.setattr(compute, "BLOCK_CELLS", cells)
    monkeypatch.setattr(compute, "BLOCK_STEP", 1)
    assert_same_bits(compute_features(market(2).panel()), whole(2))


@feature(lookback=9, inputs=("close", "split"))
def short_lookback(context: FeatureContext) -> FloatArray:
    """A mean of ten closes that admits to nine."""
    return window_mean(context.close, 10, context.price_carry)


@feature(lookback=1, inputs=("close",))
def looks_ahead(context: FeatureContext) -> FloatArray:
    """The next session's close."""
    return np.concatenate([context.close[1:], context.close[-1:]])


def adjusted_backwards(context: FeatureContext) -> FloatArray:
    later = np.cumprod(context.split[::-1], axis=0)[::-1]
    return context.close / (later / context.split)


@pytest.mark.parametrize(
    "wrong",
    [
        short_lookback,
        looks_ahead,
        Feature(
            "adjusted", 500, ("close", "split"), adjusted_backwards, "Adjusted for later splits"
        ),
    ],
    ids=lambda each: each.name,
)
def test_the_laws_catch_an_offender(wrong: Feature, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hidden look-back, a look ahead and later splits each break a law."""
    monkeypatch.setattr(feature_registry, "all_features", lambda: (wrong,))
    some, stop = panel_without_gaps(), 60
    everything = compute_features(some, names=[wrong.name])
    # No bar is missing here, so the margin for filled bars is not needed.
    start = max(stop - (wrong.lookback - FILL_LIMIT), 0)
    rows = compute_features(part(some, start, stop), last=1, names=[wrong.name])
    expected = everything[everything["date"] == rows["date"].iloc[0]]
    with pytest.raises(AssertionError, match=wrong.name):
        assert_same_bits(rows, expected)


def panel_without_gaps() -> Panel:
    random = np.random.default_rng(9)
    shape = (120, 3)
    close = random.uniform(10.0, 20.0, shape)
    split = np.ones(shape)
    split[90] = 3.0
    days = market(1).sessions[:120]
    ones, traded = np.ones(shape), np.ones(shape, dtype=bool)
    zeros = np.zeros(shape)
    return Panel(days, ("A", "B", "C"), close, close, close, close, ones, split, zeros, traded)


def part(panel: Panel, start: int, stop: int) -> Panel:
    arrays = {name: getattr(panel, name)[start:stop] for name in compute.PANEL_ARRAYS}
    return replace(panel, sessions=panel.sessions[start:stop], **arrays)
