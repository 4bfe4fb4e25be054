"""The platform's sample stocks as a market of this server: real prices, splits and dividends."""

from typing import Any

import pandas as pd

from quant_platform.vendors.sample import COMPANIES, SampleVendor
from quant_platform_tests.support.polygon_server.listings import Row, records

# Composite FIGI, SEC number and exchange of each, as the vendor's public examples show them. The
# GOOG of these years is the share that has traded as GOOGL since April 2014.
IDENTITIES = {
    "AAPL": ("BBG000B9XRY4", "0000320193", "XNAS"),
    "FB": ("BBG000MM2P62", "0001326801", "XNAS"),
    "GOOG": ("BBG009S39JX6", "0001288776", "XNAS"),
    "IBM": ("BBG000BLNNH6", "0000051143", "XNYS"),
    "MSFT": ("BBG000BPH459", "0000789019", "XNAS"),
}


def sample_frames() -> dict[str, Any]:
    """Return the arguments of `ServedMarket.from_frames`."""
    vendor = SampleVendor()
    whole = (vendor.first_session, vendor.last_session or vendor.first_session)
    bars = vendor.bars(*whole).rename(
        columns={f"{name}_price": name for name in ("open", "high", "low", "close")}
    )
    actions = vendor.actions(*whole)
    return {
        "bars": bars[["date", "symbol", "open", "high", "low", "close", "volume"]],
        "listings": [_listing(row) for row in records(vendor.securities())],
        "splits": _splits(actions[actions["action_type"] == "split"]),
        "dividends": _dividends(actions[actions["action_type"] != "split"]),
    }


def _listing(row: Row) -> Row:
    figi, cik, exchange = IDENTITIES[row["symbol"]]
    return {
        "symbol": row["symbol"],
        "from": row["listing_date"],
        "list_date": row["listing_date"],
        "figi": figi,
        "cik": cik,
        "name": COMPANIES[row["symbol"]],
        "exchange": exchange,
    }


def _splits(actions: pd.DataFrame) -> list[Row]:
    return [
        {
            "id": f"{row['symbol']}-split-{row['date'].date()}",
            "ticker": row["symbol"],
            "execution_date": str(row["date"].date()),
            "split_from": 1,
            "split_to": row["split_ratio"],
        }
        for row in records(actions)
    ]


def _dividends(actions: pd.DataFrame) -> list[Row]:
    return [
        {
            "id": f"{row['symbol']}-{row['action_type']}-{row['date'].date()}",
            "ticker": row["symbol"],
            "cash_amount": row["cash_amount"],
            "currency": "USD",
            "dividend_type": "SC" if row["action_type"] == "special_dividend" else "CD",
            "ex_dividend_date": str(row["date"].date()),
            "frequency": 0 if row["action_type"] == "special_dividend" else 4,
        }
        for row in records(actions)
    ]
