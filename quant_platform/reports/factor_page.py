"""A factor study as pictures, as a fragment that a notebook shows, and as a page.

What belongs here: one factor and several. What does not: the studies (`research/factor_result.py`)
and where pages lie (`research/factor_pages.py`).
"""

from collections.abc import Sequence
from html import escape
from typing import Any, Protocol

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from quant_platform.reports.backtest_page import STYLE
from quant_platform.reports.factor_tables import figures_table, transposed_table
from quant_platform.reports.palette import BENCHMARK_COLOUR, PALETTE

BAR_WIDTH, BAR_HEIGHT = 36.0, 90.0

POINTS = 700
"""Points of a curve at most."""

SHOWN = (
    *("rank_ic", "rank_ic_lower", "rank_ic_upper", "rank_ic_t", "ic", "slope", "spread"),
    *("turnover", "cost", "net_spread", "monotonicity", "autocorrelation", "sessions"),
)
"""Columns of the summary that a notebook shows."""

LISTED = ("rank_ic", "rank_ic_t", "ic", "spread", "net_spread", "turnover", "autocorrelation")
"""Columns of the summary in a list of many factors."""

SCALE = ((0.0, "#d55e00"), (0.5, "#f2f2f2"), (1.0, PALETTE[0]))
"""Colours from a correlation of −1 to one of 1."""


class ShownStudy(Protocol):
    """What a page shows of a study; `research.FactorStudy` says what each is."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def summary(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def by_quantile(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def rank_ic(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def decay(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def spread(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def net_spread(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def autocorrelation(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def coverage(self) -> "pd.Series[float]": ...  # noqa: D102
    @property
    def by_sector(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def by_size(self) -> pd.DataFrame: ...  # noqa: D102
    @property
    def half_life(self) -> "pd.Series[float]": ...  # noqa: D102
    @property
    def costs(self) -> object: ...  # noqa: D102
    @property
    def notes(self) -> Sequence[str]: ...  # noqa: D102


def factor_figure(study: ShownStudy) -> go.Figure:
    """Draw mean returns by quantile, summed rank correlations, their decay, and the spread."""
    shortest = min(study.rank_ic.columns)
    titles = (
        "Mean later return by quantile",
        "Running sum of rank correlations",
        "Decay of the rank correlation",
        f"Running sum of the spread over {_sessions(shortest)}",
    )
    figure = make_subplots(rows=2, cols=2, subplot_titles=titles, vertical_spacing=0.14)
    for number, horizon in enumerate(study.by_quantile.columns):
        colour = PALETTE[number % len(PALETTE)]
        style: dict[str, Any] = {"name": _sessions(horizon), "legendgroup": str(horizon)}
        means = study.by_quantile[horizon]
        bars = go.Bar(x=means.index, y=means, marker={"color": colour}, **style)
        figure.add_trace(bars, row=1, col=1)
        line = _line(study.rank_ic[horizon], colour, showlegend=False, **style)
        figure.add_trace(line, row=1, col=2)
    figure.add_trace(_decay(study.decay), row=2, col=1)
    for frame, colour, name in (
        (study.spread, BENCHMARK_COLOUR, "before costs"),
        (study.net_spread, PALETTE[0], "after costs"),
    ):
        figure.add_trace(_line(frame[shortest], colour, name=name), row=2, col=2)
    figure.update_xaxes(title_text="quantile, the lowest is 1", dtick=1, row=1, col=1)
    figure.update_xaxes(title_text="sessions until the return begins", row=2, col=1)
    figure.update_yaxes(tickformat=".2%", row=1, col=1)
    figure.update_yaxes(tickformat=".0%", row=2, col=2)
    figure.update_layout(title=study.name, template="plotly_white", height=720)
    return figure


def _line(series: "pd.Series[float]", colour: str, **style: Any) -> go.Scatter:
    """Running sum of a series, at `POINTS` sessions at most."""
    summed = series.fillna(0.0).cumsum()
    at = np.unique(np.linspace(0, max(len(summed) - 1, 0), min(len(summed), POINTS)).astype(int))
    kept = summed.iloc[at]
    days = [f"{day:%Y-%m-%d}" for day in kept.index]
    return go.Scatter(x=days, y=kept.to_numpy().round(6), line={"color": colour}, **style)


def _decay(decay: pd.DataFrame) -> go.Scatter:
    wide = {"type": "data", "array": (1.96 * decay["error"]).fillna(0.0), "color": BENCHMARK_COLOUR}
    return go.Scatter(
        x=[str(lag) for lag in decay.index],
        y=decay["rank_ic"],
        error_y=wide,
        mode="lines+markers",
        line={"color": PALETTE[2]},
        name="decay, interval of 95 %",
    )


def correlation_figure(values: pd.DataFrame, foretold: pd.DataFrame) -> go.Figure:
    """Draw the correlations between factors, and between their rank correlations with returns."""
    titles = ("Between the factors' ranks", "Between their rank correlations with returns")
    figure = make_subplots(rows=1, cols=2, subplot_titles=titles, horizontal_spacing=0.2)
    for column, frame in enumerate((values, foretold), start=1):
        drawn = go.Heatmap(
            z=frame.to_numpy(np.float64).round(4),
            x=[str(each) for each in frame.columns],
            y=[str(each) for each in frame.index],
            zmin=-1.0,
            zmax=1.0,
            colorscale=[list(each) for each in SCALE],
            showscale=column == 2,
            hovertemplate="%{y}, %{x}: %{z:.2f}<extra></extra>",
        )
        figure.add_trace(drawn, row=1, col=column)
    figure.update_yaxes(autorange="reversed")
    height = max(360, 160 + 18 * len(values))
    figure.update_layout(title="Correlation of factors", template="plotly_white", height=height)
    return figure


def factor_fragment(study: ShownStudy) -> str:
    """Return what a notebook shows: figures by horizon, and mean returns by quantile."""
    shown = figures_table(study.summary[list(SHOWN)], "horizon")
    pictures = "".join(
        _bars(study.by_quantile[horizon], int(horizon)) for horizon in study.by_quantile.columns
    )
    return (
        f'<div style="{STYLE}"><b>{escape(study.name)}</b>: what it foretold{shown}'
        f"<div>{escape(halved(study.half_life))}</div>{_notes(study.notes)}"
        f"<div style='display:flex;gap:24px'>{pictures}</div></div>"
    )


def factor_page(study: ShownStudy, library: str = "", links: str = "") -> str:
    """Return a page that needs nothing but itself, and the library where one is named.

    Parameters
    ----------
    library : file beside the page that holds Plotly's script; empty: the page holds it itself
    links : HTML of links to other pages
    """
    first, last = (f"{day:%Y-%m-%d}" for day in study.rank_ic.index[[0, -1]])
    span = f"{len(study.rank_ic):,} sessions, {first} to {last}; returns from the next open to an"
    known = study.coverage.mean()
    text = (
        f"<p>{escape(span)} open so many sessions later. A value is known of {known:.1%} of the"
        f" members. {escape(halved(study.half_life))}</p>{_notes(study.notes)}"
    )
    body = (
        text
        + "<h2>By horizon</h2>"
        + transposed_table(study.summary)
        + "<p>Errors are of Newey and West, of overlapping returns. The spread is the later return"
        " of the highest quantile less that of the lowest; it costs"
        f" {escape(str(study.costs))}.</p>"
        + _picture(factor_figure(study), library)
        + _grouped("By sector", study.by_sector)
        + _grouped("By size", study.by_size)
        + "<h2>Decay</h2>"
        + figures_table(study.decay, "lag")
    )
    return page(study.name, body, links, study.rank_ic.index[-1])


def factors_page(
    summary: pd.DataFrame,
    figure: go.Figure | None,
    last: object,
    library: str = "",
    links: str = "",
) -> str:
    """Return a page of several factors up to a session: their figures, and how they go together."""
    names = {str(name) for name in summary.index.get_level_values(0)}
    shown = figures_table(summary[list(LISTED)], "factor, horizon", links=names if links else ())
    picture = "" if figure is None else _picture(figure, library)
    return page("Factors", f"<h2>What they foretold</h2>{shown}{picture}", links, last)


def factors_fragment(summary: pd.DataFrame, correlation: pd.DataFrame) -> str:
    """Return what a notebook shows of several factors."""
    return (
        f'<div style="{STYLE}">{figures_table(summary[list(LISTED)], "factor, horizon")}'
        f"<div style='margin-top:8px'>Mean rank correlation between the factors</div>"
        f"{figures_table(correlation, '')}</div>"
    )


LAST_SESSION = "<meta name='last-session' content='"
"""What stands in a page before the last session that it shows."""


def last_session(text: str) -> str:
    """Last session that a page shows, as ISO date; empty: none."""
    _, found, behind = text.partition(LAST_SESSION)
    return behind[:10] if found else ""


def page(title: str, body: str, links: str = "", last: object = None) -> str:
    """Return a page with a title and links above it.

    Parameters
    ----------
    last : last session that it shows; None: it shows none
    """
    shown = "" if last is None else f"{LAST_SESSION}{last:%Y-%m-%d}'>"
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'>{shown}"
        "<meta name='viewport' content='width=device-width'>"
        f"<title>{escape(title)}</title><style>table{{margin:6px 0 14px}}"
        "@media print{@page{size:A4 landscape}div,table{break-inside:avoid}}</style></head>"
        f"<body style='{STYLE};max-width:1120px;margin:24px auto;padding:0 16px'>{links}"
        f"<h1>{escape(title)}</h1>{body}</body></html>"
    )


def halved(half_life: "pd.Series[float]") -> str:
    """Say in a sentence after how many sessions half is left."""
    texts = [
        f"{what} {'does not fall to half' if days != days else f'halves in {days:,.1f} sessions'}"
        for what, days in (
            ("The rank correlation", half_life["ic"]),
            ("the autocorrelation of ranks", half_life["ranks"]),
        )
    ]
    return "; ".join(texts) + "."


def _grouped(title: str, table: pd.DataFrame) -> str:
    shown = "<p>No group is known that has three members with a value and a return.</p>"
    if len(table):
        shown = figures_table(table, "group, horizon")
    return f"<h2>{escape(title)}</h2>{shown}"


def _picture(figure: go.Figure, library: str) -> str:
    script: str | bool = escape(library, quote=True) if library else True
    return str(figure.to_html(full_html=False, include_plotlyjs=script))


def _notes(notes: Sequence[str]) -> str:
    return "".join(f"<p style='opacity:.75;margin:4px 0'>Note: {escape(n)}.</p>" for n in notes)


def _sessions(count: object) -> str:
    return "1 session" if count == 1 else f"{count} sessions"


def _bars(means: "pd.Series[float]", horizon: int) -> str:
    """Draw one bar per quantile, up or down from 0."""
    known = means.fillna(0.0)
    low, high = min(float(known.min()), 0.0), max(float(known.max()), 0.0)
    scale = BAR_HEIGHT / max(high - low, 1e-12)
    drawn = "".join(
        f"<rect x='{at * BAR_WIDTH:.1f}' y='{(high - max(value, 0.0)) * scale:.1f}'"
        f" width='{BAR_WIDTH - 6.0:.1f}' height='{abs(value) * scale:.1f}' fill='{PALETTE[0]}'>"
        f"<title>{value:.3%}</title></rect>"
        for at, value in enumerate(known)
    )
    label = f"{_sessions(horizon)}: {low:.2%} to {high:.2%}"
    return (
        f"<div><div>{escape(label)}</div><svg width='{len(known) * BAR_WIDTH:.0f}'"
        f" height='{BAR_HEIGHT:.0f}' role='img' aria-label='{escape(label)}'>{drawn}</svg></div>"
    )
