"""The product of a matrix that consists of blocks near its diagonal, and its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor


class Block(NamedTuple):
    """A dense part of the matrix, and its position."""

    weights: Tensor
    """(rows, columns)."""
    row: int
    """Its first row in the matrix."""
    column: int
    """Its first column in the matrix."""


def product(features: Tensor, blocks: Sequence[Block], length: int) -> Tensor:
    """Multiply (N, K, M) by the (length, K) matrix of all blocks, to (N, length, M).

    The blocks' rows follow each other and make up all rows. Their columns may overlap. Only first
    derivatives are supported.
    """
    made: Tensor = cast(Any, _Product).apply(features, blocks, length)
    return made


class _Product(torch.autograd.Function):
    """Has its own backward pass, since autograd makes a full-sized gradient for every slice."""

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
