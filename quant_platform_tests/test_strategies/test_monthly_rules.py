"""The rules that choose every month, on five securities; every expected weight is worked out here.

The choice is that of the month's first session. The panel begins in the month before, so that there
is none yet, and reaches into the month after.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.calendar import XNYS, parse_date
from quant_platform.market.panel import Panel
from quant_platform.strategies.library.cross_sectional_momentum import CrossSectionalMomentum
from quant_platform.strategies.library.low_volatility import LowVolatility
from quant_platform.strategies.library.short_term_reversal import ShortTermReversal
from quant_platform.strategies.library.trend_following import TrendFollowing
from quant_platform.strategies.weight_strategy import WeightStrategy, top_fraction

DAYS = np.array(
    XNYS.sessions(parse_date("2011-01-31"), parse_date("2011-03-02")), dtype="datetime64[D]"
)
FEBRUARY, MARCH = 1, 20
"""Sessions of the two choices: 1 February and 1 March."""

NAMES = ("A", "B", "C", "D", "E")
UNKNOWN = np.nan

# (1 + r_252)/(1 + r_20) − 1: 0.2, 0.3, 0.0, 0.1 and 0.5.
YEAR = (0.5, 0.3, 0.1, 0.21, -0.1)
MONTH = (0.25, 0.0, 0.1, 0.1, -0.4)


def panel(
    figures: Mapping[str, Sequence[float]], later: Mapping[str, Sequence[float]] | None = None
) -> Panel:
    """The same figures in each session; from 1 March on, those of `later`."""
    features = {"realized_volatility_20": np.full((len(DAYS), len(NAMES)), 0.2)}
    for name, values in figures.items():
        features[name] = np.tile(np.array(values, dtype=np.float64), (len(DAYS), 1))
    for name, values in (later or {}).items():
        features[name][MARCH:] = values
    close = np.full((len(DAYS), len(NAMES)), 10.0)
    return Panel(DAYS, NAMES, close=close, features=features)


def weights(strategy: WeightStrategy, market: Panel) -> FloatArray:
    frame = strategy.run(market)
    return frame.pivot(index="date", columns="security_id", values="target_weight").to_numpy()


def test_the_calendar_has_the_two_choices() -> None:
    assert [str(DAYS[row]) for row in (FEBRUARY, MARCH)] == ["2011-02-01", "2011-03-01"]


def test_momentum_holds_the_winners_until_the_next_choice() -> None:
    """The best two of five are E and B; from March on A, whose year is 2: 3/1.25 − 1 = 1.4."""
    market = panel({"return_252": YEAR, "return_20": MONTH}, {"return_252": (2.0, *YEAR[1:])})
    held = weights(CrossSectionalMomentum(fraction=0.4), market)
    assert held[0].tolist() == [0.0] * 5
    assert held[FEBRUARY:MARCH].tolist() == [[0.0, 0.5, 0.0, 0.0, 0.5]] * (MARCH - FEBRUARY)
    assert held[MARCH:].tolist() == [[0.5, 0.0, 0.0, 0.0, 0.5]] * 2
    kinds = CrossSectionalMomentum(fraction=0.4).run(market).set_index(["date", "security_id"])
    assert kinds.loc[("2011-03-01", "B"), "signal_type"] == -1
    assert kinds.loc[("2011-03-01", "A"), "signal_type"] == 1


@pytest.mark.parametrize(
    ("fraction", "year", "chosen"),
    [
        (0.5, YEAR, [0, 0.5, 0, 0, 0.5]),  # half of five is two
        (0.1, YEAR, [0, 0, 0, 0, 1]),  # a tenth of five is none: one is held
        (0.1, (*YEAR[:4], UNKNOWN), [0, 1, 0, 0, 0]),
        (0.5, (UNKNOWN, UNKNOWN, 0.1, 0.21, UNKNOWN), [0, 0, 0, 1, 0]),
        (1.0, (UNKNOWN,) * 5, [0, 0, 0, 0, 0]),
    ],
)
def test_fewer_names_than_the_fraction_asks_for(
    fraction: float, year: Sequence[float], chosen: list[float]
) -> None:
    market = panel({"return_252": year, "return_20": MONTH})
    assert weights(CrossSectionalMomentum(fraction=fraction), market)[FEBRUARY].tolist() == chosen


def test_the_longest_month_is_looked_back_on() -> None:
    """March 2011 has 23 sessions: on 1 April, A was held until then since the first of them."""
    days = np.array(
        XNYS.sessions(parse_date("2011-02-22"), parse_date("2011-04-01")), dtype="datetime64[D]"
    )
    assert np.count_nonzero(days.astype("datetime64[M]") == np.datetime64("2011-03")) == 23
    month = np.tile([-0.1, 0.1], (len(days), 1))
    month[-1] = [0.1, -0.1]
    features = {"realized_volatility_20": np.full(month.shape, 0.2), "return_20": month}
    market = Panel(days, ("A", "B"), close=np.full(month.shape, 10.0), features=features)
    strategy = ShortTermReversal()
    for panel in (market, market.cut(len(days) - strategy.lookback)):
        rows = strategy.run(panel, last=1).set_index("security_id")
        assert rows["signal_type"].to_dict() == {"A": -1, "B": 1}
        assert rows["target_weight"].to_dict() == {"A": 0.0, "B": 1.0}


def test_a_total_loss_and_a_price_of_zero_are_not_held() -> None:
    """E's return of −100 % has no return since; B's close is 0, so that it has no row."""
    market = panel({"return_252": YEAR, "return_20": (*MONTH[:4], -1.0)})
    market.close[:, 1] = 0.0
    held = weights(CrossSectionalMomentum(fraction=0.5), market)
    np.testing.assert_array_equal(held[FEBRUARY], [0.5, 0.0, 0.0, 0.0])


def test_what_stops_trading_while_it_is_held_leaves_the_others_as_they_are() -> None:
    market = panel({"return_252": YEAR, "return_20": MONTH})
    market.close[5:, 4] = np.nan
    market.traded[5:, 4] = False
    held = weights(CrossSectionalMomentum(fraction=0.4), market)
    np.testing.assert_array_equal(held[4:6], [[0, 0.5, 0, 0, 0.5], [0, 0.5, 0, 0, np.nan]])


def test_of_equal_values_the_first_is_chosen() -> None:
    market = panel({})
    values = np.tile([1.0, 2.0, 2.0, 2.0, 1.0], (len(DAYS), 1))
    assert top_fraction(market, values, 0.4)[0].tolist() == [False, True, True, False, False]


def test_low_volatility_leaves_out_what_does_not_move() -> None:
    """Four have a volatility above 0; half of them is two: B and E."""
    market = panel({"realized_volatility_60": (0.3, 0.1, 0.0, 0.4, 0.2)})
    held = weights(LowVolatility(fraction=0.5), market)
    assert held[FEBRUARY].tolist() == [0.0, 0.5, 0.0, 0.0, 0.5]


def test_reversal_holds_the_losers() -> None:
    market = panel({"return_20": (-0.2, 0.1, -0.1, 0.0, 0.3)})
    held = weights(ShortTermReversal(fraction=0.4), market)
    assert held[FEBRUARY].tolist() == [0.5, 0.0, 0.5, 0.0, 0.0]


TRENDS = {
    "return_252": (0.1, -0.2, 0.0, 0.3, 0.5),
    "realized_volatility_60": (0.2, 0.4, 0.1, 0.5, 0.0),
}


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        # 0.2/0.2/5 and 0.2/0.5/5; no trend, and no volatility, weigh nothing.
        ({}, [0.2, 0.0, 0.0, 0.08, 0.0]),
        ({"short": True}, [0.2, -0.1, 0.0, 0.08, 0.0]),
        # 2/0.2/5 = 2 and 2/0.5/5 = 0.8 add up to 2.8.
        ({"target_volatility": 2.0}, [2.0 / 2.8, 0.0, 0.0, 0.8 / 2.8, 0.0]),
    ],
)
def test_trends_are_followed_at_equal_risk(
    parameters: Mapping[str, float], expected: list[float]
) -> None:
    held = weights(TrendFollowing(**parameters), panel(TRENDS))
    np.testing.assert_allclose(held[FEBRUARY], expected, rtol=1e-12)
    assert not held[0].any()
