"""Simulated portfolios and their figures, block by block.

A portfolio goes on from the state after the session before, which is read once, for the first
session of a run; from there on the state is carried from block to block.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import pandas as pd

from quant_platform.conventions import SESSIONS_PER_YEAR
from quant_platform.errors import SessionError
from quant_platform.evaluation.performance import performance_rows
from quant_platform.evaluation.risk_free import risk_free_rates
from quant_platform.market.panel import Panel
from quant_platform.pipeline.benchmarks import Benchmarks
from quant_platform.pipeline.blocks import Block, SlidingRows, blocks, count_securities
from quant_platform.pipeline.chunks import Chunk, alone
from quant_platform.pipeline.computations import server_time
from quant_platform.pipeline.failures import Failures
from quant_platform.pipeline.platform import Platform
from quant_platform.storage import bulk
from quant_platform.storage.bulk import BEGINNING, Members
from quant_platform.storage.models import model_ids
from quant_platform.storage.stored import Stored
from quant_platform.strategies.strategy_registry import strategy as strategy_of
from quant_platform.trading.costs import Costs
from quant_platform.trading.delistings import DelistingRules, Endings, YearHighs, year_highs
from quant_platform.trading.orders import Orders
from quant_platform.trading.portfolio_state import PortfolioState
from quant_platform.trading.simulation import Simulation, simulate

CLOSED = "closed_positions"
"""Table of the positions whose security stopped trading."""

PERFORMANCE_SESSIONS = 1000
"""Sessions whose figures are computed at once; each time, running figures are begun anew."""


def portfolio_chunks(
    platform: Platform,
    sessions: Sequence[str],
    bars: Stored,
    actions: Stored,
    securities: Stored,
    universe: Stored,
    before: Stored,
    signals_of: Mapping[str, Stored],
) -> Iterator[Chunk]:
    """Rows of `portfolios` and `closed_positions`: each model simulated at the next open.

    Parameters
    ----------
    sessions : ISO dates, ascending
    bars, actions : of the securities that were members in some session up to the run's last; from a
        year before the run's first session on
    securities : what the reference data said in the run's sessions
    universe, signals_of : members, and signals by the strategy's name, from the session before the
        run's first on
    before : portfolios up to the session before the run's last

    Raises
    ------
    SessionError
        There are earlier portfolios, but none of the session before: going on without it would
        lose the positions.
    """
    if not sessions:
        return
    ids = model_ids(platform.database)
    count = count_securities(platform, Members(BEGINNING, sessions[-1]))
    states: dict[str, PortfolioState | None] = {}
    earlier: str | None = None
    sliding = {name: SlidingRows(stored) for name, stored in signals_of.items()}
    members = SlidingRows(universe)
    for block in blocks(platform, sessions, 2, count):
        read_at = server_time(platform)
        previous = block.window[0] if len(block.window) > len(block.sessions) else None
        if previous is None or previous != earlier:
            states = {name: _state(platform, before, ids[name], previous) for name in signals_of}
        earlier = block.sessions[-1]
        endings = Endings(
            DelistingRules.of(platform.settings),
            securities.read(block.sessions[0], block.sessions[-1]),
            _year_highs(platform, bars, actions),
        )
        done = _simulated(
            platform, block, previous, bars, actions, endings, members, sliding, states
        )
        states = {name: _last_state(each.portfolios) for name, each in done.items()}
        of_model = {ids[name]: each for name, each in done.items()}
        frames = {
            "portfolios": _joined({model: each.portfolios for model, each in of_model.items()}),
            CLOSED: _joined({model: each.closed for model, each in of_model.items()}),
        }
        yield Chunk(block.sessions, frames, read_at=read_at)


def _simulated(
    platform: Platform,
    block: Block,
    previous: str | None,
    bars: Stored,
    actions: Stored,
    endings: Endings,
    members: SlidingRows,
    signals: Mapping[str, SlidingRows],
    states: Mapping[str, PortfolioState | None],
) -> dict[str, Simulation]:
    """Simulation of each model, by the strategy's name."""
    first, last = block.sessions[0], block.sessions[-1]
    panel = Panel.from_frames(bars.read(first, last), actions.read(first, last), block.sessions)
    # What a session executes was known after the session before it.
    decided = list(block.window)[:-1] or [block.window[0]]
    universe = members.over(decided)
    settings = platform.settings
    return {
        name: simulate(
            panel,
            Orders.from_signals(
                rows.over(decided),
                block.sessions,
                before=previous,
                universe=universe,
                rules=strategy_of(name).trading_rules,
                calendar=platform.calendar,
            ),
            state=states[name],
            costs=Costs(settings.commission_bp, settings.slippage_bp),
            capital=settings.capital,
            endings=endings,
        )
        for name, rows in signals.items()
    }


def _year_highs(platform: Platform, bars: Stored, actions: Stored) -> YearHighs:
    """Read a year of the few securities whose positions are closed."""

    def highs(session: object, security_ids: Sequence[str]) -> dict[str, float]:
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
    return pd.concat(rows, ignore_index=True)


def _last_state(portfolio: pd.DataFrame) -> PortfolioState:
    return PortfolioState.from_row(cast("dict[str, Any]", portfolio.iloc[-1].to_dict()))


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
        return _last_state(rows)
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


def performance_chunks(
    platform: Platform,
    sessions: Sequence[str],
    portfolios: Stored,
    yields: Stored | None,
    bars: Stored | None = None,
    actions: Stored | None = None,
) -> Iterator[Chunk]:
    """Rows of `model_performance`: figures of each model over several windows.

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
        tables = {"model_performance": rows}
        yield from alone(Chunk(block, tables, read_at=read_at, failures=failures.by_part))
