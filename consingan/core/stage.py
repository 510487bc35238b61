"""The training of one stage: ConSinGAN's iteration, with each thing computed once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from consingan.core.averaging import Averages
from consingan.core.known import Known, known_at
from consingan.core.losses import (
    adversarial_loss,
    color_loss,
    critic_loss,
    reconstruction_loss,
    rmse,
)
from consingan.core.noise import Noise
from consingan.core.placement import Placement, Placements, training_window
from consingan.core.sampler import Sampler
from consingan.core.statistics import Statistics
from consingan.core.windows import Plan

if TYPE_CHECKING:
    from consingan.core.hooks import Hooks


class Losses(NamedTuple):
    """Scalars on the device, detached; the reconstruction's is not weighted."""

    critic: Tensor
    adversarial: Tensor
    reconstruction: Tensor


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
    error = rmse(sampler.reconstruction(), sampler.picture, _known(sampler))
    model.amplitudes[-1] = model.options.noise_at(sampler.size) * error


def _fold_batch_norm(sampler: Sampler) -> None:
    """Add a stage without batch norm, with what it did to the reconstruction in its weights."""
    statistics = Statistics(sampler.model, sampler.sizes, sampler.tile)
    with torch.no_grad():
        for _ in statistics.measure(sampler.fixed_noise):
            pass
    with statistics.used():
        sampler.model.grow()


class StageTrainer:
    """Trains the newest stage of a model, with those below that still learn.

    Making one freezes what no longer learns and starts the optimizers afresh. A picture of more
    pixels than a window of `options.window` is trained on random windows, on which the cost of a
    step doesn't depend on the picture's size.
    """

    def __init__(self, sampler: Sampler, hooks: Hooks, noise: Noise) -> None:
        model = sampler.model
        self.model, self.sampler, self.hooks, self.noise = model, sampler, hooks, noise
        self.options = options = model.options
        self.stage = model.stages - 1
        self.iterations = options.iterations(len(model.sizes))[self.stage]
        self.generator_steps = (
            options.generator_steps if self.stage else options.first_generator_steps
        )
        self.window = training_window(sampler.size, options)
        self.placements = (
            Placements(sampler.size, self.window, options.receptive_field, model.device)
            if self.window != sampler.size
            else None
        )
        self._known = _known(sampler)
        groups = model.learning_groups()
        betas, fused = (options.beta1, options.beta2), model.device.type in ("cpu", "cuda")
        self.generator_adam = torch.optim.Adam(groups, betas=betas, fused=fused)
        self.critic_adam = torch.optim.Adam(
            model.critic.parameters(), lr=options.lr_critic, betas=betas, fused=fused
        )
        self.averages = Averages(groups, options.averaging)
        self.rate = 1.0
        """A factor on the learning rates; lower after training went wrong."""
        self._rates = [group["lr"] for group in self._groups()]
        self.last_pair: tuple[Tensor, Tensor]
        """What the last step made from fresh noise, and the real window beside it."""
        self._whole = self._view(None) if self.placements is None else None

    @property
    def learning_parameters(self) -> int:
        """How many parameters of generator and critic this stage trains."""
        return sum(weight.numel() for group in self._groups() for weight in group["params"])

    def step(self, step: int) -> Losses:
        """One iteration: critic steps on one generator pass, then the generator's gradient."""
        model, options = self.model, self.options
        self._set_rates(step)
        view = self._whole or self._view(self._place(step))
        noise = self._fresh_noise(step, view.plan)
        fake = self._picture(noise, self._frozen(noise, view.plan), view.plan)
        shown = fake.detach().to(model.dtype)
        self.last_pair = (shown, view.real)
        for critic_step in range(options.critic_steps):
            mixing = self.noise.mixing(self.stage, step, critic_step).to(model.dtype)
            critic = critic_loss(
                model.critic,
                view.real,
                shown,
                mixing,
                options.gradient_penalty,
                view.placement,
                view.known,
            )
            self.critic_adam.zero_grad()
            critic.backward()
            self.critic_adam.step()

        model.critic.requires_grad_(False)
        adversarial = adversarial_loss(model.critic, fake.to(model.dtype), view.placement)
        model.critic.requires_grad_(True)
        rebuilt = self._picture(view.fixed, view.frozen_fixed, view.plan)
        reconstruction = reconstruction_loss(rebuilt, view.picture, view.placement, view.known)
        loss = adversarial + options.reconstruction_weight * reconstruction
        if options.color_weight and self.placements is None:
            directions = self.noise.directions(self.stage, step)
            colors = color_loss(fake, view.picture, directions, view.known)
            loss = loss + options.color_weight * colors
        self.generator_adam.zero_grad()
        loss.backward()
        for _ in range(self.generator_steps):
            self.generator_adam.step()
        self.averages.update()
        return Losses(critic.detach(), adversarial.detach(), reconstruction.detach())

    @torch.no_grad()
    def two_fakes(self, step: int) -> tuple[tuple[Tensor, Tensor], bool]:
        """Two pictures of one window from different noise, and whether what enters differs.

        A mode may always feed the same picture, from which only the same can come.
        """
        view = self._whole or self._view(self._place(step))
        inputs = [self._fresh_noise(coming, view.plan) for coming in (step, step + 1)]
        first, second = (
            self._picture(noise, self._frozen(noise, view.plan), view.plan) for noise in inputs
        )
        return (first, second), not inputs[0][0].equal(inputs[1][0])

    def finish(self) -> None:
        """Put the averaged weights in place of the last ones, if the options ask for it."""
        self.averages.put()

    def _set_rates(self, step: int) -> None:
        factor = self.rate * self.options.decay_at(step / self.iterations)
        for group, given in zip(self._groups(), self._rates, strict=True):
            group["lr"] = given * factor

    def _groups(self) -> list[dict[str, Any]]:
        return [*self.generator_adam.param_groups, *self.critic_adam.param_groups]

    def _place(self, step: int) -> Placement | None:
        if self.placements is None:
            return None
        return self.placements.draw(self.noise.portable("window", self.stage, step))

    def _view(self, placement: Placement | None) -> _View:
        picture, known, plan = self.sampler.picture, self._known, self.model.plan()
        if placement is not None:
            picture = placement.window.cut(picture)
            known = None if known is None else known.cut(placement.window)
            plan = self.model.plan(None, placement.window, self.model.normalized_stages)
        picture = picture.contiguous(memory_format=torch.channels_last)
        fixed = [level.to(self.model.dtype) for level in self.sampler.fixed_noise(plan)]
        return _View(
            placement,
            plan,
            picture,
            picture.to(self.model.dtype),
            known,
            fixed,
            self._frozen(fixed, plan),
        )

    def _fresh_noise(self, step: int, plan: Plan) -> list[Tensor]:
        generator = self.noise.training(self.stage, step, 0)
        first = self.hooks.training_input(
            self.sampler.pyramid, self.options, generator, self.sampler.fine_tuned
        )
        channels = self.options.filters
        above = [
            self.noise.fresh((1, channels, *plan.stages[level].noise.size), self.stage, step, level)
            for level in range(1, self.stage + 1)
        ]
        noise = [plan.stages[0].noise.cut(first), *above]
        return [level.to(self.model.dtype) for level in noise]

    def _frozen(self, noise: list[Tensor], plan: Plan) -> Tensor | None:
        """The features below the lowest stage that learns, or None if all of them learn."""
        first = self.model.first_learning
        if first == 0:
            return None
        with torch.no_grad():
            return self.model.features(noise, plan, stop=first)

    def _picture(self, noise: list[Tensor], frozen: Tensor | None, plan: Plan) -> Tensor:
        first = self.model.first_learning
        features = self.model.features(noise, plan, start=first, below=frozen)
        return self.model.generator.picture(features, plan)


class _View(NamedTuple):
    """What a training step looks at: the whole picture, or a window of it."""

    placement: Placement | None
    plan: Plan
    picture: Tensor
    """(1, 3, h, w) in [-1, 1], float32."""
    real: Tensor
    """The same in the precision that the networks compute in."""
    known: Known | None
    """What counts of it, if not all."""
    fixed: list[Tensor]
    """The noise that the picture is rebuilt from."""
    frozen_fixed: Tensor | None
    """The features that it gives below the lowest stage that learns."""


def _known(sampler: Sampler) -> Known | None:
    level = sampler.known
    return None if level is None else known_at(level, sampler.options.receptive_field)
