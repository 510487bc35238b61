"""Bicubic enlargement of feature maps as two small matrix products, rows then columns.

The same numbers as `torch.nn.functional.interpolate(mode="bicubic", align_corners=True)`, several
times faster on a CPU in both directions; `benchmarks/engine.py` includes it in its ratios.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from consingan.core.config import Size

SHARPNESS = -0.75
"""The free parameter of the cubic convolution kernel (Keys 1981), as torch chooses it."""


def upsample(features: Tensor, size: Size) -> Tensor:
    """Resample (N, C, h, w) to (N, C, *size) with corners aligned, in channels-last memory."""
    count, channels, height, width = features.shape
    if (height, width) == size:
        return features
    rows = _weights(height, size.height, features.device, features.dtype)
    columns = _weights(width, size.width, features.device, features.dtype)
    flat = features.permute(0, 2, 3, 1).reshape(count, height, width * channels)
    tall = torch.matmul(rows, flat).view(count, size.height, width, channels)
    return torch.matmul(columns, tall).permute(0, 3, 1, 2)


@lru_cache(maxsize=256)
@torch.inference_mode(False)  # cached for training too, even if sampling asked first
def _weights(source: int, target: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """The (target, source) matrix of interpolation weights along one side."""
    # Positions in float32, as torch's own kernel rounds them: the paper's numbers depend on it.
    step = torch.tensor((source - 1) / (target - 1) if target > 1 else 0.0, dtype=torch.float32)
    positions = (torch.arange(target, dtype=torch.float32) * step).double()
    first = positions.floor()
    matrix = torch.zeros(target, source, dtype=torch.float64)
    for offset in (-1, 0, 1, 2):
        taps = first + offset
        indices = taps.clamp(0, source - 1).long()  # the border pixel is repeated outwards
        matrix.scatter_add_(1, indices[:, None], _cubic(positions - taps)[:, None])
    return matrix.to(device=device, dtype=dtype)


def _cubic(distance: Tensor) -> Tensor:
    """Keys' cubic convolution kernel at a distance in pixels, at most 2."""
    a, x = SHARPNESS, distance.abs()
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return torch.where(x <= 1, near, far)
