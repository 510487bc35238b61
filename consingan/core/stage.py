"""The training of one stage: ConSinGAN's iteration, with each thing computed once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from consingan.core.losses import adversarial_loss, critic_loss, reconstruction_loss, rmse
from consingan.core.noise import Noise
from consingan.core.sampler import Sampler

if TYPE_CHECKING:
    from consingan.core.hooks import Hooks

DECAY_AT = 0.8
"""The share of a stage's iterations after which the learning rates fall."""


class Losses(NamedTuple):
    """Scalars on the device, detached; the reconstruction's is not weighted."""

    critic: Tensor
    adversarial: Tensor
    reconstruction: Tensor


def grow(sampler: Sampler) -> None:
    """Add a stage to the sampler's model, with noise as strong as what is left to learn there.

    The amplitude is `noise_amplitude` times the RMSE of the reconstruction before the stage
    trains, in [-1, 1] units.
    """
    model = sampler.model
    model.grow()
    error = rmse(sampler.generate(sampler.fixed_noise()), sampler.picture)
    model.amplitudes[-1] = model.options.noise_amplitude * error


class StageTrainer:
    """Trains the newest stage of a model, with those below that still learn.

    Making one freezes what no longer learns, computes the frozen part of the reconstruction, and
    starts the optimizers afresh.
    """

    def __init__(self, sampler: Sampler, hooks: Hooks, noise: Noise) -> None:
        model = sampler.model
        self.model, self.sampler, self.hooks, self.noise = model, sampler, hooks, noise
        self.options = options = model.options
        self.stage = model.stages - 1
        self.real = sampler.picture.contiguous(memory_format=torch.channels_last)
        self.fixed = sampler.fixed_noise()
        groups = model.learning_groups()
        betas, fused = (options.beta1, 0.999), model.device.type in ("cpu", "cuda")
        self.generator_adam = torch.optim.Adam(groups, betas=betas, fused=fused)
        self.critic_adam = torch.optim.Adam(
            model.critic.parameters(), lr=options.lr_critic, betas=betas, fused=fused
        )
        self.frozen_fixed = self._frozen(self.fixed)
        self.decay_step = math.ceil(DECAY_AT * options.niter)

    @property
    def learning_parameters(self) -> int:
        """How many parameters of generator and critic this stage trains."""
        optimizers = (self.generator_adam, self.critic_adam)
        groups = (group for optimizer in optimizers for group in optimizer.param_groups)
        return sum(parameter.numel() for group in groups for parameter in group["params"])

    def step(self, step: int) -> Losses:
        """One iteration: critic steps on one generator pass, then the generator's gradient."""
        model, options = self.model, self.options
        if step == self.decay_step:
            self._decay()
        noise = self._fresh_noise(step)
        fake = self._picture(noise, self._frozen(noise))
        for critic_step in range(options.critic_steps):
            mixing = self.noise.mixing(self.stage, step, critic_step)
            critic = critic_loss(
                model.critic, self.real, fake.detach(), mixing, options.gradient_penalty
            )
            self.critic_adam.zero_grad()
            critic.backward()
            self.critic_adam.step()

        model.critic.requires_grad_(False)
        adversarial = adversarial_loss(model.critic, fake)
        model.critic.requires_grad_(True)
        rebuilt = self._picture(self.fixed, self.frozen_fixed)
        reconstruction = reconstruction_loss(rebuilt, self.real)
        self.generator_adam.zero_grad()
        (adversarial + options.reconstruction_weight * reconstruction).backward()
        for _ in range(options.generator_steps):
            self.generator_adam.step()
        return Losses(critic.detach(), adversarial.detach(), reconstruction.detach())

    def _fresh_noise(self, step: int) -> list[Tensor]:
        generator = self.noise.training(self.stage, step, 0)
        first = self.hooks.training_input(
            self.sampler.pyramid, self.options, generator, self.sampler.fine_tuned
        )
        shapes = self.sampler.noise_shapes(self.sampler.sizes)
        above = [
            self.noise.fresh(shapes[level], self.stage, step, level)
            for level in range(1, self.stage + 1)
        ]
        return [first, *above]

    def _frozen(self, noise: list[Tensor]) -> Tensor | None:
        """The features below the lowest stage that learns, or None if all of them learn."""
        first = self.model.first_learning
        if first == 0:
            return None
        with torch.no_grad():
            return self.model.features(noise, stop=first)

    def _picture(self, noise: list[Tensor], frozen: Tensor | None) -> Tensor:
        first = self.model.first_learning
        features = self.model.features(noise, start=first, below=frozen)
        return self.model.generator.picture(features)

    def _decay(self) -> None:
        for optimizer in (self.generator_adam, self.critic_adam):
            for group in optimizer.param_groups:
                group["lr"] *= self.options.lr_decay
