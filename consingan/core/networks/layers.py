"""The layers of generator and critic, and how their weights are initialized."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional

from consingan.core.options.training import TrainOptions

CHANNELS = 3
KERNEL = 3
WEIGHT_STD = 0.02


class Convolution(nn.Conv2d):
    """A 3x3 convolution without padding that casts its weights to the precision of its input."""

    def forward(self, features: Tensor) -> Tensor:
        """(N, in, H, W) to (N, out, H - 2, W - 2)."""
        dtype = features.dtype
        bias = None if self.bias is None else self.bias.to(dtype)
        return functional.conv2d(features, self.weight.to(dtype), bias)


class Rectifier(nn.PReLU):
    """A PReLU that casts its weight to the precision of its input."""

    def forward(self, features: Tensor) -> Tensor:
        """Any shape to the same shape."""
        return functional.prelu(features, self.weight.to(features.dtype))


class Normalization(nn.BatchNorm2d):
    """Batch norm with the statistics of its input, or of the whole that its input is a part of.

    As in the published code, running statistics of training are never used.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, track_running_stats=False)
        self.whole: tuple[Tensor, Tensor] | None = None
        """Mean and variance of each channel over the whole, (C,) each; None if the input is it."""

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        if self.whole is None:
            return super().forward(features)
        return functional.batch_norm(features, *self.whole, self.weight, self.bias, eps=self.eps)

    def fold_into(self, convolution: Convolution) -> None:
        """Fold this layer, with the statistics in `whole`, into the convolution before it."""
        mean, variance = self.whole or (torch.zeros(()), torch.ones(()))
        scale = self.weight * torch.rsqrt(variance + self.eps)
        convolution.weight.mul_(scale[:, None, None, None])
        if convolution.bias is not None:
            convolution.bias.sub_(mean).mul_(scale).add_(self.bias)


def _activation(options: TrainOptions) -> nn.Module:
    if options.activation == "lrelu":
        return nn.LeakyReLU(options.lrelu_alpha, inplace=True)
    if options.activation == "elu":
        return nn.ELU(inplace=True)
    if options.activation == "selu":
        return nn.SELU(inplace=True)
    return Rectifier()


def conv_block(inputs: int, options: TrainOptions, batch_norm: bool) -> nn.Sequential:
    """A 3x3 convolution from `inputs` channels, optionally batch norm, and an activation."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["conv"] = Convolution(inputs, options.filters, KERNEL)
    if batch_norm:
        layers["norm"] = Normalization(options.filters)
    layers[options.activation] = _activation(options)
    return nn.Sequential(layers)


def conv_blocks(options: TrainOptions, batch_norm: bool) -> nn.Sequential:
    """The convolution blocks of one stage, or of the critic's body."""
    return nn.Sequential(
        OrderedDict(
            (f"block{index}", conv_block(options.filters, options, batch_norm))
            for index in range(options.layers)
        )
    )


@torch.no_grad()
def fold_batch_norm(block: nn.Module) -> None:
    """Fold a block's batch norm into its convolution, and remove it."""
    convolution, norm = block.get_submodule("conv"), block.get_submodule("norm")
    if isinstance(convolution, Convolution) and isinstance(norm, Normalization):
        norm.fold_into(convolution)
        del block.norm


def initialize(network: nn.Module, options: TrainOptions, generator: torch.Generator) -> None:
    """Initialize the weights. `generator` is on the CPU.

    Convolution weights are drawn from N(0, 0.02), with torch's default biases, as in the paper. Or
    they are drawn after He et al. 2015, which keeps the variance of activations, with zero biases.
    Batch norm weights are drawn from N(1, 0.02).
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            inputs = module.in_channels * KERNEL * KERNEL
            he = options.initialization == "he"
            std = (2 / (1 + options.lrelu_alpha**2) / inputs) ** 0.5 if he else WEIGHT_STD
            nn.init.normal_(module.weight, 0.0, std, generator=generator)
            if module.bias is not None:
                bound = 0.0 if he else inputs**-0.5
                nn.init.uniform_(module.bias, -bound, bound, generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, WEIGHT_STD, generator=generator)
            nn.init.zeros_(module.bias)
