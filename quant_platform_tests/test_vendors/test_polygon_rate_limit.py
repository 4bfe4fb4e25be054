"""The limit on requests: what a server would count, and that nobody waits longer than needed.

The server's count is simulated where possible: a request arrives some time after it is sent and
before its answer is back. Only the tests with several processes or threads use real time.
"""

import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from quant_platform.errors import SettingsError
from quant_platform.settings import Secret
from quant_platform.vendors.polygon.clock import Clock, StoppedError
from quant_platform.vendors.polygon.rate_limit import LONGEST_HOLD, MARGIN, RateLimit
from quant_platform_tests.test_vendors.polygon_stub import KEY, FakeClock

REST = 60.0 * (1 + MARGIN)


def limit_of(
    folder: Path,
    clock: Clock,
    *,
    calls: int = 5,
    window: float = 60.0,
    host: str = "polygon",
    key: str = KEY,
) -> RateLimit:
    return RateLimit(folder, host, Secret(key), calls=calls, window=window, clock=clock)


def request(limit: RateLimit, clock: FakeClock, there: float = 0.0, back: float = 0.0) -> float:
    """Send one; return when the server counted it."""
    with limit.slot() as slot:
        clock.seconds += there
        counted = clock.now()
        clock.seconds += back
        slot.arrived()
    return counted


def most_in_window(times: list[float], window: float) -> int:
    times = sorted(times)
    return max(sum(at <= other < at + window for other in times) for at in times)


def test_the_sixth_request_waits_for_the_first_ones_rest(tmp_path: Path) -> None:
    clock = FakeClock()
    limit = limit_of(tmp_path, clock)
    for _ in range(5):
        request(limit, clock, there=1.0, back=1.0)
    # The first answer came 2 s after the start, so its slot is free at 62.1, 52.1 from now.
    assert clock.now() == 1010.0
    request(limit, clock)
    assert clock.sleeps == [pytest.approx(52.1)]


@pytest.mark.parametrize("seed", range(20))
def test_no_window_holds_more_than_the_limit_and_no_wait_is_longer_than_it_must(
    tmp_path: Path, seed: int
) -> None:
    draw = random.Random(seed)  # noqa: S311 — a simulation
    clock = FakeClock()
    # Two processes: two objects over one folder.
    limits = [limit_of(tmp_path, clock), limit_of(tmp_path, clock)]
    counted: list[Any] = []
    answered: list[Any] = []
    for _ in range(60):
        before, earlier = clock.now(), sorted(answered)
        waits = len(clock.sleeps)
        # Now and then a request travels for as long as half a window.
        there, back = draw.choice([0.01, 0.3, 30.0]), draw.choice([0.01, 5.0])
        counted.append(request(draw.choice(limits), clock, there, back))
        answered.append(clock.now())
        waited = sum(clock.sleeps[waits:])
        # What it may have to wait for is the answer to the fifth request before it.
        needed = max(0.0, earlier[-5] + REST - before) if len(earlier) >= 5 else 0.0
        assert waited == pytest.approx(needed, abs=1e-6)
        clock.seconds += draw.choice([0.0, 0.0, 1.0, 90.0])
    assert most_in_window(counted, 60.0) == 5


def test_a_failed_request_counts(tmp_path: Path) -> None:
    clock = FakeClock()
    limit = limit_of(tmp_path, clock, calls=1)
    with pytest.raises(ConnectionError), limit.slot():
        clock.seconds += 7.0
        raise ConnectionError
    request(limit, clock)
    assert clock.sleeps == [pytest.approx(REST)]


def test_a_request_that_was_never_sent_does_not_count(tmp_path: Path) -> None:
    clock = FakeClock()
    limit = limit_of(tmp_path, clock, calls=1)
    for _ in range(3):
        with limit.slot() as slot:
            slot.unused()
    request(limit, clock)
    assert clock.sleeps == []


def test_other_keys_and_hosts_have_their_own(tmp_path: Path) -> None:
    clock = FakeClock()
    request(limit_of(tmp_path, clock, calls=1), clock)
    request(limit_of(tmp_path, clock, calls=1, key="another"), clock)
    request(limit_of(tmp_path, clock, calls=1, host="another"), clock)
    assert clock.sleeps == []
    request(limit_of(tmp_path, clock, calls=1), clock)
    assert clock.sleeps == [pytest.approx(REST)]


def test_files_do_not_tell_the_key(tmp_path: Path) -> None:
    clock = FakeClock()
    limit = limit_of(tmp_path, clock)
    request(limit, clock)
    limit.hold(1.0)
    for path in tmp_path.iterdir():
        assert KEY not in path.name
        assert KEY not in path.read_text()
        assert path.stat().st_mode & 0o077 == 0 or path.suffix == ".hold"


@pytest.mark.parametrize(
    "content",
    [
        b"\x00\xff\x13",
        b"nan\n",
        b"-inf\n",
        b"1e999\n",
        b"-5.0\n",
        b"99",  # a line that was cut off
        b"open\n",  # its process was killed
        b"5000000.0\n",  # a time to come: from before a restart of the machine
        b"\n" * 5000,
    ],
)
def test_a_file_that_makes_no_sense_costs_one_rest_and_no_more(
    tmp_path: Path, content: bytes
) -> None:
    clock = FakeClock()
    limit = limit_of(tmp_path, clock, calls=1)
    request(limit, clock)
    (slot,) = tmp_path.iterdir()
    slot.write_bytes(content)
    clock.seconds += 500.0
    assert limit.remaining() == 0
    request(limit, clock)
    request(limit, clock)
    assert clock.sleeps == [pytest.approx(REST), pytest.approx(REST)]


def test_an_empty_file_was_never_used(tmp_path: Path) -> None:
    clock = FakeClock()
    limit = limit_of(tmp_path, clock, calls=1)
    request(limit, clock)
    (slot,) = tmp_path.iterdir()
    slot.write_bytes(b"")
    request(limit, clock)
    assert clock.sleeps == []


def test_the_wall_clock_does_not_matter(tmp_path: Path) -> None:
    clock = FakeClock()
    limit = limit_of(tmp_path, clock, calls=1)
    request(limit, clock)
    clock.start = clock.start.replace(year=1999)
    request(limit, clock)
    assert clock.sleeps == [pytest.approx(REST)]


def test_remaining_counts_down_and_up(tmp_path: Path) -> None:
    clock = FakeClock()
    limit = limit_of(tmp_path, clock)
    left = [limit.remaining()]
    for _ in range(5):
        request(limit, clock)
        clock.seconds += 1.0
        left.append(limit.remaining())
    assert left == [5, 4, 3, 2, 1, 0]
    clock.seconds += 56.5  # 61.5 s after the first, 57.5 s after the last
    assert limit.remaining() == 2
    with limit.slot():
        assert limit.remaining() == 1


def test_a_hold_stops_all_processes(tmp_path: Path) -> None:
    clock = FakeClock()
    limit_of(tmp_path, clock).hold(12.0)
    other = limit_of(tmp_path, clock)
    assert other.remaining() == 0
    request(other, clock)
    assert clock.sleeps == [12.0]
    assert other.remaining() == 4


def test_of_two_holds_the_longer_one_counts(tmp_path: Path) -> None:
    clock = FakeClock()
    limit = limit_of(tmp_path, clock)
    limit.hold(30.0)
    limit.hold(5.0)
    request(limit, clock)
    assert clock.sleeps == [30.0]


@pytest.mark.parametrize(
    "text", ["", "junk", "nan nan", "1000.0", "1000.0 9000000.0", "5000.0 5010.0", "1 2 3"]
)
def test_a_hold_that_makes_no_sense_is_none(tmp_path: Path, text: str) -> None:
    clock = FakeClock()
    limit = limit_of(tmp_path, clock)
    limit.hold(5.0)
    next(tmp_path.glob("*.hold")).write_text(text)
    request(limit, clock)
    assert clock.sleeps == []


def test_no_hold_is_longer_than_it_may_be(tmp_path: Path) -> None:
    clock = FakeClock()
    limit = limit_of(tmp_path, clock)
    limit.hold(1e9)
    request(limit, clock)
    assert clock.sleeps == [LONGEST_HOLD]


def test_without_a_window_only_the_number_in_flight_is_limited(tmp_path: Path) -> None:
    limit = limit_of(tmp_path, Clock(), calls=3, window=0.0)
    flying, most = 0, 0
    counting = threading.Lock()

    def one() -> None:
        nonlocal flying, most
        with limit.slot():
            with counting:
                flying += 1
                most = max(most, flying)
            time.sleep(0.01)
            with counting:
                flying -= 1

    threads = [threading.Thread(target=one) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (flying, most) == (0, 3)


def test_threads_are_served_in_the_order_they_came(tmp_path: Path) -> None:
    limit = limit_of(tmp_path, Clock(), calls=1, window=0.0)
    served: list[int] = []

    def one(number: int) -> None:
        with limit.slot():
            served.append(number)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(6)]
    with limit.slot():
        for count, thread in enumerate(threads, start=1):
            thread.start()
            _until(partial(_are_waiting, limit, count))
    for thread in threads:
        thread.join(30)
    assert served == [0, 1, 2, 3, 4, 5]


def test_whoever_is_not_wanted_any_more_leaves_at_once(tmp_path: Path) -> None:
    limit = limit_of(tmp_path, Clock(), calls=1, window=600.0)
    with limit.slot():
        pass
    stop = threading.Event()
    outcome: list[str] = []

    def one() -> None:
        try:
            with limit.slot(stop):
                outcome.append("served")
        except StoppedError:
            outcome.append("stopped")

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    _until(lambda: len(limit._queue._waiting) == 3)
    stop.set()
    for thread in threads:
        thread.join(30)
    assert outcome == ["stopped"] * 3
    with pytest.raises(StoppedError), limit.slot(stop):
        pass


def test_an_interruption_leaves_the_queue_in_order(tmp_path: Path) -> None:
    class Interrupted(FakeClock):
        def sleep(self, seconds: float, stop: threading.Event | None = None) -> None:
            self.seconds += seconds
            raise KeyboardInterrupt

    clock = Interrupted()
    limit = limit_of(tmp_path, clock, calls=1)
    request(limit, clock)
    with pytest.raises(KeyboardInterrupt):
        request(limit, clock)
    request(limit, clock)  # the rest is over, and nobody stands in the queue
    assert limit._queue._waiting == []


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="request limit cannot be kept in"):
        limit_of(tmp_path / "file" / "below", FakeClock())
    clock = FakeClock()
    limit = limit_of(tmp_path / "folder", clock)
    (tmp_path / "folder").rmdir()
    for use in (lambda: request(limit, clock), lambda: limit.hold(1.0)):
        with pytest.raises(SettingsError, match="request limit cannot be kept in"):
            use()


HOLDER = """
import sys, time
from pathlib import Path
from quant_platform.settings import Secret
from quant_platform.vendors.polygon.rate_limit import RateLimit
limit = RateLimit(Path(sys.argv[1]), "polygon", Secret(sys.argv[2]), calls=2, window=60.0)
with limit.slot():
    print("holds", flush=True)
    time.sleep(600)
"""


def test_a_killed_process_blocks_nobody_for_longer_than_a_rest(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path), KEY]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout
        assert holder.stdout.readline() == "holds\n"

        class Shifted(FakeClock):
            """The machine's clock, which sleeping moves on."""

            def __init__(self) -> None:
                super().__init__()
                self.seconds = Clock().now()

        clock = Shifted()
        limit = limit_of(tmp_path, clock, calls=2)
        clock.seconds += 1000.0
        # The request of the living process is under way, however long that takes.
        request(limit, clock)
        assert clock.sleeps == []
        assert limit.remaining() == 0
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait(30)
        for _ in range(3):
            request(limit, clock)
        # Both slots rest, then both are free: one wait, and one more for the third request.
        assert clock.sleeps == [pytest.approx(REST), pytest.approx(REST)]
    finally:
        holder.kill()
        holder.communicate(timeout=30)


def _are_waiting(limit: RateLimit, count: int) -> bool:
    return len(limit._queue._waiting) == count


def _until(condition: Callable[[], bool]) -> None:
    """Wait for what other threads are about to do."""
    for _ in itertools.repeat(None, 3000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never happened")
