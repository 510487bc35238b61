"""Filling the hole of a picture without a visible seam."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from consingan import Sampler

INPUT_NOISE = 0.1
"""Standard deviation of the noise added to the input of stage 0, as in editing."""
COLOUR_TOLERANCE = 0.04
"""How far a colour may be from the picture's colours, in [-1, 1] units: about 5 of 255 levels."""
MAX_COLOURS, MAX_PIXELS = 4096, 4096
"""How many of the picture's colours are used, and how many pixels are compared at once."""


def filling(sampler: Sampler, index: int = 0, seed: int = 0) -> Tensor:
    """The training picture with filling number `index` of `seed`, (1, 3, H, W) in [-1, 1].

    Known pixels are the picture's own. The generator's error at the known pixels is interpolated
    smoothly into the hole and subtracted, as in Poisson blending (Perez et al. 2003). Colours that
    are then far from all of the picture's are moved towards the nearest.
    """
    import torch

    from consingan import fill_unknown

    picture, known = sampler.picture, sampler.known
    if known is None:  # doesn't occur in a run of this mode
        return picture
    made = sampler.repaint(picture, index, seed, INPUT_NOISE)
    seamless = (made + fill_unknown(picture - made, known)).clamp(-1, 1)
    return torch.where(known > 0, picture, in_known_colours(seamless, picture, known))


def in_known_colours(made: Tensor, picture: Tensor, known: Tensor) -> Tensor:
    """`made` with each unknown pixel's colour within `COLOUR_TOLERANCE` of a known colour.

    Args:
        made: (1, 3, H, W) in [-1, 1].
        picture: of the same shape; the colours of at most `MAX_COLOURS` of its pixels are used.
        known: (1, 1, H, W), 1 where the picture is known and 0 elsewhere.
    """
    import torch

    own = picture[0].flatten(1)[:, known.flatten() > 0]
    palette = own[:, :: -(-own.shape[1] // MAX_COLOURS)].T
    hole = known[0, 0] == 0
    moved = []
    for colours in made[0][:, hole].T.split(MAX_PIXELS):
        distance, nearest = torch.cdist(colours, palette).min(1)
        share = (COLOUR_TOLERANCE / distance.clamp(min=COLOUR_TOLERANCE))[:, None]
        moved.append(torch.lerp(palette[nearest], colours, share))
    result = made.clone()
    result[0][:, hole] = torch.cat(moved).T
    return result
