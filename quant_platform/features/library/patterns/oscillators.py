"""Places in ranges, flows of volume, and ranges: the rest of TA-Lib's studies.

What does not belong here: trend strength (`momentum.py`).
"""

from functools import partial

import numpy as np

from quant_platform.features.context import FeatureContext, previous_close, shared
from quant_platform.features.feature_registry import feature
from quant_platform.features.library.patterns.common import (
    BARS,
    PATTERNS,
    STUDY_SESSIONS,
    WILDER_WINDOW,
    exponential_mean,
    highs,
    lows,
    mean_true_range,
    older,
    ratio,
    true_range,
    typical_price,
)
from quant_platform.features.library.technical import momentum
from quant_platform.features.library.technical.trend import ema_alpha, ema_window
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.rolling_rows import grow_factor, lagged, plain_carry
from quant_platform.kernels.windows import (
    Windows,
    window_max,
    window_mean,
    window_min,
    window_sum,
)

study = partial(feature, of=PATTERNS)

STOCHASTIC_SESSIONS, SMOOTHED = 5, 3
"""Sessions of the range, and of each average, of the stochastic oscillators."""

ULTIMATE = (7, 14, 28)
"""Sessions of the ultimate oscillator, which weigh 4, 2 and 1."""

LAMBERT = 0.015
"""Lambert's constant, by which most values lie between −100 and 100."""

CHANGE_SESSIONS = 20
"""Sessions over which the change of a running total is taken."""

CHAIKIN_FAST, CHAIKIN_SLOW = 3, 10

RSI_RANGE = momentum.RSI_WINDOW + STOCHASTIC_SESSIONS


@shared
def fast_k(context: FeatureContext) -> FloatArray:
    """Place of the close in the range of 5 sessions, 0 to 100."""
    high, low = highs(context).of(STOCHASTIC_SESSIONS), lows(context).of(STOCHASTIC_SESSIONS)
    return 100.0 * ratio(context.close - low, high - low)


@shared
def fast_k_of_rsi(context: FeatureContext) -> FloatArray:
    """Place of the RSI in its range of 5 sessions, 0 to 100."""
    rsi = momentum.rsi_14.function(context)
    low = window_min(rsi, STOCHASTIC_SESSIONS)
    return 100.0 * ratio(rsi - low, window_max(rsi, STOCHASTIC_SESSIONS) - low)


@study(lookback=STOCHASTIC_SESSIONS, inputs=BARS)
def stochf_k(context: FeatureContext) -> FloatArray:
    """Fast stochastic %K: 100 · (close − lowest low) / (highest high − lowest low), 5 sessions.

    Source: Lane (1984), "Lane's stochastics".
    """
    return fast_k(context).copy()


@study(lookback=STOCHASTIC_SESSIONS + SMOOTHED - 1, inputs=BARS)
def stochf_d(context: FeatureContext) -> FloatArray:
    """Fast stochastic %D, and slow %K: 3-session mean of fast %K."""
    return window_mean(fast_k(context), SMOOTHED)


@study(lookback=STOCHASTIC_SESSIONS + 2 * (SMOOTHED - 1), inputs=BARS)
def stoch_d(context: FeatureContext) -> FloatArray:
    """Slow stochastic %D: 3-session mean of slow %K."""
    return window_mean(window_mean(fast_k(context), SMOOTHED), SMOOTHED)


@study(lookback=RSI_RANGE, inputs=("close", "split"))
def stochrsi_k(context: FeatureContext) -> FloatArray:
    """Stochastic RSI %K: 100 · (RSI − lowest) / (highest − lowest), of 5 14-session RSIs.

    Source: Chande and Kroll (1994), "The New Technical Trader".
    """
    return fast_k_of_rsi(context).copy()


@study(lookback=RSI_RANGE + SMOOTHED - 1, inputs=("close", "split"))
def stochrsi_d(context: FeatureContext) -> FloatArray:
    """Stochastic RSI %D: 3-session mean of %K."""
    return window_mean(fast_k_of_rsi(context), SMOOTHED)


@study(lookback=STUDY_SESSIONS, inputs=BARS)
def willr_14(context: FeatureContext) -> FloatArray:
    """Williams %R, −100 to 0: −100 · (highest high − close) / (highest high − lowest low)."""
    high, low = highs(context).of(STUDY_SESSIONS), lows(context).of(STUDY_SESSIONS)
    return -100.0 * ratio(high - context.close, high - low)


@study(lookback=STUDY_SESSIONS, inputs=BARS)
def cci_14(context: FeatureContext) -> FloatArray:
    """Commodity channel index: (typical price − mean) / (0.015 · mean |deviation|), 14 sessions.

    Source: Lambert (1980), "Commodity channel index".
    """
    price, carry = typical_price(context), plain_carry(context.price_carry)
    mean = window_mean(price, STUDY_SESSIONS, context.price_carry)
    spread, factor = np.zeros_like(price), np.ones_like(price)
    for k in range(STUDY_SESSIONS):
        grow_factor(factor, carry, k)
        spread += np.abs(lagged(price, factor, k) - mean)
    return ratio(price - mean, LAMBERT * spread / STUDY_SESSIONS)


@study(lookback=ULTIMATE[-1] + 1, inputs=BARS)
def ultosc(context: FeatureContext) -> FloatArray:
    """Ultimate oscillator, 0 to 100: 100 · (4 a₇ + 2 a₁₄ + a₂₈) / 7 of buying pressures.

    aₙ is Σ (close − min(low, previous close)) / Σ true range over n sessions. Source: Williams
    (1985), "The ultimate oscillator".
    """
    pressure = context.close - np.minimum(context.low, previous_close(context))
    bought = Windows(pressure, np.add, context.price_carry)
    ranges = Windows(true_range(context), np.add, context.price_carry)
    short, middle, long = (ratio(bought.of(n), ranges.of(n)) for n in ULTIMATE)
    return 100.0 * (4.0 * short + 2.0 * middle + long) / 7.0


@study(lookback=STUDY_SESSIONS + 1, inputs=(*BARS, "volume"))
def mfi_14(context: FeatureContext) -> FloatArray:
    """Money flow index, 0 to 100: 100 · P / (P + N), flows of 14 sessions.

    The flow is typical price · volume: P where the typical price rose, N where it fell. Source:
    Quong and Soudack (1989), "Volume-weighted RSI: money flow".
    """
    price = typical_price(context)
    change = price - older(context, price)
    flow = price * context.volume
    rise, fall = (
        window_sum(
            np.where(np.isnan(change), np.nan, np.where(side > 0.0, flow, 0.0)), STUDY_SESSIONS
        )
        for side in (change, -change)
    )
    return 100.0 * ratio(rise, rise + fall)


@shared
def accumulated(context: FeatureContext) -> FloatArray:
    """Volume of a session, signed by the place of the close in its range."""
    place = (context.close - context.low) - (context.high - context.close)
    return ratio(place, context.high - context.low) * context.volume


@study(lookback=CHANGE_SESSIONS, inputs=("high", "low", "close", "volume", "split"))
def ad_change_20(context: FeatureContext) -> FloatArray:
    """Change of the accumulation/distribution line over 20 sessions, in shares.

    A session adds volume · ((close − low) − (high − close)) / (high − low). Source: Chaikin.
    """
    return window_sum(accumulated(context), CHANGE_SESSIONS, context.volume_carry)


@study(lookback=ema_window(CHAIKIN_SLOW), inputs=("high", "low", "close", "volume", "split"))
def adosc_3_10(context: FeatureContext) -> FloatArray:
    """Chaikin's oscillator: 3-session minus 10-session exponential mean of the A/D line, in shares.

    A line that adds f is x − Σ (1 − a)^(j+1) f[t-j] on average, so that the line itself drops out.
    """
    fast, slow = (
        exponential_mean(accumulated(context), n, context.volume_carry)
        * ((1.0 - ema_alpha(n)) / ema_alpha(n))
        for n in (CHAIKIN_FAST, CHAIKIN_SLOW)
    )
    return slow - fast


@study(lookback=CHANGE_SESSIONS + 1, inputs=("close", "volume", "split"))
def obv_change_20(context: FeatureContext) -> FloatArray:
    """Change of the on-balance volume over 20 sessions, in shares: Σ ± volume.

    A session adds its volume where the close rose, and takes it away where it fell. Source:
    Granville (1963), "New Key to Stock Market Profits".
    """
    moved = np.sign(context.close - previous_close(context))
    return window_sum(moved * context.volume, CHANGE_SESSIONS, context.volume_carry)


@study(lookback=2, inputs=BARS)
def trange(context: FeatureContext) -> FloatArray:
    """True range: max(high, previous close) − min(low, previous close), currency per share."""
    return true_range(context).copy()


@study(lookback=WILDER_WINDOW + 1, inputs=BARS)
def natr_14(context: FeatureContext) -> FloatArray:
    """Average true range in percent: 100 · Wilder's 14-session mean true range / close."""
    return 100.0 * mean_true_range(context) / context.close
