"""The mode: learns to turn flat colours into the picture's texture, and does so to a sketch."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from consingan import (
    Mode,
    Note,
    Options,
    Size,
    TrainOptions,
    default_sizes,
    hookimpl,
    option,
    preset_changes,
)

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from consingan import Outputs, Sampler


class PaintTrain(TrainOptions):
    """What to learn."""

    start_stage: int = option(
        2,
        "The stage of the pyramid at which a sketch enters; those below it are left out. Higher "
        "keeps closer to the sketch's shapes, lower takes more of the picture's. One beyond the "
        "last means the last.",
        "Size",
        ge=0,
    )


class PaintApply(Options):
    """What to paint."""

    sketch: Path = option(
        ..., "The sketch: flat colours, of any size; it is scaled to the run's.", "Sketch"
    )
    colours: int | None = option(
        None,
        "First replace the sketch's colours by the nearest of this many of the picture's own "
        "(k-means). Without it they stay as they are.",
        "Sketch",
        ge=2,
        le=64,
    )
    num_samples: int = option(1, "How many results to make.", "Pictures", ge=1)
    seed: int = option(
        0, "Which results: another seed makes others, the same makes the same.", "Pictures", ge=0
    )


class Paint(Mode[PaintTrain, PaintApply]):
    """Trains on sketches of the picture itself."""

    name = "paint"
    summary = "A clip-art sketch comes out in the picture's texture."
    hooks_version = 1
    TrainOptions = PaintTrain
    ApplyOptions = PaintApply
    padding_style = "zero"  # borders stay where they are
    # Colours come from the picture that enters.
    presets = preset_changes(color_weight=0)

    @hookimpl
    def stage_sizes(self, size: Size, options: PaintTrain) -> list[Size]:
        """The default ones, from the stage on at which a sketch enters."""
        sizes = default_sizes(size, options)
        return sizes[min(options.start_stage, len(sizes) - 1) :]

    @hookimpl
    def training_input(
        self,
        pyramid: Sequence[Tensor],
        options: PaintTrain,
        generator: torch.Generator,
        naive: Tensor | None,
    ) -> Tensor:
        """The picture in a few flat colours, bent."""
        from consingan_paint.sketches import random_sketch

        return random_sketch(pyramid[0], generator)

    @hookimpl
    def fixed_input(
        self, pyramid: Sequence[Tensor], options: PaintTrain, generator: torch.Generator
    ) -> Tensor:
        """The picture in a few flat colours, as it is."""
        from consingan_paint.sketches import plain_sketch

        return plain_sketch(pyramid[0])

    @hookimpl
    def preview(self, sampler: Sampler) -> list[tuple[str, Tensor]]:
        """The picture, its reconstruction, and sketches of it with what becomes of them."""
        from consingan import Noise
        from consingan_paint.sketches import random_sketch

        shown = [("picture", sampler.picture), ("reconstruction", sampler.reconstruction())]
        for index in range(2):
            sketch = random_sketch(sampler.picture.cpu(), Noise(0).portable("preview", index))
            shown += [("sketch", sketch), ("painted", sampler.repaint(sketch, index))]
        return shown

    @hookimpl
    def apply(self, sampler: Sampler, options: PaintApply, outputs: Outputs) -> None:
        """Save what becomes of the sketch."""
        from consingan import load_picture, resize, to_tensor
        from consingan_paint.palette import in_colours, palette

        picture = load_picture(options.sketch)
        for note in picture.notes:
            warnings.warn(note, Note, stacklevel=2)
        scale = max(sampler.size) / max(picture.size)
        height, width = (max(1, round(side * scale)) for side in picture.size)
        sketch = resize(to_tensor(picture.image), Size(height, width))
        outputs.show("sketch", sketch)
        if options.colours is not None:
            sketch = in_colours(sketch, palette(sampler.picture.cpu(), options.colours))
            outputs.show(f"in {options.colours} colours", sketch)
        for index in range(options.num_samples):
            number = f"-{index:03}" if options.num_samples > 1 else ""
            outputs.save(f"painted{number}", sampler.repaint(sketch, index, options.seed))
        outputs.save_sheet()
