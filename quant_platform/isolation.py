"""Runs code that somebody added in a process of its own, which is killed when it takes too long.

1. The platform's own code is called as it is. Code of another package or of the folder of
   extensions runs in a fork: it sees what the caller has in memory, and nothing is copied.
2. The fork closes every file and socket it was given, so that it cannot speak to a database through
   its parent's connection. Its result travels back through a pipe.
3. What raises, hangs, or ends its process (a fault inside C) fails this call alone, with a reason.

Only Linux has a limit: elsewhere, and with a limit of 0, everything is called as it is. What does
not belong here: what becomes of a failure (`pipeline/failures.py`), and what a notebook runs, which
stays in its process (`time_limit.py`).
"""

import contextlib
import ctypes
import os
import pickle
import select
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NoReturn, TypeVar, cast

from quant_platform.errors import OverdueError

Result = TypeVar("Result")

OWN = "quant_platform"
"""Package whose code is called as it is."""

HEADER = 8
"""Bytes before a result: its length."""

PIECE = 1 << 20
"""Bytes that are read from the pipe at once."""

PARENT_DIED = 1
"""PR_SET_PDEATHSIG of prctl(2): the signal to get when the parent ends."""

_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class PartFailedError(Exception):
    """Code that ran in a process of its own failed; the message is the whole reason."""


class TimeLimitError(PartFailedError):
    """It did not end in time; the next call would not either, so that callers make none."""


def reason_of(error: BaseException) -> str:
    """Name an error in one line, with the place that raised it."""
    if isinstance(error, (PartFailedError, OverdueError)):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}".rstrip(": ") + place


def is_added(*codes: object) -> bool:
    """Whether a function, method or class was written outside of the platform's package."""
    for code in codes:
        while isinstance(code, partial):
            code = code.func
        module = str(getattr(code, "__module__", OWN))
        if module != OWN and not module.startswith(f"{OWN}."):
            return True
    return False


def limited(compute: Callable[[], Result], seconds: float, *codes: object) -> Result:
    """Call `compute`, in a process of its own where it runs code that somebody added.

    Parameters
    ----------
    compute : takes its input from memory; its result can be pickled
    seconds : how long it may take; 0: as long as it wants, in this process
    codes : functions, methods and classes that it runs: they decide whose code it is

    Raises
    ------
    PartFailedError
        In its own process it raised, ended or, as a `TimeLimitError`, did not end in time.
    """
    if seconds <= 0.0 or _LIBC is None or not is_added(*codes):
        return compute()
    reader, writer = os.pipe()
    parent = os.getpid()
    with warnings.catch_warnings():
        # Other threads' locks may stay closed in the fork. It takes none of ours, and what stands
        # still ends at the limit.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        _in_child(compute, writer, parent)
    os.close(writer)
    try:
        body = _read(reader, time.monotonic() + seconds)
    finally:
        os.close(reader)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
    if body is None:
        raise TimeLimitError(f"did not end within {seconds:g} s")
    if not body:
        raise PartFailedError(f"its process ended: {_ending(status)}")
    succeeded, value = pickle.loads(body)  # noqa: S301 - written by our own fork
    if not succeeded:
        raise PartFailedError(value)
    return cast(Result, value)


def _in_child(compute: Callable[[], object], writer: int, parent: int) -> NoReturn:
    """Compute, write what came of it, and end without any of the parent's clean-up."""
    try:
        assert _LIBC is not None  # noqa: S101 - `limited` forks only there
        _LIBC.prctl(PARENT_DIED, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        os.closerange(3, writer)
        os.closerange(writer + 1, os.sysconf("SC_OPEN_MAX"))
        try:
            answer = (True, compute())
            body = pickle.dumps(answer, protocol=pickle.HIGHEST_PROTOCOL)
        except BaseException as error:  # whatever it is, the parent is told
            body = pickle.dumps((False, reason_of(error)))
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(len(body).to_bytes(HEADER, "little"))
            pipe.write(body)
    finally:
        os._exit(0)


def _read(reader: int, deadline: float) -> bytes | None:
    """Read a result; empty where its writer ended before it was whole, None at the deadline."""
    data = bytearray()
    wanted = HEADER
    while len(data) < wanted:
        # A descriptor may be above what select(2) can take.
        poll = select.poll()
        poll.register(reader, select.POLLIN)
        left = max(deadline - time.monotonic(), 0.0)
        if not poll.poll(left * 1000.0):
            return None
        piece = os.read(reader, PIECE)
        if not piece:
            return b""
        data += piece
        if len(data) >= HEADER:
            wanted = HEADER + int.from_bytes(data[:HEADER], "little")
    return bytes(data[HEADER:])


def _ending(status: int) -> str:
    """How a process ended, in words."""
    code = os.waitstatus_to_exitcode(status)
    return f"exit status {code}" if code >= 0 else signal.Signals(-code).name
