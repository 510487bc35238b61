"""Training that diverges or collapses: detected, and answered by rolling back and slowing down."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from consingan.core.training.trainer_state import pack, unpack
from consingan.errors import RunError

if TYPE_CHECKING:
    from consingan.core.training.stage_trainer import Losses, StageTrainer

ATTEMPTS = 3
"""How often a stage is rolled back before it is given up."""
SLOWER = 0.3
"""Factor on the learning rates at each roll-back."""
WARM_UP = 0.1
"""Share of a stage before which a picture of one colour is no collapse: it may just have begun."""
COLLAPSED = 0.02
"""A fake has collapsed if its standard deviation is less than this share of the real window's."""
MIN_CONTRAST = 0.05
"""Standard deviation, in [-1, 1] units, of a real window that is no plain surface."""
NOISE_WARM_UP = 100
"""Steps before which noise may have no effect yet: weights begin very small."""
SAME = 1 / 255
"""Half a grey level in [-1, 1]: pictures that differ by less everywhere are the same."""
ADVICE = "try another --seed, or lower --lr-generator and --lr-critic"


class DivergenceGuard:
    """Keeps the last good state of a stage's training and rolls back to it."""

    def __init__(self, trainer: StageTrainer, step: int) -> None:
        self._trainer, self._attempts = trainer, 0
        self.keep(step)

    def keep(self, step: int) -> None:
        """Keep the state after `step` steps, to roll back to."""
        self._step, self.tensors = step, pack(self._trainer)

    def roll_back(self, trouble: str) -> int:
        """Restore the kept state, with lower learning rates; the step to go on with.

        Raises RunError after `ATTEMPTS` of them.
        """
        self._attempts += 1
        if self._attempts > ATTEMPTS:
            number = self._trainer.stage + 1
            raise RunError(f"stage {number}: {trouble}, even after {ATTEMPTS} attempts; {ADVICE}")
        rate_factor = self._trainer.rate_factor
        unpack(self._trainer, self.tensors)
        self._trainer.rate_factor = min(rate_factor, self._trainer.rate_factor) * SLOWER
        return self._step


def find_divergence(
    trainer: StageTrainer, step: int, losses: Losses, thorough: bool = False
) -> str | None:
    """What is wrong after `step` steps, in words, or None. Waits for the device.

    A `thorough` look makes two pictures to see whether they differ.
    """
    if not all(math.isfinite(float(loss)) for loss in losses):
        return "the losses are no longer numbers"
    if step < WARM_UP * trainer.iterations:
        return None
    if is_collapsed(trainer):
        return "what it makes collapsed to one colour"
    if thorough and step >= NOISE_WARM_UP and ignores_noise(trainer, step):
        return "whatever noise it is given, it makes the same picture"
    return None


def is_collapsed(trainer: StageTrainer) -> bool:
    """Whether the last fake is of one colour and the real window isn't. Waits for the device."""
    fake, real = (float(picture.float().std()) for picture in trainer.last_pair)
    return real > MIN_CONTRAST and fake < COLLAPSED * real


def ignores_noise(trainer: StageTrainer, step: int) -> bool:
    """Whether two fakes from different inputs are equal in 8 bits. Waits for the device."""
    (first, second), inputs_differ = trainer.two_fakes(step)
    return inputs_differ and float((first - second).abs().max()) < SAME
