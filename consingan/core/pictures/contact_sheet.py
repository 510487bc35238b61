"""Contact sheets: images with thumbnails of many pictures and their captions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from consingan.core.pictures.reading import decode_jpeg
from consingan.core.pictures.writing import encode

PICTURES = 24
"""The largest number of pictures on a page; a multiple of two and of three."""
CELL = 320
"""Longer side of a thumbnail, in pixels. Tiny pictures are enlarged by whole factors."""
GAP, CAPTION, WIDTH = 14, 20, 1600
"""Space between thumbnails, height of a caption, and largest width of a page, in pixels."""
BACKGROUND, TEXT_COLOUR = (255, 255, 255), (90, 90, 90)


@dataclass(frozen=True)
class Thumbnail:
    """A reduced picture, as the bytes of a JPEG file: of many pictures, little is in memory."""

    caption: str
    jpeg: bytes
    file: str | None
    """The name of the picture's file beside the sheet, if it was saved."""

    def image(self) -> Image.Image:
        """The reduced picture."""
        return decode_jpeg(self.jpeg)


class Thumbnails:
    """Collects thumbnails for contact sheets and a gallery."""

    def __init__(self) -> None:
        self.entries: list[Thumbnail] = []

    def add(self, caption: str, image: Image.Image, file: str | None = None) -> None:
        """Add an RGB picture's thumbnail. Larger pictures are reduced to `CELL` pixels."""
        scale = min(1.0, CELL / max(image.size))
        # Without the gap each pixel is weighed, which takes seconds of a large picture.
        small = image.resize(_scaled(image, scale), Image.Resampling.LANCZOS, reducing_gap=2.0)
        self.entries.append(Thumbnail(caption, encode(small, ".jpg"), file))

    def pages(self, row: int = 1) -> Iterator[Image.Image]:
        """The contact sheet: pages of up to `PICTURES` thumbnails in rows, with captions below.

        So many thumbnails as `row` says belong together, and are kept in one row.
        """
        together = PICTURES - PICTURES % row
        for first in range(0, max(1, len(self.entries)), together):
            yield _page(self.entries[first : first + together], row)


def _page(entries: Sequence[Thumbnail], row: int) -> Image.Image:
    """One page, at most `WIDTH` wide. All cells are equally high, and pictures as far as fits."""
    font = ImageFont.load_default(12)
    small = [entry.image() for entry in entries]
    height = max((image.height for image in small), default=CELL)
    longest = max((max(image.size) for image in small), default=CELL)
    height *= max(1, CELL // 2 // longest)
    images = [_fitted(image, height) for image in small]
    captions = (min(CELL, math.ceil(font.getlength(entry.caption))) for entry in entries)
    width = max((*(image.width for image in images), *captions), default=CELL)
    cell_width, cell_height = width + GAP, height + CAPTION + GAP
    fitting = max(1, (WIDTH - GAP) // cell_width)
    # About the aspect ratio of a screen, so that a few pictures don't make one long row.
    wanted = math.ceil(math.sqrt(len(entries) * 1.6 * cell_height / cell_width))
    columns = max(1, min(fitting, wanted, len(entries)))
    columns = min(fitting, max(1, columns // row) * row)
    size = (columns * cell_width + GAP, math.ceil(len(entries) / columns) * cell_height + GAP)
    page = Image.new("RGB", size, BACKGROUND)
    draw = ImageDraw.Draw(page)
    for place, (entry, image) in enumerate(zip(entries, images, strict=True)):
        down, across = divmod(place, columns)
        left, top = GAP + across * cell_width, GAP + down * cell_height
        page.paste(image, (left, top))
        draw.text((left, top + height + 3), entry.caption, TEXT_COLOUR, font)
    return page


def _fitted(image: Image.Image, height: int) -> Image.Image:
    """The image at a height, or as high as `CELL` pixels in width allow."""
    scale = min(height / image.height, max(CELL, height) / image.width)
    size = _scaled(image, scale)
    if size == image.size:
        return image
    whole = scale.is_integer()  # tiny pictures: each pixel becomes a square
    return image.resize(size, Image.Resampling.NEAREST if whole else Image.Resampling.LANCZOS)


def _scaled(image: Image.Image, scale: float) -> tuple[int, int]:
    width, height = (max(1, round(side * scale)) for side in image.size)
    return width, height
