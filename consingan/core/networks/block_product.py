"""The product of a matrix that is zero off its diagonal blocks, and its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor


class Block(NamedTuple):
    """A part of the matrix, (rows, columns), and where in it its first row and column are."""

    weights: Tensor
    row: int
    column: int


def product(features: Tensor, blocks: Sequence[Block], length: int) -> Tensor:
    """(N, K, M) to (N, length, M): the matrix of all blocks together, times each (K, M).

    The blocks' rows follow each other, and are all there are; their columns may overlap. It can be
    differentiated once.
    """
    made: Tensor = cast(Any, _Product).apply(features, blocks, length)
    return made


class _Product(torch.autograd.Function):
    """Written out, since slices would each have a gradient as large as the whole."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, blocks: Sequence[Block], length: int) -> Tensor:
        ctx.blocks, ctx.length = blocks, features.shape[1]
        made = features.new_empty(features.shape[0], length, features.shape[2])
        for weights, row, column in blocks:
            part = features[:, column : column + weights.shape[1]]
            made[:, row : row + weights.shape[0]] = torch.matmul(weights, part)
        return made

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        whole = gradient.new_zeros(gradient.shape[0], ctx.length, gradient.shape[2])
        for weights, row, column in ctx.blocks:
            part = gradient[:, row : row + weights.shape[0]]
            whole[:, column : column + weights.shape[1]] += torch.matmul(weights.T, part)
        return whole, None, None
