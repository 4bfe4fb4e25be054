"""P&L of stored portfolios by security, worked out when it is read: no table repeats it.

Over a range of sessions the value of a position between its ends does not matter: a security gains
its value at the end, less that before, less what its fills took, plus dividends, less borrow fees.
So of `positions`, two sessions, the ex-dates and the short positions are read, however long the
range is; a table with a row for each of its cells would be as large as `positions`, of which all
would have to be read. Within a range nothing can be said but by its own ends, so it may be any.

Dividends are those of `corporate_actions` now. A correction that a portfolio has not been computed
with shows as `unexplained`. Borrow fees of a session are divided by the value of the short
positions before it: fees of single securities (`conditions`) are not stored.

What does not belong here: the maths of rows in memory (`evaluation/attribution/`).
"""

from dataclasses import dataclass

import pandas as pd

from quant_platform.evaluation.attribution.account import NO_SECTOR, UNCLASSIFIED
from quant_platform.storage import bulk
from quant_platform.storage.database import Database
from quant_platform.trading.attribution import CASH_LINE

COLUMNS = (
    *("model_id", "security_id", "symbol", "sector", "pnl", "price_gain", "dividends", "interest"),
    *("commission", "tax", "spread", "impact", "borrow_fees"),
)

_ENDS = """
SELECT model_id, min(date)::text AS first, max(date)::text AS last,
    (array_agg(equity ORDER BY date DESC))[1] AS equity,
    (array_agg(equity / (1 + coalesce(daily_return, 0)) ORDER BY date))[1] AS begun,
    sum(interest) AS interest, sum(borrow_fees) AS borrow_fees
FROM portfolios WHERE date > $1::text::date AND date <= $2::text::date GROUP BY 1 ORDER BY 1
"""
"""Of each model: equity at the end and before the first session, interest and fees between."""

_BEFORE = """
SELECT DISTINCT ON (model_id) model_id, equity FROM portfolios
WHERE date <= $1::text::date ORDER BY model_id, date DESC
"""

_VALUES = """
SELECT model_id, security_id, value FROM positions JOIN (
    SELECT model_id, max(date) AS date FROM portfolios WHERE date <= $1::text::date GROUP BY 1
) AS ends USING (model_id, date) WHERE account = 'simulated' AND shares <> 0
"""
"""Positions of each model in its own last session up to one."""

_FILLS = """
SELECT model_id, security_id, sum(shares * price) AS paid, sum(commission) AS commission,
    sum(tax) AS tax, sum(spread) AS spread, sum(impact) AS impact
FROM fills WHERE date > $1::text::date AND date <= $2::text::date AND account = 'simulated'
GROUP BY 1, 2
"""

PAID = """
WITH actions AS (
    SELECT date, security_id, sum(cash_amount) AS amount FROM corporate_actions
    WHERE cash_amount > 0 AND date > $1::text::date AND date <= $2::text::date GROUP BY 1, 2
)
SELECT date, model_id, security_id,
    sum(shares) * amount * (CASE WHEN sum(shares) * amount > 0 THEN 1 - $3::text::float8 ELSE 1 END)
        AS dividends
FROM (
    SELECT date, model_id, security_id, shares, amount
    FROM actions CROSS JOIN models
    JOIN positions USING (date, security_id) WHERE model_id = id AND account = 'simulated'
    UNION ALL
    SELECT date, model_id, security_id, -shares, amount
    FROM actions CROSS JOIN models
    JOIN fills USING (date, security_id) WHERE model_id = id AND account = 'simulated'
        AND reason <> 'cash_in_lieu'
) AS held GROUP BY 1, 2, 3, amount
"""
"""Dividends of each session, model and security, of the shares before the session's trades.

By way of the models, each row is found by its whole key, and no table has to be read in full.
"""

_FEES = """
WITH sessions AS (
    SELECT model_id, date, borrow_fees,
        lag(date) OVER (PARTITION BY model_id ORDER BY date) AS before
    FROM portfolios WHERE date <= $2::text::date
), short AS (
    SELECT sessions.model_id, security_id, sessions.date, borrow_fees, -value AS value
    FROM sessions JOIN positions ON positions.date = before
        AND positions.model_id = sessions.model_id
    WHERE borrow_fees <> 0 AND sessions.date > $1::text::date
        AND account = 'simulated' AND value < 0
)
SELECT model_id, security_id, sum(borrow_fees * share) AS borrow_fees FROM (
    SELECT *, value / sum(value) OVER (PARTITION BY model_id, date) AS share FROM short
) AS parts GROUP BY 1, 2
"""

_NAMES = """
SELECT security_id, symbol, sector FROM trading_universe
WHERE date = (SELECT max(date) FROM trading_universe WHERE date <= $1::text::date)
"""

_EARLIER_NAMES = """
SELECT DISTINCT ON (security_id) security_id, symbol, sector FROM trading_universe
WHERE date <= $1::text::date AND security_id = ANY($2::text[]) ORDER BY security_id, date DESC
"""

BEGINNING = "0001-01-01"


@dataclass(frozen=True)
class StoredAttribution:
    """Where the P&L of stored portfolios came from, between two sessions.

    Attributes
    ----------
    rows : `COLUMNS`: one row per model and security, and one per model of its cash; amounts in
        currency, `pnl` is price_gain, dividends and interest less the costs
    models : by model_id: first and last session, equity before and at the end, change, and
        `unexplained`, what the rows miss of it
    """

    rows: pd.DataFrame
    models: pd.DataFrame


def stored_attribution(
    database: Database, last: str, *, since: str | None = None, withholding: float = 0.0
) -> StoredAttribution:
    """Attribute the P&L of all stored portfolios.

    Parameters
    ----------
    last : last session, ISO date
    since : session after which it begins; None: from the first one on
    withholding : share of the dividends of long positions that is withheld, as simulated
    """
    begins = since or BEGINNING
    ends = bulk.query(database, _ENDS, (begins, last))
    before = bulk.query(database, _BEFORE, (begins,))
    key = ["model_id", "security_id"]
    now, then = (
        _of_models(bulk.query(database, _VALUES, (day,)), ends).set_index(key)["value"]
        for day in (last, begins)
    )
    fills = bulk.query(database, _FILLS, (begins, last)).set_index(key)
    paid = bulk.query(database, PAID, (begins, last, repr(withholding)))
    dividends = paid.groupby(key)["dividends"].sum()
    fees = bulk.query(database, _FEES, (begins, last)).set_index(key)["borrow_fees"]
    index = now.index.union(then.index).union(fills.index).union(dividends.index).union(fees.index)
    known = pd.DataFrame({"now": now, "then": then, "dividends": dividends, "borrow_fees": fees})
    rows = known.reindex(index).join(fills).fillna(0.0)
    rows["price_gain"] = rows["now"] - rows["then"] - rows["paid"] + rows["spread"] + rows["impact"]
    rows["interest"] = 0.0
    rows = rows.reset_index()
    rows = rows.merge(_names(database, last, rows), how="left", on="security_id")
    rows["sector"] = classified(rows["sector"])
    rows["symbol"] = rows["symbol"].fillna(rows["security_id"])
    rows = pd.concat([rows, _cash(ends, rows)], ignore_index=True)
    rows["pnl"] = rows["price_gain"] + rows["dividends"] + rows["interest"]
    for cost in ("commission", "tax", "spread", "impact", "borrow_fees"):
        rows["pnl"] -= rows[cost]
    return StoredAttribution(rows[list(COLUMNS)], _models(ends, before, rows))


def _names(database: Database, last: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Newest ticker and sector of each security: few have left the universe of the last session."""
    names = bulk.query(database, _NAMES, (last,))
    gone = sorted({*rows["security_id"]} - {*names["security_id"]})
    if not gone:
        return names
    listed = "{" + ",".join(f'"{name}"' for name in gone) + "}"
    return pd.concat([names, bulk.query(database, _EARLIER_NAMES, (last, listed))])


def _of_models(rows: pd.DataFrame, ends: pd.DataFrame) -> pd.DataFrame:
    """Rows of the models that have a session in the range."""
    return rows[rows["model_id"].isin(ends["model_id"])]


def classified(sectors: "pd.Series[str]") -> "pd.Series[str]":
    """Return sectors, and unclassified where a vendor knows none."""
    said = sectors.fillna("").astype("str")
    return said.where(~said.str.strip().str.lower().isin(NO_SECTOR), UNCLASSIFIED)


def _cash(ends: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """A row of each model's cash: interest, and fees that nobody short can be found for."""
    charged = rows.groupby("model_id")["borrow_fees"].sum()
    left = ends["borrow_fees"] - ends["model_id"].map(charged).fillna(0.0)
    cash = ends[["model_id", "interest"]].assign(
        security_id=CASH_LINE, symbol=CASH_LINE, sector=CASH_LINE
    )
    # What rounding leaves is no fee.
    cash["borrow_fees"] = left.where(left.abs() > 1e-9 * ends["borrow_fees"].abs(), 0.0)
    others = ["price_gain", "dividends", "commission", "tax", "spread", "impact"]
    return cash.assign(**dict.fromkeys(others, 0.0))


def _models(ends: pd.DataFrame, before: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Equity of each model before and after, and what the rows miss of the change."""
    found = ends.set_index("model_id")[["first", "last", "begun", "equity"]]
    earlier = before.set_index("model_id")["equity"].reindex(found.index)
    found["begun"] = earlier.fillna(found["begun"])
    found["change"] = found["equity"] - found["begun"]
    found["unexplained"] = found["change"] - rows.groupby("model_id")["pnl"].sum()
    return found
