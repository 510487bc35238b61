"""The options of training, and options that several modes share; no torch."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from consingan.core.options.fields import Options, option
from consingan.core.options.size import Size

PaddingStyle = Literal["oversize", "zero"]
Activation = Literal["lrelu", "elu", "prelu", "selu"]
Initialization = Literal["normal", "he"]
Precision = Literal["auto", "float32", "bfloat16"]
Schedule = Literal["step", "linear"]


CHECKPOINT_EVERY = 60.0
"""Seconds of training between checkpoints, unless another time is asked for."""
FINE = 96
"""Side, in pixels, of the square beyond which a stage makes texture rather than layout."""
DECAY_FROM: Mapping[Schedule, float] = MappingProxyType({"step": 0.8, "linear": 0.5})
"""The share of a stage's iterations after which the learning rates fall."""


class TrainOptions(Options):
    """Everything that shapes what a training learns; the defaults are the paper's (WACV 2021).

    A mode subclasses it to change a default or to add options of its own.
    """

    max_size: int = option(
        250,
        "Longer side, in pixels, that the picture is reduced to before training; never enlarged. "
        "A larger one gets more stages; with --window whole, time grows with its square.",
        "Size",
        ge=1,
    )
    min_size: int = option(
        25,
        "Shorter side of the smallest stage. Smaller gives more varied layouts, larger keeps the "
        "picture's own.",
        "Size",
        ge=1,
    )
    train_stages: int = option(
        6,
        "Number of stages from the smallest size to the full one. More stages keep large "
        "structures better, fewer give wilder samples. auto: as many as the size asks for.",
        "Size",
        words={"auto": 0},
        ge=0,
        le=64,
    )
    niter: int = option(
        2000,
        "Iterations a stage. Fewer is faster and blurrier; time grows in proportion.",
        "Training",
        ge=1,
    )
    last_share: float = option(
        1.0,
        "Share of --niter that the last stage trains; the stages between go evenly from all of it "
        "to that. Low stages settle the layout and are cheap.",
        "Training",
        gt=0,
        le=1,
    )
    window: int = option(
        0,
        "Side, in pixels, of the random windows that a stage of more pixels than such a window "
        "trains on; time and memory then don't grow with the picture. whole: always all of it.",
        "Training",
        words={"whole": 0},
        ge=0,
    )
    precision: Precision = option(
        "float32",
        "What the networks compute in. auto takes bfloat16 where this machine is faster in it.",
        "Training",
    )
    averaging: float = option(
        0.0,
        "Share of the averaged weights that an iteration keeps; what comes out is the average. "
        "0 takes the last weights, 0.995 averages over about 200 iterations.",
        "Training",
        ge=0,
        lt=1,
    )
    lr_scale: float = option(
        0.1,
        "How fast a stage below the newest goes on learning, as a factor a stage. Higher keeps "
        "closer to the picture, lower gives more variety.",
        "Training",
        ge=0,
        le=1,
    )
    train_depth: int = option(
        3,
        "How many of the newest stages learn together. More fits the picture better and costs "
        "more time and memory.",
        "Training",
        ge=1,
    )
    seed: int = option(
        0,
        "Where the random numbers start. The same seed on the same machine learns the same.",
        "Training",
        ge=0,
        lt=2**63,
    )
    lr_generator: float = option(
        5e-4, "Learning rate of the generator (Adam).", "Optimisation", gt=0
    )
    lr_critic: float = option(5e-4, "Learning rate of the critic (Adam).", "Optimisation", gt=0)
    lr_decay: float = option(
        0.1, "Factor that both learning rates fall to by the end of a stage.", "Optimisation", gt=0
    )
    lr_schedule: Schedule = option(
        "step",
        "How they fall. step: at once, for the last fifth. linear: evenly over the latter half, "
        "which makes more of few iterations.",
        "Optimisation",
    )
    beta1: float = option(
        0.5, "Adam's first moment decay; lower reacts faster.", "Optimisation", ge=0, lt=1
    )
    beta2: float = option(
        0.999,
        "Adam's second moment decay; lower moves the weights less far on a sudden large gradient.",
        "Optimisation",
        ge=0,
        lt=1,
    )
    critic_steps: int = option(
        3, "Critic steps an iteration. More gives a stricter critic.", "Optimisation", ge=1
    )
    generator_steps: int = option(
        3, "Adam steps of the generator on each gradient.", "Optimisation", ge=1
    )
    first_generator_steps: int = option(
        3,
        "The same in the first stage, which has no trained one below it: more than --critic-steps "
        "may make it collapse.",
        "Optimisation",
        ge=1,
    )
    gradient_penalty: float = option(
        0.1,
        "Weight of the WGAN-GP penalty that keeps the critic smooth.",
        "Optimisation",
        ge=0,
    )
    reconstruction_weight: float = option(
        10.0,
        "Weight of rebuilding the picture itself from its fixed noise. Higher keeps samples "
        "closer to the picture.",
        "Optimisation",
        ge=0,
    )
    color_weight: float = option(
        0.0,
        "Weight of how far the colours of each sample, as a whole, are from the picture's beyond "
        "5 of 255 levels, in stages that are trained on all of it (--window). Higher keeps the "
        "balance of light and dark, lower varies it.",
        "Optimisation",
        ge=0,
    )
    noise_amplitude: float = option(
        0.1,
        "Strength of the noise at each stage, relative to what the stages below leave unlearned. "
        "Higher gives more variety in shapes.",
        "Networks",
        ge=0,
    )
    fine_noise: float = option(
        1.0,
        f"Factor on --noise-amplitude at stages of more than {FINE} x {FINE} pixels, which make "
        "texture. Too low, and it is combed into strokes.",
        "Networks",
        ge=0,
    )
    initialization: Initialization = option(
        "normal",
        "How weights begin: normal as in the paper, all very small; he as large as keeps signals "
        "alive, which fits the low stages sooner.",
        "Networks",
    )
    filters: int = option(
        64, "Feature maps a layer. Fewer is faster and less faithful.", "Networks", ge=1
    )
    layers: int = option(
        3,
        "3x3 convolutions a stage. More lets a stage see larger patches.",
        "Networks",
        ge=1,
        le=32,
    )
    activation: Activation = option("lrelu", "Non-linearity between the layers.", "Networks")
    lrelu_alpha: float = option(
        0.05,
        "Slope of lrelu for negative values; nearer 1 keeps more of the input's colours.",
        "Networks",
        ge=0,
        lt=1,
    )
    batch_norm: bool = option(
        False,
        "Normalise the generator's features by their statistics over the picture, in the stages "
        "that are trained on all of it (--window).",
        "Networks",
    )

    def noise_at(self, size: Size) -> float:
        """`noise_amplitude` at a stage of `size`, with the factor for fine stages."""
        fine = size.height * size.width > FINE**2
        return self.noise_amplitude * (self.fine_noise if fine else 1)

    def decay_at(self, done: float) -> float:
        """Factor on the learning rates when a share `done`, in [0, 1), of a stage is trained."""
        if self.lr_schedule == "step":
            return self.lr_decay if done >= DECAY_FROM["step"] else 1.0
        start = DECAY_FROM["linear"]
        return 1 + (self.lr_decay - 1) * max(0.0, done - start) / (1 - start)

    def iterations(self, stages: int) -> list[int]:
        """How many iterations each of `stages` stages trains."""
        fall = (1 - self.last_share) / max(1, stages - 1)
        return [max(1, round(self.niter * (1 - fall * stage))) for stage in range(stages)]

    @property
    def receptive_field(self) -> int:
        """Side, in pixels, of the square that one output of the critic sees."""
        return 2 * (self.layers + 2) + 1
