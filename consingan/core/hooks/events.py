"""The events that listeners are called with while a run trains. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from consingan.core.options.size import Size

if TYPE_CHECKING:
    from torch import Tensor


LOGGED_EVERY = 20
"""Every so many steps of a stage are logged, on every machine."""


@dataclass(frozen=True)
class StageStarted:
    """A stage is about to train."""

    stage: int
    """The stage's number, from 0."""
    stages: int
    """The number of stages in the run."""
    size: Size
    niter: int
    """The stage's number of iterations."""
    learning: int
    """The number of generator and critic parameters that learn."""


@dataclass(frozen=True)
class StepLogged:
    """The losses of a step: every `LOGGED_EVERY`th, about one a second, and a stage's last."""

    stage: int
    """The stage's number, from 0."""
    step: int
    """Steps done in this stage, from 1."""
    niter: int
    """The stage's number of iterations."""
    seconds: float
    """Training time in this stage."""
    critic: float
    """The critic's loss, with the gradient penalty."""
    adversarial: float
    """The generator's adversarial loss."""
    reconstruction: float
    """The unweighted reconstruction loss: mean squared error, for colours in [-1, 1]."""


@dataclass(frozen=True)
class StageSaved:
    """A stage is saved in the run folder. An interruption cannot lose it any more."""

    stage: int
    """The stage's number, from 0."""
    stages: int
    """The number of stages in the run."""
    seconds: float
    """The stage's training time."""
    preview: Callable[[], Iterable[tuple[str, Tensor]]] = field(repr=False, compare=False)
    """Makes the mode's preview of the stage: captions and pictures, (1, 3, H, W) in [-1, 1]."""


@dataclass(frozen=True)
class WentBack:
    """A stage diverged or collapsed. It was rolled back and continues with lower learning rates."""

    stage: int
    """The stage's number, from 0."""
    step: int
    """Steps done before the roll-back."""
    back: int
    """Steps done in the state that training continues from."""
    trouble: str
    """A description of what was wrong."""
    rate: float
    """The factor on the options' learning rates from now on."""
