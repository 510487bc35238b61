"""Draws the plot of docs/performance.md as SVG.

    python docs/make_plots.py

`docs/figures/scale.json` is what `python benchmarks/scale.py --json` printed.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

from consingan.core.config import parse_size

FIGURES = Path(__file__).parent / "figures" / "scale.json"
PLOT = Path(__file__).parent / "pictures" / "scale.svg"
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 560, 320, 64, 536, 30, 268
"""The picture, and within it the axes, in pixels."""
MEGAPIXELS, MILLISECONDS = (0.03, 0.1, 0.3, 1, 3, 10), (0, 50, 100, 150)
"""The numbers that are marked on the axes; the first axis is logarithmic."""
INK, GREY, BLUE = "#222", "#bbb", "#0b6e99"


def place(megapixels: float, milliseconds: float) -> tuple[float, float]:
    """Where a point lies in the picture."""
    low, high = MEGAPIXELS[0], MEGAPIXELS[-1]
    across = math.log(megapixels / low) / math.log(high / low)
    return LEFT + across * (RIGHT - LEFT), BOTTOM - milliseconds / 150 * (BOTTOM - TOP)


def text(x: float, y: float, words: str, colour: str = INK, anchor: str = "middle") -> str:
    """An element of words at a place."""
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="{colour}" text-anchor="{anchor}">{words}</text>'


def render() -> str:
    """The SVG: the time of a step of the last stage by the size of the picture."""
    drawn = [text(14, 14, "ms a step of the last stage", anchor="start")]
    for mark in MILLISECONDS:
        _, y = place(1, mark)
        drawn.append(f'<path d="M{LEFT} {y:.0f}H{RIGHT}" stroke="{GREY}" stroke-width=".5"/>')
        drawn.append(text(LEFT - 6, y + 4, f"{mark}", anchor="end"))
    drawn += [text(place(mark, 0)[0], BOTTOM + 18, f"{mark:g}") for mark in MEGAPIXELS]
    drawn.append(text((LEFT + RIGHT) / 2, HEIGHT - 8, "megapixels of the picture"))
    rows = json.loads(FIGURES.read_text())
    sizes = [parse_size(row["size"]) for row in rows]
    places = [
        place(size.height * size.width / 1e6, row["step_ms"])
        for size, row in zip(sizes, rows, strict=True)
    ]
    path = "L".join(f"{x:.0f} {y:.0f}" for x, y in places)
    drawn.append(f'<path d="M{path}" fill="none" stroke="{BLUE}" stroke-width="2"/>')
    for (x, y), row in zip(places, rows, strict=True):
        drawn.append(f'<circle cx="{x:.0f}" cy="{y:.0f}" r="4" fill="{BLUE}"/>')
        drawn.append(text(x, y - 9, row["size"], BLUE))
    style = 'font-family="sans-serif" font-size="12"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {style}>'
    ground = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
    return "\n".join([head, ground, *drawn, "</svg>\n"])


if __name__ == "__main__":
    PLOT.write_text(render())
