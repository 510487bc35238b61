"""Naive pictures for harmonization and editing, made from the paintings, and their masks."""

from __future__ import annotations

from PIL import Image, ImageDraw

from consingan.examples.paintings import landscape, stone_wall

BALLOON = (150, 26, 182, 62)
"""Left, top, right and bottom of the balloon's envelope, in pixels."""
SOURCE, TARGET = (20, 30, 110, 100), (140, 90)
"""The part of the wall that is copied (left, top, right, bottom), and its target (left, top)."""


def landscape_naive() -> Image.Image:
    """The landscape with a hot-air balloon pasted into its sky, in flat poster colours."""
    picture = landscape()
    draw = ImageDraw.Draw(picture)
    left, top, right, bottom = BALLOON
    draw.ellipse(BALLOON, (215, 40, 35))
    draw.ellipse((left + 10, top, right - 10, bottom), (245, 200, 40))
    draw.line([(left + 6, bottom - 6), (left + 13, bottom + 8)], (60, 40, 30))
    draw.line([(right - 6, bottom - 6), (right - 13, bottom + 8)], (60, 40, 30))
    draw.rectangle((left + 12, bottom + 8, right - 12, bottom + 14), (110, 70, 35))
    return picture


def landscape_naive_mask() -> Image.Image:
    """White where the balloon is."""
    left, _, right, bottom = BALLOON
    mask = Image.new("L", landscape().size)
    draw = ImageDraw.Draw(mask)
    draw.ellipse(BALLOON, 255)
    draw.rectangle((left + 6, bottom - 8, right - 6, bottom + 14), 255)
    return mask


def stone_wall_edit() -> Image.Image:
    """The wall with a piece of it copied elsewhere, so that stones are cut at the seam."""
    picture = stone_wall()
    picture.paste(picture.crop(SOURCE), TARGET)
    return picture


def stone_wall_edit_mask() -> Image.Image:
    """White where the copied piece is."""
    left, top, right, bottom = SOURCE
    x, y = TARGET
    mask = Image.new("L", stone_wall().size)
    ImageDraw.Draw(mask).rectangle((x, y, x + right - left - 1, y + bottom - top - 1), 255)
    return mask
