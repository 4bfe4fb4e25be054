"""Run the services of the compose file as local processes, by their own commands and health checks.

What differs between a container and a process here (host names, ports, paths in the image) stands
in one table, `Place.table`. What the images do before a command starts is done by
`prepare_image_folder` and `prepare_postgres`.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql

from quant_platform.storage.embedded import client_program, start_embedded
from quant_platform_tests.support.services import CHECKOUT, KERNELS, free_port
from quant_platform_tests.test_deployment.compose import Service

ADDRESS_RULES = "host all all 127.0.0.1/32 scram-sha-256\n"


@dataclass(frozen=True)
class Place:
    """Where things are here instead of in the containers."""

    folder: Path
    postgres: int = field(default_factory=free_port)
    code: int = field(default_factory=free_port)
    webserver: int = field(default_factory=free_port)

    @property
    def table(self) -> dict[str, str]:
        return {
            "@postgres:5432/": f"@127.0.0.1:{self.postgres}/",
            "host: code": "host: 127.0.0.1",
            "0.0.0.0": "127.0.0.1",  # noqa: S104 - what the containers bind to
            "4000": str(self.code),
            "3000": str(self.webserver),
            "/srv/quant-platform": str(self.folder / "srv"),
        }

    def translate(self, text: str) -> str:
        for there, here in self.table.items():
            text = text.replace(there, here)
        return text

    @property
    def postgres_data(self) -> Path:
        return self.folder / "postgres"


def prepare_image_folder(place: Place) -> None:
    """Do what the Dockerfile does: lay out the folders, copy Dagster's two files."""
    dagster = place.folder / "srv/dagster"
    (dagster / "storage").mkdir(parents=True)
    (place.folder / "srv/home").mkdir()
    (dagster / "dagster.yaml").write_text((CHECKOUT / "dagster.yaml").read_text())
    workspace = (CHECKOUT / "docker/workspace.yaml").read_text()
    (dagster / "workspace.yaml").write_text(place.translate(workspace))


def prepare_postgres(place: Place, environment: dict[str, str]) -> None:
    """Do what the Postgres image does with an empty volume: make user, database and rules."""
    server = start_embedded(place.folder)
    assert server.data == place.postgres_data
    try:
        connection = psycopg2.connect(server.url("postgres"))
        connection.autocommit = True
        user = sql.Identifier(environment["POSTGRES_USER"])
        with connection.cursor() as cursor:
            create = sql.SQL("CREATE ROLE {} SUPERUSER LOGIN PASSWORD %s").format(user)
            cursor.execute(create, (environment["POSTGRES_PASSWORD"],))
            database = sql.Identifier(environment["POSTGRES_DB"])
            cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, user))
        connection.close()
    finally:
        server.leave()
    (place.postgres_data / "pg_hba.conf").write_text(ADDRESS_RULES)
    with (place.postgres_data / "postgresql.conf").open("a") as settings:
        settings.write("unix_socket_directories = ''\n")


class Stack:
    """The services that were started; ends them, and nothing else."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, service: Service) -> None:
        log = self.log(service).open("wb")
        with log:
            self._processes[service.name] = subprocess.Popen(
                self._translated(service.command),
                env=self._environment(service),
                cwd=self.place.folder / "srv",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **self._user(service),
            )

    def wait_until_healthy(self, service: Service) -> None:
        """Repeat the service's own health check until it passes."""
        deadline = time.monotonic() + service.seconds_to_health
        while True:
            check = subprocess.run(
                self._translated(service.health_command),
                env=self._environment(service),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if check.returncode == 0:
                return
            died = self._processes[service.name].poll()
            if died is not None or time.monotonic() > deadline:
                fate = "is unhealthy" if died is None else f"ended with {died}"
                said = self.log(service).read_text()[-3000:]
                raise AssertionError(
                    f"{service.name} {fate}: {check.stderr or check.stdout}\n{said}"
                )
            time.sleep(0.5)

    def log(self, service: Service) -> Path:
        return self.place.folder / f"{service.name}.log"

    def stop(self) -> None:
        """End every process that was started, and what is left of its session, the last first."""
        for name, process in reversed(self._processes.items()):
            # Postgres calls SIGINT a fast shutdown: it does not wait for clients.
            process.send_signal(signal.SIGINT if name == "postgres" else signal.SIGTERM)
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def _translated(self, command: list[str]) -> list[str]:
        return [self.place.translate(part) for part in command]

    def _environment(self, service: Service) -> dict[str, str]:
        """Return the service's environment; of this process's only what an image has too."""
        binaries = [Path(client_program("psql")).parent, Path(sys.executable).parent]
        image = {
            "PATH": os.pathsep.join([*map(str, binaries), os.environ["PATH"]]),
            "HOME": str(self.place.folder),
            "LANG": "C.UTF-8",
            KERNELS: os.environ[KERNELS],
        }
        if service.name == "postgres":
            image |= {
                "PGDATA": str(self.place.postgres_data),
                "PGPORT": str(self.place.postgres),
            }
        own = {name: self.place.translate(value) for name, value in service.environment.items()}
        return image | own

    def _user(self, service: Service) -> dict[str, Any]:
        """Postgres refuses to run as root; the owner of its data runs it, as in the image."""
        if service.name != "postgres" or os.geteuid() != 0:
            return {}
        owner = self.place.postgres_data.stat()
        return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}


@contextmanager
def running(services: dict[str, Service], place: Place) -> Iterator[Stack]:
    """Start all services, each as soon as those it depends on are healthy; stop them at the end."""
    prepare_image_folder(place)
    prepare_postgres(place, services["postgres"].environment)
    stack = Stack(place)
    healthy: set[str] = set()
    try:
        for service in services.values():
            for name in service.dependencies:
                if name not in healthy:
                    stack.wait_until_healthy(services[name])
                    healthy.add(name)
            stack.start(service)
        for name in [name for name in services if name not in healthy]:
            stack.wait_until_healthy(services[name])
        yield stack
    finally:
        stack.stop()
