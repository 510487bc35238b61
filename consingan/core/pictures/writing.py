"""Writing Pillow images to picture files."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from consingan.core.system.atomic_files import write_atomically

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


def save_image(path: Path, image: Image.Image) -> None:
    """Write an image atomically, in the format that the path's suffix names. Raises OSError."""
    write_atomically(path, lambda file: image.save(file, **FORMATS[path.suffix.lower()]))
