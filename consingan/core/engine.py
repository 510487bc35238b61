"""The loop over stages. It knows no mode, no console, no file format: only hooks and a commit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from consingan.core.events import StageSaved, StageStarted, StepLogged
from consingan.core.noise import Noise
from consingan.core.sampler import Sampler
from consingan.core.stage import StageTrainer, grow

if TYPE_CHECKING:
    from consingan.core.hooks import Hooks

LOG_SECONDS = 1.0


def train(
    sampler: Sampler,
    hooks: Hooks,
    commit: Callable[[int, float], None],
    noise: Noise,
    first: int = 0,
) -> None:
    """Train every stage from `first` on.

    Args:
        sampler: of a model that has the stages below `first`; if it has `first` as well, that
            stage goes on learning from where it is.
        hooks: the active mode, the defaults and the listeners.
        commit: called with a trained stage's number and seconds; returns when the stage is safe.
        noise: where the random numbers come from.
        first: the stage to begin with.
    """
    model = sampler.model
    stages = len(model.sizes)
    for stage in range(first, stages):
        if stage == model.stages:
            grow(sampler)
        trainer = StageTrainer(sampler, hooks, noise)
        size, niter, started = model.sizes[stage], trainer.iterations, time.monotonic()
        event = StageStarted(stage, stages, size, niter, trainer.learning_parameters)
        hooks.notify("stage_started", event=event)
        logged = 0.0
        for step in range(niter):
            losses = trainer.step(step)
            seconds = time.monotonic() - started
            if seconds - logged >= LOG_SECONDS or step == niter - 1:
                logged = seconds  # reading the losses waits for the device, so not every step
                values = (float(loss) for loss in losses)
                progress = StepLogged(stage, step + 1, niter, seconds, *values)
                hooks.notify("step_logged", event=progress)
        trainer.finish()
        seconds = time.monotonic() - started
        commit(stage, seconds)
        saved = StageSaved(stage, stages, seconds)
        hooks.notify("stage_saved", event=saved, sampler=sampler)
