"""The training of one stage: ConSinGAN's iteration, with each thing computed once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from consingan.core.averaging import Averages
from consingan.core.gradients import Gradient, descend, gradient, total
from consingan.core.known import Known, known_of
from consingan.core.losses import (
    color_loss,
    gradient_penalty,
    mean_score,
    reconstruction_loss,
)
from consingan.core.noise import Noise
from consingan.core.parallel import Helper, half_the_threads
from consingan.core.placement import Placement, Placements, training_window
from consingan.core.sampler import Sampler
from consingan.core.windows import Plan

if TYPE_CHECKING:
    from consingan.core.hooks import Hooks


class Losses(NamedTuple):
    """Scalars on the device, detached; the reconstruction's is not weighted."""

    critic: Tensor
    adversarial: Tensor
    reconstruction: Tensor


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
        self._known = known_of(sampler)
        groups = model.learning_groups()
        betas, fused = (options.beta1, options.beta2), model.device.type in ("cpu", "cuda")
        self.generator_adam = torch.optim.Adam(groups, betas=betas, fused=fused)
        self.critic_adam = torch.optim.Adam(
            model.critic.parameters(), lr=options.lr_critic, betas=betas, fused=fused
        )
        self._generator_weights = [weight for group in groups for weight in group["params"]]
        self._critic_weights = list(model.critic.parameters())
        self.averages = Averages(self._generator_weights, options.averaging)
        self._helper = Helper(model.device)
        self.rate = 1.0
        """A factor on the learning rates; lower after training went wrong."""
        self._rates = [group["lr"] for group in self._groups()]
        self.last_pair: tuple[Tensor, Tensor]
        """What the last step made from fresh noise, and the real window beside it."""
        with half_the_threads():
            self._whole = self._view(None) if self.placements is None else None

    @property
    def learning_parameters(self) -> int:
        """How many parameters of generator and critic this stage trains."""
        return sum(weight.numel() for group in self._groups() for weight in group["params"])

    @half_the_threads()
    def step(self, step: int) -> Losses:
        """One iteration: critic steps on one generator pass, then the generator's gradient."""
        self._set_rates(step)
        view = self._whole or self._view(self._place(step))
        fake = cache(lambda: self._fake(step, view))
        for critic_step in range(self.options.critic_steps):
            critic = self._train_critic(step, critic_step, view, fake)
        self.last_pair = (fake().detach().to(self.model.dtype), view.real)
        adversarial, reconstruction = self._train_generator(step, view, fake())
        self.averages.update()
        return Losses(critic, adversarial, reconstruction)

    def _train_critic(
        self, step: int, critic_step: int, view: _View, fake: Callable[[], Tensor]
    ) -> Tensor:
        critic, weights, placement = self.model.critic, self._critic_weights, view.placement

        def on_real() -> Gradient:
            return gradient(-mean_score(critic, view.real, placement, view.known), weights)

        def on_fake() -> Gradient:
            return gradient(mean_score(critic, shown, placement), weights)

        # Real and fake apart, and added to each other first: only so does what is equal in them
        # cancel to the last bit, and Adam would make a whole step of what doesn't.
        real = self._helper.start(on_real)
        shown = fake().detach().to(self.model.dtype)
        made = self._helper.start(on_fake)
        mixing = self.noise.mixing(self.stage, step, critic_step).to(self.model.dtype)
        penalty = gradient_penalty(critic, view.real, shown, mixing, placement, view.known)
        penalized = gradient(self.options.gradient_penalty * penalty, weights)
        loss, slopes = total([made(), real(), penalized])
        descend(self.critic_adam, weights, slopes)
        return loss

    def _train_generator(self, step: int, view: _View, fake: Tensor) -> tuple[Tensor, Tensor]:
        options, weights = self.options, self._generator_weights

        def on_reconstruction() -> tuple[Tensor, Gradient]:
            rebuilt = self._picture(view.fixed, view.frozen_fixed(), view.plan)
            loss = reconstruction_loss(rebuilt, view.picture, view.placement, view.known)
            return loss.detach(), gradient(options.reconstruction_weight * loss, weights)

        rebuilding = self._helper.start(on_reconstruction)
        adversarial = -mean_score(self.model.critic, fake.to(self.model.dtype), view.placement)
        loss = adversarial
        if options.color_weight and self.placements is None:
            directions = self.noise.directions(self.stage, step)
            colors = color_loss(fake, view.picture, directions, view.known)
            loss = loss + options.color_weight * colors
        pleased, (reconstruction, rebuilt) = gradient(loss, weights), rebuilding()
        slopes = total([pleased, rebuilt]).slopes
        descend(self.generator_adam, weights, slopes, self.generator_steps)
        return adversarial.detach(), reconstruction

    @torch.no_grad()
    def two_fakes(self, step: int) -> tuple[tuple[Tensor, Tensor], bool]:
        """Two pictures of one window from different noise, and whether what enters differs.

        A mode may always feed the same picture, from which only the same can come.
        """
        view = self._whole or self._view(self._place(step))
        inputs = [self._fresh_noise(coming, view.plan)[0] for coming in (step, step + 1)]
        first, second = (self._fake(coming, view) for coming in (step, step + 1))
        return (first, second), not inputs[0].equal(inputs[1])

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
        frozen = self._helper.start(lambda: self._frozen(fixed, plan))
        if placement is None:
            frozen = _always(frozen())  # the same in every step
        real = picture.to(self.model.dtype)
        return _View(placement, plan, picture, real, known, fixed, frozen)

    def _fake(self, step: int, view: _View) -> Tensor:
        noise = self._fresh_noise(step, view.plan)
        return self._picture(noise, self._frozen(noise, view.plan), view.plan)

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
    frozen_fixed: Callable[[], Tensor | None]
    """The features that it gives below the lowest stage that learns."""


def _always(features: Tensor | None) -> Callable[[], Tensor | None]:
    return lambda: features
