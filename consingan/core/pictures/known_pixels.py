"""Which pixels of the training picture are known, for modes that must not learn from some of them.

The others are filled in before anything else sees the picture, with what the known ones lead to:
their own values are nowhere in a run. No loss counts a pixel that isn't known, or a patch of the
critic that sees one, at any stage.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from consingan.core.options.size import Size

REACH = 2
"""How many pixels of the result bicubic reduction blends to either side of one."""


def known_patches(known: Tensor, receptive_field: int) -> Tensor:
    """Which patches are known as a whole, (1, 1, H - f + 1, W - f + 1) in {0, 1}.

    Args:
        known: (1, 1, H, W) in {0, 1}; no side is smaller than a patch.
        receptive_field: the side f of a patch, in pixels.
    """
    return 1 - functional.max_pool2d(1 - known, receptive_field, stride=1)


def known_pyramid(known: Tensor, sizes: Sequence[Size]) -> list[Tensor]:
    """Which pixels are known at each stage's size, (1, 1, H, W) in {0, 1} each.

    At the last size a pixel is known if bicubic reduction makes it of known pixels only; at the
    others, if all the pixels are known that it covers there.

    Args:
        known: (1, 1, H, W) in {0, 1}, no smaller than the last size.
        sizes: the stages' sizes, smallest first.
    """
    if tuple(known.shape[-2:]) != sizes[-1]:
        reduced = _reduce(known, sizes[-1])
        known = 1 - functional.max_pool2d(1 - reduced, 2 * REACH + 1, stride=1, padding=REACH)
    return [_reduce(known, size) for size in sizes]


def _reduce(known: Tensor, size: Size) -> Tensor:
    return 1 - functional.adaptive_max_pool2d(1 - known, size)


def fill_unknown(picture: Tensor, known: Tensor) -> Tensor:
    """`picture`, (1, C, H, W), with its unknown pixels replaced by what lies around them.

    Pull and push (Gortler et al. 1996): the known pixels' averages at half the size are filled in
    the same way and then enlarged. `known` is (1, 1, H, W) in {0, 1}; where it is 1 the picture
    comes back bit for bit, and all of it if it is 1 nowhere.
    """
    if known.all() or not known.any():
        return picture
    weighed = torch.where(known > 0, picture, 0)
    height, width = picture.shape[-2:]
    half = (height + 1) // 2, (width + 1) // 2
    share = functional.adaptive_avg_pool2d(known, half)
    below = functional.adaptive_avg_pool2d(weighed, half) / share.clamp(min=1e-6)
    coarse = fill_unknown(below, (share > 0).to(known))
    smooth = functional.interpolate(coarse, (height, width), mode="bilinear")
    return torch.where(known > 0, picture, smooth)
