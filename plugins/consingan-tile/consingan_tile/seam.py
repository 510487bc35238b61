"""How visible the seam of a tile is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

DIMENSIONS = {"x": -1, "y": -2}


def seam(tile: Tensor, axis: str) -> float:
    """The mean gradient across the wrap, as a factor on the mean gradient inside.

    1 is a seam that looks like any other place; a picture that doesn't continue has 2 and more.

    Args:
        tile: (1, 3, H, W) in [-1, 1].
        axis: "x", from the right edge to the left one, or "y", from the lower to the upper.
    """
    dimension = DIMENSIONS[axis]
    inside = tile.diff(dim=dimension).abs().mean()
    wrap = (tile.roll(1, dimension) - tile).abs().select(dimension, 0).mean()
    return float(wrap / inside) if float(inside) > 0 else 1.0
