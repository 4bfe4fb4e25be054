"""`dev`: code server, webserver and daemon as children of this process.

They are stopped together, and by their ids.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from quant_platform.cli import console
from quant_platform.errors import QuantPlatformError
from quant_platform.settings import Settings

HOST = "127.0.0.1"
MODULE = "quant_platform.definitions"
START_SECONDS = 90
STOP_SECONDS = 15


def serve(settings: Settings, port: int) -> None:
    """Serve the UI until Ctrl-C or a termination signal; fail if a service ends by itself.

    Raises
    ------
    QuantPlatformError
        The port is taken, or a service does not start or ends.
    """
    if _is_open(port):
        raise QuantPlatformError(f"Port {port} of {HOST} is taken", "Choose another: --port 3001")
    from quant_platform.defs.home import enter_dagster_home
    from quant_platform.pipeline.provision import ready_database
    from quant_platform.vendors.vendor_registry import vendor_of

    # A wrong setting of the vendor is one line here, and a traceback of a service otherwise.
    vendor_of(settings)
    ready_database(settings)
    enter_dagster_home(settings)
    code_port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "workspace.yaml"
        workspace.write_text(
            "load_from:\n  - grpc_server:\n"
            f"      host: {HOST}\n      port: {code_port}\n      location_name: quant_platform\n"
        )
        # `code-server start` rather than `api grpc`: the UI's reload button then picks up changed
        # files.
        code = ["dagster", "code-server", "start", "-h", HOST, "-p", str(code_port), "-m", MODULE]
        web = ["quant_platform.cli.webserver", "-h", HOST, "-p", str(port), "-w", str(workspace)]
        daemon = ["dagster._daemon", "run", "-w", str(workspace)]
        with _services() as services:
            services.append(_start([*code, "--location-name", "quant_platform"]))
            # While the code server starts, and before the daemon looks at the runs.
            _close_dead_runs()
            _wait_for(code_port, services)
            services += [_start(web), _start(daemon)]
            _wait_for(port, services)
            console.out.print(f"Dagster UI: http://{HOST}:{port}  (Ctrl-C stops it)")
            try:
                while all(service.poll() is None for service in services):
                    time.sleep(0.5)
            except KeyboardInterrupt:
                return
            raise QuantPlatformError("A service ended by itself", "Its last lines stand above")


def _close_dead_runs() -> None:
    """Mark what was killed with earlier services as failed, so that nothing waits for it."""
    import dagster as dg

    from quant_platform.defs.processes import close_dead_runs

    with dg.DagsterInstance.get() as instance:
        for run in close_dead_runs(instance):
            console.out.print(f"Run {run.run_id} had been killed; it is marked failed")


@contextmanager
def _services() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Children that are stopped at the end, also when this process is asked to terminate."""
    children: list[subprocess.Popen[bytes]] = []

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield children
    finally:
        signal.signal(signal.SIGTERM, before)
        _stop(children)


def _start(arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C reaches this process alone, which then stops the children in
    # order.
    return subprocess.Popen(  # noqa: S603 — our own words
        [sys.executable, "-m", *arguments], start_new_session=True, preexec_fn=_hear_interrupts
    )


def _hear_interrupts() -> None:
    """Let a child be interrupted, even where a script started us with Ctrl-C ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _stop(children: Sequence[subprocess.Popen[bytes]]) -> None:
    for child in reversed(children):
        if child.poll() is None:
            child.send_signal(signal.SIGINT)
    deadline = time.monotonic() + STOP_SECONDS
    for child in reversed(children):
        try:
            child.wait(max(deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            # The session holds the child's own children too.
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def _wait_for(port: int, services: Sequence[subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _is_open(port):
        if any(service.poll() is not None for service in services):
            raise QuantPlatformError("A service did not start", "Its last lines stand above")
        if time.monotonic() > deadline:
            raise QuantPlatformError(f"Nothing answers on port {port} after {START_SECONDS} s")
        time.sleep(0.1)


def _is_open(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
