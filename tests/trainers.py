"""Trainers of tiny networks, without a run folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from consingan import Mode, Size, TrainOptions
from consingan.core.hooks.dispatch import Hooks
from consingan.core.networks.model import Model
from consingan.core.networks.noise import Noise
from consingan.core.pictures.resizing import build_pyramid
from consingan.core.pictures.tensors import to_tensor
from consingan.core.run import make_sampler
from consingan.core.training.stage_trainer import StageTrainer
from consingan.modes.generation import Generation
from tests.conftest import TINY, tiny_image


def tiny_pyramid(stages: int) -> list[Tensor]:
    """The tiny picture at the sizes of so many stages."""
    sizes = [Size(12 + 2 * stage, 14 + 3 * stage) for stage in range(stages)]
    return build_pyramid(to_tensor(tiny_image()), sizes)


def make_trainer(
    stages: int,
    mode: Mode[Any, Any] | None = None,
    pyramid: Sequence[Tensor] | None = None,
    known: Sequence[Tensor] | None = None,
    **options: Any,
) -> StageTrainer:
    """A trainer of the newest of `stages` stages, all untrained."""
    parsed = TrainOptions(**{**TINY, "train_stages": stages, **options})
    hooks, noise = Hooks(mode or Generation()), Noise(0)
    pyramid = tiny_pyramid(stages) if pyramid is None else pyramid
    sizes = [Size(*level.shape[-2:]) for level in pyramid]
    model = Model(parsed, hooks.mode.padding_style, sizes)
    sampler = make_sampler(model, pyramid, hooks, noise, known=known)
    for _ in range(1, stages):
        model.grow()
        model.amplitudes[-1] = 0.1
    return StageTrainer(sampler, hooks, noise)
