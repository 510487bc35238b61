"""The state of a stage's training as tensors, from which it goes on to the very same result.

Random numbers are addressed, so their state needs no saving: weights, their averages and the
optimizers' moments are all there is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from consingan.errors import RunError

if TYPE_CHECKING:
    from consingan.core.training.stage_trainer import StageTrainer

MODEL, AVERAGE, OPTIMIZER, RATE = "model.", "average.", "optimizer.", "rate"


class StageProgress(NamedTuple):
    """How far a stage is."""

    step: int
    seconds: float


@torch.no_grad()
def pack(trainer: StageTrainer) -> dict[str, Tensor]:
    """Everything that the trainer's coming steps depend on, on the CPU."""
    _create_optimizer_state(trainer)
    tensors = {MODEL + name: tensor for name, tensor in trainer.model.stage_tensors().items()}
    others = {**_averages(trainer), **dict(_optimizer_state(trainer))}
    tensors |= {name: tensor.detach().cpu().contiguous() for name, tensor in others.items()}
    tensors[RATE] = torch.tensor(trainer.rate_factor, dtype=torch.float64)
    return {name: tensor.clone() for name, tensor in tensors.items()}


@torch.no_grad()
def unpack(trainer: StageTrainer, tensors: Mapping[str, Tensor]) -> None:
    """Restore what `pack` gave in a trainer of the same stage.

    Raises RunError if a tensor is missing, unknown or of another shape; the trainer is then
    unusable.
    """
    if RATE not in tensors:
        raise RunError(f"tensor {RATE!r} is missing")
    model = {
        name.removeprefix(MODEL): tensor
        for name, tensor in tensors.items()
        if name.startswith(MODEL)
    }
    trainer.model.load_stage(model)
    _create_optimizer_state(trainer)
    places = {**_averages(trainer), **dict(_optimizer_state(trainer))}
    given = {
        name: tensor
        for name, tensor in tensors.items()
        if not name.startswith(MODEL) and name != RATE
    }
    if places.keys() != given.keys():
        raise RunError(f"tensor {min(places.keys() ^ given.keys())!r} is missing or unknown")
    for name, place in places.items():
        if place.shape != given[name].shape:
            raise RunError(f"tensor {name!r} {tuple(given[name].shape)} doesn't fit")
        place.copy_(given[name])
    trainer.rate_factor = float(tensors[RATE])


def _averages(trainer: StageTrainer) -> dict[str, Tensor]:
    averages = {f"{AVERAGE}{index}": value for index, value in enumerate(trainer.ema.averages)}
    return averages | {f"{AVERAGE}updates": trainer.ema.updates}


def _optimizer_state(trainer: StageTrainer) -> Iterator[tuple[str, Tensor]]:
    """The state of both optimizers, by names that follow their parameters' order."""
    optimizers = {"generator": trainer.generator_optimizer, "critic": trainer.critic_optimizer}
    for network, optimizer in optimizers.items():
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        for index, weight in enumerate(weights):
            for name, tensor in sorted(optimizer.state[weight].items()):
                yield f"{OPTIMIZER}{network}.{index}.{name}", tensor


def _create_optimizer_state(trainer: StageTrainer) -> None:
    """Give fresh optimizers the zero state that torch creates only at their first step."""
    for optimizer in (trainer.generator_optimizer, trainer.critic_optimizer):
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        if all(weight in optimizer.state for weight in weights):
            continue
        kept = [weight.detach().clone() for weight in weights]
        for weight in weights:
            weight.grad = torch.zeros_like(weight)
        optimizer.step()
        optimizer.zero_grad()
        for weight, value in zip(weights, kept, strict=True):
            weight.copy_(value)
            for tensor in optimizer.state[weight].values():
                tensor.zero_()
