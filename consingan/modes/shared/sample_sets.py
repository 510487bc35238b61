"""Saving the reconstruction, numbered samples and a contact sheet, for several modes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from consingan.core.options.samples import SizedSampleOptions
from consingan.core.options.size import Size, check_size

if TYPE_CHECKING:
    from torch import Tensor

    from consingan.core.pictures.outputs import Outputs
    from consingan.core.sampling.sampler import Sampler


def save_sample_sets(
    sampler: Sampler, outputs: Outputs, sizes: Sequence[Size], options: SizedSampleOptions
) -> None:
    """Save the reconstruction, the samples of each size, and a contact sheet of all.

    The training picture comes first on the sheet. With one size, sample 7 is named `sample-007`;
    with several sizes, `sample-500x150-007`. A single sample takes the very name that `--out`
    gives, and is saved alone.
    """
    from consingan.core.sampling.choosing import chosen

    stages = {size: sampler.scaled_sizes(size, options.enlarge) for size in sizes}
    for larger in stages.values():
        check_size(larger[-1])
    alone = outputs.named and len(sizes) * options.kept == 1
    if not alone:
        outputs.show("picture", sampler.picture)
        outputs.save("reconstruction", sampler.reconstruction())
    for size in sizes:
        made = stages[size][-1]
        name = "sample" if len(sizes) == 1 else f"sample-{made}"
        indices = chosen(sampler, options, partial(sampler.samples, seed=options.seed, size=size))
        for index, bands in zip(indices, _samples(sampler, indices, size, options), strict=True):
            outputs.save_bands("" if alone else f"{name}-{index:03}", made, bands)
    if not alone:
        outputs.save_sheet()


def _samples(
    sampler: Sampler, indices: Sequence[int], size: Size, options: SizedSampleOptions
) -> Iterator[Iterable[Tensor]]:
    """Yield the bands of each sample. Samples in one piece may be made in parallel."""
    stages = sampler.scaled_sizes(size, options.enlarge)
    if sampler.in_one_tile(stages[-1]):
        made = sampler.samples(indices, options.seed, size, options.enlarge)
        yield from ([picture] for picture in made)
        return
    for index in indices:
        yield sampler.bands(sampler.noise_of(index, options.seed), stages)
