"""The mode `tile`: trains as `retarget`, and makes seamless tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consingan import (
    Mode,
    SampleOptions,
    SizedSampleOptions,
    TrainOptions,
    changed,
    hookimpl,
    option,
    preset_changes,
)
from consingan_tile.seam import seam
from consingan_tile.torus import Axes, periodic_sample

if TYPE_CHECKING:
    from torch import Tensor

    from consingan import Outputs, Sampler


class TileTrain(TrainOptions):
    """A larger smallest stage, so that most of it is not affected by the borders, as in a tile."""

    min_size: int = changed(TrainOptions, "min_size", 48)


class TileApply(SizedSampleOptions):
    """The options of `apply`."""

    axes: Axes = option(
        "both", "Which edges match: x for left and right, y for top and bottom.", "Tile"
    )
    num_samples: int = changed(SampleOptions, "num_samples", 4)


class Tile(Mode[TileTrain, TileApply]):
    """Makes periodic samples. They need zero padding, which keeps the stages in proportion."""

    name = "tile"
    summary = "Seamless textures: samples whose opposite edges match."
    hooks_version = 1
    TrainOptions = TileTrain
    ApplyOptions = TileApply
    padding_style = "zero"  # oversize padding would change the ratio of the stages' sizes
    # With a high lr_scale, stages learn the layout from the borders, and a tile has no borders.
    presets = preset_changes(lr_scale=0.1)

    @hookimpl
    def preview(self, sampler: Sampler) -> list[tuple[str, Tensor]]:
        """The picture, its reconstruction, and a tile repeated 2x2."""
        tile = periodic_sample(sampler, sampler.size)
        return [
            ("picture", sampler.picture),
            ("reconstruction", sampler.reconstruction()),
            ("2x2 tiles", tile.repeat(1, 1, 2, 2)),
        ]

    @hookimpl
    def apply(self, sampler: Sampler, options: TileApply, outputs: Outputs) -> None:
        """Save each tile, a preview with the tile repeated, and how visible the seams are."""
        from consingan import check_size, save_samples

        size = options.target(sampler.size)
        check_size(sampler.scaled_sizes(size, options.enlarge)[-1])
        wrapped = "xy" if options.axes == "both" else options.axes
        down, along = (3 if axis in wrapped else 1 for axis in "yx")
        seams = {}

        def tile(index: int, enlarge: float = 1.0) -> Tensor:
            return periodic_sample(sampler, size, options.axes, index, options.seed, enlarge)

        def make(index: int) -> dict[str, Tensor]:
            made = tile(index, options.enlarge)
            name = options.name("tile", index)
            seams[name] = {axis: round(seam(made, axis), 3) for axis in wrapped}
            return {"tile": made, "preview": made.repeat(1, 1, down, along)}

        save_samples(sampler, outputs, options, make, tile)
        outputs.save_record(seams, "seams")
