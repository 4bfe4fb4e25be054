"""Rows of a fixed list that are not stored: none is lost, and a check says what was not."""

from datetime import date

import pandas as pd

from quant_platform.market.admission import UNCLAIMED
from quant_platform_tests.support.lab import Lab, MakeLab, WindowVendor, failure_text

FIRST, LAST = "2012-02-06", "2012-02-13"
"""With IBM's dividend of 0.75 on 8 February and AAPL without one."""

ALL = ("market_data", "securities", "security_symbols", "corporate_actions")


class CarelessVendor(WindowVendor):
    """The sample, with rows of days without trading and symbols that are written carelessly."""

    name = "careless"

    def bars(self, first: date, last: date) -> pd.DataFrame:
        frame = super().bars(first, last)
        spelled = frame.assign(symbol=frame["symbol"].replace({"IBM": "IBM ", "MSFT": "ＭＳＦＴ"}))
        row = frame[frame["symbol"] == "AAPL"].head(1)
        sunday = row.assign(date=pd.Timestamp("2012-02-12"))
        return pd.concat([spelled, sunday] if last > date(2012, 2, 12) else [spelled])

    def actions(self, first: date, last: date) -> pd.DataFrame:
        frame = super().actions(first, last)
        stray = {"date": pd.Timestamp("2012-02-08"), "action_type": "cash_dividend"}
        stray |= {"cash_amount": 0.5, "source": "careless"}
        strays = pd.DataFrame([stray | {"symbol": "ZZZ"}, stray | {"symbol": "ibm"}])
        return pd.concat([frame, strays], ignore_index=True)


def stored(lab: Lab) -> list[tuple[object, ...]]:
    return lab.sql(
        "SELECT table_name, date::text, symbol, reason FROM quarantine ORDER BY 1, 2, 3, 4"
    )


def test_nothing_that_a_vendor_sends_is_lost(make_lab: MakeLab) -> None:
    vendor = CarelessVendor(FIRST, LAST)
    lab = make_lab(vendor)
    result = lab.run("market_stage", FIRST, LAST)
    assert result.success, failure_text(result)
    assert lab.value("SELECT count(DISTINCT symbol) FROM market_data") == 4
    assert lab.value("SELECT count(*) FROM market_data") == 24
    # IBM's own dividend finds its bars, however they were spelled.
    assert lab.sql("SELECT symbol, security_id, cash_amount FROM corporate_actions") == [
        ("IBM", "IBM", 0.75)
    ]
    assert stored(lab) == [
        ("corporate_actions", "2012-02-08", "ZZZ", UNCLAIMED),
        ("corporate_actions", "2012-02-08", "ibm", UNCLAIMED),
        ("market_data", "2012-02-12", "AAPL", "its day is no session"),
    ]
    assert lab.failing("unclaimed_actions") == ["2012-02-08"]
    (details,) = lab.sql(
        "SELECT details::text FROM data_quality WHERE check_name = 'unclaimed_actions'"
        " AND NOT passed"
    )[0]
    assert "ZZZ cash_dividend is of no security" in details
    assert "ibm cash_dividend, is it IBM?" in details
    # A row of a Sunday is of the Monday after it.
    assert lab.failing("foreign_dates") == ["2012-02-13"]
    assert lab.failing("refused_rows") == ["2012-02-13"]
