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
from consingan.core.windows import OVERSIZE, Plan, StagePlan

CHANNELS = 3
KERNEL = 3
WEIGHT_STD = 0.02


class Convolution(nn.Conv2d):
    """A convolution that computes in the precision of its input, whatever its weights have."""

    def forward(self, features: Tensor) -> Tensor:
        """(N, in, H, W) to (N, out, H - 2, W - 2)."""
        dtype = features.dtype
        bias = None if self.bias is None else self.bias.to(dtype)
        return functional.conv2d(features, self.weight.to(dtype), bias)


class Rectifier(nn.PReLU):
    """A leaky ReLU that learns its slope and computes in the precision of its input."""

    def forward(self, features: Tensor) -> Tensor:
        """Any shape to the same."""
        return functional.prelu(features, self.weight.to(features.dtype))


class Normalization(nn.BatchNorm2d):
    """Batch norm by the statistics of what it sees, or by those of the whole that this is part of.

    They are never those of training, as in the published code.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, track_running_stats=False)
        self.whole: tuple[Tensor, Tensor] | None = None
        """The mean and the variance of each channel, (C,), if it sees only a part."""

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) to the same."""
        if self.whole is None:
            return super().forward(features)
        return functional.batch_norm(features, *self.whole, self.weight, self.bias, eps=self.eps)

    def fold_into(self, convolution: Convolution) -> None:
        """Let the convolution before it do what it does by the statistics of the whole."""
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


def _block(inputs: int, options: TrainOptions, batch_norm: bool) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["conv"] = Convolution(inputs, options.filters, KERNEL)
    if batch_norm:
        layers["norm"] = Normalization(options.filters)
    layers[options.activation] = _activation(options)
    return nn.Sequential(layers)


def _blocks(options: TrainOptions, batch_norm: bool) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            (f"block{index}", _block(options.filters, options, batch_norm))
            for index in range(options.layers)
        )
    )


@torch.no_grad()
def _fold(block: nn.Module) -> None:
    """Take batch norm out of a block whose convolution does the same from now on."""
    convolution, norm = block.get_submodule("conv"), block.get_submodule("norm")
    if isinstance(convolution, Convolution) and isinstance(norm, Normalization):
        norm.fold_into(convolution)
        del block.norm


def initialize(network: nn.Module, options: TrainOptions, generator: torch.Generator) -> None:
    """Draw the weights that training begins with; `generator` is on the CPU.

    Convolutions from N(0, 0.02) with torch's biases, as in the paper, or after He et al. 2015,
    which keeps the size of signals, with biases of zero. Batch norm weights from N(1, 0.02).
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


def _pad(features: Tensor, zeros: tuple[int, int, int, int]) -> Tensor:
    return functional.pad(features, zeros) if any(zeros) else features


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
        self.tail = nn.Sequential(Convolution(options.filters, CHANNELS, KERNEL), nn.Tanh())

    def grow(self, normalized: bool = True) -> None:
        """Add a stage that starts as a copy of the newest.

        Of one with batch norm, a stage that isn't to be `normalized` keeps what its statistics
        are at the moment; see `Normalization.whole`.
        """
        stage = copy.deepcopy(self.body[-1])
        if self.normalized and not normalized:
            for block in stage.children():
                _fold(block)
        self.body.append(stage)

    @property
    def normalized(self) -> bool:
        """Whether the newest stage has batch norm."""
        return any(isinstance(layer, Normalization) for layer in self.body[-1].modules())

    def noise_channels(self, stage: int) -> int:
        """How many channels the noise has that enters at `stage`."""
        return self.options.filters if stage else CHANNELS

    def noise_shape(self, stage: int, size: Size) -> tuple[int, int, int, int]:
        """The shape of the noise that enters at `stage` when its output has `size`."""
        margin = 2 * self.options.layers if stage and self.padding == "oversize" else 0
        return (1, self.noise_channels(stage), size.height + margin, size.width + margin)

    def forward(self, noise: Sequence[Tensor], amplitudes: Sequence[float], plan: Plan) -> Tensor:
        """The planned window of the picture of all stages together, (N, 3, h, w) in [-1, 1]."""
        return self.picture(self.features(noise, amplitudes, plan), plan)

    def features(
        self,
        noise: Sequence[Tensor],
        amplitudes: Sequence[float],
        plan: Plan,
        start: int = 0,
        stop: int | None = None,
        below: Tensor | None = None,
    ) -> Tensor:
        """Feature maps after stages `start` to `stop` - 1, (N, filters, *output's size).

        Args:
            noise: one tensor a stage, the part that the plan names; they set the precision.
            amplitudes: the strength of each stage's noise.
            plan: what each stage computes; `windows.plan` makes it.
            start: the first stage to run.
            stop: where to stop; by default all stages run.
            below: what stage `start` - 1 puts out by the plan; stage 0 has none below.
        """
        for stage in range(start, len(self.body) if stop is None else stop):
            part = plan.stages[stage]
            if below is None:
                below = self._first(noise[0], plan.sizes[0], part)
            else:
                below = part.below.cut(below, plan.stages[stage - 1].output.origin)
                below = self._refine(plan, stage, below, noise[stage] * amplitudes[stage])
        if below is None:
            raise ValueError("no stage to run")
        return below

    def picture(self, features: Tensor, plan: Plan) -> Tensor:
        """The last stage's feature maps painted as a picture, (N, 3, h, w) in [-1, 1], float32."""
        convolution, squash = self.tail
        picture: Tensor = squash(convolution(_pad(features, plan.zeros)).float())
        return picture

    def _first(self, noise: Tensor, size: Size, part: StagePlan) -> Tensor:
        features = self.head(_pad(noise, part.noise_zeros))
        margin = OVERSIZE if self.padding == "oversize" else 0
        stretched = Size(size.height + margin, size.width + margin)
        features = upsample(features, size, stretched, part.below, part.enlarged)
        first: Tensor = self.body[0](_pad(features, part.zeros))
        return first

    def _refine(self, plan: Plan, stage: int, below: Tensor, noise: Tensor) -> Tensor:
        source, size, part = plan.sizes[stage - 1], plan.sizes[stage], plan.stages[stage]
        if self.padding == "oversize":
            # Noise reaches past the border, so that the border varies as much as the middle.
            margin = 2 * self.options.layers
            stretched = Size(size.height + margin, size.width + margin)
            enlarged = upsample(below, source, stretched, part.below, part.enlarged)
            residual = upsample(below, source, size, part.below, part.output)
            refined = self.body[stage](enlarged + noise)
        else:
            enlarged = upsample(below, source, size, part.below, part.enlarged)
            residual = part.output.cut(enlarged, part.enlarged.origin)
            refined = self.body[stage](_pad(enlarged + noise, part.zeros))
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
        self.tail = Convolution(options.filters, 1, KERNEL)

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
        weight = self.tail.weight.to(gradient.dtype)
        gradient = functional.conv_transpose2d(gradient, weight)
        for block, output in zip(reversed(blocks), reversed(outputs), strict=True):
            # An output's sign tells which of the two slopes its leaky ReLU took.
            gradient = torch.ops.aten.leaky_relu_backward(gradient, output, alpha, True)
            weight = block.conv.weight.to(gradient.dtype)
            gradient = functional.conv_transpose2d(gradient, weight)
        return gradient
