"""Saving the reconstruction, numbered samples and a contact sheet, for several modes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from consingan.core.options.size import Size, check_size
from consingan.modes.shared.sample_options import SampleOptions

if TYPE_CHECKING:
    from torch import Tensor

    from consingan.core.pictures.outputs import Outputs
    from consingan.core.sampling.sampler import Sampler


def save_samples(
    sampler: Sampler, outputs: Outputs, sizes: Sequence[Size], options: SampleOptions
) -> None:
    """Save the reconstruction, the samples of each size, and a contact sheet of all.

    The training picture comes first on the sheet. With one size, sample 7 is named `sample-007`;
    with several sizes, `sample-500x150-007`. A single sample takes the very name that `--out`
    gives, and is saved alone.
    """
    stages = {size: sampler.scaled_sizes(size, options.enlarge) for size in sizes}
    for larger in stages.values():
        check_size(larger[-1])
    indices = options.indices
    alone = outputs.named and len(sizes) * min(len(indices), options.best or len(indices)) == 1
    if not alone:
        outputs.show("picture", sampler.picture)
        outputs.save("reconstruction", sampler.reconstruction())
    for size in sizes:
        made = stages[size][-1]
        name = "sample" if len(sizes) == 1 else f"sample-{made}"
        chosen = _best(sampler, indices, size, options)
        for index, bands in zip(chosen, _samples(sampler, chosen, size, options), strict=True):
            outputs.save_bands("" if alone else f"{name}-{index:03}", made, bands)
    if not alone:
        outputs.save_sheet()


def _best(
    sampler: Sampler, indices: Sequence[int], size: Size, options: SampleOptions
) -> Sequence[int]:
    """The numbers of the samples to keep, the best first."""
    if options.best is None:
        return indices
    from consingan.core.sampling.ranking import by_patch_distance

    return by_patch_distance(sampler, indices, options.seed, size)[: options.best]


def _samples(
    sampler: Sampler, indices: Sequence[int], size: Size, options: SampleOptions
) -> Iterator[Iterable[Tensor]]:
    """Yield the bands of each sample. Samples in one piece may be made in parallel."""
    stages = sampler.scaled_sizes(size, options.enlarge)
    if sampler.in_one_tile(stages[-1]):
        made = sampler.samples(indices, options.seed, size, options.enlarge)
        yield from ([picture] for picture in made)
        return
    for index in indices:
        yield sampler.bands(sampler.noise_of(index, options.seed), stages)
