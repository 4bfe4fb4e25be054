"""Alpha158: volumes over windows, alone and beside prices.

What does not belong here: prices alone (`prices.py`).
"""

from quant_platform.features.context import FeatureContext
from quant_platform.features.library.alpha158.common import (
    EPSILON,
    VOLUMES,
    changes_of_price_and_volume,
    difference_of,
    of_window,
    of_windows,
    price_and_volume,
    share_of,
    volume_moments,
    volume_moves,
    weighted_change_moments,
)
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.rolling_moments import MEAN, STD
from quant_platform.kernels.rolling_sums import FALLS, RISES


@of_windows(name="corr{n}", lookback=int, inputs=VOLUMES)
def corr(context: FeatureContext, n: int) -> FloatArray:
    """Correlation of close and ln(volume + 1) over {n} sessions; null where either stands still."""
    return of_window(price_and_volume(context), n)


@of_windows(name="cord{n}", lookback=lambda n: n + 1, inputs=VOLUMES)
def cord(context: FeatureContext, n: int) -> FloatArray:
    """Correlation of close / close before and ln(volume / volume before + 1) over {n} sessions."""
    return of_window(changes_of_price_and_volume(context), n)


@of_windows(name="vma{n}", lookback=int, inputs=VOLUMES)
def vma(context: FeatureContext, n: int) -> FloatArray:
    """Mean of {n} volumes / (volume + ε)."""
    return of_window(volume_moments(context), n, MEAN) / (context.volume + EPSILON)


@of_windows(name="vstd{n}", lookback=int, inputs=VOLUMES)
def vstd(context: FeatureContext, n: int) -> FloatArray:
    """Sample deviation of {n} volumes / (volume + ε)."""
    return of_window(volume_moments(context), n, STD) / (context.volume + EPSILON)


@of_windows(name="wvma{n}", lookback=lambda n: n + 1, inputs=VOLUMES)
def wvma(context: FeatureContext, n: int) -> FloatArray:
    """Sample deviation / (mean + ε) of |close / close before − 1| · volume over {n} sessions."""
    weighted = weighted_change_moments(context)
    return of_window(weighted, n, STD) / (of_window(weighted, n, MEAN) + EPSILON)


@of_windows(name="vsump{n}", lookback=lambda n: n + 1, inputs=VOLUMES)
def vsump(context: FeatureContext, n: int) -> FloatArray:
    """Rises of the volume over {n} sessions / (rises + falls + ε)."""
    return share_of(RISES, volume_moves(context), n)


@of_windows(name="vsumn{n}", lookback=lambda n: n + 1, inputs=VOLUMES)
def vsumn(context: FeatureContext, n: int) -> FloatArray:
    """Falls of the volume over {n} sessions / (rises + falls + ε)."""
    return share_of(FALLS, volume_moves(context), n)


@of_windows(name="vsumd{n}", lookback=lambda n: n + 1, inputs=VOLUMES)
def vsumd(context: FeatureContext, n: int) -> FloatArray:
    """Rises minus falls of the volume over {n} sessions / (rises + falls + ε)."""
    return difference_of(volume_moves(context), n)
