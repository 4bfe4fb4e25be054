"""The set `news`, worked out by hand."""

import math

import numpy as np
import pytest

from quant_platform.conventions import FILL_LIMIT
from quant_platform.features.compute import compute_features
from quant_platform.features.feature_registry import features_of
from quant_platform.features.library.news import NEWS
from quant_platform.market.panel import Panel
from quant_platform_tests.support.panels import by_hand, news_frame

NAN = float("nan")

DAYS = 60

ARTICLES = {4: [1.0, NAN], 30: [1.0, 1.0, 0.0], 44: [-1.0], 46: [-1.0, 0.0], 47: [1.0], 48: [1.0]}
"""Sentiments of the articles by session; one without a sentiment does not count."""

EXPECTED = {
    # Session 48 looks back on 5 sessions: 44 to 48, on 20: 29 to 48, and on the 40 before: 4 to 43.
    "news_count": {29: 0.0, 30: 3.0, 46: 2.0, 48: 1.0},
    "news_count_5": {3: NAN, 4: 1.0, 29: 0.0, 48: 5.0},
    "news_count_20": {18: NAN, 19: 1.0, 48: 8.0, 50: 5.0},
    "news_days_20": {18: NAN, 48: 5 / 20, 29: 0.0},
    # 1 + 1 + 0 − 1 − 1 + 0 + 1 + 1 of eight; no article in the sessions 5 to 24 and 9 to 28.
    "news_tone_20": {24: NAN, 28: NAN, 30: 2 / 3, 48: 2 / 8},
    # The five sum up to 0; in 24 to 43 there are the three of session 30, with the mean 2/3.
    "news_tone_change_5": {30: NAN, 48: 0 - 2 / 3, 43: NAN},
    # Five articles; four in the 40 sessions before: half an article each 5 sessions.
    "news_attention_5": {43: NAN, 48: math.log(6) - math.log(1.5), 49: math.log(5 / (1 + 4 / 8))},
    "news_novelty_20": {28: NAN, 30: 1.0, 31: 0.0, 44: 1 / 4, 48: 1 / 8},
}

LOOKBACKS = {
    "news_count": 1,
    "news_count_5": 5,
    "news_count_20": 20,
    "news_days_20": 20,
    "news_tone_20": 20,
    "news_tone_change_5": 25,
    "news_attention_5": 45,
    "news_novelty_20": 20,
}


@pytest.fixture(scope="module")
def panel() -> Panel:
    market = by_hand([10.0] * DAYS)
    days = market.sessions
    rows = [(days[at], "X", value) for at, values in ARTICLES.items() for value in values]
    return Panel.from_frames(market.bars, market.actions, days, news=news_frame(rows))


def test_every_feature_is_worked_out_here() -> None:
    found = {each.name: each.lookback - FILL_LIMIT for each in features_of(NEWS)}
    assert found == LOOKBACKS
    assert set(EXPECTED) == set(LOOKBACKS)


@pytest.mark.parametrize("name", EXPECTED)
def test_by_hand(panel: Panel, name: str) -> None:
    found = compute_features(panel, names=[name])[name].to_numpy()
    for session, expected in EXPECTED[name].items():
        np.testing.assert_allclose(found[session], np.float32(expected), rtol=1e-7)


def test_where_nobody_collects_news_nothing_is_known() -> None:
    market = by_hand([10.0] * DAYS)
    panel = Panel.from_frames(market.bars, market.actions, market.sessions)
    frame = compute_features(panel, names=["news"])
    assert frame.drop(columns=["date", "security_id"]).isna().all(axis=None)
