"""The local pool: one process for each job, so many at once.

A process for each: one that dies, of too little memory or of a plugin, costs one job, and what it
leaked is gone. To load torch takes a second or two, a training takes minutes.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from queue import SimpleQueue
from typing import ClassVar, TextIO

from consingan.batches.executor import Executor
from consingan.batches.jobs import Job
from consingan.batches.process import start
from consingan.batches.sharing import Share, fastest_share, given_share, time_side_by_side
from consingan.batches.work import Outcome
from consingan.errors import Note, OptionError


class LocalPool(Executor):
    """Processes on this machine."""

    summary: ClassVar[str] = "Processes on this machine."

    def run(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """As the hook says. The processes end with this one, however it ends."""
        if self.resources.address is not None:
            raise OptionError("the pool of this machine has no address", "address")
        if not jobs:
            return
        results: SimpleQueue[Outcome] = SimpleQueue()
        workers: dict[int, subprocess.Popen[str]] = {}
        waiting, share = list(reversed(jobs)), self._share(jobs)
        try:
            while waiting or workers:
                while waiting and len(workers) < share.at_once:
                    job = waiting.pop()
                    workers[job.number] = self._start(job, share.threads, results)
                    yield Outcome(job.number, "running")
                outcome = results.get()
                del workers[outcome.number]
                yield outcome
        finally:
            for worker in workers.values():
                worker.kill()
                worker.wait()

    def _share(self, jobs: Sequence[Job]) -> Share:
        fresh, on_gpu = [job for job in jobs if job.run is None], _on_gpu(jobs)
        share = given_share(self.resources, len(jobs), on_gpu)
        if share is None:
            share = fastest_share(fresh or jobs, self.resources, on_gpu, time_side_by_side)
            warnings.warn(Note(f"fastest of what was timed: {share}"), stacklevel=2)
        return share

    def _start(
        self, job: Job, threads: int, results: SimpleQueue[Outcome]
    ) -> subprocess.Popen[str]:
        with tempfile.TemporaryFile("w+", errors="replace") as log:
            worker = start("do", threads, log)
            errors = os.fdopen(os.dup(log.fileno()), "r", errors="replace")
        follow = threading.Thread(
            target=lambda: results.put(_follow(worker, job, errors)), daemon=True
        )
        follow.start()
        return worker


def _on_gpu(jobs: Sequence[Job]) -> bool:
    from consingan.core.system.devices import find_device

    return find_device(jobs[0].device).type != "cpu"


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
