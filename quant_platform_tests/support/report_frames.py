"""Frames the report tests share: three models over 320 sessions, and all that a report reads."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from quant_platform.alerts.rules import AlertInputs, evaluate_alerts
from quant_platform.evaluation.comparison import statistics_rows
from quant_platform.evaluation.performance import performance_rows
from quant_platform.reports.data import ReportData
from quant_platform.reports.ranking import model_trends, rank_models, score_rows
from quant_platform_tests.support.explained_frames import explained_frames

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
                    "net_exposure": 0.25,
                    "interest": -1.0,
                    "borrow_fees": 2.0,
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
        assumptions={"Trading": "realistic: " + "commission_bp=5 size_at=previous_close " * 20},
        summary="fast leads.",
        frames=asked_frames(date),
    )


def asked_frames(date: pd.Timestamp, models: int = 3) -> dict[str, pd.DataFrame]:
    """What sections ask the database for: each model holds AAA and BBB, three parts to one."""
    ids = list(range(1, models + 1))
    recent = DATES[date >= DATES][-20:]
    return {
        **explained_frames(DATES[date >= DATES], models),
        "holdings": pd.DataFrame(
            {
                "model_id": np.repeat(ids, 2),
                "symbol": SYMBOLS * models,
                "weight": [0.375, 0.125] * models,
                "value": [3750.0, 1250.0] * models,
                "sessions_held": [20, 3] * models,
            }
        ),
        "concentration": pd.DataFrame(
            {
                "date": np.repeat(recent, models),
                "model_id": ids * len(recent),
                "positions": 2,
                "largest": 0.375,
                "effective": 1.6,
            }
        ),
        "costs_by_cause": pd.DataFrame(
            {
                "model_id": ids,
                "fills": 320,
                "commission": 4000.0,
                "tax": 0.0,
                "spread": 3000.0,
                "impact": 1000.0,
                "delay": [-500.0] * models,
            }
        ),
        "book_members": pd.DataFrame(
            columns=["model_id", "member", "price_gain", "dividends", "costs", "borrow_fees"]
        ),
        "closed_positions": pd.DataFrame(
            {
                "date": [recent[0]],
                "model_id": 2,
                "shares": 10.0,
                "last_price": 100.0,
                "delisting_return": 0.0,
                "assumed": True,
                "distressed": False,
                "equity": 10000.0,
            }
        ),
    }


def large_report_data(models: int, sessions: int) -> ReportData:
    """A report of many models over many sessions; the first model is the benchmark."""
    rng = np.random.default_rng(7)
    dates = pd.date_range("2003-01-02", periods=sessions, freq="B", unit="s")
    common = rng.normal(0.0003, 0.009, sessions)
    frames = []
    for model in range(1, models + 1):
        returns = common * rng.uniform(0.5, 1.2) + rng.normal(0.0001, 0.006, sessions)
        returns[0] = 0.0
        frame = pd.DataFrame({"date": dates, "model_id": model, "daily_return": returns})
        frames.append(
            frame.assign(
                equity=1e6 * np.cumprod(1.0 + returns),
                turnover=rng.uniform(0.0, 0.1, sessions),
                costs=25.0,
                gross_exposure=rng.uniform(0.8, 1.2, sessions),
                net_exposure=rng.uniform(0.1, 0.9, sessions),
                interest=-1.0,
                borrow_fees=2.0,
                trade_count=3,
                signals_judged=20,
                signals_hit=11,
            )
        )
    portfolios = pd.concat(frames, ignore_index=True)
    last = dates[-1:]
    known = pd.DataFrame(
        {
            "id": range(1, models + 1),
            "model_name": [
                "equal_weight",
                *(f"model_number_{each}" for each in range(2, models + 1)),
            ],
            "version": "1.0.0",
            "description": "Trades.",
            "parameters": '{"lookback": 126, "top": 20}',
            "is_benchmark": [True] + [False] * (models - 1),
        }
    )
    performance = performance_rows(portfolios, 1, last).assign(benchmark="equal_weight")
    statistics = statistics_rows(portfolios, last, resamples=200)
    scored = score_rows(performance, known)
    return replace(
        report_data(),
        date=last[0],
        models=known,
        portfolios=portfolios,
        performance=performance,
        ranking=rank_models(scored, statistics, list(last)),
        trends=model_trends(scored, list(last)),
        frames=asked_frames(last[0], models) | explained_frames(dates, models, features=158),
    )
