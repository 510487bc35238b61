"""The exponential moving average (EMA) of a stage's weights, which gives steadier pictures."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

WARM_UP = 10
"""After n iterations the average spans at most n / `WARM_UP` of them."""


class WeightEMA:
    """The EMA of a stage's learning weights (Polyak averaging).

    `decay` is the share of the average that an iteration keeps; with 0 nothing is averaged. After n
    iterations the decay is at most n / (n + `WARM_UP`), so that the first weights of a short stage
    are forgotten too.
    """

    def __init__(self, weights: Sequence[Tensor], decay: float) -> None:
        self._decay = decay
        self.updates = torch.zeros((), dtype=torch.int64)
        """How many iterations were averaged."""
        self._weights = list(weights)
        self.averages = [weight.detach().clone() for weight in self._weights] if decay else []

    @torch.no_grad()
    def update(self) -> None:
        """Average the weights of one more iteration in."""
        if self.averages:
            updates = int(self.updates)
            decay = min(self._decay, updates / (updates + WARM_UP))
            torch._foreach_lerp_(self.averages, self._weights, 1 - decay)
            self.updates += 1

    @torch.no_grad()
    def copy_to_weights(self) -> None:
        """Replace the weights by their averages."""
        for weight, average in zip(self._weights, self.averages, strict=bool(self.averages)):
            weight.copy_(average)
