"""Where the borrow fees, lending, recalls and betas of securities come from, and their arrays.

The setting QUANT_PLATFORM_CONDITIONS names fields of the user's own data:

    borrow=own:shorts.fee available=own:shorts.available recalled=own:shorts.recalled@1

1. `borrow` is an annual fee as a fraction (unknown: that of the costs), `available` whether shares
   may be sold short (unknown: yes), `recalled` whether short positions must be closed in the
   session (unknown: no), both 0 or 1, and `beta` the beta of a limit (unknown: 1).
2. A value of own data is known after the close of its session, so that it counts in the next one.

What belongs here: from known values to what a simulation takes. What does not: what it does with
them (`trading/conditions.py`), and frames of a notebook (`research/given_conditions.py`).
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from quant_platform.errors import SettingsError
from quant_platform.features.extras import OwnInput
from quant_platform.features.inputs import own_inputs, sessions_held
from quant_platform.features.own_values import own_values
from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.panel import Panel
from quant_platform.settings import PREFIX

VARIABLE = PREFIX + "CONDITIONS"

BORROW, AVAILABLE, RECALLED, BETA = "borrow", "available", "recalled", "beta"
NAMES = (BORROW, AVAILABLE, RECALLED, BETA)

HOW = "Write borrow=own:DATASET.FIELD, and likewise available, recalled and beta"


@lru_cache(maxsize=64)
def read_sources(text: str) -> Mapping[str, str]:
    """Return the inputs that a text of the setting names, by condition.

    Raises
    ------
    SettingsError
        It names no condition, or one twice, or something else than own data.

    Examples
    --------
    >>> read_sources("borrow=own:shorts.fee")
    {'borrow': 'own:shorts.fee'}
    """
    found: dict[str, str] = {}
    for word in text.split():
        name, _, source = word.partition("=")
        if name not in NAMES or name in found or OwnInput.parse(source) is None:
            raise SettingsError(f"{VARIABLE}: {word!r} is no condition, or comes twice", HOW)
        found[name] = source
    return found


def sessions_read(sources: Mapping[str, str]) -> int:
    """Return the sessions of own data that a session's conditions depend on, its own included."""
    return sessions_held(frozenset(sources.values())) + 1 if sources else 0


def datasets_read(sources: Mapping[str, str]) -> tuple[str, ...]:
    """Return the datasets that conditions are read of."""
    return tuple({each.dataset for each in own_inputs(sources.values())})


def own_conditions(
    sources: Mapping[str, str], rows: pd.DataFrame, days: Sequence[str], panel: Panel
) -> dict[str, Any]:
    """Return the arrays of conditions in the panel's shape, by name.

    Parameters
    ----------
    sources : inputs from own data, by condition
    rows : of `own_data`, of `days`
    days : the panel's sessions, with the ones before in which what holds may have become known

    Raises
    ------
    SettingsError
        A value is none of its condition.
    """
    found = {}
    for name, source in sources.items():
        read = OwnInput.parse(source)
        assert read is not None  # noqa: S101 - `read_sources` has refused it
        found[name] = condition(name, before(own_values(rows, read, days, panel)), panel, source)
    return found


def before(values: FloatArray) -> FloatArray:
    """Return what was known after the session before, (sessions, securities)."""
    return np.vstack((np.full((1, values.shape[1]), np.nan), values[:-1]))


def condition(name: str, values: FloatArray, panel: Panel, source: str) -> Any:
    """Return values as the simulation takes them.

    Parameters
    ----------
    values : in the sessions in which they count, in the panel's shape; NaN: unknown
    source : where they come from, for the message

    Raises
    ------
    SettingsError
        One is no fee, no beta, or neither 0 nor 1.
    """
    known = ~np.isnan(values)
    if name == BORROW:
        is_wrong, allowed = (values < 0.0) | (values > 100.0), "an annual fraction, 0 to 100"
    elif name == BETA:
        is_wrong, allowed = np.isinf(values), "a number"
    else:
        is_wrong, allowed = known & (values != 0.0) & (values != 1.0), "0 or 1"
    wrong = np.argwhere(is_wrong)
    if len(wrong):
        t, n = wrong[0]
        raise SettingsError(
            f"The condition {name} ({source}) of {panel.security_ids[n]} is {values[t, n]:g} in"
            f" {panel.sessions[t]}",
            f"Allowed: {allowed}; empty: unknown",
        )
    if name in (BORROW, BETA):
        return values
    return np.where(known, values, 1.0 if name == AVAILABLE else 0.0) == 1.0
