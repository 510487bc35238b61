"""`consingan batch --on ray`: the jobs of a batch as tasks of a Ray cluster."""

from __future__ import annotations

import json
import os
import secrets
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from consingan import Executor, Job, Note, Outcome, PluginError
from consingan_ray.folders import outcome_of, pack, receive
from consingan_ray.task import do_on_node

RETRIES = 10
"""How often a job is begun again after its process or its node died."""
AHEAD = 2
"""How many times as many jobs are sent as the cluster has room for, so that none of it waits."""


class OnRay(Executor):
    """A Ray cluster.

    Nodes that see the folder of runs and the pictures, at the same paths, work in them. To others
    the pictures are sent, and the runs are sent back when they end. Each node needs consingan and
    this package.
    """

    summary: ClassVar[str] = "A Ray cluster."

    def run(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """As the hook says. A lost node's job goes on elsewhere, from its last checkpoint."""
        if not jobs:
            return
        with self._connected(), _mark(Path(jobs[0].runs)) as mark:
            yield from self._run(jobs, mark)

    def _run(self, jobs: Sequence[Job], mark: Path) -> Iterator[Outcome]:
        import ray

        threads = self.resources.threads or 1
        task = ray.remote(
            num_cpus=threads,
            num_gpus=self.resources.gpus,
            max_retries=RETRIES,
            max_calls=1,  # a process for each, as in the local pool
        )(do_on_node)
        waiting, running = list(reversed(jobs)), dict[Any, Job]()
        apart = False  # whether there is a node that sees no folder of this machine
        try:
            while waiting or running:
                while waiting and len(running) < self._most():
                    job = waiting.pop()
                    running[task.remote(*_message(job, mark, apart))] = job
                    yield Outcome(job.number, "running")
                for reference in ray.wait(list(running), timeout=10)[0]:
                    job = running.pop(reference)
                    outcome = _outcome(reference, job)
                    if outcome is None:
                        apart = True
                        running[task.remote(*_message(job, mark, apart))] = job
                    else:
                        yield outcome
        finally:
            for reference in running:
                ray.cancel(reference, force=True)

    def _most(self) -> int:
        """How many jobs the cluster may have: nodes may come and go."""
        if self.resources.at_once is not None:
            return self.resources.at_once
        import ray

        have = ray.cluster_resources()
        room = have.get("CPU", 0.0) / (self.resources.threads or 1)
        if self.resources.gpus:
            room = min(room, have.get("GPU", 0.0) / self.resources.gpus)
        return max(1, AHEAD * int(room))

    @contextmanager
    def _connected(self) -> Iterator[None]:
        """A connection to the cluster; if there was none before, it is closed in the end."""
        address = self.resources.address
        alone = address is None and "RAY_ADDRESS" not in os.environ
        if alone:  # a cluster of this machine: it listens to no other one
            os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ImportError as error:
            raise PluginError(f"Ray cannot be loaded: {error}; pip install ray") from None
        if ray.is_initialized():
            yield
            return
        place = {"_node_ip_address": "127.0.0.1"} if alone else {}
        try:
            found = ray.init(address=address, log_to_driver=False, logging_level="error", **place)
        except (OSError, ValueError, RuntimeError) as error:
            raise PluginError(f"no Ray cluster answers: {_line(error)}") from None
        try:
            if found.dashboard_url:
                link = f"http://{found.dashboard_url}"
                warnings.warn(Note(f"Ray's dashboard: {link}"), stacklevel=2)
            yield
        finally:
            ray.shutdown()


@contextmanager
def _mark(runs: Path) -> Iterator[Path]:
    """A file by which nodes know the folder of runs; its name is this batch's alone."""
    mark = runs / f".ray-{secrets.token_hex(8)}"
    mark.touch()
    try:
        yield mark
    finally:
        mark.unlink(missing_ok=True)


def _message(job: Job, mark: Path, apart: bool) -> tuple[str, str, bytes | None, bytes | None]:
    """The arguments of a task; with files if it may run apart from this machine's folders."""
    picture = Path(job.picture).read_bytes() if apart else None
    begun = pack(Path(job.run)) if apart and job.run is not None else None
    return json.dumps(asdict(job)), str(mark), picture, begun


def _outcome(reference: Any, job: Job) -> Outcome | None:
    """What a task answered; None if it needs the files."""
    import ray

    try:
        answer, content = ray.get(reference)
        if answer is None:
            return None
        outcome = outcome_of(answer)
        receive(asdict(job), outcome, content)
        return Outcome(**outcome)
    except ray.exceptions.RayError as error:
        return Outcome(job.number, "failed", error=f"Ray: {_line(error)}")
    except OSError as error:
        reason = f"the run cannot be written: {error.strerror or error}"
        return Outcome(job.number, "failed", error=reason)


def _line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__
