"""Gradients of a loss that is a sum, term by term: terms can be computed in parallel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class LossGradients(NamedTuple):
    """A loss, and its gradient with respect to each weight."""

    loss: Tensor
    """A scalar on the device, detached."""
    gradients: tuple[Tensor, ...]
    """Shaped as the weights are."""


def compute_gradients(loss: Tensor, weights: Sequence[Tensor]) -> LossGradients:
    """The gradients of `loss`, a scalar; 0 for weights that it doesn't depend on."""
    gradients = torch.autograd.grad(loss, weights, allow_unused=True, materialize_grads=True)
    return LossGradients(loss.detach(), gradients)


def sum_gradients(terms: Sequence[LossGradients]) -> LossGradients:
    """The loss and gradients of the sum of the terms, added in their order."""
    losses, gradients = zip(*terms, strict=True)
    for_each_weight = zip(*gradients, strict=True)
    return LossGradients(sum(losses), tuple(sum(parts) for parts in for_each_weight))


def apply_gradients(
    optimizer: torch.optim.Optimizer,
    weights: Sequence[Tensor],
    gradients: Sequence[Tensor],
    steps: int = 1,
) -> None:
    """Make `steps` optimizer steps with the same gradients of its weights."""
    for _ in range(steps):
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.grad = gradient
        optimizer.step()
