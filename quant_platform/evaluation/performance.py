"""Rows of `model_performance`: every metric of every model, trailing and since inception.

1. A model's series starts with its first row in `portfolios`; that row (all cash, return 0) counts
   as a session.
2. 21d, 63d and 252d are the last so many returns; there is no row before the window is full.
   `inception` is every return so far, from the first row on.
3. The benchmark's returns are matched by date; alpha, beta and excess return are null if it lacks a
   session of the window.
4. A row uses portfolio rows up to its own session only. Trailing windows are computed in blocks of
   whole windows, the inception window as a scan from the first return, so a value is the same
   however a backfill is cut.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.errors import ContractError, OnFailure
from quant_platform.evaluation.bootstrap import metric_intervals
from quant_platform.evaluation.metric_registry import Metric
from quant_platform.evaluation.metrics import METRICS, session_rate
from quant_platform.evaluation.windows import ExpandingWindow, TrailingWindow, Window
from quant_platform.isolation import TimeLimitError, limited
from quant_platform.kernels.arrays import FloatArray

WINDOWS: Mapping[str, int | None] = {
    "21d": 21,
    "63d": 63,
    "252d": SESSIONS_PER_YEAR,
    "inception": None,
}
"""Window name → number of session returns; None: all since inception."""

INCEPTION = "inception"

BLOCK_CELLS = 65_536
"""Returns worked on at a time (rows × window): half a megabyte an array, to stay in the cache."""

_COLUMNS = {
    "returns": "daily_return",
    "turnover": "turnover",
    "exposure": "gross_exposure",
    "trades": "trade_count",
    "signals_judged": "signals_judged",
    "signals_hit": "signals_hit",
}

GREATEST_INTEGER = 2**31 - 1
"""What a column of whole numbers can hold."""

EQUITY = "equity"
"""Column that is read where a session has no return."""

Against: TypeAlias = int | pd.Series
"""What alpha and beta refer to: a model's id, or returns by session, as fractions."""

Series = dict[str, FloatArray]
Figures = dict[str, FloatArray]


def performance_rows(
    portfolios: pd.DataFrame,
    benchmark: Against | Mapping[Any, Against],
    sessions: Sequence[object] | NDArray[np.datetime64] | pd.DatetimeIndex,
    *,
    risk_free: float | pd.Series = 0.0,
    metrics: Mapping[str, Metric] = METRICS,
    on_failure: OnFailure | None = None,
    seconds: float = 0.0,
    windows: Collection[str] = WINDOWS,
) -> pd.DataFrame:
    """Compute the rows of `model_performance` for some sessions.

    Parameters
    ----------
    portfolios : rows of `portfolios` of all models, from each model's first session to the last of
        `sessions`; equity is read of a model alone that has sessions without a return
    benchmark : what alpha, beta and excess return refer to: a model's id, or returns by session, as
        fractions; or that of each model, by its id
    sessions : sessions for which rows are wanted
    risk_free : annual risk-free rate, as a fraction: one for all time, or a series with the rate of
        every session of `portfolios` (see `risk_free_rates`)
    metrics : the figures to compute
    on_failure : is told of a metric that raised, whose column is then NaN; None: it raises
    seconds : with it, limit of each call of a metric that somebody added; 0: none (`isolation.py`)
    windows : names of the windows wanted

    Returns
    -------
    DataFrame
        date, model_id, window_name, window_sessions and one column per metric, ordered by date,
        model and window; NaN where a figure is undefined.

    Raises
    ------
    ContractError
        A model has two rows for one session, or a session has no risk-free rate.
    """
    if on_failure is not None:
        metrics = {
            name: _guarded(name, each, on_failure, seconds) for name, each in metrics.items()
        }
    wanted = np.unique(np.asarray(sessions, dtype="datetime64[D]"))
    histories = {model: _history(rows) for model, rows in portfolios.groupby("model_id", sort=True)}
    frames = []
    for model, (dates, series) in histories.items():
        against = benchmark.get(model) if isinstance(benchmark, Mapping) else benchmark
        series["benchmark"] = _aligned(_benchmark(against, histories), dates)
        series["risk_free"] = session_rate(_rates(risk_free, dates))
        ends = np.flatnonzero(np.isin(dates, wanted))
        for order, (window, length) in enumerate(WINDOWS.items()):
            if window not in windows:
                continue
            full = ends if length is None else ends[ends >= length - 1]
            if not len(full):
                continue
            figures = (
                _expanding(series, full, metrics)
                if length is None
                else _trailing(series, full, length, metrics)
            )
            sizes = full + 1 if length is None else np.full(len(full), length)
            frames.append(_frame(dates[full], model, order, sizes, figures, metrics))
    columns = ["date", "model_id", "window_name", "window_sessions", *metrics]
    if not frames:
        return _empty(columns, metrics)
    rows = pd.concat(frames, ignore_index=True)
    rows = rows.sort_values(["date", "model_id", "_order"], ignore_index=True)
    rows["window_name"] = np.asarray(list(WINDOWS), dtype=object)[rows["_order"]]
    return rows[columns].astype({"window_name": "str"})


def last_figures(
    portfolio: pd.DataFrame,
    benchmark: pd.Series,
    *,
    risk_free: float | pd.Series = 0.0,
    metrics: Mapping[str, Metric] = METRICS,
) -> dict[str, float]:
    """Compute the figures of one model since its inception, at its last session.

    They are those of `performance_rows`, bit for bit, without a frame made for them.

    Parameters
    ----------
    portfolio : rows of `portfolios` of the model
    benchmark, risk_free, metrics : as of `performance_rows`

    Raises
    ------
    ContractError
        As `performance_rows`.
    """
    dates, series = _history(portfolio)
    series["benchmark"] = _aligned(_benchmark(benchmark, {}), dates)
    series["risk_free"] = session_rate(_rates(risk_free, dates))
    figures = _expanding(series, np.array([len(dates) - 1]), metrics)
    return {name: float(values[-1]) for name, values in figures.items()}


def performance_intervals(
    portfolios: pd.DataFrame,
    benchmark: Against | Mapping[Any, Against] | None,
    *,
    window: str = "252d",
    risk_free: float | pd.Series = 0.0,
    metrics: Mapping[str, Metric] = METRICS,
    threads: int | None = None,
) -> pd.DataFrame:
    """Estimate and 95 % interval of every metric at each model's last session, by the bootstrap.

    Parameters
    ----------
    portfolios, benchmark, risk_free : as in `performance_rows`
    window : name of the window
    metrics : the figures; one that raises ends it

    Returns
    -------
    DataFrame
        A row per model and metric, indexed by both: estimate, lower, upper; NaN where undefined. No
        rows of a model that has not filled the window.
    """
    histories = {model: _history(rows) for model, rows in portfolios.groupby("model_id", sort=True)}
    frames = {}
    for model, (dates, series) in histories.items():
        length = WINDOWS[window] or len(dates)
        if len(dates) < length:
            continue
        against = benchmark.get(model) if isinstance(benchmark, Mapping) else benchmark
        series["benchmark"] = _aligned(_benchmark(against, histories), dates)
        series["risk_free"] = session_rate(_rates(risk_free, dates))
        last = {name: array[-length:] for name, array in series.items()}
        frames[model] = metric_intervals(
            TrailingWindow(**last), metrics, identity=window, threads=threads
        )
    if not frames:
        return pd.DataFrame(columns=["estimate", "lower", "upper"], dtype="float64")
    return pd.concat(frames, names=["model_id", "metric"])


def _guarded(name: str, metric: Metric, on_failure: OnFailure, seconds: float) -> Metric:
    """The metric, NaN where it raises, or gives a number that its column cannot hold."""
    hung: list[TimeLimitError] = []

    def figures(window: Window) -> FloatArray:
        is_expanding = isinstance(window, ExpandingWindow)
        shape = window.returns.shape if is_expanding else window.returns.shape[:-1]
        if hung:
            return np.full(shape, np.nan)
        try:
            values = limited(partial(metric, window), seconds, metric.function)
            if metric.sql_type == "integer" and (np.abs(values) > GREATEST_INTEGER).any():
                raise ContractError(f"{np.nanmax(np.abs(values)):g} is too large for a count")
            return np.broadcast_to(values, shape)
        except Exception as error:  # whatever a metric raises, the others go on
            on_failure(name, error)
            hung.extend([error] if isinstance(error, TimeLimitError) else [])
            return np.full(shape, np.nan)

    return replace(metric, function=figures)


def rolling_metric(
    returns: FloatArray, name: str, length: int, *, risk_free: FloatArray | float = 0.0
) -> FloatArray:
    """One figure over the last `length` returns, at every session; NaN before the window is full.

    Parameters
    ----------
    returns : session returns, shape (T,)
    name : a metric that needs nothing but returns
    length : number of returns
    risk_free : annual risk-free rate, as a fraction; one for all returns, or one of each
    """
    values = np.full(len(returns), np.nan)
    ends = np.arange(length - 1, len(returns))
    if len(ends):
        whole = TrailingWindow.of(returns)
        series = {field: getattr(whole, field) for field in (*_COLUMNS, "benchmark")}
        series["risk_free"] = np.broadcast_to(session_rate(risk_free), returns.shape)
        values[ends] = _trailing(series, ends, length, {name: METRICS[name]})[name]
    return values


def _history(rows: pd.DataFrame) -> tuple[NDArray[np.datetime64], Series]:
    """Dates and series of one model, oldest first."""
    ordered = rows.sort_values("date")
    dates = ordered["date"].to_numpy().astype("datetime64[D]")
    repeated = dates[1:][dates[1:] == dates[:-1]]
    if len(repeated):
        raise ContractError(
            f"portfolios: {_model_of(ordered)} has two rows for {repeated[0]}",
            "a model has one portfolio row per session",
        )
    series = {name: ordered[column].to_numpy(dtype=np.float64) for name, column in _COLUMNS.items()}
    undefined = np.flatnonzero(np.isnan(series["returns"]))
    if len(undefined):
        # After a close without positive equity there is no return; what there is follows from it.
        equity = ordered[EQUITY].to_numpy(dtype=np.float64)
        series["ratios"] = 1.0 + series["returns"]
        before = equity[undefined - 1]
        series["ratios"][undefined] = np.divide(
            equity[undefined], before, out=np.full(len(before), np.nan), where=before != 0.0
        )
    return dates, series


def _model_of(rows: pd.DataFrame) -> str:
    return f"model {rows['model_id'].iloc[0]}" if "model_id" in rows else "a model"


def _benchmark(
    benchmark: Against | None,
    histories: Mapping[Any, tuple[NDArray[np.datetime64], Series]],
) -> tuple[NDArray[np.datetime64], Series] | None:
    """Dates and series of the benchmark; None without one."""
    if not isinstance(benchmark, pd.Series):
        return None if benchmark is None else histories.get(benchmark)
    ordered = benchmark.sort_index()
    dates = ordered.index.to_numpy().astype("datetime64[D]")
    returns: FloatArray = np.array(ordered, dtype=np.float64)
    return dates, {"returns": returns}


def _aligned(
    benchmark: tuple[NDArray[np.datetime64], Series] | None, dates: NDArray[np.datetime64]
) -> FloatArray:
    """Benchmark returns in the sessions of a model, NaN where there is none."""
    values = np.full(len(dates), np.nan)
    if benchmark is not None:
        days, series = benchmark
        place = np.minimum(np.searchsorted(days, dates), len(days) - 1)
        has_session = days[place] == dates
        values[has_session] = series["returns"][place[has_session]]
    return values


def _rates(risk_free: float | pd.Series, dates: NDArray[np.datetime64]) -> FloatArray:
    """Annual risk-free rate in each session of a model."""
    if not isinstance(risk_free, pd.Series):
        return np.full(len(dates), risk_free)
    rates = risk_free.reindex(dates.astype("datetime64[s]")).to_numpy(dtype=np.float64)
    unknown = dates[np.isnan(rates)]
    if len(unknown):
        raise ContractError(
            f"There is no risk-free rate for {unknown[0]}",
            "The series must hold one for every session of the portfolios",
        )
    return rates


def _expanding(series: Series, ends: NDArray[np.intp], metrics: Mapping[str, Metric]) -> Figures:
    stop = ends[-1] + 1
    window = ExpandingWindow(**{name: array[:stop] for name, array in series.items()})
    return {name: compute(window)[ends] for name, compute in metrics.items()}


def _trailing(
    series: Series,
    ends: NDArray[np.intp],
    length: int,
    metrics: Mapping[str, Metric],
) -> Figures:
    figures = {name: np.empty(len(ends)) for name in metrics}
    views = {name: sliding_window_view(array, length) for name, array in series.items()}
    for block in _blocks(len(ends), max(BLOCK_CELLS // length, 1)):
        first = ends[block] - (length - 1)
        window = TrailingWindow(**{name: view[first] for name, view in views.items()})
        for name, compute in metrics.items():
            figures[name][block] = compute(window)
    return figures


def _blocks(total: int, size: int) -> Iterator[slice]:
    for start in range(0, total, size):
        yield slice(start, min(start + size, total))


def _frame(
    dates: NDArray[np.datetime64],
    model: object,
    order: int,
    sizes: NDArray[np.intp],
    figures: Figures,
    metrics: Mapping[str, Metric],
) -> pd.DataFrame:
    columns: dict[str, object] = {
        "date": dates.astype("datetime64[s]"),
        "model_id": model,
        "_order": order,
        "window_sessions": sizes.astype(np.int64),
    }
    for name, values in figures.items():
        whole = metrics[name].sql_type == "integer"
        if whole and np.isnan(values).any():
            columns[name] = pd.Series(values).astype("Int64")
        else:
            columns[name] = values.astype(np.int64) if whole else values
    return pd.DataFrame(columns)


def _empty(columns: Sequence[str], metrics: Mapping[str, Metric]) -> pd.DataFrame:
    types = {
        "date": "datetime64[s]",
        "model_id": "int64",
        "window_name": "str",
        "window_sessions": "int64",
    }
    types |= {n: "int64" if m.sql_type == "integer" else "float64" for n, m in metrics.items()}
    return pd.DataFrame({name: pd.Series(dtype=types[name]) for name in columns})
