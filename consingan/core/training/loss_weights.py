"""What each value counts for in a loss where only some pixels of the training picture are known."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from consingan.core.networks.window import Window
from consingan.core.options.size import Size
from consingan.core.pictures.known_pixels import known_patches
from consingan.errors import PictureError


class KnownWeights(NamedTuple):
    """The weight of each value of a stage, or of a window of it, in a mean over all of them.

    A value that an unknown pixel takes part in has weight 0. All others have the same weight, such
    that the weighted mean over the whole picture is the mean over what is known.
    """

    pixels: Tensor
    """(H, W)."""
    patches: Tensor
    """(H - f + 1, W - f + 1), of the critic's scores; f is its receptive field."""

    def cut(self, window: Window) -> KnownWeights:
        """The weights in a window of the picture."""
        edge = self.pixels.shape[0] - self.patches.shape[0]
        (top, bottom), (left, right) = window
        patches = self.patches[top : bottom - edge, left : right - edge]
        return KnownWeights(window.cut(self.pixels), patches)

    def completed(self, real: Tensor, fake: Tensor) -> Tensor:
        """The real picture with the fake's pixels where it isn't known; (1, C, H, W) both."""
        return torch.where(self.pixels > 0, real, fake)


def known_weights(known: Tensor | None, receptive_field: int) -> KnownWeights | None:
    """The weights at one stage; None if all of it is known.

    Args:
        known: (1, 1, H, W), 1 where the stage's picture is known and else 0; None if it is
            everywhere.
        receptive_field: side, in pixels, of the square that one score of the critic sees.

    Raises PictureError if no such square is known as a whole.
    """
    if known is None:
        return None
    patches = known_patches(known, receptive_field)
    if not patches.any():
        raise PictureError(
            f"the mask leaves no {receptive_field}x{receptive_field} pixels in one piece to learn "
            f"from where the picture has {Size(*known.shape[-2:])}; use a smaller mask, a larger "
            "--min-size or fewer --layers"
        )
    return KnownWeights(*(part[0, 0] / part.mean() for part in (known, patches)))
