"""The full stack as `quant-platform dev` serves it, on an empty home: browser, backfill, and end.

The tests build on each other, in the order of the file: a session is materialised by clicking, its
week by a backfill, and at last the services are told to stop.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from quant_platform_tests.support.browser import CHROMIUM, QUIET
from quant_platform_tests.support.foreign_page import foreign_page
from quant_platform_tests.support.services import (
    COMMAND,
    Service,
    free_port,
    processes_of,
    run,
    wait_until_gone,
)

# The market's last week: nothing lies after it that would look back on it.
SESSION = "2013-02-25"
WEEK = [SESSION, "2013-02-26", "2013-02-27", "2013-02-28", "2013-03-01"]

GROUPS = ("market", "features", "signals", "evaluation", "risk", "reports")
NODES = (
    "market_data",
    "corporate_actions",
    "trading_universe",
    "features",
    "buy_and_hold",
    "enhanced_momentum",
    "equal_weight",
    "mean_reversion",
    "portfolios",
    "model_performance",
    "alerts",
    "performan",  # performance_reports, shortened to fit its box
)

BACKFILLED = ("market_data", "corporate_actions", "trading_universe", "features")
"""Two layers: the daemon looks at a backfill every 30 seconds, and so costs that for each."""

RUN_MILLISECONDS = 60_000
BACKFILL_SECONDS = 180
STOP_SECONDS = 30
expect.set_options(timeout=30_000)  # milliseconds; the machine is busy with other tests

LAUNCH = """
mutation Launch($parameters: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $parameters) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
EXECUTE = """
mutation Execute($parameters: ExecutionParams!) {
  launchPipelineExecution(executionParams: $parameters) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""
HOSTILE = (
    'mutation{launchPipelineExecution(executionParams:{selector:{repositoryLocationName:"quant_platform",'
    'repositoryName:"__repository__",pipelineName:"__ASSET_JOB",assetSelection:[{path:["market_data"]}]},'
    f'executionMetadata:{{tags:[{{key:"dagster/partition",value:"{SESSION}"}}]}}}}){{__typename}}}}'
)
"""Starts a run where a webserver executes it."""

PROGRESS = """
query Progress($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    ... on PartitionBackfill {
      status
      error { message }
      runs { status tags { key value } }
    }
  }
}
"""
MATERIALISED = """
query Materialised($asset: AssetKeyInput!) {
  assetNodeOrError(assetKey: $asset) {
    ... on AssetNode {
      assetPartitionStatuses {
        ... on TimePartitionStatuses { ranges { status startKey endKey } }
      }
    }
  }
}
"""


@pytest.fixture(scope="module")
def home(server_folders: Callable[[str], Path]) -> Path:
    return server_folders("home")


@pytest.fixture(scope="module")
def service(home: Path) -> Iterator[Service]:
    port, log = free_port(), home.parent / "dev.log"
    service = Service.start([COMMAND, "dev", "--port", str(port)], home, port, log, home.parent)
    yield service
    if service.process.poll() is None or processes_of(home):
        service.kill()


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport={"width": 1600, "height": 900})
        page.set_default_timeout(30_000)
        yield page
        browser.close()


def test_the_graph_shows_every_asset(service: Service, page: Page, output: Path) -> None:
    page.set_viewport_size({"width": 3000, "height": 1800})
    page.goto(f"{service.url}/asset-groups")
    graph = page.locator("svg")
    for group in GROUPS:
        expect(graph.get_by_text(group, exact=True)).to_be_visible()
    # The canvas has a menu of its own; its lower left corner is empty.
    page.mouse.click(600, 1750, button="right")
    page.get_by_role("menuitem", name="Expand all groups").click()
    for node in NODES:
        drawn = graph.get_by_text(node).first
        # What lies outside of the window is not drawn.
        for _ in range(20):
            if drawn.count():
                break
            page.get_by_role("img", name="zoom_out").click()
            page.wait_for_timeout(500)
        expect(drawn).to_be_attached()
    page.screenshot(path=output / "asset-graph.png")


def test_a_page_of_another_origin_starts_nothing(service: Service, page: Page) -> None:
    answers: dict[str, int] = {}
    page.on("response", lambda answer: answers.update({answer.url: answer.status}))
    with foreign_page(service.url, HOSTILE) as address:
        page.goto(address)
        expect(page).to_have_title("refused")
    refused = {url: status for url, status in answers.items() if "/graphql" in url}
    assert len(refused) >= 2
    assert set(refused.values()) <= {403, 405, 415}
    assert statuses(service) == {}


def test_a_session_is_materialised_by_clicking(service: Service, page: Page, output: Path) -> None:
    page.goto(f"{service.url}/assets/market_data?view=checks")
    expect(page.get_by_text("completeness").first).to_be_visible()
    assert checks(service) == {}

    page.goto(f"{service.url}/assets/market_data?view=partitions")
    page.get_by_role("button", name="Materialize").first.click()
    dialog = page.get_by_role("dialog")
    chosen = dialog.get_by_placeholder(re.compile("^ex: "))
    chosen.fill(SESSION)
    chosen.press("Enter")
    page.screenshot(path=output / "materialise.png")
    dialog.get_by_role("button", name=re.compile("^Launch")).click()
    expect(dialog).to_be_hidden()

    page.goto(f"{service.url}/runs")
    expect(page.get_by_text("Success").first).to_be_visible(timeout=RUN_MILLISECONDS)
    page.screenshot(path=output / "runs.png")
    assert materialised(service, "market_data") == [SESSION]

    page.goto(f"{service.url}/assets/market_data?view=checks")
    page.get_by_text("completeness", exact=True).first.click()
    expect(page.get_by_text("1 sessions judged, all passed").first).to_be_visible()
    expect(page.get_by_text("Passed").first).to_be_visible()
    page.screenshot(path=output / "asset-checks.png")
    found = checks(service)
    assert found["completeness"] == "SUCCEEDED"
    assert set(found) == {
        "completeness",
        "refused_rows",
        "ohlc_violations",
        "duplicate_rows",
        "foreign_dates",
        "implausible_prices",
        "zero_volume",
        "unknown_securities",
        "cross_source",
        "freshness",
    }


def test_a_backfill_leaves_every_session_of_the_week_green(service: Service) -> None:
    done = wait_for_backfill(service, start_backfill(service, BACKFILLED))
    assert done["status"] == "COMPLETED_SUCCESS", done
    assert {run["status"] for run in done["runs"]} == {"SUCCESS"}
    for asset in BACKFILLED:
        assert materialised(service, asset) == WEEK, asset
    said = run(["sql", "select count(*) from features", "--csv"], service.home, timeout=60)
    assert said.stdout.split() == ["count", str(5 * len(WEEK))], said.stderr


def test_the_services_end_when_told_to(service: Service) -> None:
    # In the middle of a run, which is a child of the code server's child.
    start_run(service, "STARTED")
    stop(service)


def test_services_that_a_script_started_end_too(service: Service) -> None:
    assert service.process.poll() is not None
    port, log = free_port(), service.home.parent / "script.log"
    command = [COMMAND, "dev", "--port", str(port)]
    again = Service.start(command, service.home, port, log, service.home.parent, background=True)
    try:
        # The run whose process ended with the services before does not hold up the next.
        assert set(statuses(again).values()) <= {"SUCCESS", "FAILURE", "CANCELED"}
        start_run(again, "SUCCESS")
        stop(again)
    finally:
        if processes_of(again.home):
            again.kill()


def stop(service: Service) -> None:
    """Ask the services to end: they do, with the database's server and all else of their home."""
    assert "postgres" in {process.name() for process in processes_of(service.home)}
    service.interrupt()
    assert service.process.wait(STOP_SECONDS) in (0, 1, 130)
    assert wait_until_gone(service.home, 10) == []
    assert "Traceback" not in service.log.read_text()[-5000:]


def start_run(service: Service, until: str) -> None:
    """Launch one session of market_data as a run, and wait for a status of it."""
    parameters = {
        "selector": {
            "repositoryLocationName": "quant_platform",
            "repositoryName": "__repository__",
            "pipelineName": "__ASSET_JOB",
            "assetSelection": [{"path": ["market_data"]}],
        },
        "executionMetadata": {"tags": [{"key": "dagster/partition", "value": SESSION}]},
    }
    answer = service.ask(EXECUTE, {"parameters": parameters})["launchPipelineExecution"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    run = answer["run"]["runId"]
    wait_until(lambda: statuses(service)[run] == until)


def start_backfill(service: Service, assets: Sequence[str]) -> str:
    """Launch the week of some assets as the UI's dialog does; return the backfill's id."""
    parameters = {
        "assetSelection": [{"path": [asset]} for asset in assets],
        "partitionNames": WEEK,
    }
    answer = service.ask(LAUNCH, {"parameters": parameters})["launchPartitionBackfill"]
    assert answer["__typename"] == "LaunchBackfillSuccess", answer
    return str(answer["backfillId"])


def statuses(service: Service) -> dict[str, str]:
    """Status of each of the last runs."""
    query = "{ runsOrError(limit: 5) { ... on Runs { results { runId status } } } }"
    return {run["runId"]: run["status"] for run in service.ask(query)["runsOrError"]["results"]}


def wait_until(happened: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def checks(service: Service) -> dict[str, str]:
    """Outcome of the latest execution of each check of market_data that has one."""
    query = """
    { assetNodeOrError(assetKey: {path: ["market_data"]}) { ... on AssetNode {
        assetChecksOrError { ... on AssetChecks { checks {
          name executionForLatestMaterialization { status } } } } } } }
    """
    listed = service.ask(query)["assetNodeOrError"]["assetChecksOrError"]["checks"]
    found = {check["name"]: check["executionForLatestMaterialization"] for check in listed}
    return {name: execution["status"] for name, execution in found.items() if execution}


def materialised(service: Service, asset: str) -> list[str]:
    """Sessions of the week that the UI shows green."""
    answer = service.ask(MATERIALISED, {"asset": {"path": [asset]}})["assetNodeOrError"]
    ranges = answer["assetPartitionStatuses"]["ranges"]
    return [
        session
        for session in WEEK
        for span in ranges
        if span["status"] == "MATERIALIZED" and span["startKey"] <= session <= span["endKey"]
    ]


def wait_for_backfill(service: Service, backfill: str) -> dict[str, Any]:
    deadline = time.monotonic() + BACKFILL_SECONDS
    while True:
        found: dict[str, Any] = service.ask(PROGRESS, {"id": backfill})["partitionBackfillOrError"]
        if found["status"] not in ("REQUESTED", "COMPLETING", "FAILING"):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(1)
