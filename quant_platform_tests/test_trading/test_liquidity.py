"""What is known of a security's liquidity before a session."""

import numpy as np
import pytest

from quant_platform.trading.conditions import liquidity_before
from quant_platform.trading.engine.liquidity import measure_by_numpy, measure_liquidity
from quant_platform_tests.support.small_markets import market


def test_volatility_and_volume_by_hand():
    panel = market(
        {"A": [(100, 100), (110, 110), None, (27.5, 27.5), (1, 1)], "B": [None, (1, 1)]},
        splits={("A", 3): 4.0},
    )
    volatility, volume = liquidity_before(panel, 3)
    # Returns of A: +10%, none, and none after a session without a bar; volumes 1,000 each, of which
    # the first two are 4,000 in shares after the split.
    assert np.isnan(volatility).all()
    assert volume[:, 0] == pytest.approx([1000.0, 4000.0, 3000.0])
    assert volume[:, 1] == pytest.approx([1000.0] * 3)
    steady = market({"A": [(100, 100), (110, 110), (99, 99), (1, 1)]})
    # +10% and −10%: √((0.1² + 0.1²) / (2 − 1)).
    assert liquidity_before(steady, 1)[0, 0, 0] == pytest.approx(0.02**0.5)


@pytest.mark.parametrize("last", [40, 37, 3])
def test_the_kernel_has_the_bits_of_its_numpy_version(last):
    random = np.random.default_rng(7)
    returns, volume = random.normal(0.0, 0.02, (2, 40, 30))
    returns[random.random(returns.shape) < 0.3] = np.nan
    volume = np.where(random.random(volume.shape) < 0.3, np.nan, 1000.0 * np.abs(volume))
    volume[:, 0] = returns[:, 1] = np.nan
    split = np.where(random.random(volume.shape) < 0.05, 7.0, 1.0)
    by_kernel, by_numpy = np.empty((2, 2, last, 30))
    measure_liquidity(returns, volume, split, 20, by_kernel)
    measure_by_numpy(returns, volume, split, 20, by_numpy)
    np.testing.assert_array_equal(by_kernel, by_numpy)
