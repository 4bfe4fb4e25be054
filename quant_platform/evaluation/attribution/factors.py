"""What a portfolio's return owes to factors, and what is specific to its securities.

With the weights w at the start of a session, the exposures x in force during it, and the factors'
returns f, a factor contributes Σ w · x · f, and what a security did beyond its factors is specific:
Σ w · (r − x · f). Factors and specific part add up to Σ w · r; with the account's own return given,
`other` is the rest, trades and costs. Over many sessions contributions are linked by Cariño's
coefficients against a return of 0 (`linking.py`), and add up to the compounded return. Source:
R. Grinold and R. Kahn, *Active Portfolio Management*, 2nd ed., 2000, ch. 17.

`standard_error` is that of a realised contribution: sessions · the error of its mean by session,
with `LAGS` autocovariances (Newey and West 1987). `estimation_error` is what the errors of the
factors' own returns add, which are independent from session to session: √Σ (x · error)².

`predicted` is what was to be expected: exposure × mean return of the factor in the sessions before,
of which there must be `LEAST`. Its error is Σ |x| · deviation / √n: one session's mean hardly
differs from the next one's, so their errors add up.

Where exposures are not known of a security, all it did is specific; `uncovered` is the weight.
What does not belong here: how exposures and factor returns come about (`risk/`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from quant_platform.errors import ContractError
from quant_platform.evaluation.attribution.linking import compounded, weights_of_sessions
from quant_platform.evaluation.factor_study import mean_with_error
from quant_platform.kernels.arrays import BoolArray, FloatArray

SPECIFIC, OTHER = "specific", "other"

SECTOR = "sector:"
"""What the name of a sector's factor begins with."""

LAGS = 5
"""Sessions over which contributions are taken to be related: a week."""

LEAST = 63
"""Returns of a factor from which on its mean foretells anything: a quarter."""


@dataclass(frozen=True)
class FactorAttribution:
    """Contributions of factors to a return.

    Attributes
    ----------
    summary : by factor, `specific`, `other` (where there is any) and `total`: mean exposure,
        contribution (linked), standard_error, estimation_error, predicted, predicted_error, and
        risk, the share of the volatility that moves with it
    sessions : contributions by date, with `return`
    total_return : compounded
    uncovered : mean weight, as a sum of sizes, of securities without exposures
    notes : what was left out, and why
    """

    summary: pd.DataFrame
    sessions: pd.DataFrame
    total_return: float
    uncovered: float
    notes: tuple[str, ...] = ()


def factor_attribution(
    weights: pd.DataFrame,
    returns: pd.DataFrame,
    exposures: pd.DataFrame,
    factor_returns: pd.DataFrame,
    *,
    errors: pd.DataFrame | None = None,
    own: "pd.Series[float] | None" = None,
) -> FactorAttribution:
    """Attribute a return to factors.

    Parameters
    ----------
    weights, returns : sessions × securities: at the start of each session, and of it; as fractions
    exposures : index (date, security), a column per factor: known before the session `date`
    factor_returns, errors : sessions × factors: returns, and their standard errors
    own : return of the account by session; default: Σ weight × return

    Raises
    ------
    ContractError
        There is no session that has weights, returns and factor returns.
    """
    days = weights.index.intersection(returns.index).intersection(factor_returns.index)
    if own is not None:
        days = days.intersection(own.dropna().index)
    if not len(days):
        raise ContractError(
            "There is no session with weights, returns and factor returns",
            "Pass frames of the same sessions, indexed by date",
        )
    notes = []
    left = len(weights.index) - len(days)
    if left:
        notes.append(f"{left} of {len(weights.index)} sessions are left out: no factor returns")
    names = [str(name) for name in factor_returns.columns]
    held, moved = _grids(weights, returns, days)
    x, known = _exposures(exposures, days, pd.Index(weights.columns), names)
    by_factor = np.einsum("tn,tnk->tk", held, x)
    f = factor_returns.loc[days].to_numpy(np.float64)
    missing = ~np.isfinite(f)
    if (missing & (by_factor != 0.0)).any():
        notes.append("A factor without a return in a session contributes nothing in it")
    f = np.where(missing, 0.0, f)
    parts = by_factor * f
    explained = (held * moved).sum(axis=1)
    columns = {name: parts[:, at] for at, name in enumerate(names)}
    columns[SPECIFIC] = explained - parts.sum(axis=1)
    total = explained
    if own is not None:
        total = own.loc[days].to_numpy(np.float64)
        columns[OTHER] = total - explained
    uncovered = np.abs(np.where(known, 0.0, held)).sum(axis=1)
    sessions = pd.DataFrame({**columns, "return": total}, index=days)
    summary = _summary(sessions, by_factor, f, missing, names)
    if errors is not None:
        e = errors.reindex(index=days, columns=factor_returns.columns).to_numpy(np.float64)
        summary.loc[names, "estimation_error"] = np.sqrt(((by_factor * e) ** 2).sum(axis=0))
    return FactorAttribution(
        summary, sessions, compounded(total), float(uncovered.mean()), tuple(notes)
    )


def wide_factors(
    exposures: pd.DataFrame, factor_returns: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return exposures, factor returns and their errors as `factor_attribution` takes them.

    Parameters
    ----------
    exposures : rows with date, security_id, a column for each factor, and `sector`, which is an
        exposure of 1 to the factor `sector:` and its name; other columns are ignored
    factor_returns : rows with date, factor, factor_return, standard_error
    """
    returns, errors = (
        factor_returns.pivot_table(index="date", columns="factor", values=value, dropna=False)
        for value in ("factor_return", "standard_error")
    )
    wide = exposures.set_index(["date", "security_id"])
    sectors = {
        name: (wide["sector"] == str(name).removeprefix(SECTOR)).astype(np.float64)
        for name in returns.columns
        if str(name).startswith(SECTOR) and "sector" in wide
    }
    own = [name for name in returns.columns if name in wide]
    return wide[own].assign(**sectors), returns, errors


def _grids(
    weights: pd.DataFrame, returns: pd.DataFrame, days: pd.Index
) -> tuple[FloatArray, FloatArray]:
    """Weights and returns as arrays; 0 where there is none."""
    held = weights.loc[days].to_numpy(np.float64)
    moved = returns.reindex(index=days, columns=weights.columns).to_numpy(np.float64)
    return np.nan_to_num(held), np.nan_to_num(moved)


def _exposures(
    exposures: pd.DataFrame, days: pd.Index, securities: "pd.Index[str]", names: Sequence[str]
) -> tuple[FloatArray, BoolArray]:
    """Exposures of shape (T, N, K), 0 where unknown, and where any is known."""
    found = np.zeros((len(days), len(securities), len(names)))
    known = np.zeros(found.shape[:2], dtype=bool)
    row = days.get_indexer(exposures.index.get_level_values(0))
    column = securities.get_indexer(exposures.index.get_level_values(1))
    inside = (row >= 0) & (column >= 0)
    values = exposures.reindex(columns=list(names)).to_numpy(np.float64)[inside]
    found[row[inside], column[inside]] = np.nan_to_num(values)
    known[row[inside], column[inside]] = np.isfinite(values).any(axis=1)
    return found, known


def _summary(
    sessions: pd.DataFrame,
    by_factor: FloatArray,
    f: FloatArray,
    missing: BoolArray,
    names: Sequence[str],
) -> pd.DataFrame:
    """Figures of all sessions by factor."""
    total = sessions["return"].to_numpy(np.float64)
    each = weights_of_sessions(total, np.zeros(len(total)))
    count = len(total)
    spread = float(total.std(ddof=1)) if count > 1 else math.nan
    rows: dict[str, dict[str, float]] = {}
    for name in sessions.columns:
        parts = sessions[name].to_numpy(np.float64)
        error = mean_with_error(parts, LAGS)[1] * count
        moves = float(np.cov(parts, total)[0, 1]) / spread**2 if spread > 0.0 else math.nan
        rows[str(name)] = {
            "exposure": math.nan,
            "contribution": float(each @ parts),
            "standard_error": error,
            "estimation_error": math.nan,
            "predicted": math.nan,
            "predicted_error": math.nan,
            "risk": moves,
        }
    for at, name in enumerate(names):
        expected, error = _predicted(by_factor[:, at], f[:, at], ~missing[:, at])
        rows[name] |= {
            "exposure": float(by_factor[:, at].mean()),
            "predicted": expected,
            "predicted_error": error,
        }
    rows["total"] = rows.pop("return")
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(index="factor")


def _predicted(exposure: FloatArray, f: FloatArray, known: BoolArray) -> tuple[float, float]:
    """Sum of what a factor's earlier returns let expect, and its error; NaN with too few."""
    counts = np.asarray(np.cumsum(known) - known, dtype=np.float64)
    sums = np.cumsum(np.where(known, f, 0.0)) - np.where(known, f, 0.0)
    squares = np.cumsum(np.where(known, f * f, 0.0)) - np.where(known, f * f, 0.0)
    enough = np.asarray(counts >= LEAST, dtype=bool)
    if not enough.any():
        return math.nan, math.nan
    n, x = counts[enough], exposure[enough]
    mean = sums[enough] / n
    variance = np.maximum(squares[enough] - n * mean * mean, 0.0) / (n - 1)
    return float(x @ mean), float(np.abs(x) @ np.sqrt(variance / n))


def risk_shares(
    exposure: "pd.Series[float]", covariance: pd.DataFrame, specific_variance: float
) -> "pd.Series[float]":
    """Return the share of a portfolio's predicted variance that each factor has, and `specific`.

    The share of factor k is x_k · (F · x)_k over x · F · x plus the specific variance (Euler); they
    add up to 1. All are null where the variance is not positive.

    Parameters
    ----------
    exposure : of the portfolio, by factor
    covariance : factors × factors
    specific_variance : Σ w² · variance of what is specific to each security

    Examples
    --------
    >>> x = pd.Series({"market": 1.0, "size": 0.5})
    >>> f = pd.DataFrame([[0.04, 0.0], [0.0, 0.04]], index=x.index, columns=x.index)
    >>> risk_shares(x, f, 0.05).round(2).tolist()
    [0.4, 0.1, 0.5]
    """
    f = covariance.reindex(index=exposure.index, columns=exposure.index).to_numpy(np.float64)
    x = exposure.to_numpy(np.float64)
    parts = np.append(x * (f @ x), specific_variance)
    variance = float(parts.sum())
    shares = parts / variance if variance > 0.0 else np.full(len(parts), np.nan)
    return pd.Series(shares, index=[*exposure.index, SPECIFIC])
