"""The product of a matrix that is zero off a band near its diagonal, and its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor


class Band(NamedTuple):
    """A block of the matrix: `weights` (rows, columns) from row `made` and column `read` on."""

    weights: Tensor
    read: int
    made: int


def banded_product(features: Tensor, bands: Sequence[Band], length: int) -> Tensor:
    """(N, K, M) to (N, length, M): the matrix of all bands together, times each (K, M).

    The bands' rows follow each other, and are all there are. It can be differentiated once.
    """
    product: Tensor = cast(Any, _BandedProduct).apply(features, bands, length)
    return product


class _BandedProduct(torch.autograd.Function):
    """Written out, since slices would each have a gradient as large as the whole."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, bands: Sequence[Band], length: int) -> Tensor:
        ctx.bands, ctx.length = bands, features.shape[1]
        product = features.new_empty(features.shape[0], length, features.shape[2])
        for weights, read, made in bands:
            part = features[:, read : read + weights.shape[1]]
            product[:, made : made + weights.shape[0]] = torch.matmul(weights, part)
        return product

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        whole = gradient.new_zeros(gradient.shape[0], ctx.length, gradient.shape[2])
        for weights, read, made in ctx.bands:
            part = gradient[:, made : made + weights.shape[0]]
            whole[:, read : read + weights.shape[1]] += torch.matmul(weights.T, part)
        return whole, None, None
