"""The loop over stages. It knows no mode, no console, no file format: only hooks and a commit."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from consingan.core.events import StageSaved, StageStarted, StepLogged
from consingan.core.model import Model
from consingan.core.noise import Noise
from consingan.core.sampler import Sampler
from consingan.core.stage import StageTrainer

if TYPE_CHECKING:
    from consingan.core.hooks import Hooks

LOG_SECONDS = 1.0


def train(
    model: Model,
    pyramid: Sequence[Tensor],
    hooks: Hooks,
    commit: Callable[[int, float], None],
    noise: Noise,
    first: int = 0,
) -> None:
    """Train every stage from `first` on, on one picture's pyramid.

    Args:
        model: trained up to stage `first` - 1; a new one for `first` = 0.
        pyramid: the picture at every stage, (1, 3, H, W) in [-1, 1], on the model's device.
        hooks: the active mode, the defaults and the listeners.
        commit: called with a trained stage's number and seconds; returns when the stage is safe.
        noise: where the random numbers come from.
        first: the stage to begin with.
    """
    sampler = make_sampler(model, pyramid, hooks, noise)
    niter, stages = model.options.niter, len(pyramid)
    for stage in range(first, stages):
        if stage > 0:
            model.grow()
        trainer = StageTrainer(sampler, hooks, noise)
        size, started = model.sizes[stage], time.monotonic()
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
        seconds = time.monotonic() - started
        commit(stage, seconds)
        saved = StageSaved(stage, stages, seconds)
        hooks.notify("stage_saved", event=saved, sampler=sampler)


def make_sampler(model: Model, pyramid: Sequence[Tensor], hooks: Hooks, noise: Noise) -> Sampler:
    """A sampler whose reconstruction starts from what the active mode says it does."""
    fixed = hooks.fixed_input(pyramid, model.options, noise.portable("fixed", 0))
    return Sampler(model, pyramid, fixed, noise)
