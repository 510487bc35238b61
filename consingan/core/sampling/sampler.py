"""Makes pictures with a trained (or half-trained) generator; what a mode's `apply` works with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from consingan.core.networks.batch_norm import BatchNormStatistics
from consingan.core.networks.model import Model
from consingan.core.networks.noise import Noise
from consingan.core.networks.plan import Plan
from consingan.core.networks.window import Window, tiles, whole
from consingan.core.options.size import Size
from consingan.core.options.training import TrainOptions
from consingan.core.pictures.resizing import resize
from consingan.core.system.threads import make_in_threads

if TYPE_CHECKING:
    pass

TILE = 512
NoiseSource = Callable[[int, Window], Tensor]
"""Gives a stage's noise in a window of it, (1, C, h, w)."""


def stored(noise: Sequence[Tensor]) -> NoiseSource:
    """The source that gives windows of whole noise tensors, one a stage."""
    return lambda level, window: window.cut(noise[level])


class Sampler:
    """Pictures from one generator, each addressed by seed and number.

    Everything it makes is (1, 3, H, W) in [-1, 1], float32, on the model's device.
    """

    def __init__(
        self,
        model: Model,
        pyramid: Sequence[Tensor],
        fixed_input: Tensor,
        noise: Noise,
        naive: Tensor | None = None,
        fine_tuning: bool = False,
        known: Sequence[Tensor] | None = None,
    ) -> None:
        self.model = model
        self.pyramid = list(pyramid)
        """The training picture at every stage, (1, 3, H, W) in [-1, 1]."""
        self._known = known
        self._naive = naive
        tuned = naive if fine_tuning else None
        self.fine_tuned = None if tuned is None else resize(tuned, model.sizes[0]).to(model.device)
        """That picture at the size of stage 0, if the run is being fine-tuned on it."""
        self.tile = TILE
        """Side, in pixels, of the square beyond which pictures are made in parts."""
        self.on_tile: Callable[[int, int], None] = lambda done, count: None
        """Told how many tiles of a picture are done, of how many."""
        self._fixed_input = fixed_input
        self._training_noise = noise

    @property
    def options(self) -> TrainOptions:
        """The options that the run was trained with."""
        return self.model.options

    @property
    def sizes(self) -> list[Size]:
        """The sizes of the stages trained so far, smallest first."""
        return self.model.sizes[: self.model.stages]

    @property
    def size(self) -> Size:
        """The size of the pictures that come out when no other is asked for."""
        return self.sizes[-1]

    @property
    def picture(self) -> Tensor:
        """The training picture at `size`."""
        return self.pyramid[self.model.stages - 1]

    @property
    def known(self) -> Tensor | None:
        """Where `picture` is known, (1, 1, H, W): 1 there, else 0; None if it is everywhere."""
        return None if self._known is None else self._known[self.model.stages - 1]

    @property
    def naive(self) -> Tensor | None:
        """The picture of `train --naive`, (1, 3, H, W) in [-1, 1], as large as fits `size`."""
        if self._naive is None:
            return None
        full = self.model.sizes[-1]
        height, width = self._naive.shape[-2:]
        scaled = Size(
            max(1, round(height * self.size.height / full.height)),
            max(1, round(width * self.size.width / full.width)),
        )
        return resize(self._naive, scaled)

    def reconstruction(self) -> Tensor:
        """The training picture as the generator rebuilds it from its fixed noise."""
        return self.generate(self.fixed)

    def fixed(self, level: int, window: Window) -> Tensor:
        """A window of the noise at `level`, a stage from 0, that the picture is rebuilt from."""
        if level == 0:
            return window.cut(self._fixed_input)
        return self._training_noise.fixed(level, self.options.filters, window)

    def fixed_noise(self, plan: Plan | None = None) -> list[Tensor]:
        """All of that noise that a plan needs (None: the whole picture's), a tensor a stage."""
        plan = self.model.plan() if plan is None else plan
        return [self.fixed(level, part.noise) for level, part in enumerate(plan.stages)]

    def sample(self, index: int, seed: int = 0, size: Size | None = None) -> Tensor:
        """Sample number `index` of `seed`: always the same picture, whatever else is made.

        Args:
            index: which one.
            seed: another seed gives other samples; it is not the training's.
            size: what it should measure; every stage is scaled in proportion.
        """
        sizes = self.scaled_sizes(size or self.size)
        return self.generate(self.noise_of(index, seed), sizes)

    def samples(self, count: int, seed: int = 0, size: Size | None = None) -> Iterator[Tensor]:
        """Samples number 0 to `count` - 1, as `sample` makes them, in order.

        On a processor several are made at once, together no larger than a tile; not with batch
        norm, whose statistics would be rounded in another way.
        """
        height, width = size or self.size
        one_by_one = self.model.device.type != "cpu" or self.options.batch_norm
        most = 1 if one_by_one else self.tile**2 // (height * width)
        return make_in_threads(lambda index: self.sample(index, seed, size), count, most)

    def in_one_tile(self, size: Size) -> bool:
        """Whether a picture of `size` is made in one piece."""
        return size.height * size.width <= self.tile**2

    def noise_of(self, index: int, seed: int = 0) -> NoiseSource:
        """The noise of a sample, by level and window."""
        noise, channels = Noise(seed, self.model.device), self.model.generator.noise_channels
        return lambda level, window: noise.sample(index, level, channels(level), window)

    def generate(self, noise: NoiseSource, sizes: Sequence[Size] | None = None) -> Tensor:
        """The picture for given noise, at the run's sizes or others.

        Args:
            noise: gives the noise of a level (a stage, from 0) in a window of it, (1, C, h, w): C
                is 3 and the whole is as large as the stage at level 0; `Generator.noise_shape` says
                it for others.
            sizes: the stages' sizes.
        """
        return torch.cat(list(self.bands(noise, sizes)), dim=2)

    @torch.inference_mode()
    def bands(self, noise: NoiseSource, sizes: Sequence[Size] | None = None) -> Iterator[Tensor]:
        """The picture that `generate` makes, from the top, in bands (1, 3, h, W).

        A picture of more pixels than a tile is computed tile by tile, in memory that doesn't
        depend on its size; the pixels are the same. Batch norm needs its statistics first.
        """
        sizes = self.sizes if sizes is None else sizes
        size = sizes[-1]
        draw = partial(_drawn, noise)
        if self.in_one_tile(size):
            plan = self.model.plan(sizes)
            yield self.model.generate(draw(plan), plan)
            return
        windows = list(tiles(size, self.tile))
        statistics = BatchNormStatistics(self.model, sizes, self.tile)
        count = statistics.tiles + len(windows)
        for done in statistics.measure(draw):
            self.on_tile(done, count)
        done = statistics.tiles
        for _, row in groupby(windows, key=lambda window: window.rows):
            made = []
            for window in row:
                plan = self.model.plan(sizes, window)
                with statistics.used():
                    made.append(self.model.generate(draw(plan), plan))
                done += 1
                self.on_tile(done, count)
            yield torch.cat(made, dim=3)

    def scaled_sizes(self, size: Size) -> list[Size]:
        """The stages' sizes for a result of `size`, none under one pixel."""
        tall, wide = size.height / self.size.height, size.width / self.size.width
        below = [
            Size(max(1, round(stage.height * tall)), max(1, round(stage.width * wide)))
            for stage in self.sizes[:-1]
        ]
        return [*below, size]

    def repaint(
        self, picture: Tensor, index: int = 0, seed: int = 0, input_noise: float = 0.0
    ) -> Tensor:
        """`picture` as the generator paints it: it enters at stage 0 in place of noise.

        Args:
            picture: (1, 3, H, W) in [-1, 1]; the result has its size.
            index: which of many results; the noise of the stages above differs.
            seed: another seed gives other results.
            input_noise: how much N(0, 1) noise is added to the picture at stage 0.
        """
        sizes = self.scaled_sizes(Size(*picture.shape[-2:]))
        noise = self.noise_of(index, seed)
        first = resize(picture, sizes[0]).to(self.model.device)
        first = first + input_noise * noise(0, whole(sizes[0]))

        def entering(level: int, window: Window) -> Tensor:
            return noise(level, window) if level else window.cut(first)

        return self.generate(entering, sizes)


def _drawn(noise: NoiseSource, plan: Plan) -> list[Tensor]:
    """What a plan reads of the noise of each stage."""
    return [noise(level, part.noise) for level, part in enumerate(plan.stages)]
