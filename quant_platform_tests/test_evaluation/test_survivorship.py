"""Survivorship: by hand, and on the synthetic market, of which it is known what ended."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quant_platform.evaluation.survivorship import (
    AS_IS,
    PORTFOLIO,
    SURVIVORS,
    UNIVERSE,
    UniverseHistory,
    measure,
    portfolio_scenarios,
    universe_returns,
)
from quant_platform.market.grid import Grid
from quant_platform.vendors.synthetic import SyntheticVendor
from quant_platform.vendors.synthetic.settings import SyntheticSettings

NAN = np.nan

FIRST, LAST = date(2005, 1, 3), date(2006, 3, 10)


def history(close, **changes: Any) -> UniverseHistory:
    values = np.array(close, dtype=np.float64)
    days = np.datetime64("2020-03-02") + np.arange(len(values))
    known = np.isfinite(values)
    given: dict[str, Any] = {
        "split": np.ones(values.shape),
        "dividend": np.zeros(values.shape),
        "member": known,
        "retired": np.zeros(values.shape[1], dtype=bool),
        "silent": 2,
    } | changes
    return UniverseHistory(days, tuple("ABC"[: values.shape[1]]), values, **given)


class TestByHand:
    """A goes from 10 to 12.1, by a tenth a session; B from 10 to 5, and ends."""

    given = history([[10, 10], [11, 5], [12.1, NAN], [12.1, NAN]])

    def test_counts(self) -> None:
        found = measure(self.given)
        assert (found.members, found.ended, found.without_price) == (2, 1, 0.5)
        assert (found.first_members, found.first_without_price) == (2, 0.5)
        (row,) = found.endings.to_dict("records")
        assert (row["security_id"], row["last_price"]) == ("B", 5.0)
        assert row["last_session"] == pd.Timestamp("2020-03-03")
        assert found.sentence == (
            "1 of 2 members have ended by 2020-03-05, and 50.0% of all members have no price in"
            " that session"
        )

    @pytest.mark.parametrize(
        ("paid", "sessions"),
        [
            # The mean of +10 % and −50 %, of +10 % and what is paid, then A alone.
            (0.0, [-0.2, 0.05, 0.0]),
            (-0.3, [-0.2, -0.1, 0.0]),
            (-1.0, [-0.2, -0.45, 0.0]),
        ],
    )
    def test_the_universe_under_what_is_paid(self, paid: float, sessions: list[float]) -> None:
        assert universe_returns(self.given, paid)[1:].tolist() == pytest.approx(sessions)

    def test_survivors_alone(self) -> None:
        rows = measure(self.given).results.set_index("scenario")
        assert rows.loc[AS_IS, "total_return"] == pytest.approx(0.8 * 1.05 - 1.0)
        assert rows.loc[SURVIVORS, "total_return"] == pytest.approx(0.21)
        assert rows.loc[SURVIVORS, "difference"] == pytest.approx(0.21 - (0.8 * 1.05 - 1.0))
        yearly = 1.21 ** (252 / 4) - 1.0
        assert rows.loc[SURVIVORS, "annualized_return"] == pytest.approx(yearly)

    def test_a_gap_is_no_end_and_no_return_is_lost(self) -> None:
        given = history([[10.0], [NAN], [12.0]], member=np.ones((3, 1), dtype=bool))
        assert measure(given).ended == 0
        assert universe_returns(given)[1:].tolist() == pytest.approx([0.0, 0.2])

    def test_splits_and_dividends_count(self) -> None:
        split, dividend = np.ones((3, 1)), np.zeros((3, 1))
        split[2], dividend[2] = 2.0, 1.0
        given = history([[10.0], [10.0], [5.0]], split=split, dividend=dividend)
        assert universe_returns(given)[2] == pytest.approx(0.2)

    def test_what_the_reference_data_retire_has_ended_at_once(self) -> None:
        given = history([[10, 10], [11, 10], [11, NAN]], retired=np.array([True, True]))
        # A has a bar in the last session: it ends, but has not.
        assert measure(given).endings["security_id"].tolist() == ["B"]

    def test_no_member_at_all(self) -> None:
        given = history([[10.0], [11.0]], member=np.zeros((2, 1), dtype=bool))
        found = measure(given)
        assert (found.members, found.ended) == (0, 0)
        assert np.isnan(found.without_price)
        assert found.results["total_return"].isna().all()
        assert found.sentence.startswith("No security was a member")


def test_a_portfolio_under_what_was_paid() -> None:
    closed = pd.DataFrame(
        {
            "date": [pd.Timestamp("2020-03-02")],
            "shares": [10.0],
            "last_price": [5.0],
            "delisting_return": [0.0],
            "equity": [1000.0],
        }
    )
    totals = portfolio_scenarios(0.1, closed, survivors=0.2)
    # 50 of 1,000 less 30 %, and less all of it.
    assert list(totals.values()) == pytest.approx([0.1, 1.1 * 0.985 - 1.0, 1.1 * 0.95 - 1.0, 0.2])
    rows = measure(TestByHand.given, totals).results
    assert rows[rows["of"] == PORTFOLIO]["difference"].iloc[-1] == pytest.approx(0.1)


@pytest.fixture(scope="module")
def vendor() -> SyntheticVendor:
    settings = SyntheticSettings(securities=100, first=f"{FIRST}", last=f"{LAST}", seed=1)
    return SyntheticVendor(settings)


@pytest.fixture(scope="module")
def market(vendor: SyntheticVendor) -> UniverseHistory:
    """Bars by company, as the planted signals name it; prices as published."""
    bars = vendor.bars(FIRST, LAST)
    names = vendor.planted_signals(FIRST, LAST)[["date", "symbol", "security_id"]]
    rows = bars.merge(names, on=["date", "symbol"])
    actions = vendor.actions(FIRST, LAST).merge(names, on=["date", "symbol"])
    grid = Grid(
        np.array(vendor.market.sessions, "datetime64[D]"),
        tuple(sorted(rows["security_id"].unique())),
    )
    close = grid.columns(rows, {"close": "close_price"})["close"]
    known: dict[str, Any] = grid.actions(actions)
    return UniverseHistory(
        grid.days,
        grid.security_ids,
        close,
        **known,
        member=np.isfinite(close),
        retired=np.zeros(len(grid.security_ids), dtype=bool),
    )


class TestSyntheticMarket:
    """Companies that end are drawn by the vendor: which they are, and when, is known."""

    def test_what_ended_is_what_the_vendor_ended(
        self, vendor: SyntheticVendor, market: UniverseHistory
    ) -> None:
        found = measure(market)
        schedule, last = vendor.market.schedule, len(vendor.market.sessions) - 1
        ends = {
            f"BBGSYN{company.number:06}": vendor.market.days[company.last]
            for company in schedule.companies
            if company.last is not None and company.last < last - market.silent
        }
        # One that is suspended before its end has its last bar earlier.
        assert set(found.endings["security_id"]) == set(ends)
        days = found.endings["last_session"].to_numpy().astype("datetime64[D]")
        for name, day in zip(found.endings["security_id"], days, strict=True):
            assert day <= ends[name]
        assert found.ended == len(ends) == 3

    def test_the_worse_what_is_paid_the_worse_the_universe(self, market: UniverseHistory) -> None:
        rows = measure(market).results
        totals = rows[rows["of"] == UNIVERSE]["total_return"].tolist()
        as_was, thirty, all_lost, survivors = totals
        assert all_lost < thirty < as_was
        assert len({*totals, survivors}) == 4

    def test_cut_later_nothing_that_ended_comes_back(self, market: UniverseHistory) -> None:
        whole = set(measure(market).endings["security_id"])
        cut = slice(0, 200)
        earlier = UniverseHistory(
            market.sessions[cut],
            market.security_ids,
            market.close[cut],
            market.split[cut],
            market.dividend[cut],
            market.member[cut],
            market.retired,
        )
        assert set(measure(earlier).endings["security_id"]) <= whole
