"""Metrics of pixels at the same position: similarity of two pictures, diversity of many."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from consingan.core.pictures.filters import gaussian_blur

WINDOW, SIGMA = 11, 1.5
"""Side and standard deviation of SSIM's Gaussian window, in pixels."""
STABILIZERS = 0.01**2, 0.03**2
"""SSIM's constants C1 and C2 for values in [0, 1]."""


def rmse(first: Tensor, second: Tensor) -> float:
    """The root mean squared error between two pictures, (1, 3, H, W) in [0, 1]."""
    return math.sqrt(float(functional.mse_loss(first, second)))


def psnr(first: Tensor, second: Tensor) -> float:
    """The peak signal-to-noise ratio of two pictures, (1, 3, H, W) in [0, 1], in decibels.

    It is infinite if they are the same.
    """
    difference = rmse(first, second)
    return -20 * math.log10(difference) if difference > 0 else math.inf


def ssim(first: Tensor, second: Tensor) -> float | None:
    """The structural similarity of two pictures, (1, 3, H, W) in [0, 1]; 1 if they are the same.

    As in Wang et al. 2004, with a Gaussian window of 11x11 pixels and standard deviation 1.5,
    wherever it fits into the picture. The result is the mean over the three colour channels. It is
    None for pictures smaller than the window.
    """
    if min(first.shape[-2:]) < WINDOW:
        return None
    x, y = first.transpose(0, 1), second.transpose(0, 1)  # the channels, one picture each
    mean_x, mean_y = _blur(x), _blur(y)
    variance_x, variance_y = _blur(x * x) - mean_x**2, _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    c1, c2 = STABILIZERS
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    contrast_and_structure = (2 * covariance + c2) / (variance_x + variance_y + c2)
    return float((luminance * contrast_and_structure).mean())


def _blur(pictures: Tensor) -> Tensor:
    """Convolve (N, 1, H, W) with SSIM's window, without borders."""
    return gaussian_blur(pictures, SIGMA, WINDOW // 2)


def sharpness(picture: Tensor) -> float:
    """The mean difference of neighbouring pixels of a picture, (1, 3, H, W) in [0, 1]."""
    steps = [torch.diff(picture, dim=dim).abs() for dim in (2, 3)]
    return sum(float(step.mean()) for step in steps if step.numel())


class Diversity:
    """How much pictures differ from each other.

    It is the standard deviation of a pixel's value over the pictures, averaged over pixels and
    channels, and divided by the standard deviation of the training picture's values (Shaham et al.
    2019). Only running sums are kept, not the pictures (Welford 1962).
    """

    def __init__(self) -> None:
        self._count = 0
        self._mean = self._squares = torch.zeros(())

    def add(self, picture: Tensor) -> None:
        """Add a picture, (1, 3, H, W). All pictures must have one size."""
        self._count += 1
        difference = picture - self._mean
        self._mean = self._mean + difference / self._count
        self._squares = self._squares + difference * (picture - self._mean)

    def relative_to(self, reference: Tensor) -> float | None:
        """The diversity relative to the training picture, (1, 3, H, W).

        It is None for fewer than two pictures, and for a training picture of one colour.
        """
        spread = float(reference.std())
        if self._count < 2 or spread == 0:
            return None
        deviation = (self._squares.clamp(min=0) / (self._count - 1)).sqrt()
        return float(deviation.mean()) / spread
