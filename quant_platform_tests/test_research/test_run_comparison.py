"""Two runs side by side: the first session, order and figure that differ, and why."""

from pathlib import Path

import numpy as np
import pytest

from quant_platform.errors import UnknownNameError
from quant_platform.market.panel import Panel
from quant_platform.research.result import Backtest
from quant_platform.research.store import Store
from quant_platform.storage.database import Database
from quant_platform.trading.costs import Costs
from quant_platform_tests.support.five_sessions import FIRST, FREE, LAST, Ten


class Later(Ten):
    """Waits for 20: what closes at 10, in the second session, is not bought."""

    name = "later"

    def wanted(self, panel: Panel) -> np.ndarray:
        return panel.close >= 15.0


def run(market: Database, strategy: Ten, costs: Costs = FREE, last: str = LAST) -> Backtest:
    return Store(market).backtest(strategy, FIRST, last, costs=costs)


def test_the_first_order(market: Database) -> None:
    """Closes are 9, 10, 20, 20, 5: the order after the second session is the first that differs."""
    found = Store(market).compare(run(market, Ten()), run(market, Later()))
    assert not found.same
    assert found.table == "signals"
    assert found.first is not None
    assert f"{found.first.row['date']:%Y-%m-%d}" == "2024-01-03"
    assert (found.first.column, found.first.expected, found.first.found) == ("signal_type", 1, 0)
    # Traded at the open of the session after it.
    fill = found.firsts["fills"]
    assert (f"{fill.row['date']:%Y-%m-%d}", fill.expected, fill.found) == (
        "2024-01-04",
        "a row",
        "no row",
    )
    kinds = dict(found.reasons)
    assert kinds["strategy"] == "ten and later"
    assert "data" not in kinds
    text = str(found)
    assert "They differ first in 2024-01-03, order of NEW, signal_type: 1 and 0" in text
    assert "then 2024-01-04, fill of NEW, a row and no row" in text


def test_costs_change_no_order(market: Database) -> None:
    found = Store(market).compare(run(market, Ten()), run(market, Ten(), Costs(10.0, 0.0)))
    assert found.table == "fills"
    assert [kind for kind, _ in found.reasons] == ["assumption"]
    assert found.reasons[0][1] == "costs, commission_bp: 0.0 and 10.0"
    assert "signals" not in found.firsts
    assert found.record()["first"]["column"] == "commission"
    assert found.record()["same"] is False


def test_the_same(market: Database, tmp_path: Path) -> None:
    """A result, its card and its row in the ledger are one run."""
    store, result = Store(market), run(market, Ten())
    assert result.run is not None
    card = result.save_card(tmp_path / "run.zip")
    for other in (result, card, str(card)):
        found = store.compare(result, other)
        assert found.same
        assert found.reasons == ()
        assert found.figures.empty
        assert "are the same" in str(found)


def test_of_other_sessions_those_of_both_are_compared(market: Database) -> None:
    found = Store(market).compare(run(market, Ten()), run(market, Ten(), last="2024-01-05"))
    assert found.same
    assert found.sessions == 4
    assert "has 5 sessions" in found.notes[0]
    assert ("sessions", f"{FIRST} to {LAST} and {FIRST} to 2024-01-05") in found.reasons


def test_of_no_session_in_common(market: Database) -> None:
    store = Store(market)
    early, late = (
        store.backtest(Ten(), FIRST, "2024-01-03"),
        store.backtest(Ten(), "2024-01-05", LAST),
    )
    found = store.compare(early, late)
    assert found.sessions == 0
    assert "they have no session in common" in found.notes


def test_a_run_that_is_not_there(market: Database) -> None:
    with pytest.raises(UnknownNameError, match="No trial of the ledger begins with abc"):
        Store(market).compare("abc", "def")
