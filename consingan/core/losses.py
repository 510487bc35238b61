"""The objectives of the critic and of the generator."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from consingan.core.networks import Critic


def critic_loss(
    critic: Critic, real: Tensor, fake: Tensor, mixing: Tensor, penalty_weight: float
) -> Tensor:
    """WGAN-GP (Gulrajani et al. 2017): mean score of the fake, less the real's, plus the penalty.

    Args:
        critic: the network that is to learn.
        real: (1, 3, H, W) in [-1, 1].
        fake: the generator's picture of the same shape, detached.
        mixing: (1, 1, 1, 1) in [0, 1], the real picture's share in the penalised mixture.
        penalty_weight: lambda; 0.1 in the paper.

    Returns:
        A scalar; its negative estimates how far apart the two pictures' patches are.
    """
    distance: Tensor = critic(fake).mean() - critic(real).mean()
    return distance + penalty_weight * gradient_penalty(critic, real, fake, mixing)


def gradient_penalty(critic: Critic, real: Tensor, fake: Tensor, mixing: Tensor) -> Tensor:
    """Mean of (|gradient| - 1)^2 on a mixture; the norm is over the channels of each pixel."""
    gradient = critic.input_gradient(mixing * real + (1 - mixing) * fake)
    norm: Tensor = torch.linalg.vector_norm(gradient, dim=1)
    return (norm - 1).square().mean()


def adversarial_loss(critic: Critic, fake: Tensor) -> Tensor:
    """What the generator lowers to please the critic: minus the mean score of its picture."""
    score: Tensor = critic(fake).mean()
    return -score


def reconstruction_loss(reconstruction: Tensor, real: Tensor) -> Tensor:
    """Mean squared error of two pictures in [-1, 1]."""
    return functional.mse_loss(reconstruction, real)


@torch.no_grad()
def rmse(reconstruction: Tensor, real: Tensor) -> float:
    """Root mean squared error of two pictures in [-1, 1]; waits for the device."""
    return float(reconstruction_loss(reconstruction, real).sqrt())
