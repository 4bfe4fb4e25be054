"""What a user waits for: the whole demo, the demo again, a daily update, and `--help`.

Every figure is of the real command in a process of its own, on an empty database in a temporary
folder. Memory is the largest resident set of the command itself; the server's processes are shown
beside it. There is no rival that does the same; the limits are those the project set itself.

Run: python benchmarks/demo.py
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil

BIN = Path(sys.executable).parent
SESSION = "2013-03-01"
MEGABYTE = 2**20
SAMPLING_SECONDS = 0.05
SERVER_SAMPLING_SECONDS = 1.0
"""Adding up what a server's processes share takes the kernel tens of milliseconds."""
QUICK_ROUNDS = 5


def main() -> None:
    """Run the commands in order and print seconds, memory and limit of each."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        environment = {
            **os.environ,
            "QUANT_PLATFORM_HOME": str(home),
            "QUANT_PLATFORM_SENSORS": "stopped",
        }
        environment.pop("DATABASE_URL", None)
        platform = str(BIN / "quant-platform")
        show("quant-platform --help", *best([platform, "--help"], environment), "0.4 s")
        show("demo, empty database", *timed([platform, "demo"], environment), "60 s, 1024 MB")
        show("demo again", *timed([platform, "demo"], environment), "5 s")
        daily = [
            *(str(BIN / "dagster"), "job", "execute", "-m", "quant_platform.definitions"),
            *("-j", "daily_update", "--tags", f'{{"dagster/partition": "{SESSION}"}}'),
        ]
        environment["DAGSTER_HOME"] = str(home / "dagster")
        show("dagster job execute, one session", *timed(daily, environment), "10 s")
        show("quant-platform status", *best([platform, "status"], environment), "none")


def best(command: list[str], environment: dict[str, str]) -> tuple[float, float, float]:
    """Return the quickest of a few runs."""
    return min(timed(command, environment) for _ in range(QUICK_ROUNDS))


def timed(command: list[str], environment: dict[str, str]) -> tuple[float, float, float]:
    """Run one command; return seconds, its peak memory and the server's, in megabytes."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    peak = {"own": 0.0, "server": 0.0}
    watcher = threading.Thread(target=_watch, args=(process.pid, environment, peak), daemon=True)
    watcher.start()
    _, errors = process.communicate()
    seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{errors.decode()[-2000:]}")
    return seconds, peak["own"], peak["server"]


def show(name: str, seconds: float, own: float, server: float, limit: str) -> None:
    """Print one line."""
    memory = f"{own:5.0f} MB, server {server:4.0f} MB"
    print(f"{name:34} {seconds:6.2f} s   {memory}   (limit {limit})", flush=True)


def _watch(pid: int, environment: dict[str, str], peak: dict[str, float]) -> None:
    """Note the largest memory of the command, and of the server without counting shared pages."""
    data = Path(environment["QUANT_PLATFORM_HOME"]) / "postgres"
    next_server = 0.0
    while psutil.pid_exists(pid):
        with suppress(psutil.Error):
            own = psutil.Process(pid).memory_info().rss
            peak["own"] = max(peak["own"], own / MEGABYTE)
        if time.monotonic() > next_server:
            next_server = time.monotonic() + SERVER_SAMPLING_SECONDS
            with suppress(psutil.Error, OSError, ValueError, IndexError):
                server = psutil.Process(int((data / "postmaster.pid").read_text().split()[0]))
                workers = [server, *server.children()]
                used = sum(worker.memory_full_info().pss for worker in workers)
                peak["server"] = max(peak["server"], used / MEGABYTE)
        time.sleep(SAMPLING_SECONDS)


if __name__ == "__main__":
    main()
