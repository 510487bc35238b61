"""A loss taken apart is the loss: values, gradients and what an optimizer makes of them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from consingan.core.training.gradients import (
    LossGradients,
    apply_gradients,
    compute_gradients,
    sum_gradients,
)


def test_parts_add_up_to_the_whole() -> None:
    weights = [torch.randn(3, 4, requires_grad=True) for _ in range(2)]

    def parts() -> list[Tensor]:
        one, other = weights
        return [(one * other).sum(), 2 * one.square().mean(), other.abs().sum()]

    added, whole = (
        sum_gradients([compute_gradients(part, weights) for part in parts()]),
        torch.stack(parts()).sum(),
    )
    torch.testing.assert_close(added.loss, whole.detach())
    assert not added.loss.requires_grad
    torch.testing.assert_close(added.gradients, torch.autograd.grad(whole, weights))


def test_what_a_loss_does_not_depend_on_has_gradient_0() -> None:
    used, unused = torch.ones(2, requires_grad=True), torch.ones(3, requires_grad=True)
    assert compute_gradients(used.sum(), [used, unused]).gradients[1].equal(torch.zeros(3))


def test_opposite_parts_cancel_to_the_last_bit() -> None:
    weight = torch.randn(50, requires_grad=True)
    there, back = (compute_gradients(sign * (weight / 3).exp().sum(), [weight]) for sign in (1, -1))
    rest = LossGradients(torch.zeros(()), (torch.zeros(50),))
    assert not sum_gradients([there, back, rest]).gradients[0].any()


@pytest.mark.parametrize("steps", [1, 3])
def test_an_optimizer_applies_the_given_gradients(steps: int) -> None:
    weight = nn.Parameter(torch.zeros(2))
    apply_gradients(torch.optim.SGD([weight], lr=0.5), [weight], [torch.tensor([1.0, -2.0])], steps)
    torch.testing.assert_close(weight.detach(), steps * torch.tensor([-0.5, 1.0]))
