"""`MarketParts`: some sessions of a market that was read once, as if they alone had been read.

A run over the part gives the bits of a backtest from its first to its last session:

1. Sessions after its last one are cut off, so that no strategy sees them, whatever it does. Signals
   look back on the sessions before its first one, as far as some model needs.
2. Its columns are the securities that such a backtest would have: those with a bar or a membership
   in its sessions that were members of the universe by its last one.
3. Features are those of the whole range. Law 1 says that they are the same; `Store.audit` proves
   it of features that somebody added.

What does not belong here: which parts there are (`validation.py`), and how one is run
(`configuration_run.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.features.compute import required_lookback
from quant_platform.kernels.arrays import BoolArray
from quant_platform.market.grid import Rows
from quant_platform.market.panel import Panel
from quant_platform.research.inputs import Inputs, Needs
from quant_platform.research.prepared import Prepared
from quant_platform.storage.bulk import BEGINNING
from quant_platform.storage.columnar import between
from quant_platform.trading.conditions import LIQUIDITY_LOOKBACK, Conditions


@dataclass(frozen=True)
class MarketParts:
    """A market, and parts of it.

    Attributes
    ----------
    market : everything that was read
    needs : of the models that are run over it
    """

    market: Prepared
    needs: Needs

    @cached_property
    def since(self) -> Mapping[str, np.datetime64]:
        """First session of each security in the universe."""
        last = self.market.inputs.days[-1]
        rows = self.market.reader.rows(
            "trading_universe", (BEGINNING, last), ("date", "security_id")
        )
        first = rows.groupby("security_id")["date"].min()
        days = first.to_numpy().astype("datetime64[D]")
        return dict(zip(first.index, days, strict=True))

    def part(self, first: int, last: int) -> Prepared:
        """Return the sessions from number `first` to number `last` of the market's."""
        market, inputs = self.market, self.market.inputs
        days = inputs.days[first : last + 1]
        end = np.datetime64(days[-1], "D")
        before = len(inputs.window) - len(inputs.days)
        start = max(before + first - (self.needs.lookback - 1), 0)
        window = inputs.window[start : before + last + 1]
        panel, rows = inputs.panel, self._rows(first, last)
        strategy = inputs.strategy_panel.cut(start, before + last + 1)
        known = self._known(panel.security_ids, end) & self._has_bars(panel, start, rows.stop)
        of_bars = [name for name, has in zip(panel.security_ids, known, strict=True) if has]
        kept = strategy.member.any(axis=0) | np.isin(strategy.security_ids, of_bars)
        part = Inputs(
            days,
            window,
            panel.cut(rows.start, rows.stop).of_securities(np.flatnonzero(known)),
            inputs.actions,
            strategy.of_securities(np.flatnonzero(kept)),
            _of_days(inputs.members, window),
            inputs.calendar,
        )
        conditions = _conditions(market.conditions, rows, slice(first, last + 1), known)
        rates = market.rates.iloc[first : last + 1]
        return replace(market, inputs=part, conditions=conditions, known_rates=rates)

    def _rows(self, first: int, last: int) -> slice:
        """Rows of the bars' panel: the sessions, and those that impact looks back on."""
        inputs = self.market.inputs
        before = len(inputs.panel.sessions) - len(inputs.days)
        return slice(max(before + first - LIQUIDITY_LOOKBACK, 0), before + last + 1)

    def _known(self, securities: tuple[str, ...], end: np.datetime64) -> BoolArray:
        """Whether each was a member of the universe in some session until `end`."""
        never = end + 1
        return np.array([self.since.get(each, never) <= end for each in securities], dtype=bool)

    def _has_bars(self, panel: Panel, start: int, stop: int) -> BoolArray:
        """Whether each has a bar or an action where a backtest of the part would read it."""
        inputs = self.market.inputs
        deep = required_lookback(self.needs.features) - 1
        before = len(inputs.window) - len(panel.sessions)
        rows = slice(max(start - before - deep, 0), stop)
        acts = (panel.split[rows] != 1.0) | (panel.dividend[rows] != 0.0)
        return np.asarray((panel.traded[rows] | acts).any(axis=0))


def _of_days(members: Rows, window: Sequence[str]) -> Rows:
    """Rows of the universe in some sessions."""
    if isinstance(members, pd.DataFrame):
        inside = members["date"].between(pd.Timestamp(window[0]), pd.Timestamp(window[-1]))
        return members[inside].reset_index(drop=True)
    return between(members, date.fromisoformat(window[0]), date.fromisoformat(window[-1]))


def _conditions(known: Conditions, rows: slice, days: slice, columns: BoolArray) -> Conditions:
    """What is known of the securities, of some rows and columns."""

    def of(values: NDArray[Any] | None) -> NDArray[Any] | None:
        if values is None:
            return None
        part = values[rows]
        return part if columns.all() else part[:, columns]

    changed: dict[str, Any] = {
        name: of(getattr(known, name))
        for name in ("borrow", "available", "recalled", "beta", "sectors")
    }
    if known.liquidity is not None:
        part = known.liquidity[:, days]
        changed["liquidity"] = part if columns.all() else part[:, :, columns]
    return replace(known, **changed)
