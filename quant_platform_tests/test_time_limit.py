"""Code that is stopped in this process: in the main thread, in others, and all at once."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from quant_platform.errors import OverdueError, SettingsError
from quant_platform.isolation import reason_of
from quant_platform.time_limit import TimeLimit

SOON, LONG = 0.1, 60.0


def loops() -> None:
    while True:
        pass


def waits() -> None:
    time.sleep(LONG)


def goes_on_after_errors() -> None:
    while True:
        with contextlib.suppress(Exception):
            loops()


def goes_on_once() -> None:
    with contextlib.suppress(BaseException):
        loops()
    loops()


def in_main(compute: Callable[[], Any]) -> Any:
    return compute()


def in_another(compute: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(compute).result()


def beside_a_timer(compute: Callable[[], Any]) -> Any:
    """In the main thread, where somebody else has set the timer."""
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, LONG)
    try:
        return compute()
    finally:
        assert signal.setitimer(signal.ITIMER_REAL, 0.0)[0] > 0.0
        signal.signal(signal.SIGALRM, before)


PLACES = [in_main, in_another, beside_a_timer]


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    handler, threads = signal.getsignal(signal.SIGALRM), threading.active_count()
    yield
    assert signal.getsignal(signal.SIGALRM) is handler
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert threading.active_count() == threads


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("code", [loops, goes_on_after_errors, goes_on_once])
def test_what_never_ends_is_stopped(place: Any, code: Any) -> None:
    with pytest.raises(OverdueError) as caught:
        place(lambda: TimeLimit(SOON).call("The strategy mine", code))
    start = "The strategy mine did not end within 0.1 s, at test_time_limit.py:"
    assert caught.value.message.startswith(start)
    assert "time_limit=" in caught.value.hint
    assert reason_of(caught.value) == str(caught.value)


def test_a_wait_of_the_main_thread_is_stopped() -> None:
    with pytest.raises(OverdueError):
        TimeLimit(SOON).call("It", waits)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("seconds", [LONG, 0.0])
def test_what_ends_gives_its_result(place: Any, seconds: float) -> None:
    assert place(lambda: TimeLimit(seconds).call("It", lambda: 3)) == 3


@pytest.mark.parametrize("place", PLACES)
def test_what_raises_raises(place: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        place(lambda: TimeLimit(LONG).call("It", lambda: 1 // 0))


def test_what_ends_at_its_limit_leaves_nothing_behind() -> None:
    """An error that was on its way is raised within the call, or never."""
    limit = TimeLimit(0.002)

    def often() -> int:
        late = 0
        for part in range(60):
            try:
                limit.call("It", partial(time.sleep, 0.0015 + part * 2e-5))
            except OverdueError:
                late += 1
        sum(range(1000))
        return late

    with ThreadPoolExecutor(4) as pool:
        assert all(0 <= each.result() <= 60 for each in [pool.submit(often) for _ in range(4)])


@pytest.mark.parametrize("seconds", [LONG, 0.0])
def test_all_are_stopped_at_once(seconds: float) -> None:
    limit, runs = TimeLimit(seconds), threading.Barrier(3)

    def run() -> None:
        runs.wait()
        loops()

    with ThreadPoolExecutor(2) as pool:
        left = [pool.submit(limit.call, "It", run) for _ in range(2)]
        runs.wait()
        limit.stop()
        for each in left:
            with pytest.raises(OverdueError, match="It was stopped"):
                each.result()


@pytest.mark.parametrize("wrong", [-1.0, float("inf"), float("nan"), "5", True, None])
def test_other_limits_are_refused(wrong: Any) -> None:
    with pytest.raises(SettingsError, match="time limit is"):
        TimeLimit(wrong)
