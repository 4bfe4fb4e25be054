"""A study's trials tested together: by hand, by scipy, and on series with a known answer."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kurtosis, norm, skew

from quant_platform.reports.studies import LEVEL, StudyReport, study_report

SESSIONS = 252
NOISE = np.random.default_rng(5).normal(0.0, 0.01, (SESSIONS, 4)).astype(np.float32)
BENCHMARK = pd.Series(
    np.random.default_rng(6).normal(0.0, 0.01, SESSIONS),
    pd.date_range("2020-01-01", periods=SESSIONS, freq="B"),
    name="flat",
)


def trials(*series: np.ndarray) -> pd.DataFrame:
    """Trials with these returns; their Sharpe ratios are of the returns alone."""
    ratios = [
        float(each.mean(dtype=float) / each.std(dtype=float) * math.sqrt(252))
        if len(each) > 1
        else math.nan
        for each in series
    ]
    return pd.DataFrame(
        {
            "id": [f"{n:032x}" for n in range(len(series))],
            "strategy": "mine",
            "parameters": [f'{{"n": {n}}}' for n in range(len(series))],
            "sharpe_ratio": pd.Series(ratios, dtype=float),
            "annualized_return": 0.0,
            "daily_returns": pd.Series(list(series), dtype=object),
        }
    )


def of_noise(drift: float = 0.0, count: int = 4) -> StudyReport:
    """Trials without skill, the second of which gains `drift` each session."""
    series = [column + (np.float32(drift) if n == 1 else 0) for n, column in enumerate(NOISE.T)]
    return study_report("mine", {}, trials(*series[:count]), range(count), BENCHMARK)


def test_p_values_are_those_of_the_probabilistic_sharpe_ratio() -> None:
    """Bailey and López de Prado (2012), equation 6, by scipy's moments."""
    report = of_noise()
    values = NOISE[:, 2].astype(float)
    ratio = values.mean() / values.std()
    error = 1 - skew(values) * ratio + (kurtosis(values, fisher=False) - 1) / 4 * ratio**2
    expected = norm.sf(ratio * math.sqrt((SESSIONS - 1) / error))
    row = report.trials.set_index("parameters").loc['{"n": 2}']
    assert row["p_value"] == pytest.approx(expected, rel=1e-6)


def test_q_values_are_benjamini_and_hochbergs_by_hand() -> None:
    """q of the i-th smallest of n p-values is the least of p·n/j over j ≥ i (1995, theorem 1)."""
    report = of_noise(drift=0.002)
    p = np.sort(report.trials["p_value"].to_numpy())
    expected = [min(p[j] * 4 / (j + 1) for j in range(i, 4)) for i in range(4)]
    q = np.sort(report.trials["benjamini_hochberg"].to_numpy())
    np.testing.assert_allclose(q, np.minimum(expected, 1.0), rtol=1e-12)


def test_one_with_skill_is_found_and_noise_is_not() -> None:
    """0.2 % a session above a benchmark of 1 %: a Sharpe ratio of 3."""
    skilled, noise = of_noise(drift=0.003), of_noise()
    assert skilled.trials["parameters"].iloc[0] == '{"n": 1}'
    assert skilled.trials["superior"].tolist() == [True, False, False, False]
    assert skilled.spa_p_value <= LEVEL
    assert skilled.discoveries == 1
    assert noise.superior == noise.discoveries == 0
    assert noise.spa_p_value > LEVEL
    assert noise.spa_lower <= noise.spa_p_value <= noise.spa_upper
    assert 3.5 < noise.effective_trials <= 4.0
    assert "1 of 4 trials tested would be discoveries" in str(skilled)
    assert "may not beat flat" in str(noise)


def test_a_study_without_a_trial() -> None:
    report = study_report("empty", {"trials": "0"}, trials())
    assert report.trials.empty
    assert math.isnan(report.spa_p_value)
    assert "0 of 0 trials tested" in str(report)
    assert "<table" in report._repr_html_()


def test_one_trial() -> None:
    report = of_noise(count=1)
    assert report.compared == 1
    assert report.effective_trials == pytest.approx(1.0)
    assert report.trials["superior"].tolist() == [False]


def test_trials_of_different_length() -> None:
    """Those of other sessions are tested alone, and those of a few sessions not at all."""
    given = trials(NOISE[:, 0], NOISE[:100, 1], NOISE[:5, 2], NOISE[:1, 3])
    report = study_report("mixed", {}, given, [0], BENCHMARK)
    rows = report.trials.set_index("sessions")
    assert rows["p_value"].notna().to_dict() == {252: True, 100: True, 5: False, 1: False}
    assert rows["superior"].isna().to_dict() == {252: False, 100: True, 5: True, 1: True}
    assert "3 of 4 trials are not compared" in report.notes[0]


def test_what_a_trial_is_called_is_shown_as_text() -> None:
    named = trials(NOISE[:, 0]).assign(strategy="<script>alert(1)</script>")
    assert "<script>" not in study_report("<b>", {}, named)._repr_html_()
