"""The sensors over a real instance; the test releases the vendor's sessions and sets the clock."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.dagster_run import DagsterRunStatus

from quant_platform.defs.sensors import build_sensors, record_failed_run
from quant_platform.pipeline.updates import MAX_ATTEMPTS
from quant_platform.settings import Settings
from quant_platform_tests.support.instance_harness import open_instance
from quant_platform_tests.support.lab import (
    RANGE_END,
    RANGE_START,
    SILENT,
    Lab,
    WindowVendor,
    failure_text,
)
from quant_platform_tests.support.server import Server

FIRST, LAST = "2000-03-01", "2000-03-31"
JOB = "daily_update"


class Automation:
    """A lab on a real instance, its clock, and the two sensors."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance) -> None:
        self.vendor = WindowVendor(FIRST, LAST)
        self.lab = Lab(settings, self.vendor, instance)
        self.now = datetime(2000, 3, 1, tzinfo=UTC)
        self.set(settings)

    def set(self, settings: Settings, **changed: object) -> None:
        """Build the sensors by these settings, some of them changed."""
        settings = Settings(**{**vars(settings), **changed})
        self.update, self.alert, _ = build_sensors(settings, lambda: self.now)

    def at(self, moment: str, released: str | None = None) -> None:
        """Set the clock (UTC), and the newest session the vendor has published."""
        self.now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        if released:
            self.vendor.released = date.fromisoformat(released)

    def tick(self) -> dg.RunRequest | str:
        """Evaluate the update sensor: its request, or its reason for having none."""
        context = dg.build_sensor_context(
            instance=self.lab.instance,
            definitions=self.lab.defs,
            resources={"platform": self.lab.platform},
        )
        found = self.update.evaluate_tick(context)
        # A vendor of a fixed list announces nothing.
        assert found.cursor is None
        if found.run_requests:
            (request,) = found.run_requests
            return request
        assert found.skip_message
        return found.skip_message

    def requested(self) -> tuple[str, str]:
        """First and last session of the request."""
        request = self.tick()
        assert isinstance(request, dg.RunRequest), request
        if request.partition_key:
            return request.partition_key, request.partition_key
        return request.tags[RANGE_START], request.tags[RANGE_END]

    def launch(self, request: dg.RunRequest | str) -> dg.ExecuteInProcessResult:
        """Execute what was requested, as the daemon would: by job, partition and tags."""
        assert isinstance(request, dg.RunRequest), request
        job = self.lab.defs.resolve_job_def(JOB)
        return job.execute_in_process(
            instance=self.lab.instance,
            run_config=SILENT,
            partition_key=request.partition_key,
            tags=request.tags,
            asset_selection=request.asset_selection,
            raise_on_error=False,
        )

    def pretend(self, request: dg.RunRequest | str, status: DagsterRunStatus) -> dg.DagsterRun:
        """Add the run of a request to the instance without running it."""
        assert isinstance(request, dg.RunRequest), request
        tags = dict(request.tags)
        if request.partition_key:
            tags["dagster/partition"] = request.partition_key
        run = dg.DagsterRun(job_name=JOB, status=status, tags=tags)
        return self.lab.instance.add_run(run)


@pytest.fixture
def automation(settings: Settings, server: Server, tmp_path: Path) -> Iterator[Automation]:
    name = server.create()
    with open_instance(server.url(name), tmp_path / "instance") as instance:
        yield Automation(settings, instance)
    server.drop(name)


@pytest.fixture
def done(automation: Automation) -> Callable[[str, str], None]:
    """Return a function that reports sessions of the whole chain as materialised."""

    def report(first: str, last: str) -> None:
        graph = automation.lab.defs.resolve_asset_graph()
        for key in graph.executable_asset_keys:
            partitions = graph.get(key).partitions_def
            assert partitions is not None
            for session in partitions.get_partition_keys():
                if first <= session <= last:
                    automation.lab.instance.report_runless_asset_event(
                        dg.AssetMaterialization(key, partition=session)
                    )

    return report


Done = Callable[[str, str], None]


def own_tags(request: dg.RunRequest) -> dict[str, str]:
    """Tags without those that Dagster adds of itself."""
    added = ("dagster/sensor_name", "dagster/partition", "dagster/partition_set")
    return {name: value for name, value in request.tags.items() if name not in added}


def test_nothing_is_asked_before_a_session_has_ended(automation: Automation) -> None:
    automation.at("2000-03-01 23:59:59")
    assert automation.tick() == "No session of this market has closed yet"
    automation.at("2000-03-02 00:00:00")
    assert automation.requested() == ("2000-03-01", "2000-03-01")


def test_a_closed_session_is_awaited_until_it_is_published(
    automation: Automation, done: Done
) -> None:
    done(FIRST, "2000-03-02")
    automation.at("2000-03-04 01:00", released="2000-03-02")
    assert automation.tick() == "2000-03-03 has closed, but the vendor has not published it yet"
    automation.at("2000-03-04 03:00", released="2000-03-03")
    request = automation.tick()
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2000-03-03"
    assert request.run_key == "update:2000-03-03..2000-03-03:1"
    assert own_tags(request) == {"quant_platform/update": "2000-03-03..2000-03-03"}


def test_a_weekend_brings_nothing(automation: Automation, done: Done) -> None:
    done(FIRST, "2000-03-03")
    for moment in ("2000-03-04 12:00", "2000-03-05 12:00", "2000-03-06 23:00"):
        automation.at(moment)
        assert automation.tick() == "All 3 closed sessions up to 2000-03-03 are materialised"


def test_a_week_of_absence_is_one_range_run(automation: Automation, done: Done) -> None:
    done(FIRST, "2000-03-03")
    automation.at("2000-03-13 06:00", released="2000-03-10")
    request = automation.tick()
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key is None
    assert request.run_key == "update:2000-03-06..2000-03-10:1"
    assert own_tags(request) == {
        "quant_platform/update": "2000-03-06..2000-03-10",
        RANGE_START: "2000-03-06",
        RANGE_END: "2000-03-10",
    }


def test_a_hole_comes_first(automation: Automation, done: Done) -> None:
    done(FIRST, "2000-03-02")
    done("2000-03-07", "2000-03-08")
    automation.at("2000-03-11 06:00")
    assert automation.requested() == ("2000-03-03", "2000-03-06")


def test_a_report_alone_does_not_make_a_session_done(automation: Automation, done: Done) -> None:
    # A widened backfill can materialise the end of the chain where its beginning is missing.
    done(FIRST, "2000-03-02")
    for session in ("2000-03-03", "2000-03-06"):
        automation.lab.instance.report_runless_asset_event(
            dg.AssetMaterialization("performance_reports", partition=session)
        )
    automation.at("2000-03-07 06:00")
    assert automation.requested() == ("2000-03-03", "2000-03-06")


@pytest.mark.parametrize(
    "status", [DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING, DagsterRunStatus.STARTED]
)
def test_a_run_in_progress_is_waited_for(automation: Automation, status: DagsterRunStatus) -> None:
    automation.at("2000-03-04 06:00")
    run = automation.pretend(automation.tick(), status)
    assert automation.tick() == f"Run {run.run_id} of daily_update is still in progress"


def test_failed_attempts_are_counted_until_a_person_is_asked(automation: Automation) -> None:
    automation.at("2000-03-02 06:00")
    keys = []
    for number in range(MAX_ATTEMPTS):
        request = automation.tick()
        assert isinstance(request, dg.RunRequest)
        keys.append(request.run_key)
        gone = DagsterRunStatus.CANCELED if number == 1 else DagsterRunStatus.FAILURE
        automation.pretend(request, gone)
    assert keys == [f"update:2000-03-01..2000-03-01:{number}" for number in (1, 2, 3, 4, 5)]
    reason = automation.tick()
    assert isinstance(reason, str)
    assert reason.startswith("2000-03-01..2000-03-01 failed 5 times: look at its last run")
    # Somebody else's failures do not count.
    automation.at("2000-03-03 06:00")
    assert automation.requested() == ("2000-03-01", "2000-03-02")


def test_the_size_of_a_request_is_bounded(
    settings: Settings, automation: Automation, monkeypatch: pytest.MonkeyPatch
) -> None:
    automation.at("2000-03-20 06:00")
    assert automation.requested() == ("2000-03-01", "2000-03-17")
    automation.set(settings, sensor_max_sessions=2)
    assert automation.requested() == ("2000-03-01", "2000-03-02")


def test_ticks_and_runs_keep_the_market_current(settings: Settings, automation: Automation) -> None:
    # Two sessions at once, executed as a range.
    automation.at("2000-03-03 06:00", released="2000-03-02")
    result = automation.launch(automation.tick())
    assert result.success, failure_text(result)
    assert automation.tick() == "All 2 closed sessions up to 2000-03-02 are materialised"

    # A faulty delivery fails at the gate and is asked for again under a new key.
    automation.at("2000-03-04 06:00", released="2000-03-03")
    automation.vendor.lost.add(("2000-03-03", "AAPL"))
    first = automation.tick()
    assert not automation.launch(first).success
    reason = automation.tick()
    assert isinstance(reason, str)
    assert "2000-03-03..2000-03-03 failed once; it is tried again at " in reason
    automation.set(settings, retry_minutes=0.0)
    second = automation.tick()
    assert isinstance(first, dg.RunRequest)
    assert isinstance(second, dg.RunRequest)
    assert (first.run_key, second.run_key) == (
        "update:2000-03-03..2000-03-03:1",
        "update:2000-03-03..2000-03-03:2",
    )

    # The vendor mends it: one session, executed as a single partition.
    automation.vendor.lost.clear()
    result = automation.launch(second)
    assert result.success, failure_text(result)
    assert automation.tick() == "All 3 closed sessions up to 2000-03-03 are materialised"
    stored = automation.lab.sql(
        "SELECT date::text, count(*) FROM performance_reports GROUP BY 1 ORDER BY 1"
    )
    assert stored == [("2000-03-01", 1), ("2000-03-02", 1), ("2000-03-03", 1)]


def test_an_open_market_is_followed_beyond_any_last_session(automation: Automation) -> None:
    automation.vendor.last_session = None
    automation.vendor.released = date(2026, 11, 20)
    automation.at("2000-04-04 06:00")
    assert automation.requested() == ("2000-03-01", "2000-04-03")
    # A market that has ended asks for nothing after its last session.
    automation.vendor.last_session = date(2000, 3, 31)
    assert automation.requested() == ("2000-03-01", "2000-03-31")


def failed(automation: Automation) -> dg.RunFailureSensorContext:
    """Run the job over a session that fails at its gate; the context the alert sensor gets."""
    automation.vendor.lost.add(("2000-03-01", "AAPL"))
    automation.at("2000-03-02 06:00")
    result = automation.launch(automation.tick())
    assert not result.success
    (event,) = [event for event in result.all_events if event.is_run_failure]
    return dg.build_run_status_sensor_context(
        sensor_name="run_failure_alert",
        dagster_event=event,
        dagster_instance=automation.lab.instance,
        dagster_run=result.dagster_run,
        resources={"platform": automation.lab.platform},
    ).for_run_failure()


def test_a_failed_run_becomes_one_alert(automation: Automation) -> None:
    context = failed(automation)
    for _ in range(2):
        automation.alert(context)
    rows = automation.lab.sql(
        "SELECT date::text, origin, rule, subject, severity, message FROM alerts"
    )
    ((day, origin, rule, subject, severity, message),) = rows
    assert (day, origin, rule, severity) == ("2000-03-01", "run", "run_failed", "critical")
    assert subject == context.dagster_run.run_id
    assert message.startswith("daily_update failed: ")
    assert "market_data_checks" in message


def test_the_report_does_not_take_the_alerts_of_runs_away(
    settings: Settings, automation: Automation
) -> None:
    automation.set(settings, retry_minutes=0.0)
    context = failed(automation)
    automation.alert(context)
    automation.vendor.lost.clear()
    assert automation.launch(automation.tick()).success
    assert automation.lab.value("SELECT count(*) FROM alerts WHERE origin = 'run'") == 1


def test_the_alert_of_a_run_outside_the_sessions_has_todays_date(automation: Automation) -> None:
    run = dg.DagsterRun(job_name="anything")
    record_failed_run(automation.lab.platform, run, "\n  \nout of memory\nmore")
    ((day, message),) = automation.lab.sql("SELECT date::text, message FROM alerts")
    assert day == datetime.now(UTC).date().isoformat()
    assert message == "anything failed: out of memory"


def test_sensors_start_as_the_settings_say(settings: Settings) -> None:
    for status in ("running", "stopped"):
        sensors = build_sensors(Settings(**{**vars(settings), "sensor_status": status}))
        expected = dg.DefaultSensorStatus[status.upper()]
        assert [sensor.default_status for sensor in sensors] == [expected] * 3


def test_the_instance_is_the_platforms_own_storage(automation: Automation) -> None:
    reference = automation.lab.instance.get_ref()
    assert isinstance(reference, InstanceRef)
    storage = type(automation.lab.instance.event_log_storage).__name__
    assert storage == "BulkEventLogStorage"


def test_what_is_stale_is_computed_before_anything_builds_on_it(automation: Automation) -> None:
    """A bar of the second of four sessions is corrected by hand; the fifth is missing."""
    automation.at("2000-03-08T01:00", released="2000-03-07")
    lab = automation.lab
    result = lab.run("daily_update", FIRST, "2000-03-06")
    assert result.success, failure_text(result)
    automation.vendor.doctored["2000-03-02", "IBM"] = {"volume": 1_234_567.0}
    result = lab.run("daily_update", "2000-03-02", assets=[dg.AssetKey("market_data")])
    assert result.success, failure_text(result)
    request = automation.tick()
    # Shown in the UI, though none of them was in the run.
    shown = dg.AssetCheckKey(dg.AssetKey("portfolios"), "stale_sessions")
    assert not _last_evaluation(lab, shown).passed

    assert isinstance(request, dg.RunRequest), request
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == ("2000-03-02", "2000-03-06")
    assert request.tags["quant_platform/fetch"] == "missing"
    names = {key.to_user_string() for key in request.asset_selection or ()}
    assert {"features", "portfolios", "performance_reports"} <= names
    assert "market_data" not in names
    alerts = "SELECT count(*) FROM alerts WHERE origin = 'ledger'"
    assert lab.value(alerts) == len(names)

    result = automation.launch(request)
    assert result.success, failure_text(result)
    # Then the session that is missing.
    assert automation.requested() == ("2000-03-07", "2000-03-07")
    assert lab.value(alerts) == 0
    assert _last_evaluation(lab, shown).passed


def _last_evaluation(lab: Lab, check: dg.AssetCheckKey) -> dg.AssetCheckEvaluation:
    storage = lab.instance.event_log_storage
    (record,) = storage.get_asset_check_execution_history(check, limit=1)
    assert isinstance(record.evaluation, dg.AssetCheckEvaluation)
    return record.evaluation


def test_a_stale_session_that_cannot_be_computed_holds_up_nothing_for_ever(
    automation: Automation,
) -> None:
    automation.at("2000-03-08T01:00", released="2000-03-07")
    lab = automation.lab
    assert lab.run("daily_update", FIRST, "2000-03-06").success
    automation.vendor.doctored["2000-03-02", "IBM"] = {"volume": 1_234_567.0}
    assert lab.run("daily_update", "2000-03-02", assets=[dg.AssetKey("market_data")]).success
    automation.set(lab.platform.settings, retry_minutes=0)
    for _ in range(MAX_ATTEMPTS):
        automation.pretend(automation.tick(), DagsterRunStatus.FAILURE)
    assert automation.requested() == ("2000-03-07", "2000-03-07")
