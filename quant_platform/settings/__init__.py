"""`Settings`: everything a user can configure, typed and immutable.

Read once, from the environment and `.env`. A setting of the environment wins over the same name in
`.env`. Nothing else in the platform reads the environment. Kept free of heavy imports: the command
line reads it at every start. A key that stands in AWS is looked up by the vendor, and only
when it is needed.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path

from quant_platform.errors import SettingsError
from quant_platform.settings.values import (
    Secret,
    read_address,
    read_choice,
    read_database_url,
    read_day,
    read_days,
    read_matching,
    read_number,
    read_secret,
    read_text,
    read_whole,
    without_password,
)

__all__ = [
    "HOME_NAME",
    "PREFIX",
    "PolygonSettings",
    "Secret",
    "Settings",
    "project_root",
    "without_password",
]

HOME_NAME = ".quant-platform"
"""Folder of the embedded database, Dagster's home and the reports, beside the checkout's files."""

PREFIX = "QUANT_PLATFORM_"

SECOND_NAMES = {PREFIX + "UNIVERSE": "UNIVERSE", "POLYGON_API_KEY": "MASSIVE_API_KEY"}
"""Variables that may go by another name, which counts where the first one is empty."""

MASSIVE_URL = "https://api.massive.com"
"""Where a key of that name is sent."""

_CHECKS = r"\s*[\w./-]+=[\w.:+-]+\s*(?:,\s*[\w./-]+=[\w.:+-]+\s*)*,?"
_CHECKS_HINT = "It must be a list of name=severity:threshold, with commas between them"

_MARKERS = (HOME_NAME, ".env", "workspace.yaml")


@dataclass(frozen=True)
class PolygonSettings:
    """How to reach Polygon.io, which is Massive.com since October 2025."""

    key: Secret | None = None  # POLYGON_API_KEY or MASSIVE_API_KEY
    base_url: str = "https://api.polygon.io"  # POLYGON_BASE_URL; by default the key's own host
    calls_per_minute: int = 5  # POLYGON_CALLS_PER_MINUTE; 0 for a plan without a limit
    connections: int = 8  # POLYGON_CONNECTIONS, requests in flight at once
    s3_endpoint: str = "https://files.massive.com"  # POLYGON_S3_ENDPOINT
    s3_bucket: str = "flatfiles"  # POLYGON_S3_BUCKET
    s3_key_id: Secret | None = None  # POLYGON_S3_KEY_ID; with the next one, turns flat files on
    s3_secret: Secret | None = None  # POLYGON_S3_SECRET
    ssm_parameter: str | None = None  # QUANT_PLATFORM_SSM_PARAMETER, where AWS keeps the key


@dataclass(frozen=True)
class Settings:
    """All settings; the environment variable of each is named beside it and in `.env.example`."""

    home: Path  # QUANT_PLATFORM_HOME
    database_url: str | None  # DATABASE_URL; None: the embedded server
    dagster_database_url: str | None  # DAGSTER_DATABASE_URL; None: a database beside database_url
    vendor: str = "sample"  # QUANT_PLATFORM_VENDOR; polygon where a key is configured
    capital: float = 1_000_000.0  # QUANT_PLATFORM_CAPITAL, in currency
    commission_bp: float = 5.0  # QUANT_PLATFORM_COMMISSION_BP, of traded value
    slippage_bp: float = 5.0  # QUANT_PLATFORM_SLIPPAGE_BP, of traded value
    risk_free: float = 0.0  # QUANT_PLATFORM_RISK_FREE, annual rate
    sensor_status: str = "running"  # QUANT_PLATFORM_SENSORS: running or stopped
    sensor_seconds: int = 300  # QUANT_PLATFORM_SENSOR_SECONDS
    sensor_max_sessions: int = 1000  # QUANT_PLATFORM_SENSOR_MAX_SESSIONS, in one run
    start: str | None = None  # QUANT_PLATFORM_START; None: the vendor's first session
    universe: str | None = None  # QUANT_PLATFORM_UNIVERSE or UNIVERSE; None: the vendor's own rule
    correction_sessions: int = 3  # QUANT_PLATFORM_CORRECTION_SESSIONS, fetched again each day
    reference: str = "monthly"  # QUANT_PLATFORM_REFERENCE: monthly, weekly or daily
    identity_dollars: float = 1_000_000.0  # QUANT_PLATFORM_IDENTITY_DOLLARS, in one session
    checks: str = ""  # QUANT_PLATFORM_CHECKS: name=severity:threshold, …
    retry_minutes: float = 5.0  # QUANT_PLATFORM_RETRY_MINUTES after the first failed update
    late_hours: float = 24.0  # QUANT_PLATFORM_LATE_HOURS after the close
    closures: tuple[date, ...] = ()  # QUANT_PLATFORM_CLOSURES beyond the calendar's own
    polygon: PolygonSettings = PolygonSettings()

    @classmethod
    def load(
        cls, environment: Mapping[str, str] | None = None, start: Path | None = None
    ) -> "Settings":
        """Read the settings that hold in folder `start` (default: the current one).

        Raises
        ------
        SettingsError
            A value cannot be read; the message names the variable, never a secret value.
        """
        root = project_root(start or Path.cwd())
        values = _merged(
            _read_env_file(root / ".env"), os.environ if environment is None else environment
        )
        home = Path(values.get(PREFIX + "HOME") or root / HOME_NAME).expanduser()
        polygon = _polygon(values)
        return cls(
            home=home if home.is_absolute() else root / home,
            database_url=read_database_url(values, "DATABASE_URL"),
            dagster_database_url=read_database_url(values, "DAGSTER_DATABASE_URL"),
            vendor=read_text(values, PREFIX + "VENDOR") or _usual_vendor(polygon),
            capital=read_number(values, PREFIX + "CAPITAL", cls.capital, low=1.0),
            commission_bp=read_number(
                values, PREFIX + "COMMISSION_BP", cls.commission_bp, low=0.0, high=1000.0
            ),
            slippage_bp=read_number(
                values, PREFIX + "SLIPPAGE_BP", cls.slippage_bp, low=0.0, high=1000.0
            ),
            risk_free=read_number(values, PREFIX + "RISK_FREE", cls.risk_free, low=-0.5, high=1.0),
            sensor_status=read_choice(
                values, PREFIX + "SENSORS", cls.sensor_status, ("running", "stopped")
            ),
            sensor_seconds=read_whole(
                values, PREFIX + "SENSOR_SECONDS", cls.sensor_seconds, low=5, high=86_400
            ),
            sensor_max_sessions=read_whole(
                values, PREFIX + "SENSOR_MAX_SESSIONS", cls.sensor_max_sessions, low=1, high=10_000
            ),
            start=read_day(values, PREFIX + "START"),
            universe=_universe(values),
            correction_sessions=read_whole(
                values, PREFIX + "CORRECTION_SESSIONS", cls.correction_sessions, low=0, high=250
            ),
            reference=read_choice(
                values, PREFIX + "REFERENCE", cls.reference, ("monthly", "weekly", "daily")
            ),
            identity_dollars=read_number(
                values, PREFIX + "IDENTITY_DOLLARS", cls.identity_dollars, low=0.0
            ),
            checks=read_matching(values, PREFIX + "CHECKS", _CHECKS, _CHECKS_HINT),
            retry_minutes=read_number(
                values, PREFIX + "RETRY_MINUTES", cls.retry_minutes, low=0.0, high=1440.0
            ),
            late_hours=read_number(
                values, PREFIX + "LATE_HOURS", cls.late_hours, low=0.0, high=1000.0
            ),
            closures=read_days(values, PREFIX + "CLOSURES"),
            polygon=polygon,
        )

    def __repr__(self) -> str:
        """Show the settings without keys and without the passwords of the URLs."""
        shown = ", ".join(
            f"{field.name}={_redacted(getattr(self, field.name))!r}" for field in fields(self)
        )
        return f"Settings({shown})"


def project_root(start: Path) -> Path:
    """Nearest folder from `start` up with a home, `.env` or workspace file; else `start`."""
    for folder in (start, *start.parents):
        if any((folder / marker).exists() for marker in _MARKERS):
            return folder
    return start


def _redacted(value: object) -> object:
    return without_password(value) if isinstance(value, str) and "://" in value else value


def _read_env_file(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    # Imported here: most starts of the command line find no file to parse.
    from dotenv import dotenv_values

    return {name: value for name, value in dotenv_values(path).items() if value is not None}


def _merged(file: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Values of the environment over those of the file, whichever of its names a setting has."""
    values = dict(file)
    for names in SECOND_NAMES.items():
        if any(name in environment for name in names):
            for name in names:
                values.pop(name, None)
    return values | dict(environment)


def _usual_vendor(polygon: PolygonSettings) -> str:
    """Return the vendor where none is named: the whole market with a key, else the sample."""
    return "polygon" if polygon.key or polygon.ssm_parameter else Settings.vendor


def _universe(values: Mapping[str, str]) -> str | None:
    name = PREFIX + "UNIVERSE"
    if not read_text(values, name):
        name = SECOND_NAMES[name]
    hint = "It must be a list of symbols or a rule, on one line"
    return read_matching(values, name, "[ -~]+", hint) or None


def _polygon(values: Mapping[str, str]) -> PolygonSettings:
    plain = PolygonSettings()
    key = read_secret(values, "POLYGON_API_KEY")
    massive_key = read_secret(values, "MASSIVE_API_KEY")
    url = MASSIVE_URL if massive_key and not key else plain.base_url
    s3_key_id = read_secret(values, "POLYGON_S3_KEY_ID")
    s3_secret = read_secret(values, "POLYGON_S3_SECRET")
    if bool(s3_key_id) != bool(s3_secret):
        raise SettingsError(
            "Only one of POLYGON_S3_KEY_ID and POLYGON_S3_SECRET is set",
            "Flat files need both; set neither to do without them",
        )
    return PolygonSettings(
        key=key or massive_key,
        base_url=read_address(values, "POLYGON_BASE_URL", url),
        calls_per_minute=read_whole(
            values, "POLYGON_CALLS_PER_MINUTE", plain.calls_per_minute, low=0, high=100_000
        ),
        connections=read_whole(values, "POLYGON_CONNECTIONS", plain.connections, low=1, high=64),
        s3_endpoint=read_address(values, "POLYGON_S3_ENDPOINT", plain.s3_endpoint),
        s3_bucket=read_matching(
            values,
            "POLYGON_S3_BUCKET",
            r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
            "It must be the name of a bucket, such as flatfiles",
        )
        or plain.s3_bucket,
        s3_key_id=s3_key_id,
        s3_secret=s3_secret,
        ssm_parameter=read_matching(
            values,
            PREFIX + "SSM_PARAMETER",
            r"[\w./:-]+",
            "It must be the name of a parameter, such as /quant-platform/polygon-api-key",
        )
        or None,
    )
