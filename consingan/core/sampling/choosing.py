"""Choosing among samples, by number or the best of all, and saving the chosen ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from torch import Tensor

from consingan.core.metrics.patches import PATCH_SIDE, PatchDistance
from consingan.core.options.samples import SampleOptions
from consingan.core.pictures.outputs import Outputs, Shown
from consingan.core.sampling.sampler import Sampler


def chosen(
    sampler: Sampler,
    options: SampleOptions,
    make: Callable[[Sequence[int]], Iterable[Tensor]],
) -> Sequence[int]:
    """The numbers of the samples to keep: those of `index`, or of `num_samples` the `best`.

    The best are those whose patches are most like the training picture's; they come first. Of
    pictures smaller than a patch, the order is kept.

    Args:
        sampler: has the training picture.
        options: which samples.
        make: makes the samples of some numbers, each (1, 3, H, W) in [-1, 1], one after another.
    """
    indices = options.indices
    if options.best is None or min(sampler.size) < PATCH_SIDE:
        return indices[: options.kept]
    distance = PatchDistance((sampler.picture + 1) / 2)
    scores = {}
    for index, picture in zip(indices, make(indices), strict=True):
        if min(picture.shape[-2:]) < PATCH_SIDE:
            return indices[: options.kept]
        scores[index] = distance((picture + 1) / 2)
    return sorted(scores, key=lambda index: scores[index])[: options.kept]


def save_samples(
    sampler: Sampler,
    outputs: Outputs,
    options: SampleOptions,
    make: Callable[[int], Mapping[str, Shown]],
    rank: Callable[[int], Tensor] | None = None,
    before: Mapping[str, Tensor] = MappingProxyType({}),
) -> None:
    """Save the samples that the options choose, and a contact sheet of all.

    A sample called `tile` is saved as `tile-007`, or as `tile` if only one is made and no number
    was asked for. If `--out` names a file and one sample is chosen, it takes this very name and is
    saved alone, without a sheet.

    Args:
        sampler: has the training picture.
        outputs: saves the pictures.
        options: which samples.
        make: makes the sample of a number: pictures by name, the sample itself first, then others
            that belong to it. They are kept in one row of the sheet.
        rank: makes the picture by which a sample is ranked for `best`; by default the sample
            itself. It has the training picture's scale.
        before: pictures that the sheet shows at the start of each row.
    """

    def ranked(index: int) -> Tensor:
        if rank is not None:
            return rank(index)
        sample = next(iter(make(index).values()))
        if isinstance(sample, Tensor):
            return sample
        raise TypeError("give `rank`: an image is not ranked")

    alone, row = outputs.named and options.kept == 1, 1
    for index in chosen(sampler, options, lambda indices: map(ranked, indices)):
        made = make(index)
        row = len(before) + len(made)
        if not alone:
            for caption, picture in before.items():
                outputs.show(caption, picture)
        for name, shown in made.items():
            name = "" if alone else options.name(name, index)
            if isinstance(shown, Tensor):
                outputs.save(name, shown)
            else:
                outputs.save_image(name, shown)
            if alone:
                return
    outputs.save_sheet(row=row)
