"""What features read beside bars, from the platform's tables, over a window of sessions.

1. `member` and `sector` are those of the universe in each session.
2. `market_return` is the mean total return of the session before's members, each weighing the same.
   It is summed in the order of the securities.
3. `series:NAME` is the column NAME of a table of the economy: its last value of `KNOWN_SESSIONS`
   sessions, the session's own the last of them.

What does not belong here: what features make of it (`features/`).
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from quant_platform.features.compute import required_lookback
from quant_platform.features.extras import NO_SECTOR, Extras
from quant_platform.features.feature_registry import Feature, features_of
from quant_platform.features.feature_set import FeatureSet
from quant_platform.kernels.arrays import FloatArray, SessionArray
from quant_platform.market.panel import Panel, pivot
from quant_platform.pipeline.platform import Platform
from quant_platform.storage import bulk

ECONOMY = ("treasury_yields", "inflation", "labor_market")
"""Tables whose columns are series."""

KNOWN_SESSIONS = 63
"""Sessions for which a series' value is held to be the last one: a quarter."""

UNIVERSE_INPUTS = ("member", "sector", "market_return")
"""Inputs that are read from the universe of every session of a window."""

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


def universe_read(chosen: FeatureSet) -> tuple[int, tuple[str, ...]]:
    """Return how many sessions of the universe a set reads, and which columns beside the key."""
    if inputs_of(features_of(chosen)) & {*UNIVERSE_INPUTS}:
        return required_lookback([chosen.name]), ("sector",)
    return 1, ()


def information_read(chosen: FeatureSet) -> dict[str, int]:
    """Return how many sessions a set reads of the tables of news and the economy."""
    features = features_of(chosen)
    news = [each.lookback for each in features if "articles" in each.inputs]
    series = [
        each.lookback
        for each in features
        if any(name.startswith("series:") for name in each.inputs)
    ]
    depths = {"news": max(news)} if news else {}
    if series:
        depths |= dict.fromkeys(ECONOMY, max(series) + KNOWN_SESSIONS - 1)
    return depths


def read_extras(
    platform: Platform,
    panel: Panel,
    inputs: frozenset[str],
    universe: pd.DataFrame,
    economy: Mapping[str, pd.DataFrame],
    days: Sequence[str] = (),
) -> Extras:
    """Return what the features read beside bars.

    Parameters
    ----------
    universe : date, security_id, sector of the panel's sessions; of fewer, if nothing reads it
    economy : rows by table, of `days`
    days : the panel's sessions with those before them that `series_window` adds
    """
    member = sector = None
    if inputs & {"member", "sector"}:
        codes, _ = pd.factorize(universe["sector"], sort=True)
        numbered = universe.assign(sector=codes.astype(np.float64))
        sector = pivot(numbered, "sector", panel.sessions, panel.security_ids)
        member = ~np.isnan(sector)
        sector[~member] = NO_SECTOR
    market = market_return(platform, panel.sessions) if "market_return" in inputs else None
    names = [name.partition(":")[2] for name in sorted(inputs) if name.startswith("series:")]
    series = {
        name: _last_known(frame, name, days, len(panel.sessions))
        for name in names
        for frame in economy.values()
        if name in frame.columns
    }
    return Extras(member=member, sector=sector, market_return=market, series=series)


def market_return(platform: Platform, sessions: SessionArray) -> FloatArray:
    """Return of the market in consecutive sessions; NaN in the first."""
    result = np.full(len(sessions), np.nan)
    if len(sessions) > 1:
        days = [f"{{{','.join(map(str, part))}}}" for part in (sessions[:-1], sessions[1:])]
        rows = bulk.query(platform.database, _MARKET, days)
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


def series_window(platform: Platform, window: Sequence[str]) -> list[str]:
    """Return the window with the sessions before it in which its series may have become known."""
    return [*platform.window(window[:1], KNOWN_SESSIONS)[:-1], *window]
