"""Events from rows of `alerts`: how long they last, and which of them are news."""

from datetime import UTC, datetime, timedelta

import pytest

from quant_platform.alerts.events import RECENT, RUN_DAYS, STALE_FOR
from quant_platform.alerts.queue import queued, raise_alert
from quant_platform.alerts.stored_rules import (
    CALIBRATION,
    DATA_QUALITY,
    PROMISE_BROKEN,
    RANKING_CHANGE,
    StoredRule,
)
from quant_platform.storage.database import Database
from quant_platform.storage.models import ModelRecord, register_models
from quant_platform_tests.support.alerting import Office, breach, channel, day
from quant_platform_tests.support.tables import fetch


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


def test_a_condition_that_lasts_is_one_event(office: Office) -> None:
    ids = set()
    for number in range(5):
        breach(office.database, number)
        queued_now = office.look(number)
        assert queued_now == (1 if number == 0 else 0)
        ids |= {row[0] for row in fetch(office.database, "SELECT id FROM alert_events")}
    assert len(ids) == 1
    assert office.events() == [("tight", day(0), day(4), None)]


def test_an_event_ends_after_three_sessions_without_it(office: Office) -> None:
    breach(office.database, 0)
    office.look(0, 1, 2)
    assert office.events() == [("tight", day(0), day(0), None)]
    office.look(3)
    assert office.events() == [("tight", day(0), day(0), day(1))]


def test_what_comes_and_goes_is_one_event(office: Office) -> None:
    """Two sessions without it are no end; three are, and what follows is another event."""
    for number in range(8):
        if number in (0, 3, 7):
            breach(office.database, number)
        office.look(number)
    assert office.events() == [("tight", day(0), day(3), day(4)), ("tight", day(7), day(7), None)]


def test_the_same_at_once(office: Office) -> None:
    for number in (0, 3, 7):
        breach(office.database, number)
    office.look(*range(8))
    assert office.events() == [("tight", day(0), day(3), day(4)), ("tight", day(7), day(7), None)]


def test_looking_again_changes_nothing(office: Office) -> None:
    breach(office.database, 0)
    breach(office.database, 1, "loose", severity="warning")
    assert office.look(0, 1) == 2
    before = fetch(office.database, "SELECT xmin, e.* FROM alert_events AS e ORDER BY subject")
    assert office.look() == 0
    assert before == fetch(
        office.database, "SELECT xmin, e.* FROM alert_events AS e ORDER BY subject"
    )


def test_a_correction_of_the_past_keeps_the_event(office: Office) -> None:
    for number in (2, 3, 4):
        breach(office.database, number)
    office.look(*range(5))
    # Computed again, it begins earlier, and was interrupted.
    breach(office.database, 1)
    fetch(office.database, "DELETE FROM alerts WHERE date = %s", day(3))
    assert office.look() == 0
    assert office.events() == [("tight", day(1), day(4), None)]


def test_an_event_whose_rows_are_withdrawn_ends(office: Office) -> None:
    breach(office.database, 0)
    office.look(0)
    fetch(office.database, "DELETE FROM alerts")
    office.look()
    assert office.events() == [("tight", day(0), day(0), day(0))]


def test_what_a_backfill_finds_in_the_past_is_no_news(office: Office) -> None:
    newest = 40
    breach(office.database, 0, "old")
    breach(office.database, newest - RECENT - 1, "a day too old")
    breach(office.database, newest - RECENT, "recent")
    breach(office.database, newest, "new")
    assert office.look(*range(newest + 1)) == 2
    rows = queued(office.database, everything=True)
    assert set(rows.loc[rows["state"] == "waiting", "subject"]) == {"recent", "new"}
    assert set(rows.loc[rows["state"] == "not queued", "subject"]) == {"old", "a day too old"}


def test_a_channel_is_queued_what_it_takes(database: Database) -> None:
    office = Office(database, [channel("all"), channel("grave", "critical")])
    breach(database, 0, severity="warning")
    assert office.look(0) == 1
    # It becomes worse: who takes only what is critical learns of it now, the other did before.
    breach(database, 1, severity="critical")
    assert office.look(1) == 1
    # And milder again: the event stays as grave as it was.
    breach(database, 2, severity="warning")
    assert office.look(2) == 0
    rows = queued(database)
    assert rows["channel"].tolist() == ["all", "grave"]
    assert set(rows["severity"]) == {"critical"}


def test_a_new_channel_is_told_of_what_lasts(database: Database) -> None:
    office = Office(database, [channel("first")])
    breach(database, 0)
    office.look(0)
    office.channels = [channel("first"), channel("second")]
    assert office.look() == 1


def test_without_channels_events_are_recorded(database: Database) -> None:
    office = Office(database, [])
    breach(database, 0)
    assert office.look(0) == 0
    assert office.events() == [("tight", day(0), day(0), None)]


def test_members_without_a_bar_are_one_event(office: Office) -> None:
    for symbol in ("A", "B", "C", "D", "E", "F"):
        breach(office.database, 0, symbol, "data_stale", "warning")
    breach(office.database, 1, "G", "data_stale", "warning")
    breach(office.database, 2, "market_data", "data_stale", "critical")
    office.look(0)
    office.look(1, 2)
    assert office.events() == [
        ("members", day(0), day(1), None),
        ("market_data", day(2), day(2), None),
    ]
    told = fetch(office.database, "SELECT message FROM alert_events WHERE subject = 'members'")
    assert told == [(f"Members of the universe of {day(1)} without a bar: 1 (G)",)]


def test_more_members_than_a_message_names(office: Office) -> None:
    for symbol in "FEDCBA":
        breach(office.database, 0, symbol, "data_stale", "warning")
    office.look(0)
    (text,) = fetch(office.database, "SELECT message FROM alert_events")[0]
    assert text.endswith("without a bar: 6 (A, B, C, D, E, …)")


def test_each_failed_run_is_an_event(office: Office) -> None:
    today = str(office.now.date())
    for run in ("run-1", "run-2"):
        raise_alert(office.database, today, "run_failed", run, "daily_update failed: disk full")
    assert office.look() == 2
    assert office.look() == 0
    assert [(subject, ended is None) for subject, _, _, ended in office.events()] == [
        ("run-1", False),
        ("run-2", False),
    ]


def test_an_old_failure_is_no_news(office: Office) -> None:
    raise_alert(office.database, "2012-03-01", "run_failed", "run-1", "failed")
    office.wait(24 * 60 * (RUN_DAYS + 1))
    assert office.look() == 0
    assert office.events() == []


def test_what_is_stale_is_an_event_once_it_stays(office: Office) -> None:
    breach(office.database, 3, "features", "stale_sessions", "warning", "ledger")
    assert office.look(5) == 0
    office.wait(STALE_FOR.total_seconds() / 60 + 1)
    assert office.look() == 1
    # Some of it is computed, and the row is of another session: the same event goes on.
    fetch(office.database, "DELETE FROM alerts")
    breach(office.database, 4, "features", "stale_sessions", "warning", "ledger")
    fetch(office.database, "UPDATE alerts SET recorded_at = %s", office.now)
    assert office.look() == 0
    assert [(subject, ended) for subject, _, _, ended in office.events()] == [("features", None)]
    fetch(office.database, "DELETE FROM alerts")
    office.look()
    # Stale once more, because of something else: another event.
    breach(office.database, 4, "features", "stale_sessions", "warning", "ledger")
    office.now = datetime.now(UTC) + 2 * STALE_FOR
    assert office.look() == 1
    assert len(office.events()) == 2


def verdict(database: Database, number: int, name: str, severity: str, failures: int) -> None:
    fetch(
        database,
        "INSERT INTO data_quality (date, check_name, table_name, passed, severity, failures)"
        " VALUES (%s, %s, 'market_data', %s, %s, %s)",
        *(day(number), name, failures == 0, severity, failures),
    )


def test_failing_checks(database: Database) -> None:
    office = Office(database, rules=[DATA_QUALITY])
    verdict(database, 0, "completeness", "error", 3)
    verdict(database, 1, "completeness", "error", 4)
    verdict(database, 1, "stale_prices", "warn", 1)
    verdict(database, 1, "return_outliers", "warn", 0)
    # What is stale has an alert of its own.
    verdict(database, 1, "stale_sessions", "warn", 9)
    assert office.look(0, 1) == 2
    found = fetch(
        database, "SELECT subject, severity, message, began FROM alert_events ORDER BY subject"
    )
    assert found == [
        ("completeness", "critical", messages("completeness", 4), day(0)),
        ("stale_prices", "warning", messages("stale_prices", 1), day(1)),
    ]


def messages(check: str, failures: int) -> str:
    return f"{check} of market_data failed in {day(1)}, failures: {failures}"


def test_a_check_that_stops_the_run_is_news_before_the_alerts_are_computed(
    database: Database,
) -> None:
    office = Office(database, rules=[DATA_QUALITY])
    verdict(database, 1, "completeness", "error", 3)
    assert office.look(0) == 1
    assert office.events() == [("completeness", day(1), day(1), None)]


def test_a_check_that_fails_anew_while_the_alerts_wait_is_another_event(
    database: Database,
) -> None:
    office = Office(database, rules=[DATA_QUALITY])
    verdict(database, 0, "completeness", "error", 3)
    verdict(database, 6, "completeness", "error", 3)
    assert office.look(0) == 2
    assert office.events() == [
        ("completeness", day(0), day(0), day(1)),
        ("completeness", day(6), day(6), None),
    ]


def test_a_change_at_the_head_of_the_ranking(database: Database) -> None:
    office = Office(database, rules=[RANKING_CHANGE])
    for number, best in enumerate(["a", "a", "b", "b"]):
        fetch(
            database,
            "INSERT INTO performance_reports"
            " (date, best_model, score_formula, ranking, trends, alert_count, summary)"
            " VALUES (%s, %s, '', '[]', '[]', 0, '')",
            *(day(number), best),
        )
    assert office.look(*range(4)) == 1
    assert office.events() == [("b", day(2), day(2), None)]
    ((text, severity),) = fetch(database, "SELECT message, severity FROM alert_events")
    assert (text, severity) == ("b leads the ranking; before, a did", "info")


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("SELECT no_such_column", "no_such_column"),
        ("SELECT 1", "unpack"),
        ("SELECT now(), 'a', 'info', 'text'", "its rows are not date, subject, severity"),
        ("SELECT current_date, 'a', 'loud', 'text'", "its rows are not date, subject, severity"),
    ],
)
def test_a_rule_that_cannot_be_evaluated_leaves_the_others(
    database: Database, statement: str, reason: str
) -> None:
    office = Office(database, rules=[StoredRule("mine", statement), DATA_QUALITY])
    verdict(database, 0, "completeness", "error", 3)
    assert office.look(0) == 2
    rows = queued(database).set_index("subject")["message"]
    assert rows["alert rule mine"].startswith("alert rule mine could not be evaluated: ")
    assert reason in rows["alert rule mine"]
    assert "completeness" in rows.index


def test_an_empty_database(database: Database) -> None:
    office = Office(database)
    assert office.look() == 0
    assert office.deliver().waiting == 0


def test_the_queue_does_not_look_at_the_clock_of_the_market(office: Office) -> None:
    """A market that ended long ago has news, too: the newest session is what is computed."""
    breach(office.database, 0)
    office.now = datetime.now(UTC) + timedelta(days=10_000)
    assert office.look(0) == 1


def test_a_broken_promise_is_one_event_for_as_long_as_it_lasts(database: Database) -> None:
    office = Office(database, rules=[PROMISE_BROKEN])
    register_models(database, [ModelRecord("mine", "1", "", {}, is_benchmark=False)])
    for number in range(3):
        fetch(
            database,
            "INSERT INTO model_monitor (date, model_id, state, promoted_on, sessions, mean, lower,"
            " upper, promised, e_value, crossed)"
            " SELECT %s, id, 'champion', %s, %s, -0.1, -0.2, 0.01, 0.02, 25, %s"
            " FROM models WHERE model_name = 'mine'",
            *(day(number), day(0), 40 + number, number > 0),
        )
        assert office.look(number) == (1 if number == 1 else 0)
    assert office.events() == [("mine", day(1), day(2), None)]
    ((severity, message),) = fetch(database, "SELECT severity, message FROM alert_events")
    assert severity == "critical"
    # Means times √252 = 15.87: −0.1, 0.01 and 0.02.
    assert message == (
        f"mine, champion since {day(0)}: its returns break what its backtest promised (-1.59 a year"
        " over 42 sessions, at most 0.16 with 95 % confidence, at least 0.32 promised)"
    )


def test_calibration_that_drifts_is_one_event_for_as_long_as_it_lasts(database: Database) -> None:
    office = Office(database, rules=[CALIBRATION])
    register_models(database, [ModelRecord("mine", "1", "", {}, is_benchmark=False)])
    # Few outcomes say nothing. Of five sessions, √(6 ÷ 252) = 0.1543 is allowed, and 0.0238 of the
    # Brier score above that of the base rate, 0.25.
    given = [(249, 0.3, 0.2), (250, 0.154, 0.273), (250, 0.155, 0.2), (300, 0.05, 0.274)]
    for number, (outcomes, error, brier) in enumerate(given):
        fetch(
            database,
            "INSERT INTO signal_calibration (date, model_id, horizon, method, fitted, outcomes,"
            " base_rate, brier, reliability, resolution, uncertainty, within_bins,"
            " expected_calibration_error)"
            " SELECT %s, id, 5, 'platt', 400, %s, 0.5, %s, 0, 0, 0.25, 0, %s"
            " FROM models WHERE model_name = 'mine'",
            *(day(number), outcomes, brier, error),
        )
        assert office.look(number) == (1 if number == 2 else 0)
    assert office.events() == [("mine", day(2), day(3), None)]
    ((severity, message),) = fetch(database, "SELECT severity, message FROM alert_events")
    assert severity == "warning"
    assert message == (
        "mine: its signals' probabilities are off: expected calibration error 5.0 %, Brier score"
        " 0.2740, that of the base rate 0.2500, over 300 outcomes"
    )
