"""How well forecasts of risk turned out.

With r the return of a session, σ, VaR and ES what was forecast of it the session before (losses as
positive numbers), and z = r/σ:

- bias statistic: the deviation of z, 1 where forecasts are right; 95 % of the time within
  1 ± √(2/T) if returns are normal (Menchero, Orr and Wang, "The Barra US Equity Model (USE4)",
  2011), wider with heavy tails: with the kurtosis κ of z, as observed, within
  1 ± 1.96 √((κ − 1)/(4T));
- QLIKE: mean of ln σ² + r²/σ², lower is better (Patton, "Volatility Forecast Comparison Using
  Imperfect Volatility Proxies", *Journal of Econometrics* 160(1), 2011);
- Kupiec, "Techniques for Verifying the Accuracy of Risk Measurement Models", *Journal of
  Derivatives* 3(2), 1995: whether losses beyond the VaR are as frequent as they should be;
- Christoffersen, "Evaluating Interval Forecasts", *International Economic Review* 39(4), 1998:
  whether they come independently of each other, and both together;
- Acerbi and Székely, "Backtesting Expected Shortfall", *Risk*, 2014: Z1 = mean of r/ES over the N
  exceptions + 1, and Z2 = Σ r/(T α ES) over them + 1. Both are 0 on average where ES is right and
  below 0 where it is too small; p-values are by simulation of the distribution that the forecasts
  assume (`risk/tails.py`).

What does not belong here: forecasts, tables and pages.
"""

from dataclasses import asdict, dataclass
from functools import lru_cache
from math import erfc, exp, log, sqrt

import numpy as np
import pandas as pd

from quant_platform.conventions import TWO_SIDED_95
from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.risk.tails import VALUE_AT_RISK, draws

FEWEST = 63
"""Sessions below which no forecast is judged."""

SIMULATIONS = 5_000
"""Paths that a p-value of an expected shortfall is made of."""

POOL = 400_000
"""Draws that the losses of these paths are taken from."""

SEED = 20140
"""Of the simulation: the same figures for the same input."""

CONFIDENCES = (95, 99)

KEY = ("date", "model_id")


@dataclass(frozen=True)
class Ratio:
    """A likelihood ratio and the probability of one as large if the forecasts are right.

    NaN where there is nothing to test.
    """

    statistic: float
    p_value: float


@dataclass(frozen=True)
class Shortfall:
    """Z1 and Z2 of Acerbi and Székely with their one-sided p-values; NaN without exceptions."""

    z1: float
    z1_p_value: float
    z2: float
    z2_p_value: float


@dataclass(frozen=True)
class Verdict:
    """How the forecasts of one portfolio turned out; NaN where there are too few sessions.

    Attributes
    ----------
    sessions : sessions with a forecast above 0 and a return
    bias, bias_lower, bias_upper : bias statistic, and between which it lies in 95 of 100 cases
    qlike : mean loss
    exceptions_95, exceptions_99 : sessions with a loss beyond the value at risk
    coverage_p_95, independence_p_95, both_p_95, … : p-values of Kupiec and Christoffersen
    z1_95, z2_95, z1_p_95, z2_p_95, … : of Acerbi and Székely
    """

    sessions: int
    bias: float
    bias_lower: float
    bias_upper: float
    qlike: float
    exceptions_95: int
    exceptions_99: int
    coverage_p_95: float
    independence_p_95: float
    both_p_95: float
    coverage_p_99: float
    independence_p_99: float
    both_p_99: float
    z1_95: float
    z1_p_95: float
    z2_95: float
    z2_p_95: float
    z1_99: float
    z1_p_99: float
    z2_99: float
    z2_p_99: float


def bias_statistic(returns: FloatArray, volatility: FloatArray) -> tuple[float, float, float]:
    """Return the deviation of returns over forecasts, and its 95 % interval if these are right.

    Parameters
    ----------
    returns, volatility : of the same sessions; volatility above 0

    Examples
    --------
    >>> bias, lower, upper = bias_statistic(np.array([0.01, -0.01] * 50), np.full(100, 0.01))
    >>> round(bias, 3), lower <= 1.0 <= upper
    (1.005, True)
    """
    z = returns / volatility
    count = len(z)
    if count < 2:
        return np.nan, np.nan, np.nan
    away = z - z.mean()
    square = float(np.mean(away**2))
    kurtosis = float(np.mean(away**4)) / square**2 if square > 0.0 else 3.0
    half = TWO_SIDED_95 * sqrt(max(kurtosis - 1.0, 2.0) / (4.0 * count))
    return float(z.std(ddof=1)), 1.0 - half, 1.0 + half


def qlike(returns: FloatArray, volatility: FloatArray) -> float:
    """Return the mean of ln σ² + r²/σ²; NaN without any."""
    if not len(returns):
        return np.nan
    variance = volatility**2
    return float(np.mean(np.log(variance) + returns**2 / variance))


def kupiec(exceptions: int, sessions: int, probability: float) -> Ratio:
    """Return the test of proportion of failures; χ² of one degree of freedom.

    Parameters
    ----------
    exceptions : sessions with a loss beyond the value at risk, of `sessions`
    probability : of such a loss, such as 0.05

    Examples
    --------
    >>> round(kupiec(20, 252, 0.05).statistic, 2)
    3.91
    """
    if sessions < 1:
        return Ratio(np.nan, np.nan)
    observed = exceptions / sessions
    rest = sessions - exceptions
    assumed = _log_likelihood(rest, exceptions, probability)
    statistic = max(-2.0 * (assumed - _log_likelihood(rest, exceptions, observed)), 0.0)
    return Ratio(statistic, erfc(sqrt(statistic / 2.0)))


def christoffersen(hits: BoolArray) -> Ratio:
    """Return the test of independence of exceptions; χ² of one degree of freedom.

    Parameters
    ----------
    hits : (sessions,) in their order, True where the loss was beyond the value at risk
    """
    before, after = hits[:-1], hits[1:]
    calm, again = int((~before & ~after).sum()), int((before & after).sum())
    began, ended = int((~before & after).sum()), int((before & ~after).sum())
    if not (began + again) or not (calm + ended):
        # Without an exception, or with nothing else, there is nothing that could depend.
        return Ratio(np.nan, np.nan)
    together = _log_likelihood(calm + ended, began + again, (began + again) / len(before))
    apart = _log_likelihood(calm, began, began / max(calm + began, 1)) + _log_likelihood(
        ended, again, again / max(ended + again, 1)
    )
    statistic = max(-2.0 * (together - apart), 0.0)
    return Ratio(statistic, erfc(sqrt(statistic / 2.0)))


def conditional_coverage(coverage: Ratio, independence: Ratio) -> Ratio:
    """Return both tests in one: their statistics add up, χ² of two degrees of freedom."""
    statistic = coverage.statistic + independence.statistic
    return Ratio(statistic, exp(-statistic / 2.0) if statistic == statistic else np.nan)


def _log_likelihood(misses: int, hits: int, probability: float) -> float:
    """Logarithm of (1 − p)^misses p^hits, where 0 log 0 is 0."""
    left = misses * log(1.0 - probability) if misses else 0.0
    return left + (hits * log(probability) if hits else 0.0)


def acerbi_szekely(
    returns: FloatArray, value_at_risk: FloatArray, shortfall: FloatArray, confidence: int
) -> Shortfall:
    """Return Z1 and Z2, and how probable values as low are if the forecasts are right.

    Parameters
    ----------
    returns, value_at_risk, shortfall : of the same sessions; forecasts above 0
    confidence : 95 or 99

    Notes
    -----
    Returns over the forecast have one distribution, so that p-values depend on nothing but the
    number of sessions.
    """
    alpha = 1.0 - confidence / 100.0
    count, hits = len(returns), returns < -value_at_risk
    if not count:
        return Shortfall(np.nan, np.nan, np.nan, np.nan)
    ratios = returns[hits] / shortfall[hits]
    z2 = float(ratios.sum() / (count * alpha) + 1.0)
    z1 = float(ratios.mean() + 1.0) if hits.any() else np.nan
    simulated_z1, simulated_z2 = _simulated(count, confidence)
    return Shortfall(
        z1,
        float(np.mean(simulated_z1 <= z1)) if hits.any() else np.nan,
        z2,
        float(np.mean(simulated_z2 <= z2)),
    )


@lru_cache(maxsize=32)
def _simulated(count: int, confidence: int) -> tuple[FloatArray, FloatArray]:
    """Z1 (of paths with an exception) and Z2 of paths on which the forecasts are right."""
    alpha = 1.0 - confidence / 100.0
    losses = -_pool()
    ratios = losses[losses > VALUE_AT_RISK[confidence]]
    ratios = ratios / ratios.mean()  # The mean loss beyond it is the expected shortfall.
    generator = np.random.default_rng(SEED + count)
    numbers = generator.binomial(count, alpha, SIMULATIONS)
    drawn = ratios[generator.integers(0, len(ratios), int(numbers.sum()))]
    sums = np.bincount(np.repeat(np.arange(SIMULATIONS), numbers), drawn, minlength=SIMULATIONS)
    some = numbers > 0
    return 1.0 - sums[some] / numbers[some], 1.0 - sums / (count * alpha)


@lru_cache(maxsize=1)
def _pool() -> FloatArray:
    return draws(POOL, SEED)


def outcomes(forecasts: pd.DataFrame, portfolios: pd.DataFrame) -> pd.DataFrame:
    """Bring each forecast together with the return of the session that it is of.

    Parameters
    ----------
    forecasts : rows of `risk_forecasts`
    portfolios : date, model_id, daily_return; of all sessions of the forecasts and the one after

    Returns
    -------
    Rows of `forecasts` with `forecast_on` (the session after which it was made), and `date` the
    session that it is of; a forecast whose session is not there yet is left out.
    """
    rows = portfolios[[*KEY, "daily_return"]].sort_values(["model_id", "date"])
    before = rows.groupby("model_id")["date"].shift(1)
    pairs = rows.assign(forecast_on=before).dropna(subset=["forecast_on"])
    made = forecasts.rename(columns={"date": "forecast_on"})
    joined = pairs.merge(made, on=["forecast_on", "model_id"], how="inner")
    return joined.sort_values(list(KEY)).reset_index(drop=True)


def judged(rows: pd.DataFrame) -> Verdict:
    """Judge the forecasts of one portfolio.

    Parameters
    ----------
    rows : of `outcomes`, in the order of their sessions
    """
    volatility = rows["volatility"].to_numpy(dtype=np.float64)
    returns = rows["daily_return"].to_numpy(dtype=np.float64)
    known = (volatility > 0.0) & np.isfinite(returns)
    returns, volatility = returns[known], volatility[known]
    enough = len(returns) >= FEWEST
    bias, lower, upper = bias_statistic(returns, volatility) if enough else (np.nan,) * 3
    figures: dict[str, float] = {}
    for confidence in CONFIDENCES:
        figures |= _of_confidence(rows[known], returns, confidence, enough)
    return Verdict(
        sessions=len(returns),
        bias=bias,
        bias_lower=lower,
        bias_upper=upper,
        qlike=qlike(returns, volatility) if enough else np.nan,
        **figures,  # type: ignore[arg-type]
    )


def _of_confidence(
    rows: pd.DataFrame, returns: FloatArray, confidence: int, enough: bool
) -> dict[str, float]:
    value_at_risk = rows[f"value_at_risk_{confidence}"].to_numpy(dtype=np.float64)
    shortfall = rows[f"expected_shortfall_{confidence}"].to_numpy(dtype=np.float64)
    hits = returns < -value_at_risk
    nothing = Ratio(np.nan, np.nan)
    coverage = kupiec(int(hits.sum()), len(hits), 1.0 - confidence / 100.0) if enough else nothing
    independence = christoffersen(hits) if enough else nothing
    tail = (
        acerbi_szekely(returns, value_at_risk, shortfall, confidence)
        if enough
        else Shortfall(np.nan, np.nan, np.nan, np.nan)
    )
    return {
        f"exceptions_{confidence}": int(hits.sum()),
        f"coverage_p_{confidence}": coverage.p_value,
        f"independence_p_{confidence}": independence.p_value,
        f"both_p_{confidence}": conditional_coverage(coverage, independence).p_value,
        f"z1_{confidence}": tail.z1,
        f"z1_p_{confidence}": tail.z1_p_value,
        f"z2_{confidence}": tail.z2,
        f"z2_p_{confidence}": tail.z2_p_value,
    }


def risk_backtest(rows: pd.DataFrame) -> pd.DataFrame:
    """Judge the forecasts of several portfolios.

    Parameters
    ----------
    rows : of `outcomes`

    Returns
    -------
    A row per `model_id`, sorted, with the columns of `Verdict`.
    """
    verdicts = {
        int(str(model)): asdict(judged(of.sort_values("date")))
        for model, of in rows.groupby("model_id")
    }
    names = list(Verdict.__dataclass_fields__)
    frame = pd.DataFrame.from_dict(verdicts, orient="index", columns=names)
    return frame.rename_axis("model_id").sort_index()
