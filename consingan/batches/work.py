"""Doing one job, in whatever process or on whatever machine: plain data in, plain data out."""

from __future__ import annotations

import time
import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field, ValidationError

from consingan.batches.finding import KnownRuns
from consingan.batches.jobs import Job
from consingan.core.pictures.reading import file_sha256
from consingan.core.runs.damage import find_damage
from consingan.core.runs.listing import APPLIED
from consingan.core.runs.locks import being_trained
from consingan.core.runs.records import MAX_BYTES, RESTORE, RunState, parse_record
from consingan.core.runs.tensor_files import sha256
from consingan.core.system.atomic_files import read_file, write_json
from consingan.core.system.names import folder_name
from consingan.errors import ConsinganError, Note, RunError, describe, message_of

if TYPE_CHECKING:
    from consingan.core.run import Run

SAMPLES = 10
"""How many samples the figures are of."""
DONE = "batch.json"
"""The file in a run's folder that says what a batch made of the run: see `Made`."""
LINGERING = 60.0
"""The most seconds to wait for a process that still trains the run."""


class Made(BaseModel):
    """What a batch made of a run, besides training it."""

    figures: dict[str, float | None] | None = None
    applied: str | None = Field(None, pattern=r"^\w[^/\\]*$")
    """The name of the folder of pictures, among those in the run's."""


@dataclass(frozen=True)
class Outcome:
    """What became of a job; as plain data too."""

    number: int
    state: str
    """`running`, `complete` or `failed`."""
    run: str | None = None
    """The run's folder."""
    seconds: float = 0.0
    """The training time of all its stages, whenever they were trained."""
    weights: str | None = None
    """The checksum of all stages' files."""
    error: str | None = None
    """Why it failed, on one line."""
    applied: str | None = None
    """The folder of pictures made from it."""
    figures: dict[str, float | None] = field(default_factory=dict)


def do_job(job: dict[str, Any]) -> dict[str, Any]:
    """Do a job, given as `dataclasses.asdict` of a `Job`; the same of its `Outcome`.

    A run of it that is there is taken, and trained on from its last checkpoint if it is unfinished.
    So it may be called again after it was killed at any moment, on any machine that sees the
    folders. It raises no error but gives it as the outcome.
    """
    wanted = Job(**job)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Note)
            return asdict(_do(wanted))
    except ConsinganError as error:
        reason = message_of(error)
    except OSError as error:
        reason = f"{error.filename or wanted.picture!r}: {error.strerror or error}"
    except Exception as error:  # a bug, or a plugin's: it costs this job alone
        reason = describe(error)
    return asdict(Outcome(wanted.number, "failed", error=" ".join(reason.split())))


def done_already(job: Job, folder: Path) -> Outcome | None:
    """The outcome of a run to which nothing is left to do; None if something is."""
    try:
        state = parse_record(RunState, folder, RunState.file)
        whole = len(state.stages) == len(state.sizes) and find_damage(folder, state) is None
    except RunError:
        return None
    made = _made(folder)
    whole &= not (job.evaluate and made.figures is None) and not (job.apply and not made.applied)
    return _outcome(job, folder, state, made) if whole else None


def _do(job: Job) -> Outcome:
    from consingan import api, opening

    picture, runs = Path(job.picture), Path(job.runs)
    # A job that was begun and killed left its run here; the batch knows those of other names.
    known = KnownRuns((runs / folder_name(picture.stem)).glob("*"))
    checksum = file_sha256(picture)
    path = known.find(job.mode, checksum, job.options) or (job.run and Path(job.run))
    if path is None:
        run = api.train(
            picture, job.mode, preset=job.preset, runs=runs, device=job.device, **job.options
        )
    else:
        run = opening.open_run(path)
        if not run.complete or find_damage(run.path, run.state) is not None:
            _wait_for(run.path)
            run = api.resume(path, device=job.device)
    return _outcome(job, run.path, run.state, _make(job, run))


def _wait_for(folder: Path) -> None:
    """Wait for a process that still trains the run: on a lost node it may take a while to end."""
    until = time.monotonic() + LINGERING
    while being_trained(folder) and time.monotonic() < until:
        time.sleep(1)


def _outcome(job: Job, folder: Path, state: RunState, made: Made) -> Outcome:
    return Outcome(
        job.number,
        "complete",
        run=str(folder),
        seconds=sum(stage.seconds for stage in state.stages),
        weights=sha256("".join(stage.sha256 for stage in state.stages).encode()),
        applied=str(folder / APPLIED / made.applied) if job.apply and made.applied else None,
        figures=made.figures or {} if job.evaluate else {},
    )


def _made(folder: Path) -> Made:
    """What an earlier batch made of a run, as far as it is there."""
    try:
        made = Made.model_validate_json(read_file(folder, DONE, MAX_BYTES, RESTORE))
    except (RunError, ValidationError):
        return Made()
    if made.applied and not (folder / APPLIED / made.applied).is_dir():
        return made.model_copy(update={"applied": None})
    return made


def _make(job: Job, run: Run) -> Made:
    """The pictures and the figures of a run; what was made in an earlier batch is taken."""
    made = before = _made(run.path)
    if job.evaluate and made.figures is None:
        from consingan.evaluation import evaluate

        found = evaluate(run, num_samples=SAMPLES, device=job.device)
        figures = {
            "patch_distance": found.samples.patch_distance,
            "diversity": found.samples.diversity,
            "reconstruction_psnr": found.reconstruction_psnr,
        }
        made = made.model_copy(update={"figures": figures})
    if job.apply and not made.applied:
        folder = run.outputs(device=job.device).folder
        made = made.model_copy(update={"applied": folder.name})
    if made != before:
        write_json(run.path / DONE, made.model_dump())
    return made
