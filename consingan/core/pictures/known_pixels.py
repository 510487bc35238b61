"""Known and unknown pixels, for modes that learn from a part of the picture only.

Unknown pixels are replaced by smooth values from the known ones around them before training, so
that a run never contains their own values. At every stage, all losses leave out unknown pixels, and
the critic's scores of patches that contain one.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from consingan.core.options.size import Size

BICUBIC_REACH = 2
"""How far bicubic reduction blends to either side, in pixels of the result."""


def known_patches(known: Tensor, receptive_field: int) -> Tensor:
    """Which patches contain known pixels only, (1, 1, H - f + 1, W - f + 1) in {0, 1}.

    Args:
        known: (1, 1, H, W) in {0, 1}, at least one patch in size.
        receptive_field: the side f of a patch, in pixels.
    """
    return 1 - functional.max_pool2d(1 - known, receptive_field, stride=1)


def known_pyramid(known: Tensor, sizes: Sequence[Size]) -> list[Tensor]:
    """Which pixels are known at each stage, (1, 1, H, W) in {0, 1} each.

    At the last size a pixel is known if bicubic reduction computes it from known pixels only. At
    the other sizes a pixel is known if all pixels of the last size that it covers are known.

    Args:
        known: (1, 1, H, W) in {0, 1}, no smaller than the last size.
        sizes: the stages' sizes, smallest first.
    """
    if tuple(known.shape[-2:]) != sizes[-1]:
        unknown = 1 - _reduce(known, sizes[-1])
        side = 2 * BICUBIC_REACH + 1
        known = 1 - functional.max_pool2d(unknown, side, stride=1, padding=BICUBIC_REACH)
    return [_reduce(known, size) for size in sizes]


def _reduce(known: Tensor, size: Size) -> Tensor:
    return 1 - functional.adaptive_max_pool2d(1 - known, size)


def fill_unknown(picture: Tensor, known: Tensor) -> Tensor:
    """`picture`, (1, C, H, W), with unknown pixels interpolated from the known ones around them.

    Pull-push (Gortler et al. 1996): average the known pixels to half the size, fill that picture
    recursively, and enlarge it. `known` is (1, 1, H, W) in {0, 1}. Known pixels are returned bit
    for bit. If no pixel is known, the picture is returned unchanged.
    """
    if known.all() or not known.any():
        return picture
    if picture.device.type == "mps":  # it has no adaptive pooling of odd sizes
        return fill_unknown(picture.cpu(), known.cpu()).to(picture.device)
    masked = torch.where(known > 0, picture, 0)
    height, width = picture.shape[-2:]
    half = (height + 1) // 2, (width + 1) // 2
    share = functional.adaptive_avg_pool2d(known, half)
    below = functional.adaptive_avg_pool2d(masked, half) / share.clamp(min=1e-6)
    coarse = fill_unknown(below, (share > 0).to(known))
    smooth = functional.interpolate(coarse, (height, width), mode="bilinear")
    return torch.where(known > 0, picture, smooth)
