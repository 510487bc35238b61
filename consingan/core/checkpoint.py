"""A stage's training as tensors, so that it can go on to the very same result.

Random numbers have addresses and need no keeping: weights, their averages and what the optimizers
remember are all there is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from consingan.errors import RunError

if TYPE_CHECKING:
    from consingan.core.stage import StageTrainer

MODEL, AVERAGE, OPTIMIZER, RATE = "model.", "average.", "optimizer.", "rate"


@torch.no_grad()
def pack(trainer: StageTrainer) -> dict[str, Tensor]:
    """Everything that the trainer's coming steps depend on, on the CPU."""
    _remember(trainer)
    tensors = {MODEL + name: tensor for name, tensor in trainer.model.stage_tensors().items()}
    kept = {**_averages(trainer), **dict(_optimizers(trainer))}
    tensors |= {name: tensor.detach().cpu().contiguous() for name, tensor in kept.items()}
    tensors[RATE] = torch.tensor(trainer.rate, dtype=torch.float64)
    return {name: tensor.clone() for name, tensor in tensors.items()}


@torch.no_grad()
def unpack(trainer: StageTrainer, tensors: Mapping[str, Tensor]) -> None:
    """Put what `pack` gave in place in a trainer of the same stage.

    Raises RunError if a tensor is missing, unknown or of another shape; the trainer is then to be
    thrown away.
    """
    if RATE not in tensors:
        raise RunError(f"tensor {RATE!r} is missing")
    model = {
        name.removeprefix(MODEL): tensor
        for name, tensor in tensors.items()
        if name.startswith(MODEL)
    }
    trainer.model.load_stage(model)
    _remember(trainer)
    places = {**_averages(trainer), **dict(_optimizers(trainer))}
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
    trainer.rate = float(tensors[RATE])


def _averages(trainer: StageTrainer) -> dict[str, Tensor]:
    averages = {f"{AVERAGE}{index}": value for index, value in enumerate(trainer.averages.values)}
    return averages | {f"{AVERAGE}updates": trainer.averages.updates}


def _optimizers(trainer: StageTrainer) -> Iterator[tuple[str, Tensor]]:
    """The memory of both optimizers, by names that follow their parameters' order."""
    adams = {"generator": trainer.generator_adam, "critic": trainer.critic_adam}
    for network, adam in adams.items():
        weights = [weight for group in adam.param_groups for weight in group["params"]]
        for index, weight in enumerate(weights):
            for name, tensor in sorted(adam.state[weight].items()):
                yield f"{OPTIMIZER}{network}.{index}.{name}", tensor


def _remember(trainer: StageTrainer) -> None:
    """Give fresh optimizers the memory that they would start from, which torch makes late."""
    for adam in (trainer.generator_adam, trainer.critic_adam):
        weights = [weight for group in adam.param_groups for weight in group["params"]]
        if all(weight in adam.state for weight in weights):
            continue
        kept = [weight.detach().clone() for weight in weights]
        for weight in weights:
            weight.grad = torch.zeros_like(weight)
        adam.step()
        adam.zero_grad()
        for weight, value in zip(weights, kept, strict=True):
            weight.copy_(value)
            for tensor in adam.state[weight].values():
                tensor.zero_()
