"""Each feature on prices for which the value follows by hand, across a 3:1 split and a dividend."""

import math

import pytest

from quant_platform.features.compute import compute_features
from quant_platform_tests.support.panels import MarketFrames, by_hand


def values(market: MarketFrames, name: str) -> list[float]:
    return compute_features(market.panel(), names=[name])[name].tolist()


def test_returns_over_a_split_and_a_dividend() -> None:
    """30 → 33; 3:1, so 33 is 11 now, and the close is 12; a dividend of 0.60 takes 12 to 11.40."""
    market = by_hand([30.0, 33.0, 12.0, 11.4], split={2: 3.0}, dividend={3: 0.6})
    assert values(market, "momentum_1")[1:] == pytest.approx([0.1, 12 / 11 - 1, -0.05])
    assert values(market, "return_1")[1:] == pytest.approx([0.1, 12 / 11 - 1, 0.0], abs=1e-15)


def test_a_dividend_on_the_day_of_a_split_is_per_new_share() -> None:
    """One share of 30 became three of 10, each with 0.50 in cash: (10 + 0.5) / 10."""
    market = by_hand([30.0, 10.0], split={1: 3.0}, dividend={1: 0.5})
    assert values(market, "return_1")[1] == pytest.approx(0.05)
    assert values(market, "momentum_1")[1] == pytest.approx(0.0, abs=1e-15)


def test_longer_returns_compound() -> None:
    """Five sessions from 60: +10 % to 66, 3:2 to 44, then 44 + 2.20 in cash (+5 %) at 44."""
    market = by_hand([60.0, 66.0, 44.0, 44.0, 44.0, 44.0], split={2: 1.5}, dividend={3: 2.2})
    assert values(market, "return_5")[5] == pytest.approx(1.1 * 1.05 - 1)
    # 60 before the split is 40 after it.
    assert values(market, "momentum_5")[5] == pytest.approx(44 / 40 - 1)


@pytest.mark.parametrize("n", [10, 20, 60, 120, 252])
def test_returns_of_every_horizon(n: int) -> None:
    """Growth of 1 % a session, split 7:1 in between, paid out in cash every 50th session."""
    paid = range(50, 300, 50)
    closes, close = [], 70.0
    for row in range(300):
        close *= (1.0 if row in paid else 1.01) if row else 1.0
        close /= 7.0 if row == 200 else 1.0
        closes.append(close)
    # On a day of payment the close stands still and 1 % of it comes in cash.
    market = by_hand(closes, split={200: 7.0}, dividend={row: 0.01 * closes[row] for row in paid})
    assert values(market, f"return_{n}")[-1] == pytest.approx(1.01**n - 1)
    quiet = sum(1 for row in paid if row > 299 - n)
    assert values(market, f"momentum_{n}")[-1] == pytest.approx(1.01 ** (n - quiet) - 1)


@pytest.mark.parametrize("n", [10, 20, 50, 200])
def test_sma_in_units_of_the_session(n: int) -> None:
    """Half the window at 36 before a 3:1 split (12 now), half at 10: the mean is 11."""
    market = by_hand([36.0] * (n // 2) + [10.0] * (n // 2), split={n // 2: 3.0})
    result = values(market, f"sma_{n}")
    assert all(math.isnan(value) for value in result[:-1])
    assert result[-1] == pytest.approx(11.0)


@pytest.mark.parametrize("n", [12, 26])
def test_ema_after_one_step(n: int) -> None:
    """10 but for the newest, 23: 10 + 13 · weight, weight = (1-r) / (1-r^n), r = (n-1) / (n+1)."""
    r = (n - 1) / (n + 1)
    expected = 10 + 13 * (1 - r) / (1 - r**n)
    assert values(by_hand([10.0] * (n - 1) + [23.0]), f"ema_{n}")[-1] == pytest.approx(expected)
    split = by_hand([30.0] * (n - 1) + [23.0], split={n - 1: 3.0})
    assert values(split, f"ema_{n}")[-1] == pytest.approx(expected)


def test_macd_of_a_straight_line() -> None:
    """An EMA with weight a lags a line of slope 1 by (1-a)/a: 5.5 and 12.5 sessions; MACD is 7."""
    market = by_hand([float(row) for row in range(1, 701)])
    assert values(market, "macd")[-1] == pytest.approx(7.0, rel=1e-7)
    assert values(market, "macd_signal")[-1] == pytest.approx(7.0, rel=1e-7)
    assert values(market, "macd_histogram")[-1] == pytest.approx(0.0, abs=1e-6)


def test_macd_moves_with_the_units() -> None:
    """After a 3:1 split the same line is a third as high, and so are MACD and its signal line."""
    line = [float(row) for row in range(1, 701)]
    split = by_hand(line[:600] + [value / 3 for value in line[600:]], split={600: 3.0})
    for name in ("macd", "macd_signal"):
        assert values(split, name)[-1] == pytest.approx(7.0 / 3, rel=1e-7)


def test_rsi_of_alternating_changes() -> None:
    """14 changes of ±1, the newest down: gains are d = 13/14 of the losses; 100 · d / (1 + d)."""
    closes = [10.0 + row % 2 for row in range(15)]
    assert values(by_hand(closes), "rsi_14")[-1] == pytest.approx(100 * 13 / 27)


def test_rsi_at_its_ends_and_over_a_split() -> None:
    rising = [30.0 + row for row in range(40)]
    assert values(by_hand(rising), "rsi_14")[-1] == 100.0
    assert values(by_hand(rising[::-1]), "rsi_14")[-1] == 0.0
    split = rising[:20] + [value / 3 for value in rising[20:]]
    assert values(by_hand(split, split={20: 3.0}), "rsi_14")[-1] == 100.0


def test_atr_over_a_split() -> None:
    """A range of 3 a session, before a 3:1 split; of 1 after it."""
    old, new = [30.0] * 20, [10.0] * 20
    market = by_hand(
        old + new,
        high=[31.5] * 20 + [10.5] * 20,
        low=[28.5] * 20 + [9.5] * 20,
        split={20: 3.0},
    )
    result = values(market, "atr_14")
    assert all(math.isnan(value) for value in result[:14])
    assert result[14:20] == pytest.approx([3.0] * 6)
    assert result[20:] == pytest.approx([1.0] * 20)


def test_the_true_range_includes_the_gap_from_the_previous_close() -> None:
    """15 bars; all true ranges are 1 but the newest: from the close of 10 to a high of 15, 5."""
    market = by_hand([10.0] * 14 + [15.0], high=[10.5] * 14 + [15.0], low=[9.5] * 14 + [14.5])
    weight = (1 / 14) / (1 - (13 / 14) ** 14)
    assert values(market, "atr_14")[-1] == pytest.approx(1 + 4 * weight)


def test_bollinger_bands() -> None:
    """Ten closes at 9 (27 before a 3:1 split) and ten at 11: mean 10, deviation 1."""
    market = by_hand([27.0] * 10 + [11.0] * 10, split={10: 3.0})
    frame = compute_features(market.panel()).iloc[-1]
    assert frame["bollinger_middle"] == pytest.approx(10.0)
    assert frame["bollinger_upper"] == pytest.approx(12.0)
    assert frame["bollinger_lower"] == pytest.approx(8.0)
    assert frame["bollinger_percent_b"] == pytest.approx(0.75)
    assert frame["bollinger_bandwidth"] == pytest.approx(0.4)


@pytest.mark.parametrize("n", [20, 60])
def test_realized_volatility(n: int) -> None:
    """Log returns ±0.01 in turn: mean 0, sample variance 0.0001 · n / (n-1), times 252 a year."""
    closes = [100.0 * math.exp(0.01 * (row % 2)) for row in range(n + 1)]
    closes[n // 2 :] = [close / 3 for close in closes[n // 2 :]]
    market = by_hand(closes, split={n // 2: 3.0})
    expected = 0.01 * math.sqrt(n / (n - 1) * 252)
    assert values(market, f"realized_volatility_{n}")[-1] == pytest.approx(expected)


def test_realized_volatility_counts_dividends_as_return() -> None:
    """Each session the price falls by a cash dividend: total returns are 0, and so is the risk."""
    closes = [100.0 - row for row in range(21)]
    market = by_hand(closes, dividend=dict.fromkeys(range(1, 21), 1.0))
    assert values(market, "realized_volatility_20")[-1] == 0.0


def test_distance_from_the_extremes() -> None:
    """A high of 90 and a low of 36 before a 3:1 split are 30 and 12 now; the close is 24."""
    high, low, close = [75.0] * 252, [66.0] * 252, [72.0] * 252
    high[10], low[20] = 90.0, 36.0
    for prices in (high, low, close):
        prices[200:] = [price / 3 for price in prices[200:]]
    market = by_hand(close, high=high, low=low, split={200: 3.0})
    assert values(market, "high_252_distance")[-1] == pytest.approx(24 / 30 - 1)
    assert values(market, "low_252_distance")[-1] == pytest.approx(24 / 12 - 1)
    assert math.isnan(values(market, "high_252_distance")[-2])


def test_extremes_leave_the_window_after_252_sessions() -> None:
    market = by_hand([50.0] + [40.0] * 252)
    assert values(market, "high_252_distance")[-2:] == [40 / 50 - 1, 0.0]


def test_volume_ratio_in_shares_of_today() -> None:
    """100 ten times, 300 of today's; 300 nine times; today 600: the mean is 6300 / 20 = 315."""
    market = by_hand(
        [30.0] * 10 + [10.0] * 10, volume=[100.0] * 10 + [300.0] * 9 + [600.0], split={10: 3.0}
    )
    result = values(market, "volume_ratio_20")
    assert math.isnan(result[18])
    assert result[19] == pytest.approx(600 / 315)


def test_dollar_volume_needs_no_split() -> None:
    """Nineteen sessions of 30 · 100 or 10 · 300, 3000 either way, and one of 10 · 700."""
    market = by_hand(
        [30.0] * 10 + [10.0] * 10, volume=[100.0] * 10 + [300.0] * 9 + [700.0], split={10: 3.0}
    )
    assert values(market, "dollar_volume_20")[-1] == pytest.approx((19 * 3000 + 7000) / 20)
