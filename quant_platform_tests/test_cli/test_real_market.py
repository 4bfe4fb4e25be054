"""`doctor` and `backfill` over the vendor's API on loopback: what keys bring, and none."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from quant_platform.market.calendar import XNYS
from quant_platform.pipeline.chunks import AHEAD
from quant_platform.storage.database import Database
from quant_platform.storage.ingestions import FAILED, Ingestion, record
from quant_platform_tests.support.polygon_server import (
    ADVANCED,
    BASIC,
    PolygonServer,
    ServedMarket,
    faults,
)
from quant_platform_tests.support.services import COMMAND, KERNELS, Run
from quant_platform_tests.support.tables import fetch

SESSIONS = XNYS.sessions(date(2026, 9, 1), date(2026, 11, 20))
GROUPED = "/v2/aggs/grouped/"
FREE = replace(BASIC, calls=None)
RANGE = ("--start", "2026-11-02", "--end", "2026-11-04")
FACTS = ("--select", 'key:"market_data"')
KEY = "test-key"


@pytest.fixture(scope="module")
def market() -> ServedMarket:
    return ServedMarket.synthetic(30, SESSIONS, seed=2)


@pytest.fixture
def api(market: ServedMarket) -> Iterator[PolygonServer]:
    with PolygonServer(market, key=KEY, plan=ADVANCED) as running:
        yield running


@pytest.fixture
def environment(database: Database, api: PolygonServer) -> dict[str, str]:
    return {
        "DATABASE_URL": database.url,
        "QUANT_PLATFORM_VENDOR": "polygon",
        "POLYGON_BASE_URL": api.url,
        "POLYGON_CALLS_PER_MINUTE": "0",
        "POLYGON_API_KEY": KEY,
    }


@pytest.fixture
def command(in_folder: Run, environment: dict[str, str]) -> Run:
    """Run the command over the test's own database and vendor."""

    def run(*arguments: str, **changed: str) -> subprocess.CompletedProcess[str]:
        return in_folder(*arguments, **(environment | changed))

    return run


def words(text: str) -> str:
    """Return the text with single blanks, as a table's columns have them."""
    return " ".join(text.split())


def ended(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    """The findings were printed, and one line of error says these words."""
    (line,) = done.stderr.strip().splitlines()
    assert done.returncode == 1
    assert line.startswith("error: ")
    assert [part for part in parts if part not in line] == []


class TestDoctor:
    def test_a_full_plan(self, command: Run) -> None:
        done = command("doctor")
        assert done.returncode == 0, done.stderr
        said = words(done.stdout)
        for part in (
            "bars of the whole market yes",
            "history yes, from 2003-09-10",
            "news yes",
            "flat files no keys",
            "abilities market, information, ranges, adjusted, rationed, files, diagnosis",
            "closures the calendar's own",
            "universe top:500 price:5 types:CS,ADRC history:60",
            "key in the settings",
            "Nothing is stored yet. Begin with: quant-platform backfill",
        ):
            assert part in said, said
        assert KEY not in done.stdout + done.stderr

    def test_the_free_plan(self, command: Run, api: PolygonServer) -> None:
        api.plan = FREE
        done = command("doctor")
        assert done.returncode == 0, done.stderr
        oldest = FREE.oldest(api.clock().date())
        # The probe looks for the edge of the history by weeks, and never names a day before it.
        (reach,) = [line for line in done.stdout.splitlines() if line.startswith("history")]
        found = date.fromisoformat(reach.split("from ")[1].split()[0])
        assert 0 <= (found - oldest).days <= 10

    def test_a_plan_without_bars(self, command: Run, api: PolygonServer) -> None:
        api.plan = replace(FREE, grouped=False)
        done = command("doctor")
        ended(done, "may not read the bars of the whole market", "massive.com/pricing")
        assert "bars of the whole market no" in words(done.stdout)

    def test_what_is_stale_and_what_failed(self, command: Run, database: Database) -> None:
        with closing(database.connect()) as connection, connection, connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO market_data (date, symbol, security_id, open_price, high_price,"
                " low_price, close_price, volume, source) VALUES"
                " ('2026-11-04', 'SYN1', 'SYN1', 1, 1, 1, 1, 1, 'polygon')"
            )
        record(database, Ingestion("2026-11-05", "polygon", "run", FAILED, reason="no such plan"))
        said = words(command("doctor").stdout)
        assert "Stale: the newest session is 2026-11-04" in said
        assert "2026-11-05 failed no such plan" in said


class TestBadKeys:
    def test_none(self, command: Run) -> None:
        ended(command("doctor", POLYGON_API_KEY=""), "no key", "POLYGON_API_KEY", ".env")

    @pytest.mark.parametrize("arguments", [("doctor",), ("backfill", *RANGE, *FACTS)])
    def test_a_wrong_one(self, command: Run, arguments: tuple[str, ...]) -> None:
        done = command(*arguments, POLYGON_API_KEY="hush-hush")
        ended(done, "does not know the API key", "dashboard")
        assert "hush-hush" not in done.stdout + done.stderr

    @pytest.mark.parametrize(
        "arguments", [("doctor",), ("status",), ("backfill", *RANGE), ("dev",)]
    )
    def test_a_wrong_setting_of_the_vendor(self, command: Run, arguments: tuple[str, ...]) -> None:
        done = command(*arguments, POLYGON_CONNECTIONS="0")
        ended(done, "POLYGON_CONNECTIONS is '0'", "a whole number from 1 to 64")

    def test_a_wrong_setting_of_a_vendor_that_is_not_chosen(self, command: Run) -> None:
        done = command("doctor", POLYGON_CONNECTIONS="0", QUANT_PLATFORM_VENDOR="sample")
        assert done.returncode == 0, done.stderr
        assert "The vendor sample needs no key" in done.stdout

    def test_an_address_that_answers_with_a_web_page(
        self, command: Run, api: PolygonServer
    ) -> None:
        api.inject(faults.html(200), "", faults.FOREVER)
        ended(command("doctor"), "web page", "POLYGON_BASE_URL")


class TestBackfill:
    """A backfill that is stopped, or killed, goes on where it was."""

    @pytest.fixture
    def start(
        self, environment: dict[str, str], tmp_path: Path
    ) -> Callable[[], subprocess.Popen[str]]:
        def start() -> subprocess.Popen[str]:
            plain = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "COLUMNS": "200"}
            plain |= {KERNELS: os.environ[KERNELS]}
            return subprocess.Popen(
                [COMMAND, "backfill", "--start", SESSIONS[0].isoformat(), *END, *FACTS],
                cwd=tmp_path,
                env=plain | environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )

        return start

    def test_a_variable_that_was_left_set_replaces_nothing(
        self, command: Run, database: Database
    ) -> None:
        fetch(
            database,
            "INSERT INTO ingestions (date, source, status, rows)"
            " VALUES ('2004-08-19', 'polygon', 'complete', 899)",
        )
        day = ("--start", "2004-08-19", "--end", "2004-08-19")
        done = command("backfill", *day, QUANT_PLATFORM_VENDOR="sample")
        ended(done, "the market of the vendor 'polygon'", "ask for 'sample'")
        assert fetch(database, "SELECT count(*) FROM market_data") == [(0,)]

    @pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
    def test_goes_on(
        self,
        how: signal.Signals,
        start: Callable[[], subprocess.Popen[str]],
        api: PolygonServer,
        database: Database,
    ) -> None:
        api.inject(faults.late(0.1), GROUPED, faults.FOREVER)
        process = start()
        while stored(database) < 10 and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(how)
        _, said = process.communicate(timeout=60)
        before = stored(database)
        assert 10 <= before < len(SESSIONS)
        if how is signal.SIGINT:
            assert process.returncode == 1, said
            assert f"Stopped: {before} of {len(SESSIONS)} sessions are stored" in said
            assert "The same command goes on from there" in said
            return  # How it goes on is told by the one that was killed.
        api.faults.clear()
        again = start()
        _, said = again.communicate(timeout=120)
        assert again.returncode == 0, said
        assert f"{before} of {len(SESSIONS)} sessions are stored already" in said
        assert stored(database) == len(SESSIONS)
        # Asked for twice: at most what was under way, or waited to be stored, at the end.
        assert api.counted(GROUPED) <= len(SESSIONS) + UNDER_WAY


END = ("--end", SESSIONS[-1].isoformat())
UNDER_WAY = 8 + 2 + 2 * AHEAD
"""Requests of eight connections, answers that were next, and those ready and being stored."""


def stored(database: Database) -> int:
    with closing(database.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT date) FROM market_data")
        ((count,),) = cursor.fetchall()
    return int(count)
