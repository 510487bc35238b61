"""Retargeting: the picture at other sizes and aspect ratios, without stretching its objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import field_validator, model_validator

from consingan.core.hooks.mode import Mode
from consingan.core.hooks.specs import hookimpl
from consingan.core.options.fields import changed, option
from consingan.core.options.samples import SizedSampleOptions
from consingan.core.options.size import Size, SizeOptions, check_size, parse_size
from consingan.core.options.training import TrainOptions

if TYPE_CHECKING:
    from torch import Tensor

    from consingan.core.pictures.outputs import Outputs
    from consingan.core.sampling.sampler import Sampler


class RetargetApply(SizedSampleOptions):
    """The options of `apply`."""

    sizes: str | None = option(
        None,
        "Several sizes, as WIDTHxHEIGHT separated by commas: 500x150,200x400. If no size is set at "
        "all, pictures are made twice as wide, and twice as tall.",
        "Size",
    )
    num_samples: int = changed(SizedSampleOptions, "num_samples", 5)

    @field_validator("sizes")
    @classmethod
    def _check_sizes(cls, sizes: str | None) -> str | None:
        for size in (sizes or "").split(",") if sizes is not None else ():
            parse_size(size)
        return sizes

    @model_validator(mode="after")
    def _check_exclusion(self) -> RetargetApply:
        if self.sizes is not None and any(
            name in self.model_fields_set for name in SizeOptions.model_fields
        ):
            raise ValueError("--sizes excludes --width, --height, --scale-w and --scale-h")
        return self

    def targets(self, trained: Size) -> list[Size]:
        """The sizes to make from a run trained at `trained`."""
        if self.sizes is not None:
            return [check_size(parse_size(size)) for size in self.sizes.split(",")]
        if self.model_fields_set & SizeOptions.model_fields.keys():
            return [self.target(trained)]
        height, width = trained
        return [Size(height, 2 * width), Size(2 * height, width)]


class Retarget(Mode[TrainOptions, RetargetApply]):
    """Generation with zero padding, which keeps what lies at the border there."""

    name = "retarget"
    summary = "The picture at other sizes and shapes, nothing stretched."
    ApplyOptions = RetargetApply
    applies = ("generation",)
    padding_style = "zero"  # borders stay where they are

    @hookimpl
    def preview(self, sampler: Sampler) -> Iterator[tuple[str, Tensor]]:
        """The picture, its reconstruction, a wide sample and a tall one."""
        height, width = sampler.size
        shapes = {"wide": Size(height, 2 * width), "tall": Size(2 * height, width)}
        yield "picture", sampler.picture
        yield "reconstruction", sampler.reconstruction()
        for name, size in shapes.items():
            yield name, sampler.sample(0, size=size)

    @hookimpl
    def apply(self, sampler: Sampler, options: RetargetApply, outputs: Outputs) -> None:
        """Save the reconstruction, the samples of each size and a contact sheet."""
        from consingan.modes.shared.sample_sets import save_sample_sets

        sizes = options.targets(sampler.size)
        save_sample_sets(sampler, outputs, sizes, options)
