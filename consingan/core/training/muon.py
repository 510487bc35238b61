"""Muon (Jordan et al. 2024): momentum, orthogonalized, for the weights between feature maps."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of the Newton-Schulz iteration (Jordan et al. 2024)."""
ITERATIONS = 5
"""How often it is applied: singular values end between about 0.7 and 1.2."""
STEP = 0.8
"""Root mean square of a step, in learning rates; an Adam step has at most about 1."""
WIDE = 3
"""Weights with no more rows or columns are Adam's: they lead from or to a picture's channels."""


class Muon(torch.optim.Adam):
    """Adam, but for weights between feature maps, whose steps are orthogonal matrices.

    A convolution's weight is taken as a matrix of a row for each output. Its momentum (with
    Nesterov's step, decay `beta1`) is replaced by the nearest orthogonal matrix, about: all
    directions of the step are equally long, where Adam's follow the few that dominate the gradient.
    The step's root mean square is `STEP` learning rates (Liu et al. 2025), so that a learning rate
    suits both kinds of weights.
    """

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One step with the gradients in `grad`, which it uses up."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None and is_hidden(weight):
                    self._step_orthogonally(weight, group["lr"], group["betas"][0])
                    weight.grad = None  # Adam leaves such weights as they are
        return super().step(closure)

    def _step_orthogonally(self, weight: Tensor, rate: float, decay: float) -> None:
        state, gradient = self.state[weight], weight.grad
        assert gradient is not None
        if not state:
            state["momentum"] = torch.zeros_like(weight)
        momentum = state["momentum"].lerp_(gradient, 1 - decay)
        direction = orthogonalize(gradient.lerp(momentum, decay).flatten(1))
        length = STEP * max(direction.shape) ** 0.5
        weight.add_(direction.view_as(weight), alpha=-rate * length)


def is_hidden(weight: Tensor) -> bool:
    """Whether a weight leads from feature maps to feature maps."""
    return weight.ndim == 4 and min(weight.shape[:2]) > WIDE


def orthogonalize(matrix: Tensor) -> Tensor:
    """About the orthogonal matrix nearest to a matrix: its singular values become about 1.

    Newton-Schulz iteration, on (rows, columns); of a matrix of zeros come zeros.
    """
    a, b, c = QUINTIC
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / x.norm().clamp(min=1e-12)
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    result: Tensor = x.T if tall else x
    return result
