"""Conversion between Pillow images and tensors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from consingan.errors import PictureError

if TYPE_CHECKING:
    from torch import Tensor

STRIP_PIXELS = 2_000_000
"""Pixels that are converted at a time, to bound the memory for intermediate results."""


def strips(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Yield full-width strips of the image from top to bottom, each with its first row."""
    height = max(1, STRIP_PIXELS // max(1, image.width))
    for top in range(0, image.height, height):
        yield top, image.crop((0, top, image.width, min(top + height, image.height)))


def to_tensor(image: Image.Image) -> Tensor:
    """An RGB image as (1, 3, H, W) float32 in [-1, 1]."""
    import torch

    tensor = torch.empty(1, 3, image.height, image.width)
    for top, strip in strips(image):
        pixels = torch.from_numpy(np.array(strip.convert("RGB")))
        tensor[0, :, top : top + strip.height] = pixels.permute(2, 0, 1).float() / 127.5 - 1
    return tensor


def array_to_image(array: object) -> Image.Image:
    """An array or a tensor as an RGB image.

    Arrays of uint8 are (H, W, 3), or (H, W) for grey; floating-point ones are (3, H, W) or
    (1, 3, H, W) in [-1, 1]. Raises PictureError for anything else.
    """
    values = np.asarray(array.detach().cpu() if hasattr(array, "detach") else array)
    if values.dtype == np.uint8 and (values.ndim == 2 or values.shape[2:] == (3,)) and values.size:
        return Image.fromarray(values).convert("RGB")
    if values.dtype.kind == "f" and values.ndim == 4 and len(values) == 1:
        values = values[0]
    shaped = values.ndim == 3 and values.shape[0] == 3 and values.size
    if not (values.dtype.kind == "f" and shaped and np.abs(values).max() <= 1):
        raise PictureError(
            f"a picture is uint8 (H, W, 3), or (3, H, W) in [-1, 1], not {values.dtype} "
            f"{values.shape}"
        )
    pixels = ((values.transpose(1, 2, 0).astype(np.float64) + 1) * 127.5).round()
    return Image.fromarray(pixels.astype(np.uint8))


def to_image(tensor: Tensor) -> Image.Image:
    """(1, 3, H, W) in [-1, 1], on any device, as an RGB image. Values outside are clipped.

    Raises TypeError for another type or shape, ValueError for values that are not numbers.
    """
    shape = tuple(getattr(tensor, "shape", ()))
    if len(shape) != 4 or shape[:2] != (1, 3):
        given = f"a tensor {shape}" if shape else f"a {type(tensor).__name__}"
        raise TypeError(f"a picture is a tensor (1, 3, H, W), not {given}")
    # In place: of a large picture each copy is hundreds of megabytes.
    pixels = tensor[0].float().add(1).mul_(127.5).round_()
    if not all(end.isfinite() for end in pixels.aminmax()):
        raise ValueError("a picture has values that are not numbers, or infinite")
    pixels = pixels.clamp_(0, 255).byte()
    return Image.fromarray(pixels.permute(1, 2, 0).cpu().numpy())
