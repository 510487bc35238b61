"""Measuring how visible the seam of a tile is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

DIMENSIONS = {"x": -1, "y": -2}
"""The tensor dimension of each axis."""


def seam(tile: Tensor, axis: str) -> float:
    """The mean colour gradient across the seam, divided by that inside the tile.

    1 means that the seam looks like any other place. A picture whose edges don't match has 2 or
    more.

    Args:
        tile: (1, 3, H, W) in [-1, 1].
        axis: "x" for the seam between right and left edge, "y" between bottom and top.
    """
    dimension = DIMENSIONS[axis]
    inside = tile.diff(dim=dimension).abs().mean()
    wrap = (tile.roll(1, dimension) - tile).abs().select(dimension, 0).mean()
    return float(wrap / inside) if float(inside) > 0 else 1.0
