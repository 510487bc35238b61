"""Batch norm statistics of a whole picture, for computing it in tiles.

As in the published code, batch norm uses the statistics of the picture that is being made, not
running statistics of training. For a picture in tiles they are measured first, one layer after
another, since each layer needs the statistics of those below it. With that, a picture takes about
four times as long as in one piece. The memory doesn't depend on the picture's size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from consingan.core.networks.layers import Normalization
from consingan.core.networks.plan import Plan
from consingan.core.networks.window import Window, tiles
from consingan.core.options.size import Size

if TYPE_CHECKING:
    from consingan.core.networks.model import Model

Layer = tuple[int, bool, Normalization]
"""The stage that the layer belongs to, whether it is the head's, and the layer itself."""


class Moments(NamedTuple):
    """The number of values that each channel has had so far, and their mean and variance, (C,)."""

    values: int
    mean: Tensor
    variance: Tensor

    def joined(self, features: Tensor) -> Moments:
        """The moments with the values of (N, C, h, w) added (Chan, Golub and LeVeque 1979)."""
        variance, mean = torch.var_mean(features.float(), dim=(0, 2, 3), correction=0)
        count = self.values + features[:, 0].numel()
        share = 1 - self.values / count
        difference = mean - self.mean
        within = self.variance + share * (variance - self.variance)
        between = share * (1 - share) * difference.square()
        return Moments(count, self.mean + share * difference, within + between)


NO_VALUES = Moments(0, torch.zeros(()), torch.zeros(()))


class BatchNormStatistics:
    """The input statistics of a model's batch norm layers for one picture, measured in tiles."""

    def __init__(self, model: Model, sizes: Sequence[Size], tile: int) -> None:
        self._model, self._sizes, self._tile = model, sizes, tile
        self._layers: list[Layer] = [
            (stage, part is model.generator.head, layer)
            for stage, body in enumerate(model.generator.body)
            for part in ([body] if stage else [model.generator.head, body])
            for layer in part.modules()
            if isinstance(layer, Normalization)
        ]
        self._measured: list[Moments] = []

    @property
    def tiles(self) -> int:
        """How many tiles `measure` goes through."""
        return sum(len(self._windows(stage)) for stage, *_ in self._layers)

    def measure(self, noise: Callable[[Plan], list[Tensor]]) -> Iterator[int]:
        """Measure one layer after another. Yields the number of tiles done.

        Run the iterator to its end. `noise` gives each stage's noise for a plan.
        """
        done = 0
        for stage, is_head, layer in self._layers:
            sizes = self._sizes[: stage + 1]
            plans = [self._model.plan(sizes, window) for window in self._windows(stage)]
            origins = [_origin(part, is_head) for part in plans]
            rows, columns = (_next(side) for side in zip(*origins, strict=True))
            moments = NO_VALUES
            for part, (top, left) in zip(plans, origins, strict=True):
                with self.used(), _seen(layer) as seen:
                    self._model.features(noise(part), part, stop=stage + 1)
                # The tiles' inputs overlap. A pixel counts in the last tile that begins before it.
                own = seen[0][..., : rows[top] - top, : columns[left] - left]
                moments = moments.joined(own) if own.numel() else moments
                done += 1
                yield done
            self._measured.append(moments)

    @contextmanager
    def used(self) -> Iterator[None]:
        """Within this context, the layers measured so far normalise with their statistics."""
        layers = [layer for *_, layer in self._layers[: len(self._measured)]]
        for layer, moments in zip(layers, self._measured, strict=True):
            layer.whole = moments.mean, moments.variance
        try:
            yield
        finally:
            for layer in layers:
                layer.whole = None

    def _windows(self, stage: int) -> list[Window]:
        return list(tiles(self._sizes[stage], self._tile))


def _origin(plan: Plan, is_head: bool) -> tuple[int, int]:
    """The first row and column of what the newest stage's convolutions, or the head's, make."""
    stage = plan.stages[-1]
    window: Window = stage.noise if is_head else stage.enlarged
    left, _, top, _ = stage.noise_zeros if is_head else stage.zeros
    return window.rows.start - top, window.columns.start - left


def _next(starts: Sequence[int]) -> dict[int, int]:
    """The start that follows each start; a huge number for the last."""
    distinct = sorted(set(starts))
    return dict(pairwise([*distinct, 2**40]))


@contextmanager
def _seen(layer: nn.Module) -> Iterator[list[Tensor]]:
    """Collect a layer's inputs."""
    seen: list[Tensor] = []
    hook = layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        yield seen
    finally:
        hook.remove()
