"""Training a run: its stages that are not trained yet, under the run's lock."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from consingan.core.options.training import CHECKPOINT_EVERY
from consingan.core.run import Run
from consingan.core.runs.damage import drop_damaged
from consingan.core.runs.locks import training_lock
from consingan.core.runs.records import Status
from consingan.core.runs.tensor_files import CHECKPOINTS
from consingan.core.system.atomic_files import remove_leftovers
from consingan.core.system.devices import find_device
from consingan.core.system.torch_settings import own_settings
from consingan.errors import OptionError, RunError, Terminated

if TYPE_CHECKING:
    import torch

WRITTEN_FOLDERS = ("stages", "previews", CHECKPOINTS)
"""The subfolders of a run that training writes to."""


def check_seconds(checkpoint_every: float) -> None:
    """Raise OptionError unless it is a number of seconds."""
    if not (isinstance(checkpoint_every, int | float) and checkpoint_every >= 0):
        raise OptionError("give a number of seconds, 0 or more", "checkpoint_every")


@own_settings()
def train_run(run: Run, device: str = "auto", checkpoint_every: float = CHECKPOINT_EVERY) -> None:
    """Train the stages of the run that are not trained yet, and commit each when it is done.

    Within a stage, a checkpoint is saved every `checkpoint_every` seconds. If training stops early,
    the committed stages are kept, and the run's status says how it ended. Raises what the hooks
    raise, KeyboardInterrupt and Terminated. Raises RunError if the folder cannot be written,
    another process trains the run, or a stage diverges repeatedly.
    """
    place = find_device(device)
    with training_lock(run.path):
        for folder in (run.path, *(run.path / name for name in WRITTEN_FOLDERS)):
            remove_leftovers(folder)
        run.refresh()
        drop_damaged(run)
        _train_locked(run, place, checkpoint_every)


def _train_locked(run: Run, device: torch.device, checkpoint_every: float) -> None:
    from consingan.core.networks.noise import Noise
    from consingan.core.runs.stored_model import load_model, load_start
    from consingan.core.training import loop
    from consingan.core.training.checkpoints import RunCheckpoints

    try:
        run.set_status("training")
        run.hooks.notify("run_started", run=run)
        model = load_model(run, device)
        if run.config.parent is not None:
            load_start(run, model)
        sampler, noise = run.sampler_of(model), Noise(run.options.seed, device)
        checkpoints = RunCheckpoints(run, model, checkpoint_every)
        loop.train(sampler, run.hooks, checkpoints, noise, first=run.stages_done)
        run.set_status("complete")
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt | Terminated)
        _record_end(run, "stopped" if stopped else "failed")
        run.hooks.notify("run_failed", run=run, error=error)
        raise
    run.hooks.notify("run_ended", run=run)


def _record_end(run: Run, status: Status) -> None:
    with suppress(RunError):  # the original error is the one to report
        try:
            run.set_status(status)
        except (KeyboardInterrupt, Terminated):  # Ctrl-C twice
            run.set_status(status)
            raise
