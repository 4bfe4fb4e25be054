"""A broken promise halts a model from the next session on, however a backfill is cut."""

from datetime import date
from pathlib import Path

import pytest

from quant_platform.errors import SettingsError
from quant_platform.settings import PREFIX
from quant_platform.storage.database import Database
from quant_platform.storage.model_states import Change, State, record_state
from quant_platform.storage.releases import record_release
from quant_platform_tests.support.pipeline import FIRST, run
from quant_platform_tests.support.tables import fetch

HALT = {PREFIX + "MONITOR": "halt"}
ASSETS = ["portfolios", "model_monitor"]
BEGINS, RELEASED, LAST = date(2004, 9, 8), date(2004, 10, 11), "2004-11-05"

STATE = """
SELECT r.date::text, r.sessions, r.crossed, p.halted, p.gross_exposure > 0
FROM model_monitor AS r JOIN portfolios AS p USING (date, model_id) ORDER BY 1
"""

ROWS = """
SELECT (to_jsonb(t) - 'recorded_at')::text FROM {} AS t WHERE date BETWEEN %s AND %s ORDER BY 1
"""


def rows(database: Database) -> dict[str, list[tuple[object, ...]]]:
    tables = ("portfolios", "positions", "fills", "model_monitor")
    return {name: fetch(database, ROWS.format(name), FIRST, LAST) for name in tables}


def promise_too_much(database: Database) -> None:
    """Promise that buy_and_hold gains three deviations each session, which nothing does."""
    promise = (400, 3.0, 3.0, 0.0, 3.0, 1, 1.0)
    change = Change(
        BEGINS, "buy_and_hold", "challenger", "a test", "ann", date(2004, 9, 7), promise
    )
    assert record_state(database, change, State("candidate", None))
    assert not record_state(database, change, State("candidate", None))


def test_a_halt_comes_the_session_after_and_a_release_ends_it(
    computed: Database, tmp_path: Path
) -> None:
    promise_too_much(computed)
    # An alert alone changes no portfolio.
    before = rows(computed)
    assert run(computed, tmp_path, FIRST, LAST, assets=ASSETS).success
    alerted = rows(computed)
    assert len(alerted.pop("model_monitor")) > 40
    before.pop("model_monitor")
    assert alerted == before

    record_release(computed, "buy_and_hold", "simulated", RELEASED, "ann")
    assert run(computed, tmp_path, FIRST, LAST, assets=ASSETS, settings=HALT).success
    states = fetch(computed, STATE)
    days = [day for day, *_ in states]
    assert days[0] == BEGINS.isoformat()
    crossed = [number for number, (_, _, crossed, *_) in enumerate(states) if crossed]
    first, released = crossed[0], days.index(RELEASED.isoformat())
    # It trades in the session in which its promise breaks, and is sold at the open of the next.
    assert states[first][2:] == (True, False, True)
    assert {each[2:] for each in states[first + 1 : released]} == {(True, True, False)}
    # A halted account has no returns that count, but those of its last look.
    assert {each[1] for each in states[first + 1 : released]} == {first + 2}
    # The release begins the test anew.
    assert states[released][1:] == (1, False, False, True)
    again = next(number for number in crossed if number > released)
    assert again > released + 1
    assert states[again + 1][2:] == (True, True, False)

    whole = rows(computed)
    cuts = [FIRST, days[first], days[first + 1], days[released]]
    ends = [*(_before(computed, day) for day in cuts[1:]), LAST]
    for start, end in zip(cuts, ends, strict=True):
        assert run(computed, tmp_path, start, end, assets=ASSETS, settings=HALT).success
    assert rows(computed) == whole


def _before(database: Database, day: str) -> str:
    asking = "SELECT max(date)::text FROM portfolios WHERE date < %s"
    return str(fetch(database, asking, day)[0][0])


def test_a_state_is_never_changed(computed: Database) -> None:
    promise_too_much(computed)
    for statement in (
        "UPDATE model_states SET why = 'another'",
        "DELETE FROM model_states",
        "TRUNCATE model_states",
    ):
        with pytest.raises(Exception, match="never changed or deleted"):
            fetch(computed, statement)


def test_the_setting_is_one_of_two(computed: Database, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="QUANT_PLATFORM_MONITOR"):
        run(computed, tmp_path, FIRST, LAST, settings={PREFIX + "MONITOR": "panic"})
