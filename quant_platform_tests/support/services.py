"""Real services as a user starts them, their GraphQL API, and who is left when they have ended."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

COMMAND = str(Path(sys.executable).with_name("quant-platform"))
CHECKOUT = Path(__file__).parents[2]
START_SECONDS = 90

KERNELS = "NUMBA_CACHE_DIR"
"""Variable that names the folder of compiled kernels; they are shared by all homes of a test run,
where a user's home has its own."""

Run = Callable[..., subprocess.CompletedProcess[str]]
"""Arguments of the command, and variables of its environment, to what came of it."""


def environment(home: Path, **more: str) -> dict[str, str]:
    """Environment of a user who has configured nothing but the platform's home."""
    ours = ("QUANT_PLATFORM_", "DATABASE_URL", "DAGSTER_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return (
        inherited | {"QUANT_PLATFORM_HOME": str(home), "QUANT_PLATFORM_SENSORS": "stopped"} | more
    )


def run(arguments: Sequence[str], home: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `quant-platform` with `arguments`."""
    return subprocess.run(
        [COMMAND, *arguments],
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def processes_of(home: Path) -> list[psutil.Process]:
    """Living processes that work for `home`: named in their command line or environment."""
    processes = []
    for process in psutil.process_iter():
        try:
            names = [*process.cmdline(), process.environ().get("QUANT_PLATFORM_HOME", "")]
            if process.status() != psutil.STATUS_ZOMBIE and any(
                str(home) in name for name in names
            ):
                processes.append(process)
        except psutil.Error:
            continue
    return [process for process in processes if process.pid != os.getpid()]


def wait_until_gone(home: Path, seconds: float) -> list[str]:
    """Wait for the processes of `home` to end; the command lines of those that did not."""
    deadline = time.monotonic() + seconds
    while processes_of(home) and time.monotonic() < deadline:
        time.sleep(0.2)
    left = []
    for process in processes_of(home):
        try:
            left.append(" ".join(process.cmdline())[:150])
        except psutil.Error:
            continue
    return left


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@dataclass
class Service:
    """A process group that serves the UI on `port`, and its log."""

    process: subprocess.Popen[bytes]
    port: int
    home: Path
    log: Path

    @classmethod
    def start(
        cls,
        arguments: Sequence[str],
        home: Path,
        port: int,
        log: Path,
        folder: Path,
        *,
        bare: bool = False,
        background: bool = False,
    ) -> "Service":
        """Start `arguments` in `folder` and wait for the UI.

        `bare`: without naming the home. `background`: as the `&` of a script does, deaf to Ctrl-C.
        """
        variables = environment(home)
        if bare:
            del variables["QUANT_PLATFORM_HOME"]
        with log.open("wb") as out:
            process = subprocess.Popen(
                arguments,
                env=variables,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_ignore_interrupts if background else None,
            )
        service = cls(process, port, home, log)
        service._wait()
        return service

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                if httpx.get(f"{self.url}/server_info", timeout=5).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            gone = self.process.poll()
            if gone is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"no UI ({gone}): {self.log.read_text()[-3000:]}")
            time.sleep(0.3)

    def ask(self, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send a GraphQL query; return its data."""
        body = {"query": query, "variables": dict(variables or {})}
        answer = httpx.post(f"{self.url}/graphql", json=body, timeout=60).raise_for_status().json()
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    def interrupt(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """End the process group, and whatever else still works for the home; the last resort."""
        for process in [*processes_of(self.home)]:
            # The server of the embedded database closes its files at SIGINT.
            is_server = process.name() == "postgres"
            try:
                process.send_signal(signal.SIGINT if is_server else signal.SIGKILL)
            except psutil.Error:
                continue
        # A service that was not told its home names it nowhere.
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=30)
        wait_until_gone(self.home, 10)
