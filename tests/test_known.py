"""What isn't known of a picture takes part in nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from consingan.core.hooks.dispatch import Hooks
from consingan.core.hooks.mode import Mode
from consingan.core.hooks.specs import hookimpl
from consingan.core.networks.critic import Critic
from consingan.core.networks.model import Model
from consingan.core.networks.noise import Noise
from consingan.core.networks.window import Span, Window
from consingan.core.options.fields import Options
from consingan.core.options.size import Size
from consingan.core.options.training import TrainOptions
from consingan.core.pictures.known_pixels import fill_unknown, known_pyramid
from consingan.core.pictures.outputs import Outputs
from consingan.core.pictures.resizing import resize
from consingan.core.run import make_sampler
from consingan.core.sampling.sampler import Sampler
from consingan.core.training.gradients import compute_gradients
from consingan.core.training.loop import add_stage
from consingan.core.training.loss_weights import known_weights
from consingan.core.training.losses import (
    color_loss,
    gradient_penalty,
    mean_score,
    reconstruction_loss,
)
from consingan.errors import ModeError, PictureError
from consingan.modes.generation import Generation
from consingan.testing import train_tiny
from tests.trainers import make_trainer, tiny_pyramid

HOLE = (slice(9, 12), slice(4, 9))


def _level(height: int = 20, width: int = 24) -> Tensor:
    level = torch.ones(1, 1, height, width)
    level[0, 0][HOLE] = 0
    return level


def _random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def _critic(options: TrainOptions) -> Critic:
    critic = Critic(options)
    for index, parameter in enumerate(critic.parameters()):
        parameter.data = 0.4 * _random(*parameter.shape, seed=index)
    return critic


def test_weighed_means_are_means_over_what_is_known() -> None:
    level, values = _level(), _random(20, 24)
    known = known_weights(level, 5)
    expected = values[level[0, 0] > 0].mean()
    assert float((values * known.pixels).mean()) == pytest.approx(float(expected), rel=1e-5)
    whole = [
        bool(level[0, 0, top : top + 5, left : left + 5].all())
        for top in range(16)
        for left in range(20)
    ]
    assert (known.patches > 0).flatten().tolist() == whole
    assert float(known.patches.mean()) == pytest.approx(1)


def test_a_window_has_its_part() -> None:
    known = known_weights(_level(), 5)
    part = known.cut(Window(Span(3, 15), Span(2, 24)))
    assert part.pixels.equal(known.pixels[3:15, 2:24])
    assert part.patches.equal(known.patches[3:11, 2:20])


@pytest.mark.parametrize("window", [None, Window(Span(2, 18), Span(1, 23))])
def test_losses_see_nothing_unknown(window: Window | None) -> None:
    """Neither they nor their gradients change with it; what is known does change them."""
    options = TrainOptions(filters=3, layers=1)
    critic, level, found = _critic(options), _level(), []
    weights = list(critic.parameters())
    known = known_weights(level, options.receptive_field)
    fake, mixing = _random(1, 3, 20, 24, seed=1), torch.tensor(0.4).view(1, 1, 1, 1)
    other = _random(1, 3, 20, 24, seed=2)
    real = _random(1, 3, 20, 24, seed=3)
    for shown in (real, torch.where(level > 0, real, other), torch.where(level > 0, other, real)):
        cut = [shown, fake] if window is None else [window.cut(shown), window.cut(fake)]
        part = known if window is None else known.cut(window)
        score = compute_gradients(mean_score(critic, cut[0], known=part), weights)
        penalty = compute_gradients(
            gradient_penalty(critic, cut[0], cut[1], mixing, known=part), weights
        )
        colors = color_loss(cut[1], cut[0], torch.eye(3), part)
        reconstruction = reconstruction_loss(cut[1], cut[0], known=part)
        found.append(
            [score.loss, penalty.loss, reconstruction, colors, *score.gradients, *penalty.gradients]
        )
    assert all(one.equal(same) for one, same in zip(found[0], found[1], strict=True))
    assert not any(one.equal(changed) for one, changed in zip(found[0][:4], found[2], strict=False))


def _holed(stages: int) -> list[Tensor]:
    """What is known at each stage of the tiny pyramid: all but a corner."""
    levels = [torch.ones_like(level[:, :1]) for level in tiny_pyramid(stages)]
    for level in levels:
        level[..., :4, :5] = 0
    return levels


@pytest.mark.parametrize("window", [0, 21])
def test_a_step_sees_nothing_unknown(window: int) -> None:
    """What it learns doesn't change with it, to the last bit; it does with what is known."""
    options: dict[str, Any] = {"layers": 1, "initialization": "he", "color_weight": 60}
    pyramid, known, found = tiny_pyramid(8), _holed(8), []
    picture, other = pyramid[-1], _random(*pyramid[-1].shape)
    for shown in (
        picture,
        torch.where(known[-1] > 0, picture, other),
        torch.where(known[-1] > 0, other, picture),
    ):
        trainer = make_trainer(
            8, pyramid=[*pyramid[:-1], shown], known=known, window=window, **options
        )
        losses = [loss for step in range(3) for loss in trainer.step(step)]
        weights = trainer.model.all_tensors()
        found.append([*losses, *(weights[name].clone() for name in sorted(weights))])
    assert all(one.equal(same) for one, same in zip(found[0], found[1], strict=True))
    assert not any(one.equal(changed) for one, changed in zip(found[0][:3], found[2], strict=False))


def test_the_noise_amplitude_counts_known_pixels_only() -> None:
    pyramid, known = tiny_pyramid(2), _holed(2)
    sizes = [Size(*level.shape[-2:]) for level in pyramid]
    pyramid[1] = torch.where(known[1] > 0, pyramid[1], 1.0)
    model = Model(TrainOptions(filters=4, noise_amplitude=0.3), "zero", sizes)
    sampler = make_sampler(model, pyramid, Hooks(Generation()), Noise(0), known=known)
    add_stage(sampler)
    given, model.amplitudes[-1] = model.amplitudes[-1], 0.0
    error = (sampler.reconstruction() - pyramid[1]).square().mean(dim=1)[known[1][0] > 0]
    assert given == pytest.approx(0.3 * float(error.mean().sqrt()), rel=1e-3)


def test_a_mask_that_leaves_nothing_to_learn_from_is_said() -> None:
    level = _level(20, 20)
    with pytest.raises(PictureError, match="leaves no 13x13 pixels"):
        known_weights(level, 13)
    assert known_weights(level, 11).patches.shape == (10, 10)


@given(
    height=st.integers(12, 60),
    width=st.integers(12, 60),
    scale=st.floats(0.2, 1),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_reduced_pixels_that_count_as_known_come_from_known_ones_only(
    height: int, width: int, scale: float, seed: int
) -> None:
    size = Size(max(1, round(height * scale)), max(1, round(width * scale)))
    known = (_random(1, 1, height, width, seed=seed) < 0.97).float()
    picture, other = (0.5 * _random(1, 3, height, width, seed=seed + 1 + n) for n in range(2))
    [reduced] = known_pyramid(known, [size])
    first, second = resize(picture, size), resize(torch.where(known > 0, picture, other), size)
    assert torch.where(reduced > 0, first, 0).equal(torch.where(reduced > 0, second, 0))


def test_a_stage_knows_what_it_covers_only_known_pixels_of() -> None:
    level = torch.ones(1, 1, 8, 8)
    level[..., 3, 5] = 0
    coarse, fine = known_pyramid(level, [Size(4, 4), Size(8, 8)])
    assert fine.equal(level)
    assert torch.nonzero(1 - coarse[0, 0]).tolist() == [[1, 2]]


def test_filling_keeps_what_is_known_and_continues_it() -> None:
    ramp = torch.linspace(-1, 1, 24).expand(1, 3, 20, 24)
    level = _level()
    torn = torch.where(level > 0, ramp, 99.0)
    filled = fill_unknown(torn, level)
    assert torch.where(level > 0, filled, 0).equal(torch.where(level > 0, ramp, 0))
    assert (filled - ramp).abs().max() < 0.2
    alone = torch.zeros(1, 1, 20, 24)
    alone[..., 7, 3] = 1
    assert torch.allclose(fill_unknown(torn, alone), torn[0, 0, 7, 3])
    assert fill_unknown(torn, torch.zeros(1, 1, 20, 24)).equal(torn)


class Half(Mode[TrainOptions, Options]):
    """Knows the left half only, or gives a mask of a wrong shape."""

    name, summary, wrong = "half", "Half.", False

    @hookimpl
    def known_pixels(self, size: Size, options: TrainOptions) -> Tensor:
        known = torch.ones(1, 1, size.height, size.width + self.wrong)
        known[..., size.width // 2 :] = 0
        return known

    @hookimpl
    def apply(self, sampler: Sampler, options: Options, outputs: Outputs) -> None:
        outputs.save("made", sampler.reconstruction())


def test_the_run_keeps_what_is_known_and_no_more(tmp_path: Path) -> None:
    run = train_tiny(Half, tmp_path, {"max_size": 30, "layers": 1})
    sampler = run.sampler("cpu")
    assert sampler.known is not None
    assert sampler.known[0, 0, 0].tolist() == [1.0] * 15 + [0.0] * 15
    grain = sampler.picture.diff(dim=-1).abs()
    assert grain[..., 16:].mean() < grain[..., :14].mean() / 2  # a smooth continuation


def test_a_mask_of_another_shape_is_the_modes_fault() -> None:
    mode = Half()
    mode.wrong = True  # type: ignore[misc]
    with pytest.raises(ModeError, match="known_pixels of shape"):
        Hooks(mode).known_pixels(Size(20, 30), TrainOptions())
