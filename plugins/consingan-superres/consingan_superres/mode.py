"""The mode `superres`: learns to enlarge the picture by a small factor, and repeats this."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from consingan import (
    Mode,
    Note,
    Size,
    check_size,
    hookimpl,
    preset_changes,
)
from consingan_superres.options import PROJECTIONS, STAGES, SuperresApply, SuperresTrain

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from consingan import Outputs, Sampler


class Superres(Mode[SuperresTrain, SuperresApply]):
    """Trains to make the picture from a reduced copy."""

    name = "superres"
    summary = "The picture enlarged, with detail learned from itself."
    hooks_version = 1
    TrainOptions = SuperresTrain
    ApplyOptions = SuperresApply
    padding_style = "zero"  # borders stay where they are
    repaints = True
    # Little noise at all stages, since the content is to stay the same.
    presets = preset_changes(fine_noise=1, color_weight=0)

    @hookimpl
    def stage_sizes(self, size: Size, options: SuperresTrain) -> list[Size]:
        """From the picture reduced by one pass to the picture itself, with a constant ratio."""
        from consingan_superres.enlarging import sizes_between

        small = Size(*(round(side / options.growth) for side in size))
        return sizes_between(small, size, options.train_stages or STAGES)

    @hookimpl
    def training_input(
        self,
        pyramid: Sequence[Tensor],
        options: SuperresTrain,
        generator: torch.Generator,
        naive: Tensor | None,
    ) -> Tensor:
        """The reduced picture, without noise."""
        return pyramid[0]

    @hookimpl
    def preview(self, sampler: Sampler) -> list[tuple[str, Tensor]]:
        """The picture, its reconstruction, and enlargements: bicubic and learned."""
        from consingan import resize
        from consingan_superres.enlarging import enlarge

        size = Size(*(2 * side for side in sampler.size))
        return [
            ("picture", sampler.picture),
            ("reconstruction", sampler.reconstruction()),
            ("bicubic x2", resize(sampler.picture, size)),
            ("learned x2", enlarge(sampler, sampler.picture, size, PROJECTIONS)),
        ]

    @hookimpl
    def apply(self, sampler: Sampler, options: SuperresApply, outputs: Outputs) -> None:
        """Save the enlarged picture, and a contact sheet with the bicubic enlargement."""
        from consingan import load_picture, resize, to_tensor
        from consingan_superres.enlarging import enlarge

        picture = sampler.picture
        if options.picture is not None:
            given = load_picture(options.picture)
            for note in given.notes:
                warnings.warn(note, Note, stacklevel=2)
            picture = to_tensor(given.image).to(picture.device)
        height, width = picture.shape[-2:]
        size = check_size(Size(round(height * options.factor), round(width * options.factor)))
        enlarged = enlarge(sampler, picture, size, options.back_projections)
        if outputs.named:
            outputs.save("", enlarged)
            return
        outputs.show("bicubic", resize(picture, size))
        outputs.save("enlarged", enlarged)
        outputs.save_sheet()
