"""Contact sheets: one image with thumbnails of many pictures and their captions."""

from __future__ import annotations

import math

from PIL import Image, ImageDraw, ImageFont

PICTURES = 24
"""The largest number of pictures on a sheet. Further pictures are left out."""
CELL = 320
"""Longer side of a thumbnail, in pixels. Tiny pictures are enlarged by whole factors."""
GAP, CAPTION, WIDTH = 14, 20, 1600
"""Space between thumbnails, height of a caption, and largest width of the sheet, in pixels."""
BACKGROUND, TEXT_COLOUR = (255, 255, 255), (90, 90, 90)


class Thumbnails:
    """Collects thumbnails for a contact sheet, in bounded memory."""

    def __init__(self) -> None:
        self._entries: list[tuple[str, Image.Image]] = []

    def add(self, caption: str, image: Image.Image) -> None:
        """Add a picture's thumbnail, unless the sheet is full."""
        if len(self._entries) < PICTURES:
            larger = max(1, CELL // 2 // max(image.size))
            scale = larger if larger > 1 else min(1, CELL / max(image.size))
            width, height = (max(1, round(side * scale)) for side in image.size)
            how = Image.Resampling.NEAREST if larger > 1 else Image.Resampling.LANCZOS
            # Without the gap each pixel is weighed, which takes seconds of a large picture.
            cell = image.resize((width, height), how, reducing_gap=2.0)
            self._entries.append((caption, cell))

    def sheet(self) -> Image.Image:
        """The contact sheet: thumbnails in rows, with captions below, at most `WIDTH` wide."""
        font = ImageFont.load_default(12)
        widths = (
            max(image.width, min(CELL, math.ceil(font.getlength(caption))))
            for caption, image in self._entries
        )
        width = max(widths, default=CELL)
        height = max((image.height for _, image in self._entries), default=CELL)
        cell_width, cell_height = width + GAP, height + CAPTION + GAP
        fitting = max(1, (WIDTH - GAP) // cell_width)
        # About the aspect ratio of a screen, so that a few pictures don't make one long row.
        wanted = math.ceil(math.sqrt(len(self._entries) * 1.6 * cell_height / cell_width))
        columns = max(1, min(fitting, wanted, len(self._entries)))
        rows = math.ceil(len(self._entries) / columns)
        size = (columns * cell_width + GAP, rows * cell_height + GAP)
        sheet = Image.new("RGB", size, BACKGROUND)
        draw = ImageDraw.Draw(sheet)
        for index, (caption, image) in enumerate(self._entries):
            row, column = divmod(index, columns)
            left, top = GAP + column * cell_width, GAP + row * cell_height
            sheet.paste(image, (left, top))
            draw.text((left, top + image.height + 3), caption, TEXT_COLOUR, font)
        return sheet
