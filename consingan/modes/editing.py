"""Editing: a rough edit becomes seamless."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from consingan.core.hooks.mode import Mode
from consingan.core.hooks.specs import hookimpl
from consingan.core.options.fields import changed
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

DILATION = 20
"""Pixels by which the mask is dilated before it is feathered (the published value)."""
INPUT_NOISE = 0.1
"""Standard deviation of the noise added to the input of stage 0 (the published value)."""


class EditingTrain(TrainOptions):
    """The paper's defaults for editing."""

    niter: int = changed(TrainOptions, "niter", 1000)
    batch_norm: bool = changed(TrainOptions, "batch_norm", True)


class Editing(Mode[EditingTrain, RepaintOptions]):
    """Trains on the picture with shifted rectangles, which it learns to blend in."""

    name = "editing"
    summary = "A rough edit becomes seamless."
    TrainOptions = EditingTrain
    ApplyOptions = RepaintOptions
    padding_style = "zero"  # borders stay where they are
    takes_naive = True
    repaints = True
    presets = REPAINT_PRESETS

    @hookimpl
    def training_input(
        self,
        pyramid: Sequence[Tensor],
        options: EditingTrain,
        generator: torch.Generator,
        naive: Tensor | None,
    ) -> Tensor:
        """The picture with shifted rectangles, or in fine-tuning the naive picture; with noise."""
        from consingan.modes.shared.augmentation import shift_rectangles

        edited = shift_rectangles(pyramid[0], generator) if naive is None else naive
        return _noisy(edited, generator)

    @hookimpl
    def fixed_input(
        self, pyramid: Sequence[Tensor], options: EditingTrain, generator: torch.Generator
    ) -> Tensor:
        """The training picture at stage 0, with noise."""
        return _noisy(pyramid[0], generator)

    @hookimpl
    def preview(self, sampler: Sampler) -> Iterator[tuple[str, Tensor]]:
        """The picture, an edited copy and its result, and the naive picture and its result."""
        from consingan.core.networks.noise import Noise
        from consingan.modes.shared.augmentation import shift_rectangles

        edited = shift_rectangles(sampler.picture.cpu(), Noise(0).portable("preview"))
        return preview_repainted(sampler, "edited", edited, INPUT_NOISE)

    @hookimpl
    def apply(self, sampler: Sampler, options: RepaintOptions, outputs: Outputs) -> None:
        """Save each result: within the mask, and the whole repainted picture."""
        save_repainted(sampler, outputs, options, radius=DILATION, input_noise=INPUT_NOISE)


def _noisy(picture: Tensor, generator: torch.Generator) -> Tensor:
    import torch

    noise = torch.randn(picture.shape, generator=generator, device=generator.device)
    return picture + INPUT_NOISE * noise.to(picture.device)
