"""Laws of every feature of every set: causality and chunk invariance, to the last bit.

A feature added to the folder is tested here without a change to this file.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_platform.conventions import FILL_LIMIT
from quant_platform.features import compute, feature_registry
from quant_platform.features.compute import (
    compute_features,
    feature_frames,
    required_lookback,
)
from quant_platform.features.context import FeatureContext
from quant_platform.features.extras import FIELDS, PREFIXES
from quant_platform.features.feature_registry import (
    INPUTS,
    Feature,
    all_features,
    feature,
    sets,
)
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.windows import window_mean
from quant_platform.market.panel import Panel
from quant_platform_tests.support.panels import (
    MarketFrames,
    bits,
    random_extras,
    random_market,
)

COUNT = 620
SEEDS = (1, 2)
EVERY = [each.name for each in sets()]
INPUTS_OF_ALL = sorted({name for each in all_features() for name in each.inputs})


@cache
def market(seed: int) -> MarketFrames:
    return random_market(seed, COUNT)


def computed(seed: int, panel: Panel, names: Sequence[str], last: int | None = None) -> Any:
    extras = random_extras(seed, panel, INPUTS_OF_ALL)
    return compute_features(panel, last=last, names=names, extras=extras)


@cache
def whole(seed: int, name: str) -> pd.DataFrame:
    """All features of a set in all sessions, computed at once from the whole history."""
    return computed(seed, market(seed).panel(), [name])


def assert_same_bits(rows: pd.DataFrame, expected: pd.DataFrame) -> None:
    keys = ["date", "security_id"]
    pd.testing.assert_frame_equal(
        rows[keys].reset_index(drop=True), expected[keys].reset_index(drop=True)
    )
    for name in rows.columns.drop(keys):
        assert rows[name].dtype == expected[name].dtype, name
        np.testing.assert_array_equal(
            bits(rows[name].to_numpy()), bits(expected[name].to_numpy()), err_msg=name
        )


def expected_rows(seed: int, start: int, stop: int, name: str) -> pd.DataFrame:
    days, rows = market(seed).sessions, whole(seed, name)
    return rows[rows["date"].between(pd.Timestamp(days[start]), pd.Timestamp(days[stop - 1]))]


def rows_of_chunk(seed: int, start: int, stop: int, name: str) -> pd.DataFrame:
    """Rows of sessions start … stop − 1 from exactly the look-back before them."""
    first = start - required_lookback([name]) + 1
    panel = market(seed).panel(max(first, 0), stop)
    return computed(seed, panel, [name], last=stop - start)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", EVERY)
def test_causality(name: str, seed: int) -> None:
    """History cut after a session gives every session up to it the values of the whole history."""
    for stop in np.random.default_rng(seed).integers(1, COUNT, size=6):
        rows = computed(seed, market(seed).panel(0, int(stop)), [name])
        assert_same_bits(rows, expected_rows(seed, 0, int(stop), name))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", EVERY)
def test_one_session_from_its_lookback(name: str, seed: int) -> None:
    """A session computed from its own look-back alone has the values of the whole history.

    Features of one look-back at a time: a longer one would lend the others its sessions.
    """
    chosen = [each for each in all_features() if each.of.name == name]
    for lookback in sorted({each.lookback for each in chosen}):
        names = [each.name for each in chosen if each.lookback == lookback]
        for session in np.random.default_rng([seed, lookback]).integers(0, COUNT, size=3):
            at = int(session)
            panel = market(seed).panel(max(at - lookback + 1, 0), at + 1)
            expected = expected_rows(seed, at, at + 1, name)
            assert_same_bits(
                computed(seed, panel, names, last=1), expected[["date", "security_id", *names]]
            )


@pytest.mark.parametrize("name", EVERY)
def test_chunks(name: str) -> None:
    """A backfill in chunks of any size gives the values of a backfill at once."""
    random = np.random.default_rng(len(name))
    for size in (1, 12):
        cuts = sorted({0, COUNT, *random.integers(1, COUNT, size=size).tolist()})
        chunks = [rows_of_chunk(1, start, stop, name) for start, stop in pairwise(cuts)]
        assert_same_bits(pd.concat(chunks), whole(1, name))


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), start=st.integers(0, 559), length=st.integers(1, 60))
@pytest.mark.parametrize("name", EVERY)
def test_a_set_over_any_market(name: str, seed: int, start: int, length: int) -> None:
    """All features of a set together, over markets and chunks of hypothesis' choice."""
    some = random_market(seed, COUNT)
    days = some.sessions[start : start + length]
    first = max(start - required_lookback([name]) + 1, 0)
    rows = computed(seed, some.panel(first, start + length), [name], last=length)
    everything = computed(seed, some.panel(0, start + length), [name])
    inside = everything["date"].between(pd.Timestamp(days[0]), pd.Timestamp(days[-1]))
    assert_same_bits(rows, everything[inside])


@pytest.mark.parametrize("inputs", sorted({tuple(sorted(each.inputs)) for each in all_features()}))
def test_only_declared_inputs_matter(inputs: tuple[str, ...]) -> None:
    """A feature names everything it depends on."""
    names = [each.name for each in all_features() if tuple(sorted(each.inputs)) == inputs]
    # Missing bars are filled by closes, which is no matter of a feature.
    panel = market(1).panel(0, required_lookback(names) + 20).filled()
    panel = replace(panel, traded=np.ones_like(panel.traded))
    random = np.random.default_rng(5)
    others = {
        field: getattr(panel, field) * random.uniform(0.5, 2.0, panel.close.shape)
        for field in INPUTS
        if field not in inputs
    }
    extras, other = (random_extras(seed, panel, INPUTS_OF_ALL) for seed in (1, 2))
    kept = {field: getattr(extras, field) for field in FIELDS if field in inputs}
    for kind in PREFIXES:
        values = getattr(extras, kind)
        own = {name: values[name] for name in values if f"{kind}:{name}" in inputs}
        kept[kind] = {**getattr(other, kind), **own}
    assert_same_bits(
        compute_features(replace(panel, **others), names=names, extras=replace(other, **kept)),
        compute_features(panel, names=names, extras=extras),
    )


@pytest.mark.parametrize("name", EVERY)
def test_features_have_values(name: str) -> None:
    """The laws above are not met by columns of nothing."""
    known = whole(1, name).drop(columns=["date", "security_id"]).notna().mean()
    assert known[known <= 0.3].empty


@pytest.mark.parametrize("name", EVERY)
def test_pieces_and_frames_change_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """How much is computed at once, and how much is handed over, is invisible in the result."""
    panel = market(2).panel()
    extras = random_extras(2, panel, INPUTS_OF_ALL)
    for cells in (1, 5_000, 10**9):
        monkeypatch.setattr(compute, "BLOCK_CELLS", cells)
        monkeypatch.setattr(compute, "ACROSS_CELLS", cells)
        monkeypatch.setattr(compute, "FRAME_BYTES", cells)
        monkeypatch.setattr(compute, "BLOCK_STEP", 1)
        pieces = list(feature_frames(panel, last=COUNT - 7, names=[name], extras=extras))
        days = np.concatenate([sessions for sessions, _ in pieces])
        assert days.tolist() == panel.sessions[7:].tolist()
        frames, rows = [frame for _, frame in pieces], whole(2, name)
        assert_same_bits(
            pd.concat(frames), rows[rows["date"] >= pd.Timestamp(market(2).sessions[7])]
        )


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
