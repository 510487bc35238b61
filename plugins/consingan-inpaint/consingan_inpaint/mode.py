"""The mode `inpaint`: trains on the picture without an object, and fills the hole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from consingan import (
    Mode,
    SampleOptions,
    Size,
    TrainOptions,
    changed,
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

MIN_KNOWN = 0.1
"""Share of a stage's patches that must be known. Lower stages with fewer are left out."""


class InpaintTrain(TrainOptions):
    """The options of `train`: what to leave out."""

    mask: Path = option(
        ...,
        "Mask of the picture's size: white where the object to remove is, black elsewhere.",
        "Mask",
    )
    margin: int = option(
        2,
        "Pixels around the object that are removed too, such as its blurred edge and its shadow.",
        "Mask",
        ge=0,
        le=1000,
    )


class InpaintApply(SampleOptions):
    """The options of `apply`."""

    num_samples: int = changed(SampleOptions, "num_samples", 1)


class Inpaint(Mode[InpaintTrain, InpaintApply]):
    """Trains to repaint the picture from a copy with a smoothly filled hole."""

    name = "inpaint"
    summary = "An object is removed and the hole filled from the rest."
    hooks_version = 1
    TrainOptions = InpaintTrain
    ApplyOptions = InpaintApply
    padding_style = "zero"  # borders stay where they are
    repaints = True
    # The input picture determines the colours.
    presets = preset_changes(color_weight=0)

    @hookimpl
    def stage_sizes(self, size: Size, options: InpaintTrain) -> list[Size]:
        """The default sizes, without low stages in which the object is in nearly every patch."""
        from consingan import known_patches, known_pyramid, load_picture

        sizes, field = default_sizes(size, options), options.receptive_field
        full = load_picture(options.mask).size  # the same as the picture's, which isn't given here
        known = self.known_pixels(full, options)
        for stage, level in enumerate(known_pyramid(known, sizes)):
            if min(sizes[stage]) < field or known_patches(level, field).mean() >= MIN_KNOWN:
                return sizes[stage:]
        return sizes[-1:]

    @hookimpl
    def known_pixels(self, size: Size, options: InpaintTrain) -> Tensor:
        """All pixels except the mask and its margin."""
        from consingan import dilate, load_mask

        return 1 - dilate(load_mask(options.mask, size), options.margin)

    @hookimpl
    def training_input(
        self,
        pyramid: Sequence[Tensor],
        options: InpaintTrain,
        generator: torch.Generator,
        naive: Tensor | None,
    ) -> Tensor:
        """The training picture at stage 0, whose hole is filled smoothly, with noise."""
        return self.fixed_input(pyramid, options, generator)

    @hookimpl
    def fixed_input(
        self, pyramid: Sequence[Tensor], options: InpaintTrain, generator: torch.Generator
    ) -> Tensor:
        """The same, with fixed noise."""
        import torch

        noise = torch.randn(pyramid[0].shape, generator=generator, device=generator.device)
        return pyramid[0] + INPUT_NOISE * noise.to(pyramid[0].device)

    @hookimpl
    def preview(self, sampler: Sampler) -> list[tuple[str, Tensor]]:
        """The known picture, its reconstruction, and two fillings."""
        return [
            ("known", sampler.picture),
            ("reconstruction", sampler.reconstruction()),
            *((f"filling {index}", filling(sampler, index)) for index in range(2)),
        ]

    @hookimpl
    def apply(self, sampler: Sampler, options: InpaintApply, outputs: Outputs) -> None:
        """Save the picture with each filling."""
        from consingan import save_samples

        def make(index: int) -> dict[str, Tensor]:
            return {"filled": filling(sampler, index, options.seed)}

        save_samples(sampler, outputs, options, make, before={"known": sampler.picture})
