"""The compose file as data: its services, their commands, environments, health checks and ports.

Interpolates the one form of variable that the file uses (`${NAME:?message}`) and refuses any other,
so that what a test reads is what Docker Compose would read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from quant_platform_tests.support.services import CHECKOUT

COMPOSE_FILE = CHECKOUT / "docker-compose.yml"

_REQUIRED = re.compile(r"\$\{(\w+):\?([^}]+)\}")


class MissingVariableError(Exception):
    """Compose would refuse to start, with this message."""


def interpolate(value: Any, variables: Mapping[str, str]) -> Any:
    """Return `value` (of any nesting) with its variables filled in."""
    if isinstance(value, dict):
        return {key: interpolate(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [interpolate(item, variables) for item in value]
    if not isinstance(value, str):
        return value

    def fill(match: re.Match[str]) -> str:
        name, message = match.groups()
        if not variables.get(name):
            raise MissingVariableError(message)
        return variables[name]

    assert "$" not in _REQUIRED.sub("", value), (
        f"a form of variable this reader does not know: {value}"
    )
    return _REQUIRED.sub(fill, value)


@dataclass(frozen=True)
class Service:
    """One service of the compose file."""

    name: str
    spec: dict[str, Any]

    @property
    def command(self) -> list[str]:
        return self.spec["command"]

    @property
    def environment(self) -> dict[str, str]:
        return self.spec["environment"]

    @property
    def health_command(self) -> list[str]:
        form, *command = self.spec["healthcheck"]["test"]
        assert form == "CMD", "a shell is not needed, and hides a failing command"
        return command

    @property
    def seconds_to_health(self) -> float:
        """How long Docker waits before it calls the service unhealthy."""
        check = self.spec["healthcheck"]
        return _seconds(check["start_period"]) + check["retries"] * _seconds(check["interval"])

    @property
    def dependencies(self) -> list[str]:
        """Services that must be healthy first."""
        needed = self.spec.get("depends_on", {})
        assert all(how == {"condition": "service_healthy"} for how in needed.values())
        return list(needed)


def services(dotenv: Mapping[str, str]) -> dict[str, Service]:
    """Return the services in the order of the file, for a `.env` with these variables."""
    document = interpolate(yaml.safe_load(COMPOSE_FILE.read_text()), dotenv)
    for spec in document["services"].values():
        if "env_file" in spec:
            spec["environment"] = {**dotenv, **spec["environment"]}
    return {name: Service(name, spec) for name, spec in document["services"].items()}


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+)(s|m)", text)
    assert match is not None, text
    return int(match[1]) * {"s": 1, "m": 60}[match[2]]
