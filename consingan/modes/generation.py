"""Unconditional generation: new variants of the picture, at any size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consingan.core.hooks.mode import Mode
from consingan.core.hooks.specs import hookimpl
from consingan.core.options.samples import SizedSampleOptions
from consingan.core.options.training import TrainOptions

if TYPE_CHECKING:
    from consingan.core.pictures.outputs import Outputs
    from consingan.core.sampling.sampler import Sampler


class Generation(Mode[TrainOptions, SizedSampleOptions]):
    """The paper's main task. Its hooks are the defaults."""

    name = "generation"
    summary = "New variants of the picture, at any size."
    ApplyOptions = SizedSampleOptions
    applies = ("retarget",)

    @hookimpl
    def apply(self, sampler: Sampler, options: SizedSampleOptions, outputs: Outputs) -> None:
        """Save the reconstruction, the samples and a contact sheet."""
        from consingan.modes.shared.sample_sets import save_sample_sets

        size = options.target(sampler.size)
        save_sample_sets(sampler, outputs, [size], options)
