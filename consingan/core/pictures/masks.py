"""Masks: where a picture was edited by hand, and so where it is repainted."""

from __future__ import annotations

import math
from pathlib import Path
from unicodedata import normalize

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

MID_GREY = 127
"""Brighter pixels of a mask are white."""
MIN_SHARE = 2e-4
"""A mask that marks a smaller share of the picture marks next to nothing."""
TRUNCATION = 4
"""Radius at which the Gaussian is cut off, in standard deviations."""


def find_mask(picture: Path) -> Path | None:
    """The mask `NAME_mask.*` beside the picture `NAME.*`, or None.

    If there are several, it is the one with the picture's suffix, or else the first by name. Raises
    PictureError if the folder cannot be listed.
    """
    # Not by globbing: a picture's name may contain brackets and stars.
    name = normalize("NFC", f"{picture.stem}_mask")
    try:
        masks = [
            file
            for file in picture.parent.iterdir()
            if normalize("NFC", file.stem) == name and file.suffix.lower() in SUFFIXES
        ]
    except OSError as error:
        raise PictureError(
            f"cannot look for a mask in {str(picture.parent)!r}: {error.strerror}"
        ) from None
    own = picture.suffix.lower()
    return min(masks, key=lambda file: (file.suffix.lower() != own, file.name), default=None)


def load_mask(path: Path, size: Size) -> Tensor:
    """Read a mask as (1, 1, *size) float32: 1 where the picture was changed, 0 elsewhere.

    Pixels count as changed if they are brighter than mid-grey and not transparent. Without such
    pixels, those that are opaque count, or of two greys, such as the labels 0 and 1, the brighter.
    A mask of another size is resized. Raises PictureError if its aspect ratio differs from that of
    `size`, if it marks next to nothing, or if the file isn't a picture.
    """
    picture = load_picture(path, background="black")
    if not picture.size.has_aspect_of(size):
        raise PictureError(
            f"the mask {str(path)!r} has {picture.size} pixels but its picture {size}; "
            "give a mask of the picture's size"
        )
    grey = picture.image.convert("L")
    brightest = int(np.asarray(grey).max())
    changed = _marked(grey, path).resize((size.width, size.height), Image.Resampling.NEAREST)
    mask = torch.from_numpy(np.array(changed)).float()[None, None]
    if mask.mean() < MIN_SHARE:
        much = "next to nothing" if mask.any() else "nothing"
        reason = "" if brightest > MID_GREY else f": its brightest grey is {brightest} of 255"
        raise PictureError(
            f"the mask {str(path)!r} marks {much}{reason}; paint white what is to change"
        )
    return mask


def _marked(grey: Image.Image, path: Path) -> Image.Image:
    """The mask with what it marks as 1; `grey` is the mask on black."""
    values = np.asarray(grey)
    changed = values > MID_GREY
    if not changed.any():
        on_white = np.asarray(load_picture(path, background="white").image.convert("L"))
        opaque = on_white.astype(int) - values <= MID_GREY
        labels = np.unique(values)
        if not opaque.all():
            changed = opaque
        elif len(labels) == 2:
            changed = values == labels[1]
    return Image.fromarray(changed.astype(np.uint8))


def dilate(mask: Tensor, radius: float) -> Tensor:
    """Dilate a mask, (1, 1, H, W) in {0, 1}, by a disk of `radius` pixels."""
    changed = mask[0, 0] > 0.5
    height, distance = len(changed), _distance_along_rows(changed)
    grown = torch.zeros_like(changed)
    # A disk is a stack of horizontal runs, symmetric about its centre.
    for offset in range(min(int(radius), height - 1) + 1):
        run = distance <= math.floor(math.sqrt(radius**2 - offset**2))
        grown[offset:] |= run[: height - offset]
        grown[: height - offset] |= run[offset:]
    return grown.float()[None, None]


def _distance_along_rows(changed: Tensor) -> Tensor:
    """Distance to the nearest changed pixel in the same row, (H, W); infinity if there is none."""
    columns = torch.arange(changed.shape[1], dtype=torch.float32, device=changed.device)
    last = torch.where(changed, columns, -torch.inf).cummax(dim=1).values
    following = torch.where(changed, columns, torch.inf).flip(1).cummin(dim=1).values.flip(1)
    return torch.minimum(columns - last, following - columns)


def blur(mask: Tensor, sigma: float) -> Tensor:
    """Convolve (1, 1, H, W) with a Gaussian of `sigma` > 0 pixels; border pixels are repeated."""
    reach = int(TRUNCATION * sigma)
    padded = functional.pad(mask, (reach, reach, reach, reach), mode="replicate")
    return gaussian_blur(padded, sigma, reach)


def feather(mask: Tensor, radius: int, sigma: float = 5.0) -> Tensor:
    """Give a mask, (1, 1, H, W) in {0, 1}, soft edges; the result is in [0, 1].

    The mask is dilated by a disk of `radius` pixels, blurred with `sigma` pixels, and scaled to a
    minimum of 0 and a maximum of 1. It is exactly 0 at distances above `radius + 4 * sigma` from
    all changed pixels. A mask of one value keeps that value.
    """
    grown = dilate(mask, radius)
    if grown.min() == grown.max():
        return grown
    # The separable kernel is a square, whose corners lie beyond the cut-off radius.
    blurred = blur(grown, sigma) * dilate(mask, radius + TRUNCATION * sigma)
    return (blurred - blurred.min()) / (blurred.max() - blurred.min())


def composite(naive: Image.Image, made: Tensor, mask: Tensor) -> Image.Image:
    """Blend `made`, (1, 3, H, W) in [-1, 1], over the picture `naive` with an alpha mask.

    `mask`, (1, 1, H, W) in [0, 1], is the opacity of `made`. Where it is 0 the naive picture's
    pixels are kept bit for bit. Where it is 1 they are those of `to_image(made)`.
    """
    return to_image(torch.lerp(to_tensor(naive), made.float().cpu(), mask.cpu()))
