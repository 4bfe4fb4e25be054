"""Which column of a file is which of the platform's: by the settings, or by its usual names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from quant_platform.errors import VendorError
from quant_platform.vendors.files.settings import COLUMNS


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes
    ----------
    name : of the file, or of the folder of files
    texts, days, numbers : its columns by what they hold
    needed : columns without which it is of no use
    """

    name: str
    texts: tuple[str, ...]
    days: tuple[str, ...]
    numbers: tuple[str, ...]
    needed: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """All its columns."""
        return (*self.days, *self.texts, *self.numbers)


_PRICES = ("open_price", "high_price", "low_price", "close_price")

BARS = Kind(
    "bars",
    ("symbol",),
    ("date",),
    (*_PRICES, "volume", "vwap", "trade_count", "vendor_adjusted_close"),
    ("date", *_PRICES, "volume"),
)
ACTIONS = Kind(
    "actions",
    ("symbol", "action_type", "currency"),
    ("date",),
    ("split_ratio", "cash_amount"),
    ("date", "symbol", "action_type"),
)
SECURITIES = Kind(
    "securities",
    ("symbol", "company_name", "sector"),
    ("listing_date",),
    (),
    ("symbol",),
)

USUAL: Mapping[str, tuple[str, ...]] = {
    "date": ("date", "day", "session", "exdate", "timestamp", "datetime", "time"),
    "symbol": ("symbol", "ticker", "code"),
    "open_price": ("openprice", "open"),
    "high_price": ("highprice", "high"),
    "low_price": ("lowprice", "low"),
    "close_price": ("closeprice", "close"),
    "volume": ("volume", "vol"),
    "vwap": ("vwap",),
    "trade_count": ("tradecount", "trades", "transactions"),
    "vendor_adjusted_close": ("vendoradjustedclose", "adjclose", "adjustedclose"),
    "action_type": ("actiontype", "type"),
    "split_ratio": ("splitratio", "ratio"),
    "cash_amount": ("cashamount", "amount", "dividend"),
    "currency": ("currency",),
    "company_name": ("companyname", "name", "company"),
    "sector": ("sector",),
    "listing_date": ("listingdate", "listed", "ipodate"),
}
"""Usual names of each column, letters and digits in lower case; the first that is there counts."""


def chosen_columns(
    names: Sequence[str], kind: Kind, given: Mapping[str, str], file: Path
) -> dict[str, str]:
    """Return the file's name of each of the platform's columns that it has.

    Parameters
    ----------
    names : columns of the file
    given : names of the settings, the file's to the platform's

    Raises
    ------
    VendorError
        A column is missing, or there twice.
    """
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise VendorError(f"{file} has the column {twice[0]!r} twice", "Rename one of them")
    plain = {"".join(filter(str.isalnum, name)).lower(): name for name in reversed(names)}
    found = {
        ours: plain[usual]
        for ours in kind.columns
        for usual in reversed(USUAL[ours])
        if usual in plain and given.get(plain[usual], ours) == ours
    }
    found |= {ours: theirs for theirs, ours in given.items() if theirs in names}
    missing = [ours for ours in kind.needed if ours not in found]
    if missing:
        raise VendorError(
            f"{file} has no column for {missing[0]}; it has: {', '.join(map(repr, names))}",
            f"Name it in {COLUMNS}, such as 'Last={missing[0]}'",
        )
    return {ours: theirs for ours, theirs in found.items() if ours in kind.columns}
