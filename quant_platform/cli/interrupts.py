"""Ctrl-C and SIGTERM of a long command, heard whoever handles the signal.

Dagster puts handlers of its own in place while a run executes, and drops a signal that arrives at
the very end of one; Python drops an exception that is raised in a destructor. So the signal's
number is also written to a socket (Python's wake-up descriptor, which no handler replaces), and a
thread takes it down. Progress asks `Interrupts.check` after each asset and each stored piece: a
signal that got lost stops the work there. While the process waits for a database, no handler runs:
that wait the thread ends. A second signal ends the process at once; what was being written is then
rolled back.
"""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from quant_platform.cli import console
from quant_platform.errors import QuantPlatformError

SIGNALS = (signal.SIGINT, signal.SIGTERM)

GRACE_SECONDS = 2.0
"""How long after a signal what a database was asked for may still take."""

CANCELLED = "canceling statement due to user request"
"""What the server says of a wait that was ended."""

KILLED = 128 + signal.SIGINT
"""Exit code of a shell for a process that Ctrl-C ended."""


class Interrupts:
    """Whether the process was asked to stop.

    Parameters
    ----------
    quiet : somebody else says so and ends the process; only waits are ended here
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._asked = threading.Event()
        self._quiet = quiet

    @property
    def asked(self) -> bool:
        """Whether a signal came."""
        return self._asked.is_set()

    def check(self) -> None:
        """Stop here if the process was asked to.

        Raises
        ------
        KeyboardInterrupt
            It was asked to.
        """
        if self._asked.is_set():
            raise KeyboardInterrupt

    def listen(self, signals: socket.socket) -> None:
        """Take down the signals whose numbers arrive; the second one ends the process."""
        while True:
            try:
                received = signals.recv(16)
            except TimeoutError:
                _end_waits()
                continue
            if not received:
                return
            for number in received:
                if number not in SIGNALS:
                    continue
                # From now on, again and again: what cleans up may wait as well.
                signals.settimeout(GRACE_SECONDS)
                if self._quiet:
                    continue
                if self._asked.is_set():
                    os._exit(KILLED)
                self._asked.set()
                console.err.print("Stopping … (Ctrl-C again ends it at once)")


def _end_waits() -> None:
    from quant_platform.storage.session import end_waits

    end_waits()


@contextmanager
def _heard(interrupts: Interrupts) -> Iterator[None]:
    """Let a thread hear the signals of the block, as Python's wake-up descriptor tells them."""
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    descriptor = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    listener = threading.Thread(target=interrupts.listen, args=(receiver,), daemon=True)
    listener.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(descriptor)
        sender.close()
        listener.join()
        receiver.close()


@contextmanager
def waits_ended() -> Iterator[None]:
    """End by a signal what the block waits for a database; in the main thread only."""
    with _heard(Interrupts(quiet=True)):
        yield


@contextmanager
def stoppable(message: Callable[[], str], hint: str) -> Iterator[Interrupts]:
    """Make an interruption of the block one line of text; in the main thread only.

    Raises
    ------
    QuantPlatformError
        The process was asked to stop: `message()` and `hint`.
    """
    interrupts = Interrupts()
    before = [signal.getsignal(number) for number in SIGNALS]
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler)
    try:
        with _heard(interrupts):
            yield interrupts
            interrupts.check()
    except (KeyboardInterrupt, Exception) as error:
        # A wait that was ended comes as an error of the server's. The bulk driver takes Ctrl-C for
        # itself while it waits, and ends the wait.
        stopped = interrupts.asked or isinstance(error, KeyboardInterrupt)
        if not stopped and CANCELLED not in str(error):
            raise
        raise QuantPlatformError(message(), hint) from None
    finally:
        for number, handler in zip(SIGNALS, before, strict=True):
            signal.signal(number, handler)
