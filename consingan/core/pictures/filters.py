"""Separable filters."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def gaussian_blur(pictures: Tensor, sigma: float, reach: int) -> Tensor:
    """Convolve (N, 1, H, W) with a Gaussian, where its window fits into the picture.

    Args:
        pictures: of any range, at least 2 * `reach` + 1 pixels a side.
        sigma: standard deviation in pixels, above 0.
        reach: the window has 2 * `reach` + 1 pixels a side; its weights sum to 1.

    Returns:
        (N, 1, H - 2 * reach, W - 2 * reach).
    """
    taps = torch.arange(-reach, reach + 1, dtype=torch.float32, device=pictures.device)
    kernel = torch.softmax(-((taps / sigma) ** 2) / 2, dim=0)
    rows = functional.conv2d(pictures, kernel.view(1, 1, 1, -1))
    return functional.conv2d(rows, kernel.view(1, 1, -1, 1))
