"""The server as a process of its own, as benchmarks and the demo start it."""

import subprocess
import sys

import httpx
import pytest

from quant_platform_tests.support.polygon_server import launched
from quant_platform_tests.support.polygon_server.process import MODULE

pytestmark = pytest.mark.services

AUTHORISED = {"Authorization": "Bearer test-key"}
SMALL = ("--symbols", "50", "--sessions", "12", "--end", "2026-03-06")


def test_it_serves_what_was_asked_for() -> None:
    with launched(*SMALL, "--prepare", "--now", "2026-03-09T15:00") as url:
        path = "/v2/aggs/grouped/locale/us/market/stocks"
        body = httpx.get(f"{url}{path}/2026-03-06", headers=AUTHORISED).json()
        assert 45 <= body["resultsCount"] <= 52
        # Twelve sessions before: 2026-02-19. The sixteenth was Washington's birthday.
        first = httpx.get(f"{url}{path}/2026-02-19", headers=AUTHORISED).json()
        before = httpx.get(f"{url}{path}/2026-02-18", headers=AUTHORISED).json()
        assert (first["resultsCount"] > 0, before["resultsCount"]) == (True, 0)
        status = httpx.get(f"{url}/v1/marketstatus/now", headers=AUTHORISED).json()
        assert status["serverTime"].startswith("2026-03-09T11:00")
        assert httpx.get(f"{url}/-/requests").json()["requests"] == 4


def test_the_free_plan_on_the_command_line() -> None:
    with launched(*SMALL, "--free", "--key", "other") as url:
        headers = {"Authorization": "Bearer other"}
        statuses = [
            httpx.get(f"{url}/v1/marketstatus/now", headers=headers).status_code for _ in range(6)
        ]
    assert statuses == [200] * 5 + [429]


def test_help_is_plain() -> None:
    command = [sys.executable, "-m", MODULE, "--help"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "--symbols" in text
    assert "prints the lines for .env" in text
