"""Doing one job, in whatever process or on whatever machine: plain data in, plain data out."""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consingan.batches.finding import KnownRuns
from consingan.batches.jobs import Job
from consingan.core.pictures.reading import file_sha256
from consingan.core.runs.tensor_files import sha256
from consingan.core.system.atomic_files import write_json
from consingan.core.system.names import folder_name
from consingan.errors import ConsinganError, Note, describe, message_of

if TYPE_CHECKING:
    from consingan.core.run import Run

SAMPLES = 10
"""How many samples the figures are of."""
DONE = "batch.json"
"""The file in a run's folder that says what a batch made of the run, besides training it."""


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


def _do(job: Job) -> Outcome:
    from consingan import api, opening
    from consingan.core.runs.damage import find_damage

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
        if not run.complete or find_damage(run) is not None:
            run = api.resume(path, device=job.device)
    stages = run.state.stages
    return Outcome(
        job.number,
        "complete",
        run=str(run.path),
        seconds=sum(stage.seconds for stage in stages),
        weights=sha256("".join(stage.sha256 for stage in stages).encode()),
        **_made(job, run),
    )


def _made(job: Job, run: Run) -> dict[str, Any]:
    """The pictures and the figures of a run; what was made in an earlier batch is taken."""
    file = run.path / DONE
    try:
        made = json.loads(file.read_text()) if file.is_file() else {}
    except ValueError:
        made = {}
    before = dict(made)
    if job.evaluate and "figures" not in made:
        from consingan.evaluation import evaluate

        found = evaluate(run, num_samples=SAMPLES, device=job.device)
        made["figures"] = {
            "patch_distance": found.samples.patch_distance,
            "diversity": found.samples.diversity,
            "reconstruction_psnr": found.reconstruction_psnr,
        }
    if job.apply and not Path(made.get("applied", "")).is_relative_to(run.path):
        made["applied"] = str(run.outputs(device=job.device).folder)
    if made != before:
        write_json(file, made)
    return {name: made[name] for name in ("figures", "applied") if name in made}
