"""The server as a process of its own: for benchmarks, which must not share its interpreter."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

MODULE = "quant_platform_tests.support.polygon_server"
STOP_SECONDS = 10


@contextmanager
def launched(*arguments: str) -> Iterator[str]:
    """Run the server with `arguments` of its command line; yield its URL when it is ready.

    The record of its requests is at `/-/requests`.
    """
    command = [sys.executable, "-m", MODULE, "--port", "0", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield _url(process)
    finally:
        process.terminate()
        process.communicate(timeout=STOP_SECONDS)


def _url(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    url = ""
    for line in process.stdout:
        if match := re.match(r"POLYGON_BASE_URL=(\S+)", line):
            url = match.group(1)
        if line.strip() == "ready":
            return url
    raise RuntimeError(f"The server ended with status {process.wait()} before it was ready")
