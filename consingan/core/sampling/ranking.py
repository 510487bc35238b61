"""Putting samples in order, the best first."""

from __future__ import annotations

from collections.abc import Sequence

from consingan.core.metrics.patches import PatchDistance
from consingan.core.options.size import Size
from consingan.core.sampling.sampler import Sampler


def by_patch_distance(sampler: Sampler, indices: Sequence[int], seed: int, size: Size) -> list[int]:
    """The samples' numbers, those first whose patches are most like the training picture's.

    One sample after another is in memory. Of pictures smaller than a patch, the order is kept.
    """
    from consingan.core.metrics.patches import PATCH_SIDE

    if min(*size, *sampler.size) < PATCH_SIDE:
        return list(indices)
    distance = PatchDistance((sampler.picture + 1) / 2)
    made = sampler.samples(indices, seed, size)
    scores = {
        index: distance((picture + 1) / 2) for index, picture in zip(indices, made, strict=True)
    }
    return sorted(scores, key=lambda index: scores[index])
