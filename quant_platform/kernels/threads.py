"""`in_threads` and `by_rows`: the same work on several pieces at once, as many as there are cores.

NumPy and compiled kernels let go of the interpreter's lock while they compute, so threads are
enough, nothing is copied, and none is left to be missed in a forked process. What does not belong
here: what the work is. Pieces must not depend on each other, so that the number of
threads changes no bit.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

CELLS = 500_000
"""Cells of a piece of `by_rows`: 4 MB of float64, whatever the number of cores."""

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_threads(
    work: Callable[[Piece], Result],
    pieces: Iterable[Piece],
    threads: int | None = None,
    stop: Callable[[], None] | None = None,
) -> Iterator[Result]:
    """Yield `work(piece)` for each piece, in the order of the pieces.

    At most one piece more than there are threads is worked on or waits to be taken, so memory is
    bounded by them. What a piece raises is raised in its turn.

    Parameters
    ----------
    threads : default: one per core; 1: everything in the caller's own thread
    stop : ends the work that runs: it is called where nobody waits for results any more

    Examples
    --------
    >>> list(in_threads(abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    count = cores() if threads is None else threads
    if count <= 1:
        yield from map(work, pieces)
        return
    left = iter(pieces)
    with ThreadPoolExecutor(count) as pool:
        waiting: list[Future[Result]] = []
        try:
            waiting.extend(pool.submit(work, piece) for piece in islice(left, count + 1))
            while waiting:
                result = waiting.pop(0).result()
                waiting.extend(pool.submit(work, piece) for piece in islice(left, 1))
                yield result
        finally:
            for future in waiting:
                future.cancel()
            if stop is not None:
                stop()


def by_rows(work: Callable[[slice], object], shape: tuple[int, ...]) -> None:
    """Run `work` on slices of consecutive rows of arrays, until all rows are done.

    Parameters
    ----------
    work : gets a slice of rows, and writes to these rows alone
    shape : (rows, columns) of the arrays
    """
    rows, columns = shape
    step = max(CELLS // max(columns, 1), 1)
    pieces = [slice(start, min(start + step, rows)) for start in range(0, rows, step)]
    for _ in in_threads(work, pieces, None if len(pieces) > 1 else 1):
        pass
