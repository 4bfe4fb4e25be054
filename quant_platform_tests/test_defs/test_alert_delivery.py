"""The sensor that sends alerts, beside the runs, and the recipe of alerts by other thresholds."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
import pytest

from quant_platform.defs.sensors import build_sensors, record_failed_run
from quant_platform.errors import SettingsError
from quant_platform.pipeline.platform import Platform
from quant_platform.pipeline.recipes import recipe_of
from quant_platform.settings import Settings
from quant_platform.settings.values import Secret
from quant_platform.vendors.sample import SampleVendor
from quant_platform_tests.support.sinks import WebServer, serving
from quant_platform_tests.support.tables import fetch


@pytest.fixture
def web() -> Iterator[WebServer]:
    with serving(WebServer()) as server:
        yield server


def tick(settings: Settings) -> str:
    """Evaluate the sensor; its words."""
    (sensor,) = (each for each in build_sensors(settings) if each.name == "alert_delivery")
    platform = Platform(settings, SampleVendor())
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance, resources={"platform": platform})
        found = sensor.evaluate_tick(context)
    assert found.run_requests == []
    return found.skip_message or ""


def with_urls(settings: Settings, urls: str) -> Settings:
    return settings.model_copy(update={"alert_urls": Secret(urls)})


def test_a_failed_run_is_told_of_once(settings: Settings, web: WebServer) -> None:
    settings = with_urls(settings, f"name=hook {web.url()}")
    run = dg.DagsterRun(job_name="daily_update", tags={"dagster/partition": "2012-03-01"})
    record_failed_run(Platform(settings, SampleVendor()), run, "disk full\nand more")
    assert tick(settings) == "Alerts: 1 sent, 0 waiting"
    assert tick(settings) == "Alerts: 0 sent, 0 waiting"
    (document,) = web.documents
    assert document["title"] == f"[critical] run_failed: {run.run_id}"
    assert "daily_update failed: disk full" in document["message"]


def test_a_channel_that_fails_fails_nothing(settings: Settings, web: WebServer) -> None:
    web.status = 500
    settings = with_urls(settings, f"name=hook {web.url()}")
    record_failed_run(Platform(settings, SampleVendor()), dg.DagsterRun(job_name="a"), "why")
    assert tick(settings) == (
        "Alerts: 0 sent, 1 waiting, hook answered with HTTP status 500 (Internal Server Error)"
    )
    # It is due again in half a minute at least, though the sensor looks before.
    web.status = 200
    assert tick(settings) == "Alerts: 0 sent, 1 waiting"
    ((due,),) = fetch(
        Platform(settings, SampleVendor()).database, "SELECT due_at FROM alert_deliveries"
    )
    assert due > datetime.now(UTC)


def test_without_channels_there_is_nothing_to_send(settings: Settings) -> None:
    assert tick(settings) == "Alerts: 0 sent, 0 waiting"


def test_other_thresholds_are_another_recipe(settings: Settings) -> None:
    """The alerts of each session are computed again when the setting changes, and nothing else."""
    tuned = settings.model_copy(update={"alert_rules": "drawdown_limit=critical:-0.3"})
    before, after = (Platform(each, SampleVendor()) for each in (settings, tuned))
    assert recipe_of(before, "alerts") != recipe_of(after, "alerts")
    for asset in ("model_performance", "portfolios", "performance_reports"):
        assert recipe_of(before, asset) == recipe_of(after, asset)


def test_a_wrong_rule_ends_a_run_at_its_beginning(settings: Settings) -> None:
    wrong = settings.model_copy(update={"alert_rules": "drawdown=off"})
    with pytest.raises(SettingsError, match="'drawdown', which is no alert rule"):
        _ = Platform(wrong, SampleVendor()).database
