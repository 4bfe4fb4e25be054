"""The alignment of signals with the session in which they are executed."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from quant_platform.errors import ContractError
from quant_platform.market.panel import Panel
from quant_platform.trading.costs import Costs
from quant_platform.trading.engine.layout import L_STOP
from quant_platform.trading.orders import Orders, TradingRules
from quant_platform.trading.simulation import simulate

NAN = np.nan
WITH_STOPS = TradingRules(stops=True)
FRIDAY, MONDAY, TUESDAY = "2020-03-06", "2020-03-09", "2020-03-10"


def signals(*rows):
    columns = ["date", "security_id", "signal_type", "target_weight", "reference_price"]
    return pd.DataFrame(list(rows), columns=columns).assign(
        date=lambda frame: pd.to_datetime(frame["date"])
    )


SIGNALS = signals(
    (FRIDAY, "A", 1, 0.05, 10.0), (MONDAY, "B", -1, 0.0, 20.0), (TUESDAY, "A", 0, 0.9, 11.0)
)
UNIVERSE = pd.DataFrame(
    {"date": pd.to_datetime([FRIDAY, FRIDAY, MONDAY]), "security_id": ["A", "C", "B"]}
)


@pytest.mark.parametrize("before", [FRIDAY, pd.Timestamp(FRIDAY), dt.date(2020, 3, 6)])
def test_a_signal_acts_in_the_next_session(before):
    orders = Orders.from_signals(SIGNALS, [MONDAY, TUESDAY], before=before)
    assert orders.security_ids == ("A", "B")
    np.testing.assert_array_equal(orders.targets, [[0.05, NAN], [NAN, 0.0]])
    np.testing.assert_array_equal(orders.types, [[1, 0], [0, -1]])
    np.testing.assert_array_equal(orders.references, [[10.0, NAN], [NAN, 20.0]])
    np.testing.assert_array_equal(orders.others, [NAN, NAN])


def test_at_the_start_of_history_nothing_is_wanted():
    orders = Orders.from_signals(SIGNALS, [FRIDAY, MONDAY, TUESDAY])
    np.testing.assert_array_equal(orders.targets, [[NAN, NAN], [0.05, NAN], [NAN, 0.0]])


def test_what_left_the_universe_is_sold():
    orders = Orders.from_signals(SIGNALS, [FRIDAY, MONDAY, TUESDAY], universe=UNIVERSE)
    assert orders.security_ids == ("A", "B", "C")
    # Nothing is known before Friday. C is a member on Friday without a signal: no opinion. A and C
    # are no members on Monday, as are all symbols without a column.
    np.testing.assert_array_equal(
        orders.targets, [[NAN, NAN, NAN], [0.05, 0.0, NAN], [0.0, 0.0, 0.0]]
    )
    np.testing.assert_array_equal(orders.others, [NAN, 0.0, 0.0])


def test_signals_of_several_models_are_refused():
    with pytest.raises(ContractError, match="several rows of one security"):
        Orders.from_signals(pd.concat([SIGNALS, SIGNALS]), [MONDAY])


def test_stops_are_levels_where_the_model_s_portfolio_keeps_them():
    stopped = SIGNALS.assign(stop_price=[9.0, NAN, 10.5])
    orders = Orders.from_signals(stopped, [MONDAY, TUESDAY], before=FRIDAY, rules=WITH_STOPS)
    assert orders.levels is not None
    np.testing.assert_array_equal(orders.levels[L_STOP], [[9.0, NAN], [NAN, NAN]])
    assert np.isnan(np.delete(orders.levels, L_STOP, axis=0)).all()
    assert Orders.from_signals(stopped, [MONDAY, TUESDAY], before=FRIDAY).levels is None


@pytest.mark.parametrize(("rules", "equity"), [(TradingRules(), 1040.0), (WITH_STOPS, 900.0)])
def test_a_stop_is_an_order_of_the_next_session(rules, equity):
    """100 shares are bought on Monday at 10. On Tuesday the low is 8.5 and the close 10.4.

    With a stop at 9 the shares are sold there, 1 below the purchase; without it they are held.
    """
    stopped = signals((FRIDAY, "A", 1, 1.0, 10.0), (MONDAY, "A", 0, 1.0, 10.0))
    days = np.array([MONDAY, TUESDAY], dtype="datetime64[D]")
    opened, high, low, close = np.array(
        [[10, 10], [10, 10.5], [9.5, 8.5], [10, 10.4]], dtype=np.float64
    )[:, :, None]
    volume = np.full((2, 1), 1e6)
    panel = Panel(days, ("A",), opened, high, low, close, volume)
    orders = Orders.from_signals(
        stopped.assign(stop_price=9.0), [MONDAY, TUESDAY], before=FRIDAY, rules=rules
    )
    done = simulate(panel, orders, costs=Costs.ideal(), capital=1000.0)
    assert done.portfolios["equity"].tolist() == pytest.approx([1000.0, equity])
