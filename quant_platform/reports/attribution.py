"""Where a result came from, as pictures and tables: of frames of `evaluation/attribution/`.

Each function returns a Plotly figure that is complete in itself, or a frame of texts that a page
shows as it is. Colours of text, grid and background are left to the page. What does not belong
here: the figures' maths, and where on a page they stand.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from quant_platform.evaluation.attribution.brinson import EFFECTS, ActiveReturn
from quant_platform.evaluation.attribution.factors import FactorAttribution
from quant_platform.evaluation.attribution.trips import OPEN, best_and_worst
from quant_platform.reports.formats import NONE, day, name_of, number, percent, whole
from quant_platform.reports.palette import BENCHMARK_COLOUR, PALETTE

GAIN, LOSS = PALETTE[2], PALETTE[1]
"""Colours of what gained and of what lost."""

HEIGHT = 380

MARGIN = {"l": 52, "r": 12, "t": 8, "b": 36}

MOST = 12
"""Bars of a picture; the others are summed up in one."""

OTHERS = "others"

TRADES = 10
"""Best and worst trades of a table, each."""


def pnl_figure(rows: pd.DataFrame, name: str, most: int = MOST) -> go.Figure:
    """Draw the P&L of securities, sectors or models as bars, and the smallest as one.

    Parameters
    ----------
    rows : with `pnl` in currency, and a column that names them
    name : of that column
    """
    bars = largest(rows.set_index(name)["pnl"].rename(index=str), most)
    figure = go.Figure(
        go.Bar(
            x=bars.to_numpy(),
            y=bars.index.to_numpy(dtype=object),
            orientation="h",
            marker={"color": np.where(bars.to_numpy() >= 0.0, GAIN, LOSS)},
            hovertemplate="%{y}: %{x:,.2f}<extra></extra>",
        )
    )
    figure.update_layout(**_layout(len(bars)), yaxis={"autorange": "reversed", "automargin": True})
    return figure


def largest(values: "pd.Series[float]", most: int) -> "pd.Series[float]":
    """Return the values of the largest size in descending order, and the sum of all others.

    Examples
    --------
    >>> largest(pd.Series({"a": 5.0, "b": -9.0, "c": 1.0, "d": 1.0}), 3).to_dict()
    {'a': 5.0, 'b': -9.0, 'others': 2.0}
    """
    kept = values
    if len(values) > most:
        order = values.abs().sort_values(ascending=False, kind="stable").index[: most - 1]
        kept = values.loc[order]
        rest = pd.Series({OTHERS: float(values.drop(order).sum())})
        return pd.concat([kept.sort_values(ascending=False, kind="stable"), rest])
    return kept.sort_values(ascending=False, kind="stable")


def cause_figure(causes: pd.DataFrame) -> go.Figure:
    """Draw gains and costs by cause as steps from nothing to the P&L.

    Parameters
    ----------
    causes : cause, pnl; as `totals.by_cause` returns them
    """
    shown = causes[causes["pnl"] != 0.0]
    names = [str(cause).replace("_", " ") for cause in shown["cause"]]
    figure = go.Figure(
        go.Waterfall(
            x=[*names, "P&L"],
            y=[*shown["pnl"].to_numpy(), 0.0],
            measure=[*(["relative"] * len(shown)), "total"],
            increasing={"marker": {"color": GAIN}},
            decreasing={"marker": {"color": LOSS}},
            totals={"marker": {"color": PALETTE[0]}},
            connector={"line": {"color": BENCHMARK_COLOUR, "width": 0.5}},
            hovertemplate="%{x}: %{delta:,.2f}<extra></extra>",
        )
    )
    figure.update_layout(**_layout())
    return figure


def active_figure(active: ActiveReturn) -> go.Figure:
    """Draw the effects of each group, stacked, as fractions of the equity."""
    groups = active.linked.drop(index="total")
    figure = go.Figure()
    for effect, colour in zip(EFFECTS, PALETTE, strict=False):
        values = groups[effect].to_numpy(dtype=np.float64)
        if not (values != 0.0).any():
            continue
        figure.add_trace(
            go.Bar(
                x=groups.index.to_numpy(dtype=object),
                y=values,
                name=effect,
                marker={"color": colour},
                hovertemplate="%{x}, " + effect + ": %{y:.2%}<extra></extra>",
            )
        )
    figure.update_layout(**_layout(), barmode="relative", yaxis={"tickformat": ".1%"})
    return figure


def active_table(active: ActiveReturn) -> pd.DataFrame:
    """Return the linked effects by group as texts, the total last."""
    rows = active.linked
    columns = {
        "Group": [name_of(name) for name in rows.index],
        "Weight": [percent(value) for value in rows["portfolio_weight"]],
        "Benchmark": [percent(value) for value in rows["benchmark_weight"]],
    }
    for effect in (*EFFECTS, "total"):
        columns[effect.capitalize()] = [percent(value, 2, sign=True) for value in rows[effect]]
    return pd.DataFrame(columns)


def factor_figure(found: FactorAttribution) -> go.Figure:
    """Draw what each factor contributed with ± two standard errors, and what was expected of it."""
    rows = found.summary.drop(index="total")
    names = rows.index.to_numpy(dtype=object)
    figure = go.Figure(
        go.Bar(
            x=names,
            y=rows["contribution"].to_numpy(),
            name="realised",
            marker={"color": PALETTE[0]},
            error_y={"type": "data", "array": 2.0 * rows["standard_error"].fillna(0.0).to_numpy()},
            hovertemplate="%{x}: %{y:.2%}<extra></extra>",
        )
    )
    expected = rows["predicted"].notna()
    if expected.any():
        figure.add_trace(
            go.Scatter(
                x=names[expected],
                y=rows.loc[expected, "predicted"].to_numpy(),
                name="expected",
                mode="markers",
                marker={"color": PALETTE[1], "size": 9, "symbol": "diamond"},
                hovertemplate="%{x}: %{y:.2%}<extra></extra>",
            )
        )
    figure.update_layout(**_layout(), yaxis={"tickformat": ".1%"})
    return figure


def factor_table(found: FactorAttribution) -> pd.DataFrame:
    """Return exposures and contributions by factor as texts, the total last."""
    rows = found.summary
    return pd.DataFrame(
        {
            "Factor": [name_of(name) for name in rows.index],
            "Exposure": [number(value, 2, sign=True) for value in rows["exposure"]],
            "Contribution": [percent(value, 2, sign=True) for value in rows["contribution"]],
            "± standard error": [percent(value, 2) for value in rows["standard_error"]],
            "Of factor returns": [percent(value, 2) for value in rows["estimation_error"]],
            "Expected": [percent(value, 2, sign=True) for value in rows["predicted"]],
            "± error": [percent(value, 2) for value in rows["predicted_error"]],
            "Share of the variance": [percent(value) for value in rows["risk"]],
        }
    )


def excursion_figure(trips: pd.DataFrame) -> go.Figure:
    """Draw the return of each closed trip against the largest loss while it was open."""
    closed = trips[trips["exit_reason"] != OPEN]
    figure = go.Figure()
    for name, colour, some in (
        ("gained", GAIN, closed[closed["pnl"] > 0.0]),
        ("lost", LOSS, closed[closed["pnl"] <= 0.0]),
    ):
        figure.add_trace(
            go.Scatter(
                x=some["largest_loss"].to_numpy(),
                y=some["return"].to_numpy(),
                name=name,
                mode="markers",
                marker={"color": colour, "size": 5, "opacity": 0.6},
                hovertemplate="largest loss %{x:.1%}, in the end %{y:.1%}<extra></extra>",
            )
        )
    figure.update_layout(
        **_layout(),
        xaxis={"title": "largest loss while open", "tickformat": ".0%"},
        yaxis={"title": "return", "tickformat": ".0%"},
    )
    return figure


def trades_table(
    trips: pd.DataFrame, tickers: Mapping[str, str], count: int = TRADES
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the best and the worst trades as texts.

    Parameters
    ----------
    tickers : security → what it is called
    """
    best, worst = (_trade_rows(rows, tickers) for rows in best_and_worst(trips, count))
    return best, worst


def _trade_rows(rows: pd.DataFrame, tickers: Mapping[str, str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Security": [tickers.get(str(name), str(name)) for name in rows["security_id"]],
            "Side": rows["side"].tolist(),
            "From": [day(value) if value == value else NONE for value in rows["entry_date"]],
            "To": [
                reason if reason == OPEN else day(value)
                for value, reason in zip(rows["exit_date"], rows["exit_reason"], strict=True)
            ],
            "Sessions": [whole(value) for value in rows["sessions"]],
            "P&L": [number(value, 2, sign=True) for value in rows["pnl"]],
            "Return": [percent(value, sign=True) for value in rows["return"]],
            "Largest gain": [percent(value, sign=True) for value in rows["largest_gain"]],
            "Largest loss": [percent(value, sign=True) for value in rows["largest_loss"]],
        }
    )


def _layout(bars: int = 0) -> dict[str, object]:
    """What all pictures have; those with a bar a row grow with them."""
    return {
        "template": "none",
        "height": max(HEIGHT, 60 + 24 * bars),
        "margin": MARGIN,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
    }
