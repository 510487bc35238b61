from __future__ import annotations

from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from consingan.core.networks.critic import Critic
from consingan.core.networks.generator import Generator
from consingan.core.networks.layers import initialize
from consingan.core.networks.model import Model
from consingan.core.networks.noise import TILE, Noise, address_seed
from consingan.core.networks.plan import plan
from consingan.core.networks.window import Span, Window, whole
from consingan.core.options.size import Size
from consingan.core.options.training import Precision, TrainOptions
from consingan.core.training.losses import COLOR_TOLERANCE, color_loss, gradient_penalty

ACTIVATIONS = ["lrelu", "elu", "prelu", "selu"]


def _parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_six_stages_have_the_papers_parameter_counts() -> None:
    generator = Generator(TrainOptions(), "oversize")
    for _ in range(5):
        generator.grow()
    assert _parameters(generator) == 668_227
    assert _parameters(Critic(TrainOptions())) == 113_153


@pytest.mark.parametrize("padding", ["oversize", "zero"])
@pytest.mark.parametrize("layers", [1, 3, 4])
@pytest.mark.parametrize("last", [Size(19, 26), Size(14, 11), Size(1, 40)])
def test_the_generator_makes_the_size_that_is_asked_for(
    padding: str, layers: int, last: Size
) -> None:
    options = TrainOptions(filters=4, layers=layers)
    generator = Generator(options, padding)  # type: ignore[arg-type]
    generator.grow()
    sizes = [Size(min(12, last.height), 11), last]
    shapes = [generator.noise_shape(stage, size) for stage, size in enumerate(sizes)]
    noise = [torch.randn(shape) for shape in shapes]
    picture = generator(noise, [1.0, 0.1], plan(sizes, layers, generator.padding))
    assert picture.shape == (1, 3, *last)
    assert picture.abs().max() <= 1


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_model_computes_in_the_precision_of_its_options(precision: Precision) -> None:
    model = Model(TrainOptions(filters=4, precision=precision), "zero", [Size(12, 14)])
    features = model.features([torch.zeros(1, 3, 12, 14)], model.plan())
    assert features.dtype == getattr(torch, precision)
    assert all(weight.dtype == torch.float32 for weight in model.generator.parameters())


@torch.no_grad()
def test_a_picture_in_bfloat16_has_the_levels_of_float32() -> None:
    """In bfloat16 itself, neighbouring values near 1 are half of 255 levels apart."""
    options = TrainOptions(filters=4, precision="bfloat16", initialization="he")
    model = Model(options, "zero", [Size(30, 40)])
    picture = model.generate([Noise(0).fixed(0, 3, whole(Size(30, 40)))], model.plan())
    assert picture.dtype == torch.float32
    rounded = picture.bfloat16().float()
    assert (picture != rounded).float().mean() > 0.9


def test_growing_copies_the_newest_stage() -> None:
    generator = Generator(TrainOptions(filters=4), "zero")
    torch.nn.init.ones_(generator.body[0].block0.conv.weight)
    generator.grow()
    copied, original = generator.body[1].state_dict(), generator.body[0].state_dict()
    assert all(torch.equal(copied[name], original[name]) for name in original)
    torch.nn.init.zeros_(generator.body[1].block0.conv.weight)
    assert generator.body[0].block0.conv.weight.min() == 1


@torch.no_grad()
def test_a_stage_without_batch_norm_starts_with_what_it_did() -> None:
    generator = Generator(TrainOptions(batch_norm=True, filters=4), "zero")
    for parameter in generator.parameters():
        parameter.normal_()
    features = torch.randn(1, 4, 30, 40) * 3 + 2
    block = generator.body[0].block0
    normalized = block.conv(features)
    block.norm.whole = normalized.mean((0, 2, 3)), normalized.var((0, 2, 3), correction=0)
    expected = block(features)
    generator.grow(normalized=False)
    assert (generator.body[0].block0 is block, generator.normalized) == (True, False)
    torch.testing.assert_close(generator.body[1].block0(features), expected)
    assert block(features).equal(expected)  # the stage below is as it was
    generator.grow(normalized=False)
    assert len(generator.body) == 3


def test_initial_weights_have_the_papers_spread() -> None:
    generator = Generator(TrainOptions(batch_norm=True), "zero")
    initialize(generator, generator.options, torch.Generator().manual_seed(1))
    weight = generator.body[0].block1.conv.weight
    assert weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert weight.mean().item() == pytest.approx(0, abs=1e-3)
    norm = generator.head.norm
    assert norm.weight.mean().item() == pytest.approx(1, abs=0.01)
    assert norm.bias.abs().max() == 0


@pytest.mark.parametrize("alpha", [0.05, 0.9])
def test_he_weights_keep_the_size_of_signals(alpha: float) -> None:
    options = TrainOptions(initialization="he", lrelu_alpha=alpha)
    critic = Critic(options)
    initialize(critic, options, torch.Generator().manual_seed(1))
    features = critic.body(critic.head(torch.randn(1, 3, 40, 40)))
    assert 0.5 < features.square().mean().sqrt().item() < 2
    assert all(bias.eq(0).all() for name, bias in critic.named_parameters() if "bias" in name)


def test_initial_weights_follow_the_seed() -> None:
    first, again, other = (
        Model(TrainOptions(filters=4, seed=seed), "zero", [Size(12, 12)]) for seed in (1, 1, 2)
    )
    weights = [model.generator.head.conv.weight for model in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("layers", [1, 3])
def test_the_critic_sees_its_receptive_field_and_no_more(layers: int) -> None:
    options = TrainOptions(filters=4, layers=layers)
    critic = Critic(options)
    field = options.receptive_field
    picture = torch.randn(1, 3, field + 4, field + 6, requires_grad=True)
    scores = critic(picture)
    assert scores.shape == (1, 1, 5, 7)
    (gradient,) = torch.autograd.grad(scores[0, 0, 2, 3], picture)
    seen = gradient.abs().sum(dim=(0, 1)).nonzero()
    assert seen.min(dim=0).values.tolist() == [2, 3]
    assert seen.max(dim=0).values.tolist() == [2 + field - 1, 3 + field - 1]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("alpha", [0.0, 0.05, 0.3])
def test_the_penaltys_gradient_equals_double_differentiation(activation: str, alpha: float) -> None:
    options = TrainOptions(filters=6, activation=activation, lrelu_alpha=alpha)
    critic = Critic(options)
    initialize(critic, options, torch.Generator().manual_seed(0))
    for parameter in critic.parameters():
        parameter.data.mul_(8)  # far from zero, so that mistakes show
    real, fake = torch.rand(2, 1, 3, 16, 18) * 2 - 1
    mixing = torch.tensor(0.3).view(1, 1, 1, 1)

    ours = gradient_penalty(critic, real, fake, mixing)
    mixture = (mixing * real + (1 - mixing) * fake).requires_grad_()
    (slope,) = torch.autograd.grad(critic(mixture).sum(), mixture, create_graph=True)
    theirs = ((slope.norm(2, dim=1) - 1) ** 2).mean()
    torch.testing.assert_close(ours, theirs)

    names, weights = zip(*critic.named_parameters(), strict=True)
    left = torch.autograd.grad(ours, weights, allow_unused=True)
    right = torch.autograd.grad(theirs, weights, allow_unused=True)
    for name, weight, a, b in zip(names, weights, left, right, strict=True):
        zero = torch.zeros_like(weight)  # what None means
        a, b = (zero if gradient is None else gradient for gradient in (a, b))
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6, msg=name)


def test_the_color_loss_sees_colors_wherever_they_lie() -> None:
    picture, noise = torch.rand(1, 3, 9, 7) * 2 - 1, Noise(0)
    moved = picture.flatten(2)[:, :, torch.randperm(63)].view(1, 3, 9, 7)
    vector = torch.tensor([0.1, -0.2, 0.3]).view(1, 3, 1, 1)
    for step in range(20):
        directions = noise.directions(0, step)
        assert float(color_loss(moved, picture, directions)) == 0
        # All colours moved by one vector: its length, over three directions at right angles.
        expected = float(vector.square().mean()) - COLOR_TOLERANCE**2
        found = float(color_loss(moved + vector, picture, directions))
        assert found == pytest.approx(expected, rel=1e-3)
        assert float(color_loss(moved + 0.95 * COLOR_TOLERANCE, picture, directions)) == 0
        assert float(color_loss(moved + 1.05 * COLOR_TOLERANCE, picture, directions)) > 0


def test_directions_are_at_right_angles_and_depend_on_their_address() -> None:
    noise = Noise(3)
    drawn = torch.stack([noise.directions(0, step) for step in range(400)])
    torch.testing.assert_close(drawn @ drawn.mT, torch.eye(3).expand(400, 3, 3), rtol=0, atol=1e-5)
    assert float(drawn.mean(dim=(0, 1)).abs().max()) < 0.08
    assert noise.directions(0, 5).equal(Noise(3).directions(0, 5))
    assert not noise.directions(0, 5).equal(noise.directions(1, 5))


def test_noise_depends_on_its_address_alone() -> None:
    one, other = Noise(5), Noise(5)
    other.fresh((1, 3, 4, 4), 0, 0, 0)
    shape, window = (1, 3, 8, 9), whole(Size(8, 9))
    assert torch.equal(one.fresh(shape, 2, 7, 1), other.fresh(shape, 2, 7, 1))
    assert torch.equal(one.fixed(1, 3, window), other.fixed(1, 3, window))
    draws = [
        one.fresh(shape, 2, 7, 1),
        one.fresh(shape, 2, 8, 1),
        one.fresh(shape, 3, 7, 1),
        one.fresh(shape, 2, 7, 2),
        one.fixed(1, 3, window),
        one.fixed(2, 3, window),
        one.sample(1, 1, 3, window),
        one.sample(2, 1, 3, window),
        Noise(6).fixed(1, 3, window),
    ]
    for index, draw in enumerate(draws):
        assert draw.shape == shape
        assert all(not torch.equal(draw, other) for other in draws[index + 1 :])


def test_noise_is_standard_normal_and_channels_last() -> None:
    draw = Noise(0).fixed(3, 64, whole(Size(40, 50)))
    assert draw.mean().item() == pytest.approx(0, abs=0.02)
    assert draw.std().item() == pytest.approx(1, abs=0.02)
    assert draw.is_contiguous(memory_format=torch.channels_last)


def test_no_tile_of_noise_is_like_another() -> None:
    draw = Noise(0).sample(0, 1, 2, whole(Size(3 * TILE, 3 * TILE)))[0]
    tiles = draw.unfold(1, TILE, TILE).unfold(2, TILE, TILE).permute(1, 2, 0, 3, 4).flatten(2)
    closeness = torch.corrcoef(tiles.reshape(9, -1)) - torch.eye(9)
    assert closeness.abs().max() < 0.1


@given(start=st.integers(0, 70), height=st.integers(1, 80), width=st.integers(1, 40))
def test_a_window_of_noise_is_the_wholes_cut(start: int, height: int, width: int) -> None:
    noise, all_of_it = Noise(1), whole(Size(150, 110))
    window = Window(Span(start, start + height), Span(start, start + width))
    for draw in (partial(noise.fixed, 1), partial(noise.sample, 7, 1)):
        assert draw(2, window).equal(window.cut(draw(2, all_of_it)))


def test_mixing_numbers_are_uniform() -> None:
    noise = Noise(0)
    numbers = torch.stack([noise.mixing(0, step, 0) for step in range(500)])
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert numbers.mean().item() == pytest.approx(0.5, abs=0.05)


def test_addresses_do_not_run_together() -> None:
    assert address_seed(1, 2, 3) != address_seed(1, 23)
    assert address_seed(12, 3) != address_seed(1, 23)
