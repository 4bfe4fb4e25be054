"""All figures of a factor over a panel, and the tables that they are summed up in.

1. Values and later returns are ordered once for each session (`factor_sessions.py`).
2. From the orders follow correlations and slopes, over all members, by sector, by size and at later
   lags, and quantiles with their returns and turnover: `SessionFigures`.
3. Means over sessions come with errors that know that neighbours overlap (`factor_study.py`).

What does not belong here: where values come from, and the result that a user holds
(`research/factor_result.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from quant_platform.conventions import USUAL_SESSIONS
from quant_platform.evaluation.factor_sessions import (
    LEAST_PAIRS,
    MOST_GROUPS,
    Ordered,
    PairFigures,
    pair_up,
    quantile_returns,
    quantile_turnover,
    quantiles_of,
    rank_autocorrelation,
    ranks_of,
)
from quant_platform.evaluation.factor_study import mean_with_error, ratio
from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.kernels.cross_pairs import GroupArray

DECAY_LAGS = (0, 1, 2, 3, 5, 10, 21, 42, 63)
"""Sessions that pass before a return begins, at which the decay of the correlation is looked at."""

SIZES = ("small", "medium", "large")
"""Thirds of the members by the mean value traded in the last 20 sessions with a bar among them."""


@dataclass(frozen=True, eq=False)
class Grouping:
    """Members by group in each session.

    Attributes
    ----------
    names : of the groups
    groups : (sessions, securities) number of the name, −1 for none
    """

    names: Sequence[str]
    groups: GroupArray


def by_sector(sectors: np.ndarray, names: Sequence[str], member: BoolArray) -> Grouping | None:
    """Group members by the sector that the universe states; None where it states none."""
    groups = np.where(member, sectors, -1)
    if not (groups >= 0).any() or len(names) > MOST_GROUPS:
        return None
    return Grouping(names, groups.astype(np.int8))


def by_size(traded: FloatArray, member: BoolArray) -> Grouping | None:
    """Group members into thirds by what is usually traded of them; None where nothing is known.

    Parameters
    ----------
    traded : value traded in each session, in currency; NaN without a bar
    """
    has_bar = np.isfinite(traded)
    value = _trailing_sum(np.where(has_bar, traded, 0.0))
    usual = value / np.maximum(_trailing_sum(has_bar.astype(np.float64)), 1.0)
    thirds = quantiles_of(Ordered.of(usual, member & (usual > 0.0)), len(SIZES))
    return Grouping(SIZES, thirds - np.int8(1)) if thirds.any() else None


def _trailing_sum(values: FloatArray) -> FloatArray:
    """Sum over the last `USUAL_SESSIONS` sessions, or those there are."""
    total = np.cumsum(values, axis=0)
    total[USUAL_SESSIONS:] -= total[:-USUAL_SESSIONS].copy()
    return total


@dataclass(frozen=True, eq=False)
class SessionFigures:
    """Figures of each session, by horizon or lag.

    Attributes
    ----------
    known : members with a value
    pairs : horizon → correlations and slope of values and later returns, of (sessions, 1)
    grouped : "sector" and "size" → names of the groups, and horizon → (sessions, groups)
    decay : lag → rank correlation with the returns of the shortest horizon that begin so many
        sessions later, (sessions − lag,)
    returns, turnover : horizon → (sessions, quantiles)
    autocorrelation : lag → (sessions,)
    """

    known: np.ndarray
    pairs: Mapping[int, PairFigures]
    decay: Mapping[int, FloatArray]
    returns: Mapping[int, FloatArray]
    turnover: Mapping[int, FloatArray]
    autocorrelation: Mapping[int, FloatArray]
    grouped: Mapping[str, tuple[Sequence[str], Mapping[int, PairFigures]]] = field(
        default_factory=dict
    )


def session_figures(
    values: Ordered,
    later: Mapping[int, Ordered],
    quantiles: int,
    groupings: Mapping[str, Grouping] | None = None,
) -> SessionFigures:
    """Work out all figures of a factor.

    Parameters
    ----------
    values : of members
    later : horizon → returns after each session
    groupings : by name; members without a group are left out of it
    """
    shortest, sessions = min(later), len(values)
    pairs = {horizon: pair_up(values, each) for horizon, each in later.items()}
    of, ranks = quantiles_of(values, quantiles), ranks_of(values)
    decay = {0: pairs[shortest].rank_ic[:, 0]}
    for lag in DECAY_LAGS[1:]:
        apart = min(lag, sessions)
        paired = pair_up(values.until(sessions - apart), later[shortest].since(apart))
        decay[lag] = paired.rank_ic[:, 0]
    return SessionFigures(
        values.known,
        pairs,
        decay,
        {horizon: quantile_returns(of, each.values, quantiles) for horizon, each in later.items()},
        {horizon: quantile_turnover(of, quantiles, horizon) for horizon in later},
        {lag: rank_autocorrelation(ranks, lag) for lag in sorted({1, *later})},
        {
            name: (
                each.names,
                {
                    horizon: pair_up(values, returns, each.groups, len(each.names))
                    for horizon, returns in later.items()
                },
            )
            for name, each in (groupings or {}).items()
        },
    )


def decay_table(decay: Mapping[int, FloatArray], horizon: int) -> pd.DataFrame:
    """Mean rank correlation by lag, with its error: index `lag`; rank_ic, error, t, sessions."""
    rows = []
    for lag, series in decay.items():
        mean, error = mean_with_error(series, horizon)
        rows.append((lag, mean, error, ratio(mean, error), int(np.isfinite(series).sum())))
    columns = ["lag", "rank_ic", "error", "t", "sessions"]
    return pd.DataFrame(rows, columns=columns).set_index("lag")


def group_table(names: Sequence[str], pairs: Mapping[int, PairFigures]) -> pd.DataFrame:
    """Mean correlations by group and horizon, of groups with a session that has any.

    Index (group, horizon); members (mean pairs of the sessions counted), sessions, ic, rank_ic,
    rank_ic_error, rank_ic_t.
    """
    rows = []
    for place, name in enumerate(names):
        for horizon, figures in pairs.items():
            rank_ic, ic = figures.rank_ic[:, place], figures.ic[:, place]
            counted = np.isfinite(rank_ic)
            if not counted.any():
                continue
            mean, error = mean_with_error(rank_ic, horizon)
            rows.append(
                {
                    "group": name,
                    "horizon": horizon,
                    "members": float(figures.pairs[counted, place].mean()),
                    "sessions": int(counted.sum()),
                    "ic": mean_with_error(ic, horizon)[0],
                    "rank_ic": mean,
                    "rank_ic_error": error,
                    "rank_ic_t": ratio(mean, error),
                }
            )
    columns = ["group", "horizon", "members", "sessions", "ic", "rank_ic", "rank_ic_error"]
    frame = pd.DataFrame(rows, columns=[*columns, "rank_ic_t"])
    return frame.set_index(["group", "horizon"])


def notes_on(
    figures: SessionFigures, quantiles: int, groupings: Mapping[str, Grouping | None]
) -> tuple[str, ...]:
    """Say in words where figures are missing, and why."""
    sessions = len(figures.known)
    notes = []
    has_value = figures.known > 0
    if not has_value.any():
        notes.append("No member has a value in any session")
    few = int((has_value & (figures.known < quantiles)).sum())
    if few:
        notes.append(
            f"In {few:,} of {sessions:,} sessions fewer than {quantiles} members have a value:"
            " some quantiles are empty there"
        )
    for horizon, pairs in figures.pairs.items():
        enough = pairs.pairs[:, 0] >= LEAST_PAIRS
        if has_value.any() and not enough.any():
            notes.append(
                f"Horizon {horizon}: in no session do {LEAST_PAIRS} members have a value and a"
                " return that ends within the data"
            )
        elif same := int((enough & np.isnan(pairs.rank_ic[:, 0])).sum()):
            notes.append(
                f"Horizon {horizon}: in {same:,} of {sessions:,} sessions all values, or all"
                " returns, are the same; no correlation there"
            )
    if groupings.get("sector", ...) is None:
        notes.append("The universe states no sector of the members: no figures by sector")
    if groupings.get("size", ...) is None:
        notes.append("No value traded is known of the members: no figures by size")
    return tuple(notes)


def mean_rank_correlations(ranks: Sequence[FloatArray]) -> FloatArray:
    """Mean over sessions of the rank correlations between factors, (factors, factors).

    Of each pair it is over the securities that have both, with the ranks that each has among all of
    its own; NaN where no session has `LEAST_PAIRS` of them.

    Parameters
    ----------
    ranks : of each factor the ranks of each session less their mean, NaN where unknown
    """
    count, sessions = len(ranks), len(ranks[0])
    total, counted = np.zeros((count, count)), np.zeros((count, count))
    for start in range(0, sessions, 64):
        block = np.stack([each[start : start + 64] for each in ranks], axis=1)
        known = np.isfinite(block)
        values, has = np.where(known, block, 0.0), known.astype(np.float64)
        both = has @ has.transpose(0, 2, 1)
        squares = (values * values) @ has.transpose(0, 2, 1)
        scale = np.sqrt(squares * squares.transpose(0, 2, 1))
        valid = (both >= LEAST_PAIRS) & (scale > 0.0)
        product = values @ values.transpose(0, 2, 1)
        total += np.where(valid, product / np.where(valid, scale, 1.0), 0.0).sum(axis=0)
        counted += valid.sum(axis=0)
    return np.clip(np.where(counted > 0, total / np.maximum(counted, 1), np.nan), -1.0, 1.0)
