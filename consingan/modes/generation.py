"""Unconditional generation: new variants of the picture, at any size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consingan.core.hooks.mode import Mode
from consingan.core.hooks.specs import hookimpl
from consingan.core.options.fields import option
from consingan.core.options.size import SizeOptions
from consingan.core.options.training import TrainOptions

if TYPE_CHECKING:
    from consingan.core.pictures.outputs import Outputs
    from consingan.core.sampling.sampler import Sampler


class GenerationApply(SizeOptions):
    """The options of `apply`."""

    num_samples: int = option(50, "Number of new pictures to make.", "Pictures", ge=0)
    seed: int = option(
        0, "Random seed. The same seed gives the same pictures, another others.", "Pictures", ge=0
    )


class Generation(Mode[TrainOptions, GenerationApply]):
    """The paper's main task. Its hooks are the defaults."""

    name = "generation"
    summary = "New variants of the picture, at any size."
    ApplyOptions = GenerationApply

    @hookimpl
    def apply(self, sampler: Sampler, options: GenerationApply, outputs: Outputs) -> None:
        """Save the reconstruction, the samples and a contact sheet."""
        from consingan.modes.shared.sample_sets import save_samples

        size = options.target(sampler.size)
        save_samples(sampler, outputs, [size], options.num_samples, options.seed)
