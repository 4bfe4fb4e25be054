"""Many tests at once: a published example, simulations with known answers, and bad input."""

import sys

import numpy as np
import pytest

from quant_platform.errors import ContractError, SettingsError
from quant_platform.evaluation.multiple_testing import false_discovery_rates, superiority

BENJAMINI_HOCHBERG_1995 = [
    *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344),
    *(0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000),
]
"""p-values of the example in section 4.1 of Benjamini and Hochberg (1995)."""


def test_the_example_of_the_publication() -> None:
    """At a rate of 0.05 the first four of fifteen hypotheses are rejected; Bonferroni: three."""
    rates = false_discovery_rates(BENJAMINI_HOCHBERG_1995)
    assert (rates["benjamini_hochberg"] <= 0.05).tolist() == [True] * 4 + [False] * 11
    # By hand: p · 15 ÷ rank, the smallest from there on.
    assert rates["benjamini_hochberg"][3] == pytest.approx(0.0095 * 15 / 4)
    # Under any dependence: Σ 1/i = 3.318 times as much.
    harmonic = (1 / np.arange(1, 16)).sum()
    assert rates["benjamini_yekutieli"][3] == pytest.approx(0.0095 * 15 / 4 * harmonic)


def test_what_was_not_tested_stays_out() -> None:
    rates = false_discovery_rates([0.01, np.nan, 0.04])
    assert rates["benjamini_hochberg"].tolist()[::2] == pytest.approx([0.02, 0.04])
    assert rates.iloc[1].isna().all()
    assert false_discovery_rates([]).empty
    assert false_discovery_rates([np.nan]).isna().all().all()
    with pytest.raises(ContractError, match="outside of 0 to 1"):
        false_discovery_rates([1.2])


def market(seed: int, drifts: list[float]) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    benchmark = random.normal(0.0, 0.01, 400)
    noise = random.normal(0.0, 0.005, (400, len(drifts)))
    return benchmark[:, None] + noise + np.array(drifts), benchmark


def test_a_better_model_is_found_among_others() -> None:
    returns, benchmark = market(1, [0.0, 0.002, -0.001])
    result = superiority(returns, benchmark)
    assert result.consistent < 0.05
    assert result.lower <= result.consistent <= result.upper
    assert result.superior.tolist() == [False, True, False]


def test_models_like_the_benchmark_are_rarely_called_superior() -> None:
    """Size of the test: 100 markets of four models without an edge."""
    found = [superiority(*market(seed, [0.0] * 4), resamples=200) for seed in range(100)]
    assert np.mean([each.consistent < 0.05 for each in found]) <= 0.12
    assert np.mean([each.superior.any() for each in found]) <= 0.12


def test_sessions_and_models_that_cannot_be_compared() -> None:
    returns, benchmark = market(2, [0.002, 0.0, 0.0])
    returns[:, 1] = benchmark
    returns[5, 2] = np.nan
    benchmark[:3] = np.nan
    result = superiority(returns, benchmark)
    assert result.compared.tolist() == [True, False, False]
    assert result.superior.tolist() == [True, False, False]
    short = superiority(returns[:10], benchmark[:10])
    assert np.isnan([short.lower, short.consistent, short.upper]).all()
    same = superiority(np.zeros((50, 2)), np.zeros(50))
    assert np.isnan(same.consistent)
    with pytest.raises(ContractError, match="other sessions"):
        superiority(returns, benchmark[1:])


def test_without_the_extra_it_says_which_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "arch.bootstrap", None)
    monkeypatch.setitem(sys.modules, "statsmodels.stats.multitest", None)
    with pytest.raises(SettingsError, match=r"package arch.*quant-platform\[research\]"):
        superiority(*market(1, [0.0]))
    with pytest.raises(SettingsError, match="package statsmodels"):
        false_discovery_rates([0.5])
