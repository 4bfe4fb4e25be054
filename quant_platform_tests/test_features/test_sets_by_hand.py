"""Features of the sets beside `technical`, on numbers for which the values follow by hand."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from quant_platform.features.compute import compute_features
from quant_platform.features.context import FeatureContext
from quant_platform.features.extras import Extras
from quant_platform.features.feature_registry import select
from quant_platform.features.library.cross_section import compared
from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.calendar import XNYS, Calendar
from quant_platform.market.panel import Panel
from quant_platform_tests.support.panels import MarketFrames, by_hand


def last(market: MarketFrames, name: str, extras: Extras | None = None) -> float:
    return float(compute_features(market.panel(), names=[name], extras=extras)[name].iloc[-1])


def panel_of(close: FloatArray, days: Sequence[str] = ()) -> Panel:
    """Closes alone, without actions; default: consecutive weekdays."""
    weekdays = np.busday_offset("2001-01-01", np.arange(len(close)), roll="forward")
    sessions = np.array(days, dtype="datetime64[D]") if days else weekdays
    names = tuple("ABCDE"[: close.shape[1]])
    ones, zeros, traded = np.ones_like(close), np.zeros_like(close), close > 0.0
    return Panel(sessions, names, close, close, close, close, ones, ones, zeros, traded)


def moved(prices: Sequence[float], row: int) -> list[float]:
    """Prices with a split of 3:1 before `row`."""
    return [price * 3.0 if index < row else price for index, price in enumerate(prices)]


# Liquidity


def test_amihud_leaves_sessions_without_volume_out() -> None:
    """Ten sessions of ±10 % at 10 · 1000 (per million: 10), ten without volume: a mean of 10."""
    closes, volumes = [10.0], [1000.0]
    for row in range(20):
        closes.append(closes[-1] * 1.1 if row % 2 else closes[-1])
        volumes.append(1e4 / closes[-1] if row % 2 else 0.0)
    market = by_hand(closes, volume=volumes)
    assert last(market, "amihud_20") == pytest.approx(1e6 * 0.1 / 1e4)
    assert last(market, "zero_volume_share_20") == 0.5
    assert last(market, "zero_return_share_20") == 0.5


def test_a_price_that_a_split_alone_moves_has_not_moved() -> None:
    """70.10 a share is a seventh of it after 7:1: twenty returns of 0."""
    market = by_hand([70.1] * 11 + [70.1 / 7.0] * 10, split={11: 7.0})
    assert last(market, "zero_return_share_20") == 1.0


def test_turnover_ratio_over_a_split() -> None:
    """247 sessions of 300 shares of today, 5 of 600: 600 / ((247 · 300 + 5 · 600) / 252)."""
    volumes = [100.0] * 200 + [300.0] * 47 + [600.0] * 5
    market = by_hand([30.0] * 200 + [10.0] * 52, volume=volumes, split={200: 3.0})
    assert last(market, "turnover_ratio_5") == pytest.approx(600 * 252 / (247 * 300 + 5 * 600))


def test_corwin_schultz_of_a_pure_bounce() -> None:
    """High 101 and low 99 in every session, nothing else: the spread is 2 (101 − 99) / (101 + 99).

    With r = ln(101 / 99), β = 2 r² and γ = r²: α = (2r − √2 r) / (3 − 2√2) − r / √(3 − 2√2) = r,
    and 2 (e^r − 1) / (1 + e^r) = 2 (101 − 99) / (101 + 99) = 0.02.
    """
    market = by_hand(
        moved([100.0] * 21, 10),
        high=moved([101.0] * 21, 10),
        low=moved([99.0] * 21, 10),
        split={10: 3.0},
    )
    assert last(market, "corwin_schultz_spread_20") == pytest.approx(0.02)


def test_abdi_ranaldo_of_a_close_at_the_ask() -> None:
    """Each close is e^0.01 above the middle, which stands still: 2 · 0.01."""
    up = math.exp(0.01)
    market = by_hand(
        moved([100.0 * up] * 21, 10),
        high=moved([100.0 * up] * 21, 10),
        low=moved([100.0 / up] * 21, 10),
        split={10: 3.0},
    )
    assert last(market, "abdi_ranaldo_spread_20") == pytest.approx(0.02)


def test_roll_of_a_pure_bounce() -> None:
    """Closes e^±0.01 around a middle: changes ±0.02, covariance −0.0004, spread 2 · 0.02."""
    closes = [100.0 * math.exp(0.01 * (-1) ** row) for row in range(62)]
    assert last(by_hand(closes), "roll_spread_60") == pytest.approx(0.04)


# Overnight


def nights_and_days(count: int) -> MarketFrames:
    """Up e^0.02 and down e^-0.01 overnight in turn; by day from open up e^0.03, down e^-0.02.

    The split of 3:1 takes place overnight, before session 10.
    """
    opened, closes = [], []
    close = 100.0
    for row in range(count):
        opened.append(close * math.exp(-0.01 if row % 2 else 0.02))
        close = opened[-1] * math.exp(-0.02 if row % 2 else 0.03)
        closes.append(close)
    return by_hand(
        moved(closes, 10),
        opened=moved(opened, 10),
        high=moved([max(pair) for pair in zip(opened, closes, strict=True)], 10),
        low=moved([min(pair) for pair in zip(opened, closes, strict=True)], 10),
        split={10: 3.0},
    )


def test_nights_and_days() -> None:
    """Twenty sessions, ten of each kind: e^(10 · 0.01) by night, e^(10 · 0.01) by day."""
    market = nights_and_days(21)
    assert last(market, "overnight_return_20") == pytest.approx(math.exp(0.1) - 1)
    assert last(market, "intraday_return_20") == pytest.approx(math.exp(0.1) - 1)
    assert last(market, "overnight_return_1") == pytest.approx(math.exp(0.02) - 1)
    assert last(market, "intraday_return_1") == pytest.approx(math.exp(0.03) - 1)


def test_a_dividend_belongs_to_the_night() -> None:
    """10, then 9.5 at the open with 0.50 in cash: the night is even."""
    market = by_hand([10.0, 9.5], dividend={1: 0.5})
    assert last(market, "overnight_return_1") == pytest.approx(0.0, abs=1e-15)


def test_volatilities_of_bars() -> None:
    """Nights ±0.015 and days ±0.025 around their means of 0.005; ranges are the bodies.

    Sample variances of 20: 0.015² · 20/19 and 0.025² · 20/19. Mean squared range (0.0009 + 0.0004)
    / 2 = 0.00065: Parkinson 0.00065 / (4 ln 2), Garman and Klass (½ − (2 ln 2 − 1)) · 0.00065.
    Rogers and Satchell is 0, since a bar that closes at its extremes has drift alone. Yang and
    Zhang: k = 0.34 / (1.34 + 21/19).
    """
    market = nights_and_days(21)
    night, day = 0.015**2 * 20 / 19, 0.025**2 * 20 / 19
    k = 0.34 / (1.34 + 21 / 19)
    expected = {
        "overnight_volatility_20": night,
        "intraday_volatility_20": day,
        "parkinson_volatility_20": 0.00065 / (4 * math.log(2)),
        "garman_klass_volatility_20": (0.5 - (2 * math.log(2) - 1)) * 0.00065,
        "yang_zhang_volatility_20": night + k * day,
    }
    for name, variance in expected.items():
        assert last(market, name) == pytest.approx(math.sqrt(252 * variance)), name
    assert last(market, "rogers_satchell_volatility_20") == pytest.approx(0.0, abs=1e-9)


def test_rogers_satchell_of_a_wide_bar() -> None:
    """Open and close 100, high e^0.02, low e^-0.01 of it: 0.02² + 0.01² a session."""
    market = by_hand(
        [100.0] * 20, high=[100 * math.exp(0.02)] * 20, low=[100 / math.exp(0.01)] * 20
    )
    expected = math.sqrt(252 * (0.02**2 + 0.01**2))
    assert last(market, "rogers_satchell_volatility_20") == pytest.approx(expected)


# Calendar


def of_days(days: Sequence[str], name: str) -> list[float]:
    panel = panel_of(np.full((len(days), 1), 10.0), days)
    return [float(value) for value in compute_features(panel, names=[name])[name]]


EASTER = ["2004-03-31", "2004-04-01", "2004-04-06", "2004-04-07", "2004-04-08", "2004-04-12"]
"""Around Good Friday, 9 April 2004; April had 21 sessions, of which the 8th was the 6th."""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("day_of_week", [3, 4, 2, 3, 4, 1]),
        ("month", [3, 4, 4, 4, 4, 4]),
        ("session_of_month", [23, 1, 4, 5, 6, 7]),
        ("sessions_to_month_end", [0, 20, 17, 16, 15, 14]),
        ("turn_of_month", [1, 1, 0, 0, 0, 0]),
        ("days_since_session", [1, 1, 1, 1, 1, 4]),
        ("sessions_to_holiday", [6, 5, 2, 1, 0, 34]),
        ("sessions_since_holiday", [31, 32, 35, 36, 37, 0]),
    ],
)
def test_around_good_friday(name: str, expected: list[float]) -> None:
    """Presidents' Day was 16 February 2004, Memorial Day 31 May.

    From 17 February to 31 March there are 9 + 23 sessions, of which the first counts 0; after 12
    April and before Memorial Day 14 in April and 20 in May.
    """
    assert of_days(EASTER, name)[:6] == pytest.approx(expected)


def test_a_closure_that_nobody_foresaw() -> None:
    """On 10 September 2001 fourteen sessions were to come in the month; on the 17th nine came."""
    assert of_days(["2001-09-10", "2001-09-17"], "sessions_to_month_end") == [14, 9]
    assert (
        XNYS.sessions(pd.Timestamp("2001-09-11").date(), pd.Timestamp("2001-09-28").date())[0]
        == pd.Timestamp("2001-09-17").date()
    )
    assert of_days(["2001-09-17"], "sessions_since_holiday") == [0]
    # Thanksgiving, 22 November, was the next holiday for both.
    assert of_days(["2001-09-10"], "sessions_to_holiday") == [52]


def test_the_calendar_is_that_of_the_panels_exchange() -> None:
    """After 24 December 2024 come four sessions in New York and, without Boxing Day, three."""
    left = {}
    for exchange in ("XNYS", "XLON"):
        panel = replace(panel_of(np.ones((1, 1)), ["2024-12-24"]), calendar=Calendar(exchange))
        left[exchange] = compute_features(panel, names=["sessions_to_month_end"]).iloc[0, 2]
    assert left == {"XNYS": 4.0, "XLON": 3.0}


# Macro


def test_yield_curve() -> None:
    """3.0, 3.5 and 5.0 percent: level 5, slope 2, curvature 7 − 8; before, 4.0, 3.5 and 4.5."""
    market = by_hand([10.0] * 21)
    series = {
        name: np.array([before] * 20 + [now])
        for name, before, now in (
            ("yield_3_month", 4.0, 3.0),
            ("yield_2_year", 3.5, 3.5),
            ("yield_10_year", 4.5, 5.0),
        )
    }
    extras = Extras(series=series)
    expected = {"level": 5.0, "slope": 2.0, "curvature": -1.0}
    for name, value in expected.items():
        assert last(market, f"yield_{name}", extras) == pytest.approx(value)
    assert last(market, "yield_level_change_20", extras) == pytest.approx(0.5)
    assert last(market, "yield_slope_change_20", extras) == pytest.approx(1.5)


# Market


def beside_market(n: int) -> tuple[MarketFrames, Extras]:
    """Market ±1 % in turn; the security 0.1 % + 2 · market ± 0.3 %, the last in pairs."""
    market = np.array([0.01 * (-1) ** row for row in range(n + 1)])
    noise = np.array([0.003 * (-1) ** (row // 2) for row in range(n + 1)])
    returns = 0.001 + 2.0 * market + noise
    closes = 100.0 * np.cumprod(1.0 + np.concatenate(([0.0], returns[1:])))
    prices = moved(closes.tolist(), 10)
    return by_hand(prices, split={10: 3.0}), Extras(market_return=market)


@pytest.mark.parametrize("n", [60, 252])
def test_beta(n: int) -> None:
    """Over multiples of 4 sessions market and noise are uncorrelated: β is 2.

    Variances (divisor n): market 0.01², security 4 · 0.01² + 0.003²; the residual is the noise, its
    squares sum to n · 0.003².
    """
    market, extras = beside_market(n)
    assert last(market, f"beta_{n}", extras) == pytest.approx(2.0)
    correlation = 2 * 0.01 / math.sqrt(4 * 0.01**2 + 0.003**2)
    assert last(market, f"market_correlation_{n}", extras) == pytest.approx(correlation)
    residual = math.sqrt(252 * n * 0.003**2 / (n - 2))
    assert last(market, f"residual_volatility_{n}", extras) == pytest.approx(residual)


def test_idiosyncratic_momentum() -> None:
    """Sessions 1 … 231 of 252: 231 · 0.1 %, and the noise of rows 1 … 231.

    Row 1 has +0.3 %; rows 2 … 229 are 57 groups of two downs and two ups; rows 230 and 231 (115
    pairs in) are down: 1 − 2 = −1 time 0.3 %.
    """
    market, extras = beside_market(252)
    expected = 231 * 0.001 - 0.003
    assert last(market, "idiosyncratic_momentum_252", extras) == pytest.approx(expected)


# Cross-section


def test_ranks_scores_and_sectors_of_members() -> None:
    """Momenta of 20 sessions: 10, 20, 20, 50 %; E is no member, D is alone in its sector.

    Ranks 1, 2.5, 2.5, 4 of 4; mean 25 %, deviations −15, −5, −5, 25, of which √(900 / 4) = 15;
    the first sector's mean is 50 / 3.
    """
    gains = np.array([0.1, 0.2, 0.2, 0.5, 0.9])
    close: FloatArray = np.full((21, 5), 10.0)
    close[-1] = 10.0 * (1.0 + gains)
    panel = panel_of(close)
    member = panel.traded.copy()
    member[:, 4] = False
    extras = Extras(member=member, sector=np.tile([0.0, 0.0, 0.0, 1.0, 1.0], (21, 1)))
    names = [f"{kind}_momentum_20" for kind in ("rank", "zscore", "neutral")]
    rows = compute_features(panel, last=1, names=names, extras=extras)
    assert rows[names[0]].tolist()[:4] == pytest.approx([0.25, 0.625, 0.625, 1.0])
    assert rows[names[1]].tolist()[:4] == pytest.approx([-1.0, -1 / 3, -1 / 3, 5 / 3])
    third = 0.5 / 3
    assert rows[names[2]].tolist()[:4] == pytest.approx(
        [0.1 - third, 0.2 - third, 0.2 - third, 0.0], abs=1e-7
    )
    assert rows[names].iloc[4].isna().all()


def test_any_feature_can_be_compared() -> None:
    """Ranks of a feature that is not among those of the set: 1 and 2 of 2."""
    (base,) = select(["momentum_5"])
    rank, zscore, neutral = compared(base)
    assert [each.name for each in (rank, zscore, neutral)] == [
        *("rank_momentum_5", "zscore_momentum_5", "neutral_momentum_5")
    ]
    assert rank.lookback == base.lookback
    close = np.array([[10.0, 10.0]] * 5 + [[11.0, 12.0]])
    context = FeatureContext(panel_of(close))
    assert rank.compute(context)[-1].tolist() == [0.5, 1.0]
    assert zscore.compute(context)[-1].tolist() == pytest.approx([-1.0, 1.0])
