"""How long a training takes and what memory it needs, from a few steps of it on this machine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from consingan.core.options.size import Size
from consingan.core.options.training import TrainOptions
from consingan.core.training.memory import step_memory

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from consingan.core.hooks.dispatch import Hooks
    from consingan.core.sampling.sampler import Sampler
    from consingan.core.training.stage_trainer import StageTrainer

TIMED_STEPS = 5
PICTURES = 6
"""Pictures made after a stage: four samples and two reconstructions."""
MEASURED_FIRST = 4
"""Times as long as a pass that a picture in tiles takes with batch norm (`core/statistics.py`)."""
KEPT = 1.5
"""Times as much memory as a trial's that a whole training has in the end, on a CPU: the C library
keeps some of what is freed. Of one training: 2.1 GB at 1920x1080, where a trial took 1.4."""
WARM_UP = 64
"""Side of the picture that is made before one is timed."""


@dataclass(frozen=True)
class StageForecast:
    """What one stage will do."""

    size: Size
    window: Size
    """What an iteration sees of it."""
    learning: int
    """Parameters of generator and critic that learn."""
    iterations: int
    step_seconds: float
    measured: bool
    """Whether its steps were timed, or are inferred from those of a smaller stage."""

    @property
    def seconds(self) -> float:
        """The time of all its iterations."""
        return self.iterations * self.step_seconds


@dataclass(frozen=True)
class Forecast:
    """What a training will do, and how long it still takes."""

    stages: tuple[StageForecast, ...]
    picture_seconds: float
    """The time of the pictures that are made between stages."""
    memory: int
    """Bytes at the peak, of the process or on the device; 0 if this system doesn't tell."""

    @property
    def seconds(self) -> float:
        """The time of the whole training."""
        return self.picture_seconds + sum(stage.seconds for stage in self.stages)

    def run_left(self, stage: int, step: int, seconds: float) -> float:
        """Seconds left in the run, when `stage` did `step` > 0 iterations in `seconds`.

        What is still to come is taken to be as much slower or faster as this stage is.
        """
        now = self.stages[stage]
        coming = sum(later.seconds for later in self.stages[stage + 1 :])
        return seconds / step * (now.iterations - step + coming / now.step_seconds)

    def share_done(self, stage: int, step: int) -> float:
        """The share of the run's work that is done after `step` iterations of `stage`, 0 to 1."""
        done = sum(earlier.seconds for earlier in self.stages[:stage])
        done += self.stages[stage].step_seconds * step
        return done / sum(stage.seconds for stage in self.stages)


def forecast(
    pyramid: Sequence[Tensor],
    options: TrainOptions,
    hooks: Hooks,
    device: torch.device,
    budget: float = 8.0,
) -> Forecast:
    """Time a few steps of every stage on throwaway networks.

    Args:
        pyramid: the training picture at each stage, (1, 3, H, W) in [-1, 1], on the device.
        options: the training's options.
        hooks: the mode's hooks.
        device: where it will train.
        budget: about how many seconds this may take; stages that would take longer are inferred
            from the work of their convolutions.
    """
    from consingan.core.networks.model import Model
    from consingan.core.networks.noise import Noise
    from consingan.core.run import make_sampler
    from consingan.core.training.stage_trainer import StageTrainer

    sizes, noise = [Size(*level.shape[-2:]) for level in pyramid], Noise(options.seed, device)
    model = Model(options, hooks.mode.padding_style, sizes, device)
    sampler = make_sampler(model, pyramid, hooks, noise)
    work, until = step_work(sizes, options), time.monotonic() + budget
    stages: list[StageForecast] = []
    for stage, size in enumerate(sizes):
        if stage > 0:
            model.grow()
            model.amplitudes[-1] = options.noise_at(size)
        inferred = stages[-1].step_seconds * work[stage] / work[stage - 1] if stages else 0.0
        left = until - time.monotonic()
        measured = 3 * inferred < left
        trainer = StageTrainer(sampler, hooks, noise)
        seconds = _time(trainer, left / (len(sizes) - stage)) if measured else inferred
        stages.append(
            StageForecast(
                size,
                trainer.window,
                trainer.learning_parameters,
                trainer.iterations,
                seconds,
                measured,
            )
        )
    untried = [stage.size for stage in stages if not stage.measured]
    rate = _seconds_a_pixel(sampler)
    pictures = rate * PICTURES * sum(picture_work(size, options, sampler.tile) for size in sizes)
    memory = _peak_memory(device)
    if memory and untried:
        memory += max(step_memory(size, options) for size in untried)
    return Forecast(tuple(stages), pictures, memory)


def picture_work(size: Size, options: TrainOptions, tile: int) -> int:
    """The work of making one picture, in pixels of a pass."""
    from consingan.core.networks.stage_sizes import normalized_stages

    pixels = size.height * size.width
    measured = pixels > tile**2 and normalized_stages([size], options)
    return pixels * MEASURED_FIRST if measured else pixels


def step_work(sizes: Sequence[Size], options: TrainOptions) -> list[float]:
    """The work of one iteration at each stage, in multiply-adds of its convolutions."""
    from consingan.core.networks.stage_sizes import normalized_stages, training_window

    body = 9.0 * options.layers * options.filters**2
    critic = body + 9.0 * 4 * options.filters  # with its 3-channel head and 1-channel tail
    work, whole = [], normalized_stages(sizes, options)
    for stage, size in enumerate(sizes):
        window = training_window(size, options)
        share = window.height * window.width / (size.height * size.width)
        pixels = [
            (1 if below < min(whole, stage) else share) * level.height * level.width
            for below, level in enumerate(sizes[: stage + 1])
        ]
        first = max(0, stage + 1 - options.train_depth)
        # A pass forward and back costs three forward; the penalty four; the generator runs twice.
        critic_passes = 10 * options.critic_steps + 2
        generator = sum(pixels[:first]) + 6 * sum(pixels[first:])
        work.append(critic_passes * pixels[-1] * critic + generator * body)
    return work


def _time(trainer: StageTrainer, budget: float) -> float:
    """Seconds a step: the median of a few, after one to warm up."""
    until, times = time.monotonic() + budget, []
    for step in range(TIMED_STEPS + 1):
        started = time.monotonic()
        losses = trainer.step(step)
        float(losses.critic)  # waits for the device
        times.append(time.monotonic() - started)
        if step > 0 and time.monotonic() + times[-1] > until:
            break
    return median(times[1:])


def _seconds_a_pixel(sampler: Sampler) -> float:
    """What a pixel of a tile of a picture takes at the largest stage; its memory counts as well."""
    tall, wide = (min(sampler.tile, side) for side in sampler.size)
    sampler.sample(0, size=Size(min(WARM_UP, tall), min(WARM_UP, wide))).cpu()
    started = time.monotonic()
    sampler.sample(1, size=Size(tall, wide)).cpu()
    return (time.monotonic() - started) / (tall * wide)


def _peak_memory(device: torch.device) -> int:
    import sys

    import torch

    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(KEPT * peak * (1 if sys.platform == "darwin" else 1024))
