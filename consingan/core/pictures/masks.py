"""Masks: where a picture was changed by hand, and so where the network may repaint it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from consingan.core.options.size import Size
from consingan.core.pictures.filters import gaussian_blur
from consingan.core.pictures.reading import SUFFIXES, load_picture
from consingan.core.pictures.tensors import to_image, to_tensor
from consingan.errors import PictureError

TRUNCATION = 4
"""Where the Gaussian ends, in standard deviations."""


def find_mask(picture: Path) -> Path | None:
    """The file `NAME_mask.*` beside the picture `NAME.*`, or None.

    Of several, the one with the picture's own suffix, else the first by name. Raises PictureError
    if the folder cannot be listed.
    """
    # The names are compared, not globbed: brackets and stars in them mean nothing.
    try:
        masks = [
            file
            for file in picture.parent.iterdir()
            if file.stem == f"{picture.stem}_mask" and file.suffix.lower() in SUFFIXES
        ]
    except OSError as error:
        raise PictureError(
            f"cannot look for a mask in {str(picture.parent)!r}: {error.strerror}"
        ) from None
    own = picture.suffix.lower()
    return min(masks, key=lambda file: (file.suffix.lower() != own, file.name), default=None)


def load_mask(path: Path, size: Size) -> Tensor:
    """A mask's file as (1, 1, *size) float32: 1 where the picture was changed, 0 elsewhere.

    Changed is what is brighter than mid-grey, and not transparent. A mask of another size but
    the same aspect ratio is resized. Raises PictureError if the aspect ratio is another, or the
    file is no picture.
    """
    picture = load_picture(path, background="black")
    if not picture.size.has_aspect_of(size):
        raise PictureError(
            f"the mask {str(path)!r} has {picture.size} pixels but its picture {size}; "
            "give a mask of the picture's size"
        )
    grey = picture.image.convert("L").resize((size.width, size.height), Image.Resampling.NEAREST)
    return torch.from_numpy(np.array(grey) > 127).float()[None, None]


def dilate(mask: Tensor, radius: float) -> Tensor:
    """Grow a mask, (1, 1, H, W) in {0, 1}, to all pixels within `radius` of a changed one."""
    changed = mask[0, 0] > 0.5
    height, distance = len(changed), _distance_along_rows(changed)
    grown = torch.zeros_like(changed)
    # The disk is a stack of horizontal runs, the same above and below its centre.
    for offset in range(min(int(radius), height - 1) + 1):
        run = distance <= math.floor(math.sqrt(radius**2 - offset**2))
        grown[offset:] |= run[: height - offset]
        grown[: height - offset] |= run[offset:]
    return grown.float()[None, None]


def _distance_along_rows(changed: Tensor) -> Tensor:
    """Pixels from each pixel to the nearest changed one of its row, (H, W); infinity if none."""
    columns = torch.arange(changed.shape[1], dtype=torch.float32, device=changed.device)
    last = torch.where(changed, columns, -torch.inf).cummax(dim=1).values
    following = torch.where(changed, columns, torch.inf).flip(1).cummin(dim=1).values.flip(1)
    return torch.minimum(columns - last, following - columns)


def blur(mask: Tensor, sigma: float) -> Tensor:
    """Convolve (1, 1, H, W) with a Gaussian, `sigma` > 0 in pixels, repeating the border pixels."""
    reach = int(TRUNCATION * sigma)
    padded = functional.pad(mask, (reach, reach, reach, reach), mode="replicate")
    return gaussian_blur(padded, sigma, reach)


def feather(mask: Tensor, radius: int, sigma: float = 5.0) -> Tensor:
    """Give a mask, (1, 1, H, W) in {0, 1}, soft borders; the result is in [0, 1].

    It is dilated by a disk of `radius` pixels, blurred with `sigma` pixels and scaled so that its
    minimum is 0 and its maximum 1. Further than `radius + 4 * sigma` from all changed pixels it is
    exactly 0. Without a changed pixel it is 0 everywhere, with nothing but changed ones 1.
    """
    grown = dilate(mask, radius)
    if grown.min() == grown.max():
        return grown
    # The separable kernel is a square, whose corners reach further than the Gaussian's end.
    blurred = blur(grown, sigma) * dilate(mask, radius + TRUNCATION * sigma)
    return (blurred - blurred.min()) / (blurred.max() - blurred.min())


def composite(naive: Image.Image, made: Tensor, mask: Tensor) -> Image.Image:
    """Put `made`, (1, 3, H, W) in [-1, 1], into the picture `naive` where `mask` says.

    `mask`, (1, 1, H, W) in [0, 1], is the share of `made`: at 0 the naive picture's pixels come
    back bit for bit, at 1 those that `made` has as a picture of its own.
    """
    return to_image(torch.lerp(to_tensor(naive), made.float().cpu(), mask.cpu()))
