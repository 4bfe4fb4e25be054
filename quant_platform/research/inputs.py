"""`Inputs`: what is read and computed once for a backtest, whatever is then run over it.

What belongs here: reading rows of the sessions and of those looked back on, and the features of
both, as arrays. What does not: strategies and simulations (`prepared.py`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from quant_platform.features.compute import feature_arrays, required_lookback
from quant_platform.kernels.arrays import FloatArray
from quant_platform.kernels.threads import by_rows
from quant_platform.market.calendar import Calendar
from quant_platform.market.deferred import Deferred
from quant_platform.market.grid import Grid, Rows, securities_in
from quant_platform.market.panel import BAR_COLUMNS, Panel
from quant_platform.research.feature_data import bars_read, feature_panel
from quant_platform.research.reader import TableReader
from quant_platform.storage.bulk import BEGINNING, Members
from quant_platform.storage.columnar import release_memory
from quant_platform.strategies.base import Strategy
from quant_platform.time_limit import UNLIMITED, TimeLimit
from quant_platform.trading.conditions import LIQUIDITY_LOOKBACK
from quant_platform.trading.market_arrays import widen

IDENTITY_COLUMNS = ("date", "symbol", "security_id")


@dataclass(frozen=True)
class Inputs:
    """What models are computed from.

    Attributes
    ----------
    days : the sessions of the backtest (ISO dates)
    window : these and the ones a signal looks back on
    panel : bars and corporate actions of `days` and of the sessions before that impact looks back
        on, by security
    actions : corporate actions, with the days on which dividends are paid
    strategy_panel : what a strategy sees: the sessions of `window`, with members and features
    members : the members of each session of `window`, with their tickers and sectors
    calendar : sessions of the exchange
    """

    days: Sequence[str]
    window: Sequence[str]
    panel: Panel
    actions: pd.DataFrame
    strategy_panel: Panel
    members: Rows
    calendar: Calendar

    @cached_property
    def universe(self) -> pd.DataFrame:
        """Rows of `members`."""
        rows = self.members
        return rows if isinstance(rows, pd.DataFrame) else TableReader.decoded(rows)


@dataclass(frozen=True)
class Needs:
    """What models need together.

    Attributes
    ----------
    features : that some model reads
    deferred : those of them that are computed when they are first read
    lookback : sessions that a signal of some model depends on, its own included
    """

    features: tuple[str, ...]
    lookback: int
    deferred: tuple[str, ...] = ()

    @classmethod
    def of(cls, models: Iterable[Strategy]) -> "Needs":
        """Collect what each of the models needs."""
        names: dict[str, None] = {}
        lookback, at_once = 1, set[str]()
        for model in models:
            names.update(dict.fromkeys(model.features))
            at_once.update({*model.features} - {*model.row_features})
            lookback = max(lookback, model.lookback)
        return cls(tuple(names), lookback, tuple(each for each in names if each not in at_once))


def read_inputs(
    reader: TableReader,
    needs: Needs,
    stored: Sequence[date],
    sessions: Sequence[date],
    calendar: Calendar,
    limit: TimeLimit = UNLIMITED,
) -> Inputs:
    """Read and compute, once, what models need of these sessions.

    A model that looks back on fewer sessions than another is given more than it needs, and cuts
    them off itself (`Strategy.run`), so no value depends on which models there are.

    Parameters
    ----------
    stored : all sessions that have bars
    sessions : those of the backtest
    limit : how long each call of a feature may take that somebody added

    Raises
    ------
    SessionError
        The tables lack a session.
    UnknownNameError
        There is no such feature.
    OverdueError
        A feature did not end in time.
    """
    names = needs.features
    days = [day.isoformat() for day in sessions]
    window = sessions_before(stored, days, needs.lookback)
    traded = sessions_before(stored, days, LIQUIDITY_LOOKBACK + 1)
    looked_back = sessions_before(stored, window, required_lookback(names))
    deep = max(looked_back, traded, key=len)
    reader.refuse_gaps("market_data", deep)
    reader.refuse_gaps("trading_universe", window)
    span = (deep[0], deep[-1])
    # Bars of a security from before it was a member count, too, and positions outlive membership.
    ever = Members(BEGINNING, days[-1])
    members = reader.universe(ever, window[0], [*IDENTITY_COLUMNS, "sector"])
    bars = reader.columns("market_data", span, bars_read(names), members=ever)
    actions = reader.rows("corporate_actions", span, members=ever)
    panel, extras = feature_panel(reader, calendar, bars, actions, deep, names, ever)
    del bars  # a large part of all memory
    release_memory()

    def features(names: Sequence[str]) -> dict[str, FloatArray]:
        return feature_arrays(panel, last=len(window), names=names, extras=extras, limit=limit)

    at_once = features([name for name in names if name not in needs.deferred])
    known = Deferred(at_once, needs.deferred, lambda name: features([name])[name])
    return Inputs(
        days,
        window,
        panel.cut(len(deep) - len(traded)),
        actions,
        _strategy_panel(panel, known, members, len(window), calendar),
        members,
        calendar,
    )


def _strategy_panel(
    panel: Panel, features: Deferred, members: Rows, last: int, calendar: Calendar
) -> Panel:
    """Bars, membership, sectors and features of the last sessions; no corporate action.

    A feature is known of members alone, as the tables of features have it.
    """
    have = panel.security_ids
    want = tuple(sorted({*have, *map(str, securities_in(members))}))
    sessions = panel.sessions[len(panel.sessions) - last :]
    of_members = Grid(sessions, want).members(members)
    is_member = of_members["member"]

    def of_members_alone(values: FloatArray) -> FloatArray:
        result = widen(values, have, want, np.nan)
        by_rows(lambda part: np.copyto(result[part], np.nan, where=~is_member[part]), result.shape)
        return result

    bars: dict[str, Any] = {
        name: widen(getattr(panel, name)[len(panel.sessions) - last :], have, want, np.nan)
        for name in BAR_COLUMNS
    }
    return Panel(
        sessions,
        want,
        **bars,
        **of_members,
        features=features.then(of_members_alone),
        calendar=calendar,
    )


def sessions_before(stored: Sequence[date], days: Sequence[str], lookback: int) -> list[str]:
    """Return days, with the stored sessions before them that a look-back reaches."""
    first = stored.index(date.fromisoformat(days[0]))
    before = [day.isoformat() for day in stored[max(first - (lookback - 1), 0) : first]]
    return [*before, *days]


def last_tickers(members: Rows) -> dict[str, str]:
    """Return the last ticker of each security, of rows in the order of their dates."""
    if isinstance(members, pd.DataFrame):
        newest = members.drop_duplicates("security_id", keep="last")
        return dict(zip(newest["security_id"], newest["symbol"], strict=True))
    found: dict[str, str] = {}
    for batch in reversed(members.to_batches()):
        securities = batch.column("security_id")
        codes = securities.indices.fill_null(-1).to_numpy()
        last = np.full(len(securities.dictionary) + 1, -1)
        last[codes] = np.arange(len(codes))  # of several, the last one stays
        names = securities.dictionary.to_numpy(zero_copy_only=False)
        at = [row for row in np.flatnonzero(last[:-1] >= 0) if names[row] not in found]
        tickers = batch.column("symbol").take(pa.array(last[at], pa.int64()))
        found.update(zip(names[at].tolist(), tickers.to_pylist(), strict=True))
    return found
