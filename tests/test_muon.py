"""The optimizer Muon."""

from __future__ import annotations

import pytest
import torch

from consingan.core.training.muon import STEP, Muon, is_hidden, orthogonalize

BETAS = (0.5, 0.9)


@pytest.mark.parametrize("shape", [(8, 72), (72, 8), (16, 16)])
def test_singular_values_become_about_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 1e-4
    values = torch.linalg.svdvals(orthogonalize(matrix))
    assert values.min() > 0.3
    assert values.max() < 1.3
    assert orthogonalize(torch.zeros(shape)).equal(torch.zeros(shape))


def test_the_directions_of_a_gradient_stay() -> None:
    """What is orthogonal already, whatever its size, stays as it is but for its size."""
    basis = torch.linalg.qr(torch.randn(64, 8, generator=torch.Generator().manual_seed(0)))[0].T
    found = orthogonalize(5 * basis)
    assert torch.nn.functional.cosine_similarity(found.flatten(), basis.flatten(), 0) > 0.999


def test_a_step_is_as_long_as_the_rate_says() -> None:
    weight = torch.zeros(64, 64, 3, 3)
    optimizer = Muon([weight], lr=0.01, betas=BETAS)
    weight.grad = torch.randn(weight.shape, generator=torch.Generator().manual_seed(0)) * 1e-5
    optimizer.step()
    assert 0.7 < weight.square().mean().sqrt() / (STEP * 0.01) < 1.1


def test_weights_from_and_to_pictures_and_biases_are_adams() -> None:
    generator = torch.Generator().manual_seed(0)
    for shape in ((64, 3, 3, 3), (1, 64, 3, 3), (64,)):
        pair = [torch.zeros(shape), torch.zeros(shape)]
        optimizers = [Muon([pair[0]], betas=BETAS), torch.optim.Adam([pair[1]], betas=BETAS)]
        assert not is_hidden(pair[0])
        for _ in range(3):
            gradient = torch.randn(shape, generator=generator)
            for weight, optimizer in zip(pair, optimizers, strict=True):
                weight.grad = gradient.clone()
                optimizer.step()
        assert pair[0].equal(pair[1])
