"""The training of one stage: ConSinGAN's iteration, with each thing computed once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from consingan.core.networks.noise import Noise
from consingan.core.networks.plan import Plan
from consingan.core.networks.stage_sizes import training_window
from consingan.core.sampling.sampler import Sampler
from consingan.core.system.threads import Helper, half_the_threads
from consingan.core.training.ema import WeightEMA
from consingan.core.training.gradients import (
    LossGradients,
    apply_gradients,
    compute_gradients,
    sum_gradients,
)
from consingan.core.training.loss_weights import KnownWeights, known_weights
from consingan.core.training.losses import (
    color_loss,
    gradient_penalty,
    mean_score,
    reconstruction_loss,
)
from consingan.core.training.muon import Muon
from consingan.core.training.window_sampling import SampledWindow, WindowSampler

if TYPE_CHECKING:
    from consingan.core.hooks.dispatch import Hooks


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
        self.windows = (
            WindowSampler(sampler.size, self.window, options.receptive_field, model.device)
            if self.window != sampler.size
            else None
        )
        self._known = known_weights(sampler.known, options.receptive_field)
        groups = model.learning_groups()
        betas, fused = (options.beta1, options.beta2), model.device.type in ("cpu", "cuda")
        optimizer = Muon if options.optimizer == "muon" else torch.optim.Adam
        self.generator_optimizer = optimizer(groups, betas=betas, fused=fused)
        self.critic_optimizer = optimizer(
            model.critic.parameters(), lr=options.lr_critic, betas=betas, fused=fused
        )
        self._generator_weights = [weight for group in groups for weight in group["params"]]
        self._critic_weights = list(model.critic.parameters())
        self.ema = WeightEMA(self._generator_weights, options.averaging)
        self._helper = Helper(model.device)
        self.rate_factor = 1.0
        """A factor on the learning rates; lower after training diverged."""
        self._rates = [group["lr"] for group in self._groups()]
        self.last_pair: tuple[Tensor, Tensor]
        """The last step's fake, and the real window beside it."""
        with half_the_threads():
            self._whole = self._inputs(None) if self.windows is None else None

    @property
    def learning_parameters(self) -> int:
        """How many parameters of generator and critic this stage trains."""
        return sum(weight.numel() for group in self._groups() for weight in group["params"])

    @half_the_threads()
    def step(self, step: int) -> Losses:
        """One iteration: critic steps on one fake, then generator steps on one gradient."""
        self._set_rates(step)
        inputs = self._whole or self._inputs(self._draw_window(step))
        fake = cache(lambda: self._fake(step, inputs))
        for critic_step in range(self.options.critic_steps):
            critic = self._train_critic(step, critic_step, inputs, fake)
        self.last_pair = (fake().detach().to(self.model.dtype), inputs.real)
        adversarial, reconstruction = self._train_generator(step, inputs, fake())
        self.ema.update()
        return Losses(critic, adversarial, reconstruction)

    def _train_critic(
        self, step: int, critic_step: int, inputs: _StepInputs, make_fake: Callable[[], Tensor]
    ) -> Tensor:
        critic, weights = self.model.critic, self._critic_weights
        real, sampled, known = inputs.real, inputs.sampled, inputs.known

        def real_term() -> LossGradients:
            return compute_gradients(-mean_score(critic, real, sampled, known), weights)

        def fake_term() -> LossGradients:
            return compute_gradients(mean_score(critic, fake, sampled), weights)

        # Real and fake apart, and added to each other first: only so does what is equal in them
        # cancel to the last bit, and Adam would make a whole step of what doesn't.
        real_result = self._helper.start(real_term)
        fake = make_fake().detach().to(self.model.dtype)
        fake_result = self._helper.start(fake_term)
        mixing = self.noise.mixing(self.stage, step, critic_step).to(self.model.dtype)
        penalty = gradient_penalty(critic, real, fake, mixing, sampled, known)
        penalty_term = compute_gradients(self.options.gradient_penalty * penalty, weights)
        loss, gradients = sum_gradients([fake_result(), real_result(), penalty_term])
        apply_gradients(self.critic_optimizer, weights, gradients)
        return loss

    def _train_generator(
        self, step: int, inputs: _StepInputs, fake: Tensor
    ) -> tuple[Tensor, Tensor]:
        options, weights = self.options, self._generator_weights

        def reconstruction_term() -> tuple[Tensor, LossGradients]:
            rebuilt = self._picture(inputs.fixed, inputs.frozen_fixed(), inputs.plan)
            loss = reconstruction_loss(rebuilt, inputs.picture, inputs.sampled, inputs.known)
            weighted = options.reconstruction_weight * loss
            return loss.detach(), compute_gradients(weighted, weights)

        reconstruction_result = self._helper.start(reconstruction_term)
        score = mean_score(self.model.critic, fake.to(self.model.dtype), inputs.sampled)
        adversarial = loss = -score
        if options.color_weight and self.windows is None:
            directions = self.noise.directions(self.stage, step)
            colors = color_loss(fake, inputs.picture, directions, inputs.known)
            loss = loss + options.color_weight * colors
        fake_term = compute_gradients(loss, weights)
        reconstruction, rebuilt_term = reconstruction_result()
        gradients = sum_gradients([fake_term, rebuilt_term]).gradients
        apply_gradients(self.generator_optimizer, weights, gradients, self.generator_steps)
        return adversarial.detach(), reconstruction

    @torch.no_grad()
    def two_fakes(self, step: int) -> tuple[tuple[Tensor, Tensor], bool]:
        """Two pictures of one window from different noise, and whether the inputs differ.

        A mode may always feed the same picture, from which only the same can come.
        """
        inputs = self._whole or self._inputs(self._draw_window(step))
        entering = [self._fresh_noise(coming, inputs.plan)[0] for coming in (step, step + 1)]
        first, second = (self._fake(coming, inputs) for coming in (step, step + 1))
        return (first, second), not entering[0].equal(entering[1])

    def finish(self) -> None:
        """Replace the last weights by their averages, if the options ask for it."""
        self.ema.copy_to_weights()

    def _set_rates(self, step: int) -> None:
        factor = self.rate_factor * self.options.decay_at(step / self.iterations)
        for group, rate in zip(self._groups(), self._rates, strict=True):
            group["lr"] = rate * factor

    def _groups(self) -> list[dict[str, Any]]:
        return [*self.generator_optimizer.param_groups, *self.critic_optimizer.param_groups]

    def _draw_window(self, step: int) -> SampledWindow | None:
        if self.windows is None:
            return None
        return self.windows.draw(self.noise.portable("window", self.stage, step))

    def _inputs(self, sampled: SampledWindow | None) -> _StepInputs:
        picture, known, plan = self.sampler.picture, self._known, self.model.plan()
        if sampled is not None:
            picture = sampled.window.cut(picture)
            known = None if known is None else known.cut(sampled.window)
            plan = self.model.plan(None, sampled.window, self.model.normalized_stages)
        picture = picture.contiguous(memory_format=torch.channels_last)
        fixed = [level.to(self.model.dtype) for level in self.sampler.fixed_noise(plan)]
        frozen = self._helper.start(lambda: self._frozen_features(fixed, plan))
        if sampled is None:
            frozen = _constant(frozen())  # the same in every step
        real = picture.to(self.model.dtype)
        return _StepInputs(sampled, plan, picture, real, known, fixed, frozen)

    def _fake(self, step: int, inputs: _StepInputs) -> Tensor:
        noise = self._fresh_noise(step, inputs.plan)
        return self._picture(noise, self._frozen_features(noise, inputs.plan), inputs.plan)

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

    def _frozen_features(self, noise: list[Tensor], plan: Plan) -> Tensor | None:
        """The features below the lowest stage that learns, or None if all stages learn."""
        first = self.model.first_learning
        if first == 0:
            return None
        with torch.no_grad():
            return self.model.features(noise, plan, stop=first)

    def _picture(self, noise: list[Tensor], frozen: Tensor | None, plan: Plan) -> Tensor:
        first = self.model.first_learning
        features = self.model.features(noise, plan, start=first, below=frozen)
        return self.model.generator.picture(features, plan)


class _StepInputs(NamedTuple):
    """What a step trains on: the whole picture, or a window of it."""

    sampled: SampledWindow | None
    plan: Plan
    picture: Tensor
    """(1, 3, h, w) in [-1, 1], float32."""
    real: Tensor
    """The same in the precision that the networks compute in."""
    known: KnownWeights | None
    """The weights of its values, if not all of it is known."""
    fixed: list[Tensor]
    """The fixed noise, which the picture is rebuilt from."""
    frozen_fixed: Callable[[], Tensor | None]
    """The features of the fixed noise below the lowest stage that learns."""


def _constant(features: Tensor | None) -> Callable[[], Tensor | None]:
    return lambda: features
