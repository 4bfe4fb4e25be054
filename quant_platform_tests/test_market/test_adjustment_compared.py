"""Which prices of the platform and of a vendor differ, and adjustment under random actions."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_platform.kernels.adjustment import Reinvested
from quant_platform.kernels.arrays import FloatArray
from quant_platform.market.adjustment import (
    Kind,
    adjust,
    disagreements,
    split_adjusted,
    total_return,
)
from quant_platform.market.panel import Panel
from quant_platform_tests.support.action_rows import (
    NAN,
    action_rows,
    closes,
    rows,
)
from quant_platform_tests.support.panels import MarketFrames, random_market


def prices(
    values: Sequence[float] | FloatArray, symbol: str = "A", first: str = "2004-08-02"
) -> pd.DataFrame:
    frame = rows([symbol] * len(values), values, first)
    return closes(frame)


def named(own: pd.DataFrame, vendor: pd.DataFrame, **given: float) -> list[tuple[str, str]]:
    found = disagreements(own, vendor, **given)
    return [(row["security_id"], str(row["date"].date())) for row in found.to_dict("records")]


def test_levels_are_of_no_matter() -> None:
    values = np.array([1.0, 2.0, 3.0])
    assert named(prices(values), prices(values * 7)) == []


def test_exactly_the_tolerance_is_agreement() -> None:
    vendor = [1.0, 1.0]
    assert named(prices([1.0, 1.25]), prices(vendor), tolerance=0.25) == []
    assert named(prices([1.0, 1.25]), prices(vendor), tolerance=0.249) == [("A", "2004-08-03")]


def test_a_wrong_price_shows_in_its_session_and_the_next() -> None:
    own = [10.0, 10.0, 11.0, 10.0, 10.0]
    assert named(prices(own), prices([10.0] * 5)) == [("A", "2004-08-04"), ("A", "2004-08-05")]


def test_a_drift_is_named_when_it_has_grown() -> None:
    """0.2 % a session: counted from the last of 7 sessions, 0.6 % after three, and again."""
    own = prices(1.002 ** np.arange(7.0))
    assert named(own, prices([1.0] * 7)) == [("A", "2004-08-03"), ("A", "2004-08-06")]


def test_a_parting_in_a_gap_is_named_at_its_end() -> None:
    own, vendor = prices([10.0, NAN, 5.0, 5.0]), prices([5.0, 5.0, 5.0, 5.0])
    found = disagreements(own, vendor)
    assert named(own, vendor) == [("A", "2004-08-04")]
    assert found[["own", "vendor", "difference"]].to_numpy().tolist() == [[0.5, 1.0, -0.5]]
    without = own.dropna()
    pd.testing.assert_frame_equal(disagreements(without, vendor), found)


def test_what_is_no_price_is_passed_over() -> None:
    own = prices([1.0, 0.0, -1.0, np.inf, 1.0])
    assert named(own, prices([1.0] * 5)) == []
    assert named(prices([NAN, NAN]), prices([1.0, 1.0])) == []


def test_only_what_both_have_is_compared() -> None:
    both = pd.concat([prices([1.0, 2.0], "A"), prices([1.0, 1.0], "B")])
    other = pd.concat([prices([1.0, 1.0], "C"), prices([1.0, 1.0], "B")])
    assert named(both, other) == []
    assert named(prices([1.0, 2.0]), prices([1.0, 1.0], first="2010-01-04")) == []
    assert named(prices([]), prices([1.0])) == []


def test_a_price_without_a_symbol_is_passed_over() -> None:
    nobody = prices([7.0, 1.0]).assign(security_id=None)
    own = pd.concat([prices([1.0, 1.0]), nobody])
    assert named(own, prices([1.0, 1.0])) == named(prices([1.0, 1.0]), own) == []


def test_symbols_and_dates_are_in_order() -> None:
    own = pd.concat([prices([1.0, 2.0, 4.0], "B"), prices([1.0, 1.0, 3.0], "A")])
    vendor = pd.concat([prices([1.0] * 3, "A"), prices([1.0] * 3, "B")])
    expected = [("A", "2004-08-04"), ("B", "2004-08-03"), ("B", "2004-08-04")]
    assert named(own, vendor) == expected


# Laws. The actions that are drawn fall into gaps of trading as well as on bars.

COUNT = 60
SEEDS = st.integers(0, 10_000)
ROWS = st.integers(0, COUNT - 1)
SORTS = st.sampled_from(["split", "total_return"])
RULES = st.sampled_from(["close", "previous_close"])
Drawn = list[tuple[int, int, float, bool]]
DRAWN = st.lists(
    st.tuples(ROWS, st.integers(0, 9), st.sampled_from([0.01, 0.5, 2.0, 7.0]), st.booleans()),
    min_size=1,
    max_size=12,
)


def with_actions(market: MarketFrames, drawn: Drawn, after: int = -1) -> MarketFrames:
    """Add actions: row (those after a row only), symbol, figure, whether it is a split."""
    added = [
        (
            str(market.sessions[row]),
            f"S{symbol}",
            figure if split else NAN,
            NAN if split else figure,
        )
        for row, symbol, figure, split in drawn
        if row > after
    ]
    return replace(market, actions=pd.concat([market.actions, action_rows(added)]))


def adjusted_panel(market: MarketFrames, day: np.datetime64, kind: Kind, rule: Reinvested) -> Panel:
    panel = market.panel()
    return split_adjusted(panel, day) if kind == "split" else total_return(panel, day, rule)


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, drawn=DRAWN, row=ROWS, kind=SORTS, rule=RULES)
def test_panel_and_rows_are_the_same(
    seed: int, drawn: Drawn, row: int, kind: Kind, rule: Reinvested
) -> None:
    market = with_actions(random_market(seed, COUNT), drawn)
    day = market.sessions[row]
    panel = adjusted_panel(market, day, kind, rule)
    found = adjust(market.bars, market.actions, day, kind, rule)
    expected = panel.frame({"close": panel.close, "low": panel.low, "shares": panel.volume})
    merged = expected.merge(found, on=["date", "security_id"], how="outer")
    for field, column in (("close", "close_price"), ("low", "low_price"), ("shares", "volume")):
        np.testing.assert_allclose(merged[field], merged[column], rtol=1e-12)


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, drawn=DRAWN, row=ROWS, kind=SORTS, rule=RULES)
def test_a_later_action_changes_no_earlier_reading(
    seed: int, drawn: Drawn, row: int, kind: Kind, rule: Reinvested
) -> None:
    market = random_market(seed, COUNT)
    more, day = with_actions(market, drawn, after=row), market.sessions[row]
    pd.testing.assert_frame_equal(
        adjust(more.bars, more.actions, day, kind, rule),
        adjust(market.bars, market.actions, day, kind, rule),
    )
    later, before = (adjusted_panel(each, day, kind, rule) for each in (more, market))
    for name in ("open", "close", "volume", "dividend", "traded"):
        np.testing.assert_array_equal(getattr(later, name), getattr(before, name))


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, drawn=DRAWN, rows=st.sets(ROWS, min_size=2, max_size=2), kind=SORTS, rule=RULES)
def test_a_later_reading_is_the_earlier_one_on_another_level(
    seed: int, drawn: Drawn, rows: set[int], kind: Kind, rule: Reinvested
) -> None:
    market = with_actions(random_market(seed, COUNT), drawn)
    first, last = (market.sessions[row] for row in sorted(rows))
    early = adjust(market.bars, market.actions, first, kind, rule)
    late = adjust(market.bars, market.actions, last, kind, rule)
    both = early.merge(late, on=["date", "security_id"], suffixes=("", "_late"))
    assert len(both) == len(early)
    quotient = both["close_price_late"] / both["close_price"]
    level = quotient.groupby(both["security_id"]).transform("last")
    np.testing.assert_allclose((quotient / level).dropna(), 1.0, rtol=1e-9)
