"""The slopes of a loss that is a sum, part by part: parts can be computed side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Gradient(NamedTuple):
    """A part of a loss, and its slope along each weight."""

    loss: Tensor
    """A scalar on the device, detached."""
    slopes: tuple[Tensor, ...]
    """Shaped as the weights are."""


def gradient(loss: Tensor, weights: Sequence[Tensor]) -> Gradient:
    """The slopes of `loss`, a scalar, along `weights`; 0 along those that it doesn't depend on."""
    slopes = torch.autograd.grad(loss, weights, allow_unused=True, materialize_grads=True)
    return Gradient(loss.detach(), slopes)


def total(parts: Sequence[Gradient]) -> Gradient:
    """The gradient of the sum of the parts, added in their order."""
    losses, slopes = zip(*parts, strict=True)
    along_each = zip(*slopes, strict=True)
    return Gradient(sum(losses), tuple(sum(along) for along in along_each))


def descend(
    adam: torch.optim.Optimizer, weights: Sequence[Tensor], slopes: Sequence[Tensor], steps: int = 1
) -> None:
    """Let the optimizer make so many steps on the same slopes along its weights."""
    for weight, slope in zip(weights, slopes, strict=True):
        weight.grad = slope
    for _ in range(steps):
        adam.step()
