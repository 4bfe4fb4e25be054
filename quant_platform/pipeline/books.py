"""Simulated portfolios of books, from what their members' portfolios were simulated from.

A book of a session follows from its members' orders of the session before and from the returns of
their portfolios up to then, so it is simulated after them, in the same block. What does not belong
here: how a book is traded (`trading/book.py`), and its figures, which are a model's.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.panel import Panel
from quant_platform.pipeline.platform import Platform
from quant_platform.storage import bulk
from quant_platform.strategies.book import Book
from quant_platform.trading.attribution import CASH_LINE
from quant_platform.trading.book import BookSimulation, BookState, Member, simulate_book
from quant_platform.trading.orders import Orders
from quant_platform.trading.portfolio_state import PortfolioState
from quant_platform.trading.simulation import Simulation

BOOK_TABLES = {"book_attribution": "attribution", "book_holdings": "holdings"}
"""Table → attribute of `BookSimulation` that its rows come from."""

Guarded = Callable[..., Any]
"""`Guard.simulated` of a block (`monitor.py`), by name, simulation and what gives its rows."""


def simulate_books(
    platform: Platform,
    panel: Panel,
    orders: Mapping[str, Orders],
    done: Mapping[str, Simulation],
    states: Mapping[str, PortfolioState | None],
    before: Mapping[str, BookState],
    assumed: Callable[..., Mapping[str, Any]],
    guarded: Guarded,
) -> dict[str, BookSimulation]:
    """Simulate all books over a block, by name.

    Parameters
    ----------
    orders, done : of the models, by name
    states, before : of each book after the session before; None, and a state of nothing, at its
        beginning
    assumed : what is assumed of a book, by its name and the sessions before which it is halted, as
        `trading.simulation.simulate`
    guarded : simulates a book, by its name, halted where its monitor says so
    """
    books = {}
    for book in platform.books:
        members = [
            Member(name, orders[name], done[name].portfolios["daily_return"].to_numpy())
            for name in book.members
        ]
        simulated = partial(
            simulate_book,
            panel,
            book.capital,
            members,
            max_gross=book.max_gross(platform.models),
            calendar=platform.calendar,
            state=states[book.name],
            before=before[book.name],
        )
        books[book.name] = guarded(
            book.name,
            lambda halted, run=simulated, name=book.name: run(**assumed(name, halted)),
            lambda done: done.simulation.portfolios,
        )
    return books


def book_state(
    platform: Platform, book: Book, ids: Mapping[str, int], session: str | None
) -> BookState:
    """State of a book after `session`, as it is stored; of nothing where there is none."""
    members = book.members
    if session is None:
        return BookState(returns=np.zeros((0, len(members))))
    scope = {"model_id": ids[book.name]}
    attribution, holdings = (
        bulk.read(platform.database, platform.table(table), session, session, scope=scope)
        for table in BOOK_TABLES
    )
    shares = dict(zip(attribution["member"], attribution["capital_share"], strict=True))
    # Those who left the book have lines of no share.
    stored = {name for name, share in shares.items() if share != 0.0 and name != CASH_LINE}
    return BookState(
        tuple(float(shares[name]) for name in members) if stored == set(members) else (),
        _returns(platform, [ids[name] for name in members], session, book.capital.lookback),
        holdings,
    )


def _returns(platform: Platform, members: Sequence[int], session: str, lookback: int) -> FloatArray:
    """Returns of the members' portfolios up to a session, in which all of them have one."""
    window = platform.window([session], lookback)
    rows = bulk.read(
        platform.database,
        platform.table("portfolios"),
        window[0],
        session,
        columns=["date", "model_id", "daily_return"],
        scope={"model_id": tuple(sorted(members))},
    )
    complete = rows.groupby("date")["model_id"].transform("size") == len(members)
    rows = rows[complete].sort_values("date")
    columns = [rows[rows["model_id"] == member]["daily_return"] for member in members]
    return np.column_stack([each.to_numpy(dtype=np.float64) for each in columns])


def book_frames(
    books: Mapping[str, BookSimulation], ids: Mapping[str, int]
) -> dict[str, pd.DataFrame]:
    """Rows of `BOOK_TABLES` of all books, by table; nothing without a book."""
    frames = {}
    for table, rows in BOOK_TABLES.items() if books else ():
        parts = [getattr(each, rows).assign(model_id=ids[name]) for name, each in books.items()]
        frames[table] = pd.concat([each for each in parts if len(each)] or parts[:1])
    return frames
