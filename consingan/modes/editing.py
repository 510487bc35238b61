"""Editing: a rough edit becomes seamless."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from consingan.core.hooks.mode import Mode
from consingan.core.hooks.specs import hookimpl
from consingan.core.options.fields import changed, option
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
"""Pixels by which a mask grows before it is feathered (the published value)."""
INPUT_NOISE = 0.1
"""How much noise is added to what enters at stage 0 (the published value)."""


class EditingTrain(TrainOptions):
    """The paper's usual settings for editing."""

    niter: int = changed(TrainOptions, "niter", 1000)
    batch_norm: bool = changed(TrainOptions, "batch_norm", True)


class EditingApply(RepaintOptions):
    """What to make from a trained run."""

    num_samples: int = option(1, "How many proposals to make of the edit.", "Pictures", ge=1)


class Editing(Mode[EditingTrain, EditingApply]):
    """Trains on the picture with pieces of it shifted, which it learns to fit in."""

    name = "editing"
    summary = "A rough edit becomes seamless."
    TrainOptions = EditingTrain
    ApplyOptions = EditingApply
    padding_style = "zero"  # borders stay where they are
    takes_naive = True
    presets = REPAINT_PRESETS

    @hookimpl
    def training_input(
        self,
        pyramid: Sequence[Tensor],
        options: EditingTrain,
        generator: torch.Generator,
        naive: Tensor | None,
    ) -> Tensor:
        """The picture with shifted rectangles, or in fine-tuning the naive one, and noise."""
        from consingan.modes.shared.augmentation import shift_rectangles

        edited = shift_rectangles(pyramid[0], generator) if naive is None else naive
        return _noisy(edited, generator)

    @hookimpl
    def fixed_input(
        self, pyramid: Sequence[Tensor], options: EditingTrain, generator: torch.Generator
    ) -> Tensor:
        """The smallest picture, and noise."""
        return _noisy(pyramid[0], generator)

    @hookimpl
    def preview(self, sampler: Sampler) -> Iterator[tuple[str, Tensor]]:
        """The picture, an edited one, what becomes of it, and the naive picture likewise."""
        from consingan.core.networks.noise import Noise
        from consingan.modes.shared.augmentation import shift_rectangles

        edited = shift_rectangles(sampler.picture.cpu(), Noise(0).portable("preview"))
        return preview_repainted(sampler, "edited", edited, INPUT_NOISE)

    @hookimpl
    def apply(self, sampler: Sampler, options: EditingApply, outputs: Outputs) -> None:
        """Save each proposal, inside the mask and as a whole."""
        save_repainted(
            sampler,
            outputs,
            options,
            radius=DILATION,
            input_noise=INPUT_NOISE,
            num_samples=options.num_samples,
        )


def _noisy(picture: Tensor, generator: torch.Generator) -> Tensor:
    import torch

    noise = torch.randn(picture.shape, generator=generator, device=generator.device)
    return picture + INPUT_NOISE * noise.to(picture.device)
