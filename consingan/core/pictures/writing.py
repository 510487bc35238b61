"""Writing Pillow images to picture files."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from consingan.core.system.atomic_files import Place, write_atomically

FORMATS: dict[str, dict[str, Any]] = {
    ".png": {"format": "PNG"},
    ".jpg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    ".jpeg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    ".webp": {"format": "WEBP", "quality": 95},
}
"""Pillow's arguments for saving a picture file, by its suffix."""


def encode_png(image: Image.Image) -> bytes:
    """The bytes of a PNG file of the image."""
    return encode(image, ".png")


def encode(image: Image.Image, suffix: str) -> bytes:
    """The bytes of a picture file of the image, in the format of the suffix."""
    buffer = BytesIO()
    image.save(buffer, **FORMATS[suffix])
    return buffer.getvalue()


def save_image(path: Path, image: Image.Image, place: Place = os.replace) -> None:
    """Write an image in the format that the path's suffix names; see `write_atomically`."""
    options = FORMATS[path.suffix.lower()]
    write_atomically(path, lambda file: image.save(file, **options), place)
