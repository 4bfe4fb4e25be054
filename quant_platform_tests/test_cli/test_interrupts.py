"""Ctrl-C is heard, whoever handles the signal and wherever the exception goes."""

import os
import signal
import subprocess
import sys
import time

import pytest

from quant_platform.cli.interrupts import Interrupts, stoppable
from quant_platform.errors import QuantPlatformError

SIGNALS = signal.SIGINT, signal.SIGTERM


def ended() -> str:
    return "Stopped: half of it is done"


def work(interrupts: Interrupts) -> None:
    """Ask after each piece of endless work; given up after a minute."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        interrupts.check()


@pytest.mark.parametrize("number", SIGNALS)
def test_an_interruption_is_one_line(number: signal.Signals) -> None:
    with pytest.raises(QuantPlatformError) as caught, stoppable(ended, "Go on"):
        os.kill(os.getpid(), number)
    assert (caught.value.message, caught.value.hint) == (ended(), "Go on")


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_its_handler_drops_stops_the_work_at_the_next_piece(
    number: signal.Signals,
) -> None:
    """As Dagster's handler does when a run ends: it takes the signal down and forgets it."""
    with pytest.raises(QuantPlatformError), stoppable(ended, "") as interrupts:
        interrupts.check()
        signal.signal(number, lambda *_: None)
        os.kill(os.getpid(), number)
        work(interrupts)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_that_a_destructor_swallows_stops_the_work() -> None:
    class Slow:
        def __del__(self) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            # Python raises the exception at the next instruction: here, where it is dropped.
            for _ in range(1000):
                pass

    with pytest.raises(QuantPlatformError), stoppable(ended, "") as interrupts:
        Slow()
        work(interrupts)


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with stoppable(ended, "") as interrupts:
        interrupts.check()
    assert [signal.getsignal(number) for number in SIGNALS] == before
    assert signal.set_wakeup_fd(-1) == -1


PROGRAM = """
import signal, sys
from quant_platform.cli.interrupts import Interrupts, stoppable
with stoppable(lambda: "", ""):
    signal.signal(signal.SIGINT, lambda *_: None)
    print("ready", flush=True)
    while True:
        pass
"""


def test_a_second_signal_ends_a_process_that_does_not_listen() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert "Ctrl-C again" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    process.stdout.close()
    process.stderr.close()
