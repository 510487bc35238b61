"""Makes a recording of the plain loop's training, for `benchmarks/parity.py` to replay.

    python -m benchmarks.record tests/data/generation.safetensors

The plain loop of `benchmarks/engine.py` shares no training code with the engine, and the published
recordings vouch for both. This one is small enough to ship: eight filters, three tiny stages, five
iterations each, so that the learning rate's fall is in it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from benchmarks.engine import PlainLoop, make_pyramid
from consingan.core.hooks.dispatch import Hooks
from consingan.core.networks.model import Model
from consingan.core.networks.noise import Noise
from consingan.core.options.size import Size
from consingan.core.options.training import TrainOptions
from consingan.core.pictures.tensors import to_tensor
from consingan.core.run import make_sampler
from consingan.core.training.losses import rmse
from consingan.examples import EXAMPLES
from consingan.modes.generation import Generation

OPTIONS = TrainOptions(
    max_size=28, min_size=14, train_stages=3, train_depth=2, niter=5, filters=8, lr_scale=0.3
)
"""Small, with a frozen stage, faster lower stages than usual, and a whole 0.8 * niter."""

SETTINGS = {
    "train_mode": "generation",
    "max_size": OPTIONS.max_size,
    "min_size": OPTIONS.min_size,
    "train_stages": OPTIONS.train_stages,
    "niter": OPTIONS.niter,
    "lr_scale": OPTIONS.lr_scale,
    "train_depth": OPTIONS.train_depth,
    "lr_g": OPTIONS.lr_generator,
    "lr_d": OPTIONS.lr_critic,
    "gamma": OPTIONS.lr_decay,
    "beta1": OPTIONS.beta1,
    "Dsteps": OPTIONS.critic_steps,
    "Gsteps": OPTIONS.generator_steps,
    "lambda_grad": OPTIONS.gradient_penalty,
    "alpha": OPTIONS.reconstruction_weight,
    "noise_amp": OPTIONS.noise_amplitude,
    "nfc": OPTIONS.filters,
    "num_layer": OPTIONS.layers,
    "activation": OPTIONS.activation,
    "lrelu_alpha": OPTIONS.lrelu_alpha,
    "batch_norm": OPTIONS.batch_norm,
}
"""The options under the published code's names, which recordings use."""


def record() -> dict[str, Tensor]:
    """Train with the plain loop and keep everything that went in and came out."""
    image = EXAMPLES["landscape"]()
    pyramid = make_pyramid(to_tensor(image), OPTIONS)
    hooks, noise = Hooks(Generation()), Noise(OPTIONS.seed)
    model = Model(OPTIONS, "oversize", [Size(*picture.shape[-2:]) for picture in pyramid])
    sampler = make_sampler(model, pyramid, hooks, noise)
    tensors: dict[str, Tensor] = {"image": torch.from_numpy(np.array(image))}
    tensors |= {f"real.{stage}": picture for stage, picture in enumerate(pyramid)}
    for stage in range(len(pyramid)):
        if stage > 0:
            model.grow()
            rebuilt = PlainLoop(sampler).rebuild()
            model.amplitudes[-1] = OPTIONS.noise_amplitude * rmse(rebuilt, pyramid[stage])
        plain = PlainLoop(sampler)
        tensors[f"fixed.{stage}"] = plain.fixed[stage]
        tensors[f"amp.{stage}"] = torch.tensor(model.amplitudes[stage])
        tensors |= _weights(f"s{stage}.init", plain)
        tensors |= _train(plain, stage, noise)
        tensors |= _weights(f"s{stage}.final", plain)
        model.generator.load_state_dict(plain.generator.state_dict())
        model.critic.load_state_dict(plain.critic.state_dict())
    return {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}


def _train(plain: PlainLoop, stage: int, noise: Noise) -> dict[str, Tensor]:
    """All iterations of a stage; their random numbers and the generator's first output of each."""
    tensors: dict[str, Tensor] = {}
    pictures: list[Tensor] = []
    plain.generator.tail.register_forward_hook(lambda *call: pictures.append(call[2]))
    schedules = [
        torch.optim.lr_scheduler.MultiStepLR(adam, [0.8 * OPTIONS.niter], OPTIONS.lr_decay)  # type: ignore[list-item]
        for adam in (plain.generator_optimizer, plain.critic_optimizer)
    ]
    for step in range(OPTIONS.niter):
        shapes = [fixed.shape for fixed in plain.fixed]
        # In plain memory order: real and fake pictures must be summed in the same order.
        inputs = [
            noise.fresh(shape, stage, step, level).contiguous()
            for level, shape in enumerate(shapes)
        ]
        mixing = [noise.mixing(stage, step, number) for number in range(OPTIONS.critic_steps)]
        pictures.clear()
        plain.step(inputs, mixing)
        for schedule in schedules:
            schedule.step()
        at = f"s{stage}.it{step}"
        tensors |= {f"{at}.z{level}": tensor for level, tensor in enumerate(inputs)}
        tensors |= {f"{at}.alpha{number}": tensor[0, 0] for number, tensor in enumerate(mixing)}
        tensors[f"{at}.fake"] = pictures[0]
    return tensors


def _weights(prefix: str, plain: PlainLoop) -> dict[str, Tensor]:
    networks: dict[str, nn.Module] = {"G": plain.generator, "D": plain.critic}
    return {
        f"{prefix}.{letter}.{name}": tensor.clone()
        for letter, network in networks.items()
        for name, tensor in network.state_dict().items()
    }


if __name__ == "__main__":
    save_file(record(), Path(sys.argv[1]), {name: str(value) for name, value in SETTINGS.items()})
