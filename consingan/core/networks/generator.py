"""The growing generator (ConSinGAN, section 3; sizes in the paper's table).

State-dict keys are those of the published code, such as `body.2.block0.conv.weight`, so that
weights can be loaded in both directions.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from consingan.core.networks.layers import (
    CHANNELS,
    KERNEL,
    Convolution,
    Normalization,
    conv_block,
    conv_blocks,
    fold_batch_norm,
)
from consingan.core.networks.plan import OVERSIZE, Plan, StagePlan
from consingan.core.networks.upsampling import upsample
from consingan.core.options.size import Size
from consingan.core.options.training import PaddingStyle, TrainOptions


def _pad(features: Tensor, zeros: tuple[int, int, int, int]) -> Tensor:
    return functional.pad(features, zeros) if any(zeros) else features


class Generator(nn.Module):
    """Turns noise into a picture, stage by stage.

    `noise[0]`, the input of stage 0, has 3 channels; the noise of the other stages has `filters`
    channels. `noise_shape` gives the shapes.
    """

    def __init__(self, options: TrainOptions, padding: PaddingStyle) -> None:
        super().__init__()
        self.options = options
        self.padding = padding
        self.head = conv_block(CHANNELS, options, options.batch_norm)
        self.body = nn.ModuleList([conv_blocks(options, options.batch_norm)])
        self.tail = nn.Sequential(Convolution(options.filters, CHANNELS, KERNEL), nn.Tanh())

    def grow(self, normalized: bool = True) -> None:
        """Add a stage that starts as a copy of the newest one.

        If only the newest one is `normalized`, its batch norm is folded into the copy's
        convolutions, with the statistics in `Normalization.whole`.
        """
        stage = copy.deepcopy(self.body[-1])
        if self.normalized and not normalized:
            for block in stage.children():
                fold_batch_norm(block)
        self.body.append(stage)

    @property
    def normalized(self) -> bool:
        """Whether the newest stage has batch norm."""
        return any(isinstance(layer, Normalization) for layer in self.body[-1].modules())

    def noise_channels(self, stage: int) -> int:
        """The number of channels of the noise that enters at `stage`."""
        return self.options.filters if stage else CHANNELS

    def noise_shape(self, stage: int, size: Size) -> tuple[int, int, int, int]:
        """The shape of the noise that enters at `stage` when its output has `size`."""
        margin = 2 * self.options.layers if stage and self.padding == "oversize" else 0
        return (1, self.noise_channels(stage), size.height + margin, size.width + margin)

    def forward(self, noise: Sequence[Tensor], amplitudes: Sequence[float], plan: Plan) -> Tensor:
        """The planned window of the picture, (N, 3, h, w) in [-1, 1]."""
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
        """Feature maps after stages `start` to `stop` - 1, (N, filters, h, w).

        Args:
            noise: the planned part of each stage's noise, one tensor a stage. Its dtype is the
                precision that is computed in.
            amplitudes: the noise amplitude of each stage.
            plan: what each stage computes; `networks.plan.plan` makes it.
            start: the first stage to run.
            stop: the stage to stop before; by default all stages run.
            below: the planned output of stage `start` - 1; None for stage 0.
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
        """The picture from the last stage's feature maps, (N, 3, h, w) in [-1, 1], float32."""
        convolution, tanh = self.tail
        picture: Tensor = tanh(convolution(_pad(features, plan.zeros)).float())
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
            # Noise extends beyond the border, so that the border varies as much as the middle.
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
