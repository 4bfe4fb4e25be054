"""Borrow fees, lending, recalls and betas that a notebook gives, by hand on a market of five days.

The security closes at 9, 10, 20, 20 and 5. Half of 1,000 sold short at the open of 10 is 50 shares.
The fee is the value at the close before × rate × days / 360.
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from quant_platform.errors import SettingsError, UnknownNameError
from quant_platform.market.panel import Panel
from quant_platform.research.store import Store
from quant_platform.settings import Settings
from quant_platform.storage.database import Database
from quant_platform.trading.limits import Limits
from quant_platform_tests.support.five_sessions import FIRST, FREE, LAST
from quant_platform_tests.support.tables import fetch

DAYS = pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08"])


def short(panel: Panel) -> np.ndarray:
    return np.full(panel.close.shape, -0.5)


def whole(panel: Panel) -> np.ndarray:
    return np.full(panel.close.shape, 1.0)


for each in (short, whole):
    each.features, each.lookback = (), 1  # type: ignore[attr-defined]


def result_of(market: Database, strategy: Any = short, settings: Any = None, **given: Any) -> Any:
    return Store(market, settings or Settings()).backtest(
        strategy, FIRST, LAST, costs=FREE, capital=1000.0, **given
    )


def paid(market: Database, **given: Any) -> list[float]:
    """What is lost to fees up to each session."""
    return (result_of(market).equity - result_of(market, **given).equity).round(9).tolist()


def test_a_fee_of_a_security(market: Database) -> None:
    # 50 · 10 · 0.36 / 360, then 50 · 20 for a day, and for the three to Monday.
    expected = [0.0, 0.0, 0.5, 1.5, 4.5]
    assert paid(market, conditions={"borrow": pd.Series({"NEW": 0.36})}) == expected
    assert paid(market, conditions={"borrow": pd.Series({"figi": 0.36})}) == expected


def test_a_dated_fee(market: Database) -> None:
    fees = pd.DataFrame({"OLD": [0.0, 0.36]}, index=pd.to_datetime(["2023-12-29", "2024-01-05"]))
    assert paid(market, conditions={"borrow": fees}) == [0.0, 0.0, 0.0, 1.0, 4.0]


def test_what_is_not_lent_is_not_sold(market: Database) -> None:
    assert result_of(market, conditions={"available": pd.Series({"NEW": False})}).fills.empty
    later = pd.DataFrame({"NEW": [0, 1]}, index=DAYS[[0, 3]])
    fills = result_of(market, conditions={"available": later}).fills
    assert (fills["date"] >= DAYS[3]).all()


def test_what_is_recalled_is_closed(market: Database) -> None:
    recalled = pd.DataFrame({"NEW": [1]}, index=DAYS[[2]])
    fills = result_of(market, conditions={"recalled": recalled}).fills
    bought = fills[fills["date"] == DAYS[2]]
    # At the open of the day, which is its close here.
    assert bought["shares"].tolist() == [50.0]
    assert bought["price"].tolist() == [20.0]


def test_a_beta_scales_to_its_limit(market: Database) -> None:
    limits = Limits.read("beta=0.5:scale")
    given = {"beta": pd.Series({"NEW": 2.0})}
    found = result_of(market, whole, limits=limits, conditions=given)
    # 0.25 of 1,000 at 10; an unknown beta counts as 1: half of it.
    assert found.fills["shares"].iloc[0] == 25.0
    assert result_of(market, whole, limits=limits, conditions={}).fills.empty is False


def test_a_feature_is_known_in_the_session_before(market: Database) -> None:
    limits = Limits.read("beta=0.5:scale")
    store = Store(market)
    values = store.features("return_1", FIRST, LAST)["return_1"].to_numpy()
    frame = pd.DataFrame({"figi": [np.nan, *values[:-1]]}, index=DAYS)
    one, other = (
        result_of(market, whole, limits=limits, conditions={"beta": each})
        for each in ("return_1", frame)
    )
    pd.testing.assert_frame_equal(one.portfolios, other.portfolios, check_exact=True)


def test_own_data_counts_from_the_next_session_on(market: Database) -> None:
    fetch(
        market,
        "INSERT INTO own_data (date, dataset, field, security_id, symbol, observed_on,"
        " known_at, value) VALUES ('2024-01-04', 'shorts', 'fee', 'figi', 'NEW', '2024-01-04',"
        " '2024-01-04T12:00Z', 0.36)",
    )
    expected = [0.0, 0.0, 0.0, 1.0, 4.0]
    assert paid(market, conditions={"borrow": "own:shorts.fee"}) == expected
    assert paid(market, settings=Settings(conditions="borrow=own:shorts.fee")) == expected
    # It holds for one session alone.
    assert paid(market, conditions={"borrow": "own:shorts.fee@1"}) == [0.0, 0.0, 0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        ({"fee": pd.Series({"NEW": 1.0})}, SettingsError, "There is no condition 'fee'"),
        ({"borrow": 0.3}, SettingsError, r"The condition borrow is 0\.3"),
        ({"borrow": "own:shorts"}, UnknownNameError, "No feature is called own:shorts"),
        ({"beta": "beta_7"}, UnknownNameError, "No feature is called beta_7"),
        ({"borrow": pd.Series({"IBM": 0.1})}, UnknownNameError, "borrow is given for IBM, which"),
        ({"borrow": pd.Series({"NEW": -0.1})}, SettingsError, r"borrow \(as given\) of figi is -0"),
        ({"available": pd.Series({"NEW": 0.5})}, SettingsError, "available .*: 0 or 1"),
        ({"beta": pd.DataFrame({"NEW": [1.0]}, index=["x"])}, SettingsError, "rows without dates"),
        (
            {"beta": pd.DataFrame({"NEW": [1.0, 2.0]}, index=DAYS[[1, 0]])},
            SettingsError,
            "dates of the condition beta do not rise",
        ),
    ],
)
def test_what_is_none_is_refused_in_a_line(
    market: Database, given: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text) as refused:
        result_of(market, conditions=given)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["fee=own:a.b", "borrow=0.1", "borrow=beta_252", "beta"])
def test_a_setting_that_names_none(market: Database, text: str) -> None:
    with pytest.raises(SettingsError, match=r"QUANT_PLATFORM_CONDITIONS: .*is no condition"):
        result_of(market, settings=Settings(conditions=text))
