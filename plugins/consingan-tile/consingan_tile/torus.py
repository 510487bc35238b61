"""Samples that are exactly periodic, out of a generator that knows nothing of it.

A convolution of a periodic picture is periodic, and so is its enlargement when the ratio of the
sizes is the ratio of the periods. So: noise that repeats at every stage, sizes of q periods and
one pixel (corners are aligned, so that q p + 1 pixels span q p steps), and of all that one period
from the middle, out of reach of the borders; nothing else is computed. The networks stay as they
are; they have to be trained with zero padding, which enlarges nothing past the border.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from consingan import Size, Span, Window, tiles, whole

if TYPE_CHECKING:
    from torch import Tensor

    from consingan import Sampler

Axes = Literal["both", "x", "y"]
"""Which edges of a tile continue each other."""
TAPS = 2
"""Pixels that bicubic enlargement sees to either side of a position."""


@dataclass(frozen=True)
class Side:
    """One side of a picture: how long it is at every stage, and what of it repeats."""

    lengths: list[int]
    """Pixels of each stage, of which only those that the tile needs are computed."""
    periods: list[int]
    """Pixels after which the noise of each stage repeats; as `lengths` if it doesn't."""
    start: int
    """Where the tile starts in the last stage's pixels."""


def periodic_sample(
    sampler: Sampler, tile: Size, axes: Axes = "both", index: int = 0, seed: int = 0
) -> Tensor:
    """Sample number `index` of `seed` as a tile, (1, 3, *tile) in [-1, 1].

    Its left and right edges continue each other if `axes` is "x" or "both", its upper and lower
    ones if "y" or "both". A tile that is larger than the sampler's own is computed in parts.
    """
    import torch

    rows, columns = sides(sampler, tile, axes)
    fits = tile.height * tile.width <= sampler.tile**2
    made = torch.empty(1, 3, *tile, device=sampler.model.device)
    # Batch norm looks at all that is computed together.
    split = not fits and not sampler.options.batch_norm
    parts = list(tiles(tile, sampler.tile)) if split else [whole(tile)]
    for done, part in enumerate(parts, 1):
        at = Window(_moved(part.rows, rows.start), _moved(part.columns, columns.start))
        part.cut(made).copy_(periodic_window(sampler, rows, columns, at, index, seed))
        if split:
            sampler.on_tile(done, len(parts))
    return made


def sides(sampler: Sampler, tile: Size, axes: Axes) -> tuple[Side, Side]:
    """Height and width of what has to be computed for a tile."""
    plain, layers = sampler.scaled_sizes(tile), sampler.options.layers
    rows = _once([size.height for size in plain])
    columns = _once([size.width for size in plain])
    if axes != "x":
        rows = _repeated([size.height for size in sampler.sizes], tile.height, layers)
    if axes != "y":
        columns = _repeated([size.width for size in sampler.sizes], tile.width, layers)
    return rows, columns


def periodic_window(
    sampler: Sampler, rows: Side, columns: Side, window: Window, index: int, seed: int
) -> Tensor:
    """A part of all that could be computed, (1, 3, *window.size): periodic off the borders."""
    import torch

    sizes = [Size(*size) for size in zip(rows.lengths, columns.lengths, strict=True)]
    plan, source = sampler.model.plan(sizes, window), sampler.noise_of(index, seed)
    noise = []
    for level, stage in enumerate(plan.stages):
        down, row_order = _wrapped(stage.noise.rows, rows.periods[level])
        along, column_order = _wrapped(stage.noise.columns, columns.periods[level])
        pieces = [[source(level, Window(r, c)) for c in along] for r in down]
        once = torch.cat([torch.cat(piece, dim=3) for piece in pieces], dim=2)
        noise.append(once[:, :, row_order][:, :, :, column_order])
    with torch.inference_mode():
        return sampler.model.generate(noise, plan)


def _wrapped(span: Span, period: int) -> tuple[list[Span], list[int]]:
    """Which parts of one period a span of the periodic whole has, and in which order."""
    if span.length >= period:
        return [Span(0, period)], [place % period for place in range(span.start, span.stop)]
    start = span.start % period
    stop, order = start + span.length, list(range(span.length))
    if stop <= period:
        return [Span(start, stop)], order
    return [Span(start, period), Span(0, stop - period)], order


def _moved(span: Span, by: int) -> Span:
    return Span(span.start + by, span.stop + by)


def _once(lengths: list[int]) -> Side:
    return Side(lengths, lengths, 0)


def _repeated(trained: list[int], period: int, layers: int) -> Side:
    """A side that repeats after `period` pixels, at the scale of the sizes trained at."""
    steps = [length - 1 for length in trained]
    periods = [max(1, round(period * step / steps[-1])) for step in steps[:-1]] + [period]
    reach = _border_reach(periods, layers)
    repeats = 1 - (-2 * reach // period)  # the tile, and the borders' reach to both sides
    return Side([repeats * length + 1 for length in periods], periods, reach)


def _border_reach(periods: list[int], layers: int) -> int:
    """How many pixels of the last stage, from the border inwards, the border has an effect on.

    Each 3x3 convolution carries it one pixel further: the head, `layers` of them a stage, the
    tail; each enlargement by its taps, and then stretches all of it.
    """
    reach = 1 + layers
    for below, above in pairwise(periods):
        reach = -(-(reach + TAPS) * above // below) + layers
    return reach + 1
