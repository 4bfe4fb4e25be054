"""news_sentiment on days of known figures; every expected value is worked out beside it."""

import pytest

from quant_platform.strategies.library.news_sentiment import NewsSentiment
from quant_platform_tests.support.builders import one_symbol

QUIET = {
    "news_sentiment": float("nan"),
    "momentum_1": 0.0,
    "realized_volatility_20": 0.20,
    "atr_14": 2.0,
}


def run(sentiment, **parameters):
    days = {row: value for row, value in enumerate(sentiment) if value is not None}
    panel = one_symbol(
        len(sentiment), QUIET, {"news_sentiment": days}, close=[100] * len(sentiment)
    )
    return NewsSentiment(**parameters).run(panel)


def test_good_news_buys_and_the_turn_leaves():
    # 0.75 is half of the way from 0.5 to 1: strength ½, confidence ½ + ½·½ = ¾, weight 5 %·¾.
    frame = run([None, 0.75, None, 0.25, 0.0])
    assert frame["signal_type"].tolist() == [0, 1, 0, 0, 0]
    assert frame["strength"][1] == pytest.approx(0.5)
    assert frame["target_weight"].tolist() == pytest.approx([0.0, 0.0375, 0.0375, 0.0375, 0.0])
    assert frame["stop_price"][1] == pytest.approx(96.0)


def test_bad_news_sells():
    # −0.8 lies 0.3 of 0.5 beyond the threshold: strength 0.6, confidence 0.8.
    frame = run([0.5, -0.8])
    assert frame["signal_type"].tolist() == [1, -1]
    assert frame["strength"].tolist() == pytest.approx([0.0, 0.6])
    assert frame["confidence"].tolist() == pytest.approx([0.5, 0.8])
    assert frame["target_weight"].tolist() == pytest.approx([0.025, 0.0])


def test_a_threshold_of_one_is_met_in_full():
    assert run([None, 1.0], buy_from=1.0)["strength"].tolist() == [0.0, 1.0]


def test_where_no_news_is_known_there_is_no_signal():
    frame = run([None] * 4)
    assert (frame["signal_type"] == 0).all()
    assert (frame["target_weight"] == 0.0).all()


def test_a_position_ends_after_its_time():
    frame = run([0.5, *[None] * 4], max_holding=3)
    assert (frame["target_weight"] > 0.0).tolist() == [True, True, True, False, False]
