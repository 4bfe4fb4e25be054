"""Dividends that are set aside, and what a person decides about them.

1. With the corporate actions of a session, its doubtful dividends (`market/doubtful_dividends.py`)
   are stored in `doubtful_dividends` and not in `corporate_actions`, from which everything is
   computed. What was decided before holds: a confirmed one stands in both.
2. `decide` records a decision in `dividend_decisions` and moves the row in the same transaction.
   The ledger then knows that the session's actions changed, so that a backfill from it computes
   what follows.

A decision is about an amount: where the vendor sends another one, that is judged anew. What does
not belong here: which dividends are doubtful.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from quant_platform.errors import UnknownNameError
from quant_platform.market.doubtful_dividends import (
    WEEKLY_SESSIONS,
    dividends_of,
    doubtful,
    without_fall,
)
from quant_platform.pipeline.computations import record
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.recipes import recipe_of
from quant_platform.storage import bulk
from quant_platform.storage.replace import Statement, TableRows, replace_tables

ACTIONS, DOUBTFUL = "corporate_actions", "doubtful_dividends"

HELD, CONFIRMED, REJECTED = "held", "confirmed", "rejected"
"""States of a doubtful dividend; it is held until a person confirms or rejects it."""

KEY = ["date", "symbol", "action_type", "cash_amount"]
"""What a decision is about."""

_STATES = """
SELECT d.date::text AS date, d.symbol, d.action_type, d.cash_amount, d.reason,
    coalesce(last.state, 'held') AS state, last.decided_by, last.recorded_at AS decided_at
FROM doubtful_dividends AS d LEFT JOIN LATERAL (
    SELECT state, decided_by, recorded_at FROM dividend_decisions AS made
    WHERE made.date = d.date AND made.symbol = d.symbol AND made.action_type = d.action_type
    AND made.cash_amount = d.cash_amount ORDER BY id DESC LIMIT 1) AS last ON true
WHERE d.date BETWEEN $1::text::date AND $2::text::date ORDER BY 1, 2, 3
"""

_DECIDED = """
SELECT DISTINCT ON (date, symbol, action_type, cash_amount)
    date, symbol, action_type, cash_amount, state FROM dividend_decisions
WHERE date BETWEEN $1::text::date AND $2::text::date
ORDER BY date, symbol, action_type, cash_amount, id DESC
"""

_NIGHTS = """
SELECT paid.date::date AS date, paid.symbol, before.close_price AS close_before,
    bar.open_price, bar.close_price
FROM unnest($1::text::date[], $2::text::text[], $3::text::date[]) AS paid (date, symbol, earlier)
JOIN market_data AS bar ON bar.date = paid.date AND bar.symbol = paid.symbol
JOIN market_data AS before ON before.date = paid.earlier AND before.symbol = paid.symbol
"""

_MARKET = """
SELECT day.date::date AS date, greatest(
    percentile_cont(0.5) WITHIN GROUP (ORDER BY bar.open_price / before.close_price),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY bar.close_price / before.close_price)) - 1 AS market
FROM unnest($1::text::date[], $2::text::date[]) AS day (date, earlier)
JOIN market_data AS bar ON bar.date = day.date
JOIN market_data AS before ON before.date = day.earlier AND before.security_id = bar.security_id
GROUP BY 1
"""


def states(platform: Platform, first: str, last: str) -> pd.DataFrame:
    """Doubtful dividends with an ex-date from `first` to `last`, with their states.

    Returns
    -------
    Rows of date (ISO), symbol, action_type, cash_amount, reason, state, decided_by, decided_at.
    """
    return bulk.query(platform.database, _STATES, (first, last))


def divided(
    platform: Platform, actions: pd.DataFrame, earlier: pd.DataFrame, keys: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide the actions of consecutive sessions into those that count and the doubtful dividends.

    Parameters
    ----------
    actions : rows of `corporate_actions` as the vendor has them, resolved, with `security_id`
    earlier : date, symbol, action_type, cash_amount of dividends of the `WEEKLY_SESSIONS` before
    keys : the sessions, ISO dates
    """
    paid = dividends_of(actions)
    sessions = platform.window(keys, WEEKLY_SESSIONS + 1)
    nights = _nights(platform, paid, _splits(actions), sessions)
    rows = pd.concat([earlier[KEY], paid[KEY]], ignore_index=True)
    share = platform.settings.doubtful_dividend
    reasons = doubtful(rows, nights, sessions, share).to_numpy()[len(earlier) :]
    aside = paid.assign(reason=reasons)[reasons != ""]
    confirmed = _confirmed(platform, keys)
    held = actions.index.isin(aside.index[~_among(aside, confirmed)])
    return actions[~held], aside.drop(columns="split_ratio")


def decide(platform: Platform, session: str, symbol: str, state: str, by: str) -> tuple[int, bool]:
    """Confirm or reject the doubtful dividends of a symbol's ex-date.

    Returns
    -------
    How many there are, and whether `corporate_actions` changed.

    Raises
    ------
    UnknownNameError
        There is none.
    """
    held = _rows_of(platform, DOUBTFUL, session)
    chosen = held[held["symbol"] == symbol]
    if chosen.empty:
        raise UnknownNameError(
            f"{symbol} has no doubtful dividend with the ex-date {session}",
            "quant-platform dividends list shows those there are",
        )
    stored = _rows_of(platform, ACTIONS, session)
    others = stored[~_among(stored, chosen[KEY])]
    if state == CONFIRMED:
        added = chosen.drop(columns="reason").assign(split_ratio=np.nan)
        others = pd.concat([others, added[others.columns]], ignore_index=True)
    table = platform.table(ACTIONS)
    decisions: list[Statement] = [
        (
            "INSERT INTO dividend_decisions (date, symbol, action_type, cash_amount, state,"
            " decided_by) VALUES ($1::text::date, $2::text, $3::text,"
            " $4::text::double precision, $5::text, $6::text)",
            (session, symbol, kind, repr(float(amount)), state, by),
        )
        for kind, amount in chosen[["action_type", "cash_amount"]].to_numpy()
    ]
    ledger = record(
        ACTIONS, table, None, [session], recipe=recipe_of(platform, ACTIONS), read_at="", run_id=""
    )
    part = TableRows(table, others)
    done = replace_tables(platform.database, [part], [session], also=[*decisions, ledger])[0]
    return len(chosen), done.inserted + done.superseded > 0


def earlier_dividends(platform: Platform, keys: Sequence[str]) -> pd.DataFrame | None:
    """Dividends of the sessions before `keys` as they are stored; None where some are not."""
    before = platform.window(keys[:1], WEEKLY_SESSIONS + 1)[:-1]
    if not before:
        return pd.DataFrame({name: [] for name in KEY}).astype({"date": "datetime64[s]"})
    limits = (before[0], before[-1])
    done = bulk.query(
        platform.database,
        "SELECT count(*) AS sessions FROM computations WHERE asset = 'corporate_actions'"
        " AND date BETWEEN $1::text::date AND $2::text::date",
        limits,
    )
    if int(done["sessions"].iloc[0]) < len(before):
        return None
    names = ", ".join(KEY)
    return bulk.query(
        platform.database,
        f"SELECT {names} FROM corporate_actions WHERE cash_amount IS NOT NULL"  # noqa: S608 — our columns
        " AND date BETWEEN $1::text::date AND $2::text::date"
        f" UNION SELECT {names} FROM doubtful_dividends"
        " WHERE date BETWEEN $1::text::date AND $2::text::date",
        limits,
    )


def _rows_of(platform: Platform, table: str, session: str) -> pd.DataFrame:
    contract = platform.table(table)
    columns = [column.name for column in contract.data_columns]
    return bulk.read(platform.database, contract, session, session, columns=columns)


def _splits(actions: pd.DataFrame) -> pd.DataFrame:
    """Ratio of each ex-date's split."""
    splits = actions[actions["split_ratio"].notna()]
    return splits[["date", "symbol", "split_ratio"]]


def _nights(
    platform: Platform, paid: pd.DataFrame, splits: pd.DataFrame, sessions: Sequence[str]
) -> pd.DataFrame:
    """Prices around the ex-dates, as `doubtful` takes them."""
    days = paid[["date", "symbol"]].drop_duplicates()
    dates = [f"{day:%Y-%m-%d}" for day in days["date"]]
    earlier = {day: sessions[at - 1] for at, day in enumerate(sessions) if at}
    asked = [
        (day, symbol) for day, symbol in zip(dates, days["symbol"], strict=True) if day in earlier
    ]
    columns = (
        [day for day, _ in asked],
        [f'"{symbol}"' for _, symbol in asked],
        [earlier[day] for day, _ in asked],
    )
    nights = bulk.query(platform.database, _NIGHTS, [_array(column) for column in columns])
    nights = nights.merge(splits, on=["date", "symbol"], how="left").fillna({"split_ratio": 1.0})
    # The market is asked for where a dividend is in doubt without it.
    total = paid.groupby(["date", "symbol"], as_index=False)["cash_amount"].sum()
    judged = nights.assign(market=0.0).merge(total, on=["date", "symbol"])
    doubted = judged[without_fall(judged, platform.settings.doubtful_dividend)]["date"]
    wanted = sorted({f"{day:%Y-%m-%d}" for day in doubted})
    moves = bulk.query(
        platform.database, _MARKET, (_array(wanted), _array(earlier[day] for day in wanted))
    )
    return nights.merge(moves, on="date", how="left").fillna({"market": 0.0})


def _confirmed(platform: Platform, keys: Sequence[str]) -> pd.DataFrame:
    rows = bulk.query(platform.database, _DECIDED, (keys[0], keys[-1]))
    return rows[rows["state"] == CONFIRMED]


def _among(rows: pd.DataFrame, decided: pd.DataFrame) -> np.ndarray:
    """Which rows are among `decided`, by `KEY`."""
    known = {tuple(row) for row in decided[KEY].itertuples(index=False)}
    return np.array([tuple(row) in known for row in rows[KEY].itertuples(index=False)], dtype=bool)


def _array(values: Iterable[str]) -> str:
    return "{" + ",".join(values) + "}"
