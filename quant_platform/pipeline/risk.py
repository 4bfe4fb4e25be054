"""The risk model of a run's sessions, block by block: read, compute, hand over.

`exposure_chunks` says what securities are like after a session, `factor_return_chunks` what the
factors earned in a session by the exposures of the one before, `forecast_chunks` what that means
for the positions held. What does not belong here: any formula (`risk/`).
"""

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.facts import with_tickers
from quant_platform.market.grid import pivot
from quant_platform.market.panel import Panel
from quant_platform.pipeline.blocks import Block, SlidingRows, blocks, count_securities
from quant_platform.pipeline.chunks import Chunk
from quant_platform.pipeline.computations import server_time
from quant_platform.pipeline.platform import Platform
from quant_platform.risk import (
    MARKET,
    SECTOR_PREFIX,
    STYLES,
    characteristics,
    covariance,
    regression,
)
from quant_platform.risk import forecast as forecasting
from quant_platform.risk.characteristics import LOOKBACK, exposures, known_returns
from quant_platform.risk.covariance import (
    FACTOR_LOOKBACK,
    SPECIFIC_WINDOW,
    factor_covariance,
    specific_volatility,
)
from quant_platform.risk.forecast import Market, Positions
from quant_platform.risk.regression import CrossSections, factor_returns, filled
from quant_platform.risk.tails import EXPECTED_SHORTFALL, VALUE_AT_RISK
from quant_platform.storage.bulk import BEGINNING, Members
from quant_platform.storage.stored import Stored

EXPOSURE_COLUMNS = (MARKET, *STYLES)
"""Columns of `factor_exposures` that are exposures, as wide as a design."""

BARS_READ = ("date", "security_id", "close_price", "volume")

Integers = NDArray[np.int64]


@cache
def risk_recipe() -> str:
    """Digest of the source that the risk model is computed by."""
    modules = (characteristics, regression, covariance, forecasting)
    source = "".join(inspect.getsource(module) for module in modules)
    return f"risk model {sha256(source.encode()).hexdigest()[:16]}"


def exposure_chunks(
    platform: Platform, sessions: Sequence[str], bars: Stored, actions: Stored, universe: Stored
) -> Iterator[Chunk]:
    """Rows of `factor_exposures` for the members of each session that have a bar.

    Parameters
    ----------
    sessions : ISO dates, ascending
    bars, actions : of the securities that were members in some session up to the run's last
    universe : members with their sectors; as far back as the bars
    """
    if not sessions:
        return
    securities = count_securities(platform, Members(BEGINNING, sessions[-1]))
    bar_rows = SlidingRows(bars.narrowed(*BARS_READ).in_any_order())
    action_rows, members = SlidingRows(actions), SlidingRows(universe)
    for block in blocks(platform, sessions, LOOKBACK, securities):
        read_at = server_time(platform)
        universe_rows = members.over(block.window)
        panel = Panel.from_frames(
            bar_rows.over(block.window),
            action_rows.over(block.window),
            block.window,
            universe=universe_rows,
            calendar=platform.calendar,
        )
        rows = exposure_rows(panel, len(block.sessions))
        frames = {"factor_exposures": with_tickers(rows, universe_rows)}
        yield Chunk(block.sessions, frames, read_at=read_at)


def exposure_rows(panel: Panel, last: int) -> pd.DataFrame:
    """Rows of the exposures of a panel's last sessions, without tickers."""
    found = exposures(panel)
    values = {"dollar_volume": found.value_traded, MARKET: found.market, **found.styles}
    rows = panel.frame(
        {
            **{name: array.astype(np.float32) for name, array in values.items()},
            "sector": panel.sectors,
        },
        where=panel.member & panel.traded,
        last=last,
    )
    names = pd.array([*panel.sector_names, None], dtype="str")
    return rows.assign(sector=names.take(rows["sector"].to_numpy()))


def factor_return_chunks(
    platform: Platform, sessions: Sequence[str], bars: Stored, actions: Stored, exposed: Stored
) -> Iterator[Chunk]:
    """Rows of `factor_returns` and `specific_returns`, by the exposures of the session before."""
    if not sessions:
        return
    securities = count_securities(platform, Members(BEGINNING, sessions[-1]))
    bar_rows = SlidingRows(bars.narrowed(*BARS_READ[:3]).in_any_order())
    action_rows, exposure_of = SlidingRows(actions), SlidingRows(exposed)
    for block in blocks(platform, sessions, 2, securities):
        read_at = server_time(platform)
        panel = Panel.from_frames(
            bar_rows.over(block.window), action_rows.over(block.window), block.window
        )
        before = len(block.window) - len(block.sessions)
        rows = exposure_of.over(block.window)
        frames = factor_return_rows(panel, rows)
        first = pd.Timestamp(block.sessions[0])
        if not before:  # The first session of all has no exposures before it.
            first = pd.Timestamp(block.window[1]) if len(block.window) > 1 else pd.Timestamp.max
        frames = {name: rows[rows["date"] >= first] for name, rows in frames.items()}
        yield Chunk(block.sessions, frames, read_at=read_at)


def factor_return_rows(panel: Panel, exposed: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Rows of `factor_returns` and `specific_returns` in a panel's sessions but the first.

    Parameters
    ----------
    exposed : rows of `factor_exposures`, ordered by date and security
    """
    returns = known_returns(panel)
    at = np.searchsorted(panel.sessions, exposed["date"].to_numpy().astype("datetime64[D]"))
    column = pd.Index(panel.security_ids).get_indexer(pd.Index(exposed["security_id"]))
    following = np.minimum(at + 1, len(panel.sessions) - 1)
    earned = np.where((column >= 0) & (following > at), returns[following, column], np.nan)
    known = np.isfinite(earned)
    rows = exposed[known]
    session = at[known]
    sectors = pd.Categorical(rows["sector"])
    cross = CrossSections(
        session=session,
        exposures=rows[list(EXPOSURE_COLUMNS)].to_numpy(dtype=np.float64),
        sector=sectors.codes.astype(np.int64),
        value_traded=_weights(
            rows["dollar_volume"].to_numpy(dtype=np.float64), session, len(returns)
        ),
        returns=earned[known],
        sessions=len(panel.sessions),
        sector_names=list(sectors.categories),
    )
    found = factor_returns(cross)
    of_session, factor = np.nonzero(np.isfinite(found.returns))
    days = panel.sessions.astype("datetime64[s]")
    return {
        "factor_returns": pd.DataFrame(
            {
                "date": days[of_session + 1],
                "factor": pd.array(cross.factors, dtype="str").take(factor),
                "factor_return": found.returns[of_session, factor],
                "standard_error": found.errors[of_session, factor],
                "securities": found.names[of_session],
                "r_squared": found.r_squared[of_session],
            }
        ),
        "specific_returns": pd.DataFrame(
            {
                "date": days[session + 1],
                "security_id": rows["security_id"].to_numpy(),
                "specific_return": found.specific,
            }
        ),
    }


def _weights(value: FloatArray, session: Integers, sessions: int) -> FloatArray:
    """Values traded; one unknown counts as the least known of its session, as in `weights_of`."""
    known = value > 0.0
    least = np.full(sessions, np.inf)
    np.minimum.at(least, session[known], value[known])
    return np.where(known, value, np.where(np.isfinite(least), least, 1.0)[session])


def forecast_chunks(
    platform: Platform,
    sessions: Sequence[str],
    factors: Stored,
    exposed: Stored,
    portfolios: Stored,
) -> Iterator[Chunk]:
    """Rows of `risk_forecasts`: of each portfolio, after the close, for the session that follows.

    Parameters
    ----------
    factors : `factor_returns` as far back as a covariance looks; specific returns go with them
    exposed, portfolios : of the run's sessions
    """
    if not sessions:
        return
    securities = count_securities(platform, Members(BEGINNING, sessions[-1]))
    specific = replace(factors, table=platform.table("specific_returns"), columns=None)
    scope = {**(portfolios.scope or {}), "account": "simulated"}
    positions = replace(portfolios, table=platform.table("positions"), scope=scope).narrowed(
        "date", "model_id", "security_id", "weight"
    )
    factor_rows, specific_rows = SlidingRows(factors), SlidingRows(specific)
    for block in blocks(platform, sessions, SPECIFIC_WINDOW, securities):
        read_at = server_time(platform)
        first, last = block.sessions[0], block.sessions[-1]
        rows = forecast_rows(
            block,
            platform.window(block.sessions, FACTOR_LOOKBACK),
            factor_rows.over(platform.window(block.sessions, FACTOR_LOOKBACK)),
            specific_rows.over(block.window),
            exposed.read(first, last),
            portfolios.narrowed("date", "model_id").read(first, last),
            positions.read(first, last),
        )
        yield Chunk(block.sessions, {"risk_forecasts": rows}, read_at=read_at)


def forecast_rows(
    block: Block,
    factor_window: Sequence[str],
    factors: pd.DataFrame,
    specific: pd.DataFrame,
    exposed: pd.DataFrame,
    portfolios: pd.DataFrame,
    positions: pd.DataFrame,
) -> pd.DataFrame:
    """Rows of `risk_forecasts` of a block's sessions, ordered by date and model."""
    market, security_ids = market_of(block, factor_window, factors, specific, exposed)
    models = np.unique(portfolios["model_id"].to_numpy(dtype=np.int64))
    days = np.array(block.sessions, dtype="datetime64[D]")

    def numbers(rows: pd.DataFrame) -> tuple[Integers, Integers]:
        session = np.searchsorted(days, rows["date"].to_numpy().astype("datetime64[D]"))
        return np.searchsorted(models, rows["model_id"].to_numpy(dtype=np.int64)), session

    having = np.zeros((len(models), len(days)), dtype=bool)
    having[numbers(portfolios)] = True
    held = positions[positions["weight"].to_numpy(dtype=np.float64) != 0.0]
    model, session = numbers(held)
    security = pd.Index(security_ids).get_indexer(pd.Index(held["security_id"]))
    weight = held["weight"].to_numpy(dtype=np.float64)
    found = forecasting.forecasts(market, Positions(model, session, security, weight, having))
    of_session, of_model = np.nonzero(having.T)
    shown = (of_model, of_session)
    volatility = found.volatility[shown]
    columns: dict[str, object] = {
        "date": days[of_session].astype("datetime64[s]"),
        "model_id": models[of_model],
        "positions": found.positions[shown],
        "covered": found.covered[shown],
        "volatility": volatility,
        **{f"value_at_risk_{each}": at * volatility for each, at in VALUE_AT_RISK.items()},
        **{
            f"expected_shortfall_{each}": at * volatility for each, at in EXPECTED_SHORTFALL.items()
        },
        **{
            name: getattr(found, name)[shown]
            for name in ("market_share", "style_share", "sector_share", "specific_share")
        },
    }
    for number, name in enumerate(("beta", *STYLES)):
        columns[name] = found.exposures[shown][:, number]
    return pd.DataFrame(columns)


def market_of(
    block: Block,
    factor_window: Sequence[str],
    factors: pd.DataFrame,
    specific: pd.DataFrame,
    exposed: pd.DataFrame,
) -> tuple[Market, Sequence[str]]:
    """What is known of factors and securities after each session of a block; and the securities."""
    count = len(block.sessions)
    sectors = sorted({*factors["factor"].unique()} - {*EXPOSURE_COLUMNS})
    names = [*EXPOSURE_COLUMNS, *sectors]
    returns = pivot(
        factors.rename(columns={"factor": "security_id"}),
        "factor_return",
        np.array(factor_window, dtype="datetime64[D]"),
        names,
    )
    matrix, known = factor_covariance(returns, last=count)
    days = np.array(block.window, dtype="datetime64[D]")
    security_ids = sorted({*specific["security_id"].unique(), *exposed["security_id"].unique()})
    of_past = pivot(specific, "specific_return", days, security_ids)
    today = days[len(days) - count :]
    design = np.full((count, len(security_ids), len(EXPOSURE_COLUMNS)), np.nan)
    session = np.searchsorted(today, exposed["date"].to_numpy().astype("datetime64[D]"))
    column = pd.Index(security_ids).get_indexer(pd.Index(exposed["security_id"]))
    design[session, column] = filled(exposed[list(EXPOSURE_COLUMNS)].to_numpy(dtype=np.float64))
    value, sector = np.full(design.shape[:2], np.nan), np.full(design.shape[:2], -1)
    value[session, column] = exposed["dollar_volume"].to_numpy(dtype=np.float64)
    named = SECTOR_PREFIX + exposed["sector"].astype("str")
    sector[session, column] = pd.Index(sectors, dtype="str").get_indexer(pd.Index(named))
    where = np.isfinite(design[:, :, 0])
    longest = np.zeros((len(days), len(security_ids)), dtype=bool)
    longest[len(days) - count :] = where
    values = np.full(of_past.shape, np.nan)
    values[len(days) - count :] = value
    volatility = specific_volatility(of_past, values, longest)[len(days) - count :]
    return Market(design, sector, volatility, matrix, known), security_ids
