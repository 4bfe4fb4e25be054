"""`Settings`: everything a user can configure, typed and immutable.

Read once, from the environment and `.env`. A setting of the environment wins over the same name in
`.env`. Nothing else in the platform reads the environment. Kept free of heavy imports: the command
line reads it at every start.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from quant_platform.errors import SettingsError

HOME_NAME = ".quant-platform"
"""Folder of the embedded database, Dagster's home and the reports, beside the checkout's files."""

PREFIX = "QUANT_PLATFORM_"

_HOST = r"(?:\[[0-9A-Fa-f:.%]+\]|[^:,@/?#\[\]]*)(?::\d*)?"
_PLACE = re.compile(rf"(?:[^:@/?#]*(?::[^@/?#]*)?@)?{_HOST}(?:,{_HOST})*(?:[/?]|$)")
"""What may follow the scheme: user, password and at least one host, up to the database's name."""

_MARKERS = (HOME_NAME, ".env", "workspace.yaml")


@dataclass(frozen=True)
class Settings:
    """All settings; the environment variable of each is named beside it and in `.env.example`."""

    home: Path  # QUANT_PLATFORM_HOME
    database_url: str | None  # DATABASE_URL; None: the embedded server
    dagster_database_url: str | None  # DAGSTER_DATABASE_URL; None: a database beside database_url
    vendor: str = "sample"  # QUANT_PLATFORM_VENDOR
    capital: float = 1_000_000.0  # QUANT_PLATFORM_CAPITAL, in currency
    commission_bp: float = 5.0  # QUANT_PLATFORM_COMMISSION_BP, of traded value
    slippage_bp: float = 5.0  # QUANT_PLATFORM_SLIPPAGE_BP, of traded value
    risk_free: float = 0.0  # QUANT_PLATFORM_RISK_FREE, annual rate
    sensor_status: str = "running"  # QUANT_PLATFORM_SENSORS: running or stopped
    sensor_seconds: int = 300  # QUANT_PLATFORM_SENSOR_SECONDS
    sensor_max_sessions: int = 1000  # QUANT_PLATFORM_SENSOR_MAX_SESSIONS, in one run

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
        values = _read_env_file(root / ".env")
        values.update(os.environ if environment is None else environment)
        home = Path(values.get(PREFIX + "HOME") or root / HOME_NAME).expanduser()
        return cls(
            home=home if home.is_absolute() else root / home,
            database_url=_url(values, "DATABASE_URL"),
            dagster_database_url=_url(values, "DAGSTER_DATABASE_URL"),
            vendor=values.get(PREFIX + "VENDOR") or "sample",
            capital=_number(values, "CAPITAL", 1_000_000.0, low=1.0),
            commission_bp=_number(values, "COMMISSION_BP", 5.0, low=0.0, high=1000.0),
            slippage_bp=_number(values, "SLIPPAGE_BP", 5.0, low=0.0, high=1000.0),
            risk_free=_number(values, "RISK_FREE", 0.0, low=-0.5, high=1.0),
            sensor_status=_choice(values, "SENSORS", "running", ("running", "stopped")),
            sensor_seconds=_whole(values, "SENSOR_SECONDS", 300, low=5, high=86_400),
            sensor_max_sessions=_whole(values, "SENSOR_MAX_SESSIONS", 1000, low=1, high=10_000),
        )

    def __repr__(self) -> str:
        """Show the settings without the passwords of the URLs."""
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


def without_password(url: str) -> str:
    """Return `url` with its passwords replaced by `***`, even where they make it a wrong one."""
    shown = re.sub(r"(?<=://)([^:@/?#]*):.*@", r"\1:***@", url, flags=re.DOTALL)
    return re.sub(r"([?&](?:ssl)?password=)[^&]*", r"\1***", shown, flags=re.IGNORECASE)


def _redacted(value: object) -> object:
    return without_password(value) if isinstance(value, str) and "://" in value else value


def _read_env_file(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    # Imported here: most starts of the command line find no file to parse.
    from dotenv import dotenv_values

    return {name: value for name, value in dotenv_values(path).items() if value is not None}


def _url(values: Mapping[str, str], name: str) -> str | None:
    """Return a PostgreSQL URL in the form psycopg2 and SQLAlchemy agree on, or None when unset."""
    text = values.get(name, "").strip()
    if not text:
        return None
    scheme, separator, rest = text.partition("://")
    known = scheme in ("postgres", "postgresql", "postgresql+psycopg2")
    if not separator or not known or not _PLACE.match(rest):
        raise SettingsError(
            f"{name} is not a PostgreSQL URL",
            "Write it as postgresql://user:password@host:5432/database, with the signs"
            " @ : / ? # % in the password percent-encoded",
        )
    return f"postgresql://{rest}"


def _number(
    values: Mapping[str, str], name: str, default: float, *, low: float, high: float = float("inf")
) -> float:
    text = values.get(PREFIX + name, "").strip()
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not low <= number <= high or number == float("inf"):
        limit = f"at least {low:g}" if high == float("inf") else f"from {low:g} to {high:g}"
        raise SettingsError(f"{PREFIX}{name} is {text!r}", f"It must be a number {limit}")
    return number


def _whole(values: Mapping[str, str], name: str, default: int, *, low: int, high: int) -> int:
    number = _number(values, name, default, low=low, high=high)
    if number != int(number):
        raise SettingsError(
            f"{PREFIX}{name} is {values[PREFIX + name].strip()!r}", "It must be a whole number"
        )
    return int(number)


def _choice(values: Mapping[str, str], name: str, default: str, allowed: tuple[str, ...]) -> str:
    text = values.get(PREFIX + name, "").strip().lower() or default
    if text not in allowed:
        raise SettingsError(
            f"{PREFIX}{name} is {text!r}", f"It must be one of: {', '.join(allowed)}"
        )
    return text
