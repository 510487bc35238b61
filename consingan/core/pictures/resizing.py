"""Resizing pictures, and the pyramid of a picture at each stage's size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consingan.core.options.size import Size
from consingan.core.pictures.tensors import strips, to_tensor

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor


def build_pyramid(picture: Tensor, sizes: list[Size]) -> list[Tensor]:
    """`picture`, (1, 3, H, W) in [-1, 1], resized to each size; see `resize`."""
    return [resize(picture, size) for size in sizes]


def resize(picture: Tensor, size: Size) -> Tensor:
    """Resize (1, C, H, W) in [-1, 1], bicubic (a = -0.5) with antialiasing, clamped to [-1, 1]."""
    import torch.nn.functional as functional

    if tuple(picture.shape[-2:]) == size:
        return picture
    resized = functional.interpolate(picture, size, mode="bicubic", antialias=True)
    return resized.clamp(-1, 1)


def resize_image(image: Image.Image, size: Size) -> Tensor:
    """The same as `resize(to_tensor(image), size)`, bit for bit, in less memory for large images.

    Rows are resampled first, so one strip of rows is converted at a time.
    """
    import torch
    import torch.nn.functional as functional

    if (image.height, image.width) == size:
        return to_tensor(image)
    narrow = [
        functional.interpolate(
            to_tensor(strip), (strip.height, size.width), mode="bicubic", antialias=True
        )
        for _, strip in strips(image)
    ]
    resized = functional.interpolate(torch.cat(narrow, 2), size, mode="bicubic", antialias=True)
    return resized.clamp(-1, 1)
