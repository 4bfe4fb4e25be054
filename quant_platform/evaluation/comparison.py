"""Rows of `performance_statistics`: what a model's figures are worth beside the others'.

1. Each session's row uses what was known then: all returns up to it. Below `FEWEST_SESSIONS` of
   them nothing is estimated.
2. **Standing.** Models are compared that have `SESSIONS_PER_YEAR` returns, were invested by
   `LEAST_INVESTED` on average and were never ruined; over the sessions that all of them have. Those
   in the model confidence set are `best`, the others `eliminated`. The rest is `lightly invested`,
   `young` or `ruined`, and not compared: the Sharpe ratio ignores scale, so that a model that
   holds almost nothing would look like one that takes a risk.
3. **Interval of the Sharpe ratio** by the bootstrap, over the same sessions (`bootstrap.py`).
4. **Deflated Sharpe ratio**: the trials are the models compared and what was tried beside them; by
   their number, and by the effective rank of their correlations.
5. **Capacity**: impact grows with the root of an order's size, so as a share of equity E it costs
   c·√E a year. The mean c so far, and the return above the risk-free rate before impact (the
   edge), give the equity at which impact eats half of it: (edge ÷ 2c)². Null without impact or
   edge.

A row does not depend on how a backfill is cut: running sums begin with the first portfolio. What
does not belong here: how models are ordered by this (`reports/ranking.py`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.evaluation.bootstrap import (
    FEWEST_SESSIONS,
    RESAMPLES,
    Draws,
    block_length,
    interval,
    sharpe_ratios,
)
from quant_platform.evaluation.confidence_set import Comparison, compare_means, shared_block
from quant_platform.evaluation.effective_trials import Tried, count_trials
from quant_platform.evaluation.metrics import ROOT_YEAR, ZERO_DEVIATION, session_rate
from quant_platform.evaluation.sharpe_inference import deflated_sharpe
from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.kernels.threads import in_threads

BEST, ELIMINATED, LIGHT, YOUNG, RUINED = (
    *("best", "eliminated"),
    *("lightly invested", "young", "ruined"),
)

LEAST_INVESTED = 0.20
"""Average gross exposure below which a model is not compared."""

IDENTITY = "performance_statistics"
"""Of the draws: the same in every session, so that figures move with the data alone."""

AT_ONCE = 16
"""Sessions that a thread computes at a time."""

COLUMNS = {
    "date": "datetime64[s]",
    "model_id": "int64",
    "sessions": "int64",
    "standing": "str",
    **dict.fromkeys(("sharpe_ratio", "sharpe_lower", "sharpe_upper", "block_length"), "float64"),
    "deflated_sharpe": "float64",
    "deflated_sharpe_effective": "float64",
    "trials": "Int64",
    "effective_trials": "float64",
    "p_value": "float64",
    "elimination_step": "Int64",
    "rank_lower": "Int64",
    "rank_upper": "Int64",
    "cost_rate": "float64",
    "capacity": "float64",
    "ended_positions": "Int64",
    "assumed_endings": "Int64",
}
"""Columns of the rows, and their types."""

Row = dict[str, object]


@dataclass(frozen=True, eq=False)
class _Histories:
    """Series of all models, (T, M): NaN where a model has no portfolio or no return.

    Attributes
    ----------
    dates, models : (T,) sessions and (M,) ids
    excess : returns above the risk-free rate
    running : (T + 1, 2·M) sums of these before each session, then of their squares
    exposure, cost, impact : gross exposure, costs over equity, impact over equity^1.5
    equity_impact : impact over equity
    first : (M,) place of each model's first session
    ended, assumed : positions closed so far since their security ended, and at an assumed price
    """

    dates: NDArray[np.datetime64]
    models: NDArray[np.int64]
    excess: FloatArray
    running: FloatArray
    exposure: FloatArray
    cost: FloatArray
    impact: FloatArray
    equity_impact: FloatArray
    first: NDArray[np.int64]
    has_row: BoolArray
    ended: FloatArray
    assumed: FloatArray


def statistics_rows(
    portfolios: pd.DataFrame,
    sessions: Sequence[object] | NDArray[np.datetime64] | pd.DatetimeIndex,
    *,
    risk_free: float | pd.Series = 0.0,
    impacts: pd.DataFrame | None = None,
    endings: pd.DataFrame | None = None,
    tried: Tried | None = None,
    resamples: int = RESAMPLES,
    threads: int | None = None,
) -> pd.DataFrame:
    """Compute the rows of `performance_statistics` for some sessions.

    Parameters
    ----------
    portfolios : rows of `portfolios` of all models, from each model's first session to the last of
        `sessions`: date, model_id, daily_return, equity, gross_exposure, costs
    sessions : sessions for which rows are wanted
    risk_free : annual risk-free rate, as in `performance_rows`
    impacts : date, model_id and impact: what price impact cost in a session, in currency; None:
        none
    endings : date, model_id, ended and assumed: positions closed in a session because their
        security stopped trading, and those at an assumed price; None: none
    tried : what the models were chosen from beside those that are compared; None: nothing
    threads : default: one per core; their number changes no bit

    Returns
    -------
    DataFrame
        The columns of `COLUMNS`, ordered by date and model; null where undefined.
    """
    if portfolios.empty:
        return _frame([])
    histories = _histories(portfolios, risk_free, impacts, endings)
    wanted = np.unique(np.asarray(sessions, dtype="datetime64[D]"))
    places = np.flatnonzero(np.isin(histories.dates, wanted))
    parts = [places[start : start + AT_ONCE] for start in range(0, len(places), AT_ONCE)]

    def rows_of(part: NDArray[np.intp]) -> list[Row]:
        return [row for place in part.tolist() for row in _rows(histories, place, tried, resamples)]

    return _frame([row for rows in in_threads(rows_of, parts, threads) for row in rows])


def _frame(rows: list[Row]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
    return frame.sort_values(["date", "model_id"], ignore_index=True)


def _histories(
    portfolios: pd.DataFrame,
    risk_free: float | pd.Series,
    impacts: pd.DataFrame | None,
    endings: pd.DataFrame | None,
) -> _Histories:
    """Lay the series of the models beside each other."""

    def laid(rows: pd.DataFrame | None, column: str) -> FloatArray:
        if rows is None or rows.empty:
            return np.zeros(returns.shape)
        table = rows.pivot_table(index="date", columns="model_id", values=column, aggfunc="sum")
        return np.asarray(table.reindex(index=dates, columns=models).fillna(0.0), dtype=np.float64)

    keyed = portfolios.set_index(["date", "model_id"]).sort_index()
    returns = keyed["daily_return"].unstack()  # noqa: PD010 - a pivot would drop what is all NaN
    dates, models = returns.index, returns.columns
    exposure, equity, costs = (
        np.asarray(keyed[name].unstack(), dtype=np.float64)  # noqa: PD010 - as above
        for name in ("gross_exposure", "equity", "costs")
    )
    has_row = ~np.isnan(equity)
    annual = risk_free.reindex(dates) if isinstance(risk_free, pd.Series) else risk_free
    rate = np.reshape(session_rate(np.asarray(annual, dtype=np.float64)), (-1, 1))
    excess = np.asarray(returns, dtype=np.float64) - rate
    known = np.nan_to_num(np.concatenate([excess, excess * excess], axis=1))
    running = np.concatenate([np.zeros((1, known.shape[1])), np.cumsum(known, axis=0)])
    impact = laid(impacts, "impact")
    positive = np.where(equity > 0.0, equity, np.nan)
    return _Histories(
        dates=dates.to_numpy().astype("datetime64[D]"),
        models=models.to_numpy(dtype=np.int64),
        excess=excess,
        running=running,
        exposure=exposure,
        cost=costs / positive,
        impact=impact / positive**1.5,
        equity_impact=impact / positive,
        first=has_row.argmax(axis=0),
        has_row=has_row,
        ended=np.cumsum(laid(endings, "ended"), axis=0),
        assumed=np.cumsum(laid(endings, "assumed"), axis=0),
    )


def _rows(histories: _Histories, place: int, tried: Tried | None, resamples: int) -> Iterator[Row]:
    """Rows of one session, one per model that has a portfolio."""
    end = place + 1
    standings = {
        int(model): _standing(histories, end, int(model))
        for model in np.flatnonzero(histories.has_row[place])
    }
    compared = [model for model, standing in standings.items() if standing == BEST]
    common = max((int(histories.first[model]) for model in compared), default=0)
    starts = {
        model: common if standing == BEST else int(histories.first[model])
        for model, standing in standings.items()
    }
    resampled: dict[int, _Resampled] = {}
    for start in sorted({starts[model] for model in starts if standings[model] != RUINED}):
        group = [each for each in starts if starts[each] == start and standings[each] != RUINED]
        resampled |= _resample(histories, start, end, group, resamples)
    comparison = _compare(histories, common, end, compared, resampled)
    deflated = _deflated(histories, common, end, compared, tried)
    for model, standing in standings.items():
        row: Row = {
            "date": histories.dates[place],
            "model_id": histories.models[model],
            "sessions": end - starts[model],
            "standing": standing,
            **_accounts(histories, starts[model], end, model),
        }
        if model in resampled:
            row |= resampled[model].figures
        if model in compared:
            at = compared.index(model)
            row |= _of_comparison(comparison, at)
            row |= {column: values[at] for column, values in deflated.items()}
        yield row


def _standing(histories: _Histories, end: int, model: int) -> str:
    """Standing of a model; `BEST` for all that are to be compared."""
    start = histories.first[model]
    if np.isnan(histories.excess[start:end, model]).any():
        return RUINED
    if end - start < SESSIONS_PER_YEAR:
        return YOUNG
    return BEST if histories.exposure[start:end, model].mean() >= LEAST_INVESTED else LIGHT


class _Resampled(NamedTuple):
    """A model's resamples: its means, and the figures that follow from them."""

    means: FloatArray
    figures: Row


def _resample(
    histories: _Histories, start: int, end: int, group: list[int], resamples: int
) -> dict[int, _Resampled]:
    """Resample models together; nothing below `FEWEST_SESSIONS`."""
    count, models = end - start, len(histories.models)
    if count < FEWEST_SESSIONS:
        return {}
    columns = [*group, *(models + model for model in group)]
    running = histories.running[start : end + 1, columns]
    values = np.ascontiguousarray(histories.excess[start:end, group].T)
    block = shared_block([block_length(each) for each in values])
    sums = Draws.of(IDENTITY, count, block, resamples).sums(running)
    size = len(group)
    total = running[-1] - running[0]
    ratios = sharpe_ratios(total[:size], total[size:], count)
    low, high = interval(sharpe_ratios(sums[:, :size], sums[:, size:], count))
    return {
        model: _Resampled(
            sums[:, at] / count,
            {
                "sharpe_ratio": ratios[at],
                "sharpe_lower": low[at] if np.isfinite(ratios[at]) else np.nan,
                "sharpe_upper": high[at] if np.isfinite(ratios[at]) else np.nan,
                "block_length": block,
            },
        )
        for at, model in enumerate(group)
    }


def _compare(
    histories: _Histories,
    start: int,
    end: int,
    compared: list[int],
    resampled: dict[int, _Resampled],
) -> Comparison:
    if len(compared) < 2:
        return Comparison(None, None)
    total = histories.running[end, compared] - histories.running[start, compared]
    means = np.stack([resampled[model].means for model in compared], axis=1)
    return compare_means(total / (end - start), means)


def _of_comparison(comparison: Comparison, at: int) -> Row:
    """Figures of a model that was compared; a single one is the best of itself, without a test."""
    if comparison.confidence_set is None or comparison.ranks is None:
        return {}
    of = comparison.confidence_set
    return {
        "standing": BEST if of.members[at] else ELIMINATED,
        "p_value": of.p_value[at],
        "elimination_step": of.step[at],
        "rank_lower": comparison.ranks.lower[at],
        "rank_upper": comparison.ranks.upper[at],
    }


def _deflated(
    histories: _Histories, start: int, end: int, compared: list[int], tried: Tried | None
) -> dict[str, FloatArray]:
    """Deflated Sharpe ratios of the models compared, and the numbers of trials."""
    if not compared:
        return {}
    returns = np.ascontiguousarray(histories.excess[start:end, compared].T)
    count = end - start
    mean = returns.mean(axis=1)
    deviation = returns - mean[:, None]
    square = deviation * deviation
    products = np.einsum("it,jt->ij", deviation, deviation)
    second = np.diagonal(products) / count
    with np.errstate(all="ignore"):
        ratio = mean / np.sqrt(second * count / (count - 1))
        ratio[second <= ZERO_DEVIATION**2] = np.nan
        skewness = (square * deviation).mean(axis=1) / (second * np.sqrt(second))
        kurtosis = (square * square).mean(axis=1) / (second * second)
    trials = count_trials(products / count, ratio, count, tried)
    spread = trials.deviation / ROOT_YEAR
    numbers = {"trials": float(trials.raw), "effective_trials": trials.effective}
    return {
        **{name: np.full(len(compared), number) for name, number in numbers.items()},
        **{
            name: deflated_sharpe(ratio, count, skewness, kurtosis, trials=number, deviation=spread)
            for name, number in (
                ("deflated_sharpe", trials.raw),
                ("deflated_sharpe_effective", trials.effective),
            )
        },
    }


def _accounts(histories: _Histories, start: int, end: int, model: int) -> Row:
    """What trading cost, the capacity, and positions whose security ended."""
    part = slice(start, end), model
    edge = histories.excess[part].mean() + histories.equity_impact[part].mean()
    slope = histories.impact[part].mean()
    has_capacity = slope > 0.0 and edge > 0.0
    return {
        "cost_rate": histories.cost[part].mean() * SESSIONS_PER_YEAR,
        "capacity": (edge / (2.0 * slope)) ** 2 if has_capacity else np.nan,
        "ended_positions": int(histories.ended[end - 1, model]),
        "assumed_endings": int(histories.assumed[end - 1, model]),
    }
