"""The vendor `sample`: five US stocks, daily, 2000-03-01 to 2013-03-01, from a file in the package.

Values are the public-domain Quandl WIKI prices as packaged by `bokeh-sampledata` (see
`data/ATTRIBUTION.md`). The file has no table of corporate actions; they are derived from the
vendor's adjusted close. Its adjustment factor a(t) = adjusted(t) / close(t) is constant but on
ex-dates, where

    a(t) / a(t-1) = split ratio × (1 + dividend / close(t)),

which holds in the file to 1e-13, so that every dividend comes out at a whole cent.
"""

from datetime import date
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from quant_platform.errors import VendorError
from quant_platform.vendors.base import Vendor

if TYPE_CHECKING:
    import pandas as pd

# pandas is imported where it is used: the command line reads every vendor's dates at start.

DATA_FILE = "data/stocks.csv.gz"

FACTOR_NOISE = 1e-9
"""Relative change of the factor below which nothing happened (the file's noise is 1e-13)."""

SMALLEST_SPLIT = 1.5
"""A jump of the factor by at least this is a split; the largest dividend moves it by 1.11."""

CENT = 0.01
CENT_TOLERANCE = 1e-6
"""A derived dividend must be a whole number of cents to within this, in currency."""

SPECIAL_DIVIDENDS = {("MSFT", date(2004, 11, 15)): 3.00}
"""Part of that day's dividend that was special (Microsoft, press release of 20 July 2004)."""

COMPANIES = {
    "AAPL": "Apple Inc.",
    "FB": "Facebook, Inc.",
    "GOOG": "Google Inc.",
    "IBM": "International Business Machines Corporation",
    "MSFT": "Microsoft Corporation",
}
SECTOR = "Information Technology"
"""GICS sector of all five during the sample."""

_COLUMNS = {
    "Date": "date",
    "Ticker": "symbol",
    "Open": "open_price",
    "High": "high_price",
    "Low": "low_price",
    "Close": "close_price",
    "Volume": "volume",
    "Adj Close": "vendor_adjusted_close",
}


class SampleVendor(Vendor):
    """Five real stocks over 3,270 sessions; needs no key and no network."""

    name = "sample"
    first_session = date(2000, 3, 1)
    last_session: date | None = date(2013, 3, 1)

    def is_published(self, session: date) -> bool:
        """Whether the file holds `session`."""
        import pandas as pd

        return bool((self._bars["date"] == pd.Timestamp(session)).any())

    def securities(self) -> "pd.DataFrame":
        """Reference data: symbol, company_name, sector, listing_date."""
        import pandas as pd

        first = self._bars.groupby("symbol")["date"].min()
        return pd.DataFrame(
            {
                "symbol": first.index.astype("str"),
                "company_name": [COMPANIES[symbol] for symbol in first.index],
                "sector": SECTOR,
                "listing_date": first.to_numpy(),
            }
        )

    def bars(self, first: date, last: date) -> "pd.DataFrame":
        """Raw bars from `first` to `last`, in the columns of `market_data`."""
        return _between(self._bars, first, last)

    def actions(self, first: date, last: date) -> "pd.DataFrame":
        """Splits and dividends from `first` to `last`, in the columns of `corporate_actions`."""
        return _between(self._actions, first, last)

    @cached_property
    def _bars(self) -> "pd.DataFrame":
        import pandas as pd

        with files("quant_platform.vendors").joinpath(DATA_FILE).open("rb") as file:
            raw = pd.read_csv(file, compression="gzip", parse_dates=["Date"])
        bars = raw.rename(columns=_COLUMNS)[list(_COLUMNS.values())]
        bars["volume"] = bars["volume"].astype("float64")
        bars["source"] = self.name
        return bars.sort_values(["date", "symbol"], ignore_index=True)

    @cached_property
    def _actions(self) -> "pd.DataFrame":
        import pandas as pd

        per_symbol = [derive_actions(bars) for _, bars in self._bars.groupby("symbol")]
        return pd.concat(per_symbol).sort_values(
            ["date", "symbol", "action_type"], ignore_index=True
        )


def derive_actions(bars: "pd.DataFrame") -> "pd.DataFrame":
    """Derive splits and dividends of one symbol from its close and adjusted close.

    Parameters
    ----------
    bars : rows of `market_data` of one symbol, ascending

    Raises
    ------
    VendorError
        A price is no positive number, or a change of the factor is neither a split nor a dividend
        of whole cents.
    """
    import pandas as pd

    symbol = str(bars["symbol"].iloc[0])
    close = bars["close_price"].to_numpy()
    factor = bars["vendor_adjusted_close"].to_numpy() / close
    senseless = np.flatnonzero(~((factor > 0) & (factor < np.inf)))
    if len(senseless):
        raise VendorError(
            f"{symbol} {bars['date'].iloc[senseless[0]].date()}: close and adjusted close"
            " are not both positive numbers",
            "The file is not the one this vendor was written for",
        )
    change = factor[1:] / factor[:-1]
    rows: list[tuple[object, ...]] = []
    for i in np.flatnonzero(np.abs(change - 1.0) > FACTOR_NOISE) + 1:
        day = bars["date"].iloc[i]
        ratio = _split_ratio(change[i - 1])
        if ratio != 1.0:
            rows.append((day, symbol, "split", ratio, np.nan))
        dividend = close[i] * (change[i - 1] / ratio - 1.0)
        rows += [
            (day, symbol, kind, np.nan, amount)
            for kind, amount in _dividends(symbol, day, dividend)
        ]
    actions = pd.DataFrame(
        rows, columns=["date", "symbol", "action_type", "split_ratio", "cash_amount"]
    ).astype(
        {"symbol": "str", "action_type": "str", "split_ratio": "float64", "cash_amount": "float64"}
    )
    actions["date"] = actions["date"].astype("datetime64[s]")
    actions["source"] = "sample, derived from the adjusted close"
    return actions


def _split_ratio(change: float) -> float:
    """Ratio of the split in `change`: whole shares for one, or one for whole shares; else 1.0."""
    if 1 / SMALLEST_SPLIT < change < SMALLEST_SPLIT:
        return 1.0
    return float(round(change)) if change > 1 else 1.0 / round(1 / change)


def _dividends(symbol: str, day: "pd.Timestamp", amount: float) -> list[tuple[str, float]]:
    """Regular and special part of a derived dividend, in whole cents."""
    if abs(amount) < CENT_TOLERANCE:
        return []
    cents = round(amount / CENT) * CENT
    if amount < 0 or abs(amount - cents) > CENT_TOLERANCE:
        raise VendorError(
            f"{symbol} {day.date()}: the adjusted close implies a dividend of {amount:.6f}",
            "The file is not the one this vendor was written for",
        )
    special = SPECIAL_DIVIDENDS.get((symbol, day.date()), 0.0)
    parts = [("cash_dividend", round(cents - special, 2)), ("special_dividend", special)]
    return [(kind, part) for kind, part in parts if part > 0]


def _between(frame: "pd.DataFrame", first: date, last: date) -> "pd.DataFrame":
    import pandas as pd

    inside = frame["date"].between(pd.Timestamp(first), pd.Timestamp(last))
    return frame[inside].reset_index(drop=True)
