"""Contact sheets: many pictures on one, each with its name."""

from __future__ import annotations

import math

from PIL import Image, ImageDraw, ImageFont

PICTURES = 24
"""How many pictures a sheet shows at most; the rest are only files."""
CELL = 320
"""Longer side of a picture on the sheet, in pixels; tiny ones are enlarged by whole factors."""
GAP, CAPTION, WIDTH = 14, 20, 1600
PAPER, INK = (255, 255, 255), (90, 90, 90)


class Thumbnails:
    """Collects pictures for a sheet, in bounded memory."""

    def __init__(self) -> None:
        self._entries: list[tuple[str, Image.Image]] = []

    def add(self, caption: str, image: Image.Image) -> None:
        """Keep a reduced copy, unless the sheet is full."""
        if len(self._entries) < PICTURES:
            larger = max(1, CELL // 2 // max(image.size))
            scale = larger if larger > 1 else min(1, CELL / max(image.size))
            width, height = (max(1, round(side * scale)) for side in image.size)
            how = Image.Resampling.NEAREST if larger > 1 else Image.Resampling.LANCZOS
            # Without the gap each pixel is weighed, which takes seconds of a large picture.
            cell = image.resize((width, height), how, reducing_gap=2.0)
            self._entries.append((caption, cell))

    def sheet(self) -> Image.Image:
        """The pictures in rows, at most `WIDTH` pixels wide, each with its caption below."""
        font = ImageFont.load_default(12)
        widths = (
            max(image.width, min(CELL, math.ceil(font.getlength(caption))))
            for caption, image in self._entries
        )
        width = max(widths, default=CELL)
        height = max((image.height for _, image in self._entries), default=CELL)
        cell_width, cell_height = width + GAP, height + CAPTION + GAP
        fitting = max(1, (WIDTH - GAP) // cell_width)
        # As square as the screen is: a handful of pictures is not one long strip.
        wanted = math.ceil(math.sqrt(len(self._entries) * 1.6 * cell_height / cell_width))
        columns = max(1, min(fitting, wanted, len(self._entries)))
        rows = math.ceil(len(self._entries) / columns)
        size = (columns * cell_width + GAP, rows * cell_height + GAP)
        sheet = Image.new("RGB", size, PAPER)
        draw = ImageDraw.Draw(sheet)
        for index, (caption, image) in enumerate(self._entries):
            row, column = divmod(index, columns)
            left, top = GAP + column * cell_width, GAP + row * cell_height
            sheet.paste(image, (left, top))
            draw.text((left, top + image.height + 3), caption, INK, font)
        return sheet
