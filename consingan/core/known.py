"""Which pixels of the training picture are known, for modes that must not learn from some of them.

The others are filled in before anything else sees the picture, with what the known ones lead to:
their own values are nowhere in a run. No loss counts a pixel that isn't known, or a patch of the
critic that sees one, at any stage.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from consingan.core.config import Size
from consingan.core.windows import Window
from consingan.errors import PictureError

if TYPE_CHECKING:
    from consingan.core.sampler import Sampler

REACH = 2
"""How many pixels of the result bicubic reduction blends to either side of one."""


class Known(NamedTuple):
    """What each value of a stage, or of a window of it, counts for in a mean over all of them.

    0 where something unknown takes part, elsewhere one number, such that the mean over the whole
    picture of what is weighed is the mean over what is known.
    """

    pixels: Tensor
    """(H, W)."""
    patches: Tensor
    """(H - f + 1, W - f + 1), of the critic's scores; f is the side of what it sees."""

    def cut(self, window: Window) -> Known:
        """The part of it that belongs to a window of the picture."""
        edge = self.pixels.shape[0] - self.patches.shape[0]
        (top, bottom), (left, right) = window
        patches = self.patches[top : bottom - edge, left : right - edge]
        return Known(window.cut(self.pixels), patches)

    def completed(self, real: Tensor, fake: Tensor) -> Tensor:
        """The real picture, with the fake one's pixels where it isn't known; (1, C, H, W) both."""
        return torch.where(self.pixels > 0, real, fake)


def known_at(level: Tensor, view: int) -> Known:
    """What counts at one stage.

    Args:
        level: (1, 1, H, W), 1 where the stage's picture is known and else 0.
        view: side, in pixels, of the square that one score of the critic sees.

    Raises PictureError if no such square is known as a whole.
    """
    patches = whole_patches(level, view)
    if not patches.any():
        height, width = level.shape[-2:]
        raise PictureError(
            f"the mask leaves no {view}x{view} pixels in one piece to learn from where the "
            f"picture has {Size(height, width)}; use a smaller mask, a larger --min-size "
            "or fewer --layers"
        )
    return Known(*(part[0, 0] / part.mean() for part in (level, patches)))


def known_of(sampler: Sampler) -> Known | None:
    """What counts at the newest stage of what a sampler rebuilds; None if all of it does."""
    level = sampler.known
    return None if level is None else known_at(level, sampler.options.receptive_field)


def whole_patches(level: Tensor, view: int) -> Tensor:
    """Which squares of `view` pixels are known as a whole, (1, 1, H - view + 1, W - view + 1).

    `level` is (1, 1, H, W) in {0, 1}, no smaller than a square.
    """
    return 1 - functional.max_pool2d(1 - level, view, stride=1)


def reduce_known(known: Tensor, sizes: Sequence[Size]) -> list[Tensor]:
    """A mask of known pixels, (1, 1, H, W) in {0, 1}, at each size.

    A pixel is known if all the pixels are that it covers.
    """
    return [1 - functional.adaptive_max_pool2d(1 - known, size) for size in sizes]


def reduce_strictly(known: Tensor, size: Size) -> Tensor:
    """A mask of known pixels at `size`: of those that bicubic reduction makes of known ones only.

    The mask is (1, 1, H, W) in {0, 1}, like the result, and no smaller than `size`.
    """
    if tuple(known.shape[-2:]) == size:
        return known
    [reduced] = reduce_known(known, [size])
    return 1 - functional.max_pool2d(1 - reduced, 2 * REACH + 1, stride=1, padding=REACH)


def fill(picture: Tensor, known: Tensor) -> Tensor:
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
    coarse = fill(below, (share > 0).to(known))
    smooth = functional.interpolate(coarse, (height, width), mode="bilinear")
    return torch.where(known > 0, picture, smooth)
