"""The report's charts and the numbers of its monthly table, from rows of `portfolios`.

Each function takes the history of all models and returns a Plotly figure that is complete in
itself: it can be shown in a notebook or as Dagster metadata. Colours of text, grid and background
are left to the page (`templates/`), which knows whether it is light or dark; here are only the
models' own colours.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from quant_platform.evaluation.performance import rolling_metric

PALETTE = ("#2f6fed", "#e8710a", "#12a594", "#a855f7", "#d6409f", "#b58900", "#5b8c2a", "#d13438")
"""Colours of the models in the order of their ids, legible on white and on near-black."""

BENCHMARK_COLOUR = "#8b93a3"

MARGIN = {"l": 52, "r": 12, "t": 8, "b": 36}
HEIGHT = 380


def model_colours(models: pd.DataFrame) -> dict[int, str]:
    """Colour of each model by id; the benchmark is grey."""
    colours: dict[int, str] = {}
    used = 0
    ordered = models.sort_values("id")
    for model, benchmark in zip(
        ordered["id"].tolist(), ordered["is_benchmark"].tolist(), strict=True
    ):
        colours[model] = BENCHMARK_COLOUR if benchmark else PALETTE[used % len(PALETTE)]
        used += not benchmark
    return colours


def equity_figure(portfolios: pd.DataFrame, models: pd.DataFrame) -> go.Figure:
    """Growth of 1 unit of capital per model."""
    curves = {
        model: pd.Series(rows["equity"].to_numpy() / rows["equity"].iloc[0], index=rows["date"])
        for model, rows in _histories(portfolios)
    }
    return _lines(curves, models, hover="%{y:.3f}", tick="~g")


def drawdown_figure(portfolios: pd.DataFrame, models: pd.DataFrame) -> go.Figure:
    """Equity below its highest close so far, per model, as a negative fraction."""
    curves = {}
    for model, rows in _histories(portfolios):
        equity = rows["equity"].to_numpy()
        fall = equity / np.maximum.accumulate(equity) - 1.0
        curves[model] = pd.Series(fall, index=rows["date"])
    figure = _lines(curves, models, hover="%{y:.1%}", tick=".0%")
    for trace in figure.data:
        if trace.line.color != BENCHMARK_COLOUR:
            trace.update(fill="tozeroy", fillcolor=_faint(trace.line.color))
    return figure


def rolling_sharpe_figure(
    portfolios: pd.DataFrame,
    models: pd.DataFrame,
    length: int,
    *,
    risk_free: float | pd.Series = 0.0,
) -> go.Figure:
    """Sharpe ratio of the last `length` returns, per model; no point before the window is full.

    Parameters
    ----------
    portfolios : rows of `portfolios`
    models : rows of `models`
    length : sessions in the window
    risk_free : annual risk-free rate, as a fraction: one for all time, or a series with the rate of
        every session of `portfolios`
    """
    curves = {}
    for model, rows in _histories(portfolios):
        returns = rows["daily_return"].to_numpy(dtype=np.float64)
        rates = (
            risk_free.loc[rows["date"]].to_numpy(dtype=np.float64)
            if isinstance(risk_free, pd.Series)
            else risk_free
        )
        ratio = rolling_metric(returns, "sharpe_ratio", length, risk_free=rates)
        curves[model] = pd.Series(ratio, index=rows["date"])
    return _lines(curves, models, hover="%{y:.2f}", tick="~g")


def monthly_returns(portfolios: pd.DataFrame) -> dict[int, pd.DataFrame]:
    """Compounded return per model, year and calendar month.

    Returns
    -------
    dict
        Model id → frame indexed by year, newest first, with columns 1 … 12 (NaN where the model has
        no session) and "year".
    """
    tables = {}
    for model, rows in _histories(portfolios):
        dates = pd.DatetimeIndex(rows["date"])
        returns = rows["daily_return"].to_numpy(dtype=np.float64)
        equity = rows["equity"].to_numpy(dtype=np.float64)
        before = np.concatenate((equity[:1] / (1.0 + returns[:1]), equity[:-1]))
        growth = pd.DataFrame(
            {
                "year": dates.year,
                "month": dates.month,
                "last": equity,
                # Nothing is a share of an equity that is not positive.
                "before": np.where(before > 0.0, before, np.nan),
            }
        )
        by_month, by_year = growth.groupby(["year", "month"]), growth.groupby("year")
        # The first value itself, not the first that is known.
        months = (by_month["last"].last() / by_month["before"].nth(0).to_numpy()).rename("growth")
        wide = months.reset_index().pivot_table(
            index="year", columns="month", values="growth", dropna=False
        )
        table = wide.reindex(columns=range(1, 13)) - 1.0
        table["year"] = by_year["last"].last() / by_year["before"].nth(0).to_numpy() - 1.0
        tables[model] = table.sort_index(ascending=False)
    return tables


def _histories(portfolios: pd.DataFrame) -> list[tuple[int, pd.DataFrame]]:
    ordered = portfolios.sort_values(["model_id", "date"])
    return [(int(str(model)), rows) for model, rows in ordered.groupby("model_id", sort=True)]


def _lines(
    curves: Mapping[int, "pd.Series[float]"], models: pd.DataFrame, *, hover: str, tick: str
) -> go.Figure:
    colours = model_colours(models)
    names = dict(zip(models["id"], models["model_name"], strict=True))
    figure = go.Figure()
    for model, curve in curves.items():
        benchmark = colours[model] == BENCHMARK_COLOUR
        figure.add_trace(
            go.Scatter(
                x=pd.DatetimeIndex(curve.index).strftime("%Y-%m-%d").to_numpy(),
                y=curve.to_numpy(),
                name=names[model],
                mode="lines",
                line={
                    "color": colours[model],
                    "width": 1.5 if benchmark else 1.8,
                    "dash": "dot" if benchmark else "solid",
                },
                hovertemplate=hover,
            )
        )
    figure.update_layout(
        template="none",
        height=HEIGHT,
        margin=MARGIN,
        hovermode="x unified",
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        xaxis={"type": "date", "hoverformat": "%a %d %b %Y", "showgrid": False},
        yaxis={"tickformat": tick, "automargin": True},
    )
    return figure


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.10)"
