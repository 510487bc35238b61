"""The objectives of the critic and of the generator, on a whole picture or on a window of it.

Where only some pixels of the real picture are known, `known` says what counts; a window's is cut
to it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from consingan.core.known import Known
from consingan.core.networks import Critic
from consingan.core.placement import Placement

TOLERANCE = 0.04
"""How far a sample's colours may be from the picture's: 5 of 255 levels, in [-1, 1] units.

Of a picture whose colours are all shifted alike, it is the RMS of the shift over the channels.
"""


def critic_loss(
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    mixing: Tensor,
    penalty_weight: float,
    placement: Placement | None = None,
    known: Known | None = None,
) -> Tensor:
    """WGAN-GP (Gulrajani et al. 2017): mean score of the fake, less the real's, plus the penalty.

    Args:
        critic: the network that is to learn.
        real: (1, 3, H, W) in [-1, 1].
        fake: the generator's picture of the same shape, detached.
        mixing: (1, 1, 1, 1) in [0, 1], the real picture's share in the penalised mixture.
        penalty_weight: lambda; 0.1 in the paper.
        placement: the window that the pictures are, if they aren't whole.
        known: what counts of the real picture, if not all. Patches that see something unknown are
            not scored, and the penalised mixture has the fake's pixels there.

    Returns:
        A scalar; its negative estimates how far apart the two pictures' patches are.
    """
    # Two passes, not one of both: only so does what is equal in them cancel to the last bit, and
    # Adam would make a whole step of what doesn't.
    if known is not None:
        real = known.completed(real, fake)
    patches = None if known is None else known.patches
    distance = _mean_score(critic, fake, placement) - _mean_score(critic, real, placement, patches)
    return distance + penalty_weight * gradient_penalty(critic, real, fake, mixing, placement)


def gradient_penalty(
    critic: Critic, real: Tensor, fake: Tensor, mixing: Tensor, placement: Placement | None = None
) -> Tensor:
    """Mean of (|gradient| - 1)^2 on a mixture; the norm is over the channels of each pixel."""
    mixture = mixing * real + (1 - mixing) * fake
    if placement is not None:
        mixture = placement.inner.cut(mixture, placement.window.origin)
    gradient = critic.input_gradient(mixture).float()
    if placement is not None:
        gradient = placement.sound.cut(gradient, placement.inner.origin)
    excess = (torch.linalg.vector_norm(gradient, dim=1) - 1).square()
    return excess.mean() if placement is None else placement.penalty.mean(excess[0])


def adversarial_loss(critic: Critic, fake: Tensor, placement: Placement | None = None) -> Tensor:
    """What the generator lowers to please the critic: minus the mean score of its picture."""
    return -_mean_score(critic, fake, placement)


def reconstruction_loss(
    reconstruction: Tensor,
    real: Tensor,
    placement: Placement | None = None,
    known: Known | None = None,
) -> Tensor:
    """Mean squared error of two pictures in [-1, 1], over what is known of the real one."""
    error = (reconstruction - real).square()
    if known is not None:
        error = error * known.pixels
    return error.mean() if placement is None else placement.pixels.mean(error[0].mean(0))


def color_loss(
    fake: Tensor, real: Tensor, directions: Tensor, known: Known | None = None
) -> Tensor:
    """How far the colours of two pictures are apart, wherever they lie, beyond `TOLERANCE`.

    The squared sliced Wasserstein-2 distance (Rabin et al. 2011): along a direction, pixels in the
    order of their projections are paired. What is tolerated doesn't count, so that samples whose
    colours are nearly the picture's are free to arrange them.

    Args:
        fake: (1, 3, H, W) in [-1, 1].
        real: likewise.
        directions: (3, 3), of length 1 and at right angles.
        known: what counts of the real picture, if not all; the rest has the fake's colours.
    """
    if known is not None:
        real = known.completed(real, fake.detach())
    ours, theirs = (
        (directions @ picture[0].flatten(1)).sort(dim=1).values for picture in (fake, real)
    )
    return ((ours - theirs).square().mean() - TOLERANCE**2).clamp(min=0)


@torch.no_grad()
def rmse(reconstruction: Tensor, real: Tensor, known: Known | None = None) -> float:
    """Root mean squared error of two pictures in [-1, 1]; waits for the device."""
    return float(reconstruction_loss(reconstruction, real, known=known).sqrt())


def _mean_score(
    critic: Critic, picture: Tensor, placement: Placement | None, weights: Tensor | None = None
) -> Tensor:
    scores = critic(picture).float()
    if weights is not None:
        scores = scores * weights
    return scores.mean() if placement is None else placement.scores.mean(scores[0, 0])
