"""The picture with its hole painted, without a seam."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from consingan import Sampler

INPUT_NOISE = 0.1
"""How much N(0, 1) noise is added to what enters at stage 0; editing's value."""
TOLERANCE = 0.04
"""How far, in [-1, 1], a colour may be from the picture's; about five of 255."""
PALETTE, PIXELS = 4096, 4096
"""How many of the picture's colours, and of the hole's pixels, are compared at once at most."""


def filling(sampler: Sampler, index: int = 0, seed: int = 0) -> Tensor:
    """The training picture with filling number `index` of `seed`, (1, 3, H, W) in [-1, 1].

    Known pixels are the picture's own. By how much the generator misses them around the hole is
    continued smoothly into it and taken off, as Poisson blending does (Perez et al. 2003). That
    may give colours that the picture doesn't have; they become the nearest that it has.
    """
    import torch

    from consingan import fill_unknown

    picture, known = sampler.picture, sampler.known
    if known is None:  # never so in a run of this mode
        return picture
    made = sampler.repaint(picture, index, seed, INPUT_NOISE)
    seamless = (made + fill_unknown(picture - made, known)).clamp(-1, 1)
    return torch.where(known > 0, picture, in_known_colours(seamless, picture, known))


def in_known_colours(made: Tensor, picture: Tensor, known: Tensor) -> Tensor:
    """`made` with no unknown pixel's colour farther than `TOLERANCE` from all known ones.

    Args:
        made: (1, 3, H, W) in [-1, 1].
        picture: of the same shape; its colours are taken, of at most `PALETTE` pixels.
        known: (1, 1, H, W), 1 where the picture is known, else 0.
    """
    import torch

    own = picture[0].flatten(1)[:, known.flatten() > 0]
    palette = own[:, :: -(-own.shape[1] // PALETTE)].T
    hole = known[0, 0] == 0
    moved = []
    for colours in made[0][:, hole].T.split(PIXELS):
        distance, nearest = torch.cdist(colours, palette).min(1)
        stays = (TOLERANCE / distance.clamp(min=TOLERANCE))[:, None]
        moved.append(torch.lerp(palette[nearest], colours, stays))
    result = made.clone()
    result[0][:, hole] = torch.cat(moved).T
    return result
