"""Averages of weights over the iterations of a stage; they make steadier pictures than the last."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

REACH = 10
"""An average never reaches back over more than one in so many of the iterations done."""


class Averages:
    """The exponential average of a stage's learning weights (Polyak averaging).

    `decay` is the share that an iteration keeps of the average; at 0 nothing is averaged. After n
    iterations it reaches back over n / REACH of them at most: in a short stage too, what the
    weights were at first is forgotten.
    """

    def __init__(self, weights: Sequence[Tensor], decay: float) -> None:
        self._decay = decay
        self.updates = torch.zeros((), dtype=torch.int64)
        """How many iterations were taken in."""
        self._weights = list(weights)
        self.values = [weight.detach().clone() for weight in self._weights] if decay else []

    @torch.no_grad()
    def update(self) -> None:
        """Take the weights of one more iteration in."""
        if self.values:
            updates = int(self.updates)
            kept = min(self._decay, updates / (updates + REACH))
            torch._foreach_lerp_(self.values, self._weights, 1 - kept)
            self.updates += 1

    @torch.no_grad()
    def put(self) -> None:
        """Replace the weights by their averages."""
        for weight, average in zip(self._weights, self.values, strict=bool(self.values)):
            weight.copy_(average)
