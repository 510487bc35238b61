"""What happens where a mode decides nothing: the first plugin, asked last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from consingan.core.config import PaddingStyle, Size, TrainOptions
from consingan.core.hookspecs import hookimpl
from consingan.core.sizes import automatic_sizes, logarithmic_sizes

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from consingan.core.sampler import Sampler

PREVIEW_SAMPLES = 4


class Defaults:
    """The paper's unconditional generation, for every hook but `apply`."""

    @hookimpl(trylast=True)
    def stage_sizes(self, size: Size, options: TrainOptions) -> list[Size]:
        """Logarithmic spacing, or what the size asks for."""
        if options.train_stages == 0:
            return automatic_sizes(size, options.min_size)
        return logarithmic_sizes(size, options.train_stages, options.min_size)

    @hookimpl(trylast=True)
    def padding_style(self) -> PaddingStyle:
        """Diversity at the borders."""
        return "oversize"

    @hookimpl(trylast=True)
    def training_input(self, pyramid: Sequence[Tensor], generator: torch.Generator) -> Tensor:
        """Noise."""
        import torch

        return torch.randn(pyramid[0].shape, generator=generator, device=generator.device)

    @hookimpl(trylast=True)
    def fixed_input(self, pyramid: Sequence[Tensor]) -> Tensor:
        """The smallest picture."""
        return pyramid[0]

    @hookimpl(trylast=True)
    def preview(self, sampler: Sampler) -> Iterator[tuple[str, Tensor]]:
        """The picture, its reconstruction, then samples."""
        yield "picture", sampler.picture
        yield "reconstruction", sampler.reconstruction()
        for index in range(PREVIEW_SAMPLES):
            yield f"sample {index}", sampler.sample(index)
