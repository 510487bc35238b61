"""The losses of the critic and of the generator, on a whole picture or on a window of it.

Where only some pixels of the real picture are known, `known` has the weight of each value; a
window's is cut to it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from consingan.core.networks.critic import Critic
from consingan.core.training.loss_weights import KnownWeights
from consingan.core.training.window_sampling import SampledWindow

COLOR_TOLERANCE = 0.04
"""How far a sample's colours may be from the picture's: 5 of 255 levels, in [-1, 1] units.

Of a picture whose colours are all shifted alike, it is the RMS of the shift over the channels.
"""


def mean_score(
    critic: Critic,
    picture: Tensor,
    sampled: SampledWindow | None = None,
    known: KnownWeights | None = None,
) -> Tensor:
    """The critic's mean score over a picture's patches, a scalar.

    WGAN-GP (Gulrajani et al. 2017): the critic minimises the fake's score less the real one's, plus
    `gradient_penalty`; the generator maximises the fake's.

    Args:
        critic: the network that scores.
        picture: (1, 3, H, W) in [-1, 1].
        sampled: the window that it is, if it isn't whole.
        known: the weights of its scores, if not all of it is known.
    """
    scores = critic(picture).float()
    if known is not None:
        scores = scores * known.patches
    return scores.mean() if sampled is None else sampled.score_weights.mean(scores[0, 0])


def gradient_penalty(
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    mixing: Tensor,
    sampled: SampledWindow | None = None,
    known: KnownWeights | None = None,
) -> Tensor:
    """Mean of (|gradient| - 1)^2 at a mixture of real and fake, a scalar.

    The gradient is that of the critic's summed scores with respect to the picture. Its norm is
    taken over the channels of each pixel.

    Args:
        critic: the network that learns.
        real: (1, 3, H, W) in [-1, 1].
        fake: the generator's picture of the same shape, detached.
        mixing: (1, 1, 1, 1) in [0, 1], the real picture's share in the mixture.
        sampled: the window that the pictures are, if they aren't whole.
        known: if not all of the real picture is known; elsewhere the mixture has the fake's pixels.
    """
    if known is not None:
        real = known.completed(real, fake)
    mixture = mixing * real + (1 - mixing) * fake
    if sampled is not None:
        mixture = sampled.penalty_window.cut(mixture, sampled.window.origin)
    gradient = critic.input_gradient(mixture).float()
    if sampled is not None:
        gradient = sampled.penalty_interior.cut(gradient, sampled.penalty_window.origin)
    excess = (torch.linalg.vector_norm(gradient, dim=1) - 1).square()
    return excess.mean() if sampled is None else sampled.penalty_weights.mean(excess[0])


def reconstruction_loss(
    reconstruction: Tensor,
    real: Tensor,
    sampled: SampledWindow | None = None,
    known: KnownWeights | None = None,
) -> Tensor:
    """Mean squared error of two pictures in [-1, 1], over what is known of the real one."""
    error = (reconstruction - real).square()
    if known is not None:
        error = error * known.pixels
    return error.mean() if sampled is None else sampled.pixel_weights.mean(error[0].mean(0))


def color_loss(
    fake: Tensor, real: Tensor, directions: Tensor, known: KnownWeights | None = None
) -> Tensor:
    """How far apart the colours of two pictures are, wherever they lie, beyond `COLOR_TOLERANCE`.

    The squared sliced Wasserstein-2 distance (Rabin et al. 2011): along a direction, pixels are
    paired in the order of their projections. Within the tolerance the loss is 0: a sample whose
    colours are nearly the picture's is free to arrange them.

    Args:
        fake: (1, 3, H, W) in [-1, 1].
        real: likewise.
        directions: (3, 3), orthonormal.
        known: if not all of the real picture is known; the rest has the fake's colours.
    """
    if known is not None:
        real = known.completed(real, fake.detach())
    fakes, reals = (
        (directions @ picture[0].flatten(1)).sort(dim=1).values for picture in (fake, real)
    )
    return ((fakes - reals).square().mean() - COLOR_TOLERANCE**2).clamp(min=0)


@torch.no_grad()
def rmse(reconstruction: Tensor, real: Tensor, known: KnownWeights | None = None) -> float:
    """Root mean squared error of two pictures in [-1, 1]; waits for the device."""
    return float(reconstruction_loss(reconstruction, real, known=known).sqrt())
