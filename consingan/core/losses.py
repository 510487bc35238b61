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


def mean_score(
    critic: Critic,
    picture: Tensor,
    placement: Placement | None = None,
    known: Known | None = None,
) -> Tensor:
    """The critic's mean score of a picture's patches.

    WGAN-GP (Gulrajani et al. 2017): the critic lowers the fake's less the real's, plus
    `gradient_penalty`; the generator raises the fake's.

    Args:
        critic: the network that scores.
        picture: (1, 3, H, W) in [-1, 1].
        placement: the window that it is, if it isn't whole.
        known: what counts of it, if not all. Patches that see something unknown are not scored.
    """
    scores = critic(picture).float()
    if known is not None:
        scores = scores * known.patches
    return scores.mean() if placement is None else placement.scores.mean(scores[0, 0])


def gradient_penalty(
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    mixing: Tensor,
    placement: Placement | None = None,
    known: Known | None = None,
) -> Tensor:
    """Mean of (|gradient| - 1)^2 on a mixture; the norm is over the channels of each pixel.

    Args:
        critic: the network that is to learn.
        real: (1, 3, H, W) in [-1, 1].
        fake: the generator's picture of the same shape, detached.
        mixing: (1, 1, 1, 1) in [0, 1], the real picture's share in the mixture.
        placement: the window that the pictures are, if they aren't whole.
        known: what is known of the real picture, if not all; the mixture has the fake's pixels
            elsewhere.
    """
    if known is not None:
        real = known.completed(real, fake)
    mixture = mixing * real + (1 - mixing) * fake
    if placement is not None:
        mixture = placement.inner.cut(mixture, placement.window.origin)
    gradient = critic.input_gradient(mixture).float()
    if placement is not None:
        gradient = placement.sound.cut(gradient, placement.inner.origin)
    excess = (torch.linalg.vector_norm(gradient, dim=1) - 1).square()
    return excess.mean() if placement is None else placement.penalty.mean(excess[0])


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
