"""Computing side by side on a processor.

One small picture doesn't keep its cores busy, and cores that share one layer of it wait for each
other at the end of every layer: for long, if something else runs on one of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count as counter
from itertools import islice
from typing import TypeVar

import torch

T = TypeVar("T")


@contextmanager
def half_the_threads() -> Iterator[None]:
    """Within, the calling thread computes with half of torch's threads; a helper has the others.

    Threads that begin elsewhere meanwhile use half as many as well.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads // 2))
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class Helper:
    """Computes one thing while the calling thread computes another.

    Both have as many of torch's threads, so that it makes no difference who computes what; on one
    thread, or on a device that is not a processor, the calling thread computes everything.
    """

    def __init__(self, device: torch.device) -> None:
        half, self._pool = torch.get_num_threads() // 2, None
        if device.type == "cpu" and half:
            self._pool = ThreadPoolExecutor(1, initializer=lambda: torch.set_num_threads(half))

    def start(self, make: Callable[[], T]) -> Callable[[], T]:
        """Begin `make()`. What is returned gives its result, once, or raises what it raised.

        It computes it itself if that hasn't begun by then.
        """
        if self._pool is None:
            return make
        try:
            coming = self._pool.submit(make)
        except RuntimeError:  # the main thread has ended; no other begins anything any more
            return make
        return lambda: make() if coming.cancel() else coming.result()


def make_in_threads(make: Callable[[int], T], count: int, most: int) -> Iterator[T]:
    """`make(0)` to `make(count - 1)`, in order, up to `most` at a time.

    The threads that torch would use for one are shared out among those that are made at once;
    threads that begin elsewhere meanwhile use as few, until the iterator ends or is closed.
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
        coming: deque[Future[T]] = deque()
        coming.extend(pool.submit(make, number) for number in islice(numbers, workers + 1))
        while coming:
            made = coming.popleft().result()
            coming.extend(pool.submit(make, number) for number in islice(numbers, 1))
            yield made
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)
