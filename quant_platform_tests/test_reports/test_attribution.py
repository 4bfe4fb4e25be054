"""Pictures and tables of attribution and survivorship: every figure of a frame is in them."""

import numpy as np
import pandas as pd
import pytest

from quant_platform.evaluation.attribution.brinson import Side, active_return
from quant_platform.evaluation.attribution.factors import factor_attribution
from quant_platform.evaluation.attribution.gains import gain_lines
from quant_platform.evaluation.attribution.totals import by_cause, by_security
from quant_platform.evaluation.attribution.trips import round_trips
from quant_platform.evaluation.survivorship import UniverseHistory, measure, portfolio_scenarios
from quant_platform.reports import attribution, survivorship
from quant_platform_tests.support.accounts import random_account

CLOSED = pd.DataFrame(columns=["date", "shares", "last_price", "delisting_return", "equity"])


@pytest.fixture(scope="module")
def account():
    return random_account(3)[0]


@pytest.fixture(scope="module")
def trips(account):
    return round_trips(account)


class TestPnl:
    def test_the_bars_add_up_to_the_pnl(self, account) -> None:
        rows = by_security(gain_lines(account))
        (bars,) = attribution.pnl_figure(rows, "security_id", most=4).data
        assert len(bars.x) == 4
        assert bars.y[-1] == "others"
        assert sum(bars.x) == pytest.approx(rows["pnl"].sum())

    def test_the_steps_are_the_causes(self, account) -> None:
        causes = by_cause(gain_lines(account))
        (steps,) = attribution.cause_figure(causes).data
        assert sum(steps.y) == pytest.approx(causes["pnl"].sum())
        assert steps.x[-1] == "P&L"


class TestTrades:
    def test_best_and_worst(self, trips) -> None:
        best, worst = attribution.trades_table(trips, {"A": "AAA"}, 3)
        assert len(best) == len(worst) == 3
        assert all(text.startswith("+") for text in best["P&L"])
        assert all(text.startswith("−") for text in worst["P&L"])

    def test_none(self, trips) -> None:
        best, worst = attribution.trades_table(trips[:0], {})
        assert best.empty and worst.empty
        assert [len(trace.x) for trace in attribution.excursion_figure(trips[:0]).data] == [0, 0]

    def test_every_closed_trip_is_a_point(self, trips) -> None:
        closed = (trips["exit_reason"] != "open").sum()
        drawn = attribution.excursion_figure(trips).data
        assert sum(len(trace.x) for trace in drawn) == closed


class TestActive:
    def found(self, returns):
        values = np.array(returns, dtype=np.float64)
        weights, nothing = np.full(values.shape, 0.5), np.zeros(values.shape)
        gains = weights * values
        one = Side(weights, gains, nothing, nothing, gains.sum(axis=1))
        other = Side(weights, nothing, nothing, nothing, np.zeros(len(values)))
        days = np.datetime64("2020-01-01") + np.arange(len(values))
        return active_return(one, other, days, ["Energy", "cash"])

    def test_the_table_ends_with_the_total(self) -> None:
        table = attribution.active_table(self.found([[0.1, 0.0]]))
        assert table["Group"].tolist() == ["Energy", "cash", "total"]
        assert table["Total"].tolist() == ["+5.00\u202f%", "0.00\u202f%", "+5.00\u202f%"]

    def test_what_cannot_be_linked_is_no_figure(self) -> None:
        table = attribution.active_table(self.found([[-2.0, 0.0]]))
        assert set(table["Selection"]) == {"–"}
        assert attribution.active_figure(self.found([[0.1, 0.0]])).data[0].name == "selection"


def test_factors() -> None:
    days = pd.date_range("2020-01-01", periods=3)
    index = pd.MultiIndex.from_product([days, ["A"]])
    weights = pd.DataFrame({"A": [1.0, 1.0, 1.0]}, index=days)
    found = factor_attribution(
        weights,
        weights * 0.01,
        pd.DataFrame({"market": [1.0, 1.0, 1.0]}, index=index),
        pd.DataFrame({"market": [0.005, 0.005, 0.005]}, index=days),
    )
    table = attribution.factor_table(found).set_index("Factor")
    assert table.index.tolist() == ["market", "specific", "total"]
    assert table.loc["market", "Exposure"] == "+1.00"
    assert table.loc["total", "Contribution"] == "+3.03\u202f%"
    (bars,) = attribution.factor_figure(found).data
    assert bars.y.sum() == pytest.approx(1.01**3 - 1.0)


class TestSurvivorship:
    @pytest.fixture(scope="class")
    @classmethod
    def found(cls):
        close = np.array([[10.0, 10.0], [11.0, 5.0], [12.1, np.nan], [12.1, np.nan]])
        days = np.datetime64("2020-03-02") + np.arange(4)
        history = UniverseHistory(
            days,
            ("A", "B"),
            close,
            np.ones(close.shape),
            np.zeros(close.shape),
            np.isfinite(close),
            np.array([False, True]),
            2,
        )
        return measure(history, portfolio_scenarios(0.1, CLOSED), ("Something is not stated",))

    def test_sentences(self, found) -> None:
        assert survivorship.survivorship_sentences(found) == [
            "1 of 2 members have ended by 2020-03-05, and 50.0% of all members have no price in"
            " that session.",
            "Of the 2 members of 2020-03-02, 50.0\u202f% have no price in 2020-03-05.",
            "Survivors alone, the total return of the universe is +37.00\u202f% away from what it"
            " was.",
            "Something is not stated.",
        ]

    def test_tables_and_picture(self, found) -> None:
        table = survivorship.survivorship_table(found)
        assert len(table) == 7
        assert survivorship.endings_table(found)["Known of"].tolist() == ["reference data"]
        names = [trace.name for trace in survivorship.survivorship_figure(found).data]
        assert names == ["universe", "portfolio"]

    def test_models(self) -> None:
        rows = pd.DataFrame(
            [
                {"model_name": "ten", "closed": 1, "assumed": 0, "distressed": 1}
                | portfolio_scenarios(0.1, CLOSED)
            ]
        )
        table = survivorship.models_table(rows)
        assert table.iloc[0].tolist() == ["ten", "1", "0", "1"] + ["10.00\u202f%"] * 3
