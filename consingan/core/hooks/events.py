"""What listeners are told while a run trains. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from consingan.core.options.size import Size

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class StageStarted:
    """A stage is about to train."""

    stage: int
    stages: int
    size: Size
    niter: int
    learning: int
    """Parameters of generator and critic that this stage trains."""


@dataclass(frozen=True)
class StepLogged:
    """The state after a step; about one a second, and always the last step of a stage."""

    stage: int
    step: int
    """Steps done in this stage, from 1."""
    niter: int
    seconds: float
    """Time spent in this stage."""
    critic: float
    """Critic loss, the penalty included."""
    adversarial: float
    """Generator's adversarial loss."""
    reconstruction: float
    """Mean squared error of the rebuilt picture, in [-1, 1] units; not weighted."""


@dataclass(frozen=True)
class StageSaved:
    """A stage is committed to the run folder: from here on it cannot be lost."""

    stage: int
    stages: int
    seconds: float
    preview: Callable[[], Iterable[tuple[str, Tensor]]] = field(repr=False, compare=False)
    """Gives what the mode shows of the stage: captions and pictures, (1, 3, H, W) in [-1, 1]."""


@dataclass(frozen=True)
class WentBack:
    """A stage's training went wrong and goes on from its last good state, more slowly."""

    stage: int
    step: int
    """Steps that were done."""
    back: int
    """Steps done in the state that it goes on from."""
    trouble: str
    """What was wrong, in words."""
    rate: float
    """The factor on the options' learning rates from here on."""
