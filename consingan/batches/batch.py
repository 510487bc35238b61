"""`batch`: trains many pictures under many options, and keeps a report of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from consingan.batches.executor import LOCAL, Resources, find_executor
from consingan.batches.finding import key_of, known_runs
from consingan.batches.jobs import Job, find_sources, make_jobs
from consingan.batches.report import Row, write_report
from consingan.batches.work import Outcome, done_already
from consingan.core.options.presets import DEFAULT_PRESET
from consingan.core.pictures.reading import file_sha256
from consingan.core.runs.location import runs_folder
from consingan.core.runs.locks import training_lock
from consingan.core.system.devices import find_device
from consingan.errors import RunError
from consingan.loading import find_plugins

REPORT_EVERY = 60.0
"""Seconds between reports while the jobs are done."""


@dataclass(frozen=True)
class Batch:
    """What came out of a batch."""

    rows: list[Row]
    """One for each picture and combination of options, in their order."""
    files: list[Path]
    """The report: `batch.csv`, `batch.html`, and `batch.parquet` if pyarrow is installed."""


def batch(
    pictures: Sequence[str | Path],
    mode: str = "generation",
    *,
    preset: str = DEFAULT_PRESET,
    sweep: Mapping[str, Sequence[Any]] | None = None,
    seeds: int = 1,
    apply: bool = False,
    evaluate: bool = False,
    runs: str | Path | None = None,
    device: str = "auto",
    on: str = LOCAL,
    resources: Resources | None = None,
    on_jobs: Callable[[list[Job]], object] = lambda jobs: None,
    on_outcome: Callable[[Outcome], object] = lambda outcome: None,
) -> Batch:
    """Train on many pictures, side by side.

    What is trained already, under any name, is not trained again, and what is half trained goes on:
    a run is known by the checksum of its picture's file and by its options. So after a crash, call
    it again.

    Args:
        pictures: files, folders, or CSV lists with a column `picture` and columns of options.
        mode: the name of an installed mode.
        preset: as in `train`.
        sweep: options with their values, of which every combination is trained, such as
            `{"lr_scale": [0.1, 0.5]}`.
        seeds: with how many seeds, from 0 on, each is trained.
        apply: makes the mode's pictures of each run too.
        evaluate: computes the figures of each run too.
        runs: as in `train`; the report is written into it, and replaces an older one.
        device: as in `train`.
        on: the executor: `local`, or an installed one.
        resources: how many at once, and what each may use. What it leaves open the executor
            decides; the local one times it.
        on_jobs: called once with all jobs.
        on_outcome: called for each job when it begins and when it ends.

    Raises OptionError or ModeError if nothing can be trained so, RunError if another batch is at
    work in the same folder. A job that fails raises nothing: its row says why.
    """
    plugins = find_plugins()
    executor = find_executor(plugins, on)(resources or Resources())
    root = runs_folder(runs).absolute()
    if on == LOCAL:
        find_device(device)
    common = {"runs": str(root), "device": device, "apply": apply, "evaluate": evaluate}
    jobs = make_jobs(
        find_sources(pictures), plugins.mode(mode), preset, sweep or {}, seeds, **common
    )
    on_jobs(jobs)
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"cannot create {str(root)!r}: {error.strerror}") from None
    with training_lock(root):
        progress = _Progress(jobs, root, on_outcome)
        try:
            wanted, twins = _wanted(jobs, root, progress)
            for outcome in executor.run(wanted):
                for number in (outcome.number, *twins.get(outcome.number, ())):
                    progress.take(replace(outcome, number=number))
        except BaseException:  # Ctrl-C too: what is done so far is worth a report
            with suppress(RunError):
                progress.report("stopped")
            raise
        files = progress.report("failed")
    return Batch(progress.rows("failed"), files)


class _Progress:
    """What became of the jobs so far, and the report of it."""

    def __init__(
        self, jobs: Sequence[Job], root: Path, on_outcome: Callable[[Outcome], object]
    ) -> None:
        self.outcomes: dict[int, Outcome] = {}
        self._jobs, self._root, self._on_outcome = jobs, root, on_outcome
        self._reported = time.monotonic()

    def take(self, outcome: Outcome) -> None:
        self.outcomes[outcome.number] = outcome
        self._on_outcome(outcome)
        if outcome.state != "running" and time.monotonic() > self._reported + REPORT_EVERY:
            self.report("waiting")

    def rows(self, unended: str) -> list[Row]:
        """All rows; `unended` is the state of jobs that did not end."""
        return [Row(job, self._outcome(job.number, unended)) for job in self._jobs]

    def report(self, unended: str) -> list[Path]:
        files = write_report(self._root, self.rows(unended))
        self._reported = time.monotonic()
        return files

    def _outcome(self, number: int, unended: str) -> Outcome:
        found = self.outcomes.get(number)
        if found is not None and (found.state != "running" or unended == "waiting"):
            return found
        error = "the executor never said how it ended" if unended == "failed" else None
        return Outcome(number, unended, error=error)


def _wanted(
    jobs: Sequence[Job], root: Path, progress: _Progress
) -> tuple[list[Job], dict[int, list[int]]]:
    """The jobs that have something to do, with their runs; and the numbers of those that equal one.

    What is done already, or has a picture that cannot be read, ends here.
    """
    known = known_runs(root)
    checksums: dict[str, str] = {}
    first: dict[str, int] = {}
    wanted: list[Job] = []
    twins: dict[int, list[int]] = {}
    for job in jobs:
        try:
            if job.picture not in checksums:
                checksums[job.picture] = file_sha256(Path(job.picture))
        except OSError as error:
            reason = f"{job.picture!r} cannot be read: {error.strerror}"
            progress.take(Outcome(job.number, "failed", error=reason))
            continue
        checksum = checksums[job.picture]
        key = f"{key_of(job.mode, checksum, job.options)} {job.options.get('precision')}"
        twin = first.setdefault(key, job.number)
        if twin in progress.outcomes:
            progress.take(replace(progress.outcomes[twin], number=job.number))
            continue
        if twin != job.number:
            twins.setdefault(twin, []).append(job.number)
            continue
        found = known.find(job.mode, checksum, job.options)
        done = None if found is None else done_already(job, found)
        if done is not None:
            progress.take(done)
        else:
            wanted.append(replace(job, run=None if found is None else str(found)))
    return wanted, twins
