"""Comparing the patches of two pictures: how they look, and where they lie."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from consingan.core.options.size import Size, fit
from consingan.core.pictures.resizing import resize

PATCH_SIDE = 7
"""Side of a patch, in pixels."""
SCALES = 3
"""Number of scales: full, half and quarter size."""
DIRECTIONS = 128
"""Number of random directions that patches are projected onto."""
MAX_PATCHES = 2**18
"""Pictures with more patches use every second, third, ... one along each side, to bound memory."""
OVERVIEW_SIDE = 64
"""Longer side, in pixels, of the reduced pictures in which positions are compared."""
POSITION_TOLERANCE = 1
"""Pixels of the reduced picture by which a patch may move and still count as in place."""
EQUAL_DISTANCE = 3 * PATCH_SIDE**2 * (0.5 / 255) ** 2
"""Squared distances that differ by less count as equal: half a grey level in every value."""


class PatchDistance:
    """The distance between a picture's patches and a reference's, regardless of their positions.

    It is the sliced Wasserstein distance (Rabin et al. 2011; of patches at several scales, Karras
    et al. 2018). All 7x7 patches are projected onto a random unit direction. The Wasserstein-1
    distance of the two sets of numbers is averaged over directions and over three scales. It is 0
    for the same picture. Colours are in [0, 1]. A seed gives the same directions on every device.
    """

    def __init__(self, reference: Tensor, seed: int = 0) -> None:
        """Project the reference's patches.

        Args:
            reference: (1, 3, H, W) in [0, 1], both sides of at least 7 pixels.
            seed: draws the directions.
        """
        generator = torch.Generator().manual_seed(seed)
        drawn = torch.randn(DIRECTIONS, 3, PATCH_SIDE, PATCH_SIDE, generator=generator)
        unit = drawn / drawn.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
        self._directions = unit.to(reference.device)
        self._reference = self._project(reference)

    def __call__(self, picture: Tensor) -> float:
        """The distance of `picture`, (1, 3, H, W) in [0, 1]; it may have another size.

        Scales at which either picture is smaller than a patch are left out.
        """
        projected = zip(self._reference, self._project(picture), strict=False)
        distances = [wasserstein(ours, theirs).mean() for ours, theirs in projected]
        return float(torch.stack(distances).mean())

    def _project(self, picture: Tensor) -> list[Tensor]:
        """Each scale's patches, projected and sorted: (directions, patches), on the CPU."""
        scales: list[Tensor] = []
        while len(scales) < SCALES and min(picture.shape[-2:]) >= PATCH_SIDE:
            stride = math.ceil(math.sqrt(picture.shape[-2] * picture.shape[-1] / MAX_PATCHES))
            # Projecting every patch onto a direction is a convolution with it.
            projected = functional.conv2d(picture, self._directions, stride=stride)
            # numpy sorts far faster than torch on a CPU, which also computes the indices.
            ordered = np.sort(projected[0].flatten(1).numpy(force=True), axis=1)
            scales.append(torch.from_numpy(ordered))
            picture = functional.avg_pool2d(picture, 2)
        return scales


def wasserstein(first: Tensor, second: Tensor) -> Tensor:
    """The Wasserstein-1 distances, (L,), between the rows of two sorted (L, n) and (L, m).

    Each is the area between the two quantile functions. These are constant between multiples of
    1/n and of 1/m, so the result is exact for any n and m.
    """
    n, m = first.shape[1], second.shape[1]
    device = first.device
    steps = torch.arange(1, n + 1, device=device) * m, torch.arange(1, m + 1, device=device) * n
    ends = torch.cat(steps).unique()
    starts = torch.cat([ends.new_zeros(1), ends[:-1]])
    widths = (ends - starts).to(first.dtype) / (n * m)
    gaps = (first[:, starts // m] - second[:, starts // n]).abs()
    return gaps.mv(widths)


def share_in_place(picture: Tensor, reference: Tensor) -> float:
    """The share of a picture's patches whose most similar reference patch is at the same position.

    Both pictures are (1, 3, H, W) in [0, 1], of one size. They are reduced to 64 pixels along the
    longer side, of which a 7x7 patch is a ninth. Positions within one pixel count as the same.
    Where several patches are equally similar, as in a plain sky, one of them at the same position
    is enough. A copy gives 1. Chance alone gives nine divided by the number of positions. Pictures
    smaller than a patch give 1.
    """
    size = fit(Size(*reference.shape[-2:]), OVERVIEW_SIDE)
    if min(size) < PATCH_SIDE:
        return 1.0
    overviews = (resize(each, size) for each in (picture, reference))
    patches, targets = (functional.unfold(each, PATCH_SIDE)[0].T for each in overviews)
    squared = torch.cdist(patches, targets).square()
    rows, columns = size.height - PATCH_SIDE + 1, size.width - PATCH_SIDE + 1
    positions = torch.arange(rows * columns, device=picture.device)[:, None]
    steps = torch.arange(-POSITION_TOLERANCE, POSITION_TOLERANCE + 1, device=picture.device)
    down = (positions // columns + steps).clamp(0, rows - 1)
    across = (positions % columns + steps).clamp(0, columns - 1)
    around = (down[:, :, None] * columns + across[:, None, :]).flatten(1)
    nearest_here = squared.gather(1, around).min(dim=1).values
    return float((nearest_here <= squared.min(dim=1).values + EQUAL_DISTANCE).float().mean())
