"""`TimeLimit`: stops code that a notebook or a sweep runs in this process when it takes too long.

1. In the main thread a timer's signal raises in the code, whatever Python does there, a wait
   included. In any other thread, and where somebody else uses the timer, a watching thread makes
   the interpreter raise between two of the code's instructions.
2. What is raised is no `Exception`, so that code which goes on after its own errors ends as well.
   It is raised again each second, for code that goes on after everything.
3. `stop` ends everything that runs in other threads at once: Ctrl-C reaches the main thread alone.

A single call into C that never returns cannot be stopped so. What does not belong here: code of the
pipeline, which runs in a process of its own (`isolation.py`).
"""

import ctypes
import math
import os
import signal
import sysconfig
import threading
import traceback
from collections.abc import Callable
from numbers import Real
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeVar

from quant_platform.errors import OverdueError, SettingsError

Result = TypeVar("Result")

AGAIN_SECONDS = 1.0
"""Seconds after which code that went on is told again."""

_OTHERS = (
    str(Path(__file__).parent) + os.sep,
    *(sysconfig.get_path(each) + os.sep for each in ("stdlib", "purelib", "platlib")),
)
"""Folders of the platform, of Python and of installed packages."""

HINT = "Mend it, or let it take longer: time_limit=, or QUANT_PLATFORM_STEP_SECONDS"


class _Overdue(BaseException):
    """Is raised in the code that is to end."""


class TimeLimit:
    """How long each call of a strategy or feature may take.

    Parameters
    ----------
    seconds : of one call; 0: as long as it wants

    Raises
    ------
    SettingsError
        It is no such number.

    Examples
    --------
    >>> TimeLimit(1.0).call("The sum", lambda: 1 + 1)
    2
    """

    def __init__(self, seconds: float = 0.0) -> None:
        is_number = isinstance(seconds, Real) and not isinstance(seconds, bool)
        if not is_number or not 0.0 <= float(seconds) < math.inf:
            raise SettingsError(
                f"The time limit is {seconds!r}", "Allowed: a number of seconds; 0: no limit"
            )
        self.seconds = float(seconds)
        self._is_stopped = False
        self._watching: set[SimpleQueue[bool]] = set()

    def call(self, what: str, compute: Callable[[], Result]) -> Result:
        """Return what `compute` returns.

        Parameters
        ----------
        what : what is computed, as the subject of a sentence

        Raises
        ------
        OverdueError
            It did not end in time, or everything was stopped.
        """
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and not self.seconds:
            return compute()
        has_timer = is_main and hasattr(signal, "setitimer")
        try:
            if has_timer and not any(signal.getitimer(signal.ITIMER_REAL)):
                return self._timed(compute)
            return self._watched(compute)
        except _Overdue as late:
            place = _place(late)
        why = "was stopped" if self._is_stopped else f"did not end within {self.seconds:g} s"
        raise OverdueError(f"{what} {why}{place}", HINT)

    def stop(self) -> None:
        """End what runs in other threads than the main one."""
        self._is_stopped = True
        for each in list(self._watching):
            each.put(False)

    def _timed(self, compute: Callable[[], Result]) -> Result:
        """Compute in the main thread, with a timer whose signal raises there."""

        def end(*_: object) -> None:
            raise _Overdue

        before = signal.signal(signal.SIGALRM, end)
        try:
            signal.setitimer(signal.ITIMER_REAL, self.seconds, AGAIN_SECONDS)
            return compute()
        finally:
            _surely(lambda: signal.setitimer(signal.ITIMER_REAL, 0.0))
            signal.signal(signal.SIGALRM, before)

    def _watched(self, compute: Callable[[], Result]) -> Result:
        """Compute in any thread, with another one that watches it.

        What is raised may come at any instruction until the watching thread has ended: no lock of
        Python's own is taken here, which would then stay closed.
        """
        thread, told, has_ended = threading.get_ident(), SimpleQueue[bool](), threading.Lock()
        has_ended.acquire()

        def watch() -> None:
            try:
                is_done = _told(told, 0.0 if self._is_stopped else self.seconds or None)
                while not is_done:
                    _raise_in(thread, _Overdue)
                    is_done = _told(told, AGAIN_SECONDS)
            finally:
                self._watching.discard(told)
                has_ended.release()

        def end() -> None:
            told.put(True)
            while watcher.ident is not None and told in self._watching:
                has_ended.acquire(timeout=AGAIN_SECONDS)
            _raise_in(thread, None)  # takes back what was not raised yet

        self._watching.add(told)
        watcher = threading.Thread(target=watch, daemon=True)
        try:
            watcher.start()
            return compute()
        finally:
            _surely(end)


UNLIMITED = TimeLimit()
"""Everything takes as long as it wants."""


def _told(queue: "SimpleQueue[bool]", seconds: float | None) -> bool:
    """Whether the code ended within some seconds."""
    try:
        return queue.get(timeout=seconds)
    except Empty:
        return False


def _surely(end: Callable[[], object]) -> None:
    """Call something that may be interrupted until it was not."""
    while True:
        try:
            end()
            return
        except _Overdue:
            continue


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    kind = ctypes.py_object(error) if error is not None else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), kind)


def _place(late: _Overdue) -> str:
    """Where the code was, in words: its own last line, before what it called of others."""
    met = [each for each in traceback.extract_tb(late.__traceback__) if each.filename != __file__]
    own = [each for each in met if not each.filename.startswith(_OTHERS)] or met
    return f", at {Path(own[-1].filename).name}:{own[-1].lineno}" if own else ""
