"""Law 5: what fails goes to quarantine with its reason, what is superseded to history."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from quant_platform.storage.database import Database
from quant_platform_tests.support.pipeline import SampleMarket, everything, rows, run
from quant_platform_tests.support.tables import fetch

DAY = "2004-08-19"


class Faulty(SampleMarket):
    """Sends some rows of one day wrong, in as many ways as it has symbols."""

    def bars(self, first: date, last: date) -> pd.DataFrame:
        """Bars with a missing price, a negative volume, a high below the low, and one row twice."""
        found = super().bars(first, last)
        day = found["date"] == pd.Timestamp(DAY)
        found.loc[day & (found["symbol"] == "AAPL"), "close_price"] = np.nan
        found.loc[day & (found["symbol"] == "IBM"), "volume"] = -1.0
        found.loc[day & (found["symbol"] == "MSFT"), "high_price"] = 0.01
        return found


class Twice(SampleMarket):
    """Sends one symbol twice, with two prices."""

    def bars(self, first: date, last: date) -> pd.DataFrame:
        """Bars, one of them twice."""
        found = super().bars(first, last)
        again = found[found["symbol"] == "IBM"].assign(volume=7.0)
        return pd.concat([found, again], ignore_index=True)


class Garbled(SampleMarket):
    """Sends prices as text."""

    def bars(self, first: date, last: date) -> pd.DataFrame:
        """Bars whose closes are words."""
        return super().bars(first, last).assign(close_price="n/a")


class Corrected(SampleMarket):
    """Sends another volume for one row."""

    def bars(self, first: date, last: date) -> pd.DataFrame:
        """Bars with a corrected volume."""
        found = super().bars(first, last)
        found.loc[found["symbol"] == "IBM", "volume"] += 1.0
        return found


def load(database: Database, home: Path, vendor: SampleMarket) -> bool:
    return run(database, home, DAY, DAY, vendor=vendor, assets=["market_data"]).success


def quarantined(database: Database) -> dict[str, str]:
    return dict(fetch(database, "SELECT symbol, reason FROM quarantine ORDER BY symbol"))


def test_every_row_a_vendor_sent_is_stored_or_set_aside(fresh: Database, tmp_path: Path) -> None:
    assert load(fresh, tmp_path, Faulty())
    reasons = quarantined(fresh)
    assert "close_price is missing" in reasons.pop("AAPL")
    assert "volume" in reasons.pop("IBM")
    assert "high_price" in reasons.pop("MSFT")
    assert reasons == {}
    assert rows(fresh, "market_data")["symbol"].tolist() == ["GOOG"]
    sent = Faulty().bars(date.fromisoformat(DAY), date.fromisoformat(DAY)).set_index("symbol")
    for symbol, row in fetch(fresh, "SELECT symbol, row FROM quarantine"):
        assert row["open_price"] == sent.loc[symbol, "open_price"]
    # The vendor mends it: the rows come in, and what it sent before is still there.
    assert load(fresh, tmp_path, SampleMarket())
    assert len(rows(fresh, "market_data")) == 4
    assert sorted(quarantined(fresh)) == ["AAPL", "IBM", "MSFT"]


def test_the_same_faults_again_change_nothing(fresh: Database, tmp_path: Path) -> None:
    assert load(fresh, tmp_path, Faulty())
    before = everything(fresh)
    assert load(fresh, tmp_path, Faulty())
    assert everything(fresh) == before


def test_two_rows_of_one_key_are_both_set_aside(fresh: Database, tmp_path: Path) -> None:
    assert load(fresh, tmp_path, Twice())
    kept = fetch(fresh, "SELECT reason, row ->> 'volume' FROM quarantine WHERE symbol = 'IBM'")
    assert len(kept) == 2
    assert {reason for reason, _ in kept} == {"the key occurs more than once"}
    assert sorted(rows(fresh, "market_data")["symbol"]) == ["AAPL", "GOOG", "MSFT"]


def test_a_frame_of_no_use_fails_the_run_and_is_kept(fresh: Database, tmp_path: Path) -> None:
    assert load(fresh, tmp_path, SampleMarket())
    before = rows(fresh, "market_data")
    assert not load(fresh, tmp_path, Garbled())
    pd.testing.assert_frame_equal(rows(fresh, "market_data"), before)
    kept = fetch(fresh, "SELECT reason, row ->> 'symbol' FROM quarantine ORDER BY 2")
    assert [symbol for _, symbol in kept] == ["AAPL", "GOOG", "IBM", "MSFT"]
    assert all("close_price" in reason for reason, _ in kept)


def test_what_is_superseded_is_history(fresh: Database, tmp_path: Path) -> None:
    assert load(fresh, tmp_path, SampleMarket())
    old = fetch(fresh, "SELECT volume FROM market_data WHERE date = %s AND symbol = 'IBM'", DAY)
    assert load(fresh, tmp_path, Corrected())
    assert fetch(fresh, "SELECT symbol, volume FROM market_data_history") == [("IBM", *old[0])]
    # Back again: the wrong correction is history, too.
    assert load(fresh, tmp_path, SampleMarket())
    volumes = fetch(fresh, "SELECT volume FROM market_data_history ORDER BY superseded_at")
    assert volumes == [old[0], (old[0][0] + 1.0,)]
    assert fetch(
        fresh, "SELECT volume FROM market_data WHERE date = %s AND symbol = 'IBM'", DAY
    ) == [old[0]]
