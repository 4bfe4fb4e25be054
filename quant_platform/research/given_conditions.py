"""Borrow fees, lending, recalls and betas of a backtest, from whatever a notebook has of them.

A condition (`strategies/condition_sources.py`) is given as

1. a series by ticker or security: the same in every session;
2. a frame of dates × tickers or securities: each row counts from its date on until the next row; a
   row of `recalled` counts in the first session from its date on alone;
3. `own:DATASET.FIELD`, or the name of a feature such as `beta_252`: as known after the close of the
   session before.

What belongs here: these as arrays of the panel's shape. What does not: what is done with them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from quant_platform.errors import SettingsError, UnknownNameError
from quant_platform.features.extras import OwnInput
from quant_platform.features.inputs import OWN_DATA, sessions_held
from quant_platform.kernels.arrays import FloatArray
from quant_platform.research.feature_data import FeatureData, days_held
from quant_platform.research.inputs import Inputs
from quant_platform.research.reader import TableReader
from quant_platform.strategies.condition_sources import (
    NAMES,
    RECALLED,
    before,
    condition,
    datasets_read,
    own_conditions,
)
from quant_platform.time_limit import TimeLimit
from quant_platform.trading.conditions import Conditions
from quant_platform.trading.market_arrays import widen

Given = Mapping[str, "pd.DataFrame | pd.Series | str"]
"""Condition → its values or their source."""

FORMS = "Pass a frame of dates × tickers, a series by ticker, 'own:DATASET.FIELD' or a feature"


def check_conditions(given: Given) -> None:
    """Refuse what is none, before anything is read.

    Raises
    ------
    SettingsError
        There is no such condition, or its values are given in no form that is known.
    """
    for name, value in given.items():
        if name not in NAMES:
            raise SettingsError(f"There is no condition {name!r}", f"There are: {', '.join(NAMES)}")
        if not isinstance(value, (pd.DataFrame, pd.Series, str)):
            raise SettingsError(f"The condition {name} is {value!r}", FORMS)


def with_given(
    known: Conditions, given: Given, reader: TableReader, inputs: Inputs, limit: TimeLimit
) -> Conditions:
    """Return conditions with those that a notebook or the settings give.

    Raises
    ------
    SettingsError, UnknownNameError
        A value is none of its condition, or its ticker no member's; there is no such feature.
    """
    own = {
        name: each
        for name, each in given.items()
        if isinstance(each, str) and OwnInput.parse(each) is not None
    }
    arrays: dict[str, Any] = {}
    panel = inputs.panel
    if own:
        sessions = [str(day) for day in panel.sessions]
        days = days_held(inputs.calendar, sessions, sessions_held(frozenset(own.values())))
        datasets = {"dataset": datasets_read(own)}
        rows = reader.rows(OWN_DATA, (days[0], days[-1]), among=datasets)
        arrays |= own_conditions(own, rows, days, panel)
    for name, each in given.items():
        if name in own:
            continue
        if isinstance(each, str):
            values, source = before(_of_feature(each, reader, inputs, limit)), each
        else:
            values, source = _of_frame(name, each, inputs), "as given"
        arrays[name] = condition(name, values, panel, source)
    return replace(known, **arrays)


def _of_feature(name: str, reader: TableReader, inputs: Inputs, limit: TimeLimit) -> FloatArray:
    """Values of a feature after the panel's sessions; those before the first one's are unknown."""
    panel, calendar = inputs.panel, inputs.calendar
    day = np.datetime64(inputs.days[0], "D")
    first = max(int(np.searchsorted(panel.sessions, day)) - 1, 0)
    data = FeatureData(reader, calendar, str(panel.sessions[first]), inputs.days[-1], limit)
    found = data.panel([name])
    values = np.full(panel.close.shape, np.nan)
    rows = np.searchsorted(panel.sessions, found.sessions)
    values[rows] = widen(found[name], found.security_ids, panel.security_ids, np.nan)
    return values


def _of_frame(name: str, given: "pd.DataFrame | pd.Series", inputs: Inputs) -> FloatArray:
    """Values of a frame or series in the panel's shape."""
    panel = inputs.panel
    columns = list(given.columns if isinstance(given, pd.DataFrame) else given.index)
    places = list(_columns(name, columns, inputs))
    values = np.full(panel.close.shape, np.nan)
    if isinstance(given, pd.Series):
        for numbers, value in zip(places, given.to_numpy(dtype=np.float64), strict=True):
            values[:, numbers] = value
        return values
    try:
        dates = pd.DatetimeIndex(given.index).tz_localize(None).normalize()
    except (TypeError, ValueError):
        raise SettingsError(f"The condition {name} has rows without dates", FORMS) from None
    if not dates.is_monotonic_increasing or dates.has_duplicates:
        raise SettingsError(f"The dates of the condition {name} do not rise", "Sort the frame")
    days = dates.to_numpy().astype("datetime64[D]")
    if name == RECALLED:
        rows = np.searchsorted(panel.sessions, days)
        chosen = np.full(len(panel.sessions), -1)
        inside = rows < len(panel.sessions)
        chosen[rows[inside]] = np.flatnonzero(inside)
    else:
        chosen = np.searchsorted(days, panel.sessions, side="right") - 1
    table = np.vstack((given.to_numpy(dtype=np.float64), np.full((1, len(columns)), np.nan)))
    for numbers, column in zip(places, table.T, strict=True):
        values[:, numbers] = column[chosen][:, None]
    return values


def _columns(name: str, columns: Sequence[object], inputs: Inputs) -> Iterator[list[int]]:
    """Columns of the panel that each ticker, or security, means: one, or none without a bar."""
    members = inputs.universe[["symbol", "security_id"]].drop_duplicates()
    of_ticker = members.groupby("symbol")["security_id"].agg(list).to_dict()
    number = {each: at for at, each in enumerate(inputs.panel.security_ids)}
    for each in columns:
        named = [each] if each in number else of_ticker.get(each, [])
        if not named:
            raise UnknownNameError(
                f"The condition {name} is given for {each}, which is no member from"
                f" {inputs.days[0]} to {inputs.days[-1]}",
                "Take its column away, or name a ticker or security of the universe",
            )
        if len(named) > 1:
            raise SettingsError(
                f"The condition {name} is given for {each}, which were several securities",
                f"Name it by its security: {', '.join(map(str, named))}",
            )
        yield [number[one] for one in named if one in number]
