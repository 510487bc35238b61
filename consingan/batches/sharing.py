"""How many trainings run side by side on this machine, and with how many threads: it is timed.

What is best depends on the processor: two trainings with a thread each are usually done sooner than
one after the other with two threads, since threads that share a small picture wait for each other
(see `core/system/threads`), but they share caches and memory.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from statistics import fmean

from consingan.batches.executor import Resources
from consingan.batches.jobs import Job
from consingan.batches.process import start
from consingan.core.system.memory import free_memory

MEMORY = 10**9
"""Bytes of memory that a training is taken to need where it is not measured."""
GPU_SHARES = (1, 2, 4, 8)
"""How many trainings on a GPU at once are timed."""
TRIED = 3
"""How many jobs are tried to find one that can be timed: a picture may be damaged."""


@dataclass(frozen=True)
class Share:
    """So many trainings at once, with so many threads each."""

    at_once: int
    threads: int

    def __str__(self) -> str:
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads each"
        return f"{self.at_once} at once, {threads}"


@dataclass(frozen=True)
class Timing:
    """What each of some trainings side by side takes."""

    seconds: float
    memory: int
    """Bytes; 0 if it is unknown."""


TimeJob = Callable[[Job, Share], Timing | None]


def cores() -> int:
    """The CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def given_share(resources: Resources, jobs: int, on_gpu: bool) -> Share | None:
    """What follows from what the user gave and from the number of jobs; None if it is open."""
    most, threads = resources.at_once, resources.threads
    if most is None and resources.gpus:
        most = max(1, int(1 / resources.gpus))
    if most is None and threads is not None and not on_gpu:
        most = _fitting(cores() // threads, MEMORY)
    if most is None and jobs > 1:
        return None
    most = max(1, min(most or 1, jobs))
    return Share(most, threads or max(1, cores() // most))


def fastest_share(
    jobs: Sequence[Job], resources: Resources, on_gpu: bool, time_job: TimeJob
) -> Share:
    """The share under which all jobs are done soonest, by timing one of them."""
    shares = list(_shares(len(jobs), resources.threads, on_gpu))
    for job in jobs[:TRIED]:
        best, least, memory = shares[0], float("inf"), 0
        for share in shares:
            if share.at_once > _fitting(share.at_once, memory):
                break
            timing = time_job(job, share)
            if timing is None:
                break
            memory = timing.memory if not on_gpu else 0
            if timing.seconds / share.at_once < least:
                best, least = share, timing.seconds / share.at_once
        if least < float("inf"):
            return best
    return shares[0]


def time_side_by_side(job: Job, share: Share) -> Timing | None:
    """Time a job in so many processes at the same time; None if it cannot be trained."""
    with ExitStack() as ending:
        workers = []
        for _ in range(share.at_once):
            worker = start("time", share.threads, subprocess.DEVNULL)
            ending.callback(_end, worker)
            workers.append(worker)
        answers = []
        with suppress(OSError, ValueError):
            for line in (json.dumps(asdict(job)), "go"):  # all are ready before one begins
                for worker in workers:
                    assert worker.stdin is not None
                    worker.stdin.write(f"{line}\n")
                    worker.stdin.flush()
                for worker in workers:
                    assert worker.stdout is not None
                    answers.append(worker.stdout.readline())
            found = [json.loads(answer) for answer in answers[share.at_once :]]
            seconds = fmean(each["seconds"] for each in found)
            return Timing(seconds, max(each["memory"] for each in found))
    return None


def _shares(jobs: int, threads: int | None, on_gpu: bool) -> Iterator[Share]:
    """The shares worth timing, from few trainings at once to many."""
    have = cores()
    counts = GPU_SHARES if on_gpu else [max(1, have // each) for each in (have, 4, 2, 1)]
    for count in sorted({min(count, jobs, have) for count in counts}):
        yield Share(count, threads or max(1, have // count))


def _fitting(count: int, memory: int) -> int:
    """At most `count`, as far as this machine's memory goes."""
    free = free_memory()
    return max(1, count if free is None or not memory else min(count, free // memory))


def _end(worker: subprocess.Popen[str]) -> None:
    worker.kill()
    worker.communicate()
