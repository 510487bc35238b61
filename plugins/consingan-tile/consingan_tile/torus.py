"""Samples that are exactly periodic, out of a generator that knows nothing of it.

A convolution of a periodic picture is periodic, and so is its enlargement when the ratio of the
sizes is the ratio of the periods. So: noise that repeats at every stage, several periods of it,
sizes of q periods and one pixel (corners are aligned, so that q p + 1 pixels span q p steps), and
of the result one period from the middle, out of reach of the borders. The networks stay as they
are; they have to be trained with zero padding, which enlarges nothing past the border.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from consingan import Size

if TYPE_CHECKING:
    from torch import Tensor

    from consingan.core.sampler import Sampler

Axes = Literal["both", "x", "y"]
TAPS = 2
"""Pixels that bicubic enlargement sees to either side of a position."""


@dataclass(frozen=True)
class Side:
    """One side of a picture: how long it is at every stage, and what of it repeats."""

    lengths: list[int]
    """Pixels to compute at each stage."""
    periods: list[int]
    """Pixels after which the noise of each stage repeats; as `lengths` if it doesn't."""
    start: int
    """Where the tile starts in the last stage's pixels."""

    @property
    def tile(self) -> slice:
        """The pixels of the last stage that are one tile."""
        return slice(self.start, self.start + self.periods[-1])


def periodic_sample(
    sampler: Sampler, tile: Size, axes: Axes = "both", index: int = 0, seed: int = 0
) -> Tensor:
    """Sample number `index` of `seed` as a tile, (1, 3, *tile) in [-1, 1].

    Its left and right edges continue each other if `axes` is "x" or "both", its upper and lower
    ones if "y" or "both".
    """
    rows, columns = sides(sampler, tile, axes)
    return extended_sample(sampler, rows, columns, index, seed)[..., rows.tile, columns.tile]


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


def extended_sample(sampler: Sampler, rows: Side, columns: Side, index: int, seed: int) -> Tensor:
    """All that is computed, (1, 3, H, W): the tile repeats in it, except near the borders."""
    import torch

    from consingan.core.noise import Noise

    sizes = [Size(*size) for size in zip(rows.lengths, columns.lengths, strict=True)]
    source = Noise(seed, sampler.model.device)
    noise = []
    for level, (count, channels, height, width) in enumerate(sampler.noise_shapes(sizes)):
        period = (count, channels, rows.periods[level], columns.periods[level])
        once = source.sample(period, index, level)
        down = torch.arange(height, device=once.device) % period[2]
        along = torch.arange(width, device=once.device) % period[3]
        noise.append(once[:, :, down][:, :, :, along])
    return sampler.generate(noise, sizes)


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
