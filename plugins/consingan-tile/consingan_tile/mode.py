"""The mode `tile`: trains as `retarget`, and makes seamless tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consingan import Mode, SizeOptions, TrainOptions, changed, hookimpl, option, preset_changes
from consingan_tile.seam import seam
from consingan_tile.torus import Axes, periodic_sample

if TYPE_CHECKING:
    from torch import Tensor

    from consingan import Outputs, Sampler


class TileTrain(TrainOptions):
    """A larger smallest stage, so that most of it is not affected by the borders, as in a tile."""

    min_size: int = changed(TrainOptions, "min_size", 48)


class TileApply(SizeOptions):
    """The options of `apply`."""

    axes: Axes = option(
        "both", "Which edges match: x for left and right, y for top and bottom.", "Tile"
    )
    num_samples: int = option(4, "Number of tiles to make.", "Tile", ge=1)
    seed: int = option(
        0, "Random seed. The same seed gives the same tiles, another others.", "Tile", ge=0
    )


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
        size = options.target(sampler.size)
        wrapped = "xy" if options.axes == "both" else options.axes
        down, along = (3 if axis in wrapped else 1 for axis in "yx")
        seams = {}
        for index in range(options.num_samples):
            tile = periodic_sample(sampler, size, options.axes, index, options.seed)
            name = f"tile-{index:03}"
            seams[name] = {axis: round(seam(tile, axis), 3) for axis in wrapped}
            outputs.save(name, tile)
            outputs.save(f"preview-{index:03}", tile.repeat(1, 1, down, along))
        outputs.save_record(seams, "seams")
        outputs.save_sheet()
