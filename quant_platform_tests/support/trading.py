"""A server of the vendor's API, a lab over an empty database that asks it, and a clock for both."""

import logging
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg

from quant_platform.defs.sensors import ENDS, build_sensors
from quant_platform.market.calendar import XNYS
from quant_platform.settings import Settings
from quant_platform.storage.database import Database
from quant_platform.vendors.polygon.clock import Clock
from quant_platform.vendors.polygon.settings import PolygonSettings
from quant_platform.vendors.polygon.vendor import PolygonVendor
from quant_platform_tests.support.lab import Lab
from quant_platform_tests.support.polygon_server import PolygonServer, ServedMarket

SESSIONS = XNYS.sessions(date(2025, 1, 2), date(2025, 2, 14))
SYMBOLS = 40
FACTS = [dg.AssetKey(name) for name in ("market_data", "securities", "security_symbols")]


def evening(session: date) -> datetime:
    """A moment at which the session has closed and its partition is complete."""
    return datetime(session.year, session.month, session.day, tzinfo=UTC) + timedelta(
        days=1, hours=12
    )


class Noted(logging.Handler):
    """Warnings, as texts in a list."""

    def __init__(self, texts: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._texts = texts

    def emit(self, record: logging.LogRecord) -> None:
        self._texts.append(record.getMessage())


class SetClock(Clock):
    """The vendor's idea of the date; waiting takes no time."""

    def __init__(self, wall: datetime) -> None:
        self._wall = wall
        self.slept = 0.0

    def wall(self) -> datetime:
        return self._wall

    def now(self) -> float:
        return super().now() + self.slept

    def sleep(self, seconds: float, stop: object = None) -> None:
        self.slept += seconds


class Trading:
    """A server, a lab over an empty database that asks it, and a clock for both."""

    def __init__(
        self,
        database: Database,
        home: Path,
        now: datetime,
        instance: dg.DagsterInstance,
        **further: str,
    ) -> None:
        self.server = PolygonServer(
            ServedMarket.synthetic(SYMBOLS, SESSIONS, seed=3), clock=lambda: self.now
        )
        self.now = now
        self.server.start()
        self._home = home
        self._values = {
            "DATABASE_URL": database.url,
            "QUANT_PLATFORM_HOME": str(home),
            "QUANT_PLATFORM_VENDOR": "polygon",
            "QUANT_PLATFORM_UNIVERSE": "top:15 price:1 history:10",
            "POLYGON_BASE_URL": self.server.url,
            "POLYGON_API_KEY": "test-key",
            "POLYGON_CALLS_PER_MINUTE": "0",
            "POLYGON_S3_ENDPOINT": self.server.url,
        } | further
        self.clock = SetClock(now)
        self.cursor: str | None = None
        self.warnings: list[str] = []
        self._begin(instance)

    def _begin(self, instance: dg.DagsterInstance) -> None:
        self.settings = Settings.load(self._values, self._home)
        polygon = PolygonSettings.read(self.settings.environment)
        vendor = PolygonVendor(polygon, self._home, clock=self.clock)
        vendor.first_session = SESSIONS[0]
        self.lab = Lab(self.settings, vendor, instance)
        self.sensor, *_ = build_sensors(self.settings, lambda: self.now)

    def restart(self, **changed: str) -> None:
        """Make all objects anew, as new processes do; the cursor and what is stored stay."""
        self.lab.vendor.close()  # type: ignore[attr-defined]
        self._values |= changed
        self._begin(self.lab.instance)

    def at(self, moment: datetime) -> None:
        self.now = self.clock._wall = moment

    def facts(
        self, first: str, last: str, tags: dict[str, str] | None = None
    ) -> dg.ExecuteInProcessResult:
        """Run the facts of a range alone, as a backfill of them does."""
        return self.lab.run("daily_update", first, last, assets=FACTS, tags=tags)

    def tick(self) -> dg.RunRequest | str:
        """Evaluate the sensor: its request, or its reason for having none; keep its cursor."""
        context = dg.build_sensor_context(
            instance=self.lab.instance,
            cursor=self.cursor,
            definitions=self.lab.defs,
            resources={"platform": self.lab.platform},
        )
        noted = Noted(self.warnings)
        context.log.addHandler(noted)
        result = self.sensor.evaluate_tick(context)
        self.cursor = result.cursor
        if result.run_requests:
            (request,) = result.run_requests
            return request
        assert result.skip_message
        return result.skip_message

    def pretend(self, sessions: Sequence[date]) -> None:
        """Report both ends of the chain as materialised."""
        for session in sessions:
            for key in ENDS:
                self.lab.instance.report_runless_asset_event(
                    dg.AssetMaterialization(key, partition=session.isoformat())
                )

    def status(self, session: date) -> tuple[str, str]:
        """Status and reason that the ledger has of a session."""
        ((status, reason),) = self.lab.sql(
            "SELECT status, reason FROM ingestions WHERE date = %s", session
        )
        return status, reason

    def stored(self) -> list[str]:
        rows = self.lab.sql("SELECT DISTINCT date::text FROM market_data ORDER BY 1")
        return [row[0] for row in rows]

    def close(self) -> None:
        self.lab.vendor.close()  # type: ignore[attr-defined]
        self.server.stop()
