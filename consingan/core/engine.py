"""The loop over stages. It knows no mode, no console, no file format: only hooks and a keeper."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

from torch import Tensor

from consingan.core.events import StageSaved, StageStarted, StepLogged, WentBack
from consingan.core.growth import grow
from consingan.core.noise import Noise
from consingan.core.rescue import Rescue, find_trouble, is_flat
from consingan.core.sampler import Sampler
from consingan.core.stage import StageTrainer

if TYPE_CHECKING:
    from consingan.core.hooks import Hooks

LOG_SECONDS = 1.0


class Moment(NamedTuple):
    """How far a stage is."""

    step: int
    seconds: float


class Keeper(Protocol):
    """Where training is made safe."""

    def commit(self, stage: int, seconds: float) -> None:
        """A stage is trained; return when it is safe."""

    def due(self, seconds: float) -> bool:
        """Whether a stage that has taken so many seconds is to be saved again."""

    def save(self, stage: int, tensors: dict[str, Tensor], at: Moment) -> None:
        """Make the state within a stage safe."""

    def restore(self, trainer: StageTrainer) -> Moment:
        """Put the state that was saved within this stage in place, if there is one."""


def train(sampler: Sampler, hooks: Hooks, keeper: Keeper, noise: Noise, first: int = 0) -> None:
    """Train every stage from `first` on.

    Args:
        sampler: of a model that has the stages below `first`; if it has `first` as well, that
            stage goes on learning from where it is.
        hooks: the active mode, the defaults and the listeners.
        keeper: makes stages safe, and what is done of one.
        noise: where the random numbers come from.
        first: the stage to begin with.

    Raises RunError if a stage goes wrong again and again.
    """
    model = sampler.model
    stages = len(model.sizes)
    for stage in range(first, stages):
        if stage == model.stages:
            grow(sampler)
        trainer = StageTrainer(sampler, hooks, noise)
        step, before = keeper.restore(trainer)
        size, niter, started = model.sizes[stage], trainer.iterations, time.monotonic() - before
        event = StageStarted(stage, stages, size, niter, trainer.learning_parameters)
        hooks.notify("stage_started", event=event)
        rescue, logged = Rescue(trainer, step), before
        while step < niter:
            losses = trainer.step(step)
            step += 1
            seconds = time.monotonic() - started
            if seconds - logged < LOG_SECONDS and step < niter:
                continue
            logged = seconds  # reading the losses waits for the device, so not every step
            due = keeper.due(seconds)
            if trouble := find_trouble(trainer, step, losses, thorough=due or step == niter):
                back = rescue.go_back(trouble)
                went_back = WentBack(stage, step, back, trouble, trainer.rate)
                hooks.notify("went_back", event=went_back)
                step = back
                continue
            values = (float(loss) for loss in losses)
            hooks.notify("step_logged", event=StepLogged(stage, step, niter, seconds, *values))
            if due and step < niter and not is_flat(trainer):
                rescue.keep(step)
                keeper.save(stage, rescue.tensors, Moment(step, seconds))
        trainer.finish()
        seconds = time.monotonic() - started
        keeper.commit(stage, seconds)
        hooks.notify("stage_saved", event=StageSaved(stage, stages, seconds), sampler=sampler)
