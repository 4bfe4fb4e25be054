"""The client's clock, in one object that a test can replace.

Limits use seconds since boot: they are the same for every process of the machine and are never set
back, as the wall clock may be.
"""

import threading
import time
from datetime import UTC, datetime

_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux has a clock that goes on while the machine sleeps; elsewhere the monotonic one must do."""


class StoppedError(Exception):
    """Whoever asked for this no longer wants it."""


class Clock:
    """The machine's own time."""

    def now(self) -> float:
        """Seconds since boot, the same for all processes."""
        return time.clock_gettime(_BOOT)

    def wall(self) -> datetime:
        """Date and time, in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float, stop: threading.Event | None = None) -> None:
        """Wait.

        Raises
        ------
        StoppedError
            `stop` was set meanwhile.
        """
        if stop is None:
            time.sleep(seconds)
        elif stop.wait(seconds):
            raise StoppedError
