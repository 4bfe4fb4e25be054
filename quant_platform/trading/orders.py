"""From a model's signals to its orders: the signals of one session are executed in the next one.

Row t of `Orders` holds what was known after the close of the session before t. It also holds what
`simulation.count_hits` needs to judge those signals. Executing orders does not belong here: see
`simulation.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.errors import ContractError
from quant_platform.kernels.arrays import BoolArray, FloatArray, SessionArray
from quant_platform.kernels.threads import by_rows
from quant_platform.market.calendar import XNYS, Calendar
from quant_platform.market.grid import Grid, securities_in
from quant_platform.trading.engine.layout import L_STOP, LEVELS
from quant_platform.trading.rebalancing import AS_ASKED, Rebalance

ASKED_WEIGHT = "asked_weight"


@dataclass(frozen=True)
class TradingRules:
    """How a model's targets are traded.

    Attributes
    ----------
    rebalance : when positions are brought back to their targets
    max_gross : largest sum of the positions' absolute weights after a trade; a purchase that the
        book has no room for is scaled
    stops : whether a position is left where a bar reaches its signal's stop
    """

    rebalance: Rebalance = AS_ASKED
    max_gross: float = 1.0
    stops: bool = False


DEFAULT_RULES = TradingRules()
"""Trade what changes, up to all of the equity."""


@dataclass(frozen=True)
class Orders:
    """What one model wants in each session, as known after the close of the session before.

    Attributes
    ----------
    sessions : datetime64[D] (T,), the sessions of execution
    security_ids : sorted, one per column
    targets : (T, N) weights wanted from the open on; NaN: no opinion, what was wanted stays wanted
    types : (T, N) 1 or −1 for a signal to be judged by this session's return, else 0
    references : (T, N) close of the session before, against which the return is taken
    others : (T,) target of every security without a column: 0 where the universe is known, else NaN
    asked : (T, N) weights that the strategy asked for, before they were scaled: whether a target
        changed is judged on these; None: the targets themselves
    rules : how the targets are traded
    due : (T,) sessions in which all positions are traded; None: none
    levels : (6, T, N) prices of limit and stop entries, prices at which a position is left with a
        loss or a profit, in units of the session before; the share below its best close at which it
        is left; the sessions after which it is left. NaN: as before; None: none at all
    """

    sessions: SessionArray
    security_ids: tuple[str, ...]
    targets: FloatArray
    types: NDArray[np.int8]
    references: FloatArray
    others: FloatArray
    asked: FloatArray | None = None
    rules: TradingRules = DEFAULT_RULES
    due: BoolArray | None = None
    levels: FloatArray | None = None

    @classmethod
    def from_signals(
        cls,
        signals: pd.DataFrame,
        sessions: Sequence[object] | SessionArray,
        *,
        before: object | None = None,
        universe: pd.DataFrame | None = None,
        rules: TradingRules = DEFAULT_RULES,
        calendar: Calendar = XNYS,
    ) -> "Orders":
        """Align the signals of one model with the sessions in which they are executed.

        Parameters
        ----------
        signals : rows of the table `signals` of one model: date, security_id, signal_type,
            target_weight, reference_price and, unless it is the target, asked_weight; stop_price
            where the rules have stops. Rows of session D are executed in the session after D,
            others are ignored.
        sessions : the consecutive sessions of execution
        before : the session before the first one; None at the start of history
        universe : rows of `trading_universe` (date, security_id). With it, a security that is no
            member of a session gets the target 0 in the next one, since no signal speaks of it any
            more; sessions without a single row say nothing. Without it, such a security keeps its
            last target.
        rules : how the model's targets are traded
        calendar : sessions of the exchange, by which a week, month or quarter begins

        Raises
        ------
        ContractError
            The rows of a date and security are not unique: they are of several models.
        """
        if signals.duplicated(["date", "security_id"]).any():
            raise ContractError(
                "The signals hold several rows of one security and session",
                "Pass the signals of one model.",
            )
        days = np.asarray(sessions, dtype="datetime64[D]")
        earlier = np.asarray([] if before is None else [before], dtype="datetime64[D]")
        signal_sessions = np.concatenate((earlier, days[:-1]))
        listed = () if universe is None else securities_in(universe)
        security_ids = tuple(sorted({*securities_in(signals), *listed}))
        grid = Grid(signal_sessions, security_ids)
        names = ["target_weight", ASKED_WEIGHT, "signal_type", "reference_price"]
        names += ["stop_price"] if rules.stops else []
        found = grid.columns(signals, {name: name for name in names if name in signals})
        columns = {name: _delayed(values, len(days)) for name, values in found.items()}
        targets = columns["target_weight"]
        asked = columns.get(ASKED_WEIGHT, targets)
        others = np.full(len(days), np.nan)
        if universe is not None:
            members = grid.members(universe[["date", "security_id"]])["member"]
            member = _delayed(members, len(days), fill=False)
            others[member.any(axis=1)] = 0.0
            outside = np.where(np.isnan(others), np.nan, 0.0)[:, None]
            targets, asked = (np.where(member, weights, outside) for weights in (targets, asked))
        return cls(
            days,
            security_ids,
            targets=targets,
            types=np.nan_to_num(columns["signal_type"], nan=0.0).astype(np.int8),
            references=columns["reference_price"],
            others=others,
            asked=asked,
            rules=rules,
            due=rules.rebalance.due(days, calendar),
            levels=_stops(columns["stop_price"]) if rules.stops else None,
        )

    @classmethod
    def from_arrays(
        cls,
        sessions: SessionArray,
        security_ids: tuple[str, ...],
        *,
        rows: BoolArray,
        members: BoolArray,
        types: NDArray[np.integer],
        weights: FloatArray,
        asked: FloatArray,
        close: FloatArray,
        rules: TradingRules = DEFAULT_RULES,
        calendar: Calendar = XNYS,
    ) -> "Orders":
        """Align signals with the sessions in which they are executed, as `from_signals` does.

        The first session is the start of history. Arrays are of the sessions in which the signals
        were known, (T, N); the last session's are executed in none.

        Parameters
        ----------
        rows : where there is a signal
        members : the universe
        types, weights, asked, close : of the signals, read where there are rows
        """
        before = slice(0, max(len(sessions) - 1, 0))
        others = np.full(len(sessions), np.nan)
        others[1:][members[before].any(axis=1)] = 0.0

        def delayed(values: FloatArray) -> FloatArray:
            result = np.empty(rows.shape)
            result[:1] = np.nan

            def fill(part: slice) -> None:
                later = result[1:][part]
                later[:] = others[1:][part, None]
                np.copyto(later, values[part], where=rows[part])
                np.copyto(later, np.nan, where=members[part] & ~rows[part])

            by_rows(fill, rows[before].shape)
            return result

        signs, references = np.zeros(rows.shape, dtype=np.int8), np.empty(rows.shape)
        references[:1] = np.nan

        def fill(part: slice) -> None:
            references[1:][part] = np.nan
            np.copyto(signs[1:][part], types[part], where=rows[part], casting="unsafe")
            np.copyto(references[1:][part], close[part], where=rows[part])

        by_rows(fill, rows[before].shape)
        targets = delayed(weights)
        return cls(
            sessions,
            security_ids,
            targets=targets,
            types=signs,
            references=references,
            others=others,
            asked=targets if asked is weights else delayed(asked),
            rules=rules,
            due=rules.rebalance.due(sessions, calendar),
        )


def _stops(prices: FloatArray) -> FloatArray:
    """Levels of an order that has a stop alone."""
    levels = np.full((LEVELS, *prices.shape), np.nan)
    levels[L_STOP] = prices
    return levels


def _delayed(values: NDArray[Any], sessions: int, fill: float | bool = np.nan) -> NDArray[Any]:
    """Put a row of `fill` first where the session before the first one is missing."""
    missing = sessions - len(values)
    return np.vstack((np.full((missing, values.shape[1]), fill, dtype=values.dtype), values))
