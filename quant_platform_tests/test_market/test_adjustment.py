"""Adjusted series as of a session: splits, dividends and their order, beside outside sources."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quant_platform.kernels.adjustment import Reinvested
from quant_platform.market.adjustment import (
    AGREEMENT,
    PRICE_COLUMNS,
    Kind,
    adjust,
    disagreements,
    split_adjusted,
    total_return,
)
from quant_platform.market.panel import Panel
from quant_platform.quality.prices import total_returns
from quant_platform.vendors.sample import SampleVendor
from quant_platform_tests.support.action_rows import (
    NAN,
    action_rows,
    closes,
    rows,
)
from quant_platform_tests.support.panels import by_hand

ORACLES = Path(__file__).parents[1] / "oracles"
LAST = "2013-03-01"
WHOLE = (date(2000, 3, 1), date(2013, 3, 1))


@pytest.fixture(scope="module")
def bars(vendor: SampleVendor) -> pd.DataFrame:
    return vendor.bars(*WHOLE).rename(columns={"symbol": "security_id"})


@pytest.fixture(scope="module")
def actions(vendor: SampleVendor) -> pd.DataFrame:
    return vendor.actions(*WHOLE).rename(columns={"symbol": "security_id"})


@pytest.fixture(scope="module")
def wiki(bars: pd.DataFrame) -> pd.DataFrame:
    """Adjusted close of Quandl WIKI, as of long after the sample."""
    return bars.rename(columns={"vendor_adjusted_close": "price"})[["date", "security_id", "price"]]


def one(symbol: str, frame: pd.DataFrame, first: str, last: str = LAST) -> pd.DataFrame:
    return frame[(frame["security_id"] == symbol) & frame["date"].between(first, last)]


NONE = action_rows([])


# The whole sample against Quandl WIKI, and against Yahoo.


def test_total_return_is_the_adjusted_close_of_quandl_wiki(
    sample_panel: Panel, wiki: pd.DataFrame
) -> None:
    """All 12,154 closes, on the level of the last session: the same convention, the same figure."""
    own = total_return(sample_panel, LAST).close
    theirs = wiki.pivot(index="date", columns="security_id", values="price").to_numpy()
    quotient = own / theirs
    assert np.isfinite(quotient).sum() == 12_154
    known = np.isfinite(quotient)
    np.testing.assert_allclose((quotient / quotient[-1])[known], 1.0, rtol=1e-6)


@pytest.mark.parametrize("as_of", ["2003-02-14", "2004-11-12", "2005-02-25", "2010-06-30"])
def test_total_return_as_of_an_earlier_session(
    bars: pd.DataFrame, actions: pd.DataFrame, wiki: pd.DataFrame, as_of: str
) -> None:
    """What WIKI adjusted for later on cancels out of the levels up to that session."""
    own = closes(adjust(bars, actions, as_of, "total_return"))
    raw = bars[bars["date"] == as_of].set_index("security_id")["close_price"]
    assert own["date"].max() == pd.Timestamp(as_of)
    pd.testing.assert_series_equal(
        own[own["date"] == as_of].set_index("security_id")["price"], raw, check_names=False
    )
    assert disagreements(own, wiki, tolerance=1e-6).empty


def test_both_conventions_agree_with_the_vendor_within_half_a_percent(
    bars: pd.DataFrame, actions: pd.DataFrame, wiki: pd.DataFrame
) -> None:
    adjusted = adjust(bars, actions, LAST, "total_return", "previous_close")
    merged = closes(adjusted).merge(wiki, on=["date", "security_id"], suffixes=("_own", "_vendor"))
    quotient = merged["price_own"] / merged["price_vendor"]
    last = quotient[merged["date"] == LAST].to_numpy()
    level = dict(zip(merged.loc[merged["date"] == LAST, "security_id"], last, strict=True))
    apart = (quotient / merged["security_id"].map(level) - 1.0).abs()
    # Another convention than WIKI's: not the same, but within 0.5 % everywhere.
    assert 1e-3 < apart.max() < AGREEMENT
    assert disagreements(closes(adjusted), wiki).empty


def test_the_example_of_yahoo(bars: pd.DataFrame, actions: pd.DataFrame) -> None:
    """Yahoo Finance's help page on the adjusted close: Microsoft's February 2003."""
    february = one("MSFT", bars, "2003-02-13", "2003-02-19")
    found = adjust(february, actions, "2003-02-19", "total_return", "previous_close")
    assert february["close_price"].tolist() == [46.99, 48.30, 24.96, 24.53]
    assert found["close_price"].round(2).tolist() == [23.42, 24.07, 24.88, 24.53]


def test_the_same_days_reinvested_at_the_close(bars: pd.DataFrame, actions: pd.DataFrame) -> None:
    february = one("MSFT", bars, "2003-02-13", "2003-02-19")
    found = adjust(february, actions, "2003-02-19", "total_return")["close_price"]
    factor = 24.53 / (24.53 + 0.08)
    expected = [46.99 / 2 * factor, 48.30 / 2 * factor, 24.96 * factor, 24.53]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


APPLE = [("2014-06-09", "AAPL", 7.0, NAN), ("2020-08-31", "AAPL", 4.0, NAN)]


@pytest.fixture(scope="module")
def yahoo() -> pd.DataFrame:
    frame = pd.read_csv(ORACLES / "yahoo_aapl.csv", parse_dates=["date"])
    return frame.assign(security_id="AAPL", date=frame["date"].astype("datetime64[s]"))


def test_splits_of_later_years_are_those_of_yahoo(bars: pd.DataFrame, yahoo: pd.DataFrame) -> None:
    """28 shares of 2020 for one of 2013; the two vendors' closes differ by up to 1e-5."""
    apple = one("AAPL", bars, "2013-01-02")
    found = adjust(apple, action_rows(APPLE), "2023-09-21")
    np.testing.assert_allclose(found["close_price"], yahoo["close"], rtol=2e-5)
    np.testing.assert_allclose(found["volume"], yahoo["volume"], rtol=1e-2)
    np.testing.assert_allclose(found["volume"], apple["volume"] * 28)


@pytest.mark.parametrize(
    ("as_of", "shares"),
    [("2014-06-08", 1), ("2014-06-09", 7), ("2020-08-30", 7), (date(2020, 8, 31), 28)],
)
def test_a_split_counts_from_its_ex_date_on(
    bars: pd.DataFrame, as_of: str | date, shares: int
) -> None:
    apple = one("AAPL", bars, "2013-01-02")
    found = adjust(apple, action_rows(APPLE), as_of)
    for name in ("open_price", "high_price", "low_price", "close_price"):
        np.testing.assert_allclose(found[name], apple[name] / shares, rtol=1e-15)
    np.testing.assert_allclose(found["volume"], apple["volume"] * shares, rtol=1e-15)


def test_the_dividend_of_yahoo(
    bars: pd.DataFrame, actions: pd.DataFrame, yahoo: pd.DataFrame
) -> None:
    """Apple's 2.65 of 7 February 2013, the one ex-date in these sessions."""
    apple = one("AAPL", bars, "2013-01-02")
    own = closes(adjust(apple, actions, LAST, "total_return", "previous_close"))
    vendor = yahoo.rename(columns={"adjusted": "price"})
    assert disagreements(own, vendor, tolerance=3e-5).empty
    missed = disagreements(closes(adjust(apple, NONE, LAST, "total_return")), vendor)
    assert missed[["security_id", "date"]].to_numpy().tolist() == [
        ["AAPL", pd.Timestamp("2013-02-07")]
    ]


# Panels.


def test_a_used_up_split_leaves_the_returns(sample_panel: Panel) -> None:
    adjusted = split_adjusted(sample_panel, LAST)
    assert (adjusted.split == 1.0).all()
    np.testing.assert_allclose(total_returns(adjusted), total_returns(sample_panel), atol=1e-12)


def test_a_reinvested_dividend_leaves_the_returns(sample_panel: Panel) -> None:
    """The series grows from session to session by what a holder of the share had."""
    adjusted = total_return(sample_panel, LAST)
    assert (adjusted.split == 1.0).all()
    assert not adjusted.dividend.any()
    np.testing.assert_allclose(total_returns(adjusted), total_returns(sample_panel), atol=1e-12)


def test_a_panel_ends_with_its_session(sample_panel: Panel) -> None:
    # A Sunday: the Friday before is the last session.
    cut = split_adjusted(sample_panel, "2005-02-27")
    assert str(cut.sessions[-1]) == "2005-02-25"
    assert cut.security_ids == sample_panel.security_ids
    count = len(cut.sessions)
    for name in ("open", "high", "low", "close", "volume", "split", "dividend", "traded"):
        assert getattr(cut, name).shape == (count, len(cut.security_ids))
    # Apple's split of 28 February is not known yet, Microsoft's of 2003 is.
    apple, microsoft = cut.security_ids.index("AAPL"), cut.security_ids.index("MSFT")
    after = int(np.flatnonzero(cut.sessions == np.datetime64("2000-06-21"))[0])
    np.testing.assert_array_equal(cut.close[after:, apple], sample_panel.close[after:count, apple])
    assert cut.close[0, microsoft] == sample_panel.close[0, microsoft] / 2


@pytest.mark.parametrize("as_of", ["1999-12-31", "2000-03-01"])
def test_nothing_or_one_session(sample_panel: Panel, as_of: str) -> None:
    known = int(as_of == "2000-03-01")
    assert len(total_return(sample_panel, as_of).close) == known


def test_the_raw_panel_stays_as_it_was(sample_panel: Panel) -> None:
    before = replace(sample_panel, close=sample_panel.close.copy(), split=sample_panel.split.copy())
    total_return(sample_panel, LAST)
    np.testing.assert_array_equal(sample_panel.close, before.close)
    np.testing.assert_array_equal(sample_panel.split, before.split)


# By hand. Sessions are weekdays from 2001-01-01 on, the symbol is X.


def panel_and_rows(
    as_of: int, reinvested: Reinvested, close: Sequence[float], **given: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Total-return closes of real bars, from the panel and from the rows; they must be the same."""
    market = by_hand(close, **given)
    day = market.sessions[as_of]
    panel = total_return(market.panel(), day, reinvested)
    rows = adjust(market.bars, market.actions, day, "total_return", reinvested)
    return panel.close[panel.traded], rows["close_price"].to_numpy()


def check(
    expected: Sequence[float],
    as_of: int,
    reinvested: Reinvested,
    close: Sequence[float],
    **given: dict[int, float],
) -> None:
    for found in panel_and_rows(as_of, reinvested, close, **given):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_split_and_dividend_of_one_day() -> None:
    # 2 for 1, and 0.50 on each new share; then a reverse split, 1 for 10.
    given = {"split": {1: 2.0, 2: 0.1}, "dividend": {1: 0.5}}
    close = [100.0, 49.5, 500.0]
    factor = 49.5 / 50.0
    check([100 / 2 * 10 * factor, 49.5 * 10, 500.0], 2, "close", close, **given)
    # The dividend is a hundredth of the close before: 0.5 / 50.
    check([100 / 2 * 10 * 0.99, 49.5 * 10, 500.0], 2, "previous_close", close, **given)
    check([100 / 2 * factor, 49.5], 1, "close", close, **given)
    check([100.0], 0, "close", close, **given)


def test_two_dividends() -> None:
    given = {"dividend": {1: 1.0, 2: 2.0}}
    close = [10.0, 9.0, 8.0]
    check([10 * 0.9 * 0.8, 9 * 0.8, 8.0], 2, "close", close, **given)
    check([10 * 0.9 * 7 / 9, 9 * 7 / 9, 8.0], 2, "previous_close", close, **given)


def test_a_dividend_without_a_bar_is_reinvested_at_the_next() -> None:
    """Ex-date in row 1, no bar there; a split of 2 in row 2 has none either. Next bar: row 3."""
    close = [10.0, NAN, NAN, 4.0]
    given = {"dividend": {1: 1.0}, "split": {2: 2.0}}
    # 0.5 in new shares, at 4: the bar before keeps 4 / 4.5.
    check([10 / 2 * 4 / 4.5, 4.0], 3, "close", close, **given)
    # The close before is known: 1 of 10.
    check([10 / 2 * 0.9, 4.0], 3, "previous_close", close, **given)


def test_a_dividend_is_not_reinvested_before_there_is_a_price() -> None:
    close = [10.0, NAN, NAN, 4.0]
    given = {"dividend": {1: 1.0}, "split": {2: 2.0}}
    check([10.0], 1, "close", close, **given)
    check([5.0], 2, "close", close, **given)
    check([9.0], 1, "previous_close", close, **given)


def test_after_a_long_gap() -> None:
    """The panel fills five sessions of the gap; a filled close is never one to reinvest at."""
    close = [10.0, *[NAN] * 8, 8.0]
    for row in (3, 8):
        check([10 * 8 / 9, 8.0], 9, "close", close, dividend={row: 1.0})
        check([9.0, 8.0], 9, "previous_close", close, dividend={row: 1.0})


def test_a_dividend_before_the_first_bar_changes_nothing() -> None:
    for reinvested in ("close", "previous_close"):
        check([8.0, 8.0], 2, reinvested, [NAN, 8.0, 8.0], dividend={0: 1.0, 1: 1.0})


def test_a_dividend_of_the_whole_price() -> None:
    close, given = [10.0, 11.0, 0.5, 0.5], {"dividend": {2: 11.0}}
    check([10 * 0.5 / 11.5, 11 * 0.5 / 11.5, 0.5, 0.5], 3, "close", close, **given)
    check([NAN, NAN, 0.5, 0.5], 3, "previous_close", close, **given)
    check([NAN, NAN, 0.5, 0.5], 3, "previous_close", close, dividend={1: 1.0, 2: 11.0})


def test_a_filled_cell_of_a_panel_is_adjusted_like_a_bar() -> None:
    panel = by_hand([10.0, NAN, 5.0], split={2: 2.0}).panel().filled()
    adjusted = split_adjusted(panel, "2002-01-01")
    np.testing.assert_array_equal(adjusted.close[:, 0], [5.0, 5.0, 5.0])
    np.testing.assert_array_equal(adjusted.volume[:, 0], [2000.0, 0.0, 1000.0])


def test_a_dividend_of_a_split_panel_is_in_its_share_units() -> None:
    market = by_hand([10.0, 10.0, 5.0], split={2: 2.0}, dividend={1: 0.6})
    assert split_adjusted(market.panel(), market.sessions[2]).dividend[1, 0] == 0.3


def test_order_and_other_columns_stay(bars: pd.DataFrame, actions: pd.DataFrame) -> None:
    shuffled = bars.sample(frac=0.2, random_state=1)
    shuffled["vwap"] = shuffled["close_price"] - 0.01
    found = adjust(shuffled, actions, LAST, "total_return")
    assert list(found.columns) == list(shuffled.columns)
    assert list(found.index) == list(range(len(shuffled)))
    kept = ["date", "security_id", "vendor_adjusted_close", "source"]
    pd.testing.assert_frame_equal(found[kept], shuffled[kept].reset_index(drop=True))
    ratio = found["close_price"].to_numpy() / shuffled["close_price"].to_numpy()
    for name in PRICE_COLUMNS:
        np.testing.assert_allclose(found[name], shuffled[name].to_numpy() * ratio, rtol=1e-12)


def test_the_order_of_rows_is_of_no_matter(bars: pd.DataFrame, actions: pd.DataFrame) -> None:
    expected = adjust(bars, actions, LAST, "total_return")
    order = np.random.default_rng(1).permutation(len(bars))
    found = adjust(bars.iloc[order], actions.sample(frac=1, random_state=2), LAST, "total_return")
    pd.testing.assert_frame_equal(found, expected.iloc[order].reset_index(drop=True))


def test_an_ex_date_need_not_be_a_session() -> None:
    """A split on Saturday counts for Friday's bar, and not for Monday's."""
    bars = rows("AAAA", [8.0, 8.0, 8.0, 8.0], "2004-08-05").iloc[[0, 1, 3]]
    split = action_rows([("2004-08-07", "A", 2.0, NAN)])
    assert adjust(bars, split, "2004-08-08")["close_price"].tolist() == [4.0, 4.0, 8.0]
    assert adjust(bars, split, "2004-08-06")["close_price"].tolist() == [8.0, 8.0]


def test_a_split_after_the_last_bar_counts_up_to_the_session() -> None:
    split = action_rows([("2004-08-20", "A", 2.0, NAN)])
    assert adjust(rows("AA", [8.0, 8.0]), split, "2004-08-20")["close_price"].tolist() == [4.0, 4.0]
    assert adjust(rows("AA", [8.0, 8.0]), split, "2004-08-19")["close_price"].tolist() == [8.0, 8.0]


def test_a_series_is_a_security_where_there_is_one() -> None:
    """FB becomes META; the ticker META was another security's before."""
    bars = rows(["META", "FB", "META", "META"], [10.0, 100.0, 100.0, 50.0])
    bars = bars.rename(columns={"security_id": "symbol"})
    bars["security_id"] = ["META@2003-09-10", "BBG1", "BBG1", "BBG1"]
    split = action_rows([("2004-08-05", "META", 2.0, NAN)])
    split = split.rename(columns={"security_id": "symbol"})
    by_symbol = adjust(bars, split, "2004-08-05")["close_price"].tolist()
    assert by_symbol == [5.0, 100.0, 50.0, 50.0]
    split["security_id"] = "BBG1"
    assert adjust(bars, split, "2004-08-05")["close_price"].tolist() == [10.0, 50.0, 50.0, 50.0]
    split["security_id"] = None
    assert adjust(bars, split, "2004-08-05")["close_price"].tolist() == [10.0, 100.0, 100.0, 50.0]


def test_actions_of_other_symbols_change_nothing() -> None:
    others = action_rows([("2004-08-03", "Z", 2.0, NAN), ("2004-08-03", "AA", NAN, 1.0)])
    bars = rows([None, "A", "B", "A"], [2.5, 1.0, 2.0, 3.0])
    for kind in ("split", "total_return"):
        pd.testing.assert_frame_equal(adjust(bars, others, "2004-08-09", kind), bars)


@pytest.mark.parametrize("kind", ["split", "total_return"])
def test_empty(kind: Kind, bars: pd.DataFrame, actions: pd.DataFrame) -> None:
    assert list(adjust(bars.iloc[:0], actions, LAST, kind).columns) == list(bars.columns)
    assert adjust(bars, actions, "1999-12-31", kind).empty
    pd.testing.assert_frame_equal(adjust(bars, actions.iloc[:0], LAST, kind), bars)


# Disagreements.


def test_every_missing_action_is_named(
    bars: pd.DataFrame, actions: pd.DataFrame, wiki: pd.DataFrame
) -> None:
    """Leave out each action that moves a price by more than the tolerance, one at a time."""
    close = bars.set_index(["date", "security_id"])["close_price"]
    paid = close.reindex(pd.MultiIndex.from_frame(actions[["date", "security_id"]])).to_numpy()
    large = actions["split_ratio"].notna() | (actions["cash_amount"] / paid > 0.0055)
    assert large.sum() > 20
    for row in np.flatnonzero(large):
        left_out = actions.iloc[row]
        own = closes(
            adjust(bars, actions.drop(index=[actions.index[int(row)]]), LAST, "total_return")
        )
        found = disagreements(own, wiki)
        assert found[["security_id", "date"]].to_numpy().tolist() == [
            [left_out["security_id"], left_out["date"]]
        ]


def test_what_is_told_of_a_disagreement(
    bars: pd.DataFrame, actions: pd.DataFrame, wiki: pd.DataFrame
) -> None:
    """Without Microsoft's 3.08 of 2004-11-15: 29.97 to 27.39, where the vendor has 30.47."""
    own = closes(adjust(bars, actions[actions["date"] != "2004-11-15"], LAST, "total_return"))
    (found,) = disagreements(own, wiki).to_dict("records")
    assert (found["security_id"], found["date"]) == ("MSFT", pd.Timestamp("2004-11-15"))
    assert found["own"] == pytest.approx(27.39 / 29.97)
    assert found["vendor"] == pytest.approx((27.39 + 3.08) / 29.97)
    assert found["difference"] == pytest.approx(27.39 / 30.47 - 1)
