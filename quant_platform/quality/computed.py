"""Checks of what the platform computed.

Stored values are computed again, from scratch or on history cut at their session. The latter costs
as much as computing them did, and is done for the sessions that `sampling.py` names; all others are
not judged. Nor is a session in which there is nothing to look at.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.evaluation.risk_free import risk_free_rates
from quant_platform.features.compute import compute_features, required_lookback
from quant_platform.features.feature_registry import features_of
from quant_platform.features.feature_set import FeatureSet
from quant_platform.features.inputs import (
    ECONOMY,
    OWN_DATA,
    bar_columns,
    inputs_of,
    own_inputs,
    series_names,
    sessions_held,
)
from quant_platform.isolation import limited
from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.facts import with_tickers
from quant_platform.market.panel import Panel
from quant_platform.pipeline.failures import Failed, attempt
from quant_platform.pipeline.feature_inputs import known_window, read_extras
from quant_platform.pipeline.feature_sets import columns_of, sets_read
from quant_platform.pipeline.signals import side_by_side
from quant_platform.quality.asked_weights import signal_limits
from quant_platform.quality.check import (
    ERROR,
    WARN,
    CheckContext,
    QualityCheck,
    description_of,
)
from quant_platform.quality.comparison import Comparison, findings_of, rows_of, same_figures
from quant_platform.quality.portfolios import (
    book_attribution,
    long_only_exposure,
    pnl_attribution,
    portfolio_accounting,
)
from quant_platform.quality.sampling import NOT_SAMPLED, batches, cut
from quant_platform.quality.verdict import Findings, failures
from quant_platform.reports.ranking import STANDINGS
from quant_platform.storage import bulk
from quant_platform.storage.bulk import BEGINNING, Listed, Members
from quant_platform.storage.members import member_since, securities_of
from quant_platform.storage.models import model_ids
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.limits import SCALE
from quant_platform.strategies.models import default_models
from quant_platform.trading.orders import ASKED_WEIGHT

FEATURES, PORTFOLIOS, PERFORMANCE = "features", "portfolios", "model_performance"
REPORTS = "performance_reports"

FIGURES = ("total_return", "annualized_volatility", "sharpe_ratio", "max_drawdown")
"""Columns of `model_performance` that `_figures` computes."""

IDENTITY = ("date", "symbol", "security_id")


def features_causality(chosen: FeatureSet, context: CheckContext) -> Findings:
    """On a sampled session, every feature computed on history cut there equals what is stored.

    Not judged: sessions that are not sampled, and those without features, stored or computed; and
    features that cannot be computed.
    """
    failed: set[str] = set()
    names = [feature.name for feature in features_of(chosen)]
    lookback, inputs = required_lookback([chosen.name]), inputs_of(features_of(chosen))
    compared = []
    for batch in batches(context, lookback):
        universe = rows_of(batch, "trading_universe", IDENTITY)
        facts = _facts(batch, chosen, inputs)
        again = []
        for session in batch.sessions:
            window = context.platform.window([session], lookback)
            days = known_window(context.platform, window, inputs)
            history = {name: cut(rows, days) for name, rows in facts.items()}
            bars, actions, news, members = (
                cut(history.pop(name), window)
                for name in ("market_data", "corporate_actions", "news", "trading_universe")
            )
            if not chosen.across:
                today = universe["security_id"][universe["date"] == pd.Timestamp(session)]
                bars, actions, news = (
                    rows[rows["security_id"].isin(today)] for rows in (bars, actions, news)
                )
            calendar = context.platform.calendar
            panel = Panel.from_frames(bars, actions, window, news=news, calendar=calendar)
            again.append(
                compute_features(
                    panel,
                    last=1,
                    names=[chosen.name],
                    extras=read_extras(context.platform, panel, inputs, members, history, days),
                    on_failure=lambda name, _: failed.add(name),
                    seconds=context.platform.settings.step_seconds,
                )
            )
        computed = with_tickers(pd.concat(again, ignore_index=True), universe)
        stored = rows_of(batch, chosen.table, ["date", "symbol", *names])
        kept = [name for name in names if name not in failed]
        compared.append(Comparison(stored, computed, kept))
    return findings_of(context, compared)


def _facts(
    batch: CheckContext, chosen: FeatureSet, inputs: frozenset[str]
) -> dict[str, pd.DataFrame]:
    """Rows by table of what a set is computed from, as far back as each is read."""
    last = batch.sessions[-1]
    narrowed = Members(BEGINNING, last) if chosen.across else batch.members
    members = Listed(securities_of(batch.platform.database, narrowed))
    columns = ["date", "security_id", *bar_columns(inputs)]
    facts = {
        "market_data": batch.read("market_data", columns=columns, members=members),
        "corporate_actions": batch.read("corporate_actions", members=members),
        "news": batch.read("news", members=members),
        "trading_universe": batch.read("trading_universe", columns=[*IDENTITY, "sector"]),
    }
    earlier = replace(batch, lookback=batch.lookback + sessions_held(inputs) - 1)
    if series_names(inputs):
        facts |= {name: earlier.read(name) for name in ECONOMY}
    if own := own_inputs(inputs):
        scope = {"dataset": tuple({each.dataset for each in own})}
        facts[OWN_DATA] = earlier.read(OWN_DATA, scope=scope)
    return facts


def feature_gaps(context: CheckContext) -> Findings:
    """Every bar of a member has features, and a one-session return unless the security is new.

    Not judged: sessions in which no member has a bar.
    """
    key = ["date", "security_id"]
    bars = context.read("market_data", columns=[*key, "symbol"], members=context.members)
    rows = context.read("features", columns=[*key, "return_1"])
    members = context.read("trading_universe", columns=key)
    older = bars.groupby("security_id")["date"].transform("min") < bars["date"]
    bars = bars.assign(older=older).merge(members, on=key)
    merged = bars.merge(rows, on=key, how="left", indicator="side")
    older = merged["older"]
    hollow = (merged["side"] == "left_only") | (merged["return_1"].isna() & older)
    hollow &= merged["date"].isin(pd.DatetimeIndex(list(context.sessions)))
    lacking = merged[hollow]
    failing = failures(lacking["date"].to_numpy(), [f"{symbol}" for symbol in lacking["symbol"]])
    return context.judged_on(merged["date"].unique(), failing, "no member has a bar")


def signal_causality(strategy: Strategy, context: CheckContext) -> Findings:
    """On a sampled session, signals computed on history cut there equal what is stored.

    Not judged: sessions that are not sampled, and those without signals, stored or computed; and
    all of them where the strategy cannot be computed.
    """
    database, seconds = context.platform.database, context.platform.settings.step_seconds
    scope = {"model_id": model_ids(database)[strategy.name]}
    figures = [
        *("signal_type", "strength", "confidence"),
        *("target_weight", ASKED_WEIGHT, "stop_price"),
    ]
    compared = []
    for batch in batches(context, strategy.lookback):
        ever = Listed(securities_of(database, Members(BEGINNING, batch.sessions[-1])))
        bars = batch.read("market_data", columns=[*IDENTITY, "close_price"], members=ever)
        features = side_by_side(
            [
                batch.read(each.table, columns=[*IDENTITY, *columns_of(strategy, each)])
                for each in sets_read(strategy.features)
            ]
        )
        sector = ["sector"] if strategy.reads_sectors else []
        universe = batch.read("trading_universe", columns=[*IDENTITY, *sector])
        since = member_since(database)
        again = []
        for session in batch.sessions:
            window = context.platform.window([session], strategy.lookback)
            so_far = since.index[since <= pd.Timestamp(session)]
            closes = cut(bars, window)
            panel = Panel.from_frames(
                closes[closes["security_id"].isin(so_far)],
                None,
                window,
                universe=cut(universe, window),
                features=cut(features, window),
                calendar=context.platform.calendar,
            )
            compute = partial(strategy.run, panel, last=1)
            signals = attempt(
                partial(limited, compute, seconds, strategy.signals, strategy.run, type(strategy))
            )
            if isinstance(signals, Failed):
                return context.not_judged(f"{strategy.name} failed: {signals.reason}")
            again.append(signals)
        computed = with_tickers(pd.concat(again, ignore_index=True), universe)
        stored = rows_of(batch, "signals", ["date", "symbol", *figures], scope)
        compared.append(Comparison(stored, computed, figures))
    return findings_of(context, compared)


def performance_recomputed(context: CheckContext) -> Findings:
    """In a sampled session, recomputed return, volatility, Sharpe and drawdown equal the stored.

    Not judged: sessions that are not sampled, and those without figures.
    """
    judged, wrong = [], []
    for batch in batches(context, 1):
        columns = ["date", "model_id", "window_name", "window_sessions", *FIGURES]
        by_model = _portfolio_returns(context, batch.sessions[-1])
        for row in rows_of(batch, "model_performance", columns).to_dict("records"):
            judged.append(row["date"])
            days, returns, rates, equity = by_model[row["model_id"]]
            end = int(np.searchsorted(days, row["date"].to_datetime64(), side="right"))
            start = max(end - int(row["window_sessions"]), 0)
            base = equity[start - 1] if start else equity[0] / (1.0 + returns[0])
            again = _figures(returns[start:end], rates[start:end], equity[start:end] / base)
            if base <= 0.0:
                again = dict.fromkeys(again, np.nan)
            wrong += [
                (
                    row["date"],
                    f"model {row['model_id']} {row['window_name']} {name}:"
                    f" stored {row[name]}, computed {value}",
                )
                for name, value in again.items()
                if not same_figures(np.float64(row[name]), np.float64(value))
            ]
    failing = failures([day for day, _ in wrong], [example for _, example in wrong])
    return context.judged_on(judged, failing, NOT_SAMPLED)


def _portfolio_returns(
    context: CheckContext, last: str
) -> dict[int, tuple[np.ndarray, FloatArray, FloatArray, FloatArray]]:
    """Sessions up to `last`, daily and risk-free returns and equity of each model's portfolio."""
    database = context.platform.database
    rows = bulk.query(
        database,
        "SELECT model_id, date, daily_return, equity FROM portfolios WHERE date <= $1::text::date"
        " ORDER BY date",
        (last,),
    )
    # A vendor without figures of the economy leaves the rate to the setting, whatever is stored.
    has_yields = context.platform.vendor.abilities.information is not None
    yields = bulk.query(
        database,
        "SELECT date, observed_on, yield_3_month FROM treasury_yields WHERE date <= $1::text::date",
        (last if has_yields else BEGINNING,),
    )
    default = context.platform.settings.risk_free
    annual = risk_free_rates(yields, rows["date"].to_numpy(), default=default).to_numpy()
    rows = rows.assign(rate=(1.0 + annual) ** (1.0 / SESSIONS_PER_YEAR) - 1.0)
    return {
        int(str(model)): (
            of["date"].to_numpy(),
            of["daily_return"].to_numpy(),
            of["rate"].to_numpy(),
            of["equity"].to_numpy(),
        )
        for model, of in rows.groupby("model_id")
    }


def report_ranking(context: CheckContext) -> Findings:
    """Every model that runs and has a portfolio is ranked once, set by set.

    Not judged: sessions without a report.
    """
    reports = context.read("performance_reports", columns=["date", "ranking"])
    ids = model_ids(context.platform.database)
    running = tuple(ids[each.name] for each in context.platform.traded)
    rows = context.read("portfolios", columns=["date", "model_id"], scope={"model_id": running})
    models = rows.groupby("date").size()
    wrong = []
    for row in reports.itertuples():
        ranking = json.loads(str(row.ranking))
        sets = [STANDINGS.index(entry["standing"]) for entry in ranking]
        ranks = [entry["rank"] for entry in ranking]
        in_order = sets == sorted(sets) and ranks == list(range(1, len(ranking) + 1))
        if not in_order or len(ranking) != models.get(row.date, 0):
            wrong.append((row.date, f"{len(ranking)} ranked of {models.get(row.date, 0)}"))
    failing = failures([day for day, _ in wrong], [example for _, example in wrong])
    return context.judged_on(reports["date"].unique(), failing, "there is no report")


def computed_checks(
    feature_sets: Sequence[FeatureSet],
    models: Sequence[Strategy] | None = None,
    *,
    books: bool = False,
) -> list[QualityCheck]:
    """All checks of computed tables; one for each stored feature set, two for each model.

    Parameters
    ----------
    models : that run; default: those of no setting
    books : whether there are portfolios of several models
    """
    checks = [_set_check(each) for each in feature_sets]
    checks += [
        _check("feature_gaps", FEATURES, "features", WARN, feature_gaps, 2),
        _check("portfolio_accounting", PORTFOLIOS, "portfolios", ERROR, portfolio_accounting, 2),
        _check("pnl_attribution", PORTFOLIOS, "portfolios", ERROR, pnl_attribution, 2),
        _check("long_only_exposure", PORTFOLIOS, "portfolios", WARN, long_only_exposure),
        _check(
            "performance_recomputed",
            PERFORMANCE,
            "model_performance",
            ERROR,
            performance_recomputed,
        ),
        _check("report_ranking", REPORTS, "performance_reports", ERROR, report_ranking),
    ]
    if books:
        checks.append(
            _check("book_attribution", PORTFOLIOS, "book_attribution", ERROR, book_attribution)
        )
    for strategy in default_models() if models is None else models:
        checks += _strategy_checks(strategy)
    return checks


def _set_check(chosen: FeatureSet) -> QualityCheck:
    def causality(context: CheckContext) -> Findings:
        return features_causality(chosen, context)

    causality.__doc__ = features_causality.__doc__
    return _check(f"{chosen.table}_causality", chosen.table, chosen.table, ERROR, causality)


def _strategy_checks(strategy: Strategy) -> list[QualityCheck]:
    key = f"signals/{strategy.name}"

    def limits(context: CheckContext) -> Findings:
        return signal_limits(strategy, context)

    def causality(context: CheckContext) -> Findings:
        return signal_causality(strategy, context)

    limits.__doc__, causality.__doc__ = signal_limits.__doc__, signal_causality.__doc__
    return [
        # What is scaled is traded; what is to be refused never comes this far.
        _check(
            f"{strategy.name}_limits",
            key,
            "signals",
            WARN if strategy.on_excess == SCALE else ERROR,
            limits,
        ),
        _check(f"{strategy.name}_causality", key, "signals", ERROR, causality),
    ]


def _check(
    name: str,
    asset: str,
    table: str,
    severity: str,
    function: Callable[[CheckContext], Findings],
    lookback: int = 1,
) -> QualityCheck:
    def without_threshold(context: CheckContext, threshold: float) -> Findings:
        return function(context)

    description = description_of(function)
    return QualityCheck(name, asset, table, severity, description, without_threshold, lookback)


def _figures(returns: np.ndarray, rates: np.ndarray, growth: np.ndarray) -> dict[str, float]:
    """Four figures by their textbook formulas, written independently of `evaluation/metrics.py`."""
    equity = np.concatenate(([1.0], growth))
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
