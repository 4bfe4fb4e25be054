"""Ctrl-C and SIGTERM of a long command, heard whoever handles the signal.

Dagster puts handlers of its own in place while a run executes, and drops a signal that arrives at
the very end of one; Python drops an exception that is raised in a destructor. So the signal's
number is also written to a socket (Python's wake-up descriptor, which no handler replaces), and a
thread takes it down. Progress asks `Interrupts.check` after each asset and each stored piece: a
signal that got lost stops the work there. A second one ends the process at once; what was being
written is then rolled back.
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

KILLED = 128 + signal.SIGINT
"""Exit code of a shell for a process that Ctrl-C ended."""


class Interrupts:
    """Whether the process was asked to stop."""

    def __init__(self) -> None:
        self._asked = threading.Event()

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
        while received := signals.recv(16):
            for number in received:
                if number not in SIGNALS:
                    continue
                if self._asked.is_set():
                    os._exit(KILLED)
                self._asked.set()
                console.err.print("Stopping … (Ctrl-C again ends it at once)")


@contextmanager
def stoppable(message: Callable[[], str], hint: str) -> Iterator[Interrupts]:
    """Make an interruption of the block one line of text; in the main thread only.

    Raises
    ------
    QuantPlatformError
        The process was asked to stop: `message()` and `hint`.
    """
    interrupts = Interrupts()
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    before = [signal.getsignal(number) for number in SIGNALS]
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler)
    descriptor = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    listener = threading.Thread(target=interrupts.listen, args=(receiver,), daemon=True)
    listener.start()
    try:
        yield interrupts
        interrupts.check()
    except KeyboardInterrupt:
        raise QuantPlatformError(message(), hint) from None
    finally:
        signal.set_wakeup_fd(descriptor)
        for number, handler in zip(SIGNALS, before, strict=True):
            signal.signal(number, handler)
        sender.close()
        listener.join()
        receiver.close()
