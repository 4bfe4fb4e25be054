"""Returns by factor: by hand, and that factors and specific part add up."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_platform.errors import ContractError
from quant_platform.evaluation.attribution.factors import (
    LEAST,
    OTHER,
    SPECIFIC,
    factor_attribution,
    risk_shares,
    wide_factors,
)

DAYS = pd.date_range("2020-01-01", periods=2)
NAMES = ["A", "B"]


def frames(exposures, factors, weights=((0.5, 0.5), (1.0, 0.0)), returns=((0.1, 0.0), (0.02, 9.0))):
    """Two sessions of two securities."""
    index = pd.MultiIndex.from_product([DAYS, NAMES])
    return (
        pd.DataFrame(weights, DAYS, NAMES),
        pd.DataFrame(returns, DAYS, NAMES),
        pd.DataFrame(exposures, index=index),
        pd.DataFrame(factors, index=DAYS),
    )


class TestByHand:
    """Weights ½ and ½, then all in A. A has exposures 1 and 2 to the factor, B has 3."""

    given = frames({"f": [1.0, 3.0, 2.0, 7.0]}, {"f": [0.01, 0.02]})

    def test_sessions(self) -> None:
        found = factor_attribution(*self.given)
        # ½ · 1 · 0.01 + ½ · 3 · 0.01, and 2 · 0.02; the rest of 0.05 and 0.02 is specific.
        assert found.sessions["f"].tolist() == pytest.approx([0.02, 0.04])
        assert found.sessions[SPECIFIC].tolist() == pytest.approx([0.03, -0.02])
        assert found.summary.loc["f", "exposure"] == 2.0
        assert found.total_return == pytest.approx(1.05 * 1.02 - 1.0)

    def test_linked_by_hand(self) -> None:
        found = factor_attribution(*self.given).summary["contribution"]
        # Cariño against 0: ln(1 + r) / r of each session over that of both.
        each = np.log([1.05, 1.02]) / [0.05, 0.02]
        total = np.log(1.05 * 1.02) / (1.05 * 1.02 - 1.0)
        assert found["f"] == pytest.approx(float(each @ [0.02, 0.04]) / total)

    def test_errors_of_factor_returns_are_independent(self) -> None:
        errors = pd.DataFrame({"f": [0.003, 0.002]}, index=DAYS)
        found = factor_attribution(*self.given, errors=errors).summary
        # Exposures of 2 in both sessions.
        assert found.loc["f", "estimation_error"] == pytest.approx(np.hypot(0.006, 0.004))

    def test_trades_and_costs_are_other(self) -> None:
        own = pd.Series([0.04, 0.02], index=DAYS)
        found = factor_attribution(*self.given, own=own)
        assert found.sessions[OTHER].tolist() == pytest.approx([-0.01, 0.0])


def test_what_was_to_be_expected_is_the_mean_before() -> None:
    count = LEAST + 2
    days = pd.date_range("2020-01-01", periods=count)
    f = np.where(np.arange(count) % 2, 0.03, -0.01)
    index = pd.MultiIndex.from_product([days, ["A"]])
    ones = pd.DataFrame({"A": np.ones(count)}, index=days)
    found = factor_attribution(
        ones,
        ones * 0.0,
        pd.DataFrame({"f": np.ones(count)}, index=index),
        pd.DataFrame({"f": f}, days),
    ).summary
    want = f[:LEAST].mean() + f[: LEAST + 1].mean()
    assert found.loc["f", "predicted"] == pytest.approx(want)
    error = f[:LEAST].std(ddof=1) / LEAST**0.5 + f[: LEAST + 1].std(ddof=1) / (LEAST + 1) ** 0.5
    assert found.loc["f", "predicted_error"] == pytest.approx(error)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_all_parts_add_up_to_the_return(seed: int) -> None:
    random = np.random.default_rng(seed)
    count, width, factors = 80, 6, 3
    days = pd.date_range("2020-01-01", periods=count)
    names, of = [f"s{n}" for n in range(width)], [f"f{n}" for n in range(factors)]
    index = pd.MultiIndex.from_product([days, names])
    x = random.normal(size=(count * width, factors))
    x[random.random(x.shape) < 0.1] = np.nan
    f = random.normal(0, 0.01, (count, factors))
    f[random.random(f.shape) < 0.02] = np.nan
    weights = random.normal(0.2, 0.2, (count, width))
    returns = random.normal(0, 0.02, (count, width))
    own = pd.Series((weights * returns).sum(axis=1) - 1e-4, index=days)
    found = factor_attribution(
        pd.DataFrame(weights, days, names),
        pd.DataFrame(returns, days, names),
        pd.DataFrame(x, index, of).sample(frac=0.9, random_state=seed % 1000),
        pd.DataFrame(f, days, of),
        own=own,
    )
    parts = found.summary.drop(index="total")
    assert parts["contribution"].sum() == pytest.approx(found.total_return, abs=1e-10)
    assert parts["risk"].sum() == pytest.approx(1.0)
    assert found.sessions.drop(columns="return").sum(axis=1).to_numpy() == pytest.approx(
        own.to_numpy(), abs=1e-14
    )


def test_rows_of_tables_are_exposures_by_factor() -> None:
    day = pd.Timestamp("2020-01-02")
    exposures, returns, errors = wide_factors(
        pd.DataFrame(
            {
                "date": [day, day],
                "security_id": NAMES,
                "sector": ["Energy", None],
                "dollar_volume": [1.0, 2.0],
                "market": [1.0, 0.9],
            }
        ),
        pd.DataFrame(
            {
                "date": [day, day],
                "factor": ["market", "sector:Energy"],
                "factor_return": [0.01, 0.002],
                "standard_error": [0.001, None],
            }
        ),
    )
    assert exposures.to_dict("list") == {"market": [1.0, 0.9], "sector:Energy": [1.0, 0.0]}
    assert returns.to_numpy().tolist() == [[0.01, 0.002]]
    assert errors["market"].tolist() == [0.001]


class TestBadInput:
    def test_no_common_session(self) -> None:
        weights, returns, exposures, factors = frames({"f": [1.0] * 4}, {"f": [0.1, 0.1]})
        later = factors.set_axis(factors.index + pd.Timedelta(days=30))
        with pytest.raises(ContractError, match="no session with weights, returns and factor"):
            factor_attribution(weights, returns, exposures, later)

    def test_sessions_without_factor_returns_are_named(self) -> None:
        weights, returns, exposures, factors = frames({"f": [1.0] * 4}, {"f": [0.1, 0.1]})
        found = factor_attribution(weights, returns, exposures, factors[:1])
        assert found.notes == ("1 of 2 sessions are left out: no factor returns",)

    def test_securities_without_exposures_are_specific(self) -> None:
        weights, returns, exposures, factors = frames({"f": [1.0] * 4}, {"f": [0.1, 0.1]})
        found = factor_attribution(weights, returns, exposures.drop("B", level=1), factors)
        assert found.uncovered == 0.25

    def test_a_variance_of_nothing(self) -> None:
        x = pd.Series({"f": 0.0})
        f = pd.DataFrame([[0.1]], index=["f"], columns=["f"])
        assert risk_shares(x, f, 0.0).isna().all()
