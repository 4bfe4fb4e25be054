from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from quant_platform.conventions import FILL_LIMIT
from quant_platform.errors import UnknownNameError
from quant_platform.market.grid import long_frame, pivot
from quant_platform.market.panel import Panel

DAYS = np.array([f"2004-08-{day:02d}" for day in range(2, 14)], dtype="datetime64[D]")
NAN = np.nan


def bars(rows: Sequence[tuple[int, str, float]]) -> pd.DataFrame:
    """Rows of (index of the session, symbol, close); open, high and low lie around the close."""
    frame = pd.DataFrame(
        {
            "date": pd.DatetimeIndex([DAYS[i] for i, _, _ in rows]).as_unit("s"),
            "security_id": pd.array([symbol for _, symbol, _ in rows], dtype="str"),
        }
    )
    close = np.array([price for _, _, price in rows])
    return frame.assign(
        open_price=close - 1,
        high_price=close + 2,
        low_price=close - 2,
        close_price=close,
        volume=100.0,
    )


def actions(rows: Sequence[tuple[object, str, str, float]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["date", "security_id", "action_type", "amount"])
    split = frame["action_type"] == "split"
    return pd.DataFrame(
        {
            "date": pd.to_datetime(frame["date"]).astype("datetime64[s]"),
            "security_id": frame["security_id"].astype("str"),
            "action_type": frame["action_type"].astype("str"),
            "split_ratio": frame["amount"].where(split).astype("float64"),
            "cash_amount": frame["amount"].mask(split).astype("float64"),
        }
    )


NONE = actions([])


def test_places_every_value() -> None:
    panel = Panel.from_frames(bars([(1, "B", 20.0), (0, "A", 10.0)]), NONE, DAYS[:2])
    assert panel.security_ids == ("A", "B")
    assert (panel.open[0, 0], panel.high[0, 0], panel.low[0, 0]) == (9.0, 12.0, 8.0)
    assert (panel.close[0, 0], panel.volume[0, 0]) == (10.0, 100.0)
    np.testing.assert_array_equal(panel.traded, [[True, False], [False, True]])
    np.testing.assert_array_equal(panel.split, np.ones((2, 2)))
    np.testing.assert_array_equal(panel.dividend, np.zeros((2, 2)))


def test_a_gap_is_no_value() -> None:
    panel = Panel.from_frames(bars([(1, "A", 10.0), (3, "A", 12.0)]), NONE, DAYS[:5])
    np.testing.assert_array_equal(panel["close"][:, 0], [NAN, 10, NAN, 12, NAN])
    np.testing.assert_array_equal(panel["volume"][:, 0], [NAN, 100, NAN, 100, NAN])


def test_a_gap_is_filled_for_five_sessions_and_no_longer() -> None:
    raw = Panel.from_frames(bars([(1, "A", 10.0), (10, "A", 12.0)]), NONE, DAYS)
    panel = raw.filled()
    # Session 0 lies before the first bar; 2 to 6 are filled; 7 to 9 are too far from the last bar.
    expected = [NAN, 10, 10, 10, 10, 10, 10, NAN, NAN, NAN, 12, 12]
    np.testing.assert_array_equal(panel.close[:, 0], expected)
    assert FILL_LIMIT == 5
    filled = slice(2, 7)
    for field in (panel.open, panel.high, panel.low):
        np.testing.assert_array_equal(field[filled, 0], [10.0] * 5)
    np.testing.assert_array_equal(panel.volume[filled, 0], [0.0] * 5)
    assert np.isnan(panel.volume[7:10, 0]).all()
    np.testing.assert_array_equal(np.flatnonzero(panel.traded[:, 0]), [1, 10])


def test_a_gap_across_a_split_is_filled_in_new_shares() -> None:
    split = actions([(DAYS[2], "A", "split", 2.0), (DAYS[3], "A", "split", 0.1)])
    panel = Panel.from_frames(bars([(0, "A", 100.0), (5, "A", 500.0)]), split, DAYS[:6])
    panel = panel.filled()
    np.testing.assert_allclose(panel.close[:, 0], [100, 100, 50, 500, 500, 500])


def test_a_symbol_known_by_its_actions_only_has_a_column() -> None:
    found = actions([(DAYS[1], "Z", "split", 2.0)])
    panel = Panel.from_frames(bars([(0, "A", 10.0)]), found, DAYS[:2])
    assert panel.security_ids == ("A", "Z")
    assert panel.split[1, 1] == 2.0
    assert np.isnan(panel.close[:, 1]).all()
    assert not panel.traded[:, 1].any()


def test_actions_of_other_sessions_bring_no_symbol() -> None:
    found = actions([(DAYS[5], "Z", "split", 2.0)])
    assert Panel.from_frames(bars([(0, "A", 10.0)]), found, DAYS[:2]).security_ids == ("A",)


def test_actions_of_one_session_combine() -> None:
    found = actions(
        [
            (DAYS[1], "A", "cash_dividend", 0.08),
            (DAYS[1], "A", "special_dividend", 3.0),
            (DAYS[1], "A", "split", 2.0),
        ]
    )
    panel = Panel.from_frames(bars([(0, "A", 10.0)]), found, DAYS[:2])
    assert panel.dividend[1, 0] == pytest.approx(3.08)
    assert panel.split[1, 0] == 2.0


def test_rows_outside_the_panel_are_ignored() -> None:
    panel = Panel.from_frames(bars([(0, "A", 10.0), (3, "A", 99.0)]), NONE, DAYS[:3])
    np.testing.assert_array_equal(panel.close[:, 0], [10.0, NAN, NAN])


def test_a_row_of_a_day_between_sessions_is_ignored() -> None:
    days = DAYS[[0, 2]]
    panel = Panel.from_frames(bars([(0, "A", 10.0), (1, "A", 99.0)]), NONE, days)
    np.testing.assert_array_equal(panel.close[:, 0], [10.0, NAN])
    np.testing.assert_array_equal(panel.traded[:, 0], [True, False])


def test_empty() -> None:
    panel = Panel.from_frames(bars([]), NONE, DAYS[:2])
    assert panel.close.shape == (2, 0)
    assert len(panel.frame({"close": panel.close})) == 0


def news(rows: Sequence[tuple[object, str, float]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["date", "security_id", "sentiment"])
    return frame.astype({"date": "datetime64[s]", "security_id": "str", "sentiment": np.float64})


def test_sentiments_of_a_session_are_added_and_counted() -> None:
    found = news(
        [
            (DAYS[0], "A", 1.0),
            (DAYS[0], "A", 1.0),
            (DAYS[0], "A", -1.0),
            (DAYS[0], "A", NAN),  # not judged: not counted
            (DAYS[1], "B", 0.0),
            (DAYS[1], "Z", 1.0),  # without a bar
            (DAYS[5], "A", 1.0),  # another session
        ]
    )
    panel = Panel.from_frames(bars([(0, "A", 10.0), (0, "B", 20.0)]), NONE, DAYS[:2], news=found)
    assert panel.security_ids == ("A", "B")
    np.testing.assert_array_equal(panel.sentiment, [[1.0, 0.0], [0.0, 0.0]])
    np.testing.assert_array_equal(panel.articles, [[3.0, 0.0], [0.0, 1.0]])


def test_without_news_nothing_is_known_of_articles() -> None:
    rows = bars([(0, "A", 10.0), (1, "A", 11.0)])
    without = Panel.from_frames(rows, NONE, DAYS[:2])
    for panel in (without, replace(without, volume=without.volume + 1.0)):
        assert panel.sentiment.shape == panel.articles.shape == (2, 1)
        assert np.isnan(panel.sentiment).all()
        assert np.isnan(panel.articles).all()
    known = Panel.from_frames(rows, NONE, DAYS[:2], news=news([]))
    np.testing.assert_array_equal(known.articles, [[0.0], [0.0]])


def test_news_changes_no_other_array() -> None:
    rows, split = bars([(0, "A", 10.0), (3, "A", 11.0)]), actions([(DAYS[1], "A", "split", 2.0)])
    without = Panel.from_frames(rows, split, DAYS[:4])
    panel = Panel.from_frames(rows, split, DAYS[:4], news=news([(DAYS[1], "A", 1.0)]))
    for field in ("open", "high", "low", "close", "volume", "split", "dividend", "traded"):
        np.testing.assert_array_equal(getattr(panel, field), getattr(without, field))


def test_the_fill_does_not_depend_on_where_the_panel_ends() -> None:
    rows = bars([(0, "A", 10.0), (9, "A", 12.0)])
    whole = Panel.from_frames(rows, NONE, DAYS).filled()
    assert whole.filled().close is not whole.close
    np.testing.assert_array_equal(whole.filled().close, whole.close)
    for cut in range(1, len(DAYS)):
        part = Panel.from_frames(rows, NONE, DAYS[:cut]).filled()
        np.testing.assert_array_equal(part.close, whole.close[:cut])


def test_frame_has_a_row_per_bar() -> None:
    panel = Panel.from_frames(
        bars([(0, "B", 20.0), (0, "A", 10.0), (2, "A", 12.0)]), NONE, DAYS[:3]
    )
    frame = panel.frame({"close": panel.close})
    assert frame["security_id"].tolist() == ["A", "B", "A"]
    assert frame["close"].tolist() == [10.0, 20.0, 12.0]
    assert frame["date"].dt.date.tolist() == [DAYS[0].item(), DAYS[0].item(), DAYS[2].item()]
    assert panel.frame({"close": panel.close}, last=2)["close"].tolist() == [12.0]
    assert len(panel.frame({"close": panel.close}, last=99)) == 3


def test_long_frame_and_pivot_are_inverse() -> None:
    values = np.arange(6.0).reshape(3, 2)
    where = np.array([[True, False], [True, True], [False, True]])
    frame = long_frame(DAYS[:3], ["A", "B"], {"x": values}, where)
    back = pivot(frame, "x", DAYS[:3], ["A", "B"])
    np.testing.assert_array_equal(back, np.where(where, values, NAN))


def test_members_and_sectors_come_from_the_universe() -> None:
    universe = pd.DataFrame(
        {
            "date": pd.DatetimeIndex(DAYS[[0, 0, 1]]),
            "security_id": ["A", "C", "A"],
            "sector": ["Energy", None, "Tech"],
        }
    )
    panel = Panel.from_frames(
        bars([(0, "A", 10.0), (1, "B", 9.0)]), NONE, DAYS[:2], universe=universe
    )
    assert panel.security_ids == ("A", "B", "C")
    np.testing.assert_array_equal(panel.member, [[True, False, True], [True, False, False]])
    assert panel.sector_names == ("Energy", "Tech")
    np.testing.assert_array_equal(panel.sectors, [[0, -1, -1], [1, -1, -1]])


def test_without_a_universe_who_has_a_bar_is_a_member() -> None:
    panel = Panel.from_frames(bars([(0, "A", 10.0), (1, "B", 9.0)]), NONE, DAYS[:2])
    np.testing.assert_array_equal(panel.member, [[True, False], [False, True]])


def test_a_cut_keeps_all_arrays_together() -> None:
    rows = bars([(0, "A", 10.0), (1, "B", 9.0), (2, "C", 8.0)])
    features = rows[["date", "security_id"]].assign(f=[1.0, 2.0, 3.0])
    panel = Panel.from_frames(rows, NONE, DAYS[:3], features=features).cut(1, columns=slice(1, 3))
    assert panel.security_ids == ("B", "C")
    np.testing.assert_array_equal(panel.sessions, DAYS[1:3])
    np.testing.assert_array_equal(panel["f"], [[2.0, NAN], [NAN, 3.0]])
    np.testing.assert_array_equal(panel["close"], [[9.0, NAN], [NAN, 8.0]])
    np.testing.assert_array_equal(panel.member, panel.traded)
    assert panel.until(DAYS[1]).close.shape == (1, 2)


def test_adjusted_series_are_as_of_a_session() -> None:
    # By hand: 2:1 in session 2, 1 in cash in session 1 (0.5 in later units), reinvested at 9 / 2.
    found = actions([(DAYS[1], "A", "cash_dividend", 1.0), (DAYS[2], "A", "split", 2.0)])
    panel = Panel.from_frames(bars([(0, "A", 10.0), (1, "A", 9.0), (2, "A", 5.0)]), found, DAYS[:3])
    np.testing.assert_allclose(panel.adjusted(kind="split")[:, 0], [5.0, 4.5, 5.0])
    np.testing.assert_allclose(panel.adjusted()[:, 0], [5.0 * 4.5 / 5.0, 4.5, 5.0])
    np.testing.assert_allclose(panel.adjusted("volume")[:, 0], [200.0, 200.0, 100.0])
    np.testing.assert_allclose(panel.adjusted(as_of=DAYS[1])[:, 0], [10.0 * 9.0 / 10.0, 9.0, NAN])
    np.testing.assert_allclose(panel.adjusted("open", DAYS[0], "split")[:, 0], [9.0, NAN, NAN])


def test_a_wide_frame_has_a_row_per_session() -> None:
    panel = Panel.from_frames(bars([(0, "A", 10.0), (1, "B", 9.0)]), NONE, DAYS[:2])
    frame = replace(panel, symbols=("X", "Y")).wide(panel.close)
    assert frame.columns.tolist() == ["X", "Y"]
    assert frame.loc["2004-08-02", "X"] == 10.0
    assert panel.wide(panel.close).columns.tolist() == ["A", "B"]


def test_of_some_securities() -> None:
    """Their columns of everything; what was not given stays so, and all of them are no copy."""
    panel = Panel.from_frames(
        bars([(0, "A", 10.0), (0, "B", 20.0), (1, "C", 30.0)]), NONE, DAYS[:2]
    )
    panel = replace(panel, features={"x": panel.close + 1.0}, symbols=("a", "b", "c"))
    part = panel.of_securities(np.array([0, 2]))
    assert (part.security_ids, part.symbols) == (("A", "C"), ("a", "c"))
    np.testing.assert_array_equal(part.close, [[10.0, NAN], [NAN, 30.0]])
    np.testing.assert_array_equal(part["x"], part.close + 1.0)
    np.testing.assert_array_equal(part.traded, [[True, False], [False, True]])
    with pytest.raises(UnknownNameError, match="holds no 'vwap'"):
        part["vwap"]
    assert panel.of_securities(np.arange(3)) is panel
