"""Exactly periodic samples from an unchanged generator.

A convolution of a periodic signal is periodic. So is its upsampling, if the ratio of the sizes is
the ratio of the periods. So the noise of every stage repeats, and every stage has a size of q
periods plus one pixel: with aligned corners, q p + 1 pixels span q p steps. The tile is one period
from the middle, which the borders don't affect. Only this part is computed. The generator must be
trained with zero padding, as oversize padding changes the ratio of the sizes.
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
"""The axes along which a tile is periodic."""
BICUBIC_REACH = 2
"""Pixels that bicubic upsampling reads on either side of a position."""


@dataclass(frozen=True)
class Side:
    """One axis of the larger picture that a tile is cut from."""

    lengths: list[int]
    """The length of each stage, in pixels."""
    periods: list[int]
    """The period of each stage's noise, in pixels; the same as `lengths` if it isn't periodic."""
    start: int
    """The tile's first pixel in the last stage."""


def periodic_sample(
    sampler: Sampler,
    tile: Size,
    axes: Axes = "both",
    index: int = 0,
    seed: int = 0,
    enlarge: float = 1.0,
) -> Tensor:
    """Sample number `index` of `seed` as a seamless tile, (1, 3, *tile) in [-1, 1].

    Its left and right edges match if `axes` is "x" or "both", its top and bottom edges if it is "y"
    or "both". It is made `enlarge` times as large, with the same layout; see
    `Sampler.scaled_sizes`. If it then has more pixels than the sampler's tiles, it is computed in
    parts.
    """
    import torch

    rows, columns = sides(sampler, tile, axes, enlarge)
    tile = sampler.scaled_sizes(tile, enlarge)[-1]
    fits = tile.height * tile.width <= sampler.tile**2
    made = torch.empty(1, 3, *tile, device=sampler.model.device)
    # With batch norm, parts would have different statistics.
    split = not fits and not sampler.options.batch_norm
    parts = list(tiles(tile, sampler.tile)) if split else [whole(tile)]
    for done, part in enumerate(parts, 1):
        window = Window(_moved(part.rows, rows.start), _moved(part.columns, columns.start))
        part.cut(made).copy_(periodic_window(sampler, rows, columns, window, index, seed))
        if split:
            sampler.on_tile(done, len(parts))
    return made


def sides(sampler: Sampler, tile: Size, axes: Axes, enlarge: float = 1.0) -> tuple[Side, Side]:
    """The vertical and the horizontal axis of the larger picture for a tile."""
    trained, larger = sampler.sizes, sampler.scaled_sizes(enlarge=enlarge)
    scales = [enlarge if a != b else 1.0 for a, b in zip(trained, larger, strict=True)]
    plain, layers = sampler.scaled_sizes(tile, enlarge), sampler.options.layers
    rows = _not_repeated([size.height for size in plain])
    columns = _not_repeated([size.width for size in plain])
    if axes != "x":
        rows = _repeated([size.height for size in trained], tile.height, layers, scales)
    if axes != "y":
        columns = _repeated([size.width for size in trained], tile.width, layers, scales)
    return rows, columns


def periodic_window(
    sampler: Sampler, rows: Side, columns: Side, window: Window, index: int, seed: int
) -> Tensor:
    """A window of the larger picture, (1, 3, *window.size), periodic away from its borders."""
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
    """The spans of one period that a span of the periodic noise consists of, and their order.

    The order is a list of indices into the concatenated spans.
    """
    if span.length >= period:
        return [Span(0, period)], [index % period for index in range(span.start, span.stop)]
    start = span.start % period
    stop, order = start + span.length, list(range(span.length))
    if stop <= period:
        return [Span(start, stop)], order
    return [Span(start, period), Span(0, stop - period)], order


def _moved(span: Span, by: int) -> Span:
    return Span(span.start + by, span.stop + by)


def _not_repeated(lengths: list[int]) -> Side:
    return Side(lengths, lengths, 0)


def _repeated(trained: list[int], period: int, layers: int, scales: list[float]) -> Side:
    """An axis with a period of `period` pixels at the last stage, at the training scale.

    `scales` then enlarges each stage. The tile starts after whole periods, so that it is the same
    part of the pattern at every enlargement.
    """
    steps = [length - 1 for length in trained]
    exact = [period * step / steps[-1] for step in steps[:-1]] + [period]
    periods = [max(1, round(p * s)) for p, s in zip(exact, scales, strict=True)]
    margin = -(-_border_reach(periods, layers) // periods[-1])  # that the borders affect
    lengths = [(2 * margin + 1) * length + 1 for length in periods]
    return Side(lengths, periods, margin * periods[-1])


def _border_reach(periods: list[int], layers: int) -> int:
    """How many pixels of the last stage, from the border inwards, the border affects.

    Each 3x3 convolution adds one pixel: the head, `layers` at each stage, and the tail. Upsampling
    adds `BICUBIC_REACH` pixels and scales the sum.
    """
    reach = 1 + layers
    for below, above in pairwise(periods):
        reach = -(-(reach + BICUBIC_REACH) * above // below) + layers
    return reach + 1
