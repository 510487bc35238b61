"""The loop over stages. It knows no mode, console or file format: only hooks and checkpoints."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from consingan.core.hooks.events import LOGGED_EVERY, StageSaved, StageStarted, StepLogged, WentBack
from consingan.core.networks.batch_norm import BatchNormStatistics
from consingan.core.networks.noise import Noise
from consingan.core.sampling.sampler import Sampler
from consingan.core.system.threads import half_the_threads
from consingan.core.training.divergence import DivergenceGuard, find_divergence, is_collapsed
from consingan.core.training.loss_weights import known_weights
from consingan.core.training.losses import rmse
from consingan.core.training.stage_trainer import StageTrainer
from consingan.core.training.trainer_state import StageProgress

if TYPE_CHECKING:
    from consingan.core.hooks.dispatch import Hooks

LOG_SECONDS = 1.0


class Checkpoints(Protocol):
    """Where training is saved."""

    def commit(self, stage: int, seconds: float) -> None:
        """Save a trained stage; return when it is safe."""

    def due(self, seconds: float) -> bool:
        """Whether a stage that has taken so many seconds is to be saved again."""

    def save(self, stage: int, tensors: dict[str, Tensor], progress: StageProgress) -> None:
        """Save the state within a stage; return when it is safe."""

    def restore(self, trainer: StageTrainer) -> StageProgress:
        """Restore the state that was saved within this stage, if there is one."""


def train(
    sampler: Sampler, hooks: Hooks, checkpoints: Checkpoints, noise: Noise, first: int = 0
) -> None:
    """Train every stage from `first` on.

    Args:
        sampler: of a model that has the stages below `first`; if it has `first` as well, that
            stage goes on learning from where it is.
        hooks: the active mode, the defaults and the listeners.
        checkpoints: saves stages, and what is done of one.
        noise: where the random numbers come from.
        first: the stage to begin with.

    Raises RunError if a stage diverges again and again.
    """
    model = sampler.model
    stages = len(model.sizes)
    for stage in range(first, stages):
        if stage == model.stages:
            add_stage(sampler)
        trainer = StageTrainer(sampler, hooks, noise)
        step, before = checkpoints.restore(trainer)
        size, niter, started = model.sizes[stage], trainer.iterations, time.monotonic() - before
        event = StageStarted(stage, stages, size, niter, trainer.learning_parameters)
        hooks.notify("stage_started", event=event)
        guard, logged = DivergenceGuard(trainer, step), before
        while step < niter:
            losses = trainer.step(step)
            step += 1
            seconds = time.monotonic() - started
            if seconds - logged < LOG_SECONDS and step % LOGGED_EVERY and step < niter:
                continue
            logged = seconds  # reading the losses waits for the device, so not every step
            due = checkpoints.due(seconds)
            if trouble := find_divergence(trainer, step, losses, thorough=due or step == niter):
                back = guard.roll_back(trouble)
                went_back = WentBack(stage, step, back, trouble, trainer.rate_factor)
                hooks.notify("went_back", event=went_back)
                step = back
                continue
            values = (float(loss) for loss in losses)
            hooks.notify("step_logged", event=StepLogged(stage, step, niter, seconds, *values))
            if due and step < niter and not is_collapsed(trainer):
                guard.keep(step)
                checkpoints.save(stage, guard.tensors, StageProgress(step, seconds))
        trainer.finish()
        seconds = time.monotonic() - started
        checkpoints.commit(stage, seconds)
        saved = StageSaved(stage, stages, seconds, lambda: hooks.preview(sampler))
        hooks.notify("stage_saved", event=saved, sampler=sampler)


@half_the_threads()
def add_stage(sampler: Sampler) -> None:
    """Grow the sampler's model by a stage and set the amplitude of the noise there.

    The amplitude is the RMSE of the reconstruction before the stage trains, in [-1, 1] units, times
    `TrainOptions.noise_at` its size.
    """
    model = sampler.model
    if model.generator.normalized and model.stages >= model.normalized_stages:
        _grow_without_batch_norm(sampler)
    else:
        model.grow()
    known = known_weights(sampler.known, model.options.receptive_field)
    error = rmse(sampler.reconstruction(), sampler.picture, known)
    model.amplitudes[-1] = model.options.noise_at(sampler.size) * error


def _grow_without_batch_norm(sampler: Sampler) -> None:
    """Add a stage whose weights have batch norm folded in, by the reconstruction's statistics."""
    statistics = BatchNormStatistics(sampler.model, sampler.sizes, sampler.tile)
    with torch.no_grad():
        for _ in statistics.measure(sampler.fixed_noise):
            pass
    with statistics.used():
        sampler.model.grow()
