"""Parallel computation on a CPU.

One small picture doesn't keep all cores busy. Cores that share a layer wait for each other at the
end of it, and wait long if another program runs on one of them. So whole computations run in
parallel instead.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count as counter
from itertools import islice
from typing import TypeVar

import torch

from consingan.errors import RunError

T = TypeVar("T")
_computing: list[int] = []
"""The process that computes, with several threads; a forked one inherits its parent's."""


def check_fork() -> None:
    """Raise RunError in a process that was forked after its parent computed with threads.

    The child has the parent's state of torch without its threads, and would wait for them forever.
    """
    if _computing and _computing != [os.getpid()]:
        raise RunError(
            "this process was forked after its parent had computed, so torch would wait for "
            "threads that are gone; start it with multiprocessing.get_context('spawn')"
        )
    if torch.get_num_threads() > 1:
        _computing[:] = [os.getpid()]


@contextmanager
def half_the_threads() -> Iterator[None]:
    """Limit the calling thread to half of torch's threads; a `Helper` uses the others.

    Threads that other code starts meanwhile get half as many too.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads // 2))
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class Helper:
    """Computes one thing while the calling thread computes another.

    Both use the same number of torch threads, so that results don't depend on which of them
    computes what. With a single thread, or on a GPU, the calling thread computes everything.
    """

    def __init__(self, device: torch.device) -> None:
        half, self._pool = torch.get_num_threads() // 2, None
        if device.type == "cpu" and half:
            self._pool = ThreadPoolExecutor(1, initializer=lambda: torch.set_num_threads(half))

    def start(self, make: Callable[[], T]) -> Callable[[], T]:
        """Start `make()` in the helper. Returns a function that waits for its result.

        Call that function once. It raises what `make` raised. If the helper hasn't started yet, it
        calls `make` itself.
        """
        if self._pool is None:
            return make
        try:
            future = self._pool.submit(make)
        except RuntimeError:  # the main thread has ended: the pool takes no more work
            return make
        return lambda: make() if future.cancel() else future.result()


def make_in_threads(make: Callable[[int], T], count: int, most: int) -> Iterator[T]:
    """Yield `make(0)` to `make(count - 1)` in order, computing up to `most` at a time.

    torch's threads are divided among the computations. Threads that other code starts meanwhile get
    equally few, until the iterator ends or is closed.
    """
    threads = torch.get_num_threads()
    workers = max(1, min(threads, most, count))
    if workers == 1:
        yield from map(make, range(count))
        return
    share, left_over = divmod(threads, workers)
    worker = counter()
    pool = ThreadPoolExecutor(
        workers, initializer=lambda: torch.set_num_threads(share + (next(worker) < left_over))
    )
    try:
        numbers = iter(range(count))
        futures: deque[Future[T]] = deque()
        futures.extend(pool.submit(make, number) for number in islice(numbers, workers + 1))
        while futures:
            made = futures.popleft().result()
            futures.extend(pool.submit(make, number) for number in islice(numbers, 1))
            yield made
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)
