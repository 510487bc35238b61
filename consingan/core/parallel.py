"""Several pictures at once on a processor, whose cores one small picture doesn't keep busy."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count as counter
from itertools import islice
from typing import TypeVar

import torch

T = TypeVar("T")


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
