"""Making masks without an editor: of boxes, of brush strokes, and of what was changed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from consingan.core.options.size import Size
from consingan.core.pictures.masks import MIN_SHARE, blur, dilate
from consingan.core.pictures.resizing import resize_image
from consingan.core.pictures.tensors import to_tensor
from consingan.errors import PictureError

Point = tuple[float, float]
"""Pixels from the left and from the top."""
DIFFERENCE = 0.08
"""A larger difference of a channel, in [0, 1], is a change; compression and resizing make less."""
SMOOTHING = 1.0
"""Standard deviation, in pixels, of the blur before pictures are compared."""
CLOSING, GROWING = 4, 2
"""Pixels by which holes are closed, and the whole is grown after that."""


def box_mask(size: Size, boxes: Sequence[tuple[float, float, float, float]]) -> Image.Image:
    """White where any of the boxes is: left, top, width and height in pixels."""
    image, draw = _empty(size)
    for box in boxes:
        left, top, width, height = map(round, box)
        if width < 1 or height < 1:
            raise PictureError(f"a box of {width}x{height} pixels marks nothing")
        draw.rectangle((left, top, left + width - 1, top + height - 1), fill=255)
    return image


def brush_mask(size: Size, strokes: Sequence[Sequence[Point]], radius: float) -> Image.Image:
    """White within `radius` pixels of the strokes, which are lines from point to point."""
    image, draw = _empty(size)
    for points in strokes:
        draw.line([*points], fill=255, width=max(1, round(2 * radius)))
        for x, y in points:
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return image


def changed_mask(picture: Image.Image, original: Image.Image) -> Image.Image:
    """White where a picture differs from the original that it was made from.

    The two are compared at the smaller one's size. What differs is closed and grown a little.
    Raises PictureError if their shapes differ.
    """
    size = Size(picture.height, picture.width)
    other = Size(original.height, original.width)
    if not size.has_aspect_of(other):
        raise PictureError(
            f"the picture has {size} pixels but the original {other}; compare pictures of one shape"
        )
    changed = _changed(picture, original, min(size, other))
    image = Image.fromarray((changed[0, 0] * 255).byte().numpy())
    return image.resize((size.width, size.height), Image.Resampling.NEAREST)


def share_of(mask: Image.Image) -> float:
    """The share of a mask that is white."""
    return float((np.asarray(mask) > 0).mean())


def check_mask(mask: Image.Image) -> Image.Image:
    """The mask itself. Raises PictureError if it marks next to nothing."""
    if share_of(mask) < MIN_SHARE:
        raise PictureError("nothing would be white in this mask; check the places that are given")
    return mask


def _changed(picture: Image.Image, original: Image.Image, size: Size) -> Tensor:
    """1 where two pictures differ at a size, closed and grown, and 0 elsewhere, (1, 1, *size)."""
    smooth = [
        blur(resize_image(each, size).transpose(0, 1), SMOOTHING) for each in (picture, original)
    ]
    difference = (smooth[0] - smooth[1]).abs().amax(dim=0, keepdim=True) / 2
    changed = (difference > DIFFERENCE).float()
    closed = 1 - dilate(1 - dilate(changed, CLOSING), CLOSING)
    return dilate(torch.maximum(closed, changed), GROWING)


def paste(
    thing: Image.Image, alpha: Image.Image, picture: Image.Image, at: Point, scale: float = 1.0
) -> tuple[Image.Image, Image.Image]:
    """Paste an object onto a picture: the naive picture, and the mask of the object.

    Args:
        thing: the object, RGB.
        alpha: its opacity, of its size, of one channel.
        picture: what it is pasted onto, RGB.
        at: where its left and top end up, in the picture's pixels.
        scale: a factor on its size.

    Raises PictureError if nothing of it would be seen.
    """
    size = max(1, round(thing.width * scale)), max(1, round(thing.height * scale))
    thing, alpha = (each.resize(size, Image.Resampling.LANCZOS) for each in (thing, alpha))
    place = round(at[0]), round(at[1])
    naive, mask = picture.copy(), Image.new("L", picture.size)
    naive.paste(thing, place, alpha)
    mask.paste(alpha.point(lambda value: 255 * (value > 127)), place)
    return naive, check_mask(mask)


def opacity(on_black: Image.Image, on_white: Image.Image) -> Image.Image:
    """The opacity of a picture, from what it looks like on black and on white."""
    difference = (to_tensor(on_white) - to_tensor(on_black)).mean(dim=1)[0] / 2
    return Image.fromarray(((1 - difference).clamp(0, 1) * 255).round().byte().numpy())


def _empty(size: Size) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("L", (size.width, size.height))
    return image, ImageDraw.Draw(image)
