"""The sentiment of news: by hand, and blind to what was published after the close."""

import numpy as np
import pandas as pd
import pytest

from quant_platform.conventions import FILL_LIMIT
from quant_platform.features.compute import compute_features, required_lookback
from quant_platform.features.library.technical.news import NEWS_SESSIONS
from quant_platform.market.calendar import XNYS, parse_date
from quant_platform.market.news_and_economy import news_rows
from quant_platform.market.panel import Panel
from quant_platform_tests.support.panels import by_hand, news_frame, random_market

NAN = float("nan")


def test_by_hand() -> None:
    """Articles of sessions 1 and 3 are in the windows of 5 that end in sessions 4 to 7."""
    market = by_hand([10.0] * 10)
    days = market.sessions
    news = news_frame(
        [
            (days[1], "X", 1.0),
            (days[1], "X", 1.0),
            (days[1], "X", NAN),
            (days[3], "X", -1.0),
            (days[4], "Y", -1.0),
        ]
    )
    panel = Panel.from_frames(market.bars, market.actions, days, news=news)
    found = compute_features(panel, names=["news_sentiment"])["news_sentiment"]
    # (1 + 1 − 1) / 3 while both sessions count, −1 / 1 once session 1 is five sessions back.
    expected = [NAN, NAN, NAN, NAN, 1 / 3, 1 / 3, -1.0, -1.0, NAN, NAN]
    np.testing.assert_array_equal(found, expected)
    assert NEWS_SESSIONS == 5
    assert required_lookback(["news_sentiment"]) == 5 + FILL_LIMIT


def test_neutral_news_is_not_no_news() -> None:
    market = by_hand([10.0] * 5)
    news = news_frame([(market.sessions[4], "X", 0.0)])
    panel = Panel.from_frames(market.bars, market.actions, market.sessions, news=news)
    found = compute_features(panel, names=["news_sentiment"])["news_sentiment"]
    assert found.iloc[-1] == 0.0


@pytest.mark.parametrize("news", [None, news_frame()], ids=["not known of", "none published"])
def test_without_news_there_is_no_sentiment(news: pd.DataFrame | None) -> None:
    market = random_market(5, 60)
    panel = Panel.from_frames(market.bars, market.actions, market.sessions, news=news)
    frame = compute_features(panel)
    assert len(frame) == len(market.bars)
    assert frame["news_sentiment"].isna().all()


def test_news_changes_no_other_feature() -> None:
    market = random_market(6, 300)
    without = Panel.from_frames(market.bars, market.actions, market.sessions)
    ours, theirs = (
        compute_features(panel).drop(columns="news_sentiment")
        for panel in (without, market.panel())
    )
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


def test_what_appears_after_the_close_is_not_seen() -> None:
    """Articles at the close or later leave the session's value as it was; earlier ones do not."""
    sessions = XNYS.sessions(parse_date("2024-11-18"), parse_date("2024-12-06"))
    closes = pd.DatetimeIndex(XNYS.closes(sessions)).tz_localize("UTC")
    bars = by_hand([10.0] * len(sessions)).bars.assign(
        date=np.asarray(sessions, dtype="datetime64[s]")
    )

    def values(offsets: dict[int, str]) -> list[float]:
        """News so long after the close of some sessions, each more positive than the last."""
        articles = pd.DataFrame(
            {
                "news_id": [f"{at}" for at in offsets],
                "symbol": "X",
                "published_at": [closes[at] + pd.Timedelta(by) for at, by in offsets.items()],
                "publisher": "",
                "url": "",
                "sentiment": [-1.0, *[1.0] * (len(offsets) - 1)],
            }
        )
        panel = Panel.from_frames(
            bars,
            by_hand([]).actions,
            sessions,
            news=news_rows(articles, sessions, XNYS).rename(columns={"symbol": "security_id"}),
        )
        found = compute_features(panel, names=["news_sentiment"])["news_sentiment"]
        return found.tolist()

    # Session 8 is the day after Thanksgiving, with its close at 13:00.
    assert sessions[8].isoformat() == "2024-11-29"
    before = values({5: "-1s"})
    assert before[8] == -1.0
    for late in ("0s", "1s", "2h"):
        after = values({5: "-1s", 8: late})
        assert after[:9] == pytest.approx(before[:9], nan_ok=True)
        assert after[9] == 0.0
    assert values({5: "-1s", 8: "-1s"})[8] == 0.0
