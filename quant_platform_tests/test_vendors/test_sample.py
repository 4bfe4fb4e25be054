import hashlib
import re
from datetime import date
from importlib.resources import files
from pathlib import Path

import exchange_calendars
import numpy as np
import pandas as pd
import pytest

from quant_platform.errors import VendorError
from quant_platform.market.panel import Panel
from quant_platform.vendors.base import Vendor
from quant_platform.vendors.sample import SampleVendor, derive_actions

ORACLES = Path(__file__).parents[1] / "oracles"
WHOLE = (date(2000, 3, 1), date(2013, 3, 1))


def test_shipped_file_is_the_attributed_one() -> None:
    data = files("quant_platform.vendors") / "data"
    stated = re.findall(r"`([0-9a-f]{64})`", (data / "ATTRIBUTION.md").read_text())
    assert [hashlib.sha256((data / "stocks.csv.gz").read_bytes()).hexdigest()] == stated


def test_rows_per_symbol(vendor: SampleVendor) -> None:
    bars = vendor.bars(*WHOLE)
    assert len(bars) == 12_154
    # facts.md: 3,270 sessions, GOOG from its listing, FB from its own.
    assert bars.groupby("symbol").size().to_dict() == {
        "AAPL": 3270,
        "FB": 196,
        "GOOG": 2148,
        "IBM": 3270,
        "MSFT": 3270,
    }
    assert not bars.duplicated(["date", "symbol"]).any()
    assert not bars.drop(columns=["vendor_adjusted_close"]).isna().to_numpy().any()


def test_bars_of_a_known_day(vendor: SampleVendor) -> None:
    row = vendor.bars(date(2004, 8, 19), date(2004, 8, 19)).set_index("symbol").loc["GOOG"]
    # Google's first day of trading: opened at 100.00, closed at 100.34 (public record).
    assert row["open_price"] == pytest.approx(100.00, abs=0.02)
    assert row["close_price"] == pytest.approx(100.34, abs=0.02)


def test_ranges_are_inclusive_and_may_be_empty(vendor: SampleVendor) -> None:
    two = vendor.bars(date(2004, 11, 12), date(2004, 11, 15))
    assert sorted(two["date"].dt.date.unique()) == [date(2004, 11, 12), date(2004, 11, 15)]
    weekend = vendor.bars(date(2004, 11, 13), date(2004, 11, 14))
    assert weekend.empty
    assert list(weekend.columns) == list(two.columns)
    assert vendor.actions(date(2004, 11, 13), date(2004, 11, 14)).empty


def test_securities(vendor: SampleVendor) -> None:
    listed = vendor.securities().set_index("symbol")["listing_date"].dt.date.to_dict()
    start = date(2000, 3, 1)
    # GOOG and FB listed on 19 August 2004 and 18 May 2012 (public record).
    expected = {"AAPL": start, "IBM": start, "MSFT": start}
    assert listed == expected | {"GOOG": date(2004, 8, 19), "FB": date(2012, 5, 18)}


@pytest.mark.parametrize(
    ("day", "published"),
    [
        (date(2000, 3, 1), True),
        (date(2013, 3, 1), True),
        (date(2001, 9, 12), False),
        (date(2004, 11, 13), False),
        (date(2000, 2, 29), False),
        (date(2013, 3, 4), False),
    ],
)
def test_is_published(vendor: SampleVendor, day: date, published: bool) -> None:
    assert vendor.is_published(day) is published


def test_is_a_vendor(vendor: SampleVendor) -> None:
    assert isinstance(vendor, Vendor)
    assert (vendor.first_session, vendor.last_session) == WHOLE


def _oracle() -> pd.DataFrame:
    """Actions as announced; ex-dates are worked out where only the record date is known."""
    rows = pd.read_csv(ORACLES / "corporate_actions.csv", parse_dates=["record_date", "ex_date"])
    calendar = exchange_calendars.get_calendar("XNYS", start="2000-01-03", end="2013-12-31")
    for i in rows.index[rows["record_date"].notna()]:
        ex_date = calendar.session_offset(rows.loc[i, "record_date"], -2)
        stated = rows.loc[i, "ex_date"]
        assert pd.isna(stated) or stated == ex_date
        rows.loc[i, "ex_date"] = ex_date
    return rows


def _key(frame: pd.DataFrame) -> dict[tuple[str, str, date], float]:
    return {
        (row["symbol"], row["action_type"], row["ex_date"].date()): row["amount"]
        for row in frame.to_dict("records")
    }


def _derived(vendor: SampleVendor) -> pd.DataFrame:
    found = vendor.actions(*WHOLE)
    amount = found["split_ratio"].fillna(found["cash_amount"])
    return found.rename(columns={"date": "ex_date"}).assign(amount=amount)


def test_actions_are_those_the_issuers_announced(vendor: SampleVendor) -> None:
    oracle, derived = _key(_oracle()), _key(_derived(vendor))
    assert {key: derived.get(key) for key in oracle} == oracle
    # The list is complete for all but IBM.
    assert {key for key in derived if key[0] != "IBM"} == {key for key in oracle if key[0] != "IBM"}


def test_dividends_of_ibm_per_year(vendor: SampleVendor) -> None:
    derived = _derived(vendor).query("symbol == 'IBM'")
    assert set(derived["action_type"]) == {"cash_dividend"}
    by_year = derived.groupby(derived["ex_date"].dt.year)["amount"]
    oracle = pd.read_csv(ORACLES / "ibm_dividends_per_year.csv").set_index("year")["amount"]
    assert by_year.sum().round(2).loc[2001:2012].to_dict() == oracle.to_dict()
    assert set(by_year.size().loc[2001:2012]) == {4}


def test_total_return_reproduces_the_adjusted_close(
    vendor: SampleVendor, sample_panel: Panel
) -> None:
    """Holding a share through every action grows as the vendor's own adjusted close does."""
    adjusted = vendor.bars(*WHOLE).pivot(
        index="date", columns="symbol", values="vendor_adjusted_close"
    )
    assert list(adjusted.columns) == list(sample_panel.security_ids)
    theirs = adjusted.to_numpy()[1:] / adjusted.to_numpy()[:-1]
    close, split, dividend = sample_panel.close, sample_panel.split, sample_panel.dividend
    # Their factor reinvests a dividend at the ex-date's close: a(t)/a(t-1) = split × (1 + d/close).
    ours = close[1:] / close[:-1] * split[1:] * (1.0 + dividend[1:] / close[1:])
    known = ~np.isnan(theirs)
    assert known.sum() == 12_154 - 5
    np.testing.assert_allclose(ours[known], theirs[known], rtol=1e-9)


def _bars(close: list[float], adjusted: list[float]) -> pd.DataFrame:
    days = pd.bdate_range("2001-01-02", periods=len(close))
    return pd.DataFrame(
        {"date": days, "symbol": "X", "close_price": close, "vendor_adjusted_close": adjusted}
    )


def test_derives_split_and_dividend_of_one_day() -> None:
    # Two-for-one split, and 0.50 on the new shares: factor grows by 2 × (1 + 0.5 / 50) = 2.02.
    found = derive_actions(_bars([100.0, 50.0], [100.0, 50.0 * 2.02]))
    assert found[["action_type", "split_ratio", "cash_amount"]].to_numpy().tolist()[0][:2] == [
        "split",
        2.0,
    ]
    assert found["cash_amount"].dropna().tolist() == [0.5]


def test_derives_a_reverse_split() -> None:
    # One for ten: the factor falls to a tenth.
    found = derive_actions(_bars([2.0, 20.0], [2.0, 2.0]))
    assert found["split_ratio"].tolist() == [pytest.approx(0.1)]


def test_derives_nothing_from_noise() -> None:
    found = derive_actions(_bars([10.0, 11.0, 12.0], [5.0, 5.5 * (1 + 1e-13), 6.0]))
    assert found.empty


@pytest.mark.parametrize(
    "adjusted",
    [
        100.0 * (1 + 0.123456 / 100.0),  # not whole cents
        100.0 * (1 - 0.5 / 100.0),  # a negative dividend
        float("nan"),
        0.0,
        -100.0,
        float("inf"),
    ],
)
def test_refuses_a_factor_that_means_nothing(adjusted: float) -> None:
    with pytest.raises(VendorError, match="X 2001-01-03"):
        derive_actions(_bars([100.0, 100.0], [100.0, adjusted]))
