"""The patch critic (ConSinGAN, section 3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from consingan.core.networks.layers import CHANNELS, KERNEL, Convolution, conv_block, conv_blocks
from consingan.core.options.training import TrainOptions


class Critic(nn.Module):
    """Scores every patch of a picture: (N, 3, H, W) to (N, 1, H - f + 1, W - f + 1).

    f is `options.receptive_field`, 11 pixels under the paper's preset.
    """

    def __init__(self, options: TrainOptions) -> None:
        super().__init__()
        self.options = options
        self.head = conv_block(CHANNELS, options, batch_norm=False)
        self.body = conv_blocks(options, batch_norm=False)
        self.tail = Convolution(options.filters, 1, KERNEL)

    def forward(self, picture: Tensor) -> Tensor:
        """The score of each patch. Higher means more like the training picture."""
        scores: Tensor = self.tail(self.body(self.head(picture)))
        return scores

    def input_gradient(self, picture: Tensor) -> Tensor:
        """The gradient of the summed scores with respect to the picture, shaped as the picture.

        It is differentiable with respect to the weights. A critic of convolutions and leaky ReLUs
        is piecewise linear. So the gradient is a chain of transposed convolutions, multiplied by
        each leaky ReLU's derivative. Computed in this way it costs less than half as much as double
        backward, and gives the same numbers.
        """
        if self.options.activation != "lrelu":
            picture = picture.detach().requires_grad_()
            scores = self(picture).sum()
            return torch.autograd.grad(scores, picture, create_graph=True)[0]
        blocks, alpha = [self.head, *self.body], self.options.lrelu_alpha
        outputs = []
        with torch.no_grad():
            features = picture
            for block in blocks:
                features = block(features)
                outputs.append(features)
            gradient = torch.ones_like(self.tail(features))
        weight = self.tail.weight.to(gradient.dtype)
        gradient = functional.conv_transpose2d(gradient, weight)
        for block, output in zip(reversed(blocks), reversed(outputs), strict=True):
            # An output's sign tells which of its two derivatives the leaky ReLU has there.
            gradient = torch.ops.aten.leaky_relu_backward(gradient, output, alpha, True)
            weight = block.conv.weight.to(gradient.dtype)
            gradient = functional.conv_transpose2d(gradient, weight)
        return gradient
