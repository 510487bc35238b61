from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from consingan.core.config import Size, TrainOptions
from consingan.core.losses import critic_loss, gradient_penalty
from consingan.core.model import Model
from consingan.core.networks import Critic, Generator, initialize
from consingan.core.noise import Noise, address_seed
from consingan.core.resampling import upsample

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
    picture = generator([torch.randn(shape) for shape in shapes], [1.0, 0.1], sizes)
    assert picture.shape == (1, 3, *last)
    assert picture.abs().max() <= 1


def test_growing_copies_the_newest_stage() -> None:
    generator = Generator(TrainOptions(filters=4), "zero")
    torch.nn.init.ones_(generator.body[0].block0.conv.weight)
    generator.grow()
    copied, original = generator.body[1].state_dict(), generator.body[0].state_dict()
    assert all(torch.equal(copied[name], original[name]) for name in original)
    torch.nn.init.zeros_(generator.body[1].block0.conv.weight)
    assert generator.body[0].block0.conv.weight.min() == 1


def test_initial_weights_have_the_papers_spread() -> None:
    generator = Generator(TrainOptions(batch_norm=True), "zero")
    initialize(generator, torch.Generator().manual_seed(1))
    weight = generator.body[0].block1.conv.weight
    assert weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert weight.mean().item() == pytest.approx(0, abs=1e-3)
    norm = generator.head.norm
    assert norm.weight.mean().item() == pytest.approx(1, abs=0.01)
    assert norm.bias.abs().max() == 0


def test_initial_weights_follow_the_seed() -> None:
    first, again, other = (
        Model(TrainOptions(filters=4, seed=seed), "zero", [Size(12, 12)]) for seed in (1, 1, 2)
    )
    weights = [model.generator.head.conv.weight for model in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("source", [(1, 1), (1, 5), (7, 2), (25, 38)])
@pytest.mark.parametrize("target", [(1, 1), (3, 1), (31, 47), (12, 90)])
def test_upsampling_equals_torchs_bicubic(source: tuple[int, int], target: tuple[int, int]) -> None:
    features = torch.randn(2, 5, *source)
    expected = functional.interpolate(features, target, mode="bicubic", align_corners=True)
    torch.testing.assert_close(upsample(features, Size(*target)), expected, rtol=0, atol=1e-5)


def test_upsampling_has_torchs_gradient() -> None:
    features = torch.randn(1, 2, 6, 5, requires_grad=True)
    weight = torch.randn(1, 2, 11, 13)
    (ours,) = torch.autograd.grad((upsample(features, Size(11, 13)) * weight).sum(), features)
    theirs = functional.interpolate(features, (11, 13), mode="bicubic", align_corners=True)
    (expected,) = torch.autograd.grad((theirs * weight).sum(), features)
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-5)


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
    initialize(critic, torch.Generator().manual_seed(0))
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


def test_the_critic_loss_tells_real_from_fake() -> None:
    critic = Critic(TrainOptions(filters=4))
    real, fake = torch.rand(2, 1, 3, 12, 12)
    mixing = torch.rand(1, 1, 1, 1)
    loss = critic_loss(critic, real, fake, mixing, penalty_weight=0.0)
    swapped = critic_loss(critic, fake, real, mixing, penalty_weight=0.0)
    torch.testing.assert_close(loss, -swapped)
    expected = critic(fake).mean() - critic(real).mean()
    torch.testing.assert_close(loss, expected)


def test_noise_depends_on_its_address_alone() -> None:
    one, other = Noise(5), Noise(5)
    other.fresh((1, 3, 4, 4), 0, 0, 0)
    shape = (1, 3, 8, 9)
    assert torch.equal(one.fresh(shape, 2, 7, 1), other.fresh(shape, 2, 7, 1))
    assert torch.equal(one.fixed(shape, 1), other.fixed(shape, 1))
    draws = [
        one.fresh(shape, 2, 7, 1),
        one.fresh(shape, 2, 8, 1),
        one.fresh(shape, 3, 7, 1),
        one.fresh(shape, 2, 7, 2),
        one.fixed(shape, 1),
        one.sample(shape, 1, 1),
        Noise(6).fixed(shape, 1),
    ]
    for index, draw in enumerate(draws):
        assert draw.shape == shape
        assert all(not torch.equal(draw, other) for other in draws[index + 1 :])


def test_noise_is_standard_normal_and_channels_last() -> None:
    draw = Noise(0).fixed((1, 64, 40, 50), 3)
    assert draw.mean().item() == pytest.approx(0, abs=0.02)
    assert draw.std().item() == pytest.approx(1, abs=0.02)
    assert draw.is_contiguous(memory_format=torch.channels_last)


def test_mixing_numbers_are_uniform() -> None:
    noise = Noise(0)
    numbers = torch.stack([noise.mixing(0, step, 0) for step in range(500)])
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert numbers.mean().item() == pytest.approx(0.5, abs=0.05)


def test_addresses_do_not_run_together() -> None:
    assert address_seed(1, 2, 3) != address_seed(1, 23)
    assert address_seed(12, 3) != address_seed(1, 23)
