"""`compute_features`: rows, columns, order, missing bars, and bad cells."""

import warnings

import numpy as np
import pandas as pd
import pytest

from quant_platform.conventions import FILL_LIMIT
from quant_platform.errors import UnknownNameError
from quant_platform.features.compute import compute_features, required_lookback
from quant_platform.features.feature_registry import select
from quant_platform.market.panel import Panel
from quant_platform_tests.support.panels import by_hand, random_market

NAN = float("nan")


def test_columns_rows_and_order() -> None:
    market = random_market(3, 120)
    frame = compute_features(market.panel())
    assert list(frame.columns) == ["date", "security_id", *(each.name for each in select())]
    assert frame["date"].dtype.kind == "M"
    assert isinstance(frame["security_id"].dtype, pd.StringDtype)
    assert (frame.dtypes.iloc[2:] == np.float64).all()
    keys = market.bars.sort_values(["date", "security_id"])[["date", "security_id"]]
    assert frame["date"].tolist() == keys["date"].tolist()
    assert frame["security_id"].tolist() == keys["security_id"].tolist()


def test_names_choose_and_order_the_columns() -> None:
    panel = by_hand([1.0, 2.0]).panel()
    frame = compute_features(panel, names=["sma_20", "return_1", "sma_20"])
    assert list(frame.columns) == ["date", "security_id", "sma_20", "return_1"]
    assert list(compute_features(panel, names=[]).columns) == ["date", "security_id"]
    with pytest.raises(UnknownNameError, match="sma_21"):
        compute_features(panel, names=["sma_21"])


@pytest.mark.parametrize(("last", "rows"), [(None, 4), (0, 0), (1, 1), (3, 3), (4, 4), (99, 4)])
def test_last(last: int | None, rows: int) -> None:
    panel = by_hand([1.0, 2.0, 4.0, 8.0]).panel()
    frame = compute_features(panel, last=last, names=["momentum_1"])
    assert frame["momentum_1"].tolist()[-3:] == [1.0, 1.0, 1.0][: max(min(rows, 3), 0)]
    assert len(frame) == rows


def test_required_lookback() -> None:
    assert required_lookback(["sma_10"]) == 10 + FILL_LIMIT
    assert required_lookback(["return_5", "sma_200"]) == 200 + FILL_LIMIT
    # The slow average's 320 sessions, then 128 of the signal line, which share one.
    assert required_lookback() == 320 + 128 - 1 + FILL_LIMIT
    assert required_lookback([]) == 1
    assert required_lookback() == max(each.lookback for each in select())


def test_a_short_gap_counts_with_the_last_close_but_is_no_row() -> None:
    closes = [10.0] * 8 + [NAN, NAN] + [20.0]
    volumes = [100.0] * 8 + [NAN, NAN] + [400.0]
    panel = by_hand(closes, volume=volumes).panel()
    frame = compute_features(panel, names=["sma_10", "momentum_1"])
    assert len(frame) == 9
    assert frame["sma_10"].iloc[-1] == (9 * 10.0 + 20.0) / 10
    assert frame["momentum_1"].iloc[-1] == 1.0


def test_a_gap_over_a_split() -> None:
    """Ten shares' worth of 30 is thirty of 10, although no bar shows the day of the split."""
    closes = [30.0] * 10 + [NAN, NAN] + [10.0] * 3
    panel = by_hand(closes, split={10: 3.0}).panel()
    frame = compute_features(panel, names=["sma_10", "return_5", "momentum_1"])
    assert frame["sma_10"].iloc[-1] == pytest.approx(10.0, rel=1e-15)
    assert frame["return_5"].iloc[-1] == pytest.approx(0.0, abs=1e-15)
    assert frame["momentum_1"].iloc[10] == 0.0


def test_a_long_gap_blanks_strict_windows_and_thins_recursive_ones() -> None:
    closes = [10.0] * 30 + [NAN] * (FILL_LIMIT + 1) + [10.0] * 20
    frame = compute_features(by_hand(closes).panel(), names=["sma_10", "ema_12", "return_1"])
    after = frame.iloc[30:].reset_index(drop=True)
    assert after["sma_10"].isna().tolist() == [True] * 9 + [False] * 11
    assert after["return_1"].isna().tolist() == [True] + [False] * 19
    np.testing.assert_allclose(after["ema_12"], 10.0, rtol=1e-14)


def test_a_new_listing_starts_with_its_own_bars() -> None:
    """The n-th bar has an n-session average, however long the panel was before the listing."""
    rising = [float(n) for n in range(1, 41)]
    late = by_hand([NAN] * 100 + rising)
    early = by_hand(rising)
    names = ["technical", "alpha158", "liquidity", "overnight", "patterns"]
    listed, first = (compute_features(each.panel(), names=names) for each in (late, early))
    pd.testing.assert_frame_equal(
        listed.drop(columns="date"), first.drop(columns="date"), check_exact=True
    )
    first_value = {name: int(first[name].notna().argmax()) for name in first.columns[2:]}
    some = ("sma_10", "sma_20", "ema_12", "ema_26", "macd", "macd_signal", "rsi_14", "atr_14")
    # The values are rows from 0: EMA 26 at the 26th bar; the signal line eight bars later; RSI and
    # ATR need a previous close, so they exist with the 15th bar. TA-Lib begins at the same bars.
    assert [first_value[name] for name in some] == [9, 19, 11, 25, 25, 33, 14, 14]


def test_constant_prices() -> None:
    frame = compute_features(by_hand([10.1] * 300).panel()).iloc[-1]
    for name in ("bollinger_bandwidth", "atr_14", "return_252", "realized_volatility_60"):
        assert frame[name] == 0.0, name
    assert frame["rsi_14"] == 50.0
    assert frame["high_252_distance"] == frame["low_252_distance"] == 0.0
    assert frame["volume_ratio_20"] == 1.0
    assert np.isnan(frame["bollinger_percent_b"])
    for name in ("sma_200", "ema_26", "bollinger_upper", "bollinger_lower"):
        assert frame[name] == pytest.approx(10.1, rel=1e-14)
    assert frame["macd"] == pytest.approx(0.0, abs=1e-13)


def test_no_infinity_and_no_warning() -> None:
    """Zero volume, zero and negative prices: undefined, never infinite."""
    random = np.random.default_rng(0)
    closes = random.choice([0.0, -1.0, 1e-308, 1e308, 5.0], size=400)
    panel = by_hand(closes.tolist(), volume=[0.0] * 400).panel()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frame = compute_features(panel)
    assert not np.isinf(frame.iloc[:, 2:].to_numpy()).any()
    assert frame["volume_ratio_20"].isna().all()
    assert frame["dollar_volume_20"].iloc[-1] == 0.0


def test_empty_panels() -> None:
    bars = pd.DataFrame(
        columns=[
            "date",
            "security_id",
            "open_price",
            "high_price",
            "low_price",
            "close_price",
            "volume",
        ]
    ).astype({"date": "datetime64[s]", "security_id": "str"})
    actions = pd.DataFrame(columns=["date", "security_id", "split_ratio", "cash_amount"])
    days = np.array(["2001-01-02", "2001-01-03"], dtype="datetime64[D]")
    for sessions in (days, days[:0]):
        frame = compute_features(Panel.from_frames(bars, actions, sessions))
        assert len(frame) == 0
        assert list(frame.columns[:3]) == ["date", "security_id", select()[0].name]


def test_the_panel_is_not_written_to() -> None:
    panel = random_market(4, 60).panel()
    before = {name: getattr(panel, name).copy() for name in ("close", "volume", "split")}
    compute_features(panel)
    for name, array in before.items():
        np.testing.assert_array_equal(getattr(panel, name), array)
