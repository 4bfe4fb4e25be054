"""`render_report`: the HTML page of a session's report.

Frames in, text out: nothing is read or computed here beyond what is needed to show it. The page
holds its styles and its data, and Plotly's script either itself or in a file beside it that all
pages share. It asks the network for nothing (its content security policy forbids it), and the same
data give the same bytes. What it looks like is in
`templates/report.html.j2`; charts come from `figures.py`.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs, get_plotlyjs_version

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.evaluation.metric_registry import Metric
from quant_platform.evaluation.metrics import METRICS
from quant_platform.evaluation.performance import WINDOWS
from quant_platform.reports import figures
from quant_platform.reports.formats import day, known, name_of, number, percent, whole
from quant_platform.reports.quality import quality
from quant_platform.reports.ranking import SCORE_FORMULA
from quant_platform.reports.standings import NOTE, money

SIGNAL_ROWS = 60
"""Signals listed at most; those that want a position come first."""

SPARK_SESSIONS = SESSIONS_PER_YEAR
"""Sessions in the small curve on a model's card."""

HEAT_FULL = 0.10
"""Monthly return that is shown in the full colour."""

INTERVAL_WINDOW = "252d"
"""Window whose figures are shown with their intervals."""

SIGNAL_WORDS = {1: "buy", 0: "hold", -1: "sell"}

Context = dict[str, Any]
"""Values for the template by name."""


@dataclass(frozen=True, eq=False)
class ReportData:
    """Everything a report shows.

    Attributes
    ----------
    date : the session reported
    models : rows of `models`
    portfolios : rows of `portfolios` up to the session: date, model_id, equity, daily_return
    performance : rows of `model_performance` of the session
    ranking : rows of `rank_models` of the session
    trends : rows of `model_trends` of the session
    signals : rows of `signals` of the session
    alerts : rows of `alerts` of the session
    data_quality : rows of `data_quality` of the recent sessions, the session included
    refused : rows of the session in quarantine, counted: table_name, reason, rows
    outstanding : rows of `ingestions` of the recent sessions that are not complete: date, source,
        status, reason
    row_counts : table → number of rows of the session
    assumptions : what the figures rest on, such as costs and the source of the data → in words
    summary : the report in a few sentences
    intervals : 95 % intervals of the figures over 252 sessions, as `performance_intervals`; by
        default none
    risk_free : annual risk-free rate behind the figures, as a fraction: one for all time, or a
        series with the 3-month Treasury yield known in each session of `portfolios`
    """

    date: pd.Timestamp
    models: pd.DataFrame
    portfolios: pd.DataFrame
    performance: pd.DataFrame
    ranking: pd.DataFrame
    trends: pd.DataFrame
    signals: pd.DataFrame
    alerts: pd.DataFrame
    data_quality: pd.DataFrame
    refused: pd.DataFrame
    outstanding: pd.DataFrame
    row_counts: Mapping[str, int]
    assumptions: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""
    intervals: pd.DataFrame = field(default_factory=pd.DataFrame)
    risk_free: float | pd.Series = 0.0


def render_report(data: ReportData, library: str = "") -> str:
    """Render the page.

    Parameters
    ----------
    library : name of the file beside the page that holds Plotly's script (`library_name`); empty:
        the page holds it itself
    """
    environment = Environment(
        loader=PackageLoader("quant_platform.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=percent,
        number=number,
        whole=whole,
        day=day,
        explained=explained,
        name=name_of,
        money=lambda value: money(value if known(value) else None),
    )
    page = environment.get_template("report.html.j2").render(
        date=data.date,
        summary=data.summary,
        first_session=data.portfolios["date"].min() if len(data.portfolios) else None,
        session_count=data.portfolios["date"].nunique(),
        **_risk_free(data),
        score_formula=SCORE_FORMULA,
        ranking_note=NOTE,
        cards=_cards(data),
        ranking=_records(data.ranking),
        trends={row["model_id"]: row for row in _records(data.trends)},
        colours=figures.model_colours(data.models),
        windows=_windows(data),
        months=_months(data),
        signals=_signals(data),
        signal_total=len(data.signals),
        alerts=_records(data.alerts),
        quality=quality(data.date, data.data_quality, data.refused, data.outstanding),
        row_counts=data.row_counts,
        assumptions=data.assumptions,
        parameters=_parameters(data.models),
        charts=_charts(data),
        library=library,
        plotly=Markup("" if library else get_plotlyjs()),  # noqa: S704 - Plotly's own script, not input
    )
    return str(page)


def library_name() -> str:
    """Name of the file with Plotly's script; another version has another name."""
    return f"plotly-{get_plotlyjs_version()}.min.js"


def _parameters(models: pd.DataFrame) -> list[Context]:
    """Parameters of each model, as names and values, and how it is traded."""
    return [
        {
            "model_id": row["id"],
            "name": row["model_name"],
            "values": dict(sorted(_json(row["parameters"]).items())),
            "rules": _trading_rules(row),
        }
        for row in _records(models)
    ]


def _trading_rules(model: Context) -> str:
    """When a model is rebalanced, how much it may hold, and what it is judged against."""
    if "rebalance" not in model:
        return ""
    gross, net = number(model["max_gross"]), number(model["max_net"])
    text = f"rebalanced {model['rebalance'].replace('_', ' ')}, gross at most {gross}, net {net}"
    against = model["benchmark"]
    return f"{text}, judged against {against}" if known(against) else text


def _json(value: object) -> Context:
    parsed = json.loads(value) if isinstance(value, str) else value
    return dict(parsed) if isinstance(parsed, dict) else {}


def explained(metric: Metric) -> str:
    """Description of a metric for a reader who sees its values as per cent and – for none."""
    text = re.sub(r", as a (negative )?fraction", "", metric.description)
    text = re.sub(r", or null\b", "; undefined without any", text)
    return re.sub(r"\bnull\b", "undefined", text)


def _records(frame: pd.DataFrame) -> list[Context]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _risk_free(data: ReportData) -> Context:
    """Return the rate in the session, and whether it is a yield that changes."""
    if isinstance(data.risk_free, pd.Series):
        return {"risk_free": data.risk_free.loc[data.date], "risk_free_is_yield": True}
    return {"risk_free": data.risk_free, "risk_free_is_yield": False}


def _cards(data: ReportData) -> list[Context]:
    """One card per model, best first: score, trend, figures, Sharpe's interval, the last year."""
    figures_of = {(row["model_id"], row["window_name"]): row for row in _records(data.performance)}
    trends = {row["model_id"]: row for row in _records(data.trends)}
    models = {row["id"]: row for row in _records(data.models)}
    rows = _records(data.ranking)
    scale = _interval_scale([figures_of[row["model_id"], row["window_name"]] for row in rows])
    cards: list[Context] = []
    for row in rows:
        model = row["model_id"]
        shown = figures_of[model, row["window_name"]]
        cards.append(
            {
                **row,
                "figures": shown,
                "inception": figures_of[model, "inception"],
                "trend": trends.get(model),
                "model": models[model],
                "interval": _interval(shown, scale),
                "spark": _spark(data.portfolios[data.portfolios["model_id"] == model]),
            }
        )
    return cards


def _interval_scale(rows: list[Context]) -> tuple[float, float]:
    """Common scale of the Sharpe intervals; zero is always on it."""
    ends = [row[name] for row in rows for name in ("sharpe_lower_95", "sharpe_upper_95")]
    ends = [value for value in ends if known(value)]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    pad = 0.06 * (high - low or 1.0)
    return low - pad, high + pad


def _interval(row: Context, scale: tuple[float, float]) -> Context | None:
    """Positions, in per cent of the bar, of the interval's ends, its middle and zero."""
    low, middle, high = (row[f"sharpe_{name}"] for name in ("lower_95", "ratio", "upper_95"))
    if not all(known(value) for value in (low, middle, high)):
        return None

    def place(value: float) -> float:
        return round(100.0 * (value - scale[0]) / (scale[1] - scale[0]), 2)

    return {
        "low": place(low),
        "width": round(place(high) - place(low), 2),
        "middle": place(middle),
        "zero": place(0.0),
    }


def _spark(rows: pd.DataFrame) -> str:
    """Points of an SVG polyline in a box of 100 × 30: the equity of the last sessions."""
    equity = rows.sort_values("date")["equity"].to_numpy(dtype=np.float64)[-SPARK_SESSIONS:]
    if len(equity) < 2:
        return ""
    spread = np.ptp(equity)
    height = (equity - equity.min()) / spread if spread else np.full(len(equity), 0.5)
    across = np.linspace(0.0, 100.0, len(equity))
    return " ".join(f"{x:.1f},{28.0 - 26.0 * y:.1f}" for x, y in zip(across, height, strict=True))


def _windows(data: ReportData) -> list[Context]:
    """Every metric of every model, one table per window, from the registry."""
    rows = data.performance.merge(
        data.models[["id", "model_name"]], left_on="model_id", right_on="id"
    ).sort_values("model_id")
    tables: list[Context] = []
    for name in reversed(list(WINDOWS)):
        shown = rows[rows["window_name"] == name]
        if len(shown):
            ends = _ends(data.intervals) if name == INTERVAL_WINDOW else {}
            lines = [
                {
                    "metric": metric,
                    "values": shown[column].tolist(),
                    "ends": [ends.get((model, column)) for model in shown["model_id"]],
                }
                for column, metric in METRICS.items()
                if column in shown
            ]
            tables.append(
                {
                    "name": name,
                    "models": shown["model_name"].tolist(),
                    "sizes": shown["window_sessions"].tolist(),
                    "lines": lines,
                }
            )
    return tables


def _ends(intervals: pd.DataFrame) -> dict[tuple[int, str], tuple[float, float]]:
    """Ends of the interval by model and metric, of those that have one."""
    known = intervals.dropna()
    if known.empty:
        return {}
    ends = zip(known["lower"].tolist(), known["upper"].tolist(), strict=True)
    return dict(zip(known.index.tolist(), ends, strict=True))


def _months(data: ReportData) -> list[Context]:
    names = dict(zip(data.models["id"], data.models["model_name"], strict=True))
    return [
        {
            "name": names[model],
            "years": [
                {
                    "year": year,
                    "cells": [_cell(table.loc[year, month]) for month in range(1, 13)],
                    "total": _cell(table.loc[year, "year"], full=3.0 * HEAT_FULL),
                }
                for year in table.index
            ],
        }
        for model, table in figures.monthly_returns(data.portfolios).items()
    ]


def _cell(value: object, full: float = HEAT_FULL) -> Context:
    if not known(value):
        return {"text": "", "side": "", "heat": 0}
    figure = float(str(value))
    heat = round(min(abs(figure) / full, 1.0) * 60)
    side = "gain" if figure > 0 else "loss"
    return {"text": number(100.0 * figure, 1), "side": side, "heat": heat}


def _signals(data: ReportData) -> list[Context]:
    rows = data.signals.merge(data.models[["id", "model_name"]], left_on="model_id", right_on="id")
    rows = rows.assign(
        word=rows["signal_type"]
        .map(SIGNAL_WORDS)
        .mask((rows["signal_type"] == 0) & (rows["target_weight"] == 0.0), "flat"),
        _active=(rows["signal_type"] == 0).astype(int),
        _size=-rows["target_weight"].abs(),
    )
    rows = rows.sort_values(["_active", "_size", "model_name", "symbol"])
    return _records(rows.head(SIGNAL_ROWS))


def _charts(data: ReportData) -> Markup:
    """Figures as JSON for the page's script; equal date axes are stored once."""
    drawn = {
        "equity": figures.equity_figure(data.portfolios, data.models),
        "drawdown": figures.drawdown_figure(data.portfolios, data.models),
        **{
            f"sharpe{length}": figures.rolling_sharpe_figure(
                data.portfolios, data.models, length, risk_free=data.risk_free
            )
            for length in (SESSIONS_PER_YEAR, 63)
        },
    }
    axes: list[list[str]] = []
    charts = {name: _chart(figure, axes) for name, figure in drawn.items()}
    text = json.dumps({"axes": axes, "charts": charts}, allow_nan=False, separators=(",", ":"))
    # Inside a script element only "<" could end it; JSON may write it as an escape.
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704 - escaped on this line


def _chart(figure: go.Figure, axes: list[list[str]]) -> Context:
    traces = []
    for trace in figure.data:
        dates, values = list(trace.x), np.asarray(trace.y, dtype=np.float64)
        if dates not in axes:
            axes.append(dates)
        plain = trace.to_plotly_json()
        plain["x"] = axes.index(dates)
        plain["y"] = [float(f"{y:.6g}") if math.isfinite(y) else None for y in values.tolist()]
        traces.append(plain)
    return {"data": traces, "layout": figure.layout.to_plotly_json()}


def sealed_page(session: str, reason: str) -> str:
    """Return the page of a session that belongs to the hold-out: why it shows nothing."""
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        f"<title>{escape(session)}</title></head><body><h1>{escape(session)}</h1>"
        f"<p>{escape(reason)}</p></body></html>"
    )
