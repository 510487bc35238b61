"""The growing generator and the patch critic (ConSinGAN, section 3; sizes in the paper's table).

State-dict keys are those of the published code (`body.2.block0.conv.weight`), so that its weights
and ours can stand in for each other.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from consingan.core.config import PaddingStyle, Size, TrainOptions
from consingan.core.resampling import upsample

CHANNELS = 3
KERNEL = 3
WEIGHT_STD = 0.02
OVERSIZE = 2
"""Pixels by which the first features are enlarged under oversize padding."""


def _activation(options: TrainOptions) -> nn.Module:
    if options.activation == "lrelu":
        return nn.LeakyReLU(options.lrelu_alpha, inplace=True)
    if options.activation == "elu":
        return nn.ELU(inplace=True)
    if options.activation == "selu":
        return nn.SELU(inplace=True)
    return nn.PReLU()


def _block(inputs: int, options: TrainOptions, batch_norm: bool) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["conv"] = nn.Conv2d(inputs, options.filters, KERNEL)
    if batch_norm:
        # Statistics are always those of the picture at hand, as in the published code.
        layers["norm"] = nn.BatchNorm2d(options.filters, track_running_stats=False)
    layers[options.activation] = _activation(options)
    return nn.Sequential(layers)


def _blocks(options: TrainOptions, batch_norm: bool) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            (f"block{index}", _block(options.filters, options, batch_norm))
            for index in range(options.layers)
        )
    )


def initialize(network: nn.Module, generator: torch.Generator) -> None:
    """Draw convolution weights from N(0, 0.02) and batch norm weights from N(1, 0.02).

    `generator` is on the CPU. Convolution biases keep torch's range, drawn from it as well.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            bound = (module.in_channels * KERNEL * KERNEL) ** -0.5
            nn.init.normal_(module.weight, 0.0, WEIGHT_STD, generator=generator)
            if module.bias is not None:
                nn.init.uniform_(module.bias, -bound, bound, generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, WEIGHT_STD, generator=generator)
            nn.init.zeros_(module.bias)


class Generator(nn.Module):
    """Turns noise into a picture, stage by stage; only stage 0 sees a picture-sized input.

    `noise[0]` is (N, 3, *sizes[0]); `noise[k]` is (N, filters, *noise_size(k, sizes[k])).
    """

    def __init__(self, options: TrainOptions, padding: PaddingStyle) -> None:
        super().__init__()
        self.options = options
        self.padding = padding
        self.head = _block(CHANNELS, options, options.batch_norm)
        self.body = nn.ModuleList([_blocks(options, options.batch_norm)])
        self.tail = nn.Sequential(nn.Conv2d(options.filters, CHANNELS, KERNEL), nn.Tanh())

    def grow(self) -> None:
        """Add a stage that starts as a copy of the newest."""
        self.body.append(copy.deepcopy(self.body[-1]))

    def noise_shape(self, stage: int, size: Size) -> tuple[int, int, int, int]:
        """The shape of the noise that enters at `stage` when its output has `size`."""
        if stage == 0:
            return (1, CHANNELS, *size)
        margin = 2 * self.options.layers if self.padding == "oversize" else 0
        return (1, self.options.filters, size.height + margin, size.width + margin)

    def forward(
        self, noise: Sequence[Tensor], amplitudes: Sequence[float], sizes: Sequence[Size]
    ) -> Tensor:
        """The picture of all stages together, (N, 3, *sizes[-1]) in [-1, 1]."""
        return self.picture(self.features(noise, amplitudes, sizes))

    def features(
        self,
        noise: Sequence[Tensor],
        amplitudes: Sequence[float],
        sizes: Sequence[Size],
        start: int = 0,
        stop: int | None = None,
        below: Tensor | None = None,
    ) -> Tensor:
        """Feature maps after stages `start` to `stop` - 1, (N, filters, *sizes[stop - 1]).

        `below` are the feature maps of stage `start` - 1; stage 0 has none below.
        """
        for stage in range(start, len(self.body) if stop is None else stop):
            if below is None:
                below = self._first(noise[0])
            else:
                below = self._refine(stage, below, noise[stage] * amplitudes[stage], sizes[stage])
        if below is None:
            raise ValueError("no stage to run")
        return below

    def picture(self, features: Tensor) -> Tensor:
        """Feature maps (N, filters, H, W) painted as a picture (N, 3, H, W) in [-1, 1]."""
        picture: Tensor = self.tail(functional.pad(features, (1, 1, 1, 1)))
        return picture

    def _first(self, noise: Tensor) -> Tensor:
        features = self.head(functional.pad(noise, (1, 1, 1, 1)))
        height, width = features.shape[-2:]
        if self.padding == "oversize":
            features = upsample(features, Size(height + OVERSIZE, width + OVERSIZE))
            margin = self.options.layers - OVERSIZE // 2
        else:
            margin = self.options.layers
        first: Tensor = self.body[0](functional.pad(features, (margin,) * 4))
        return first

    def _refine(self, stage: int, below: Tensor, noise: Tensor, size: Size) -> Tensor:
        residual = upsample(below, size)
        margin = self.options.layers
        if self.padding == "oversize":
            # Noise reaches past the border, so that the border varies as much as the middle.
            enlarged = upsample(below, Size(size.height + 2 * margin, size.width + 2 * margin))
            refined = self.body[stage](enlarged + noise)
        else:
            refined = self.body[stage](functional.pad(residual + noise, (margin,) * 4))
        features: Tensor = residual + refined
        return features


class Critic(nn.Module):
    """Scores every patch of a picture: (N, 3, H, W) to (N, 1, H - f + 1, W - f + 1).

    f is `options.receptive_field`, 11 pixels under the paper's preset.
    """

    def __init__(self, options: TrainOptions) -> None:
        super().__init__()
        self.options = options
        self.head = _block(CHANNELS, options, batch_norm=False)
        self.body = _blocks(options, batch_norm=False)
        self.tail = nn.Conv2d(options.filters, 1, KERNEL)

    def forward(self, picture: Tensor) -> Tensor:
        """The score of each patch; higher is more like the training picture."""
        scores: Tensor = self.tail(self.body(self.head(picture)))
        return scores

    def input_gradient(self, picture: Tensor) -> Tensor:
        """The gradient of the summed scores by the picture's pixels, differentiable by weights.

        A critic of convolutions and leaky ReLUs is linear around any picture: the gradient is a
        chain of transposed convolutions, masked by the slopes that the picture selects. Written
        out, it costs less than half of differentiating twice, for the same numbers.
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
        gradient = functional.conv_transpose2d(gradient, self.tail.weight)
        for block, output in zip(reversed(blocks), reversed(outputs), strict=True):
            # An output's sign tells which of the two slopes its leaky ReLU took.
            gradient = torch.ops.aten.leaky_relu_backward(gradient, output, alpha, True)
            gradient = functional.conv_transpose2d(gradient, block.conv.weight)
        return gradient
