"""What the patches of two pictures have in common: how they look, and where they lie."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from consingan.core.options.size import Size, fit
from consingan.core.pictures.resizing import resize

SIDE = 7
"""Pixels along the side of a patch."""
SCALES = 3
"""The picture as it is, at half its size, at a quarter."""
DIRECTIONS = 128
"""Random directions that patches are projected onto."""
MAX_PATCHES = 2**18
"""Of larger pictures, every second, third, ... patch along each side is taken, to bound memory."""
OVERVIEW = 64
"""Longer side, in pixels, at which places are compared."""
NEARBY = 1
"""Pixels of the overview by which a patch may move and still be in its place."""
SAME = 3 * SIDE**2 * (0.5 / 255) ** 2
"""Squared distances that differ by less are equal: half a grey level in every number."""


class PatchDistance:
    """How far a picture's patches are from a reference's, whatever their places; 0 for the same.

    The sliced Wasserstein distance (Rabin et al. 2011; of patches at several scales, Karras et al.
    2018): project all 7x7 patches onto a random unit direction, take the Wasserstein-1 distance of
    the two sets of numbers, and average over directions and over three scales. Colours are in
    [0, 1]. The same seed draws the same directions on every device.
    """

    def __init__(self, reference: Tensor, seed: int = 0) -> None:
        """Args: `reference`, (1, 3, H, W) in [0, 1], both sides of at least 7 pixels."""
        generator = torch.Generator().manual_seed(seed)
        drawn = torch.randn(DIRECTIONS, 3, SIDE, SIDE, generator=generator)
        unit = drawn / drawn.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
        self._directions = unit.to(reference.device)
        self._reference = self._project(reference)

    def __call__(self, picture: Tensor) -> float:
        """The distance of `picture`, (1, 3, H, W) in [0, 1]; it may have another size.

        Scales at which either picture is smaller than a patch do not count.
        """
        projected = zip(self._reference, self._project(picture), strict=False)
        distances = [wasserstein(ours, theirs).mean() for ours, theirs in projected]
        return float(torch.stack(distances).mean())

    def _project(self, picture: Tensor) -> list[Tensor]:
        """Each scale's patches, projected and sorted: (directions, patches), on the CPU."""
        scales: list[Tensor] = []
        while len(scales) < SCALES and min(picture.shape[-2:]) >= SIDE:
            stride = math.ceil(math.sqrt(picture.shape[-2] * picture.shape[-1] / MAX_PATCHES))
            # To project every patch onto a direction is to convolve with it.
            projected = functional.conv2d(picture, self._directions, stride=stride)
            # numpy sorts far faster than torch on a CPU, which would sort their places as well.
            ordered = np.sort(projected[0].flatten(1).numpy(force=True), axis=1)
            scales.append(torch.from_numpy(ordered))
            picture = functional.avg_pool2d(picture, 2)
        return scales


def wasserstein(first: Tensor, second: Tensor) -> Tensor:
    """The Wasserstein-1 distance along each line, (L,), between sorted numbers, (L, n) and (L, m).

    It is the area between the two quantile functions, which are constant between multiples of 1/n
    and of 1/m: exact for any n and m.
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
    """The share of a picture's patches whose most similar reference patch lies at the same place.

    Both are (1, 3, H, W) in [0, 1], of one size, and are compared at 64 pixels along the longer
    side: 7x7 patches are then a ninth of it. A place is the same within one pixel; where several
    are equally similar, as in a plain sky, it suffices that one of them is. 1 for a copy; chance
    alone gives nine divided by the number of places. Pictures smaller than a patch give 1.
    """
    size = fit(Size(*reference.shape[-2:]), OVERVIEW)
    if min(size) < SIDE:
        return 1.0
    overviews = (resize(each, size) for each in (picture, reference))
    patches, targets = (functional.unfold(each, SIDE)[0].T for each in overviews)
    squared = torch.cdist(patches, targets).square()
    rows, columns = size.height - SIDE + 1, size.width - SIDE + 1
    places = torch.arange(rows * columns, device=picture.device)[:, None]
    steps = torch.arange(-NEARBY, NEARBY + 1, device=picture.device)
    down = (places // columns + steps).clamp(0, rows - 1)
    across = (places % columns + steps).clamp(0, columns - 1)
    around = (down[:, :, None] * columns + across[:, None, :]).flatten(1)
    nearest_here = squared.gather(1, around).min(dim=1).values
    return float((nearest_here <= squared.min(dim=1).values + SAME).float().mean())
