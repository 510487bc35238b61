"""The mode: learns from all of the picture but an object, and paints over where it was."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from consingan import (
    Mode,
    Options,
    PictureError,
    Size,
    TrainOptions,
    default_sizes,
    hookimpl,
    option,
    preset_changes,
)
from consingan_inpaint.filling import INPUT_NOISE, filling

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from consingan import Outputs, Sampler

ENOUGH = 0.1
"""Share of a stage's patches that have to be known, or it is too coarse to learn from."""


class InpaintTrain(TrainOptions):
    """What not to learn from."""

    mask: Path = option(
        ...,
        "White where the object is that is to go, black elsewhere; of the picture's size.",
        "Mask",
    )
    margin: int = option(
        2,
        "How many pixels around the object go with it: what it blurs into, its shadow.",
        "Mask",
        ge=0,
        le=1000,
    )


class InpaintApply(Options):
    """What to paint."""

    num_samples: int = option(1, "How many fillings to make.", "Pictures", ge=1)
    seed: int = option(
        0, "Which fillings: another seed makes others, the same makes the same.", "Pictures", ge=0
    )


class Inpaint(Mode[InpaintTrain, InpaintApply]):
    """Trains on the picture with the hole filled smoothly, which the critic finds fault with."""

    name = "inpaint"
    summary = "An object is removed and the hole filled from the rest."
    hooks_version = 1
    TrainOptions = InpaintTrain
    ApplyOptions = InpaintApply
    padding_style = "zero"  # borders stay where they are
    # Colours come from the picture that enters.
    presets = preset_changes(color_weight=0)

    @hookimpl
    def stage_sizes(self, size: Size, options: InpaintTrain) -> list[Size]:
        """The default ones, without the lowest where the object is in nearly every patch."""
        from consingan import known_patches, known_pyramid, load_picture

        sizes, view = default_sizes(size, options), options.receptive_field
        own = load_picture(options.mask).size  # the picture's: it isn't known here
        known = self.known_pixels(own, options)
        for stage, level in enumerate(known_pyramid(known, sizes)):
            if min(sizes[stage]) < view or known_patches(level, view).mean() >= ENOUGH:
                return sizes[stage:]
        return sizes[-1:]

    @hookimpl
    def known_pixels(self, size: Size, options: InpaintTrain) -> Tensor:
        """All but the mask and its margin."""
        from consingan import dilate, load_mask

        mask = load_mask(options.mask, size)
        if not mask.any():
            raise PictureError(
                f"the mask {str(options.mask)!r} marks nothing; paint the object white"
            )
        return 1 - dilate(mask, options.margin)

    @hookimpl
    def training_input(
        self,
        pyramid: Sequence[Tensor],
        options: InpaintTrain,
        generator: torch.Generator,
        naive: Tensor | None,
    ) -> Tensor:
        """The smallest picture, its hole filled smoothly, and noise."""
        return self.fixed_input(pyramid, options, generator)

    @hookimpl
    def fixed_input(
        self, pyramid: Sequence[Tensor], options: InpaintTrain, generator: torch.Generator
    ) -> Tensor:
        """The same, with noise that stays the same."""
        import torch

        noise = torch.randn(pyramid[0].shape, generator=generator, device=generator.device)
        return pyramid[0] + INPUT_NOISE * noise.to(pyramid[0].device)

    @hookimpl
    def preview(self, sampler: Sampler) -> list[tuple[str, Tensor]]:
        """What is known, its reconstruction, and two fillings."""
        return [
            ("known", sampler.picture),
            ("reconstruction", sampler.reconstruction()),
            *((f"filling {index}", filling(sampler, index)) for index in range(2)),
        ]

    @hookimpl
    def apply(self, sampler: Sampler, options: InpaintApply, outputs: Outputs) -> None:
        """Save the picture with each filling."""
        outputs.show("known", sampler.picture)
        for index in range(options.num_samples):
            number = f"-{index:03}" if options.num_samples > 1 else ""
            outputs.save(f"filled{number}", filling(sampler, index, options.seed))
        outputs.save_sheet()
