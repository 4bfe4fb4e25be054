"""Answers in order, fetched ahead by a bounded number of threads.

At most workers + 2 answers exist at a time: one per worker, the next one to be handed out, and the
one that the caller holds. A failure is raised in its place, after every answer before it.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

CLOSING_SECONDS = 2.0
"""Seconds that closing waits for requests under way, which are told to stop."""


Item = TypeVar("Item")
Answer = TypeVar("Answer")


def in_order(
    fetch: Callable[[Item, threading.Event], Answer], items: Iterable[Item], workers: int
) -> Iterator[Answer]:
    """Yield `fetch(item, stop)` for each item, in order; closing the iterator sets `stop`."""
    stop = threading.Event()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="polygon")
    pending: deque[Future[Answer]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(fetch, item, stop))
            if len(pending) > workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        stop.set()
        pool.shutdown(wait=False, cancel_futures=True)
        wait(pending, timeout=CLOSING_SECONDS)
