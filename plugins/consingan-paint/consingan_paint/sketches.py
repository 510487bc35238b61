"""Sketches that are made from the training picture, as training input in place of clip art."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from consingan_paint.palette import in_colours, palette

COLOURS = (3, 8)
"""The smallest and the largest number of colours of a random sketch."""
FIXED_COLOURS = 6
"""The number of colours of the fixed sketch."""
MAX_COARSENING = 4.0
"""The largest factor by which a picture is reduced and enlarged again, for rounder outlines."""
DISTORTION = 0.15
"""Standard deviation of the shifts that distort shapes, in halves of the picture's sides."""
TINT = 0.1
"""Standard deviation of the random change of each colour, in [-1, 1] units."""


def plain_sketch(picture: Tensor) -> Tensor:
    """The picture, (1, 3, H, W) in [-1, 1], in a few flat colours, undistorted."""
    soft = _coarsened(picture, MAX_COARSENING / 2)
    return in_colours(soft, palette(picture, FIXED_COLOURS))


def random_sketch(picture: Tensor, generator: torch.Generator) -> Tensor:
    """The picture in a few flat colours, with distorted shapes, at random.

    Args:
        picture: (1, 3, H, W) in [-1, 1].
        generator: the random number generator; it may be on another device.
    """

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, device=generator.device).to(picture)

    def uniform(low: float, high: float) -> float:
        share = torch.rand(1, generator=generator, device=generator.device)
        return low + float(share) * (high - low)

    count = int(uniform(COLOURS[0], COLOURS[1] + 1))
    coarse = _coarsened(picture, uniform(1, MAX_COARSENING))
    soft = _distorted(coarse, DISTORTION * draw(1, 2, 4, 4))
    colours = palette(picture, count)
    return in_colours(soft, colours, (colours + TINT * draw(count, 3)).clamp(-1, 1))


def _coarsened(picture: Tensor, factor: float) -> Tensor:
    height, width = picture.shape[-2:]
    small = max(1, round(height / factor)), max(1, round(width / factor))
    coarse = functional.interpolate(picture, small, mode="bilinear", antialias=True)
    return functional.interpolate(coarse, (height, width), mode="bilinear")


def _distorted(picture: Tensor, shifts: Tensor) -> Tensor:
    """The picture with its pixels shifted by interpolated (1, 2, h, w) `shifts`."""
    size = picture.shape[-2:]
    smooth = functional.interpolate(shifts, size, mode="bicubic", align_corners=True)
    identity = torch.eye(2, 3, device=picture.device, dtype=picture.dtype)[None]
    grid = functional.affine_grid(identity, [1, 3, *size], align_corners=False)
    grid = grid + smooth.permute(0, 2, 3, 1)
    return functional.grid_sample(
        picture, grid, mode="bilinear", padding_mode="reflection", align_corners=False
    )
