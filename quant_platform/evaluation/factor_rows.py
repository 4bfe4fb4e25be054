"""Rows of `factor_evaluation`: what features foretold, each session as far as it is known then.

1. The row of session t is of the values of session s = t − horizon − 1: their returns began with
   the open after s and end with the open of t, so that all of it is known after the close of t.
2. Turnover and autocorrelation compare the values of s with those `horizon` sessions before, which
   is what a portfolio that is renewed every `horizon` sessions trades.
3. So a row depends on `LOOKBACK` sessions and on nothing else, wherever a run begins.

What does not belong here: how rows are read and stored (`pipeline/factors.py`), and what many of
them say together (`factor_study.py`).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.evaluation.factor_sessions import (
    Ordered,
    pair_up,
    quantile_returns,
    quantile_turnover,
    quantiles_of,
    rank_autocorrelation,
    ranks_of,
)
from quant_platform.evaluation.factor_study import mean_with_error, ratio
from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.later_returns import forward_returns
from quant_platform.market.panel import Panel

HORIZONS = (1, 5, 21)
"""Sessions of the returns that are stored: a day, a week, a month."""

LOOKBACK = 2 * max(HORIZONS) + 2
"""Sessions that a row depends on, its own included."""

QUANTILES = 5

HALVES_BELOW, NONE_BELOW = 2 * QUANTILES, 4
"""Members with a value below which there are two groups instead of five, and none."""


def factor_rows(panel: Panel, features: Mapping[str, FloatArray], last: int) -> pd.DataFrame:
    """Return the rows of the panel's last sessions.

    A feature without a value of any member has no row.

    Parameters
    ----------
    panel : bars, actions and universe, from `LOOKBACK` − 1 sessions before the first row on
    features : name → (sessions, securities)
    last : sessions that rows are of

    Returns
    -------
    pd.DataFrame
        Columns of `factor_evaluation` but the clock, by date, feature and horizon.
    """
    member = np.asarray(panel.member)
    later = {
        horizon: Ordered.of(returns, stable=False)
        for horizon, returns in forward_returns(panel, HORIZONS).items()
    }
    days = panel.sessions.astype("datetime64[s]")
    parts = []
    for name, values in features.items():
        ordered = Ordered.of(values, member)
        if ordered.known.any():
            parts += _feature_rows(name, ordered, later, member.sum(axis=1), days, last)
    if not parts:
        parts = [_no_rows()]
    rows = pd.concat(parts, ignore_index=True)
    return rows.sort_values(["date", "feature", "horizon"], kind="stable", ignore_index=True)


def _feature_rows(
    name: str,
    values: Ordered,
    later: Mapping[int, Ordered],
    members: NDArray[np.int64],
    days: NDArray[np.datetime64],
    last: int,
) -> list[pd.DataFrame]:
    known = values.known
    count = np.where(known >= HALVES_BELOW, QUANTILES, np.where(known >= NONE_BELOW, 2, 0))
    of, ranks = quantiles_of(values, count), ranks_of(values)
    parts = []
    for horizon, returns in later.items():
        shift = horizon + 1
        at = np.arange(max(len(days) - last, shift), len(days))
        then = at - shift
        at, then = at[known[then] > 0], then[known[then] > 0]
        pairs = pair_up(values, returns)
        means = quantile_returns(of, returns.values, QUANTILES)[then]
        replaced = quantile_turnover(of, QUANTILES, horizon)[then]
        # Between sessions of another number of groups nothing can be compared.
        before = np.where(then >= horizon, count[np.maximum(then - horizon, 0)], 0)
        replaced = np.where((before == count[then])[:, None], replaced, np.nan)
        top = np.maximum(count[then] - 1, 0)[:, None]
        high, renewed = (np.take_along_axis(each, top, axis=1)[:, 0] for each in (means, replaced))
        grouped = count[then] > 0
        parts.append(
            pd.DataFrame(
                {
                    "date": days[at],
                    "feature": pd.array([name] * len(at), dtype="str"),
                    "horizon": np.int16(horizon),
                    "value_date": days[then],
                    "coverage": _single(known[then] / np.maximum(members[then], 1)),
                    "pairs": pairs.pairs[then, 0].astype(np.int32),
                    "ic": _single(pairs.ic[then, 0]),
                    "rank_ic": _single(pairs.rank_ic[then, 0]),
                    "slope": _single(pairs.slope[then, 0]),
                    "quantiles": count[then].astype(np.int16),
                    **{f"return_{k + 1}": _single(means[:, k]) for k in range(QUANTILES)},
                    "spread": _single(np.where(grouped, high - means[:, 0], np.nan)),
                    "turnover": _single(
                        np.where(grouped, (renewed + replaced[:, 0]) / 2.0, np.nan)
                    ),
                    "autocorrelation": _single(rank_autocorrelation(ranks, horizon)[then]),
                }
            )
        )
    return parts


def _no_rows() -> pd.DataFrame:
    """Return the frame of no rows."""
    texts = {"feature": pd.array([], dtype="str")}
    days = {name: np.array([], "datetime64[s]") for name in ("date", "value_date")}
    counts = {"horizon": np.int16, "pairs": np.int32, "quantiles": np.int16}
    figures = ("coverage", "ic", "rank_ic", "slope", "spread", "turnover", "autocorrelation")
    names = (*figures, *(f"return_{k + 1}" for k in range(QUANTILES)))
    return pd.DataFrame(
        {
            **days,
            **texts,
            **{name: np.array([], kind) for name, kind in counts.items()},
            **{name: np.array([], np.float32) for name in names},
        }
    )


def _single(values: FloatArray) -> NDArray[np.float32]:
    """Values in single precision; what it cannot hold is unknown."""
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    return np.where(np.isfinite(single), single, np.float32(np.nan))


def summary_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Sum up rows of `factor_evaluation`: means with errors that know of overlapping returns.

    Returns
    -------
    pd.DataFrame
        Index (feature, horizon): sessions, rank_ic, rank_ic_error, rank_ic_t, ic, slope, spread,
        spread_t, turnover, autocorrelation, coverage.
    """
    found = {}
    for key, of in rows.sort_values("date").groupby(["feature", "horizon"], observed=True):
        horizon = int(of["horizon"].iloc[0])
        figures = {
            name: mean_with_error(of[name].to_numpy(np.float64), horizon)
            for name in ("rank_ic", "ic", "slope", "spread")
        }
        found[key] = {
            "sessions": int(of["rank_ic"].notna().sum()),
            "rank_ic": figures["rank_ic"][0],
            "rank_ic_error": figures["rank_ic"][1],
            "rank_ic_t": ratio(*figures["rank_ic"]),
            "ic": figures["ic"][0],
            "slope": figures["slope"][0],
            "spread": figures["spread"][0],
            "spread_t": ratio(*figures["spread"]),
            **{
                name: float(of[name].astype(np.float64).mean())
                for name in ("turnover", "autocorrelation", "coverage")
            },
        }
    index = pd.MultiIndex.from_tuples(list(found), names=["feature", "horizon"]) if found else None
    return pd.DataFrame(list(found.values()), index=index)
