"""Bicubic enlargement of feature maps as matrix products, rows then columns.

The same numbers as `torch.nn.functional.interpolate(mode="bicubic", align_corners=True)`, several
times faster on a CPU in both directions, and for a part of the result from just the part of the
source that it needs; `benchmarks/engine.py` includes it in its ratios.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from consingan.core.networks.window import Span, Window
from consingan.core.options.size import Size

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from consingan.core.networks.window import Window

BLOCK = 32
"""Rows or columns that a processor makes at once of a result of more than `DENSE`."""
DENSE = 128
"""Rows or columns up to which a result is made by one product with the whole matrix."""
SHARPNESS = -0.75
"""The free parameter of the cubic convolution kernel (Keys 1981), as torch chooses it."""


def support(source: int, target: int, wanted: Span) -> Span:
    """Which of `source` rows decide the `wanted` ones of `target`, four taps each.

    As many for any `wanted` of one length, inside the source: kernels are prepared for a shape.
    """
    if source == target:
        return wanted
    step = np.float32(_step(source, target))
    first = int(np.float32(wanted.start) * step) - 1
    length = min(source, int((wanted.length - 1) * step) + 5)
    start = max(0, min(first, source - length))
    return Span(start, start + length)


def upsample(features: Tensor, source: Size, target: Size, given: Window, wanted: Window) -> Tensor:
    """A part of (N, C, *source) resampled to (N, C, *target) with corners aligned.

    Args:
        features: (N, C, h, w), the `given` part of the source.
        source: the size of the whole source.
        target: the size of the whole result.
        given: must include the `support` of `wanted`.
        wanted: the part of the result to make.

    Returns:
        (N, C, *wanted.size), in channels-last memory.
    """
    if source == target:
        return wanted.cut(features, given.origin)
    count, channels, height, width = features.shape
    flat = features.permute(0, 2, 3, 1).reshape(count, height, width * channels)
    tall = _resample(flat, source.height, target.height, given.rows, wanted.rows)
    rows = tall.view(count * wanted.rows.length, width, channels)
    wide = _resample(rows, source.width, target.width, given.columns, wanted.columns)
    return wide.view(count, *wanted.size, channels).permute(0, 3, 1, 2)


def _resample(features: Tensor, source: int, target: int, given: Span, wanted: Span) -> Tensor:
    """(N, given, M) to (N, wanted, M) along the second dimension.

    The matrix has four numbers in a row, near its diagonal: the blocks along that have few zeros.
    Each block is a product of its own, though, which costs more than it saves where little is made,
    and everywhere but on a processor.
    """
    import torch

    from consingan.core.networks.block_product import Block, product

    place = (features.device, features.dtype)
    if features.device.type != "cpu" or wanted.length <= DENSE:
        return torch.matmul(_weights(source, target, given, wanted, *place), features)
    blocks, start = [], wanted.start
    while start < wanted.stop:
        # Where blocks begin doesn't depend on the window, so that windows share their weights.
        made = Span(start, min((start // BLOCK + 1) * BLOCK, wanted.stop))
        needed = support(source, target, made)
        first = min(needed.start, given.stop - needed.length)  # the last taps may weigh nothing
        read = Span(first, first + needed.length)
        weights = _weights(source, target, read, made, *place)
        blocks.append(Block(weights, made.start - wanted.start, read.start - given.start))
        start = made.stop
    return product(features, blocks, wanted.length)


@lru_cache(maxsize=512)
def _weights(
    source: int, target: int, given: Span, wanted: Span, device: torch.device, dtype: torch.dtype
) -> Tensor:
    """The (wanted, given) part of the (target, source) matrix of weights along one side."""
    import torch

    # Outside inference mode: cached for training too, even if sampling asked first.
    with torch.inference_mode(False):
        first, weights = _taps(source, target, device)
        first, weights = first[wanted.start : wanted.stop], weights[wanted.start : wanted.stop]
        taps = first[:, None] + torch.arange(-1, 3, device=device)
        # The border pixel is repeated outwards. Taps that weigh nothing may lie outside the given.
        indices = (taps.clamp(0, source - 1) - given.start).clamp(0, given.length - 1)
        matrix = torch.zeros(wanted.length, given.length, device=device)
        return matrix.scatter_add_(1, indices, weights).to(dtype)


@lru_cache(maxsize=128)
def _taps(source: int, target: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """For each of `target` rows, the source row at or before it and the weights of four taps."""
    import torch

    with torch.inference_mode(False):
        positions = torch.arange(target, dtype=torch.float32) * _step(source, target)
        positions = positions.double()
        first = positions.floor()
        distance = positions[:, None] - (first[:, None] + torch.arange(-1, 3))
        return first.long().to(device), _cubic(distance).float().to(device)


def _step(source: int, target: int) -> float:
    """The distance of two target rows in source rows."""
    # In float32, as torch's own kernel rounds it: the paper's numbers depend on it.
    return float(np.float32((source - 1) / (target - 1))) if target > 1 else 0.0


def _cubic(distance: Tensor) -> Tensor:
    """Keys' cubic convolution kernel at a distance in pixels, at most 2."""
    import torch

    a, x = SHARPNESS, distance.abs()
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return torch.where(x <= 1, near, far)
