"""What explains a backtest, over the market of five sessions: closes 9, 10, 20, 20 and 5.

Bought at 20 on the 4th with all of 1,000: 50 shares. A dividend of 1 a share on the 5th, under a
new ticker; then the fall to 5 on the 8th.
"""

import numpy as np
import pandas as pd
import pytest

from quant_platform.errors import SettingsError, UnknownNameError
from quant_platform.evaluation.survivorship import AS_IS, PORTFOLIO, SURVIVORS
from quant_platform.research.rerun import thirds, usual_before
from quant_platform.storage.database import Database
from quant_platform.strategies.book import Book
from quant_platform_tests.support.five_sessions import Ten, run


def one(frame: pd.DataFrame, **where: object) -> pd.Series:
    for name, value in where.items():
        frame = frame[frame[name] == value]
    (row,) = (row for _, row in frame.iterrows())
    return row


class TestPnl:
    def test_by_security_through_a_new_ticker(self, market: Database) -> None:
        rows = run(market).attribution()
        row = one(rows, security_id="figi")
        assert (row["pnl"], row["dividends"], row["holding"]) == (-700.0, 50.0, -750.0)
        assert one(rows, security_id="cash")["pnl"] == 0.0

    def test_by_cause(self, market: Database) -> None:
        rows = run(market).attribution("cost").set_index("cause")["pnl"]
        assert rows["holding"] == -750.0
        assert rows["dividends"] == 50.0
        assert rows.sum() == -700.0

    def test_by_sector_nothing_is_classified(self, market: Database) -> None:
        assert run(market).attribution("sector")["sector"].tolist() == ["cash", "unclassified"]

    def test_by_model_is_by_member_of_a_book(self, market: Database) -> None:
        def sold(panel):
            return -np.where(panel.close >= 10.0, 1.0, 0.0)

        result = run(market, Book("both", {"a": Ten(), "b": sold}, "fixed", shares=[0.5, 0.25]))
        rows = result.attribution("model").set_index("model")["pnl"]
        # 25 shares of a: 25 − 375; −12.5 of b: −12.5 + 187.5.
        assert rows.to_dict() == {"b": 175.0, "a": -350.0, "cash": 0.0}
        assert one(run(market).attribution("model"), model="ten")["pnl"] == -700.0

    @pytest.mark.parametrize("by", ["security", "sector", "cost", "model", "fill", "position"])
    def test_all_add_up(self, market: Database, by: str) -> None:
        result = run(market)
        assert result.attribution(by)["pnl"].sum() == pytest.approx(-700.0, abs=1e-7)

    def test_trips(self, market: Database) -> None:
        (trip,) = (row for _, row in run(market).round_trips.iterrows())
        assert (trip["side"], trip["sessions"], trip["exit_reason"]) == ("long", 2, "open")
        assert (trip["entry_price"], trip["exit_price"], trip["return"]) == (20.0, 5.0, -0.7)
        # 21 with the dividend on the 5th, and 6 on the 8th.
        assert trip["largest_gain"] == pytest.approx(0.05)
        assert trip["largest_loss"] == pytest.approx(-0.7)

    def test_what_it_cannot_be_attributed_to(self, market: Database) -> None:
        with pytest.raises(UnknownNameError, match="cannot be attributed to 'colour'"):
            run(market).attribution("colour")


class TestActiveReturn:
    def test_against_a_series_nothing_is_known(self, market: Database) -> None:
        days = pd.date_range("2024-01-02", "2024-01-08", freq="B")
        result = run(market, benchmark=pd.Series(0.0, index=days, name="flat"))
        with pytest.raises(SettingsError, match="what the benchmark flat holds"):
            result.active_return()

    def test_by_size_where_no_sector_is_stored(self, market: Database) -> None:
        found = run(market, benchmark="buy_and_hold").active_return()
        assert found.linked.loc["total", "total"] == pytest.approx(found.active_return, abs=1e-10)
        # The one security is the lowest third of itself.
        assert set(found.linked.index) <= {"small", "unclassified", "cash", "total"}
        with pytest.raises(UnknownNameError, match="not grouped by 'colour'"):
            run(market).active_return("colour")


class TestFactors:
    def test_one_factor_that_is_the_security(self, market: Database) -> None:
        result = run(market)
        days = pd.to_datetime(["2024-01-04", "2024-01-05"])
        of_security = pd.MultiIndex.from_product([days, ["figi"]])
        exposures = pd.DataFrame({"market": [1.0, 1.0]}, index=of_security)
        # Of the day before, so in force on the 5th and the 8th; both held with a weight of 1 or
        # 1,000 / 1,050.
        returns = pd.DataFrame(
            {"market": [0.04, -0.7]}, index=pd.to_datetime(["2024-01-05", "2024-01-08"])
        )
        found = result.factor_attribution(exposures, returns)
        assert found.sessions["market"].tolist() == pytest.approx([0.04, -0.7 * 1000.0 / 1050.0])
        assert found.sessions["specific"].tolist() == pytest.approx([0.01, -0.05 * 1000.0 / 1050.0])
        assert found.summary["contribution"][:-1].sum() == pytest.approx(-0.7, abs=1e-10)


class TestSurvivorship:
    def test_nothing_ended(self, market: Database) -> None:
        found = run(market).survivorship(rerun=True)
        assert (found.members, found.ended, found.without_price) == (1, 0, 0.0)
        totals = found.results[found.results["of"] == PORTFOLIO].set_index("scenario")
        assert totals["total_return"].tolist() == pytest.approx([-0.7] * 4)
        assert totals.loc[SURVIVORS, "difference"] == 0.0
        universe = one(found.results, of="universe", scenario=AS_IS)
        # 10/9, 2, 21/20, 5/20
        assert universe["total_return"] == pytest.approx(10 / 9 * 2 * 1.05 * 0.25 - 1.0)


def test_usual_value_is_of_the_sessions_before() -> None:
    values = np.array([[1.0], [np.nan], [3.0], [100.0]])
    assert usual_before(values, 2)[:, 0].tolist()[1:] == [1.0, 1.0, 3.0]
    assert np.isnan(usual_before(values, 2)[0, 0])


def test_thirds_of_seven() -> None:
    assert thirds(np.array([[7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0]])).tolist() == [
        [2, 2, 1, 1, 0, 0, 0]
    ]
