"""The picture with its hole painted, without a seam."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consingan_inpaint.mode import INPUT_NOISE

if TYPE_CHECKING:
    from torch import Tensor

    from consingan.core.sampler import Sampler


def filling(sampler: Sampler, index: int = 0, seed: int = 0) -> Tensor:
    """The training picture with filling number `index` of `seed`, (1, 3, H, W) in [-1, 1].

    Known pixels are the picture's own. By how much the generator misses them around the hole is
    continued smoothly into it and taken off, as Poisson blending does (Perez et al. 2003).
    """
    import torch

    from consingan.core.known import fill

    picture, known = sampler.picture, sampler.known
    if known is None:  # never so in a run of this mode
        return picture
    made = sampler.repaint(picture, index, seed, INPUT_NOISE)
    return torch.where(known > 0, picture, (made + fill(picture - made, known)).clamp(-1, 1))
