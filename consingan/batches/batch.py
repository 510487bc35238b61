"""`batch`: trains many pictures under many options, and keeps a report of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from consingan.batches.executor import LOCAL, Resources, find_executor
from consingan.batches.finding import key_of, known_runs
from consingan.batches.jobs import Job, find_sources, make_jobs
from consingan.batches.report import Row, write_report
from consingan.batches.work import Outcome
from consingan.core.options.presets import DEFAULT_PRESET
from consingan.core.pictures.reading import file_sha256
from consingan.core.runs.location import runs_folder
from consingan.core.runs.locks import training_lock
from consingan.core.system.devices import find_device
from consingan.errors import RunError
from consingan.loading import find_plugins


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
    """Train on many pictures, with as many processes as there are cores.

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
        resources: how many at once, and what each may use.
        on_jobs: called once with all jobs.
        on_outcome: called for each job when it begins and when it ends.

    Raises OptionError or ModeError if nothing can be trained so, RunError if another batch is at
    work in the same folder. A job that fails raises nothing: its row says why.
    """
    executor = find_executor(on)(resources or Resources())
    root = runs_folder(runs).absolute()
    if on == LOCAL:
        find_device(device)
    loaded = find_plugins().mode(mode)
    common = {"runs": str(root), "device": device, "apply": apply, "evaluate": evaluate}
    sources = find_sources(pictures)
    jobs = make_jobs(sources, loaded, preset, sweep or {}, seeds, **common)
    on_jobs(jobs)
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"cannot create {str(root)!r}: {error.strerror}") from None
    outcomes: dict[int, Outcome] = {}

    def take(outcome: Outcome) -> None:
        outcomes[outcome.number] = outcome
        on_outcome(outcome)

    with training_lock(root):
        wanted, twins = _wanted(jobs, root, take)
        for outcome in executor.run(wanted):
            for number in (outcome.number, *twins.get(outcome.number, ())):
                take(replace(outcome, number=number))
        rows = [Row(job, outcomes[job.number]) for job in jobs]
        return Batch(rows, write_report(root, rows))


def _wanted(
    jobs: Sequence[Job], root: Path, take: Callable[[Outcome], None]
) -> tuple[list[Job], dict[int, list[int]]]:
    """The jobs to do, with the runs that are there; and the numbers of those that are the same.

    A picture that cannot be read fails here.
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
            take(Outcome(job.number, "failed", error=reason))
            continue
        checksum = checksums[job.picture]
        key = f"{key_of(job.mode, checksum, job.options)} {job.options.get('precision')}"
        if key in first:
            twins.setdefault(first[key], []).append(job.number)
            continue
        first[key] = job.number
        found = known.find(job.mode, checksum, job.options)
        wanted.append(replace(job, run=None if found is None else str(found)))
    return wanted, twins
