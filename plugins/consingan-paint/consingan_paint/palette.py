"""The main colours of a picture, and reducing pictures to a few colours."""

from __future__ import annotations

import torch
from torch import Tensor

PIXELS = 4096
"""How many of a picture's pixels, evenly spaced, its palette is computed from."""
ITERATIONS = 12
"""Iterations of k-means."""


def palette(picture: Tensor, colours: int) -> Tensor:
    """The k-means centres of a picture's pixels, (colours, 3) in [-1, 1].

    Each centre is initialized with the pixel farthest from the centres before it, so that nothing
    is random. Centres without pixels are kept. `picture` is (1, 3, H, W) in [-1, 1].
    """
    pixels = picture[0].flatten(1).T
    pixels = pixels[:: max(1, len(pixels) // PIXELS)]
    centres = pixels.mean(dim=0, keepdim=True)
    for _ in range(colours - 1):
        farthest = torch.cdist(pixels, centres).amin(dim=1).argmax()
        centres = torch.cat([centres, pixels[farthest, None]])
    for _ in range(ITERATIONS):
        nearest = torch.nn.functional.one_hot(_nearest(pixels, centres), colours).to(pixels)
        members = nearest.sum(dim=0)[:, None]
        centres = torch.where(members > 0, nearest.T @ pixels / members.clamp(min=1), centres)
    return centres


def in_colours(picture: Tensor, colours: Tensor, shown: Tensor | None = None) -> Tensor:
    """`picture` with each pixel replaced by the nearest of `colours`.

    Args:
        picture: (1, 3, H, W) in [-1, 1].
        colours: (K, 3) in [-1, 1].
        shown: the colours to show instead of `colours`, (K, 3) in [-1, 1], if given.
    """
    labels = _nearest(picture[0].flatten(1).T, colours)
    flat = (colours if shown is None else shown)[labels]
    return flat.T.reshape(picture.shape)


def _nearest(pixels: Tensor, colours: Tensor) -> Tensor:
    return torch.cdist(pixels, colours).argmin(dim=1)
