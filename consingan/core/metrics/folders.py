"""Folders of pictures to score, such as another tool's samples."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from consingan.core.options.size import ASPECT_TOLERANCE, Size
from consingan.core.pictures.reading import SUFFIXES, load_picture
from consingan.core.pictures.resizing import resize
from consingan.core.pictures.tensors import to_tensor
from consingan.errors import Note, OptionError, PictureError

if TYPE_CHECKING:
    from torch import Tensor

NOT_SAMPLES = ("sheet", "reconstruction")
"""Names of files beside samples that are no samples. A prefix and a dash may precede them, and a
dash and a number may follow."""


def find_pictures(folder: Path) -> list[Path]:
    """The picture files of a folder, sorted by name, except `NOT_SAMPLES`. Raises OptionError."""
    try:
        files = [file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES]
    except OSError as error:
        raise OptionError(f"cannot read {str(folder)!r}: {error.strerror}", "against") from None
    beside = re.compile(rf"(.*-)?({'|'.join(NOT_SAMPLES)})(-\d+)?", re.DOTALL)
    chosen = [file for file in files if not beside.fullmatch(file.stem)]
    if not chosen:
        suffixes = ", ".join(SUFFIXES)
        raise OptionError(f"{str(folder)!r} holds no pictures ({suffixes})", "against")
    if any(file.suffix.lower() in (".jpg", ".jpeg") for file in chosen):
        warnings.warn(
            f"{str(folder)!r} holds JPEG files, whose compression moves the figures; "
            "the samples are scored as PNG",
            Note,
            stacklevel=3,
        )
    return sorted(chosen)


def load_pictures(files: list[Path], size: Size) -> Iterator[Tensor]:
    """Yield the pictures, (1, 3, H, W) in [0, 1], resized to `size` if they differ noticeably.

    Raises PictureError for a picture of another aspect ratio.
    """
    resized = 0
    for file in files:
        picture = load_picture(file)
        if not picture.size.has_aspect_of(size):
            raise PictureError(
                f"{str(file)!r} has {picture.size} pixels but the training picture {size}; "
                "compare pictures of its aspect ratio"
            )
        pixels = to_tensor(picture.image)
        tall, wide = picture.size.height / size.height, picture.size.width / size.width
        if max(abs(tall - 1), abs(wide - 1)) > max(ASPECT_TOLERANCE, 1 / min(size)):
            pixels = resize(pixels, size)
            resized += 1
        yield (pixels + 1) / 2
    if resized:
        warnings.warn(f"{resized} of {len(files)} were resized to {size}", Note, stacklevel=2)
