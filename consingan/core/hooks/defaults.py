"""The default implementations of a mode's hooks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from consingan.core.hooks.specs import hookimpl
from consingan.core.networks.stage_sizes import default_sizes
from consingan.core.options.size import Size
from consingan.core.options.training import TrainOptions

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from consingan.core.sampling.sampler import Sampler

PREVIEW_SAMPLES = 4
"""Number of samples in a preview."""


class Defaults:
    """The paper's unconditional generation, for every hook except `apply`."""

    @hookimpl(trylast=True)
    def stage_sizes(self, size: Size, options: TrainOptions) -> list[Size]:
        """Logarithmic spacing; with `train_stages` 0 (auto) the number depends on the size."""
        return default_sizes(size, options)

    @hookimpl(trylast=True)
    def training_input(self, pyramid: Sequence[Tensor], generator: torch.Generator) -> Tensor:
        """Noise."""
        import torch

        return torch.randn(pyramid[0].shape, generator=generator, device=generator.device)

    @hookimpl(trylast=True)
    def fixed_input(self, pyramid: Sequence[Tensor]) -> Tensor:
        """The training picture at stage 0."""
        return pyramid[0]

    @hookimpl(trylast=True)
    def preview(self, sampler: Sampler) -> Iterator[tuple[str, Tensor]]:
        """The picture, its reconstruction, then samples."""
        yield "picture", sampler.picture
        yield "reconstruction", sampler.reconstruction()
        for index in range(PREVIEW_SAMPLES):
            yield f"sample {index}", sampler.sample(index)
