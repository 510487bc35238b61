"""Line charts of numbers that change over time, drawn with Pillow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 900, 180
"""Size of one chart, in pixels."""
LEFT, TOP, RIGHT, BOTTOM = 70, 30, 20, 26
"""Margins of a chart, for its labels."""
LINE, GRID, TEXT = (31, 101, 168), (222, 222, 222), (90, 90, 90)
SHOWN = 0.98
"""The share of the values that a chart's range covers: spikes would flatten the rest."""


def draw_curves(
    steps: Sequence[float], curves: Mapping[str, Sequence[float]], marks: Mapping[float, str]
) -> Image.Image:
    """A picture with one chart for each curve, one below the other.

    Args:
        steps: where each value is, in rising order; at least one.
        curves: a title and the values of each curve, all finite.
        marks: labels of places on the horizontal axis.
    """
    image = Image.new("RGB", (WIDTH, HEIGHT * len(curves)), "white")
    for number, (title, values) in enumerate(curves.items()):
        image.paste(_chart(steps, title, values, marks), (0, HEIGHT * number))
    return image


def _chart(
    steps: Sequence[float], title: str, values: Sequence[float], marks: Mapping[float, str]
) -> Image.Image:
    image, font = Image.new("RGB", (WIDTH, HEIGHT), "white"), ImageFont.load_default(12)
    draw = ImageDraw.Draw(image)
    low, high = _range(values)
    first, last = steps[0], max(steps[-1], steps[0] + 1)

    def place(step: float, value: float) -> tuple[float, float]:
        across = (step - first) / (last - first)
        up = (min(max(value, low), high) - low) / (high - low)
        x = LEFT + across * (WIDTH - LEFT - RIGHT)
        return x, HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    for value in (low, (low + high) / 2, high):
        y = place(first, value)[1]
        draw.line([(LEFT, y), (WIDTH - RIGHT, y)], GRID)
        draw.text((LEFT - 6, y), f"{value:.3g}", TEXT, font, anchor="rm")
    for step, label in marks.items():
        x = place(min(max(step, first), last), low)[0]
        draw.line([(x, TOP), (x, HEIGHT - BOTTOM)], GRID)
        draw.text((x + 3, HEIGHT - BOTTOM + 5), label, TEXT, font)
    draw.text((LEFT, 8), title, TEXT, font)
    points = [place(step, value) for step, value in zip(steps, values, strict=True)]
    draw.line(points if len(points) > 1 else points * 2, LINE, 2)
    return image


def _range(values: Sequence[float]) -> tuple[float, float]:
    """The range to show: that of nearly all values, and never empty."""
    ordered = sorted(values)
    spare = math.floor(len(ordered) * (1 - SHOWN) / 2)
    low, high = ordered[spare], ordered[-1 - spare]
    return (low, high) if high > low else (low - 0.5, low + 0.5)
