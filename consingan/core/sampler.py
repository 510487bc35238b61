"""Makes pictures with a trained (or half-trained) generator; what a mode's `apply` works with."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from consingan.core.config import Size, TrainOptions
from consingan.core.model import Model
from consingan.core.noise import Noise


class Sampler:
    """Pictures from one generator, each addressed by seed and number.

    Everything it makes is (1, 3, H, W) in [-1, 1], float32, on the model's device.
    """

    def __init__(
        self, model: Model, pyramid: Sequence[Tensor], fixed_input: Tensor, noise: Noise
    ) -> None:
        self.model = model
        self.pyramid = list(pyramid)
        """The training picture at every stage, (1, 3, H, W) in [-1, 1]."""
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

    def reconstruction(self) -> Tensor:
        """The training picture as the generator rebuilds it from its fixed noise."""
        return self.generate(self.fixed_noise())

    def fixed_noise(self) -> list[Tensor]:
        """What the generator rebuilds the training picture from, one tensor a trained stage."""
        shapes = self.noise_shapes(self.sizes)
        fixed = self._training_noise.fixed
        above = [fixed(shapes[level], level) for level in range(1, len(shapes))]
        return [self._fixed_input, *above]

    def sample(self, index: int, seed: int = 0, size: Size | None = None) -> Tensor:
        """Sample number `index` of `seed`: always the same picture, whatever else is made.

        Args:
            index: which one.
            seed: another seed gives other samples; it is not the training's.
            size: what it should measure; every stage is scaled in proportion.
        """
        sizes = self.scaled_sizes(size or self.size)
        noise = Noise(seed, self.model.device)
        shapes = self.noise_shapes(sizes)
        return self.generate(
            [noise.sample(shape, index, level) for level, shape in enumerate(shapes)], sizes
        )

    @torch.inference_mode()
    def generate(self, noise: Sequence[Tensor], sizes: Sequence[Size] | None = None) -> Tensor:
        """The picture for given noise, one tensor a stage, shaped as the generator says."""
        return self.model.generate(noise, sizes or self.sizes)

    def scaled_sizes(self, size: Size) -> list[Size]:
        """The stages' sizes for a result of `size`, none under one pixel."""
        tall, wide = size.height / self.size.height, size.width / self.size.width
        below = [
            Size(max(1, round(stage.height * tall)), max(1, round(stage.width * wide)))
            for stage in self.sizes[:-1]
        ]
        return [*below, size]

    def noise_shapes(self, sizes: Sequence[Size]) -> list[tuple[int, int, int, int]]:
        """The shape of each stage's noise when the stages have `sizes`."""
        shape = self.model.generator.noise_shape
        return [shape(stage, size) for stage, size in enumerate(sizes)]
