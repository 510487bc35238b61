"""A forecast of a training's time and memory, from a few steps timed on this machine."""

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
"""The most steps of a stage that are timed."""
PICTURES_A_STAGE = 6
"""Pictures made after each stage: four samples and two reconstructions."""
STATISTICS_COST = 4
"""Factor on the time of a picture in tiles with batch norm; see `networks/batch_norm.py`."""
MEMORY_GROWTH = 1.5
"""Factor from the memory after these few steps to that of a whole training, on a CPU.

The C library keeps some freed memory. One training at 1920x1080 had 2.1 GB, after 1.4 GB here.
"""
WARM_UP_SIDE = 64
"""Side, in pixels, of the picture that is made before the timed one."""


@dataclass(frozen=True)
class StageForecast:
    """The forecast of one stage."""

    size: Size
    window: Size
    """The size that an iteration trains on: the whole stage or a window."""
    learning: int
    """The number of generator and critic parameters that learn."""
    iterations: int
    step_seconds: float
    measured: bool
    """Whether the steps were timed. If not, their time is inferred from a smaller stage's."""

    @property
    def seconds(self) -> float:
        """The time of all its iterations."""
        return self.iterations * self.step_seconds


@dataclass(frozen=True, repr=False)
class Forecast:
    """The forecast of a training."""

    stages: tuple[StageForecast, ...]
    picture_seconds: float
    """The time for the pictures that are made after the stages."""
    memory: int
    """Peak memory in bytes, of the process or on the GPU; 0 if it is unknown."""

    def __repr__(self) -> str:
        stages = f"{len(self.stages)} stages to {self.stages[-1].size}"
        return f"Forecast({stages}, {self.seconds:.0f} s, {self.memory / 1e6:.0f} MB)"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from consingan.core.pictures.html import table_html

        rows = [
            (str(number), str(stage.size), str(stage.iterations), f"{stage.seconds:.0f} s")
            for number, stage in enumerate(self.stages, start=1)
        ]
        rows.append(("all", str(self.stages[-1].size), "", f"{self.seconds:.0f} s"))
        return table_html(("stage", "picture size", "iterations", "time"), rows)

    @property
    def seconds(self) -> float:
        """The time of the whole training."""
        return self.picture_seconds + sum(stage.seconds for stage in self.stages)

    def left(self, stage: int, step: int) -> float:
        """The time of what is left before the first step, or after `step` steps, of `stage`."""
        if stage >= len(self.stages):
            return 0.0
        pixels = [each.size.height * each.size.width for each in self.stages]
        pictures = self.picture_seconds * sum(pixels[stage:]) / sum(pixels)
        steps = sum(each.seconds for each in self.stages[stage:])
        return pictures + steps - step * self.stages[stage].step_seconds

    def run_left(self, stage: int, step: int, seconds: float) -> float:
        """Seconds left in the run, after `step` > 0 iterations of `stage` took `seconds`.

        The forecast of the later stages is scaled by this stage's actual speed.
        """
        now = self.stages[stage]
        later_seconds = sum(later.seconds for later in self.stages[stage + 1 :])
        return seconds / step * (now.iterations - step + later_seconds / now.step_seconds)

    def share_done(self, stage: int, step: int) -> float:
        """The share of the run that is done after `step` iterations of `stage`, in [0, 1]."""
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
    """Time a few steps of every stage with untrained networks, which are then discarded.

    Args:
        pyramid: the training picture at each stage, (1, 3, H, W) in [-1, 1], on the device.
        options: the training's options.
        hooks: the mode's hooks.
        device: the device to train on.
        budget: about how many seconds this may take. The times of stages that would exceed it are
            inferred from the number of multiply-adds of their convolutions.
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
    not_measured = [stage.size for stage in stages if not stage.measured]
    rate = PICTURES_A_STAGE * _seconds_a_pixel(sampler)
    pictures = rate * sum(picture_work(size, options, sampler.tile) for size in sizes)
    memory = _peak_memory(device)
    if memory and not_measured:
        memory += max(step_memory(size, options) for size in not_measured)
    return Forecast(tuple(stages), pictures, memory)


def picture_work(size: Size, options: TrainOptions, tile: int) -> int:
    """The work of making one picture, as a number of pixels made in one piece."""
    from consingan.core.networks.stage_sizes import normalized_stages

    pixels = size.height * size.width
    needs_statistics = pixels > tile**2 and normalized_stages([size], options)
    return pixels * STATISTICS_COST if needs_statistics else pixels


def step_work(sizes: Sequence[Size], options: TrainOptions) -> list[float]:
    """The work of one iteration at each stage, in multiply-adds of its convolutions."""
    from consingan.core.networks.stage_sizes import normalized_stages, training_window

    body = 9.0 * options.layers * options.filters**2
    critic = body + 9.0 * 4 * options.filters  # with the head of 3 channels and the tail of 1
    work, whole = [], normalized_stages(sizes, options)
    for stage, size in enumerate(sizes):
        window = training_window(size, options)
        share = window.height * window.width / (size.height * size.width)
        pixels = [
            (1 if below < min(whole, stage) else share) * level.height * level.width
            for below, level in enumerate(sizes[: stage + 1])
        ]
        first = max(0, stage + 1 - options.train_depth)
        # Forward and backward cost three forward passes, the penalty four. The generator runs
        # twice: for a sample and for the reconstruction.
        critic_passes = 10 * options.critic_steps + 2
        generator = sum(pixels[:first]) + 6 * sum(pixels[first:])
        work.append(critic_passes * pixels[-1] * critic + generator * body)
    return work


def _time(trainer: StageTrainer, budget: float) -> float:
    """Seconds a step: the median of a few steps, after a first one to warm up."""
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
    """Seconds a pixel of a sample of all stages, at most one tile in size.

    This also includes the memory of sampling in the peak.
    """
    tall, wide = (min(sampler.tile, side) for side in sampler.size)
    sampler.sample(0, size=Size(min(WARM_UP_SIDE, tall), min(WARM_UP_SIDE, wide))).cpu()
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
    return round(MEMORY_GROWTH * peak * (1 if sys.platform == "darwin" else 1024))
