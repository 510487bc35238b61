"""The mode `paint`: learns to turn flat colours into texture, and applies this to a sketch."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from consingan import (
    Mode,
    Note,
    SampleOptions,
    Size,
    SizedSampleOptions,
    TrainOptions,
    changed,
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
    """The options of `train`."""

    start_stage: int = option(
        2,
        "Stage of the pyramid that a sketch enters at, from 0. Lower stages are left out. Higher "
        "keeps closer to the sketch's shapes, lower takes more of the picture's. At most the last "
        "stage is used.",
        "Size",
        ge=0,
    )


class PaintApply(SampleOptions):
    """The options of `apply`."""

    sketch: Path = option(
        ..., "The sketch, in flat colours, of any size. It is scaled to the run's size.", "Sketch"
    )
    colours: int | None = option(
        None,
        "Number of the picture's main colours (k-means) to reduce the sketch to. By default its "
        "colours are kept.",
        "Sketch",
        ge=2,
        le=64,
    )
    num_samples: int = changed(SampleOptions, "num_samples", 1)
    enlarge: float = changed(SizedSampleOptions, "enlarge", 1.0)


class Paint(Mode[PaintTrain, PaintApply]):
    """Trains on sketches that are made from the picture itself."""

    name = "paint"
    summary = "A clip-art sketch becomes a picture in this picture's texture."
    hooks_version = 1
    TrainOptions = PaintTrain
    ApplyOptions = PaintApply
    padding_style = "zero"  # borders stay where they are
    repaints = True
    # The input picture determines the colours.
    presets = preset_changes(color_weight=0)

    @hookimpl
    def stage_sizes(self, size: Size, options: PaintTrain) -> list[Size]:
        """The default sizes from the stage on that a sketch enters at."""
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
        """The picture in a few flat colours, distorted."""
        from consingan_paint.sketches import random_sketch

        return random_sketch(pyramid[0], generator)

    @hookimpl
    def fixed_input(
        self, pyramid: Sequence[Tensor], options: PaintTrain, generator: torch.Generator
    ) -> Tensor:
        """The picture in a few flat colours, undistorted."""
        from consingan_paint.sketches import plain_sketch

        return plain_sketch(pyramid[0])

    @hookimpl
    def preview(self, sampler: Sampler) -> list[tuple[str, Tensor]]:
        """The picture, its reconstruction, and sketches of it with their results."""
        from consingan import Noise
        from consingan_paint.sketches import random_sketch

        shown = [("picture", sampler.picture), ("reconstruction", sampler.reconstruction())]
        for index in range(2):
            sketch = random_sketch(sampler.picture.cpu(), Noise(0).portable("preview", index))
            shown += [("sketch", sketch), ("painted", sampler.repaint(sketch, index))]
        return shown

    @hookimpl
    def apply(self, sampler: Sampler, options: PaintApply, outputs: Outputs) -> None:
        """Save the repainted sketch."""
        from consingan import check_size, load_picture, resize, save_samples, to_tensor
        from consingan_paint.palette import in_colours, palette

        picture = load_picture(options.sketch)
        for note in picture.notes:
            warnings.warn(note, Note, stacklevel=2)
        scale = max(sampler.size) / max(picture.size)
        height, width = (max(1, round(side * scale)) for side in picture.size)
        sketch = resize(to_tensor(picture.image), Size(height, width))
        before = {"sketch": sketch}
        if options.colours is not None:
            sketch = in_colours(sketch, palette(sampler.picture.cpu(), options.colours))
            before[f"in {options.colours} colours"] = sketch
        check_size(sampler.scaled_sizes(Size(height, width), options.enlarge)[-1])

        def painted(index: int, enlarge: float = 1.0) -> Tensor:
            return sampler.repaint(sketch, index, options.seed, enlarge=enlarge)

        def make(index: int) -> dict[str, Tensor]:
            return {"painted": painted(index, options.enlarge)}

        save_samples(sampler, outputs, options, make, painted, before)
