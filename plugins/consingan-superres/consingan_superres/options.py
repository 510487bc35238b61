"""The options of the mode `superres`."""

from __future__ import annotations

from pathlib import Path

from consingan import Options, TrainOptions, changed, option

STAGES = 2
"""The default number of stages: SinGAN's last one, and a first one that reads the picture."""

PROJECTIONS = 4
"""The default number of back-projections after each pass."""


class SuperresTrain(TrainOptions):
    """The options of `train`, which learns one pass of enlargement."""

    train_stages: int = changed(TrainOptions, "train_stages", STAGES)
    reconstruction_weight: float = changed(TrainOptions, "reconstruction_weight", 100.0)
    growth: float = option(
        2 ** (1 / 3),
        "Factor by which one pass enlarges. Smaller adds less detail in a pass and needs more "
        "passes.",
        "Size",
        ge=1.1,
        le=4,
    )


class SuperresApply(Options):
    """The options of `apply`."""

    factor: float = option(4.0, "Factor on width and height, above 1.", "Size", gt=1, le=64)
    picture: Path | None = option(
        None,
        "The picture to enlarge, by default the training picture. Give the photo itself if it was "
        "reduced for training, or another picture with the same texture.",
        "Pictures",
    )
    back_projections: int = option(
        PROJECTIONS,
        "Number of corrections after each pass, which bring the result, when reduced again, closer "
        "to the picture. With 0, colours drift from pass to pass.",
        "Pictures",
        ge=0,
    )
