"""The local pool: one process for each job, so many at once.

A process for each: one that dies, of too little memory or of a plugin, costs one job, and what it
leaked is gone. To load torch takes a second or two, a training takes minutes. Each computes with a
single thread: threads that share a small picture wait for each other (see `core/system/threads`),
processes don't.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from queue import SimpleQueue
from typing import ClassVar, TextIO

from consingan.batches.executor import Executor, Resources
from consingan.batches.jobs import Job
from consingan.batches.work import Outcome
from consingan.core.system.memory import free_memory

MEMORY = 10**9
"""Bytes of memory that a training is taken to need at most: the forecasts say 700 MB."""


class LocalPool(Executor):
    """Processes on this machine."""

    summary: ClassVar[str] = "Processes on this machine."

    def run(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """As the hook says. The processes end with this one, however it ends."""
        results: SimpleQueue[Outcome] = SimpleQueue()
        workers: dict[int, subprocess.Popen[str]] = {}
        waiting = list(reversed(jobs))
        device = jobs[0].device if jobs else "cpu"
        most = self.resources.at_once or at_once(self.resources, device)
        try:
            while waiting or workers:
                while waiting and len(workers) < most:
                    job = waiting.pop()
                    workers[job.number] = self._start(job, results)
                    yield Outcome(job.number, "running")
                outcome = results.get()
                del workers[outcome.number]
                yield outcome
        finally:
            for worker in workers.values():
                worker.kill()
                worker.wait()

    def _start(self, job: Job, results: SimpleQueue[Outcome]) -> subprocess.Popen[str]:
        threads = str(self.resources.threads)
        with tempfile.TemporaryFile("w+", errors="replace") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "consingan.batches.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                env={**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads},
                start_new_session=True,  # Ctrl-C reaches this process alone
            )
            errors = os.fdopen(os.dup(log.fileno()), "r", errors="replace")
        follow = threading.Thread(
            target=lambda: results.put(_follow(worker, job, errors)), daemon=True
        )
        follow.start()
        return worker


def cores() -> int:
    """The CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def at_once(resources: Resources, device: str) -> int:
    """As many as have a core for each thread, and memory; one at a time on a GPU."""
    from consingan.core.system.devices import find_device

    if find_device(device).type != "cpu":
        return 1
    free = free_memory()
    fitting = cores() if free is None else free // MEMORY
    return max(1, min(cores() // resources.threads, fitting))


def _follow(worker: subprocess.Popen[str], job: Job, errors: TextIO) -> Outcome:
    """Give a worker its job, and wait for the outcome or for its end."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    with suppress(OSError), errors:
        worker.stdin.write(json.dumps(asdict(job)) + "\n")
        worker.stdin.flush()  # not closed: the worker ends when this process does
        answer = worker.stdout.readline()
        worker.stdin.close()
        code = worker.wait()
        worker.stdout.close()
        if answer.endswith("\n"):
            return Outcome(**json.loads(answer))
        errors.seek(0)
        lines = errors.read().split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "out of memory?")
        reason = f"its process ended with code {code}: {last.strip()[:300]}"
        return Outcome(job.number, "failed", error=reason)
    return Outcome(job.number, "failed", error="its process ended before it began")
