"""Simulated portfolios and their figures, block by block.

A portfolio goes on from the state after the session before, which is read once, for the first
session of a run; from there on the state is carried from block to block.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.errors import SessionError
from quant_platform.evaluation.comparison import statistics_rows
from quant_platform.evaluation.performance import performance_rows
from quant_platform.evaluation.risk_free import risk_free_rates
from quant_platform.kernels.arrays import SessionArray
from quant_platform.market.panel import BAR_COLUMNS, Panel
from quant_platform.pipeline.benchmarks import Benchmarks
from quant_platform.pipeline.blocks import Block, SlidingRows, blocks, count_securities
from quant_platform.pipeline.books import book_frames, book_state, simulate_books
from quant_platform.pipeline.chunks import Chunk, alone
from quant_platform.pipeline.computations import server_time
from quant_platform.pipeline.failures import Failures
from quant_platform.pipeline.feature_inputs import known_window
from quant_platform.pipeline.monitor import ACCOUNT, Guard, days_of
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.trials import DailyTrials, trial_statements
from quant_platform.pipeline.tried import tried_beside
from quant_platform.storage import bulk
from quant_platform.storage.bulk import BEGINNING, Members
from quant_platform.storage.models import model_ids
from quant_platform.storage.releases import releases_of
from quant_platform.storage.stored import Stored
from quant_platform.strategies.base import Strategy
from quant_platform.strategies.condition_sources import datasets_read, own_conditions, read_sources
from quant_platform.trading.book import BookState
from quant_platform.trading.conditions import (
    LIQUIDITY_LOOKBACK,
    Conditions,
    known_sectors,
    liquidity_before,
)
from quant_platform.trading.costs import costs_of
from quant_platform.trading.delistings import DelistingRules, Endings, YearHighs, year_highs
from quant_platform.trading.limits import Limits
from quant_platform.trading.orders import Orders
from quant_platform.trading.portfolio_state import PortfolioState
from quant_platform.trading.simulation import Simulation, simulate

Assumed = Callable[[str, SessionArray | None], dict[str, Any]]
"""What is assumed of a model or book, by its name and the sessions before which it is halted."""

KEY = ("date", "security_id")

ACCOUNTED = ("positions", "fills", "pending_cash")
"""Tables of which several accounts of a model have rows."""

TABLES = {
    "portfolios": "portfolios",
    "positions": "positions",
    "fills": "fills",
    "pending_cash": "pending_cash",
    "closed_positions": "closed",
}
"""Table → attribute of `Simulation` that its rows come from."""

SIMULATED = ACCOUNT
"""The account of what is simulated."""

PERFORMANCE_SESSIONS = 1000
"""Sessions whose figures are computed at once; each time, running figures are begun anew."""

_IMPACTS = """
SELECT date, model_id, sum(impact) AS impact FROM fills
WHERE account = $1 AND date <= $2::text::date AND impact > 0 GROUP BY 1, 2 ORDER BY 1, 2
"""
"""What price impact cost each model, by session, up to one."""

_ENDINGS = """
SELECT date, model_id, count(*) AS ended, count(*) FILTER (WHERE assumed) AS assumed
FROM closed_positions WHERE date <= $1::text::date GROUP BY 1, 2 ORDER BY 1, 2
"""
"""Positions of each model whose security ended, by session, up to one."""


def decision_columns(model: Strategy) -> tuple[str, ...]:
    """Columns of its signals that a model's portfolio is traded by."""
    stops = ("stop_price",) if model.trading_rules.stops else ()
    return ("signal_type", "target_weight", "asked_weight", "reference_price", *stops)


def portfolio_chunks(
    platform: Platform,
    sessions: Sequence[str],
    bars: Stored,
    actions: Stored,
    securities: Stored,
    universe: Stored,
    before: Stored,
    signals_of: Mapping[str, Stored],
    own_data: Stored | None = None,
) -> Iterator[Chunk]:
    """Rows of `TABLES`: each model simulated in the sessions after its signals, then each book.

    Where there are books, the chunks have rows of their tables, too (`books.py`).

    Parameters
    ----------
    sessions : ISO dates, ascending
    bars, actions : of the securities that were members in some session up to the run's last; from a
        year before the run's first session on
    securities : what the reference data said in the run's sessions
    universe, signals_of : members, and signals by the model's name, from the session before the
        run's first on
    before : portfolios up to the session before the run's last
    own_data : of the sessions in which a condition may have become known; None where the settings
        name none

    Raises
    ------
    SessionError
        There are earlier portfolios, but none of the session before: going on without it would
        lose the positions.
    """
    if not sessions:
        return
    ids = model_ids(platform.database)
    traded = [*signals_of, *(book.name for book in platform.books)]
    # Each of them may hold every security: it is positions that a block's memory goes to.
    count = count_securities(platform, Members(BEGINNING, sessions[-1])) * len(traded)
    states: dict[str, PortfolioState | None] = {}
    parts: dict[str, BookState] = {}
    earlier: str | None = None
    sliding = {name: SlidingRows(stored.in_any_order()) for name, stored in signals_of.items()}
    members = SlidingRows(universe.in_any_order())
    bar_rows = SlidingRows(bars.narrowed(*KEY, *BAR_COLUMNS.values()).in_any_order())
    highs = _year_highs(platform, bars, actions)
    guard = Guard(platform, ids)
    for block in blocks(platform, sessions, LIQUIDITY_LOOKBACK + 1, count):
        read_at = server_time(platform)
        earlier_sessions = block.window[: len(block.window) - len(block.sessions)]
        previous = earlier_sessions[-1] if earlier_sessions else None
        if previous is None or previous != earlier:
            states = {name: _state(platform, before, ids[name], previous) for name in traded}
            parts = {
                book.name: book_state(platform, book, ids, previous) for book in platform.books
            }
        earlier = block.sessions[-1]
        endings = Endings(
            DelistingRules.of(platform.settings),
            securities.read(block.sessions[0], block.sessions[-1]),
            highs,
        )
        panel, orders, assumed = _given(
            platform, block, previous, bar_rows, actions, endings, members, sliding, own_data
        )
        guarded = guard.of_block(block.sessions)
        done = {
            name: guarded(name, partial(_simulated, panel, each, states[name], assumed, name))
            for name, each in orders.items()
        }
        books = simulate_books(platform, panel, orders, done, states, parts, assumed, guarded)
        done |= {name: book.simulation for name, book in books.items()}
        states = {name: each.state() for name, each in done.items()}
        parts = {name: book.state for name, book in books.items()}
        frames = _frames(done, ids) | book_frames(books, ids)
        yield Chunk(block.sessions, frames, read_at=read_at)


def _frames(done: Mapping[str, Simulation], ids: Mapping[str, int]) -> dict[str, pd.DataFrame]:
    """Rows of `TABLES` of all models and books, by table."""
    frames = {
        table: _joined({ids[name]: getattr(each, rows) for name, each in done.items()})
        for table, rows in TABLES.items()
    }
    for table in ACCOUNTED:
        frames[table]["account"] = SIMULATED
    return frames


def _given(
    platform: Platform,
    block: Block,
    previous: str | None,
    bars: SlidingRows,
    actions: Stored,
    endings: Endings,
    members: SlidingRows,
    signals: Mapping[str, SlidingRows],
    own_data: Stored | None,
) -> tuple[Panel, dict[str, Orders], Assumed]:
    """What a block is simulated from: the market, the models' orders, and what is assumed of each.

    The last one takes the name of a model or book, and the sessions before which it is halted.
    """
    # An order's impact looks back on the sessions before the block.
    first, last = block.window[0], block.window[-1]
    known_actions = actions.read(first, last)
    panel = Panel.from_frames(bars.over(block.window), known_actions, block.window)
    # What a session executes was known after the session before it.
    decided = [*([previous] if previous else []), *block.sessions[:-1]] or [block.sessions[0]]
    universe = members.over(decided)
    settings = platform.settings
    rules = {model.name: model.trading_rules for model in platform.models}
    limits = Limits.read(settings.limits)
    sectors = known_sectors(universe, panel, block.sessions) if limits.sector else None
    given = _conditions(platform, block, own_data, panel)
    released = releases_of(platform.database, SIMULATED)
    orders = {
        name: Orders.from_signals(
            rows.over(decided),
            block.sessions,
            before=previous,
            universe=universe,
            rules=rules[name],
            calendar=platform.calendar,
        )
        for name, rows in signals.items()
    }

    costs = costs_of(settings)
    liquidity = liquidity_before(panel, len(block.sessions)) if costs.impact else None

    def assumed(name: str, halted: SessionArray | None) -> dict[str, Any]:
        released_in = days_of(released.get(name))
        return {
            "costs": costs,
            "capital": settings.capital,
            "endings": endings,
            "limits": limits,
            "conditions": Conditions(
                sectors=sectors,
                released=released_in,
                halted=halted,
                liquidity=liquidity,
                **given,
            ),
            "actions": known_actions,
        }

    return panel, orders, assumed


def _conditions(
    platform: Platform, block: Block, own_data: Stored | None, panel: Panel
) -> dict[str, Any]:
    """Conditions that the settings name, of what was known before each session."""
    sources = read_sources(platform.settings.conditions)
    if own_data is None or not sources:
        return {}
    days = known_window(platform, block.window, frozenset(sources.values()))
    rows = replace(own_data, scope={"dataset": datasets_read(sources)}).read(days[0], days[-1])
    return own_conditions(sources, rows, days, panel)


def _simulated(
    panel: Panel,
    orders: Orders,
    state: PortfolioState | None,
    assumed: Assumed,
    name: str,
    halted: SessionArray | None,
) -> Simulation:
    return simulate(panel, orders, state=state, **assumed(name, halted))


def _year_highs(platform: Platform, bars: Stored, actions: Stored) -> YearHighs:
    """Read a year of the few securities whose positions are closed, once for all models."""
    known: dict[tuple[object, tuple[str, ...]], dict[str, float]] = {}

    def highs(session: object, security_ids: Sequence[str]) -> dict[str, float]:
        asked = (session, tuple(security_ids))
        if asked not in known:
            known[asked] = read(session, security_ids)
        return known[asked]

    def read(session: object, security_ids: Sequence[str]) -> dict[str, float]:
        window = platform.window([str(session)], SESSIONS_PER_YEAR)
        bars_of, actions_of = (
            stored.read(window[0], window[-1], among={"security_id": security_ids})
            for stored in (bars, actions)
        )
        return year_highs(Panel.from_frames(bars_of, actions_of, window), security_ids)

    return highs


def _joined(of_model: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """Rows of all models, by the model's id."""
    rows = [frame.assign(model_id=model) for model, frame in of_model.items()]
    # Frames without a row have columns without a type, of which pandas warns.
    return pd.concat([each for each in rows if len(each)] or rows[:1], ignore_index=True)


def _state(
    platform: Platform, before: Stored, model_id: int, session: str | None
) -> PortfolioState | None:
    """State after `session`; None where no earlier portfolio exists.

    Without one the model begins with its capital.
    """
    if session is None:
        return None
    rows = before.read(session, session)
    rows = rows[rows["model_id"] == model_id]
    if not rows.empty:
        row = {str(name): value for name, value in rows.iloc[-1].items()}
        held, pending = (
            _of_model(platform, table, session, model_id) for table in ("positions", "pending_cash")
        )
        return PortfolioState.from_rows(row, held, pending)
    older = bulk.query(
        platform.database,
        "SELECT max(date) AS last FROM portfolios"
        " WHERE model_id = $1::text::integer AND date < $2::text::date",
        (str(model_id), session),
    )["last"].iloc[0]
    if pd.isna(older):
        return None
    raise SessionError(
        f"The portfolio of {session} is missing, the last one before it is of {older:%Y-%m-%d}",
        "Materialise the sessions between them first",
    )


def _of_model(platform: Platform, table: str, session: str, model_id: int) -> pd.DataFrame:
    rows = bulk.read(platform.database, platform.table(table), session, session)
    return rows[(rows["model_id"] == model_id) & (rows["account"] == SIMULATED)]


def performance_chunks(
    platform: Platform,
    sessions: Sequence[str],
    portfolios: Stored,
    yields: Stored | None,
    bars: Stored | None = None,
    actions: Stored | None = None,
) -> Iterator[Chunk]:
    """Rows of `model_performance` and `performance_statistics`: figures, and how models compare.

    With each chunk the models' runs are recorded in the ledger of trials (`trials.py`).

    Parameters
    ----------
    sessions : ISO dates, ascending
    portfolios : returns and counts of every session from the first on: a few numbers each
    yields : Treasury yields; None without any, then the rate is the setting's
    bars, actions : of the whole history; None where no benchmark is a security
    """
    if not sessions:
        return
    benchmarks = Benchmarks.of(platform, bars, actions)
    daily = DailyTrials(platform)
    tried = tried_beside(platform.database, daily.ids(sessions[-1]))
    for start in range(0, len(sessions), PERFORMANCE_SESSIONS):
        block = sessions[start : start + PERFORMANCE_SESSIONS]
        read_at = server_time(platform)
        history = portfolios.read(None, block[-1])
        risk_free: float | pd.Series = platform.settings.risk_free
        if yields is not None:
            risk_free = risk_free_rates(
                yields.read(None, block[-1]),
                history["date"].unique(),
                default=platform.settings.risk_free,
            )
        failures = Failures("metric")
        days = [f"{day:%Y-%m-%d}" for day in sorted(history["date"].unique())]
        parts = [
            performance_rows(
                history,
                against,
                part,
                risk_free=risk_free,
                on_failure=failures.note,
                seconds=platform.settings.step_seconds,
            )
            for part, against in benchmarks.cut(block, days)
        ]
        rows = pd.concat(parts, ignore_index=True)
        rows["benchmark"] = rows["model_id"].map(benchmarks.names)
        statistics = statistics_rows(
            history,
            block,
            risk_free=risk_free,
            impacts=bulk.query(platform.database, _IMPACTS, (SIMULATED, block[-1])),
            endings=bulk.query(platform.database, _ENDINGS, (block[-1],)),
            tried=tried,
        )
        tables = {"model_performance": rows, "performance_statistics": statistics}
        also = trial_statements(daily, block, benchmarks.ids, rows, history)
        yield from alone(Chunk(block, tables, {}, also, read_at, failures.by_part))
