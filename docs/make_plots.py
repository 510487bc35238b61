"""Draws the plots of docs/ as SVG from the figures in docs/figures/.

python docs/make_plots.py
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

FIGURES = Path(__file__).parent / "figures"
PICTURES = Path(__file__).parent / "pictures"
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 560, 320, 64, 52, 20
INK, GREY, COLOURS = "#222", "#bbb", ("#0b6e99", "#d9730d", "#448361")


class Point(NamedTuple):
    """A named point of a plot."""

    x: float
    y: float
    name: str


class Axis(NamedTuple):
    """What an axis shows, and the numbers that are marked on it; logarithmic if `log`."""

    title: str
    marks: Sequence[float]
    log: bool = False

    def share(self, value: float) -> float:
        """Where a value lies on the axis, 0 to 1."""
        low, high = self.marks[0], self.marks[-1]
        if self.log:
            return math.log(value / low) / math.log(high / low)
        return (value - low) / (high - low)


def plot(across: Axis, up: Axis, lines: dict[str, Sequence[Point]]) -> str:
    """An SVG with one line of named points for each entry; an entry of one point is a dot."""

    def place(x: float, y: float) -> tuple[float, float]:
        wide, high = WIDTH - LEFT - 24, HEIGHT - BOTTOM - TOP
        return LEFT + wide * across.share(x), HEIGHT - BOTTOM - high * up.share(y)

    def text(x: float, y: float, words: str, colour: str = INK, anchor: str = "middle") -> str:
        return (
            f'<text x="{x:.0f}" y="{y:.0f}" fill="{colour}" text-anchor="{anchor}">{words}</text>'
        )

    drawn = []
    for mark in up.marks:
        _, y = place(across.marks[0], mark)
        drawn.append(f'<path d="M{LEFT} {y:.0f}H{WIDTH - 24}" stroke="{GREY}" stroke-width=".5"/>')
        drawn.append(text(LEFT - 6, y + 4, f"{mark:g}", anchor="end"))
    for mark in across.marks:
        drawn.append(text(place(mark, up.marks[0])[0], HEIGHT - BOTTOM + 18, f"{mark:g}"))
    drawn.append(text((LEFT + WIDTH) / 2, HEIGHT - 8, across.title))
    drawn.append(text(LEFT - 50, 14, up.title, anchor="start"))
    for (label, points), colour in zip(lines.items(), COLOURS * len(lines), strict=False):
        places = [place(point.x, point.y) for point in points]
        path = "L".join(f"{x:.0f} {y:.0f}" for x, y in places)
        drawn.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        drawn += [f'<circle cx="{x:.0f}" cy="{y:.0f}" r="4" fill="{colour}"/>' for x, y in places]
        drawn += [
            text(x, y - 9, point.name, colour) for (x, y), point in zip(places, points, strict=True)
        ]
        if label:
            x, y = places[-1]
            drawn.append(text(x, y + 18, label, colour, "end"))
    style = 'font-family="sans-serif" font-size="12"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {style}>'
    return "\n".join(
        [head, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>', *drawn, "</svg>\n"]
    )


def scale() -> str:
    """The time of a step at the last stage by the size of the picture, beside a step on it all."""
    rows = json.loads((FIGURES / "scale.json").read_text())
    steps = [Point(row["megapixels"], row["step_ms"], row["size"]) for row in rows]
    return plot(
        Axis("megapixels of the picture", (0.03, 0.1, 0.3, 1, 3, 10), log=True),
        Axis("ms a step at the last stage", (0, 50, 100, 150)),
        {"": steps},
    )


def main() -> None:
    """Write every plot."""
    for draw in (scale,):
        (PICTURES / f"{draw.__name__}.svg").write_text(draw())


if __name__ == "__main__":
    main()
