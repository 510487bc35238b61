"""The options of training and applying."""

from __future__ import annotations

from pathlib import Path

from consingan import Options, TrainOptions, changed, option

STAGES = 2
"""How many there are unless --train-stages says: SinGAN's last one, and one that reads pictures."""

PROJECTIONS = 4
"""How often each pass is corrected unless --back-projections says."""


class SuperresTrain(TrainOptions):
    """What to learn: one pass of enlargement."""

    train_stages: int = changed(TrainOptions, "train_stages", STAGES)
    reconstruction_weight: float = changed(TrainOptions, "reconstruction_weight", 100.0)
    growth: float = option(
        2 ** (1 / 3),
        "How much one pass enlarges. Smaller steps invent less at a time, and take more of them.",
        "Size",
        ge=1.1,
        le=4,
    )


class SuperresApply(Options):
    """What to enlarge, and how much."""

    factor: float = option(
        4.0, "How much to enlarge: width and height as a factor, any above 1.", "Size", gt=1, le=64
    )
    picture: Path | None = option(
        None,
        "The picture to enlarge: another one in this one's texture, or the photo itself if it was "
        "reduced for training. Without it, the training picture.",
        "Pictures",
    )
    back_projections: int = option(
        PROJECTIONS,
        "How often each pass is corrected so that, reduced again, it gives back the picture; "
        "0 leaves it as the network paints it, with colours that drift.",
        "Pictures",
        ge=0,
    )
