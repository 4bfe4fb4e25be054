"""What features read beside prices and actions: which rows, how far back, and what becomes of them.

1. `member` and `sector` are those of the universe in each session.
2. `market_return` is the mean total return of the session before's members, each weighing the same.
   It is summed in the order of the securities.
3. `series:NAME` is the column NAME of a table of the economy: its last value of `KNOWN_SESSIONS`
   sessions, the session's own the last of them.
4. `own:DATASET.FIELD` is what the table `own_data` has (`own_values.py`).

Whoever computes features reads the rows, from stored sessions in a run or as known at a moment in a
notebook, and has `extras_of` make the same of them. What does not belong here: reading itself, and
what features make of it (`library/`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from quant_platform.features.compute import required_lookback
from quant_platform.features.extras import NO_SECTOR, Extras, OwnInput
from quant_platform.features.feature_registry import Feature, features_of
from quant_platform.features.feature_set import FeatureSet
from quant_platform.features.own_values import own_values
from quant_platform.kernels.arrays import FloatArray, SessionArray
from quant_platform.market.panel import BAR_COLUMNS, VWAP, Panel, pivot

ECONOMY = ("treasury_yields", "inflation", "labor_market")
"""Tables whose columns are series."""

OWN_DATA = "own_data"
"""Table of the user's own data."""

KNOWN_SESSIONS = 63
"""Sessions for which a series' value is held to be the last one: a quarter."""

UNIVERSE_INPUTS = ("member", "sector", "market_return")
"""Inputs that are read from the universe of every session of a window."""

Query = Callable[[str, Sequence[str]], pd.DataFrame]
"""Runs a statement with its parameters ($1, $2, …) as text."""

_MARKET = """
SELECT s.session AS date, avg(
    (b.close_price + coalesce(c.cash, 0)) * coalesce(c.ratio, 1) / a.close_price - 1
    ORDER BY u.security_id) AS market_return
FROM unnest($1::text::date[], $2::text::date[]) AS s (previous, session)
JOIN trading_universe u ON u.date = s.previous
JOIN market_data a ON a.date = s.previous AND a.security_id = u.security_id
JOIN market_data b ON b.date = s.session AND b.security_id = u.security_id
LEFT JOIN (
    SELECT date, security_id, max(split_ratio) AS ratio, sum(cash_amount) AS cash
    FROM corporate_actions GROUP BY 1, 2
) AS c ON c.date = s.session AND c.security_id = u.security_id
GROUP BY 1
"""


def inputs_of(features: Iterable[Feature]) -> frozenset[str]:
    """Return everything that these features read."""
    return frozenset(name for each in features for name in each.inputs)


def bar_columns(inputs: frozenset[str]) -> tuple[str, ...]:
    """Return the columns of `market_data` beside the key that features with these inputs read."""
    return (*BAR_COLUMNS.values(), *((VWAP,) if VWAP in inputs else ()))


def own_inputs(inputs: Iterable[str]) -> tuple[OwnInput, ...]:
    """Return the inputs that are the user's own data, by name."""
    parsed = (OwnInput.parse(name) for name in sorted(inputs))
    return tuple(each for each in parsed if each is not None)


def series_names(inputs: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the series of the economy among inputs."""
    return tuple(name.partition(":")[2] for name in sorted(inputs) if name.startswith("series:"))


def universe_read(chosen: FeatureSet) -> tuple[int, tuple[str, ...]]:
    """Return how many sessions of the universe a set reads, and which columns beside the key."""
    if inputs_of(features_of(chosen)) & {*UNIVERSE_INPUTS}:
        return required_lookback([chosen.name]), ("sector",)
    return 1, ()


def information_read(chosen: FeatureSet) -> dict[str, int]:
    """Return how many sessions a set reads of news, the economy and the user's own data."""
    features = features_of(chosen)
    news = [each.lookback for each in features if "articles" in each.inputs]
    series = [each.lookback for each in features if series_names(each.inputs)]
    own = [
        each.lookback + source.sessions - 1
        for each in features
        for source in own_inputs(each.inputs)
    ]
    depths = {"news": max(news)} if news else {}
    if series:
        depths |= dict.fromkeys(ECONOMY, max(series) + KNOWN_SESSIONS - 1)
    return depths | ({OWN_DATA: max(own)} if own else {})


def sessions_held(inputs: frozenset[str]) -> int:
    """Return for how many sessions, its own included, a value of these inputs holds at most."""
    series = KNOWN_SESSIONS if series_names(inputs) else 1
    return max(series, *(each.sessions for each in own_inputs(inputs)), 1)


def extras_of(
    panel: Panel,
    inputs: frozenset[str],
    *,
    universe: pd.DataFrame,
    known: Mapping[str, pd.DataFrame],
    days: Sequence[str],
    query: Query,
) -> Extras:
    """Return what features with these inputs read beside a panel's arrays.

    Parameters
    ----------
    universe : date, security_id, sector of the panel's sessions; of fewer, if nothing reads it
    known : rows of the tables of the economy and of `own_data`, of `days`, as far as there are any
    days : the panel's sessions with those before them in which what holds may have become known
        (`sessions_held`)
    query : for the return of the market
    """
    member = sector = None
    if inputs & {"member", "sector"}:
        codes, _ = pd.factorize(universe["sector"], sort=True)
        numbered = universe.assign(sector=codes.astype(np.float64))
        sector = pivot(numbered, "sector", panel.sessions, panel.security_ids)
        member = ~np.isnan(sector)
        sector[~member] = NO_SECTOR
    market = market_return(query, panel.sessions) if "market_return" in inputs else None
    series = {
        name: _last_known(known[table], name, days, len(panel.sessions))
        for name in series_names(inputs)
        for table in ECONOMY
        if table in known and name in known[table].columns
    }
    own = {
        each.name: own_values(known[OWN_DATA], each, days, panel)
        for each in own_inputs(inputs)
        if OWN_DATA in known
    }
    return Extras(member=member, sector=sector, market_return=market, series=series, own=own)


def market_return(query: Query, sessions: SessionArray) -> FloatArray:
    """Return of the market in consecutive sessions; NaN in the first."""
    result = np.full(len(sessions), np.nan)
    if len(sessions) > 1:
        days = [f"{{{','.join(map(str, part))}}}" for part in (sessions[:-1], sessions[1:])]
        rows = query(_MARKET, days)
        at = np.searchsorted(sessions, rows["date"].to_numpy().astype("datetime64[D]"))
        result[at] = rows["market_return"].to_numpy(dtype=np.float64)
    return result


def _last_known(frame: pd.DataFrame, name: str, days: Sequence[str], count: int) -> FloatArray:
    """Last known values in the last `count` of `days`."""
    every = np.asarray(days, dtype="datetime64[D]")
    known = frame[frame[name].notna()].sort_values(["date", "observed_on"])
    at = np.searchsorted(every, known["date"].to_numpy().astype("datetime64[D]"))
    # Of several that became known in one session, the last one stands.
    newest = np.full(len(every), -1)
    newest[at] = np.arange(len(known))
    place = np.where(newest >= 0, np.arange(len(every)), -1)
    place = np.maximum.accumulate(place)[-count:]
    recent = place > np.arange(len(every))[-count:] - KNOWN_SESSIONS
    values = np.append(known[name].to_numpy(dtype=np.float64), np.nan)
    return values[np.where(recent & (place >= 0), newest[place], -1)]
