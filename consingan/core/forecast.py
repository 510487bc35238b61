"""How long training still takes: the work of every stage is known from its size."""

from __future__ import annotations

from collections.abc import Sequence

from consingan.core.config import Size, TrainOptions

CRITIC_STEP = 10
"""Forward-sized passes of a critic step: two pictures forward and back, and the penalty."""
CRITIC_READ = 2
"""Forward-sized passes through the critic for the generator's gradient."""
LEARNING, FROZEN = 6, 1
"""Forward-sized passes of a generator stage: twice forward and back, or once forward."""


def step_work(sizes: Sequence[Size], options: TrainOptions) -> list[float]:
    """The work of one iteration at each stage, in multiply-adds of its convolutions."""
    body = 9.0 * options.layers * options.filters**2
    critic = body + 9.0 * 4 * options.filters  # with its 3-channel head and 1-channel tail
    pixels = [size.height * size.width for size in sizes]
    work = []
    for stage in range(len(sizes)):
        first = max(0, stage + 1 - options.train_depth)
        generator = FROZEN * sum(pixels[:first]) + LEARNING * sum(pixels[first : stage + 1])
        critic_passes = CRITIC_STEP * options.critic_steps + CRITIC_READ
        work.append(critic_passes * pixels[stage] * critic + generator * body)
    return work


class Forecast:
    """Time left, from the speed that this machine showed so far in the run."""

    def __init__(self, sizes: Sequence[Size], options: TrainOptions) -> None:
        self._work = step_work(sizes, options)
        self._niter = options.niter

    def stage_left(self, step: int, seconds: float) -> float:
        """Seconds left in a stage that did `step` > 0 iterations in `seconds`."""
        return seconds / step * (self._niter - step)

    def run_left(self, stage: int, step: int, seconds: float) -> float:
        """Seconds left in the run, when `stage` did `step` > 0 iterations in `seconds`."""
        speed = seconds / (step * self._work[stage])
        coming = sum(self._work[stage + 1 :]) * self._niter
        return self.stage_left(step, seconds) + speed * coming

    def share_done(self, stage: int, step: int) -> float:
        """The share of the run's work that is done after `step` iterations of `stage`, 0 to 1."""
        done = sum(self._work[:stage]) * self._niter + self._work[stage] * step
        return done / (sum(self._work) * self._niter)
