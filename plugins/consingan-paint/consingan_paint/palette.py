"""The few colours that stand for a picture's many, and pictures in those colours only."""

from __future__ import annotations

import torch
from torch import Tensor

PIXELS = 4096
"""How many of a picture's pixels, evenly chosen, its palette is found from."""
ROUNDS = 12


def palette(picture: Tensor, colours: int) -> Tensor:
    """The centres of k-means on a picture's pixels, (colours, 3) in [-1, 1].

    Each centre starts as the pixel farthest from those before it, so that nothing is random; a
    centre that no pixel is nearest to stays where it is. `picture` is (1, 3, H, W) in [-1, 1].
    """
    pixels = picture[0].flatten(1).T
    pixels = pixels[:: max(1, len(pixels) // PIXELS)]
    centres = pixels.mean(dim=0, keepdim=True)
    for _ in range(colours - 1):
        farthest = torch.cdist(pixels, centres).amin(dim=1).argmax()
        centres = torch.cat([centres, pixels[farthest, None]])
    for _ in range(ROUNDS):
        nearest = torch.nn.functional.one_hot(_nearest(pixels, centres), colours).to(pixels)
        members = nearest.sum(dim=0)[:, None]
        centres = torch.where(members > 0, nearest.T @ pixels / members.clamp(min=1), centres)
    return centres


def in_colours(picture: Tensor, colours: Tensor, shown: Tensor | None = None) -> Tensor:
    """`picture` with each pixel's nearest of `colours`; or what `shown` has in its place.

    Args:
        picture: (1, 3, H, W) in [-1, 1].
        colours: (K, 3) in [-1, 1].
        shown: (K, 3), or None for `colours` themselves.
    """
    labels = _nearest(picture[0].flatten(1).T, colours)
    flat = (colours if shown is None else shown)[labels]
    return flat.T.reshape(picture.shape)


def _nearest(pixels: Tensor, colours: Tensor) -> Tensor:
    return torch.cdist(pixels, colours).argmin(dim=1)
