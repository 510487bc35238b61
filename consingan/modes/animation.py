"""Animation: a still becomes a moving clip, by a random walk of the noise."""

from __future__ import annotations

import cmath
import math
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import field_validator, model_validator

from consingan.core.hooks.mode import Mode
from consingan.core.hooks.specs import hookimpl
from consingan.core.options.fields import changed, option
from consingan.core.options.presets import preset_changes
from consingan.core.options.samples import SizedSampleOptions
from consingan.core.options.size import Size, SizeOptions, check_size
from consingan.core.options.training import TrainOptions
from consingan.errors import Note

if TYPE_CHECKING:
    import torch
    from PIL import Image
    from torch import Tensor

    from consingan.core.pictures.outputs import Outputs
    from consingan.core.sampling.sampler import Sampler

STRENGTHS = {"weak": (2, 0.95), "medium": (1, 0.9), "strong": (0, 0.85)}
"""Start stage and beta of each strength. All are among the published code's twelve settings."""
PALETTE_FRAMES = 8
"""The approximate number of frames that a GIF's palette is made from."""
REMAINING_INFLUENCE = 1e-4
"""The influence of a walk's start that may remain when its warm-up ends."""


class AnimationTrain(TrainOptions):
    """The paper's defaults for animation."""

    min_size: int = changed(TrainOptions, "min_size", 20)


class AnimationApply(SizeOptions):
    """The options of `apply`."""

    enlarge: float = changed(SizedSampleOptions, "enlarge", 1.0)
    frames: int = option(
        100,
        "Number of frames in a clip. Clips are GIF; --out NAME.webp, .png, .mp4 or .webm selects "
        "another format.",
        "Clip",
        ge=1,
    )
    fps: float = option(10.0, "Frames a second.", "Clip", gt=0, le=100)
    loop: Literal["none", "seamless"] = option(
        "none",
        "seamless: the last frame leads back to the first, so that the clip can repeat.",
        "Clip",
    )
    strength: str | None = option(
        None,
        "Amount of motion: weak, medium or strong. Several, separated by commas, make a clip each. "
        "It sets --start-stage and --beta.",
        "Motion",
    )
    start_stage: int = option(
        1,
        "Lowest stage whose noise moves, counted from 0. With 0 large shapes move too; with higher "
        "stages only details move.",
        "Motion",
        ge=0,
    )
    alpha: float = option(
        0.1,
        "How strongly each frame is pulled back to the picture. Higher stays closer to it.",
        "Motion",
        ge=0.01,
        le=1,
    )
    beta: float = option(
        0.9,
        "Momentum of the motion. Higher is smoother and slower.",
        "Motion",
        ge=0,
        lt=1,
    )
    seed: int = option(
        0,
        "Random seed. The same seed gives the same motion, another a new one.",
        "Motion",
        ge=0,
    )

    @field_validator("strength")
    @classmethod
    def _check_strength(cls, strength: str | None) -> str | None:
        for name in (strength or "").split(",") if strength is not None else ():
            if name.strip() not in STRENGTHS:
                raise ValueError(f"a strength is one of {', '.join(STRENGTHS)}")
        return strength

    @model_validator(mode="after")
    def _check_exclusion(self) -> AnimationApply:
        if self.strength is not None and self.model_fields_set & {"start_stage", "beta"}:
            raise ValueError("--strength sets --start-stage and --beta: give either it or them")
        return self

    def stage_sizes(self, sampler: Sampler) -> list[Size]:
        """The sizes of the stages for these options."""
        sizes = sampler.scaled_sizes(self.target(sampler.size), self.enlarge)
        check_size(sizes[-1])
        return sizes

    def clips(self) -> dict[str, tuple[int, float]]:
        """The start stage and beta of each clip, by its name."""
        if self.strength is None:
            return {"clip": (self.start_stage, self.beta)}
        names = [name.strip() for name in self.strength.split(",")]
        if len(names) == 1:
            return {"clip": STRENGTHS[names[0]]}
        return {name: STRENGTHS[name] for name in names}


class Animation(Mode[AnimationTrain, AnimationApply]):
    """Trains with noise as the fixed input too, so that a walk of the noise gives pictures."""

    name = "animation"
    summary = "A still becomes a moving clip."
    TrainOptions = AnimationTrain
    ApplyOptions = AnimationApply
    # Noise changes from frame to frame; strong noise would make texture flicker.
    presets = preset_changes(fine_noise=1, color_weight=0)

    @hookimpl
    def fixed_input(
        self, pyramid: Sequence[Tensor], options: AnimationTrain, generator: torch.Generator
    ) -> Tensor:
        """Noise, N(0, 1). The walk starts there, at the reconstruction of the picture."""
        import torch

        return torch.randn(pyramid[0].shape, generator=generator)

    @hookimpl
    def preview(self, sampler: Sampler) -> Iterator[tuple[str, Tensor]]:
        """The picture, and every second frame of a short clip."""
        from consingan.core.sampling.sampler import stored

        yield "picture", sampler.picture
        for frame, noise in enumerate(_walk(sampler, AnimationApply(frames=10), 0, 0.9)):
            if frame % 2 == 0:
                yield f"frame {frame}", sampler.generate(stored(noise))

    @hookimpl
    def apply(self, sampler: Sampler, options: AnimationApply, outputs: Outputs) -> None:
        """Save the clips, frame by frame."""
        last = len(sampler.sizes) - 1
        if "start_stage" in options.model_fields_set and options.start_stage > last:
            warnings.warn(
                f"there is no stage {options.start_stage} for --start-stage: only the last stage "
                f"moves, number {last} counted from 0",
                Note,
                stacklevel=2,
            )
        options.stage_sizes(sampler)  # raises before anything is made
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

    sizes = options.stage_sizes(sampler)
    for index, noise in enumerate(_walk(sampler, options, start, beta)):
        if index % every == 0:
            yield to_image(sampler.generate(stored(noise), sizes))


def _walk(
    sampler: Sampler, options: AnimationApply, start: int, beta: float
) -> Iterator[list[Tensor]]:
    """Yield the noise of each frame, one tensor a stage (ConSinGAN's and SinGAN's random walk).

    z_0 = fixed and z_t+1 = a fixed + (1 - a) (z_t + b (z_t - z_t-1) + (1 - b) new noise). Stages
    below `start` keep their fixed noise. For a seamless loop, the new noise repeats after n frames.
    The influence of the start decays, so that after a warm-up the walk has the same period.
    """
    from consingan.core.networks.noise import Noise
    from consingan.core.networks.window import whole

    noise = Noise(options.seed, sampler.model.device)
    fixed = sampler.fixed_noise(sampler.model.plan(options.stage_sizes(sampler)))
    spans = [(level.shape[1], whole(Size(*level.shape[-2:]))) for level in fixed]
    moving = range(min(start, len(fixed) - 1), len(fixed))
    before, now = list(fixed), list(fixed)
    warm_up = 0
    if options.loop == "seamless":
        warm_up = options.frames * math.ceil(_warm_up(options.alpha, beta) / options.frames)
    for step in range(warm_up + options.frames):
        if step >= warm_up:
            yield list(now)
        for level in moving:
            new = noise.sample(step % options.frames, level, *spans[level])
            moved = now[level] + beta * (now[level] - before[level]) + (1 - beta) * new
            following = options.alpha * fixed[level] + (1 - options.alpha) * moved
            before[level], now[level] = now[level], following


def _warm_up(alpha: float, beta: float) -> int:
    """Frames until a walk's start has no influence: from the recursion's largest root."""
    total, product = (1 - alpha) * (1 + beta), (1 - alpha) * beta
    spread = cmath.sqrt(total**2 - 4 * product)
    slowest = max(abs(total + spread), abs(total - spread)) / 2
    return math.ceil(math.log(REMAINING_INFLUENCE) / math.log(slowest)) if slowest > 0 else 1
