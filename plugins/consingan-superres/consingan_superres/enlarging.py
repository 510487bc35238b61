"""Enlarging a picture in several passes of the generator, with back-projection."""

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
"""Possible numbers of mirrored pixels that are padded at each border before a pass."""


def sizes_between(small: Size, large: Size, count: int) -> list[Size]:
    """`count` sizes from `small` to `large` with a constant ratio; for 1, `large` alone."""
    shares = [step / (count - 1) for step in range(count)] if count > 1 else [1.0]
    return [
        Size(*(round(a * (b / a) ** share) for a, b in zip(small, large, strict=True)))
        for share in shares
    ]


def passes(growth: float, factor: float) -> int:
    """The number of passes, each by the factor `growth`, that comes nearest to `factor` in total.

    Both are above 1.
    """
    return max(1, round(math.log(factor) / math.log(growth)))


def enlarge(sampler: Sampler, picture: Tensor, size: Size, projections: int) -> Tensor:
    """`picture` enlarged to `size` with learned detail, (1, 3, *size) in [-1, 1].

    SinGAN (Shaham et al. 2019, section 5) enlarges the picture by r and passes it through its last
    generator, k times for a factor of r^k. Here stages pass on feature maps, not pictures, and only
    the first one reads a picture. So each pass runs all stages, of which there are few. No noise is
    added.

    Args:
        sampler: the sampler of a run of this mode.
        picture: (1, 3, H, W) in [-1, 1].
        size: the result's size, larger than the picture.
        projections: the number of back-projections after each pass.
    """
    small = Size(*picture.shape[-2:])
    growth = cast("SuperresTrain", sampler.options).growth
    count = passes(growth, math.sqrt(math.prod(size) / math.prod(small)))
    made = picture = picture.to(sampler.model.device)
    for below, above in pairwise(sizes_between(small, size, count + 1)):
        made = back_project(_enlarge_once(sampler, made, below, above), picture, projections)
    return made


def _enlarge_once(sampler: Sampler, picture: Tensor, below: Size, above: Size) -> Tensor:
    """One pass, with mirrored margins: the network makes a frame at borders, which is cut off."""
    from torch.nn import functional

    rows, top = margins(below.height, above.height)
    columns, left = margins(below.width, above.width)
    padded = functional.pad(picture, [columns, columns, rows, rows], mode="reflect")
    wide = Size(above.height + 2 * top, above.width + 2 * left)
    sizes = sizes_between(Size(*padded.shape[-2:]), wide, len(sampler.sizes))
    entering = resize(padded, sizes[0])

    def noise(level: int, window: Window) -> Tensor:
        if level == 0:
            return window.cut(entering)
        return entering.new_zeros(1, sampler.options.filters, *window.size)

    made = sampler.generate(noise, sizes)
    return made[..., top : top + above.height, left : left + above.width]


def margins(small: int, large: int) -> tuple[int, int]:
    """The number of pixels to pad at each border of a side, before and after the enlargement.

    It is the one of `MARGINS` that is nearest to whole pixels after the enlargement, so that the
    picture isn't shifted. Stages upsample with aligned corners.
    """
    ratio = (large - 1) / max(1, small - 1)
    possible = [margin for margin in MARGINS if margin < small] or [small - 1]
    best = min(possible, key=lambda margin: abs(margin * ratio - round(margin * ratio)))
    return best, round(best * ratio)


def back_project(made: Tensor, picture: Tensor, times: int) -> Tensor:
    """Iterative back-projection (Irani and Peleg 1991): correct `made` to reduce to `picture`.

    Each iteration reduces the result, and adds the enlarged difference from the picture.

    Args:
        made: (1, 3, H, W) in [-1, 1], larger than the picture.
        picture: (1, 3, h, w) in [-1, 1].
        times: the number of iterations.
    """
    from torch.nn import functional

    small, size = Size(*picture.shape[-2:]), made.shape[-2:]
    for _ in range(times):
        difference = picture - resize(made, small)
        made = (made + functional.interpolate(difference, size, mode="bicubic")).clamp(-1, 1)
    return made
