"""Law 1: what is stored of session D is the same whatever came after D."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from quant_platform.storage.database import Database
from quant_platform_tests.support.pipeline import DIVIDEND, FIRST, LAST, SampleMarket, dump, run


class Ended(SampleMarket):
    """The market as it stood after the close of Microsoft's ex-date: nothing later exists."""

    last_session: date | None = date.fromisoformat(DIVIDEND)

    def bars(self, first: date, last: date) -> pd.DataFrame:
        """Bars that had been published."""
        return super().bars(first, min(last, date.fromisoformat(DIVIDEND)))

    def actions(self, first: date, last: date) -> pd.DataFrame:
        """Return actions that had been published."""
        return super().actions(first, min(last, date.fromisoformat(DIVIDEND)))


class AnotherFuture(SampleMarket):
    """The same market up to an eve, and quite another one from then on."""

    eve = pd.Timestamp("2004-11-12")

    def bars(self, first: date, last: date) -> pd.DataFrame:
        """Bars whose later prices are three times as high and whose later volumes are tiny."""
        found = super().bars(first, last)
        later = found["date"] > self.eve
        prices = ["open_price", "high_price", "low_price", "close_price"]
        found.loc[later, prices] *= 3.0
        found.loc[later, "volume"] = 1.0
        # IBM is delisted.
        return found[~later | (found["symbol"] != "IBM")].reset_index(drop=True)

    def actions(self, first: date, last: date) -> pd.DataFrame:
        """Actions whose later ones are other ones: every symbol splits."""
        found = super().actions(first, last)
        found = found[found["date"] <= self.eve]
        splits = pd.DataFrame(
            {
                "date": pd.Timestamp("2004-11-17").as_unit("s"),
                "symbol": ["AAPL", "GOOG", "MSFT"],
                "action_type": "split",
                "split_ratio": [7.0, 0.1, 3.0],
                "cash_amount": [None] * 3,
                "source": "invented",
            }
        ).astype({"cash_amount": "float64"})
        inside = splits["date"].between(pd.Timestamp(first), pd.Timestamp(last))
        return pd.concat([found, splits[inside]], ignore_index=True)


def test_a_history_that_ends_at_d(fresh: Database, whole: Database, tmp_path: Path) -> None:
    assert run(fresh, tmp_path, FIRST, DIVIDEND, vendor=Ended()).success
    assert dump(fresh, DIVIDEND) == dump(whole, DIVIDEND)


def test_another_future(fresh: Database, whole: Database, tmp_path: Path) -> None:
    """All in one run: the other future lies in the same arrays, and changes nothing before it."""
    assert run(fresh, tmp_path, FIRST, LAST, vendor=AnotherFuture()).success
    eve = str(AnotherFuture.eve.date())
    assert dump(fresh, eve) == dump(whole, eve)
    # And the future is another one indeed.
    mine, theirs = dump(fresh), dump(whole)
    for table in ("market_data", "features", "signals", "portfolios", "model_performance"):
        assert mine[table] != theirs[table]


@pytest.mark.parametrize("table", ["features", "signals", "portfolios"])
def test_a_row_exists_only_from_its_listing_on(whole: Database, table: str) -> None:
    rows = [row for row in dump(whole, "2004-08-18")[table] if "GOOG" in row]
    assert rows == []
