"""The planted signals foretell returns as well as they say, and noise foretells nothing.

Measured as a user would: from published bars, their bad prints and false actions set right by the
table of truths, with the plain correlation across the market, session by session.
"""

import ast
import math
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

from quant_platform.errors import UnknownNameError
from quant_platform.market.panel import Panel, pivot
from quant_platform.quality.prices import total_returns
from quant_platform.vendors import synthetic
from quant_platform.vendors.synthetic import SyntheticVendor
from quant_platform.vendors.synthetic.draws import below, drawn, normal, uniform
from quant_platform.vendors.synthetic.settings import SyntheticSettings
from quant_platform.vendors.synthetic.signals import (
    SIGNALS,
    Signal,
    true_information_coefficient,
)

FIRST, LAST = date(2005, 1, 3), date(2007, 6, 29)
"""626 sessions."""

ERRORS = 4.0
"""Standard errors that an estimate may lie off; of thirty estimates none does by chance."""


@pytest.fixture(scope="module")
def vendor() -> SyntheticVendor:
    settings = SyntheticSettings(securities=400, first=f"{FIRST}", last=f"{LAST}", seed=3)
    return SyntheticVendor(settings)


@pytest.fixture(scope="module")
def market(vendor: SyntheticVendor) -> dict[str, np.ndarray]:
    """Signals by their names, and total `returns`, sessions × securities; NaN where unknown."""
    signals, truths = vendor.planted_signals(FIRST, LAST), vendor.planted_truths(FIRST, LAST)
    keys = ["date", "security_id"]
    bars = vendor.bars(FIRST, LAST).merge(signals[["symbol", *keys]], on=["date", "symbol"])
    bad = pd.MultiIndex.from_frame(truths.loc[truths["kind"] == "bad_print", keys])
    bars = bars[~pd.MultiIndex.from_frame(bars[keys]).isin(bad)]
    true = truths["kind"].isin(["split", "missing_split", "dividend", "special_dividend"])
    actions = truths[true].rename(columns={"kind": "action_type"})
    panel = Panel.from_frames(bars, actions, vendor.market.days)
    found = {
        signal.name: pivot(signals, signal.name, panel.sessions, panel.security_ids)
        for signal in SIGNALS
    }
    return found | {"returns": np.where(panel.traded, total_returns(panel), np.nan)}


def coefficients(
    market: dict[str, np.ndarray], name: str, horizon: int, *, later: int = 0, ranks: bool = False
) -> np.ndarray:
    """Correlations across the market with the returns of `horizon` sessions, so many later.

    Returns do not overlap.
    """
    growth = np.cumprod(1.0 + np.nan_to_num(market["returns"]), axis=0)
    found = []
    for k in range(0, len(growth) - horizon - later, horizon):
        ahead = growth[k + later + horizon] / growth[k + later]
        known = np.isfinite(market["returns"][k + later + horizon] + market[name][k])
        pair = [market[name][k, known], ahead[known]]
        pair = [rankdata(each) for each in pair] if ranks else pair
        found.append(np.corrcoef(*pair)[0, 1])
    return np.array(found)


def error(found: np.ndarray) -> float:
    """Standard error of the mean."""
    return float(found.std(ddof=1)) / math.sqrt(len(found))


@pytest.mark.parametrize("horizon", [1, 5, 21])
@pytest.mark.parametrize("name", [signal.name for signal in SIGNALS])
def test_a_signal_foretells_what_it_says(
    market: dict[str, np.ndarray], name: str, horizon: int
) -> None:
    found = coefficients(market, name, horizon)
    true = true_information_coefficient(name, horizon)
    assert abs(found.mean() - true) < ERRORS * error(found)
    # The errors are small enough for the planted ones not to pass for noise.
    if (name, horizon) in (("fast", 1), ("slow", 21)):
        assert found.mean() > ERRORS * error(found)


def test_ranks_foretell_about_as_much(market: dict[str, np.ndarray]) -> None:
    found = coefficients(market, "fast", 1, ranks=True)
    true = true_information_coefficient("fast")
    assert abs(found.mean() - true) < ERRORS * error(found) + 0.1 * true


@pytest.mark.parametrize("later", [1, 2, 4, 8])
def test_a_signal_decays_as_it_says(market: dict[str, np.ndarray], later: int) -> None:
    """With the return of the single session h, ρ · φ^(h−1)."""
    fast = SIGNALS[0]
    found = coefficients(market, fast.name, 1, later=later)
    true = fast.information_coefficient * fast.persistence**later
    assert abs(found.mean() - true) < ERRORS * error(found)


def test_signals_are_autoregressive_of_variance_one(vendor: SyntheticVendor) -> None:
    for signal, values in zip(SIGNALS, vendor.market.prices.signals, strict=True):
        assert abs(values.std() - 1.0) < 0.03
        left = np.corrcoef(values[:-1].ravel(), values[1:].ravel())[0, 1]
        assert abs(left - signal.persistence) < 0.01


def test_the_truth_over_two_sessions_by_hand() -> None:
    """One signal of ρ = 0.6 and φ = 0.5: a = 0.6 / 0.8 = 0.75, cov = 0.75 · 1.5 = 1.125, variance
    2 + 0.5625 · (2 + 2 · 0.5) = 3.6875; so IC(2) = 1.125 / √3.6875 = 0.585850…"""
    only = (Signal("only", 0.6, 0.5),)
    assert true_information_coefficient("only", 1, only) == pytest.approx(0.6)
    assert true_information_coefficient("only", 2, only) == pytest.approx(0.58585, abs=1e-6)


def test_a_signal_that_is_none() -> None:
    with pytest.raises(UnknownNameError, match="There are: fast, slow, noise_white"):
        true_information_coefficient("fastest")


def test_draws_are_even_and_normal() -> None:
    bits = drawn(5, 7, np.arange(1_000)[:, None], np.arange(300))
    even, numbers = uniform(bits), normal(bits)
    assert abs(even.mean() - 0.5) < 0.003
    assert 0.0 <= even.min() < even.max() < 1.0
    assert np.bincount(below(bits.ravel(), 6)).min() > 49_000
    assert abs(numbers.mean()) < 0.01
    assert abs(numbers.std() - 1.0) < 0.01
    # Neighbours in either direction have nothing to do with each other: 4 of 1 / √300,000.
    for one, other in ((numbers[1:], numbers[:-1]), (numbers[:, 1:], numbers[:, :-1])):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 4.0 / math.sqrt(300_000)


def test_the_first_draws_by_hand() -> None:
    """SplitMix64's finaliser, worked out with Python's whole numbers."""
    mask = (1 << 64) - 1
    for number, place in ((0, 0), (3, 11)):
        bits = (2 * 1_000 + 4 + 1) * 0x9E3779B97F4A7C15
        bits = bits + number * 0xD1B54A32D192ED03 + place * 0x8CB92BA72F3D8DD7 & mask
        bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 & mask
        bits = (bits ^ bits >> 27) * 0x94D049BB133111EB & mask
        assert drawn(2, 4, number, place).tolist() == [bits ^ bits >> 31]


INEXACT = {
    *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "power", "float_power", "pow"),
    *("sin", "cos", "tan", "arctan", "arctan2", "tanh", "cbrt", "hypot"),
    *("sum", "mean", "std", "var", "dot", "matmul", "einsum", "prod", "cumprod"),
}
"""What rounds differently from one library, processor or order of a sum to another."""


def test_nothing_that_platforms_round_differently_is_used() -> None:
    """Beside the digest, which says it of one platform alone."""
    found = [
        f"{path.name}:{node.lineno} {node.attr}"
        for path in sorted(Path(synthetic.__file__).parent.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in INEXACT
    ]
    assert found == []
