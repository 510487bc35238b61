"""Adding stages to a model that learns."""

from __future__ import annotations

import torch

from consingan.core.known import known_of
from consingan.core.losses import rmse
from consingan.core.parallel import half_the_threads
from consingan.core.sampler import Sampler
from consingan.core.statistics import Statistics


@half_the_threads()
def grow(sampler: Sampler) -> None:
    """Add a stage to the sampler's model, with noise as strong as what is left to learn there.

    The amplitude is the RMSE of the reconstruction before the stage trains, in [-1, 1] units, times
    `TrainOptions.noise_at` its size.
    """
    model = sampler.model
    if model.generator.normalized and model.stages >= model.normalized_stages:
        _fold_batch_norm(sampler)
    else:
        model.grow()
    error = rmse(sampler.reconstruction(), sampler.picture, known_of(sampler))
    model.amplitudes[-1] = model.options.noise_at(sampler.size) * error


def _fold_batch_norm(sampler: Sampler) -> None:
    """Add a stage without batch norm, with what it did to the reconstruction in its weights."""
    statistics = Statistics(sampler.model, sampler.sizes, sampler.tile)
    with torch.no_grad():
        for _ in statistics.measure(sampler.fixed_noise):
            pass
    with statistics.used():
        sampler.model.grow()
