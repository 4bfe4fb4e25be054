"""Validation: each run is that of a backtest of its window, and no choice knows what comes later.

The sample's autumn of 2004: Google is listed in its first month, so that early windows have another
universe than late ones.
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from quant_platform.market.calendar import XNYS, parse_date
from quant_platform.market.panel import Panel
from quant_platform.research.store import Store
from quant_platform.research.validation_result import Validation
from quant_platform.storage.database import Database
from quant_platform.strategies.library.equal_weight import EqualWeight
from quant_platform.strategies.library.mean_reversion import MeanReversion
from quant_platform.trading.costs import Costs
from quant_platform.trading.limits import Limits
from quant_platform_tests.support.pipeline import FIRST, LAST
from quant_platform_tests.support.tables import fetch

DAYS = [day.isoformat() for day in XNYS.sessions(parse_date(FIRST), parse_date(LAST))]
TRAIN, TEST = 12, 24
EVERYTHING: dict[str, Any] = {
    "costs": Costs.realistic(slippage_bp=3.0),
    "limits": Limits.read("sector=0.6:scale"),
}
"""Impact looks back, and a limit looks at sectors."""


class Rows(EqualWeight):
    """Says what it wants in rows only, and is no strategy of the library."""

    name = "rows"

    def arrays(self, panel: Panel) -> None:  # type: ignore[override]
        return None


def columns(panel: Panel, share: float = 1.0) -> np.ndarray:
    """Counts the securities that it is shown, members or not."""
    return np.full(panel.close.shape, share / panel.close.shape[1])


columns.features = ()  # type: ignore[attr-defined]
columns.lookback = 3  # type: ignore[attr-defined]


def hindsight(panel: Panel, sign: float) -> np.ndarray:
    """Looks at the last close that it is shown, whatever the session."""
    change = np.nan_to_num(panel.close[-1] / panel.close[0])
    held = panel.member & (sign * (change - np.median(change)) > 0.0)
    return held / np.maximum(held.sum(axis=1, keepdims=True), 1)


hindsight.features = ()  # type: ignore[attr-defined]
hindsight.lookback = 500  # type: ignore[attr-defined]


def walked(database: Database, strategy: Any, grid: Any, **options: Any) -> Validation:
    given: dict[str, Any] = {"train": TRAIN, "test": TEST, "progress": False} | options
    return Store(database).walk_forward(strategy, grid, FIRST, LAST, **given)


@pytest.mark.parametrize(
    ("strategy", "grid", "growing"),
    [
        ("enhanced_momentum", {"stop_atr": [1.0, 3.0]}, False),
        ("enhanced_momentum", {"stop_atr": [1.0, 3.0]}, True),
        (MeanReversion, {"max_position": [0.1, 0.3]}, False),
        (Rows, [{}], False),
        (columns, {"share": [0.4, 1.0]}, True),
        (hindsight, {"sign": [1.0, -1.0]}, False),
    ],
)
def test_a_run_is_the_backtest_of_its_window(
    whole: Database, strategy: Any, grid: Any, growing: bool
) -> None:
    """In training and in the test, of a first, a middle and the last fold; to the last bit."""
    found = walked(whole, strategy, grid, growing=growing, resume=False, **EVERYTHING)
    assert (found.tested != 0.0).any() == (strategy is not MeanReversion), "it trades nothing"
    of_tests = [f"{day:%Y-%m-%d}" for day in pd.DatetimeIndex(found.rates.index)]
    for fold in (found.folds[0], found.folds[len(found) // 2], found.folds[-1]):
        before = DAYS[DAYS.index(fold.test[0]) - 1]
        training, test = (
            Store(whole).sweep(
                strategy, grid, first, last, progress=False, resume=False, **EVERYTHING
            )
            for first, last in (fold.train[:2], (before, fold.test[1]))
        )
        np.testing.assert_array_equal(fold.in_sample, training.table["sharpe_ratio"])
        start = of_tests.index(fold.test[0])
        mine = found.tested[start : start + fold.test[2]]
        np.testing.assert_array_equal(mine, test.returns.to_numpy()[1:])


@pytest.mark.parametrize(
    ("strategy", "grid", "growing"),
    [
        ("enhanced_momentum", {"stop_atr": [1.0, 2.0, 3.0], "max_holding": [3, 30]}, True),
        (hindsight, {"sign": [1.0, -1.0]}, False),
        (hindsight, {"sign": [1.0, -1.0]}, True),
    ],
)
def test_what_comes_after_training_changes_no_choice(
    computed: Database, strategy: Any, grid: Any, growing: bool
) -> None:
    """Law 1, even for a strategy that looks ahead: it is shown nothing later than its window."""
    before = walked(computed, strategy, grid, growing=growing)
    fold = before.folds[2]
    assert np.isfinite(fold.in_sample).all()
    fetch(
        computed,
        "UPDATE market_data SET high_price = high_price * 2, low_price = low_price / 2,"
        " close_price = close_price * (0.6 + 0.1 * abs(hashtext(security_id || date) %% 10))"
        " WHERE date > %s",
        fold.train[1],
    )
    after = walked(computed, strategy, grid, growing=growing)
    assert not np.array_equal(before.tested, after.tested)
    for mine, theirs in zip(before.folds[:3], after.folds[:3], strict=True):
        assert mine.chosen == theirs.chosen
        np.testing.assert_array_equal(mine.in_sample, theirs.in_sample)
    for mine, theirs in zip(before.folds[:2], after.folds[:2], strict=True):
        np.testing.assert_array_equal(mine.out_of_sample, theirs.out_of_sample)


def test_cut_short_it_has_the_same_first_folds(whole: Database) -> None:
    grid = {"stop_atr": [1.0, 3.0]}
    longer = walked(whole, "enhanced_momentum", grid)
    end = longer.folds[2].test[1]
    shorter = Store(whole).walk_forward(
        "enhanced_momentum", grid, FIRST, end, train=TRAIN, test=TEST, progress=False
    )
    assert len(shorter) == 3
    pd.testing.assert_frame_equal(shorter.table, longer.table.iloc[:3], check_exact=True)


def test_blocks_are_backtests_too(whole: Database) -> None:
    """Every block of a cross-validation, and its paths by definition."""
    grid = {"stop_atr": [1.0, 2.0, 3.0]}
    found = Store(whole).cross_validate(
        "enhanced_momentum", grid, FIRST, LAST, blocks=5, embargo=2, progress=False, **EVERYTHING
    )
    for number, block in enumerate(np.array_split(np.arange(len(DAYS)), 5)):
        first = block[0] - 1 if number else 0
        alone = Store(whole).sweep(
            "enhanced_momentum",
            grid,
            DAYS[first],
            DAYS[block[-1]],
            progress=False,
            resume=False,
            **EVERYTHING,
        )
        mine = alone.returns.to_numpy()[1 if number else 0 :]
        np.testing.assert_array_equal(found.tested[block], mine)
    assert found.paths.notna().all(axis=None)
    assert len(found.folds) == 10
    assert found.paths.shape == (len(DAYS), 4)
    assert len(found.runs) == 3 * 5


def test_threads_and_order_change_no_bit(whole: Database) -> None:
    grid = {"stop_atr": [1.0, 3.0]}
    found = walked(whole, "enhanced_momentum", grid, resume=False)
    again = walked(whole, "enhanced_momentum", {"stop_atr": [3.0, 1.0]}, resume=False)
    np.testing.assert_array_equal(found.tested, again.tested[:, ::-1])


def test_what_all_read_none_may_write(whole: Database) -> None:
    """In a window that has fewer securities than the market, too."""

    def writes(panel: Panel, value: float) -> np.ndarray:
        panel.close[:] = value
        return np.zeros(panel.close.shape)

    writes.features, writes.lookback = (), 3  # type: ignore[attr-defined]
    found = walked(whole, writes, {"value": [1.0]})
    assert len(found.failures) == len(found)
    assert all("read-only" in reason for reason in found.failures.values())


def test_every_run_is_a_trial(computed: Database) -> None:
    """Law 8: each configuration in each window, in training and in the test, once."""

    def count() -> int:
        return int(fetch(computed, "SELECT count(*) FROM trials")[0][0])

    start = count()
    found = walked(computed, "enhanced_momentum", {"stop_atr": [1.0, 3.0]})
    assert count() == start + 2 * 2 * len(found)
    walked(computed, "enhanced_momentum", {"stop_atr": [1.0, 3.0]}, resume=False)
    assert count() == start + 2 * 2 * len(found)
    crossed = Store(computed).cross_validate(
        "enhanced_momentum", {"stop_atr": [1.0, 3.0]}, FIRST, LAST, blocks=3, progress=False
    )
    assert count() == start + 2 * 2 * len(found) + 2 * 3
    for each in (found, crossed):
        assert each.counted is not None
        assert each.counted.can_be_ranked
