"""Bicubic upsampling of feature maps by matrix products, first of rows, then of columns.

It gives the same numbers as `torch.nn.functional.interpolate(mode="bicubic", align_corners=True)`.
On a CPU it is several times faster, forward and backward. It can also compute a part of the result
from the part of the source that this needs.
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
"""Rows or columns of a block, on a CPU, for results of more than `DENSE`."""
DENSE = 128
"""Rows or columns up to which a result is one product with the whole matrix."""
KEYS_A = -0.75
"""The parameter a of the cubic convolution kernel (Keys 1981), with torch's value."""


def support(source: int, target: int, wanted: Span) -> Span:
    """Which of `source` rows are needed for the `wanted` ones of `target`; each has four taps.

    The number of rows depends on the length of `wanted` only, so that the shapes stay the same
    from window to window.
    """
    if source == target:
        return wanted
    step = np.float32(_step(source, target))
    first = int(np.float32(wanted.start) * step) - 1
    length = min(source, int((wanted.length - 1) * step) + 5)
    start = max(0, min(first, source - length))
    return Span(start, start + length)


def upsample(features: Tensor, source: Size, target: Size, given: Window, wanted: Window) -> Tensor:
    """A part of (N, C, *source) upsampled to (N, C, *target) with aligned corners.

    Args:
        features: (N, C, h, w), the `given` part of the source.
        source: the size of the whole source.
        target: the size of the whole result.
        given: the part of the source in `features`; it includes the `support` of `wanted`.
        wanted: the part of the result to compute.

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
    """(N, given, M) to (N, wanted, M): resample along the second dimension.

    Each row of the matrix has only four nonzero numbers, near its diagonal. Multiplying blocks
    along the diagonal skips most zeros. For small results, and on a GPU, the many small products
    cost more than they save.
    """
    import torch

    from consingan.core.networks.block_product import Block, product

    place = (features.device, features.dtype)
    if features.device.type != "cpu" or wanted.length <= DENSE:
        return torch.matmul(_weights(source, target, given, wanted, *place), features)
    blocks, start = [], wanted.start
    while start < wanted.stop:
        # Blocks begin at multiples of BLOCK, so that windows share their cached weights.
        made = Span(start, min((start // BLOCK + 1) * BLOCK, wanted.stop))
        needed = support(source, target, made)
        first = min(needed.start, given.stop - needed.length)  # the last taps may have weight 0
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

    # Outside inference mode, so that weights cached while sampling can be used in training.
    with torch.inference_mode(False):
        first, weights = _taps(source, target, device)
        first, weights = first[wanted.start : wanted.stop], weights[wanted.start : wanted.stop]
        taps = first[:, None] + torch.arange(-1, 3, device=device)
        # The border pixel is repeated outwards. Taps with weight 0 may lie outside `given`.
        indices = (taps.clamp(0, source - 1) - given.start).clamp(0, given.length - 1)
        matrix = torch.zeros(wanted.length, given.length, device=device)
        return matrix.scatter_add_(1, indices, weights).to(dtype)


@lru_cache(maxsize=128)
def _taps(source: int, target: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """For each target row, the source row at or before it, (target,), and four weights."""
    import torch

    with torch.inference_mode(False):
        positions = torch.arange(target, dtype=torch.float32) * _step(source, target)
        positions = positions.double()
        first = positions.floor()
        distance = positions[:, None] - (first[:, None] + torch.arange(-1, 3))
        return first.long().to(device), _cubic(distance).float().to(device)


def _step(source: int, target: int) -> float:
    """The distance between two target rows, in source rows."""
    # Rounded to float32 as in torch's own kernel, for the same numbers.
    return float(np.float32((source - 1) / (target - 1))) if target > 1 else 0.0


def _cubic(distance: Tensor) -> Tensor:
    """Keys' cubic convolution kernel at distances in pixels, at most 2."""
    import torch

    a, x = KEYS_A, distance.abs()
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return torch.where(x <= 1, near, far)
