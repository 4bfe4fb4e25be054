"""Risk forecasts as a figure and a table, of frames alone.

`risk_figure` and `share_figure` return Plotly figures that are complete in themselves; colours of
text and background are left to the page. `risk_table` returns HTML. What does not belong here: the
page (`sections/`), and how forecasts are judged (`evaluation/risk_backtests.py`).
"""

from html import escape

import pandas as pd
import plotly.graph_objects as go

from quant_platform.reports.formats import number, percent, whole
from quant_platform.reports.palette import PALETTE

MARGIN = {"l": 52, "r": 12, "t": 8, "b": 36}
HEIGHT = 380
"""Of a figure, in pixels."""

LOSS = "#d13438"
"""Colour of sessions with a loss beyond the value at risk."""

SHARES = ("market_share", "style_share", "sector_share", "specific_share")

COLUMNS = {
    "sessions": ("Sessions", whole),
    "bias": ("Bias", number),
    "bias_lower": ("from", number),
    "bias_upper": ("to", number),
    "qlike": ("QLIKE", number),
    "exceptions_95": ("Beyond VaR 95 %", whole),
    "coverage_p_95": ("Kupiec p", number),
    "independence_p_95": ("Christoffersen p", number),
    "z2_p_95": ("ES p", number),
    "exceptions_99": ("Beyond VaR 99 %", whole),
    "coverage_p_99": ("Kupiec p", number),
    "independence_p_99": ("Christoffersen p", number),
    "z2_p_99": ("ES p", number),
}
"""Column of `risk_backtest` → its heading and how it is written."""


def risk_figure(rows: pd.DataFrame) -> go.Figure:
    """Daily returns of one portfolio, with the loss at risk that was forecast of each.

    Parameters
    ----------
    rows : date, daily_return, value_at_risk_95 and value_at_risk_99, as `outcomes` has them
    """
    beyond = rows[rows["daily_return"] < -rows["value_at_risk_99"]]
    figure = go.Figure()
    figure.add_bar(
        x=rows["date"],
        y=rows["daily_return"],
        name="Return",
        marker={"color": PALETTE[0], "line": {"width": 0}},
        hovertemplate="%{x|%Y-%m-%d} %{y:.2%}<extra></extra>",
    )
    for column, name, dash in (
        ("value_at_risk_95", "VaR 95 %", "dot"),
        ("value_at_risk_99", "VaR 99 %", "solid"),
    ):
        figure.add_scatter(
            x=rows["date"],
            y=-rows[column],
            name=name,
            mode="lines",
            line={"color": PALETTE[1], "width": 1, "dash": dash},
            hovertemplate="%{y:.2%}",
        )
    figure.add_scatter(
        x=beyond["date"],
        y=beyond["daily_return"],
        name="Beyond VaR 99 %",
        mode="markers",
        marker={"color": LOSS, "size": 6},
        hovertemplate="%{x|%Y-%m-%d} %{y:.2%}<extra></extra>",
    )
    return _laid_out(figure)


def share_figure(rows: pd.DataFrame) -> go.Figure:
    """Where the forecast variance of one portfolio comes from: market, styles, sectors, names.

    Parameters
    ----------
    rows : date and `SHARES`, as `risk_forecasts` has them
    """
    figure = go.Figure()
    for at, column in enumerate(SHARES):
        figure.add_scatter(
            x=rows["date"],
            y=rows[column],
            name=column.removesuffix("_share").capitalize(),
            mode="lines",
            line={"color": PALETTE[at], "width": 1},
            hovertemplate="%{y:.0%}",
        )
    return _laid_out(figure, tick=".0%")


def risk_table(backtest: pd.DataFrame) -> str:
    """How the forecasts of each portfolio turned out, as an HTML table; a dash where unknown.

    Parameters
    ----------
    backtest : of `risk_backtest`, by the name of the model
    """
    heads = "".join(f"<th>{escape(head)}</th>" for head, _ in COLUMNS.values())
    lines = [
        f"<tr><th>{escape(str(model))}</th>"
        + "".join(
            f"<td>{escape(written(row[column]))}</td>" for column, (_, written) in COLUMNS.items()
        )
        + "</tr>"
        for model, row in backtest.iterrows()
    ]
    return (
        f"<table><thead><tr><th>Model</th>{heads}</tr></thead><tbody>{''.join(lines)}</tbody>"
        "</table>"
    )


def risk_sentence(row: pd.Series) -> str:
    """Say the latest forecast of a portfolio in a sentence.

    Parameters
    ----------
    row : of `risk_forecasts`
    """
    if pd.isna(row["volatility"]):
        return "No forecast of risk: fewer than 63 sessions are known."
    return (
        f"Next session: deviation {percent(row['volatility'], 2)}, a loss beyond"
        f" {percent(row['value_at_risk_99'], 2)} in one of 100 sessions, then"
        f" {percent(row['expected_shortfall_99'], 2)} on average."
    )


def _laid_out(figure: go.Figure, tick: str = ".1%") -> go.Figure:
    figure.update_layout(
        margin=MARGIN,
        height=HEIGHT,
        hovermode="x unified",
        legend={"orientation": "h", "y": -0.16},
        bargap=0.0,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    figure.update_yaxes(tickformat=tick)
    return figure
