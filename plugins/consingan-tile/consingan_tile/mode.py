"""The mode: trains as `retarget` does, and makes tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consingan import Mode, SizeOptions, TrainOptions, changed, hookimpl, option, preset_changes
from consingan_tile.seam import seam
from consingan_tile.torus import Axes, periodic_sample

if TYPE_CHECKING:
    from torch import Tensor

    from consingan import Outputs, Sampler


class TileTrain(TrainOptions):
    """A smallest stage that has an inside: a tile comes from out of reach of the borders."""

    min_size: int = changed(TrainOptions, "min_size", 48)


class TileApply(SizeOptions):
    """What tiles to make from a trained run."""

    axes: Axes = option(
        "both", "Which edges continue each other: x is left and right, y upper and lower.", "Tile"
    )
    num_samples: int = option(4, "How many tiles to make.", "Tile", ge=1)
    seed: int = option(
        0, "Which tiles: another seed makes others, the same makes the same.", "Tile", ge=0
    )


class Tile(Mode[TileTrain, TileApply]):
    """Zero padding keeps the sizes of stages in proportion, which the wrap needs."""

    name = "tile"
    summary = "Seamless textures: samples whose edges continue each other."
    hooks_version = 1
    TrainOptions = TileTrain
    ApplyOptions = TileApply
    padding_style = "zero"  # nothing is enlarged past the border
    # Stages that go on learning fast learn their layout from the borders, which a tile has none of.
    presets = preset_changes(lr_scale=0.1)

    @hookimpl
    def preview(self, sampler: Sampler) -> list[tuple[str, Tensor]]:
        """The picture, its reconstruction, and a tile four times."""
        tile = periodic_sample(sampler, sampler.size)
        return [
            ("picture", sampler.picture),
            ("reconstruction", sampler.reconstruction()),
            ("2x2 tiles", tile.repeat(1, 1, 2, 2)),
        ]

    @hookimpl
    def apply(self, sampler: Sampler, options: TileApply, outputs: Outputs) -> None:
        """Save each tile, a preview of it repeated, and how visible the seams are."""
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
