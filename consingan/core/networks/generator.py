"""The growing generator and the patch critic (ConSinGAN, section 3; sizes in the paper's table).

State-dict keys are those of the published code (`body.2.block0.conv.weight`), so that its weights
and ours can stand in for each other.
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
    """Turns noise into a picture, stage by stage; only stage 0 sees a picture-sized input.

    `noise[0]` is (N, 3, *sizes[0]); `noise[k]` is (N, filters, *noise_size(k, sizes[k])).
    """

    def __init__(self, options: TrainOptions, padding: PaddingStyle) -> None:
        super().__init__()
        self.options = options
        self.padding = padding
        self.head = conv_block(CHANNELS, options, options.batch_norm)
        self.body = nn.ModuleList([conv_blocks(options, options.batch_norm)])
        self.tail = nn.Sequential(Convolution(options.filters, CHANNELS, KERNEL), nn.Tanh())

    def grow(self, normalized: bool = True) -> None:
        """Add a stage that starts as a copy of the newest.

        Of one with batch norm, a stage that isn't to be `normalized` keeps what its statistics
        are at the moment; see `Normalization.whole`.
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
