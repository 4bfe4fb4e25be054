"""A limit on requests that holds for all processes of the machine together.

There are N slots, each a small file. A request occupies one from before it is sent until its answer
is read (an exclusive `flock`), and then the slot rests for the window, counted from the moment the
answer's headers came in. That gives the guarantee the server's own count asks for:

    The server counts a request some time between our sending it and its headers reaching us. Two
    requests of one slot are thus counted at least a window apart, so any window holds at most one
    request of each slot, N in all, however long requests travel.

Counting from the sending instead would let a slow request and a quick one arrive too close
together; a longer rest would idle for nothing. A plan without a limit is the same thing with as
many slots as connections and no rest.

A process that is killed lets go of its locks; its slot says `open` and is then taken to have been
counted just now. A file that makes no sense, or a time from before a restart of the machine, is
treated the same way: a full rest, never a shorter one.
"""

import fcntl
import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from quant_platform.errors import SettingsError
from quant_platform.settings import Secret
from quant_platform.vendors.polygon.clock import Clock, StoppedError

MARGIN = 1 / 600
"""Rest beyond the window, as a part of it (0.1 s a minute): the server's clock may run faster."""

POLL = 0.02
"""Seconds between two looks at slots that other requests occupy."""

LONGEST_HOLD = 600.0
"""Seconds; a longer pause is not kept, and in the file cannot be one of ours."""

_OPEN = "open"


class RateLimit:
    """At most `calls` requests in any `window` seconds, or at most `calls` at once for no window.

    Parameters
    ----------
    folder : where the slots are kept; shared by all processes that must share the limit
    host : server the limit belongs to
    key : API key it is counted for
    calls : requests allowed in a window
    window : seconds; 0 limits only how many are in flight
    """

    def __init__(
        self,
        folder: Path,
        host: str,
        key: Secret,
        *,
        calls: int,
        window: float,
        clock: Clock | None = None,
    ) -> None:
        name = hashlib.sha256(f"{host}\0{key.reveal()}".encode()).hexdigest()[:20]
        self.calls = calls
        self.rest = window * (1 + MARGIN)
        self._clock = clock or Clock()
        self._slots = [folder / f"{name}.{index}" for index in range(calls)]
        self._hold = folder / f"{name}.hold"
        self._queue = _Queue()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise _unwritable(folder, error) from None

    @contextmanager
    def slot(self, stop: threading.Event | None = None) -> Iterator["Slot"]:
        """Wait for a slot and hold it for one request.

        Raises
        ------
        StoppedError
            `stop` was set meanwhile.
        SettingsError
            The folder cannot be written.
        """
        # Threads are served in order of arrival, so that the first request wanted is sent first.
        with self._queue.turn():
            slot = self._wait(stop)
        try:
            yield slot
        finally:
            slot.close()

    def hold(self, seconds: float) -> None:
        """Let no process send anything for the next `seconds`: the server asked for a pause."""
        now = self._clock.now()
        until = max(now + min(seconds, LONGEST_HOLD), self._held_until())
        fresh = self._hold.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        try:
            fresh.write_text(f"{now!r} {until!r}")
            fresh.replace(self._hold)
        except OSError as error:
            raise _unwritable(self._hold.parent, error) from None

    def remaining(self) -> int:
        """Requests that could be sent at this moment."""
        now = self._clock.now()
        if self._held_until() > now:
            return 0
        return sum(self._is_free(path, now) for path in self._slots)

    def _wait(self, stop: threading.Event | None) -> "Slot":
        while True:
            if stop is not None and stop.is_set():
                raise StoppedError
            now = self._clock.now()
            wait = self._held_until() - now
            if wait <= 0:
                slot_or_wait = self._first_free(now)
                if isinstance(slot_or_wait, Slot):
                    return slot_or_wait
                wait = slot_or_wait
            self._clock.sleep(wait, stop)

    def _first_free(self, now: float) -> "Slot | float":
        """Return a slot that may be used, or the seconds until the first one may be."""
        waits = []
        for path in self._slots:
            try:
                slot_or_wait = self._try(path, now)
            except OSError as error:
                raise _unwritable(path.parent, error) from None
            if isinstance(slot_or_wait, Slot):
                return slot_or_wait
            waits.append(slot_or_wait)
        return max(POLL, min(waits))

    def _try(self, path: Path, now: float) -> "Slot | float":
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        is_held = False
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                # In flight: it may rest already; if not, its rest begins now at the earliest.
                ready = _ready_at(os.pread(file, 64, 0), now, self.rest)
                return self.rest if ready is None else ready - now
            ready = _ready_at(os.pread(file, 64, 0), now, self.rest)
            if ready is None:
                _write(file, _stamp(now))
                ready = now + self.rest
            if ready > now:
                return ready - now
            is_held = True
            return Slot(file, self._clock)
        finally:
            if not is_held:
                os.close(file)

    def _is_free(self, path: Path, now: float) -> bool:
        try:
            ready = _ready_at(path.read_bytes(), now, self.rest)
        except OSError:
            return True
        return ready is not None and ready <= now

    def _held_until(self) -> float:
        with suppress(OSError, ValueError):
            since, until = map(float, self._hold.read_text().split())
            # A time in the future was written before a restart of the machine.
            if since <= self._clock.now() and until - since <= LONGEST_HOLD:
                return until
        return 0.0


class Slot:
    """One request's permission.

    `arrived` starts the rest, `unused` spares it, and `close` gives the slot back.
    """

    def __init__(self, file: int, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        self._noted = False
        _write(file, f"{_OPEN}\n")

    def arrived(self) -> None:
        """Note that the server has counted the request: its answer began."""
        _write(self._file, _stamp(self._clock.now()))
        self._noted = True

    def unused(self) -> None:
        """Note that nothing was sent, so that the server has nothing to count."""
        _write(self._file, "")
        self._noted = True

    def close(self) -> None:
        """Give the slot back; a request without an answer is taken to be counted now."""
        try:
            if not self._noted:
                self.arrived()
        finally:
            os.close(self._file)


class _Queue:
    """Threads of this process take turns in the order they came."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[object] = []

    @contextmanager
    def turn(self) -> Iterator[None]:
        me = object()
        try:
            with self._changed:
                self._waiting.append(me)
                self._changed.wait_for(lambda: self._waiting[0] is me)
            yield
        finally:
            # Also when a thread was interrupted while it waited, so that those behind it go on.
            with self._changed:
                self._waiting.remove(me)
                self._changed.notify_all()


def _ready_at(content: bytes, now: float, rest: float) -> float | None:
    """When the slot may be used again; None: it must rest from now on."""
    if not content:
        return now
    try:
        # A truncated line would be read as an older time.
        stamp = float(content) if content.endswith(b"\n") else -1.0
    except ValueError:
        return None
    return stamp + rest if 0.0 <= stamp <= now else None


def _stamp(moment: float) -> str:
    return f"{moment!r}\n"


def _write(file: int, text: str) -> None:
    content = text.encode()
    os.pwrite(file, content, 0)
    os.ftruncate(file, len(content))


def _unwritable(folder: Path, error: OSError) -> SettingsError:
    return SettingsError(
        f"The request limit cannot be kept in {folder}: {error.strerror}",
        "All processes that use the key must be able to write there",
    )


def limit_folder(home: Path) -> Path:
    """Where the limit is kept: one folder for all checkouts of a user, so that they share it.

    Where a user cannot write to their own, as in a container, it is the platform's `home`.
    """
    folder = Path.home() / ".cache" / "quant-platform" / "polygon"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except (OSError, RuntimeError):
        return home / "polygon"
    return folder if os.access(folder, os.W_OK) else home / "polygon"
