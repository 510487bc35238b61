"""`consingan batch --on ray`: the jobs of a batch as tasks of a Ray cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, ClassVar

import ray

from consingan import Executor, Job, Outcome, PluginError

RETRIES = 10
"""How often a job is begun again after its process or its node died."""


class OnRay(Executor):
    """A Ray cluster whose nodes all see the pictures and the folder of runs, at the same paths.

    `--address` is the cluster's, as in `ray.init`; without one, Ray starts on this machine. Each
    node needs consingan and this package.
    """

    summary: ClassVar[str] = "A Ray cluster with a shared folder."

    def run(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """As the hook says. A lost node's task goes on elsewhere, from its last checkpoint."""
        begun = not ray.is_initialized()
        if begun:
            self._connect()
        task = ray.remote(do_as_json).options(
            num_cpus=self.resources.threads,
            num_gpus=self.resources.gpus,
            max_retries=RETRIES,
            runtime_env={"env_vars": {"OMP_NUM_THREADS": str(self.resources.threads)}},
        )
        waiting, running = list(reversed(jobs)), dict[Any, Job]()
        most = self.resources.at_once or len(jobs)
        try:
            while waiting or running:
                while waiting and len(running) < most:
                    job = waiting.pop()
                    running[task.remote(json.dumps(asdict(job)))] = job
                    yield Outcome(job.number, "running")
                for reference in ray.wait(list(running))[0]:
                    yield _outcome(reference, running.pop(reference))
        finally:
            for reference in running:
                ray.cancel(reference, force=True)
            if begun:
                ray.shutdown()

    def _connect(self) -> None:
        try:
            ray.init(address=self.resources.address, log_to_driver=False)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise PluginError(f"no Ray cluster answers: {error}") from error


def do_as_json(job: str) -> str:
    """Do a job, given and answered as JSON, so that nothing of consingan's is pickled."""
    from consingan import do_job

    return json.dumps(do_job(json.loads(job)))


def _outcome(reference: Any, job: Job) -> Outcome:
    try:
        return Outcome(**json.loads(ray.get(reference)))
    except ray.exceptions.RayError as error:
        lines = str(error).splitlines() or [type(error).__name__]
        return Outcome(job.number, "failed", error=f"Ray: {lines[0].strip()}")
