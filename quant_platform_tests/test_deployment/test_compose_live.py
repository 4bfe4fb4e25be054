"""The compose file's services, run as local processes, materialise a partition when asked to."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import psycopg2
import pytest

from quant_platform.storage.cluster import VERSION
from quant_platform_tests.support.polygon_server import PolygonServer, ServedMarket
from quant_platform_tests.test_deployment.compose import services
from quant_platform_tests.test_deployment.stack import Place, running

pytestmark = pytest.mark.services

PASSWORD = "p@ss:w/rd #1 %24 'quoted'"
"""Any character is allowed in it; a password pasted into a URL would break at most of these."""

SESSION = date(2025, 1, 2)
CLOSES_STORED = "SELECT symbol, close_price FROM market_data WHERE date = '2025-01-02'"
RUNS_STORED = "SELECT run_id, status FROM runs"

RUN_SECONDS = 90

LAUNCH = """
mutation Launch($parameters: ExecutionParams!) {
  launchPipelineExecution(executionParams: $parameters) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""

STATUS = """
query Status($run: ID!) {
  runOrError(runId: $run) {
    ... on Run {
      status
      eventConnection { events { __typename ... on MessageEvent { message } } }
    }
  }
}
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Yield a folder that Postgres's own user may enter, unlike pytest's."""
    path = Path(tempfile.mkdtemp(prefix="quant-platform-compose-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def api() -> Iterator[PolygonServer]:
    """Yield the vendor: it stands outside of the services, as in life."""
    with PolygonServer(ServedMarket.synthetic(30, [SESSION])) as server:
        yield server


def test_a_partition_is_materialised_through_the_webserver(
    folder: Path, api: PolygonServer
) -> None:
    declared = services(
        {
            "POSTGRES_PASSWORD": PASSWORD,
            "QUANT_PLATFORM_SENSORS": "stopped",
            "POLYGON_API_KEY": api.key,
            "POLYGON_BASE_URL": api.url,
            "POLYGON_CALLS_PER_MINUTE": "0",
        }
    )
    image = declared["postgres"].spec["image"]
    assert image.startswith(f"postgres:{VERSION}-"), "the server tested is the one deployed"

    place = Place(folder)
    with running(declared, place):
        with httpx.Client(base_url=f"http://127.0.0.1:{place.webserver}", timeout=30) as client:
            run = launch(client, ["market_data", "securities", "security_symbols"], str(SESSION))
            wait_for_success(client, run)
        bars = api.market.bars(SESSION)
        closes = dict(zip(bars.symbol.tolist(), bars.close.tolist(), strict=True))
        assert rows(place, "quant_platform", CLOSES_STORED) == closes
        # The instance made its own database beside the platform's; its runs are there.
        assert rows(place, "quant_platform_dagster", RUNS_STORED) == {run: "SUCCESS"}


def launch(client: httpx.Client, assets: list[str], partition: str) -> str:
    """Ask for one partition of some assets, as the UI's button does; return the run's id."""
    parameters = {
        "selector": {
            "repositoryLocationName": "quant_platform",
            "repositoryName": "__repository__",
            "pipelineName": "__ASSET_JOB",
            "assetSelection": [{"path": [asset]} for asset in assets],
        },
        "executionMetadata": {"tags": [{"key": "dagster/partition", "value": partition}]},
    }
    answer = ask(client, LAUNCH, {"parameters": parameters})["launchPipelineExecution"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return answer["run"]["runId"]


def wait_for_success(client: httpx.Client, run: str) -> None:
    """Wait until the daemon has queued the run and the code server's process has finished it."""
    deadline = time.monotonic() + RUN_SECONDS
    while True:
        answer = ask(client, STATUS, {"run": run})["runOrError"]
        if answer["status"] == "SUCCESS":
            return
        messages = [event.get("message") for event in answer["eventConnection"]["events"]]
        assert answer["status"] not in ("FAILURE", "CANCELED"), messages
        assert time.monotonic() < deadline, f"the run is still {answer['status']}: {messages}"
        time.sleep(0.5)


def ask(client: httpx.Client, query: str, variables: dict[str, Any]) -> dict[str, Any]:
    answer = client.post("/graphql", json={"query": query, "variables": variables})
    body = answer.raise_for_status().json()
    assert "errors" not in body, body["errors"]
    return body["data"]


def rows(place: Place, database: str, query: str) -> dict[str, Any]:
    """Return the two columns of `query` as a mapping, read over TCP with the password."""
    connection = psycopg2.connect(
        host="127.0.0.1",
        port=place.postgres,
        user="quant_platform",
        password=PASSWORD,
        dbname=database,
    )
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return dict(cursor.fetchall())
    finally:
        connection.close()
