"""Harmonization: a pasted object takes on the picture's style."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from consingan.core.hooks.mode import Mode
from consingan.core.hooks.specs import hookimpl
from consingan.core.networks.stage_sizes import geometric_sizes
from consingan.core.options.fields import changed
from consingan.core.options.size import Size
from consingan.core.options.training import TrainOptions
from consingan.modes.shared.repainting import (
    REPAINT_PRESETS,
    RepaintOptions,
    preview_repainted,
    save_repainted,
)

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from consingan.core.pictures.outputs import Outputs
    from consingan.core.sampling.sampler import Sampler

DILATION = 7
"""Pixels by which the mask is dilated before it is feathered (the published value)."""


class HarmonizationTrain(TrainOptions):
    """The paper's defaults for harmonization."""

    train_stages: int = changed(TrainOptions, "train_stages", 3)
    min_size: int = changed(TrainOptions, "min_size", 120)
    niter: int = changed(TrainOptions, "niter", 1000)
    lrelu_alpha: float = changed(TrainOptions, "lrelu_alpha", 0.3)
    batch_norm: bool = changed(TrainOptions, "batch_norm", True)


class Harmonization(Mode[HarmonizationTrain, RepaintOptions]):
    """Trains on random augmentations of the picture, which it learns to undo."""

    name = "harmonization"
    summary = "A pasted object takes on the picture's style."
    TrainOptions = HarmonizationTrain
    ApplyOptions = RepaintOptions
    padding_style = "zero"  # borders stay where they are
    takes_naive = True
    repaints = True
    presets = REPAINT_PRESETS

    @hookimpl
    def stage_sizes(self, size: Size, options: HarmonizationTrain) -> list[Size]:
        """Sizes with one constant ratio from stage to stage."""
        return geometric_sizes(size, options.train_stages, options.min_size)

    @hookimpl
    def training_input(
        self,
        pyramid: Sequence[Tensor],
        options: HarmonizationTrain,
        generator: torch.Generator,
        naive: Tensor | None,
    ) -> Tensor:
        """The augmented picture; in fine-tuning, the naive picture."""
        from consingan.modes.shared.augmentation import augment

        return augment(pyramid[0], generator) if naive is None else naive

    @hookimpl
    def preview(self, sampler: Sampler) -> Iterator[tuple[str, Tensor]]:
        """The picture, an augmented copy and its result, and the naive picture and its result."""
        from consingan.core.networks.noise import Noise
        from consingan.modes.shared.augmentation import augment

        changed = augment(sampler.picture.cpu(), Noise(0).portable("preview"))
        return preview_repainted(sampler, "augmented", changed)

    @hookimpl
    def apply(self, sampler: Sampler, options: RepaintOptions, outputs: Outputs) -> None:
        """Save the result: within the mask, and the whole repainted picture."""
        save_repainted(sampler, outputs, options, radius=DILATION)
