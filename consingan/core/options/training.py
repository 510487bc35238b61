"""The options of training, which every mode has; no torch."""

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
Optimizer = Literal["adam", "muon"]

CHECKPOINT_EVERY = 60.0
"""Seconds of training between checkpoints, unless another time is asked for."""
FINE = 96
"""A stage of more than `FINE` x `FINE` pixels makes texture rather than layout."""
DECAY_FROM: Mapping[Schedule, float] = MappingProxyType({"step": 0.8, "linear": 0.5})
"""The share of a stage's iterations after which the learning rates fall."""


class TrainOptions(Options):
    """Everything that shapes what a training learns; the defaults are the paper's (WACV 2021).

    A mode subclasses it to change a default or to add options of its own.
    """

    max_size: int = option(
        250,
        "Longer side, in pixels, that the picture is reduced to before training. It is never "
        "enlarged. A larger size gets more stages. With --window whole, time grows with its "
        "square.",
        "Size",
        ge=1,
    )
    min_size: int = option(
        25,
        "Shorter side, in pixels, of the smallest stage. Smaller gives more varied layouts, larger "
        "keeps the picture's own.",
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
        "Iterations of the first stage, and of the others unless --last-share lowers them. Fewer "
        "is faster and blurrier. Time grows in proportion.",
        "Training",
        ge=1,
    )
    last_share: float = option(
        1.0,
        "Iterations of the last stage, as a share of --niter. In between they fall evenly from "
        "stage to stage. The first stages settle the layout and are cheap.",
        "Training",
        advanced=True,
        gt=0,
        le=1,
    )
    window: int = option(
        0,
        "Side, in pixels, of the random windows that large stages train on. A stage with no more "
        "pixels than a window trains on the whole picture. With windows, time and memory do not "
        "grow with the picture. whole: no windows.",
        "Training",
        words={"whole": 0},
        ge=0,
    )
    precision: Precision = option(
        "float32",
        "Number format that the networks compute in. auto: bfloat16 where this machine is faster "
        "in it.",
        "Training",
    )
    averaging: float = option(
        0.0,
        "Decay of the exponential moving average (EMA) of the weights. Its weights are what is "
        "kept. 0.995 averages over about 200 iterations; 0 keeps the last weights.",
        "Training",
        advanced=True,
        ge=0,
        lt=1,
    )
    lr_scale: float = option(
        0.1,
        "Learning rate of each stage below the newest, as a factor on that of the stage above it. "
        "Higher keeps closer to the picture, lower gives more variety.",
        "Training",
        ge=0,
        le=1,
    )
    train_depth: int = option(
        3,
        "Number of stages that learn together, the newest and those below it. More fits the "
        "picture better and takes more time and memory.",
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
    optimizer: Optimizer = option(
        "adam",
        "How weights learn. muon: orthogonalized momentum (Jordan et al. 2024) for weights between "
        "feature maps, Adam for the others. It needs fewer iterations where it was tried.",
        "Optimisation",
        advanced=True,
    )
    lr_generator: float = option(
        5e-4, "Learning rate of the generator.", "Optimisation", advanced=True, gt=0
    )
    lr_critic: float = option(
        5e-4, "Learning rate of the critic.", "Optimisation", advanced=True, gt=0
    )
    lr_decay: float = option(
        0.1,
        "Factor that both learning rates have fallen to at the end of a stage.",
        "Optimisation",
        advanced=True,
        gt=0,
    )
    lr_schedule: Schedule = option(
        "step",
        "How the learning rates fall. step: at once, for the last fifth of a stage. linear: evenly "
        "over its latter half, which is better when iterations are few.",
        "Optimisation",
        advanced=True,
    )
    beta1: float = option(
        0.5,
        "Decay of Adam's first moment, and of Muon's momentum. Lower reacts faster.",
        "Optimisation",
        advanced=True,
        ge=0,
        lt=1,
    )
    beta2: float = option(
        0.999,
        "Adam's decay of the second moment. Lower makes smaller steps on a sudden large gradient.",
        "Optimisation",
        advanced=True,
        ge=0,
        lt=1,
    )
    critic_steps: int = option(
        3,
        "Critic steps in each iteration. More gives a stricter critic.",
        "Optimisation",
        advanced=True,
        ge=1,
    )
    generator_steps: int = option(
        3,
        "Optimizer steps of the generator with each gradient.",
        "Optimisation",
        advanced=True,
        ge=1,
    )
    first_generator_steps: int = option(
        3,
        "The same in the first stage. More than --critic-steps may make it collapse.",
        "Optimisation",
        advanced=True,
        ge=1,
    )
    gradient_penalty: float = option(
        0.1,
        "Weight of the WGAN-GP gradient penalty, which keeps the critic smooth.",
        "Optimisation",
        advanced=True,
        ge=0,
    )
    reconstruction_weight: float = option(
        10.0,
        "Weight of the reconstruction loss: how well the picture itself is rebuilt from its fixed "
        "noise. Higher keeps samples closer to the picture.",
        "Training",
        ge=0,
    )
    color_weight: float = option(
        0.0,
        "Weight of the color loss in stages that train on the whole picture: how far the colours "
        "of a sample are from the picture's, beyond 5 of 255 levels. Higher keeps the balance of "
        "light and dark, lower varies it.",
        "Optimisation",
        advanced=True,
        ge=0,
    )
    noise_amplitude: float = option(
        0.1,
        "Strength of each stage's noise, as a factor on the error of the reconstruction before "
        "that stage trains. Higher gives more variety in shapes.",
        "Networks",
        ge=0,
    )
    fine_noise: float = option(
        1.0,
        f"Factor on --noise-amplitude in stages of more than {FINE} x {FINE} pixels, which make "
        "texture. If it is too low, texture turns into strokes.",
        "Networks",
        advanced=True,
        ge=0,
    )
    initialization: Initialization = option(
        "normal",
        "First weights. normal: N(0, 0.02), as in the paper. he: after He et al. 2015, which "
        "learns the first stages sooner.",
        "Networks",
        advanced=True,
    )
    filters: int = option(
        64,
        "Feature maps of each layer. Fewer is faster and less faithful.",
        "Networks",
        ge=1,
    )
    layers: int = option(
        3,
        "3x3 convolutions of each stage. More lets a stage see larger patches.",
        "Networks",
        advanced=True,
        ge=1,
        le=32,
    )
    activation: Activation = option(
        "lrelu", "Activation function between the layers.", "Networks", advanced=True
    )
    lrelu_alpha: float = option(
        0.05,
        "Slope of lrelu for negative values. Nearer 1 keeps more of the input's colours.",
        "Networks",
        advanced=True,
        ge=0,
        lt=1,
    )
    batch_norm: bool = option(
        False,
        "Batch norm in the generator's stages that train on the whole picture.",
        "Networks",
        advanced=True,
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
