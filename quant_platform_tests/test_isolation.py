"""Code that somebody added: what raises, hangs or kills its process fails alone."""

import ctypes
import os
import threading
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest

from quant_platform.evaluation.metrics import total_return
from quant_platform.isolation import PartFailedError, is_added, limited, reason_of

SOON, LONG = 0.2, 60.0
FOREVER = 3600


def own(seconds: float, compute: Any, *values: Any) -> Any:
    return limited(partial(compute, *values), seconds, compute)


def raises() -> None:
    raise ZeroDivisionError("no luck\nat all")


def hangs() -> None:
    threading.Event().wait(FOREVER)


def hangs_in_c() -> None:
    """Sleeps in the C library with the interpreter's lock held: no Python code runs."""
    ctypes.PyDLL(None).sleep(FOREVER)


def dies() -> None:
    ctypes.string_at(0)


def leaves() -> None:
    os._exit(3)


def unpicklable() -> Any:
    return lambda: None


def process() -> int:
    return os.getpid()


def test_a_result_comes_back_whole() -> None:
    values = np.arange(600_000.0)
    frame = pd.DataFrame({"date": pd.Timestamp("2024-01-02"), "value": values})
    pd.testing.assert_frame_equal(own(LONG, lambda: frame), frame)
    # What it writes to is its own.
    own(LONG, values.fill, 0.0)
    assert values[-1] == 599_999.0


def test_only_code_that_somebody_added_has_a_process_of_its_own() -> None:
    assert own(LONG, process) != os.getpid()
    assert own(0.0, process) == os.getpid()
    assert limited(process, LONG, total_return) == os.getpid()
    assert is_added(partial(partial(process)))
    assert not is_added(partial(total_return))
    assert is_added(total_return, process)


@pytest.mark.parametrize(
    ("code", "seconds", "reason"),
    [
        (raises, LONG, "ZeroDivisionError: no luck (test_isolation.py:"),
        (hangs, SOON, "did not end within 0.2 s"),
        (hangs_in_c, SOON, "did not end within 0.2 s"),
        (dies, LONG, "its process ended: SIGSEGV"),
        (leaves, LONG, "its process ended: exit status 3"),
        (unpicklable, LONG, "AttributeError: "),
    ],
)
def test_what_fails_says_why(
    monkeypatch: pytest.MonkeyPatch, code: Any, seconds: float, reason: str
) -> None:
    forked: list[int] = []
    fork = os.fork

    def noted() -> int:
        forked.append(fork())
        return forked[-1]

    monkeypatch.setattr(os, "fork", noted)
    with pytest.raises(PartFailedError) as caught:
        own(seconds, code)
    assert reason_of(caught.value).startswith(reason)
    # Nothing of it is left.
    with pytest.raises(ProcessLookupError):
        os.kill(forked[0], 0)


def test_it_has_no_connection_of_its_parent() -> None:
    left, right = os.pipe()
    try:
        for end in (left, right):
            with pytest.raises(PartFailedError, match="Bad file descriptor"):
                own(LONG, os_fstat, end)
    finally:
        os.close(left)
        os.close(right)


def os_fstat(number: int) -> int:
    return os.fstat(number).st_size


def test_several_threads_at_once() -> None:
    """A fork of one thread does not hold open the pipe of another's."""
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(own(LONG, process))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert len(set(found) - {os.getpid()}) == 8
