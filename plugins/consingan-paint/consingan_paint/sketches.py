"""Sketches out of the picture itself: what training shows the generator in place of clip art."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from consingan_paint.palette import in_colours, palette

COLOURS = (3, 8)
"""Fewest and most colours of a sketch."""
FIXED_COLOURS = 6
SOFTEST = 4.0
"""By how much at most a picture is coarsened before its colours are counted: rounder outlines."""
BEND = 0.15
"""How far shapes are bent, as a standard deviation in halves of the picture's sides."""
TINT = 0.1
"""Standard deviation of what is added to each colour, in [-1, 1] units."""


def plain_sketch(picture: Tensor) -> Tensor:
    """The picture, (1, 3, H, W) in [-1, 1], in a few colours, its shapes where they are."""
    soft = _coarsened(picture, SOFTEST / 2)
    return in_colours(soft, palette(picture, FIXED_COLOURS))


def random_sketch(picture: Tensor, generator: torch.Generator) -> Tensor:
    """The picture in a few flat colours, bent: as crude as clip art, and each time another.

    Args:
        picture: (1, 3, H, W) in [-1, 1].
        generator: the source of randomness; it may be on another device.
    """

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, device=generator.device).to(picture)

    def uniform(low: float, high: float) -> float:
        share = torch.rand(1, generator=generator, device=generator.device)
        return low + float(share) * (high - low)

    count = int(uniform(COLOURS[0], COLOURS[1] + 1))
    soft = _bent(_coarsened(picture, uniform(1, SOFTEST)), BEND * draw(1, 2, 4, 4))
    colours = palette(picture, count)
    return in_colours(soft, colours, (colours + TINT * draw(count, 3)).clamp(-1, 1))


def _coarsened(picture: Tensor, factor: float) -> Tensor:
    height, width = picture.shape[-2:]
    small = max(1, round(height / factor)), max(1, round(width / factor))
    coarse = functional.interpolate(picture, small, mode="bilinear", antialias=True)
    return functional.interpolate(coarse, (height, width), mode="bilinear")


def _bent(picture: Tensor, shifts: Tensor) -> Tensor:
    """The picture pulled about by (1, 2, h, w) shifts, which are interpolated in between."""
    size = picture.shape[-2:]
    smooth = functional.interpolate(shifts, size, mode="bicubic", align_corners=True)
    still = torch.eye(2, 3, device=picture.device, dtype=picture.dtype)[None]
    grid = functional.affine_grid(still, [1, 3, *size], align_corners=False)
    grid = grid + smooth.permute(0, 2, 3, 1)
    return functional.grid_sample(
        picture, grid, mode="bilinear", padding_mode="reflection", align_corners=False
    )
