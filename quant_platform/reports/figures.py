"""The report's curves over sessions, from the models' histories.

Each function takes the histories of all models and returns a chart that is complete in itself.
Figures over windows are the metrics of `evaluation/`, at the sessions a chart keeps; a thinned
curve has true values, and only fewer of them. What does not belong here: which section shows a
chart (`sections/`), and how it is drawn (`templates/report.js`).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from quant_platform.evaluation.metrics import METRICS, session_rate
from quant_platform.evaluation.windows import TrailingWindow
from quant_platform.kernels.arrays import FloatArray
from quant_platform.reports.charts import Curve, PlainChart, SessionChart
from quant_platform.reports.histories import Histories, kept
from quant_platform.reports.palette import PALETTE, looks

BLOCK_CELLS = 65_536
"""Returns worked on at a time (rows × window), to stay in the cache."""

GAIN, LOSS = PALETTE[2], PALETTE[1]
"""Colours of bars that gained and lost."""

SHARPE = ("sharpe_ratio", "sharpe_lower_95", "sharpe_upper_95")


def growth_chart(histories: Histories, models: pd.DataFrame, key: str = "equity") -> SessionChart:
    """Growth of 1 unit of capital per model."""
    places = kept(histories.dates, histories.growth, histories.drawdown)
    label = "Growth of one unit of capital, after costs"
    chart = _chart(key, label, histories, models, histories.growth, places)
    return replace(chart, tick="~g", hover=".3f", rebased=True)


def drawdown_chart(histories: Histories, models: pd.DataFrame) -> SessionChart:
    """Equity below its highest close so far, per model, as a negative fraction."""
    places = kept(histories.dates, histories.drawdown)
    label = "Equity below its highest close so far"
    chart = _chart("drawdown", label, histories, models, histories.drawdown, places)
    return replace(chart, tick=".0%", hover=".1%", filled=True)


def rolling_chart(
    histories: Histories,
    models: pd.DataFrame,
    metric: str,
    length: int,
    *,
    risk_free: float | pd.Series = 0.0,
    band: bool = False,
    benchmark: FloatArray | None = None,
) -> SessionChart:
    """One figure of the last `length` returns, per model; no point before the window is full.

    Parameters
    ----------
    metric : name of a metric that needs returns, or the benchmark's
    length : sessions in the window
    risk_free : annual risk-free rate, as a fraction: one for all time, or a series with the rate of
        every session
    band : of the Sharpe ratio, also the ends of its 95 % interval
    benchmark : (T, M) the benchmark's returns beside each model's
    """
    rates = rates_of(risk_free, histories)
    values = np.full((1, *histories.growth.shape), np.nan)
    values[0] = rolling_values(histories, (metric,), length, rates, benchmark)[0]
    places = kept(histories.dates, values[0])
    names = SHARPE[1:] if band else ()
    ends = rolling_values(histories, names, length, rates, benchmark, places)
    label = f"{METRICS[metric].column.replace('_', ' ')} of the last {length} sessions"
    chart = _chart(f"{metric}{length}", label, histories, models, values[0], places, ends)
    is_share = METRICS[metric].unit == "fraction"
    return replace(
        chart, tick=".0%" if is_share else "~g", hover=".1%" if is_share else ".2f", decimals=3
    )


def share_chart(
    histories: Histories, models: pd.DataFrame, column: str, label: str
) -> SessionChart:
    """A column of shares of the equity, such as the gross exposure."""
    values = histories.columns[column]
    places = kept(histories.dates, values)
    chart = _chart(column, label, histories, models, values, places)
    return replace(chart, tick=".0%", hover=".1%", height=300, decimals=3)


def count_chart(key: str, label: str, histories: Histories, models: pd.DataFrame) -> SessionChart:
    """A column of counts, at every session of `histories`."""
    values = histories.columns[key]
    places = kept(histories.dates, values)
    chart = _chart(key, label, histories, models, values, places)
    return replace(chart, tick="~g", hover=",.1f", height=300, decimals=1)


def bar_chart(key: str, label: str, values: "pd.Series[float]", title: str = "") -> PlainChart:
    """Amounts by name as bars from the top down, gains and losses in their own colours."""
    amounts = values.to_numpy(dtype=np.float64)
    data = {
        "type": "bar",
        "orientation": "h",
        "x": np.rint(amounts).tolist(),
        "y": [str(name) for name in values.index],
        "marker": {"color": [GAIN if amount >= 0.0 else LOSS for amount in amounts]},
        "hovertemplate": "%{y}: %{x:,.0f}<extra></extra>",
    }
    layout = {
        "yaxis": {"autorange": "reversed", "type": "category", "showgrid": False},
        "xaxis": {"tickformat": "~s"},
        "bargap": 0.35,
    }
    return PlainChart(key, label, (data,), layout, height=70 + 26 * len(values), title=title)


def rolling_values(
    histories: Histories,
    names: Sequence[str],
    length: int,
    rates: FloatArray,
    benchmark: FloatArray | None = None,
    places: NDArray[np.intp] | None = None,
) -> FloatArray:
    """Figures of the last `length` returns: (names, T, M), NaN where not asked for or not full.

    Parameters
    ----------
    rates : (T,) annual risk-free rate of each session
    benchmark : (T, M) returns that alpha and beta refer to
    places : ends of the windows wanted; None: all
    """
    returns = histories.columns["daily_return"]
    values = np.full((len(names), *returns.shape), np.nan)
    if not names:
        return values
    daily = session_rate(rates)
    wanted = np.zeros(len(returns), dtype=bool)
    wanted[slice(None) if places is None else places] = True
    for column, (first, last) in enumerate(zip(histories.first, histories.last, strict=True)):
        ends = np.arange(first + length - 1, last + 1)
        ends = ends[wanted[ends]]
        own = np.ascontiguousarray(returns[:, column])
        theirs = np.full(len(own), np.nan) if benchmark is None else benchmark[:, column]
        views = [
            sliding_window_view(np.ascontiguousarray(each), length)
            for each in (own, theirs, daily)
            if len(own) >= length
        ]
        step = max(BLOCK_CELLS // length, 1)
        for start in range(0, len(ends), step):
            block = ends[start : start + step]
            mine, other, rate = (view[block - (length - 1)] for view in views)
            window = TrailingWindow.of(mine, other, risk_free=rate)
            for place, name in enumerate(names):
                values[place, block, column] = METRICS[name](window)
    return values


def rates_of(risk_free: float | pd.Series, histories: Histories) -> FloatArray:
    """Annual risk-free rate of each session.

    Raises
    ------
    KeyError
        A session has none.
    """
    if not isinstance(risk_free, pd.Series):
        return np.full(len(histories.dates), risk_free)
    dates = pd.DatetimeIndex(histories.dates.astype("datetime64[s]"))
    return risk_free.loc[dates].to_numpy(dtype=np.float64)


def _chart(
    key: str,
    label: str,
    histories: Histories,
    models: pd.DataFrame,
    values: FloatArray,
    places: NDArray[np.intp],
    band: FloatArray | None = None,
) -> SessionChart:
    """Curves of all models at the sessions kept, in the order of `models`."""
    drawn = looks(models)
    names = dict(zip(models["id"].tolist(), models["model_name"].tolist(), strict=True))
    marked = dict(zip(models["id"].tolist(), models["is_benchmark"].tolist(), strict=True))
    curves = []
    for model in models["id"].tolist():
        if model not in histories.models:
            continue
        column = histories.models.index(model)
        own = values[places, column]
        if np.isnan(own).all() and len(own):
            continue
        ends = (
            {"low": band[0][places, column], "high": band[1][places, column]}
            if band is not None and len(band)
            else {}
        )
        look = drawn[model]
        curves.append(
            Curve(
                str(names[model]),
                own,
                look.colour,
                look.dash,
                is_benchmark=bool(marked[model]),
                **ends,
            )
        )
    return SessionChart(key, label, histories.dates[places], curves)
