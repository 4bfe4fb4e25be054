"""`Strategy`: what a strategy is.

A strategy is a class with typed parameters and one vectorised method, `signals`. It sees features,
closes and membership of a `Panel`, never a database or a later session. The
platform calls `run`, which checks the input before and the result after. What does not belong
here: how a position is remembered (`holdings.py`), and how conditions become rows (`positions.py`).
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import copy
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.errors import ContractError, UnknownNameError
from quant_platform.kernels.arrays import BoolArray, FloatArray
from quant_platform.market.panel import Panel
from quant_platform.strategies.limits import REFUSE, SCALE, within_limits
from quant_platform.strategies.parameters import StrategyParameters, build_parameters
from quant_platform.strategies.risk import risk_figures
from quant_platform.strategies.signal_arrays import SignalArrays
from quant_platform.trading.orders import ASKED_WEIGHT, TradingRules
from quant_platform.trading.rebalancing import ON_CHANGE, Rebalance

if TYPE_CHECKING:
    from quant_platform.learning.forecaster import Forecaster

SIGNAL_COLUMNS = (
    "date",
    "security_id",
    "signal_type",
    "strength",
    "confidence",
    "target_weight",
    "reference_price",
    "stop_price",
    "expected_return",
    "expected_volatility",
    "value_at_risk_95",
    "metadata",
)
"""Columns of the table `signals` that a strategy fills."""

RUN_COLUMNS = (*SIGNAL_COLUMNS, ASKED_WEIGHT)
"""Columns of what `Strategy.run` returns: with the weights before they were scaled."""

BUY, HOLD, SELL = 1, 0, -1

SIGNAL_HORIZON = 5
"""Sessions over which a signal's sign is judged, where its strategy states no others."""


class Strategy(ABC):
    """A rule from features to target weights.

    A subclass states `name`, `version`, the features it needs, its `Parameters` and `lookback`, and
    writes `signals`. The first paragraph of its docstring is its `description`.

    Attributes
    ----------
    name : unique, lower case, the last part of the asset `signals/<name>`; an instance that is a
        model of another name has that one (`named`)
    version : changes whenever the same input may give another signal
    required_features : features that must be known for a row to exist
    optional_features : features that are read too, but may be unknown in a row
    row_features : those of them of which nothing but rows is made, no weight and no type; a
        backtest computes them when rows are asked for
    benchmark : what it is judged against: a model's name or `symbol:TICKER`; None: the default of
        the settings (`benchmarks.py`)
    horizon : sessions, 1 to 252, that a signal's sign is stated for, from the next open to an open:
        its probability is of them (`learning/probability.py`), and nothing else depends on it
    rebalance : when positions are brought back to their targets: never, on_change, every_session,
        weekly, monthly, quarterly or drift x (`trading/rebalancing.py`)
    reads_sectors : whether the panel it is given must know sectors
    forecaster : what makes the forecasts that it trades by (`forecast_strategy.py`); None: nothing
    by_default : whether it is among the models that run where the settings name none (`models.py`)
    max_gross, max_net : largest sum of the absolute weights of a session, and size of their sum
    on_excess : whether a session that asks for more is scaled exactly (`scale`), or the run refused
        (`refuse`)
    """

    Parameters: ClassVar[type[StrategyParameters]] = StrategyParameters

    name: str
    version: ClassVar[str]
    description: ClassVar[str]
    reads_sectors: ClassVar[bool] = False
    by_default: ClassVar[bool] = True
    required_features: ClassVar[tuple[str, ...]] = ()
    optional_features: ClassVar[tuple[str, ...]] = ()
    row_features: tuple[str, ...] = ()
    horizon: int = SIGNAL_HORIZON
    rebalance: ClassVar[str] = ON_CHANGE
    on_excess: ClassVar[str] = SCALE
    max_gross: float = 1.0
    max_net: float = 1.0
    benchmark: str | None = None
    forecaster: "Forecaster | None" = None

    parameters: StrategyParameters

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.description = " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())

    def __init__(self, **parameters: Any) -> None:
        """Take parameters by name; the defaults are those of `Parameters`."""
        self.parameters = build_parameters(self.name, self.Parameters, parameters)
        self._check_limits()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.parameters!r})"

    def named(self, name: str) -> Self:
        """Return the same strategy as a model of another name."""
        model = copy(self)
        model.name = name
        return model

    @property
    @abstractmethod
    def lookback(self) -> int:
        """Sessions that a signal depends on, its own included."""

    @property
    def max_weight(self) -> float:
        """Largest absolute target weight of one symbol, as a share of the portfolio."""
        return 1.0

    @property
    def trading_rules(self) -> TradingRules:
        """How the portfolio trades the targets."""
        return TradingRules(Rebalance.of(self.rebalance), self.max_gross)

    @property
    def features(self) -> tuple[str, ...]:
        """Every feature the strategy reads."""
        return (*self.required_features, *self.optional_features)

    @abstractmethod
    def signals(self, panel: Panel) -> pd.DataFrame:
        """Return one row, with `SIGNAL_COLUMNS`, for every cell of `rows(panel)`.

        A session's rows are right if the panel holds `lookback − 1` sessions before it.
        """

    def arrays(self, panel: Panel) -> SignalArrays | None:
        """Return what `signals` says, without making rows; None: only `signals` says it."""
        return None

    def run(self, panel: Panel, last: int | None = None) -> pd.DataFrame:
        """Compute and check the signals of the panel's last sessions.

        Parameters
        ----------
        panel : the sessions wanted with `lookback − 1` earlier ones; fewer at the start of history
        last : how many sessions are wanted; all of the panel if None

        Returns
        -------
        Rows with `RUN_COLUMNS`, ordered by date, then security_id; target weights are within
        `max_gross` and `max_net`.

        Raises
        ------
        UnknownNameError
            The panel lacks a feature that the strategy reads.
        ContractError
            The strategy returned something that is not a signal, or asks for more than its limits
            and states that this is to be refused.
        """
        frame = self.signals(self.cut(panel, last))
        self._check_columns(frame)
        if last is not None:
            first = panel.sessions[max(len(panel.sessions) - last, 0) :][:1]
            frame = frame[frame["date"].to_numpy() >= first] if len(first) else frame[:0]
            frame = frame.reset_index(drop=True)
        self._check(frame)
        return within_limits(
            frame,
            max_gross=self.max_gross,
            max_net=self.max_net,
            on_excess=self.on_excess,
            model=self.name,
        )

    def cut(self, panel: Panel, last: int | None) -> Panel:
        """Return the sessions that the signals of the last ones depend on.

        Raises
        ------
        UnknownNameError
            The panel lacks a feature that the strategy reads.
        """
        missing = [name for name in self.features if name not in panel.features]
        if missing:
            raise UnknownNameError(
                f"Strategy {self.name} needs the feature {', '.join(missing)}, which is not there",
                f"Features at hand: {', '.join(sorted(panel.features)) or 'none'}.",
            )
        spare = 0 if last is None else max(len(panel.sessions) - last - self.lookback + 1, 0)
        return panel.cut(spare) if spare else panel

    def rows(self, panel: Panel) -> BoolArray:
        """Return where a row belongs: members with a close and every required feature."""
        where = panel.member & (panel.close > 0.0)
        for name in self.required_features:
            where = where & np.isfinite(panel[name])
        return where

    def frame(
        self,
        panel: Panel,
        *,
        signal_type: NDArray[np.integer],
        strength: FloatArray,
        confidence: FloatArray,
        target_weight: FloatArray,
        stop_price: FloatArray,
        score: FloatArray,
        metadata: NDArray[np.object_],
    ) -> pd.DataFrame:
        """Assemble the rows from (sessions, securities) arrays, adding price and risk figures."""
        risk = risk_figures(panel["realized_volatility_20"], score)
        columns: dict[str, NDArray[Any]] = {
            "signal_type": signal_type.astype(np.int64),
            "strength": strength,
            "confidence": confidence,
            "target_weight": target_weight,
            "reference_price": panel.close,
            "stop_price": stop_price,
            "expected_return": risk.expected_return,
            "expected_volatility": risk.expected_volatility,
            "value_at_risk_95": risk.value_at_risk_95,
            "metadata": metadata,
        }
        return panel.frame(columns, where=self.rows(panel)).astype({"metadata": "str"})

    def _check_limits(self) -> None:
        """Refuse a class whose limits or rule of rebalancing are none."""
        Rebalance.of(self.rebalance)
        for name in ("max_gross", "max_net"):
            value = getattr(self, name)
            if not 0.0 < value < np.inf:
                raise ContractError(
                    f"Strategy {self.name} states {name} = {value!r}", "Allowed: a number above 0."
                )
        if self.on_excess not in (SCALE, REFUSE):
            raise ContractError(
                f"Strategy {self.name} states on_excess = {self.on_excess!r}",
                f"Allowed: '{SCALE}' or '{REFUSE}'.",
            )

    def _check_columns(self, frame: object) -> None:
        """Refuse what is no frame of signals."""
        expected = f"Expected: a frame with the columns {', '.join(SIGNAL_COLUMNS)}."
        if not isinstance(frame, pd.DataFrame):
            kind = type(frame).__name__
            raise ContractError(f"Strategy {self.name} returned a value of type {kind}", expected)
        if tuple(frame.columns) != SIGNAL_COLUMNS:
            names = ", ".join(map(str, frame.columns)) or "none"
            raise ContractError(f"Strategy {self.name} returned the columns {names}", expected)
        if frame["date"].dtype.kind != "M":
            raise ContractError(
                f"Strategy {self.name} returned dates of type {frame['date'].dtype}", expected
            )

    def _check(self, frame: pd.DataFrame) -> None:
        """Refuse rows that are no signals, naming the first rule they break."""
        kind, stop, risk = (
            frame[name] for name in ("signal_type", "stop_price", "value_at_risk_95")
        )
        limit = self.max_weight
        rules = {
            "signal_type is -1, 0 or 1": kind.isin((SELL, HOLD, BUY)),
            "strength is from 0 to 1": frame["strength"].between(0.0, 1.0),
            "confidence is from 0 to 1": frame["confidence"].between(0.0, 1.0),
            f"target_weight is from {-limit:g} to {limit:g}": (
                frame["target_weight"].between(-limit, limit)
            ),
            "a buy has a weight above 0": (frame["signal_type"] != BUY)
            | (frame["target_weight"] > 0),
            "a sell has no weight above 0": (
                (frame["signal_type"] != SELL) | (frame["target_weight"] <= 0)
            ),
            "reference_price is positive": frame["reference_price"].between(
                0.0, np.inf, inclusive="neither"
            ),
            "stop_price is positive or unknown": stop.isna()
            | stop.between(0.0, np.inf, inclusive="neither"),
            "value_at_risk_95 is not negative": risk.isna()
            | risk.between(0.0, np.inf, inclusive="left"),
            "there is one row per date and symbol": ~frame.duplicated(["date", "security_id"]),
        }
        for rule, holds in rules.items():
            if not holds.all():
                row = frame[~holds].iloc[0]
                raise ContractError(
                    f"Strategy {self.name} broke the rule that {rule} for {row['security_id']} on "
                    f"{row['date']:%Y-%m-%d} ({int((~holds).sum())} rows)",
                    "The strategy has a fault; nothing was kept of this run.",
                )


def metadata_json(
    where: BoolArray, values: Mapping[str, NDArray[Any]], *, digits: int = 6
) -> NDArray[np.object_]:
    """Return one compact JSON object per cell: `values` where `where` is true, `{}` elsewhere.

    Floats are rounded to `digits` significant digits; one that is not finite becomes null. Text
    must need no escaping.
    """
    result = np.full(where.shape, "{}", dtype=object)
    cells = {name: array[where] for name, array in values.items()}
    texts = np.full(np.count_nonzero(where), "{}", dtype=object)
    # Rows in which the same figures are unknown have one form, which is filled row by row.
    unknown = np.zeros(len(texts), dtype=np.int64)
    for place, column in enumerate(cells.values()):
        if column.dtype.kind == "f":
            unknown |= (~np.isfinite(column)).astype(np.int64) << place
    for which in np.unique(unknown):
        at = unknown == which
        known, form = [], []
        for place, (name, column) in enumerate(cells.items()):
            is_known = not which >> place & 1
            form.append(f'"{name}":{_form(column.dtype, digits) if is_known else "null"}')
            known += [column[at].tolist()] if is_known else []
        rows = zip(*known, strict=True) if known else [()] * np.count_nonzero(at)
        text = "{" + ",".join(form) + "}"
        texts[at] = [text % row for row in rows]
    result[where] = texts
    return result


def _form(dtype: np.dtype[Any], digits: int) -> str:
    """Write what a value of a type looks like in JSON, as a `%` format has it."""
    if dtype.kind == "f":
        return f"%.{digits}g"
    return "%d" if dtype.kind in "iu" else '"%s"'
