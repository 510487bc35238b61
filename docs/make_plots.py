"""Draws the plots of docs/ as SVG.

    python docs/make_plots.py

`docs/figures/scale.json` is what `python -m benchmarks.scale --json` printed. `quality.json` has
the minutes of docs/performance.md and the means over pictures of docs/research.md.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from consingan.core.options.size import parse_size

FIGURES, PICTURES = Path(__file__).parent / "figures", Path(__file__).parent / "pictures"
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 560, 320, 64, 536, 30, 268
"""The picture, and within it the axes, in pixels."""
INK, GREY = "#222", "#bbb"
BLUE, ORANGE, GREEN = "#0b6e99", "#b85c00", "#3a7d34"


class Axis(NamedTuple):
    """One side of a plot: from its first mark to its last."""

    title: str
    marks: Sequence[float]
    logarithmic: bool = True

    def share(self, value: float) -> float:
        """How far along a value lies, from 0 to 1."""
        low, high, value = (
            math.log(number) if self.logarithmic else number
            for number in (self.marks[0], self.marks[-1], value)
        )
        return (value - low) / (high - low)


class Plot:
    """The elements of one SVG."""

    def __init__(self, across: Axis, up: Axis) -> None:
        self.across, self.up = across, up
        self.drawn = [_text(14, 14, up.title, anchor="start")]
        for mark in up.marks:
            _, y = self.place(across.marks[0], mark)
            self.drawn.append(
                f'<path d="M{LEFT} {y:.0f}H{RIGHT}" stroke="{GREY}" stroke-width=".5"/>'
            )
            self.drawn.append(_text(LEFT - 6, y + 4, f"{mark:g}", anchor="end"))
        for mark in across.marks:
            x, _ = self.place(mark, up.marks[0])
            self.drawn.append(_text(x, BOTTOM + 18, f"{mark:g}"))
        self.drawn.append(_text((LEFT + RIGHT) / 2, HEIGHT - 8, across.title))

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where a point lies in the picture."""
        right = LEFT + self.across.share(x) * (RIGHT - LEFT)
        return right, BOTTOM - self.up.share(y) * (BOTTOM - TOP)

    def line(self, points: Sequence[tuple[float, float, str]], colour: str) -> None:
        """Points with a word above each that has one, joined."""
        places = [self.place(x, y) for x, y, _ in points]
        path = "L".join(f"{x:.0f} {y:.0f}" for x, y in places)
        self.drawn.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for (x, y), (*_, word) in zip(places, points, strict=True):
            self.drawn.append(f'<circle cx="{x:.0f}" cy="{y:.0f}" r="4" fill="{colour}"/>')
            if word:
                self.drawn.append(_text(x, y - 9, word, colour))

    def render(self) -> str:
        """The SVG."""
        style = 'font-family="sans-serif" font-size="12"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {style}>'
        ground = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
        return "\n".join([head, ground, *self.drawn, "</svg>\n"])


def _text(x: float, y: float, words: str, colour: str = INK, anchor: str = "middle") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="{colour}" text-anchor="{anchor}">{words}</text>'


def scale() -> str:
    """The time of a step of the last stage by the size of the picture."""
    plot = Plot(
        Axis("megapixels of the picture", (0.03, 0.1, 0.3, 1, 3, 10)),
        Axis("ms a step of the last stage", (0, 50, 100, 150, 200, 250), logarithmic=False),
    )
    rows = _read("scale.json")
    sizes = [parse_size(row["size"]) for row in rows]
    megapixels = [size.height * size.width / 1e6 for size in sizes]
    plot.line(
        [(x, row["step_ms"], row["size"]) for x, row in zip(megapixels, rows, strict=True)], BLUE
    )
    return plot.render()


def quality() -> str:
    """How far from the picture samples are, by what their training takes."""
    plot = Plot(
        Axis("minutes of training a picture of 250 pixels", (1, 3, 10, 30, 100, 300)),
        Axis("distance as a factor on that of the published samples", (0.5, 1, 2, 5, 10)),
    )
    rows = _read("quality.json")
    published = rows[-1]
    for figure, colour in (("sifid_lo", BLUE), ("sifid_mid", ORANGE), ("swd", GREEN)):
        points = [(row["minutes"], row[figure] / published[figure], "") for row in rows]
        x, y, _ = points[0]
        plot.line([(x, y, figure), *points[1:]], colour)
    for row in rows:
        x, _ = plot.place(row["minutes"], 1)
        anchor = "end" if row is published else "middle"
        plot.drawn.append(_text(x, BOTTOM - 6, row["name"], anchor=anchor))
    return plot.render()


def _read(name: str) -> Any:
    return json.loads((FIGURES / name).read_text())


PLOTS: dict[str, Callable[[], str]] = {"scale.svg": scale, "quality.svg": quality}

if __name__ == "__main__":
    for name, draw in PLOTS.items():
        (PICTURES / name).write_text(draw())
