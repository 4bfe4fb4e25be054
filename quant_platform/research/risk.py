"""`RiskReport`: the risk that was forecast for portfolios, and how the forecasts turned out.

What belongs here: bringing stored forecasts and returns together for a notebook. What does not: how
risk is forecast (`risk/`, `pipeline/risk.py`) and judged (`evaluation/risk_backtests.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from quant_platform.errors import SessionError, UnknownNameError
from quant_platform.evaluation.risk_backtests import outcomes, risk_backtest
from quant_platform.research.reader import TableReader

if TYPE_CHECKING:
    import plotly.graph_objects as go

MODELS = "SELECT id, model_name FROM models ORDER BY id"


@dataclass(frozen=True)
class RiskReport:
    """Forecasts of the sessions of a range, with what came of them.

    Attributes
    ----------
    forecasts : a row per model and session that a forecast is of: date, model, forecast_on (the
        session after whose close it was made), daily_return, volatility, value_at_risk_95 and so on
        as `risk_forecasts` has them; fractions of one session
    backtest : a row per model, as `evaluation.risk_backtests.Verdict`
    """

    forecasts: pd.DataFrame
    backtest: pd.DataFrame

    def figure(self, model: str) -> "go.Figure":
        """Daily returns of a model with the value at risk that was forecast of them.

        Raises
        ------
        UnknownNameError
            There is no such model in the report.
        """
        from quant_platform.reports.risk import risk_figure

        rows = self.forecasts[self.forecasts["model"] == model]
        if not len(rows):
            names = ", ".join(sorted(self.forecasts["model"].unique())) or "none"
            raise UnknownNameError(
                f"There is no forecast of the model {model!r}", f"It has: {names}"
            )
        return risk_figure(rows)

    def _repr_html_(self) -> str:
        from quant_platform.reports.risk import risk_table

        return risk_table(self.backtest)


def risk_report(
    reader: TableReader, first: str, last: str, models: Sequence[str] | None
) -> RiskReport:
    """Read the forecasts of a range and judge them; as `Store.risk`."""
    reader.refuse_sealed(last)
    named = reader.query(MODELS)
    ids = dict(zip(named["model_name"], named["id"].astype(int), strict=True))
    unknown = sorted({*(models or ())} - {*ids})
    if unknown:
        raise UnknownNameError(
            f"There is no model {', '.join(unknown)}", f"Choose from: {', '.join(ids)}"
        )
    portfolios = reader.rows("portfolios", (None, last), ["date", "model_id", "daily_return"])
    sessions = portfolios["date"].drop_duplicates().sort_values()
    inside = sessions[sessions >= pd.Timestamp(first)]
    earlier = sessions[sessions < pd.Timestamp(first)]
    since = earlier.iloc[-1] if len(earlier) else pd.Timestamp(first)
    forecasts = reader.rows("risk_forecasts", (since.date().isoformat(), last))
    if not len(inside) or not len(forecasts):
        raise SessionError(
            f"There are no forecasts of risk from {first} to {last}",
            "Run: quant-platform backfill --select 'group:\"risk\"'",
        )
    rows = outcomes(forecasts, portfolios)
    chosen = {ids[name] for name in models} if models is not None else {*ids.values()}
    rows = rows[(rows["date"] >= pd.Timestamp(first)) & rows["model_id"].isin(chosen)]
    names = {number: name for name, number in ids.items()}
    backtest = risk_backtest(rows)
    backtest.index = pd.Index([names[each] for each in backtest.index], name="model")
    shown = rows.assign(model=rows["model_id"].map(names)).drop(columns="model_id")
    order = ["date", "model", "forecast_on", "daily_return"]
    return RiskReport(
        shown[[*order, *(name for name in shown.columns if name not in order)]].reset_index(
            drop=True
        ),
        backtest,
    )
