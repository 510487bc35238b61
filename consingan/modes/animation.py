"""Animation: a still becomes a moving clip, by a walk through noise."""

from __future__ import annotations

import cmath
import math
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import field_validator, model_validator

from consingan.core.hooks.mode import Mode
from consingan.core.hooks.specs import hookimpl
from consingan.core.options.fields import Options, changed, option
from consingan.core.options.presets import preset_changes
from consingan.core.options.size import Size
from consingan.core.options.training import TrainOptions
from consingan.errors import Note

if TYPE_CHECKING:
    import torch
    from PIL import Image
    from torch import Tensor

    from consingan.core.pictures.outputs import Outputs
    from consingan.core.sampling.sampler import Sampler

STRENGTHS = {"weak": (2, 0.95), "medium": (1, 0.9), "strong": (0, 0.85)}
"""Start stage and beta of each strength, all among the twelve settings of the published code."""
PALETTE_FRAMES = 8
FORGOTTEN = 1e-4
"""What share of a walk's beginning may be left when it counts as forgotten."""


class AnimationTrain(TrainOptions):
    """The paper's usual settings for animation."""

    min_size: int = changed(TrainOptions, "min_size", 20)


class AnimationApply(Options):
    """What clips to make from a trained run."""

    frames: int = option(100, "How many frames a clip has.", "Clip", ge=1)
    fps: float = option(10.0, "Frames a second.", "Clip", gt=0, le=100)
    loop: Literal["none", "seamless"] = option(
        "none", "Whether the clip ends where it began, so that it can go round.", "Clip"
    )
    strength: str | None = option(
        None,
        "How much moves: weak, medium or strong; several with commas make a clip each. Stands "
        "for a --start-stage and a --beta.",
        "Motion",
    )
    start_stage: int = option(
        1,
        "The lowest stage that moves. 0 lets large shapes change, higher ones only detail.",
        "Motion",
        ge=0,
    )
    alpha: float = option(
        0.1,
        "How strongly each frame is drawn back to the picture. Higher stays closer to it.",
        "Motion",
        ge=0.01,
        le=1,
    )
    beta: float = option(
        0.9,
        "How much each movement goes on as it was. Higher is smoother and slower.",
        "Motion",
        ge=0,
        lt=1,
    )
    seed: int = option(
        0, "Which movement: another seed makes another, the same makes the same.", "Motion", ge=0
    )

    @field_validator("strength")
    @classmethod
    def _known(cls, strength: str | None) -> str | None:
        for name in (strength or "").split(",") if strength is not None else ():
            if name.strip() not in STRENGTHS:
                raise ValueError(f"a strength is one of {', '.join(STRENGTHS)}")
        return strength

    @model_validator(mode="after")
    def _one_way(self) -> AnimationApply:
        if self.strength is not None and self.model_fields_set & {"start_stage", "beta"}:
            raise ValueError("--strength stands for --start-stage and --beta: give it or them")
        return self

    def clips(self) -> dict[str, tuple[int, float]]:
        """Name, start stage and beta of each clip to make."""
        if self.strength is None:
            return {"clip": (self.start_stage, self.beta)}
        names = [name.strip() for name in self.strength.split(",")]
        if len(names) == 1:
            return {"clip": STRENGTHS[names[0]]}
        return {name: STRENGTHS[name] for name in names}


class Animation(Mode[AnimationTrain, AnimationApply]):
    """Trains on noise alone, so that any noise, also the walk's, becomes a picture."""

    name = "animation"
    summary = "A still becomes a moving clip."
    TrainOptions = AnimationTrain
    ApplyOptions = AnimationApply
    # Noise moves from frame to frame, and strong it would make texture flicker.
    presets = preset_changes(fine_noise=1, color_weight=0)

    @hookimpl
    def fixed_input(
        self, pyramid: Sequence[Tensor], options: AnimationTrain, generator: torch.Generator
    ) -> Tensor:
        """Noise: the picture itself is one place among those that the walk visits."""
        import torch

        return torch.randn(pyramid[0].shape, generator=generator)

    @hookimpl
    def preview(self, sampler: Sampler) -> Iterator[tuple[str, Tensor]]:
        """The picture, and every second frame of a short walk."""
        from consingan.core.sampling.sampler import stored

        yield "picture", sampler.picture
        for frame, noise in enumerate(_walk(sampler, AnimationApply(frames=10), 0, 0.9)):
            if frame % 2 == 0:
                yield f"frame {frame}", sampler.generate(stored(noise))

    @hookimpl
    def apply(self, sampler: Sampler, options: AnimationApply, outputs: Outputs) -> None:
        """Write the clips, frame by frame."""
        last = len(sampler.sizes) - 1
        if "start_stage" in options.model_fields_set and options.start_stage > last:
            warnings.warn(
                f"there is no --start-stage {options.start_stage}: only the last moves, which is "
                f"{last}, counted from 0",
                Note,
                stacklevel=2,
            )
        for name, (start, beta) in options.clips().items():
            every = max(1, options.frames // PALETTE_FRAMES)
            palette = _frames(sampler, options, start, beta, every)
            frames = _frames(sampler, options, start, beta)
            outputs.save_clip(name, frames, options.fps, palette, options.frames)


def _frames(
    sampler: Sampler, options: AnimationApply, start: int, beta: float, every: int = 1
) -> Iterator[Image.Image]:
    from consingan.core.pictures.tensors import to_image
    from consingan.core.sampling.sampler import stored

    for index, noise in enumerate(_walk(sampler, options, start, beta)):
        if index % every == 0:
            yield to_image(sampler.generate(stored(noise)))


def _walk(
    sampler: Sampler, options: AnimationApply, start: int, beta: float
) -> Iterator[list[Tensor]]:
    """The noise of each frame, one tensor a stage (ConSinGAN's and SinGAN's random walk).

    z_0 = fixed and z_t+1 = a fixed + (1 - a) (z_t + b (z_t - z_t-1) + (1 - b) fresh noise); stages
    below `start` keep their fixed noise. The recursion forgets where it began, so a walk whose
    fresh noise repeats after n frames soon repeats itself: a seamless loop is one of its rounds.
    """
    from consingan.core.networks.noise import Noise
    from consingan.core.networks.window import whole

    noise = Noise(options.seed, sampler.model.device)
    fixed = sampler.fixed_noise()
    spans = [(level.shape[1], whole(Size(*level.shape[-2:]))) for level in fixed]
    moving = range(min(start, len(fixed) - 1), len(fixed))
    before, now = list(fixed), list(fixed)
    warm_up = 0
    if options.loop == "seamless":
        warm_up = options.frames * math.ceil(_memory(options.alpha, beta) / options.frames)
    for step in range(warm_up + options.frames):
        if step >= warm_up:
            yield list(now)
        for level in moving:
            fresh = noise.sample(step % options.frames, level, *spans[level])
            onward = now[level] + beta * (now[level] - before[level]) + (1 - beta) * fresh
            following = options.alpha * fixed[level] + (1 - options.alpha) * onward
            before[level], now[level] = now[level], following


def _memory(alpha: float, beta: float) -> int:
    """Frames until a walk has forgotten where it began: the recursion's largest root decides."""
    total, product = (1 - alpha) * (1 + beta), (1 - alpha) * beta
    spread = cmath.sqrt(total**2 - 4 * product)
    slowest = max(abs(total + spread), abs(total - spread)) / 2
    return math.ceil(math.log(FORGOTTEN) / math.log(slowest)) if slowest > 0 else 1
