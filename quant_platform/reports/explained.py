"""Frames of what explains a result, for the sections of a page: of P&L, round trips, benchmark.

A page of a session and one of a backtest get the same frames, each model's rows with its id. What
does not belong here: the maths (`evaluation/attribution/`, `evaluation/survivorship.py`), where
accounts come from (`pipeline/`, `research/`), and how a section shows them (`sections/`).
"""

from collections.abc import Mapping

import pandas as pd

from quant_platform.evaluation.attribution.brinson import ActiveReturn
from quant_platform.evaluation.attribution.trips import best_and_worst, trade_figures
from quant_platform.evaluation.survivorship import Survivorship

PNL, CHANGES = "pnl_by_security", "pnl_by_model"
"""P&L by model and security, and what it should add up to by model."""

ACTIVE = "active_returns"
"""Effects against the benchmark by model and group."""

TRIPS, TRIP_FIGURES = "round_trips", "trip_figures"
"""Best and worst round trips by model, and what all of them were like."""

UNIVERSE, SCENARIOS, ENDINGS = "universe_survivorship", "universe_scenarios", "universe_endings"
"""A universe in one row, its results under each scenario, and its members that have ended."""

GAINS = ("price_gain", "dividends", "interest")
COSTS = ("commission", "tax", "spread", "impact", "borrow_fees")
"""Columns of P&L that add to it, and those that are taken from it."""

TRADES = 3
"""Best and worst round trips of a model, each."""

FACTS = (
    *("first", "last", "members", "ended", "without_price"),
    *("first_members", "first_without_price"),
)


def pnl_frames(
    model: int, lines: pd.DataFrame, tickers: Mapping[str, str]
) -> dict[str, pd.DataFrame]:
    """Return `PNL` and `CHANGES` of the lines of an account over its sessions.

    Parameters
    ----------
    lines : of `gain_lines`: they add up to the change of the equity
    tickers : security → what it is called
    """
    if lines.empty:
        return {}
    price = lines["holding"] + lines["trading"] + lines["ending"]
    of = lines.assign(price_gain=price, sector=lines["group"])
    rows = of.groupby(["security_id", "sector"], as_index=False)[["pnl", *GAINS, *COSTS]].sum()
    named = rows["security_id"].map(lambda name: tickers.get(str(name), str(name)))
    change = {
        "model_id": [model],
        "first": [lines["date"].min()],
        "last": [lines["date"].max()],
        "change": [float(rows["pnl"].sum())],
        "unexplained": [0.0],
    }
    return {PNL: rows.assign(model_id=model, symbol=named), CHANGES: pd.DataFrame(change)}


def trip_frames(
    model: int, trips: pd.DataFrame, tickers: Mapping[str, str], sessions: int
) -> dict[str, pd.DataFrame]:
    """Return `TRIPS` and `TRIP_FIGURES` of the round trips of a model.

    Parameters
    ----------
    tickers : security → what it is called
    sessions : that the trips are of
    """
    if trips.empty:
        return {}
    best, worst = best_and_worst(trips, TRADES)
    rows = pd.concat([best.assign(is_best=True), worst.assign(is_best=False)], ignore_index=True)
    named = rows["security_id"].map(lambda name: tickers.get(str(name), str(name)))
    figures = trade_figures(trips).to_frame().T
    return {
        TRIPS: rows.assign(model_id=model, symbol=named.astype("str")),
        TRIP_FIGURES: figures.assign(model_id=model, sessions=sessions),
    }


def active_frame(model: int, benchmark: str, found: ActiveReturn) -> pd.DataFrame:
    """Return `ACTIVE` of one model: a row per group, and the group `total`."""
    rows = found.linked.rename_axis("group").reset_index()
    return rows.assign(
        model_id=model,
        benchmark=benchmark,
        portfolio_return=found.portfolio_return,
        benchmark_return=found.benchmark_return,
        sessions=len(found.sessions),
        note=" ".join(f"{note}." for note in found.notes),
    )


def survivorship_frames(found: Survivorship) -> dict[str, pd.DataFrame]:
    """Return `UNIVERSE`, `SCENARIOS` and `ENDINGS`."""
    return {
        UNIVERSE: pd.DataFrame([{name: getattr(found, name) for name in FACTS}]),
        SCENARIOS: found.results,
        ENDINGS: found.endings,
    }


def survivorship_of(frames: Mapping[str, pd.DataFrame]) -> Survivorship | None:
    """Return what `survivorship_frames` was given; None without such frames."""
    row = frames.get(UNIVERSE, pd.DataFrame())
    if row.empty:
        return None
    facts = {str(name): value for name, value in row.iloc[0].items()}
    for name in ("first", "last"):
        facts[name] = pd.Timestamp(facts[name]).to_datetime64().astype("datetime64[D]")
    return Survivorship(**facts, endings=frames[ENDINGS], results=frames[SCENARIOS])
