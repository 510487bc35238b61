"""Saving the reconstruction, numbered samples and a contact sheet, for several modes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from consingan.core.options.size import Size

if TYPE_CHECKING:
    from torch import Tensor

    from consingan.core.pictures.outputs import Outputs
    from consingan.core.sampling.sampler import Sampler


def save_samples(
    sampler: Sampler, outputs: Outputs, sizes: Sequence[Size], count: int, seed: int
) -> None:
    """Save the reconstruction, `count` samples of each size, and a contact sheet of all.

    With one size, sample 7 is named `sample-007`; with several sizes, `sample-500x150-007`.
    """
    outputs.save("reconstruction", sampler.reconstruction())
    for size in sizes:
        name = "sample" if len(sizes) == 1 else f"sample-{size}"
        for index, bands in enumerate(_samples(sampler, count, seed, size)):
            outputs.save_bands(f"{name}-{index:03}", size, bands)
    outputs.save_sheet()


def _samples(sampler: Sampler, count: int, seed: int, size: Size) -> Iterator[Iterable[Tensor]]:
    """Yield the bands of each sample. Samples in one piece may be made in parallel."""
    if sampler.in_one_tile(size):
        yield from ([picture] for picture in sampler.samples(count, seed, size))
        return
    for index in range(count):
        yield sampler.bands(sampler.noise_of(index, seed), sampler.scaled_sizes(size))
