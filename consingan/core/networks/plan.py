"""Which part of each stage is needed to compute a window of the output.

The generator is local: a pixel depends on a few pixels of each stage below. So a window can be
computed alone. It equals the same window cut from the whole picture, and its cost depends on its
own size only. This module only computes coordinates; `Generator` follows its plans.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from consingan.core.networks.upsampling import support
from consingan.core.networks.window import Span, Window, whole
from consingan.core.options.size import Size
from consingan.core.options.training import PaddingStyle

OVERSIZE = 2
"""Pixels by which each side of the head's features is enlarged under oversize padding."""


class StagePlan(NamedTuple):
    """What one stage computes. Windows are in the coordinates of the whole picture."""

    output: Window
    """The part of the stage's feature maps that it puts out."""
    enlarged: Window
    """The part of the upsampled features that the convolutions read."""
    zeros: tuple[int, int, int, int]
    """Zero padding of that part: left, right, top, bottom."""
    below: Window
    """The part of the features to upsample: the stage below's output or, at stage 0, the head's.

    The stage below may put out more than that.
    """
    noise: Window
    """The part of the stage's noise that is read. At stage 0 this is the generator's input."""
    noise_zeros: tuple[int, int, int, int]
    """Zero padding of that part, at stage 0 only."""


class Plan(NamedTuple):
    """What each stage computes for a window of the picture, from stage 0 up."""

    sizes: tuple[Size, ...]
    stages: tuple[StagePlan, ...]
    zeros: tuple[int, int, int, int]
    """Zero padding of the last features, where the window touches the picture's border."""


def plan(
    sizes: Sequence[Size],
    layers: int,
    padding: PaddingStyle,
    window: Window | None = None,
    whole_stages: int = 0,
) -> Plan:
    """What each stage must compute for a window of the picture.

    Args:
        sizes: the stages' sizes, smallest first.
        layers: 3x3 convolutions of each stage.
        padding: the generator's padding style.
        window: a part of the picture, in the last stage's pixels; by default all of it.
        whole_stages: how many of the lowest stages compute all of their output.
    """
    window = whole(sizes[-1]) if window is None else window
    output, zeros = _around(window, sizes[-1], 1)
    last, stages = zeros, []
    for stage in range(len(sizes) - 1, -1, -1):
        below = sizes[stage - 1] if stage else None
        side = _first_side if below is None else _refining_side
        sides = [
            side(sizes[stage][axis], output[axis], layers, padding, below[axis] if below else 0)
            for axis in (0, 1)
        ]
        stages.append(_stage_plan(output, *sides))
        output = whole(below) if below and stage <= whole_stages else stages[-1].below
    return Plan(tuple(sizes), tuple(reversed(stages)), last)


class _Side(NamedTuple):
    """A `StagePlan` along one axis."""

    enlarged: Span
    zeros: tuple[int, int]
    below: Span
    noise: Span
    noise_zeros: tuple[int, int]


def _first_side(length: int, output: Span, layers: int, padding: PaddingStyle, _: int) -> _Side:
    stretched = length + OVERSIZE if padding == "oversize" else length
    margin = layers - (stretched - length) // 2
    enlarged, zeros = _clip(output.start - margin, output.stop + 2 * layers - margin, stretched)
    below = support(length, stretched, enlarged)
    noise, noise_zeros = _clip(below.start - 1, below.stop + 1, length)
    return _Side(enlarged, zeros, below, noise, noise_zeros)


def _refining_side(
    length: int, output: Span, layers: int, padding: PaddingStyle, below_length: int
) -> _Side:
    if padding == "oversize":
        enlarged, zeros = Span(output.start, output.stop + 2 * layers), (0, 0)
        inner = support(below_length, length + 2 * layers, enlarged)
        residual = support(below_length, length, output)
        below = Span(min(inner.start, residual.start), max(inner.stop, residual.stop))
    else:
        enlarged, zeros = _clip(output.start - layers, output.stop + layers, length)
        below = support(below_length, length, enlarged)
    return _Side(enlarged, zeros, below, enlarged, (0, 0))


def _stage_plan(output: Window, rows: _Side, columns: _Side) -> StagePlan:
    return StagePlan(
        output,
        Window(rows.enlarged, columns.enlarged),
        (*columns.zeros, *rows.zeros),
        Window(rows.below, columns.below),
        Window(rows.noise, columns.noise),
        (*columns.noise_zeros, *rows.noise_zeros),
    )


def _around(window: Window, size: Size, margin: int) -> tuple[Window, tuple[int, int, int, int]]:
    rows, above = _clip(window.rows.start - margin, window.rows.stop + margin, size.height)
    columns, beside = _clip(window.columns.start - margin, window.columns.stop + margin, size.width)
    return Window(rows, columns), (*beside, *above)


def _clip(start: int, stop: int, length: int) -> tuple[Span, tuple[int, int]]:
    """The part of start..stop inside 0..length, and how much is cut off before and after it."""
    before, after = max(0, -start), max(0, stop - length)
    return Span(start + before, stop - after), (before, after)
