"""Frames of a page's sections on gains, trips, risk, features and promises, by hand."""

import numpy as np
import pandas as pd

DAY = pd.Timestamp("2010-06-01")


def explained_frames(
    dates: pd.DatetimeIndex, models: int = 3, features: int = 3
) -> dict[str, pd.DataFrame]:
    """What sections ask beside portfolios, of models 1 to `models`.

    Parameters
    ----------
    dates : sessions with a forecast of risk and a row of the monitor; the last is the page's
    """
    ids = list(range(1, models + 1))
    return {
        **pnl_frames(ids, dates),
        **trip_frames(ids),
        **universe_frames(dates),
        "active_returns": pd.concat([_active(model) for model in ids[1:]], ignore_index=True),
        "risk_forecasts": risk_rows(ids, dates),
        "factor_summary": feature_rows(features),
        "model_monitor": monitor_rows(dates),
    }


def pnl_frames(ids: list[int], dates: pd.DatetimeIndex) -> dict[str, pd.DataFrame]:
    """AAA gains 930 − 30, BBB loses 400 and costs 100, the cash earns 5: 405 in all."""
    rows = pd.DataFrame(
        {
            "security_id": ["a", "b", "cash"],
            "symbol": ["AAA", "BBB", "cash"],
            "sector": ["Energy", "Health", "cash"],
            "price_gain": [900.0, -400.0, 0.0],
            "dividends": [30.0, 0.0, 0.0],
            "interest": [0.0, 0.0, 5.0],
            "commission": [10.0, 40.0, 0.0],
            "tax": [0.0, 10.0, 0.0],
            "spread": [15.0, 25.0, 0.0],
            "impact": [5.0, 20.0, 0.0],
            "borrow_fees": [0.0, 5.0, 0.0],
            "pnl": [900.0, -500.0, 5.0],
        }
    )
    changes = pd.DataFrame(
        {
            "model_id": ids,
            "first": f"{dates[0]:%Y-%m-%d}",
            "last": f"{dates[-1]:%Y-%m-%d}",
            "change": 405.0,
            "unexplained": 0.0,
        }
    )
    parts = [rows.assign(model_id=model) for model in ids]
    return {
        "pnl_by_security": pd.concat(parts, ignore_index=True),
        "pnl_by_model": changes,
    }


def trip_frames(ids: list[int]) -> dict[str, pd.DataFrame]:
    """Three good trips and three bad ones of each model, of AAA and BBB."""
    count = 3
    trips = pd.DataFrame(
        {
            "symbol": ["AAA"] * count + ["BBB"] * count,
            "side": ["long"] * count + ["short"] * count,
            "entry_date": [DAY] * count + [pd.NaT] * count,
            "exit_date": [pd.NaT] + [DAY] * (2 * count - 1),
            "exit_reason": ["open"] + ["signal"] * (2 * count - 1),
            "sessions": 12,
            "pnl": [500.0] * count + [-250.0] * count,
            "return": [0.05] * count + [-0.025] * count,
            "largest_gain": 0.08,
            "largest_loss": -0.04,
            "is_best": [True] * count + [False] * count,
        }
    )
    figures = pd.DataFrame(
        {
            "model_id": ids,
            "sessions": 252,
            "trips": 10.0,
            "closed": 9.0,
            "win_rate": 4.0 / 9.0,
            "mean_sessions": 12.0,
            "median_sessions": 12.0,
            "mean_gain": 500.0,
            "mean_loss": -250.0,
            "profit_factor": 1.6,
            "mean_largest_gain": 0.08,
            "mean_largest_loss": -0.04,
        }
    )
    parts = [trips.assign(model_id=model) for model in ids]
    return {"round_trips": pd.concat(parts, ignore_index=True), "trip_figures": figures}


def universe_frames(dates: pd.DatetimeIndex) -> dict[str, pd.DataFrame]:
    """One of four members has ended; survivors alone show 5 % more."""
    results = pd.DataFrame(
        {
            "of": "universe",
            "scenario": [
                "as it was",
                "delistings at −30 %",
                "delistings at −100 %",
                "survivors only",
            ],
            "total_return": [0.1, 0.02, -0.15, 0.15],
            "annualized_return": [0.1, 0.02, -0.15, 0.15],
            "difference": [0.0, -0.08, -0.25, 0.05],
        }
    )
    facts = {
        "first": dates[0],
        "last": dates[-1],
        "members": 4,
        "ended": 1,
        "without_price": 0.25,
        "first_members": 4,
        "first_without_price": 0.25,
    }
    endings = pd.DataFrame(
        {
            "security_id": ["gone"],
            "first_session": [dates[0]],
            "last_session": [DAY],
            "last_price": [1.5],
            "retired": [True],
        }
    )
    return {
        "universe_survivorship": pd.DataFrame([facts]),
        "universe_scenarios": results,
        "universe_endings": endings,
    }


def _active(model: int) -> pd.DataFrame:
    """Allocation 1 %, selection 2 %, interaction −0.5 %, trading 0.25 %, costs −0.75 %: 2 %."""
    effects = {
        "allocation": [0.01, 0.0],
        "selection": [0.02, 0.0],
        "interaction": [-0.005, 0.0],
        "trading": [0.0025, 0.0],
        "costs": [-0.0075, 0.0],
    }
    rows = pd.DataFrame(
        {
            "group": ["Energy", "cash"],
            "portfolio_weight": [0.75, 0.25],
            "benchmark_weight": [1.0, 0.0],
            **effects,
        }
    )
    rows["total"] = rows[list(effects)].sum(axis=1)
    total = rows.drop(columns="group").sum().to_frame().T.assign(group="total")
    both = pd.concat([rows, total], ignore_index=True)
    return both.assign(
        model_id=model,
        benchmark="hold_all",
        portfolio_return=0.05,
        benchmark_return=0.03,
        sessions=252,
        note="",
    )


def risk_rows(ids: list[int], dates: pd.DatetimeIndex) -> pd.DataFrame:
    """A deviation of 1.2 % a session, of which the market is 80 %."""
    rows = pd.DataFrame({"date": np.repeat(dates, len(ids)), "model_id": ids * len(dates)})
    sway = np.sin(np.arange(len(rows)) / 300.0) / 1000.0
    volatility = 0.012 + np.where(rows["date"] == dates[-1], 0.0, sway)
    return rows.assign(
        covered=1.0,
        volatility=volatility,
        value_at_risk_95=1.6 * volatility,
        value_at_risk_99=2.5 * volatility,
        expected_shortfall_95=2.2 * volatility,
        expected_shortfall_99=3.5 * volatility,
        market_share=0.8,
        style_share=-0.1,
        sector_share=0.1,
        specific_share=0.2,
        beta=0.75,
    )


def feature_rows(count: int) -> pd.DataFrame:
    """Features `feature_0` and on, each clearer than the one before, at three horizons."""
    parts = [
        pd.DataFrame(
            {
                "feature": [f"feature_{each}" for each in range(count)],
                "horizon": horizon,
                "sessions": 252,
                "rank_ic": 0.01 * np.arange(count),
                "rank_ic_error": 0.01,
                "rank_ic_t": np.arange(count, dtype=np.float64),
                "ic": 0.0125,
                "slope": 0.1,
                "spread": 0.02,
                "spread_t": 2.0,
                "turnover": 0.3,
                "autocorrelation": 0.9,
                "coverage": 1.0,
                **{f"return_{each}": 0.005 * each for each in range(1, 6)},
            }
        )
        for horizon in (1, 5, 21)
    ]
    return pd.concat(parts, ignore_index=True)


def monitor_rows(dates: pd.DatetimeIndex) -> pd.DataFrame:
    """Model 2 was promised 0.5 a year and shows 1."""
    root = 252.0**0.5
    return pd.DataFrame(
        {
            "date": dates,
            "model_id": 2,
            "model_name": "fast",
            "state": "champion",
            "promoted_on": dates[0],
            "sessions": np.arange(1, len(dates) + 1),
            "mean": 1.0 / root,
            "lower": 0.0,
            "upper": 2.0 / root,
            "promised": 0.5 / root,
            "e_value": 3.25,
            "crossed": False,
        }
    )
