"""Rolling figures: how the Sharpe ratio, volatility and beta moved, with the ratio's interval."""

from dataclasses import replace

import numpy as np

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.kernels.arrays import FloatArray
from quant_platform.reports.charts import SessionChart
from quant_platform.reports.data import ReportData, records
from quant_platform.reports.figures import rolling_chart
from quant_platform.reports.sections.section import (
    RESEARCHER,
    RISK,
    Content,
    Section,
    absent,
)

QUARTER = 63


def rolling(data: ReportData) -> Content | None:
    """Sharpe ratio with its interval, return, volatility and beta."""
    longest = int((data.histories.last - data.histories.first + 1).max()) if data.ordered else 0
    if longest < QUARTER:
        return absent(
            f"There are no rolling figures: they need {QUARTER} sessions, and the longest portfolio"
            f" has {longest}."
        )
    charts = [*_yearly(data, longest), *_volatility(data), *_beta(data)]
    return Content(
        charts=tuple(charts),
        notes=(
            "Of the last 252 or 63 session returns, annualised; no value before the window is full."
            " The band is the 95 % interval of one model's Sharpe ratio (Mertens), and a window"
            " shares most of its sessions with the next: a curve that leaves the band of an earlier"
            " one is not yet a change.",
        ),
    )


def _yearly(data: ReportData, longest: int) -> list[SessionChart]:
    """Sharpe ratio with its interval, and return, of a year's sessions."""
    if longest < SESSIONS_PER_YEAR:
        return []
    charts = []
    for metric, title in (("sharpe_ratio", "Sharpe ratio"), ("total_return", "Return")):
        chart = rolling_chart(
            data.histories,
            data.ranked_models,
            metric,
            SESSIONS_PER_YEAR,
            risk_free=data.risk_free,
            band=metric == "sharpe_ratio",
        )
        charts.append(replace(chart, title=f"{title}, {SESSIONS_PER_YEAR} sessions", height=300))
    return charts


def _volatility(data: ReportData) -> list[SessionChart]:
    chart = rolling_chart(data.histories, data.ranked_models, "annualized_volatility", QUARTER)
    return [replace(chart, title=f"Volatility, {QUARTER} sessions", height=300)]


def _beta(data: ReportData) -> list[SessionChart]:
    """Beta to what each model is judged against, where its returns are known."""
    against = benchmark_returns(data)
    if not np.isfinite(against).any():
        return []
    chart = rolling_chart(
        data.histories, data.ranked_models, "beta", SESSIONS_PER_YEAR, benchmark=against
    )
    if not chart.curves:
        return []
    return [replace(chart, title=f"Beta, {SESSIONS_PER_YEAR} sessions", height=300)]


def benchmark_returns(data: ReportData) -> FloatArray:
    """(T, M) returns of each model's benchmark; NaN where it is no model of the page."""
    histories = data.histories
    returns = histories.columns["daily_return"]
    ids = {name: model for model, name in data.names.items()}
    against = np.full(returns.shape, np.nan)
    for row in records(data.performance.drop_duplicates("model_id")):
        theirs = ids.get(str(row.get("benchmark")))
        if theirs in histories.models and theirs != row["model_id"]:
            column = histories.models.index(row["model_id"])
            against[:, column] = returns[:, histories.models.index(theirs)]
    return against


SECTION = Section("rolling", "Rolling figures", frozenset({RESEARCHER, RISK}), rolling)
