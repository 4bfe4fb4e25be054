"""Frames the report tests share: three models over 320 sessions, and all that a report reads."""

from typing import Any

import numpy as np
import pandas as pd

from quant_platform.alerts.rules import AlertInputs, evaluate_alerts
from quant_platform.evaluation.comparison import statistics_rows
from quant_platform.evaluation.performance import performance_rows
from quant_platform.reports.data import ReportData
from quant_platform.reports.ranking import model_trends, rank_models, score_rows

SESSIONS = 320
DATES = pd.date_range("2010-01-04", periods=SESSIONS, freq="B", unit="s")
SYMBOLS = ["AAA", "BBB"]

MODELS = pd.DataFrame(
    {
        "id": [1, 2, 3],
        "model_name": ["hold_all", "fast", "<b>slow</b>"],
        "version": "1.0.0",
        "description": ["Holds all.", "Trades often.", "Trades & waits."],
        "parameters": "{}",
        "is_benchmark": [True, False, False],
    }
)


def make_portfolios(seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frames = []
    for model, drift in ((1, 0.0004), (2, 0.001), (3, -0.001)):
        returns = rng.normal(drift, 0.012, SESSIONS)
        returns[0] = 0.0
        frames.append(
            pd.DataFrame(
                {
                    "date": DATES,
                    "model_id": model,
                    "equity": 1e6 * np.cumprod(1.0 + returns),
                    "daily_return": returns,
                    "turnover": 0.01,
                    "costs": 25.0,
                    "gross_exposure": 0.5,
                    "trade_count": 1,
                    "signals_judged": 2,
                    "signals_hit": 1,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


PORTFOLIOS = make_portfolios()
PERFORMANCE = performance_rows(PORTFOLIOS, 1, DATES).assign(benchmark="hold_all")
STATISTICS = statistics_rows(PORTFOLIOS, DATES, resamples=200)
UNIVERSE = pd.DataFrame({"date": np.repeat(DATES, 2), "symbol": SYMBOLS * SESSIONS})
ACTIVITY = PORTFOLIOS[["date", "model_id"]].assign(active_signals=1)

REFUSED = pd.DataFrame(
    {
        "table_name": "market_data",
        "reason": ["breaks a rule: (low_price <= open_price)", "no ticker"],
        "rows": [1200, 1],
    }
)
OUTSTANDING = pd.DataFrame(
    {
        "date": pd.to_datetime(["2011-03-28", "2011-03-24"]).astype("datetime64[s]"),
        "source": "polygon",
        "status": ["pending", "failed"],
        "reason": ["not published yet", "the answer was <html>"],
    }
)


def alert_inputs(sessions: pd.DatetimeIndex = DATES, **changes: Any) -> AlertInputs:
    """Inputs for some sessions, cut to what a caller would load for them."""
    first, last = DATES.searchsorted([sessions[0], sessions[-1]])
    calendar = DATES[max(first - 62, 0) : last + 1]
    given: dict[str, Any] = {
        "sessions": sessions,
        "calendar": calendar,
        "models": MODELS,
        "performance": PERFORMANCE[PERFORMANCE["date"].isin(sessions)],
        "activity": ACTIVITY[ACTIVITY["date"].isin(calendar)],
        "universe": UNIVERSE[UNIVERSE["date"].isin(sessions)],
        "bars": UNIVERSE[UNIVERSE["date"].isin(sessions)],
    }
    return AlertInputs(**{**given, **changes})


def report_data(date: pd.Timestamp = DATES[-1]) -> ReportData:
    """Everything a report of one session shows."""
    scored = score_rows(PERFORMANCE, MODELS)
    recent = DATES[date >= DATES][-5:]
    signals = pd.DataFrame(
        {
            "date": date,
            "model_id": [1, 2, 3],
            "symbol": ["AAA", "BBB", "AAA"],
            "signal_type": [0, 1, -1],
            "strength": 0.5,
            "confidence": 0.75,
            "target_weight": [0.5, 0.05, 0.0],
            "reference_price": 12.5,
            "stop_price": [np.nan, 11.0, np.nan],
            "expected_return": [0.1, 0.2, np.nan],
            "expected_volatility": 0.3,
            "value_at_risk_95": 0.03,
            "metadata": "{}",
        }
    )
    quality = pd.DataFrame(
        {
            "date": recent,
            "check_name": "ohlc_consistency",
            "table_name": "market_data",
            "passed": [True] * (len(recent) - 1) + [False],
            "severity": "error",
            "failures": [0] * (len(recent) - 1) + [12],
            "details": '{"examples": ["AAA high 9.5", "<i>BBB</i>"]}',
        }
    )
    return ReportData(
        date=date,
        models=MODELS,
        portfolios=PORTFOLIOS[PORTFOLIOS["date"] <= date],
        performance=PERFORMANCE[PERFORMANCE["date"] == date],
        ranking=rank_models(scored, STATISTICS, [date]),
        trends=model_trends(scored, [date]),
        signals=signals,
        alerts=evaluate_alerts(alert_inputs(pd.DatetimeIndex([date]))),
        data_quality=quality,
        refused=REFUSED.iloc[:0],
        outstanding=OUTSTANDING.iloc[:0],
        row_counts={"market_data": 12154},
        summary="fast leads.",
    )
