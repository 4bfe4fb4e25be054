"""Checks of what the platform computed.

Stored values are computed again, from scratch or from a shorter history.
"""

import json
import zlib
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.evaluation.risk_free import risk_free_rates
from quant_platform.features.compute import compute_features, required_lookback
from quant_platform.features.feature_registry import all_features
from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.market.facts import with_tickers
from quant_platform.quality.check import ERROR, WARN, CheckContext, QualityCheck, failures
from quant_platform.storage import bulk
from quant_platform.storage.bulk import BEGINNING, Members
from quant_platform.storage.models import model_ids
from quant_platform.strategies.base import SignalPanel, Strategy
from quant_platform.strategies.strategy_registry import all_strategies

FEATURES, PORTFOLIOS, PERFORMANCE = "features", "portfolios", "model_performance"
REPORTS = "performance_reports"

TOLERANCE = 1e-9
"""Relative difference that a value computed again may have (law 2)."""

CENT = 0.01


def sampled(sessions: Sequence[str]) -> str:
    """Pick one session, always the same for the same run."""
    return sessions[zlib.crc32(sessions[-1].encode()) % len(sessions)]


def features_causality(context: CheckContext) -> pd.DataFrame:
    """On a sampled session, every feature computed on history cut there equals what is stored."""
    session = sampled(context.sessions)
    short = CheckContext(context.platform, [session], required_lookback())
    day = CheckContext(context.platform, [session], 1)
    members = day.read("trading_universe", columns=["date", "symbol", "security_id"])
    again = with_tickers(compute_features(short.member_panel(), last=1), members)
    stored = day.read("features")
    return _differences(session, stored, again, [feature.name for feature in all_features()])


def feature_gaps(context: CheckContext) -> pd.DataFrame:
    """Every bar of a member has features, and a one-session return unless the security is new."""
    key = ["date", "security_id"]
    bars = context.read("market_data", columns=[*key, "symbol"], members=context.members)
    rows = context.read("features", columns=[*key, "return_1"])
    members = context.read("trading_universe", columns=key)
    older = bars.groupby("security_id")["date"].transform("min") < bars["date"]
    bars = bars.assign(older=older).merge(members, on=key)
    merged = bars.merge(rows, on=key, how="left", indicator="found")
    older = merged["older"]
    hollow = (merged["found"] == "left_only") | (merged["return_1"].isna() & older)
    hollow &= merged["date"].isin(pd.DatetimeIndex(list(context.sessions)))
    lacking = merged[hollow]
    return failures(lacking["date"].to_numpy(), [f"{symbol}" for symbol in lacking["symbol"]])


def signal_limits(strategy: Strategy, context: CheckContext) -> pd.DataFrame:
    """Weights within limits, types that agree, stops below the price, all invested at most."""
    scope = {"model_id": model_ids(context.platform.database)[strategy.name]}
    rows = context.read("signals", scope=scope)
    weight, price, stop = rows["target_weight"], rows["reference_price"], rows["stop_price"]
    broken = {
        "weight beyond the limit": weight.abs() > strategy.max_weight + TOLERANCE,
        "buy without a weight": (rows["signal_type"] == 1) & (weight <= 0),
        "sell with a weight": (rows["signal_type"] == -1) & (weight > 0),
        "stop of a long position above the price": (weight > 0) & (stop > price),
    }
    found = [
        failures(
            rows[bad]["date"].to_numpy(),
            [f"{row.symbol}: {name} ({row.target_weight:g})" for row in rows[bad].itertuples()],
        )
        for name, bad in broken.items()
    ]
    total = rows.groupby("date")["target_weight"].apply(lambda weights: weights.abs().sum())
    over = total[total > 1.0 + TOLERANCE]
    found.append(failures(over.index.to_numpy(), [f"weights add up to {sum_:g}" for sum_ in over]))
    return pd.concat(found, ignore_index=True)


def signal_causality(strategy: Strategy, context: CheckContext) -> pd.DataFrame:
    """On a sampled session, signals computed on history cut there equal what is stored."""
    session = sampled(context.sessions)
    short = CheckContext(context.platform, [session], strategy.lookback)
    key = ["date", "symbol", "security_id"]
    universe = short.read("trading_universe", columns=key)
    bars = short.read(
        "market_data", columns=[*key, "close_price"], members=Members(BEGINNING, session)
    )
    panel = SignalPanel.from_frames(
        short.read("features", columns=[*key, *strategy.features]),
        bars,
        universe,
        short.window,
    )
    scope = {"model_id": model_ids(context.platform.database)[strategy.name]}
    stored = CheckContext(context.platform, [session], 1).read("signals", scope=scope)
    figures = ["signal_type", "strength", "confidence", "target_weight", "stop_price"]
    again = with_tickers(strategy.run(panel, last=1), universe)
    return _differences(session, stored, again, figures)


def portfolio_accounting(context: CheckContext) -> pd.DataFrame:
    """Equity is cash plus positions, and the return is its change."""
    rows = context.read(
        "portfolios", columns=["date", "model_id", "equity", "cash", "daily_return", "positions"]
    )
    held = np.array([_value(text) for text in rows["positions"]])
    sums = (rows["cash"] + held - rows["equity"]).abs() > CENT
    change = rows.groupby("model_id")["equity"].pct_change()
    jumps = (change - rows["daily_return"]).abs() > TOLERANCE
    bad = (sums | jumps) & rows["date"].isin(pd.DatetimeIndex(list(context.sessions)))
    words = [f"model {row.model_id}: equity {row.equity:.2f}" for row in rows[bad].itertuples()]
    return failures(rows[bad]["date"].to_numpy(), words)


def performance_recomputed(context: CheckContext) -> pd.DataFrame:
    """In a sampled session, recomputed return, volatility, Sharpe and drawdown equal the stored."""
    session = sampled(context.sessions)
    stored = CheckContext(context.platform, [session], 1).read("model_performance")
    returns = bulk.query(
        context.platform.database,
        "SELECT model_id, date, daily_return FROM portfolios WHERE date <= $1::text::date"
        " ORDER BY date",
        (session,),
    )
    yields = bulk.query(
        context.platform.database,
        "SELECT date, observed_on, yield_3_month FROM treasury_yields WHERE date <= $1::text::date",
        (session,),
    )
    default = context.platform.settings.risk_free
    annual = risk_free_rates(yields, returns["date"].to_numpy(), default=default).to_numpy()
    returns["rate"] = (1.0 + annual) ** (1.0 / SESSIONS_PER_YEAR) - 1.0
    wrong = []
    for row in stored.to_dict("records"):
        mine = returns[returns["model_id"] == row["model_id"]].tail(int(row["window_sessions"]))
        again = _figures(mine["daily_return"].to_numpy(), mine["rate"].to_numpy())
        wrong += [
            f"model {row['model_id']} {row['window_name']} {name}:"
            f" stored {row[name]}, computed {value}"
            for name, value in again.items()
            if not _same(np.float64(np.nan if row[name] is None else row[name]), np.float64(value))
        ]
    return failures([session] * len(wrong), wrong)


def report_ranking(context: CheckContext) -> pd.DataFrame:
    """Every model with a portfolio is ranked once, by falling score."""
    reports = context.read("performance_reports", columns=["date", "ranking"])
    models = context.read("portfolios", columns=["date", "model_id"]).groupby("date").size()
    wrong = []
    for row in reports.itertuples():
        ranking = json.loads(str(row.ranking))
        scores = [entry["score"] for entry in ranking]
        if scores != sorted(scores, reverse=True) or len(ranking) != models.get(row.date, 0):
            wrong.append((row.date, f"{len(ranking)} ranked of {models.get(row.date, 0)}"))
    return failures([day for day, _ in wrong], [words for _, words in wrong])


def computed_checks() -> list[QualityCheck]:
    """All checks of computed tables; two for each strategy."""
    checks = [
        _check("features_causality", FEATURES, "features", ERROR, features_causality),
        _check("feature_gaps", FEATURES, "features", WARN, feature_gaps, 2),
        _check("portfolio_accounting", PORTFOLIOS, "portfolios", ERROR, portfolio_accounting, 2),
        _check(
            "performance_recomputed",
            PERFORMANCE,
            "model_performance",
            ERROR,
            performance_recomputed,
        ),
        _check("report_ranking", REPORTS, "performance_reports", ERROR, report_ranking),
    ]
    for strategy in all_strategies():
        checks += _strategy_checks(strategy)
    return checks


def _strategy_checks(strategy: Strategy) -> list[QualityCheck]:
    key = f"signals/{strategy.name}"

    def limits(context: CheckContext) -> pd.DataFrame:
        return signal_limits(strategy, context)

    def causality(context: CheckContext) -> pd.DataFrame:
        return signal_causality(strategy, context)

    limits.__doc__, causality.__doc__ = signal_limits.__doc__, signal_causality.__doc__
    return [
        _check(f"{strategy.name}_limits", key, "signals", ERROR, limits),
        _check(f"{strategy.name}_causality", key, "signals", ERROR, causality),
    ]


def _check(
    name: str,
    asset: str,
    table: str,
    severity: str,
    function: Callable[[CheckContext], pd.DataFrame],
    lookback: int = 1,
) -> QualityCheck:
    def without_threshold(context: CheckContext, threshold: float) -> pd.DataFrame:
        return function(context)

    words = function.__doc__ or ""
    return QualityCheck(name, asset, table, severity, words, without_threshold, lookback)


def _differences(
    session: str, stored: pd.DataFrame, again: pd.DataFrame, names: Sequence[str]
) -> pd.DataFrame:
    """Cells in which two frames of one session differ beyond the tolerance, or that one lacks."""
    left, right = stored.set_index("symbol"), again.set_index("symbol")
    if sorted(left.index) != sorted(right.index):
        return failures(
            [session], [f"symbols stored {list(left.index)}, computed {list(right.index)}"]
        )
    symbols: list[str] = left.index.tolist()
    right = right.loc[symbols]
    wrong = []
    for name in names:
        mine = left[name].to_numpy(np.float64, na_value=np.nan)
        theirs = right[name].to_numpy(np.float64, na_value=np.nan)
        wrong += [
            f"{symbols[at]} {name}: stored {mine[at]}, computed {theirs[at]}"
            for at in np.flatnonzero(~_same(mine, theirs)).tolist()
        ]
    return failures([session] * len(wrong), wrong)


def _same(left: FloatArray | np.float64, right: FloatArray | np.float64) -> BoolArray:
    """Whether figures are equal up to the tolerance; unknown ones are."""
    same: BoolArray = np.isclose(left, right, rtol=TOLERANCE, atol=1e-12, equal_nan=True)
    return same


def _value(positions: str) -> float:
    return float(sum(entry["value"] for entry in json.loads(positions).values()))


def _figures(returns: np.ndarray, rates: np.ndarray) -> dict[str, float]:
    """Four figures by their textbook formulas, written independently of `evaluation/metrics.py`."""
    equity = np.concatenate(([1.0], np.cumprod(1.0 + returns)))
    several = len(returns) > 1
    deviation = float(np.std(returns, ddof=1)) if several else np.nan
    excess = returns - rates
    sharpe = np.nan
    if several and excess.std(ddof=1) > 0:
        sharpe = float(excess.mean() / excess.std(ddof=1) * np.sqrt(SESSIONS_PER_YEAR))
    return {
        "total_return": float(equity[-1] - 1.0),
        "annualized_volatility": deviation * float(np.sqrt(SESSIONS_PER_YEAR)),
        "sharpe_ratio": sharpe,
        "max_drawdown": float((equity / np.maximum.accumulate(equity) - 1.0).min()),
    }
