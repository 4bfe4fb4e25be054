"""Risk: what is expected of the next session, where it comes from, and how forecasts turned out."""

from dataclasses import replace

import numpy as np
import pandas as pd

from quant_platform.evaluation.metrics import ROOT_YEAR
from quant_platform.evaluation.risk_backtests import outcomes, risk_backtest
from quant_platform.reports.charts import SessionChart
from quant_platform.reports.data import PERFORMANCE, Record, ReportData, records
from quant_platform.reports.figures import share_chart
from quant_platform.reports.formats import known, number, percent, whole
from quant_platform.reports.histories import Histories
from quant_platform.reports.sections.section import (
    MANAGER,
    RESEARCHER,
    RISK,
    Cell,
    Column,
    Content,
    Section,
    Table,
    absent,
)
from quant_platform.reports.sections.words import between, listed, model_cell

FORECASTS = "risk_forecasts"

SIZE = 0.05
"""Size of a test below which a forecast counts as refuted."""

VOLATILITY = "expected_volatility"

QUERIES = {
    FORECASTS: """
SELECT date, model_id, covered, volatility, value_at_risk_95, value_at_risk_99,
    expected_shortfall_95, expected_shortfall_99, market_share, style_share, sector_share,
    specific_share, beta
FROM risk_forecasts WHERE date <= $1::text::date ORDER BY date, model_id
"""
}

NEXT = (
    Column("Model", is_text=True),
    Column("Volatility", about="Deviation that is expected of its returns, annualised"),
    Column("VaR 95 %", about="Loss that one of 20 sessions exceeds"),
    Column("VaR 99 %", about="Loss that one of 100 sessions exceeds"),
    Column("ES 99 %", about="Mean loss of the sessions beyond VaR 99 %"),
    Column("Beta", about="To the market of the risk model"),
    *(
        Column(each, about="Share of the forecast variance")
        for each in ("Market", "Styles", "Sectors", "Specific")
    ),
    Column("Covered", about="Share of the gross exposure that the risk model knows"),
)

TURNED_OUT = (
    Column("Model", is_text=True),
    Column("Sessions"),
    Column("Bias", about="Deviation of return over forecast: 1 if right; its 95 % interval below"),
    Column("QLIKE", about="Loss of the volatility forecasts; lower is better"),
    Column("Beyond VaR 95 %", about="Sessions; as many as there should be below"),
    Column("Kupiec", about="p-value that they are as frequent as they should be"),
    Column("Christoffersen", about="p-value that they come independently of each other"),
    Column("ES 95 %", about="p-value that losses beyond are no larger (Acerbi and Székely, Z2)"),
    Column("Beyond VaR 99 %"),
    Column("Kupiec"),
    Column("Christoffersen"),
    Column("ES 99 %"),
)


def risk(data: ReportData) -> Content | None:
    """Forecasts of the session, their history, and their tests."""
    rows = data.frame(FORECASTS)
    today = rows[rows["date"] == data.date] if len(rows) else rows
    if today.empty or not np.isfinite(today["volatility"].to_numpy(dtype=np.float64)).any():
        return absent(
            "No risk is forecast: the risk model has no row of this session, or fewer than 63"
            " sessions are known."
        )
    by_model = {int(row["model_id"]): row for row in records(today)}
    models = [model for model in data.ordered if model in by_model]
    judged = risk_backtest(outcomes(rows, data.portfolios))
    turned_out = {row["model_id"]: row for row in records(judged.reset_index())}
    return Content(
        sentences=_said(data, judged),
        charts=tuple(_history(data, rows)),
        tables=(
            Table(
                "Forecast of the next session",
                NEXT,
                tuple(_next(data, model, by_model[model]) for model in models),
                shows_caption=True,
            ),
            Table(
                "How forecasts turned out",
                TURNED_OUT,
                tuple(
                    _turned_out(data, model, turned_out[model])
                    for model in models
                    if model in turned_out
                ),
                shows_caption=True,
            ),
        ),
        notes=(
            "Ex-ante, by the factor model of the platform, after the close and for the session that"
            " follows; losses are positive, of one session. Shares of the variance add up to 1 and"
            " may be negative where a part hedges the others. A test is red where its p-value is"
            f" below {percent(SIZE, 0)}: of many tests some are by chance.",
        ),
    )


def _next(data: ReportData, model: int, row: Record) -> tuple[Cell | str, ...]:
    volatility = float(row["volatility"]) * ROOT_YEAR if known(row["volatility"]) else None
    return (
        model_cell(data, model),
        percent(volatility),
        *(percent(row[f"value_at_risk_{each}"], 2) for each in (95, 99)),
        percent(row["expected_shortfall_99"], 2),
        number(row["beta"]),
        *(percent(row[f"{each}_share"], 0) for each in ("market", "style", "sector", "specific")),
        percent(row["covered"], 0),
    )


def _turned_out(data: ReportData, model: int, row: Record) -> tuple[Cell | str, ...]:
    bias = row["bias"]
    is_off = known(bias) and not row["bias_lower"] <= bias <= row["bias_upper"]
    sessions = float(row["sessions"])
    cells: list[Cell | str] = [
        model_cell(data, model),
        whole(sessions),
        Cell(
            number(bias),
            "bad" if is_off else "",
            below=between(row["bias_lower"], row["bias_upper"]),
        ),
        number(row["qlike"]),
    ]
    for each in (95, 99):
        due = sessions * (1.0 - each / 100.0)
        cells += [
            Cell(whole(row[f"exceptions_{each}"]), below=f"{number(due, 0)} due"),
            *(_p_value(row[f"{name}_{each}"]) for name in ("coverage_p", "independence_p", "z2_p")),
        ]
    return tuple(cells)


def _p_value(value: object) -> Cell:
    is_low = known(value) and float(str(value)) < SIZE
    return Cell(number(value, 3), "bad" if is_low else "")


def _said(data: ReportData, judged: pd.DataFrame) -> tuple[str, ...]:
    """Which forecasts were too low: more losses beyond the value at risk than there should be."""
    more = judged["exceptions_99"] > 0.01 * judged["sessions"]
    low = judged[more & (judged["coverage_p_99"] < SIZE)].index
    names = [str(data.names[model]) for model in data.ordered if model in low]
    if not judged["coverage_p_99"].notna().any():
        return ()
    if not names:
        return ("Losses beyond VaR 99 % were not more frequent than they should be, in any model.",)
    return (f"Losses beyond VaR 99 % were more frequent than they should be in {listed(names)}.",)


def _history(data: ReportData, rows: pd.DataFrame) -> list[SessionChart]:
    """Expected volatility a year, by session."""
    shown = rows[["date", "model_id"]].assign(**{VOLATILITY: rows["volatility"] * ROOT_YEAR})
    if shown["date"].nunique() < 2:
        return []
    label = "Volatility expected of the session that follows, annualised"
    chart = share_chart(Histories.of(shown), data.ranked_models, VOLATILITY, label)
    return [replace(chart, title="Expected volatility")]


SECTION = Section(
    "risk",
    "Risk",
    frozenset({MANAGER, RESEARCHER, RISK}),
    risk,
    queries=QUERIES,
    tells_absence=frozenset({RESEARCHER, RISK}),
    pages=frozenset({PERFORMANCE}),
)
