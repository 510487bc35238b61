"""Enlargement in passes, each by as much as was learned, and what ties the result to its source."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, cast

from consingan import Size, resize

if TYPE_CHECKING:
    from torch import Tensor

    from consingan import Sampler, Window
    from consingan_superres.options import SuperresTrain


MARGINS = range(10, 18)
"""How many pixels of the mirrored picture a pass may see beyond its borders."""


def sizes_between(small: Size, large: Size, count: int) -> list[Size]:
    """`count` sizes from `small` to `large`, at one ratio; `large` alone if it is 1."""
    shares = [step / (count - 1) for step in range(count)] if count > 1 else [1.0]
    return [
        Size(*(round(a * (b / a) ** share) for a, b in zip(small, large, strict=True)))
        for share in shares
    ]


def passes(growth: float, factor: float) -> int:
    """How many passes of a growth above 1 come nearest to a factor above 1."""
    return max(1, round(math.log(factor) / math.log(growth)))


def enlarge(sampler: Sampler, picture: Tensor, size: Size, projections: int) -> Tensor:
    """`picture` enlarged to `size` with learned detail, (1, 3, *size) in [-1, 1].

    SinGAN (Shaham et al. 2019, section 5) enlarges the picture by r and passes it through its last
    generator, k times for a factor of r^k. Here stages hand on feature maps, not pictures, so that
    a pass runs all of them: there are few, and the first reads the picture. No noise is added.

    Args:
        sampler: of a run of this mode.
        picture: (1, 3, H, W) in [-1, 1].
        size: larger than the picture.
        projections: how often each pass is corrected by `back_project`.
    """
    small = Size(*picture.shape[-2:])
    growth = cast("SuperresTrain", sampler.options).growth
    count = passes(growth, math.sqrt(math.prod(size) / math.prod(small)))
    made = picture = picture.to(sampler.model.device)
    for below, above in pairwise(sizes_between(small, size, count + 1)):
        made = back_project(_enlarge_once(sampler, made, below, above), picture, projections)
    return made


def _enlarge_once(sampler: Sampler, picture: Tensor, below: Size, above: Size) -> Tensor:
    """One pass, beyond the borders as well: there the network paints a frame, which is cut off."""
    from torch.nn import functional

    rows, top = margins(below.height, above.height)
    columns, left = margins(below.width, above.width)
    beyond = functional.pad(picture, [columns, columns, rows, rows], mode="reflect")
    wide = Size(above.height + 2 * top, above.width + 2 * left)
    sizes = sizes_between(Size(*beyond.shape[-2:]), wide, len(sampler.sizes))
    entering = resize(beyond, sizes[0])

    def noise(level: int, window: Window) -> Tensor:
        if level == 0:
            return window.cut(entering)
        return entering.new_zeros(1, sampler.options.filters, *window.size)

    made = sampler.generate(noise, sizes)
    return made[..., top : top + above.height, left : left + above.width]


def margins(small: int, large: int) -> tuple[int, int]:
    """How many pixels to see beyond a border of a side, and how many these are once enlarged.

    Of `MARGINS`, the one that is nearest to whole pixels after the enlargement, so that nothing
    moves. Corners stay in place when stages enlarge.
    """
    ratio = (large - 1) / max(1, small - 1)
    possible = [margin for margin in MARGINS if margin < small] or [small - 1]
    best = min(possible, key=lambda margin: abs(margin * ratio - round(margin * ratio)))
    return best, round(best * ratio)


def back_project(made: Tensor, picture: Tensor, times: int) -> Tensor:
    """`made` corrected so that reducing it gives `picture` (Irani and Peleg 1991).

    Each time, what the reduced result lacks of the picture is enlarged and added.

    Args:
        made: (1, 3, H, W) in [-1, 1], larger than the picture.
        picture: (1, 3, h, w) in [-1, 1].
        times: how often.
    """
    from torch.nn import functional

    small, size = Size(*picture.shape[-2:]), made.shape[-2:]
    for _ in range(times):
        lacking = picture - resize(made, small)
        made = (made + functional.interpolate(lacking, size, mode="bicubic")).clamp(-1, 1)
    return made
