"""A backtest as the data of a page: the same sections as a session's report, without the database.

The strategy is model 1 and what it is judged against model 2, of which nothing but returns is
known. What does not belong here: the result that is shown (`research/result.py`), its fragment in a
notebook (`backtest_page.py`), and how a page is rendered (`html.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.evaluation.performance import performance_intervals, performance_rows
from quant_platform.reports.data import BACKTEST, ReportData
from quant_platform.reports.formats import number, percent
from quant_platform.reports.sections import attribution, costs, exposures, survivorship

OWN, BENCHMARK = 1, 2
"""Ids of the strategy and of its benchmark on the page."""

UNKNOWN = ("turnover", "gross_exposure", "net_exposure", "trade_count", "interest", "borrow_fees")
"""Columns of portfolios that nobody knows of a benchmark."""

JUDGED = ("signals_judged", "signals_hit")

CAUSES = (*costs.PAID, "delay")


@dataclass(frozen=True, eq=False)
class BacktestFrames:
    """What a backtest gives, as frames without `model_id`.

    Attributes
    ----------
    name : of the strategy
    portfolios, positions, fills, closed : rows of the tables of these meanings
    performance : rows of `model_performance`, those of the last session among them
    benchmark : session returns of what it is judged against, by date
    members : rows of `book_attribution`; none of a strategy that is no book
    tickers : security → ticker
    explained : frames of `explained.py`: where the result came from; empty: nothing is known
    assumed : what was assumed of trading, in words
    warning : a sentence that must be read first; empty: none
    """

    name: str
    portfolios: pd.DataFrame
    positions: pd.DataFrame
    fills: pd.DataFrame
    closed: pd.DataFrame
    performance: pd.DataFrame
    benchmark: "pd.Series[float]"
    members: pd.DataFrame
    tickers: Mapping[str, str]
    assumed: str
    warning: str = ""
    explained: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def backtest_data(given: BacktestFrames) -> ReportData:
    """Everything the page of a backtest shows.

    Raises
    ------
    ValueError
        There is no session.
    """
    if given.portfolios.empty:
        raise ValueError("A backtest without a session has no page")
    last = given.portfolios["date"].iloc[-1]
    own = given.portfolios.assign(model_id=OWN)
    theirs = _benchmark(given)
    portfolios = pd.concat([own, theirs], ignore_index=True)
    figures = given.performance[given.performance["date"] == last].assign(model_id=OWN)
    if len(theirs):
        rows = performance_rows(theirs, BENCHMARK, [last])
        figures = pd.concat(
            [figures, rows.assign(benchmark=str(given.benchmark.name))], ignore_index=True
        )
    nothing = pd.DataFrame()
    return ReportData(
        date=last,
        models=_models(given, has_benchmark=len(theirs) > 0),
        portfolios=portfolios,
        performance=figures,
        ranking=nothing,
        trends=nothing,
        signals=nothing,
        alerts=nothing,
        data_quality=nothing,
        refused=nothing,
        outstanding=nothing,
        row_counts={},
        assumptions={"Trading": given.assumed},
        summary=_summary(given, figures),
        intervals=performance_intervals(portfolios, {OWN: BENCHMARK, BENCHMARK: BENCHMARK}),
        frames=_frames(given),
        kind=BACKTEST,
        title=given.name,
        warning=given.warning,
    )


def _models(given: BacktestFrames, *, has_benchmark: bool) -> pd.DataFrame:
    rows = [(OWN, given.name, False), (BENCHMARK, str(given.benchmark.name), True)]
    frame = pd.DataFrame(
        rows[: 2 if has_benchmark else 1], columns=["id", "model_name", "is_benchmark"]
    )
    return frame.assign(version="", description="", parameters="{}")


def _benchmark(given: BacktestFrames) -> pd.DataFrame:
    """The benchmark's returns as a portfolio that starts with the strategy's equity."""
    dates = given.portfolios["date"]
    returns = given.benchmark.reindex(dates).dropna()
    if returns.empty:
        return pd.DataFrame(columns=["date", "model_id", "daily_return", "equity"])
    start = float(given.portfolios["equity"].iloc[0])
    frame = pd.DataFrame(
        {
            "date": returns.index,
            "model_id": BENCHMARK,
            "daily_return": returns.to_numpy(dtype=np.float64),
            "equity": start * (1.0 + returns.to_numpy(dtype=np.float64)).cumprod(),
        }
    )
    return frame.assign(**dict.fromkeys(UNKNOWN, np.nan), **dict.fromkeys(JUDGED, 0))


def _summary(given: BacktestFrames, figures: pd.DataFrame) -> str:
    """The result in two sentences."""
    days, equity = given.portfolios["date"], given.portfolios["equity"]
    said = (
        f"{number(equity.iloc[0], 0)} became {number(equity.iloc[-1], 0)}"
        f" from {days.iloc[0]:%Y-%m-%d} to {days.iloc[-1]:%Y-%m-%d}, judged against"
        f" {given.benchmark.name}."
    )
    whole = figures[(figures["model_id"] == OWN) & (figures["window_name"] == "inception")]
    if whole.empty:
        return said
    row = whole.iloc[0]
    return (
        f"{said} That is {percent(row['annualized_return'], sign=True)} a year,"
        f" {percent(row['excess_return'], sign=True)} against the benchmark, with a Sharpe ratio of"
        f" {number(row['sharpe_ratio'])} and a deepest fall of {percent(row['max_drawdown'])}."
    )


def _frames(given: BacktestFrames) -> dict[str, pd.DataFrame]:
    """What sections ask a database for, of the backtest's frames."""
    held = given.positions[given.positions["shares"] != 0.0].assign(model_id=OWN)
    last = given.portfolios["date"].iloc[-1]
    now = held[held["date"] == last].assign(size=lambda rows: rows["value"].abs())
    now = now.sort_values(["size", "security_id"], ascending=[False, True])
    equity = given.portfolios.set_index("date")["equity"]
    closed = given.closed.assign(model_id=OWN, equity=given.closed["date"].map(equity))
    charged = given.fills[list(CAUSES)].sum(min_count=1).to_frame().T
    return {
        exposures.HOLDINGS: now.assign(symbol=now["security_id"].replace(dict(given.tickers))),
        exposures.CONCENTRATION: _concentration(held, given.portfolios["date"]),
        costs.CAUSES: charged.assign(model_id=OWN, fills=len(given.fills)),
        survivorship.CLOSED: closed[closed["equity"] > 0.0],
        attribution.MEMBERS: _members(given.members),
        **given.explained,
    }


def _concentration(held: pd.DataFrame, dates: pd.Series) -> pd.DataFrame:
    """Positions by session: how many, the largest, and how many effective ones."""
    first = dates.iloc[-SESSIONS_PER_YEAR:].iloc[0]
    recent = held[held["date"] >= first]
    weight = recent["weight"].abs()
    recent = recent.assign(weight=weight, square=weight**2)
    groups = recent.groupby(["date", "model_id"], as_index=False).agg(
        positions=("weight", "size"),
        largest=("weight", "max"),
        gross=("weight", "sum"),
        squares=("square", "sum"),
    )
    squares = groups["squares"].where(groups["squares"] > 0.0)
    counted: pd.DataFrame = groups.assign(effective=groups["gross"] ** 2 / squares)
    return counted


def _members(rows: pd.DataFrame) -> pd.DataFrame:
    """Gains of a book's members over all sessions, the largest first; costs are negative."""
    if rows.empty:
        return rows
    sums = rows.groupby("member", as_index=False)[list(attribution.AMOUNTS)].sum()
    sums = sums.assign(
        model_id=OWN, costs=-sums["costs"], borrow_fees=-sums["borrow_fees"]
    ).sort_values(["pnl", "member"], ascending=[False, True])
    return sums.reset_index(drop=True)
