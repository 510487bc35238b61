"""Training that goes wrong: noticed, and met by going back and on more slowly."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from consingan.core import checkpoint
from consingan.errors import RunError

if TYPE_CHECKING:
    from consingan.core.stage import Losses, StageTrainer

ATTEMPTS = 3
"""How often a stage goes back before it gives up."""
SLOWER = 0.3
"""Factor on the learning rates each time."""
WARM_UP = 0.1
"""Share of a stage before which a picture of one colour is no trouble: it may just have begun."""
FLAT, LIVELY = 0.02, 0.05
"""A fake whose spread is this share of the real window's is of one colour, if that has some."""
LISTENING = 100
"""Steps before which the noise may still be without effect: weights begin very small."""
SAME = 1 / 255
"""Half a grey level in [-1, 1]: pictures that differ by less everywhere are the same."""
ADVICE = "try another --seed, or lower --lr-generator and --lr-critic"


class Rescue:
    """Keeps the last good state of a stage's training and goes back to it."""

    def __init__(self, trainer: StageTrainer, step: int) -> None:
        self._trainer, self._attempts = trainer, 0
        self.keep(step)

    def keep(self, step: int) -> None:
        """Remember the state as of `step` done steps, for when later ones go wrong."""
        self._step, self.tensors = step, checkpoint.pack(self._trainer)

    def go_back(self, trouble: str) -> int:
        """Return to the state that was kept, with lower learning rates; the step to go on with.

        Raises RunError if that was tried often enough.
        """
        self._attempts += 1
        if self._attempts > ATTEMPTS:
            number = self._trainer.stage + 1
            raise RunError(f"stage {number}: {trouble}, even after {ATTEMPTS} attempts; {ADVICE}")
        rate = self._trainer.rate
        checkpoint.unpack(self._trainer, self.tensors)
        self._trainer.rate = min(rate, self._trainer.rate) * SLOWER
        return self._step


def find_trouble(
    trainer: StageTrainer, step: int, losses: Losses, thorough: bool = False
) -> str | None:
    """What is wrong after `step` steps, in words, or None. Waits for the device.

    A `thorough` look makes two pictures to see whether they differ.
    """
    if not all(math.isfinite(float(loss)) for loss in losses):
        return "the losses are no longer numbers"
    if step < WARM_UP * trainer.iterations:
        return None
    if is_flat(trainer):
        return "what it makes collapsed to one colour"
    if thorough and step >= LISTENING and are_same(trainer, step):
        return "whatever noise it is given, it makes the same picture"
    return None


def is_flat(trainer: StageTrainer) -> bool:
    """Whether the last fake is of one colour and the real window isn't. Waits for the device."""
    fake, real = (float(picture.float().std()) for picture in trainer.last_pair)
    return real > LIVELY and fake < FLAT * real


def are_same(trainer: StageTrainer, step: int) -> bool:
    """Whether two fakes from different inputs are equal in 8 bits. Waits for the device."""
    (first, second), inputs_differ = trainer.two_fakes(step)
    return inputs_differ and float((first - second).abs().max()) < SAME
