"""Figures of a session beside SciPy, NumPy and alphalens-reloaded, and by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from quant_platform.evaluation.factor_sessions import (
    Ordered,
    pair_up,
    quantile_returns,
    quantile_turnover,
    quantiles_of,
    rank_autocorrelation,
    ranks_of,
)
from quant_platform.evaluation.factor_tables import mean_rank_correlations
from quant_platform_tests.oracles.make_factor_study import (
    ANSWERS,
    PERIODS,
    QUANTILES,
    values_and_opens,
)
from quant_platform_tests.support.panels import bits

NAN = np.nan


def with_gaps() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values and returns with ties and gaps, and three groups."""
    random = np.random.default_rng(7)
    values = np.round(random.normal(size=(40, 12)), 1)
    later = np.round(0.3 * values + random.normal(size=(40, 12)), 1)
    values[random.random(values.shape) < 0.2] = NAN
    later[random.random(values.shape) < 0.2] = NAN
    return values, later, random.integers(-1, 3, values.shape).astype(np.int8)


def test_correlations_and_slope_are_those_of_scipy_and_numpy() -> None:
    values, later, _ = with_gaps()
    found = pair_up(Ordered.of(values), Ordered.of(later))
    for row, (one, other) in enumerate(zip(values, later, strict=True)):
        both = np.isfinite(one) & np.isfinite(other)
        one, other = one[both], other[both]
        assert found.pairs[row, 0] == len(one)
        assert found.rank_ic[row, 0] == pytest.approx(spearmanr(one, other).statistic, rel=1e-12)
        assert found.ic[row, 0] == pytest.approx(np.corrcoef(one, other)[0, 1], rel=1e-12)
        assert found.slope[row, 0] == pytest.approx(np.polyfit(one, other, 1)[0], rel=1e-9)


def test_within_groups_only_their_own_members_count() -> None:
    values, later, groups = with_gaps()
    found = pair_up(Ordered.of(values), Ordered.of(later), groups, 3)
    known = 0
    for row in range(len(values)):
        for of in range(3):
            one, other = (each[row][groups[row] == of] for each in (values, later))
            both = np.isfinite(one) & np.isfinite(other)
            assert found.pairs[row, of] == both.sum()
            if both.sum() >= 3:
                expected = spearmanr(one[both], other[both]).statistic
                np.testing.assert_allclose(found.rank_ic[row, of], expected, rtol=1e-12)
                known += 1
    assert known > 30


def test_what_has_no_correlation() -> None:
    """Two securities; equal values; equal returns; no value; infinite ones."""
    values = np.array([[1.0, 2.0, NAN], [0.1, 0.1, 0.1], [1.0, 2.0, 3.0], [NAN] * 3, [np.inf] * 3])
    later = np.array([[1.0, 2.0, 3.0]] * 2 + [[0.1] * 3] + [[1.0, 2.0, 3.0]] * 2)
    found = pair_up(Ordered.of(values), Ordered.of(later))
    for each in (found.ic, found.rank_ic, found.slope):
        assert np.isnan(each).all()
    assert found.pairs[:, 0].tolist() == [2.0, 3.0, 3.0, 0.0, 0.0]
    nobody = pair_up(Ordered.of(np.empty((2, 0))), Ordered.of(np.empty((2, 0))))
    assert np.isnan(nobody.ic).all()


def test_further_securities_without_a_value_change_no_bit() -> None:
    values, later, _ = with_gaps()
    at = np.arange(12) * 2
    wide = [np.full((40, 25), NAN) for _ in range(2)]
    for of, given in zip(wide, (values, later), strict=True):
        of[:, at] = given
    wide[1][:, 1::2] = 0.5
    narrow = pair_up(Ordered.of(values), Ordered.of(later))
    same = pair_up(Ordered.of(wide[0]), Ordered.of(wide[1]))
    for one, other in zip((narrow.ic, narrow.slope), (same.ic, same.slope), strict=True):
        np.testing.assert_array_equal(bits(one), bits(other))
    groups = [quantiles_of(Ordered.of(each), 5) for each in (values, wide[0])]
    np.testing.assert_array_equal(groups[0], groups[1][:, at])
    returns = [quantile_returns(*each, 5) for each in ((groups[0], later), (groups[1], wide[1]))]
    np.testing.assert_array_equal(bits(returns[0]), bits(returns[1]))


def test_quantiles_are_of_equal_size() -> None:
    """Six values in three: two each; five in two: the lower holds two, as ⌈k · 2 / 5⌉ says."""
    values = np.array([[5.0, 1.0, 3.0, 2.0, 6.0, 4.0], [5.0, 1.0, NAN, 2.0, 1.0, 4.0]])
    ordered = Ordered.of(values)
    np.testing.assert_array_equal(quantiles_of(ordered, 3)[0], [3, 1, 2, 1, 3, 2])
    np.testing.assert_array_equal(quantiles_of(ordered, 2)[1], [2, 1, 0, 2, 1, 2])
    np.testing.assert_array_equal(
        quantiles_of(ordered, np.array([0, 2])), [[0] * 6, [2, 1, 0, 2, 1, 2]]
    )


def test_returns_and_turnover_by_quantile() -> None:
    of = np.array([[1, 1, 2, 2], [1, 2, 1, 2], [0, 0, 0, 0]], dtype=np.int8)
    later = np.array([[0.1, 0.3, 0.5, NAN], [0.0, 0.2, 0.4, 0.6], [0.1, 0.1, 0.1, 0.1]])
    np.testing.assert_allclose(quantile_returns(of, later, 2), [[0.2, 0.5], [0.2, 0.4], [NAN, NAN]])
    # In the second session, the second security is new among the upper two.
    np.testing.assert_array_equal(quantile_turnover(of, 2)[:, 1], [NAN, 0.5, NAN])


def test_correlation_between_factors_is_that_of_their_ranks() -> None:
    values, later, _ = with_gaps()
    later[:, :] = np.where(np.isfinite(values), later, NAN)  # fewer, but of the same securities
    later = np.where(np.isfinite(later), later, 0.0)
    whole = np.where(np.isfinite(values), values, 0.0)
    ranks = [ranks_of(Ordered.of(each)).values for each in (whole, later, -whole)]
    found = mean_rank_correlations(ranks)
    expected = np.mean([spearmanr(*rows).statistic for rows in zip(whole, later, strict=True)])
    assert found[0, 1] == pytest.approx(expected, rel=1e-12)
    assert found[0, 2] == pytest.approx(-1.0)
    assert found[0, 0] == pytest.approx(1.0)


@pytest.mark.parametrize("period", PERIODS)
def test_a_session_is_what_alphalens_makes_of_it(period: int) -> None:
    """alphalens 0.5.1; in sessions in which it has the returns of all periods, as it asks for.

    Its dates are those of the values, its returns those from the next open on: see the oracle.
    """
    values, opens = values_and_opens()
    answers = pd.read_csv(ANSWERS, parse_dates=["date"])
    later = (opens.shift(-1 - period) / opens.shift(-1) - 1.0).to_numpy()
    ordered = Ordered.of(values.to_numpy())
    of = quantiles_of(ordered, QUANTILES)
    index = values.index
    means = quantile_returns(of, later, QUANTILES)
    renewed = quantile_turnover(of, QUANTILES, period)
    mine: dict[object, np.ndarray] = {
        ("rank_ic", 0): pair_up(ordered, Ordered.of(later)).rank_ic[:, 0],
        ("autocorrelation", 0): rank_autocorrelation(ranks_of(ordered), period),
        **{("return", each): means[:, each - 1] for each in range(1, QUANTILES + 1)},
        **{("turnover", each): renewed[:, each - 1] for each in (1, QUANTILES)},
    }
    compared = 0
    for key, theirs in answers[answers["period"] == period].groupby(["figure", "quantile"]):
        found = pd.Series(mine[key], index=index)[theirs["date"]]
        # Returns of alphalens end where those of its longest period do.
        np.testing.assert_allclose(found, theirs["value"], rtol=1e-9, atol=1e-12, err_msg=str(key))
        compared += len(theirs)
    assert compared > 380
