"""Times a training iteration of the engine against the paper's loop written out plainly.

    python -m benchmarks.engine [PHOTO] [--max-size 250] [--train-stages 6] [--stages 4 5] [--json]

Both sides run on the CPU in turns, on the same picture, from the same weights: `PlainLoop`, which
follows the published training step by step and saves nothing, and `StageTrainer.step`. Before
anything is timed, one iteration of each at a tiny size must lead to the same weights; if it does
not, the yardstick is wrong and the exit code is 1. Without PHOTO it trains on the drawn landscape.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import time
from collections.abc import Container, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.shared import command_line, run
from consingan.core.hooks.dispatch import Hooks
from consingan.core.networks.model import Model
from consingan.core.networks.noise import Noise
from consingan.core.options.fields import parse_options
from consingan.core.options.size import Size, fit
from consingan.core.options.training import TrainOptions
from consingan.core.pictures.reading import load_picture
from consingan.core.pictures.resizing import build_pyramid, resize
from consingan.core.pictures.tensors import to_tensor
from consingan.core.run import make_sampler
from consingan.core.sampling.sampler import Sampler
from consingan.core.training.stage_trainer import StageTrainer
from consingan.errors import ConsinganError
from consingan.examples import EXAMPLES
from consingan.modes.generation import Generation

RELATIVE, ABSOLUTE = 1e-3, 1e-4
"""How far the weights of the two sides may be apart, combined as `torch.allclose` does."""


class PlainLoop:
    """The paper's training of the newest stage, the obvious way: NCHW, float32, no savings.

    Works on copies of the sampler's networks as they are now.
    """

    def __init__(self, sampler: Sampler) -> None:
        model = sampler.model
        self.options, self.sizes, self.amplitudes = model.options, sampler.sizes, model.amplitudes
        self.generator, self.critic = copy.deepcopy((model.generator, model.critic))
        for network in (self.generator, self.critic):
            network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        self.real = sampler.picture.contiguous()
        self.fixed = [noise.contiguous() for noise in sampler.fixed_noise()]
        rate, betas = self.options.lr_critic, (self.options.beta1, self.options.beta2)
        self.generator_optimizer = torch.optim.Adam(self._groups(), betas=betas)
        self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), lr=rate, betas=betas)

    def _groups(self) -> list[dict[str, Any]]:
        generator, rate, scale = self.generator, self.options.lr_generator, self.options.lr_scale
        stages, depth = len(generator.body), self.options.train_depth
        learning: list[tuple[nn.Module, float]] = [(generator.tail, rate)]
        for age, body in enumerate([*reversed(generator.body)][:depth]):
            learning.append((body, rate * scale**age))
        if stages <= depth:
            learning.append((generator.head, rate * scale ** (stages - 1)))
        generator.requires_grad_(False)
        for module, _ in learning:
            module.requires_grad_(True)
        return [{"params": list(module.parameters()), "lr": lr} for module, lr in learning]

    def random_step(self) -> None:
        """One iteration on noise drawn for it."""
        noise = [torch.randn(fixed.shape) for fixed in self.fixed]
        self.step(noise, [torch.rand(1, 1, 1, 1) for _ in range(self.options.critic_steps)])

    def step(self, noise: Sequence[Tensor], mixing: Sequence[Tensor]) -> None:
        """One iteration on given noise, a tensor a stage, and a mixing number a critic step."""
        for critic_step, share in enumerate(mixing):
            self.critic_optimizer.zero_grad()
            real_loss = -self.critic(self.real).mean()
            with torch.set_grad_enabled(critic_step == len(mixing) - 1):
                fake = self._generate(noise)
            fake_loss = self.critic(fake.detach()).mean()
            penalty = self.options.gradient_penalty * self._penalty(fake, share)
            (real_loss + fake_loss + penalty).backward()
            self.critic_optimizer.step()

        adversarial = -self.critic(fake).mean()
        reconstruction = functional.mse_loss(self._generate(self.fixed), self.real)
        self.generator_optimizer.zero_grad()
        (adversarial + self.options.reconstruction_weight * reconstruction).backward()
        for _ in range(self.options.generator_steps):
            self.generator_optimizer.step()

    @torch.no_grad()
    def rebuild(self) -> Tensor:
        """The picture, (1, 3, H, W) in [-1, 1], from its fixed noise."""
        return self._generate(self.fixed)

    def _penalty(self, fake: Tensor, share: Tensor) -> Tensor:
        # The mixture is a leaf: backward ends here and leaves the fake's graph to the generator.
        mixture = (share * self.real + (1 - share) * fake).detach().requires_grad_()
        scores = self.critic(mixture)
        ones = torch.ones_like(scores)
        gradient = torch.autograd.grad(scores, mixture, ones, create_graph=True)[0]
        penalty: Tensor = ((gradient.norm(2, dim=1) - 1) ** 2).mean()
        return penalty

    def _generate(self, noise: Sequence[Tensor]) -> Tensor:
        generator, layers = self.generator, self.options.layers
        features = generator.head(functional.pad(noise[0], (1,) * 4))
        height, width = features.shape[-2:]
        features = _upsample(features, height + 2, width + 2)
        features = generator.body[0](functional.pad(features, (layers - 1,) * 4))
        for stage in range(1, len(generator.body)):
            height, width = self.sizes[stage]
            residual = _upsample(features, height, width)
            enlarged = _upsample(features, height + 2 * layers, width + 2 * layers)
            noisy = enlarged + self.amplitudes[stage] * noise[stage]
            features = residual + generator.body[stage](noisy)
        picture: Tensor = generator.tail(functional.pad(features, (1,) * 4))
        return picture


def _upsample(features: Tensor, height: int, width: int) -> Tensor:
    return functional.interpolate(features, (height, width), mode="bicubic", align_corners=True)


def both_sides(
    pyramid: Sequence[Tensor], options: TrainOptions, chosen: Container[int]
) -> Iterator[tuple[StageTrainer, PlainLoop]]:
    """The engine and the plain loop, ready to train each chosen stage from the same weights."""
    hooks, noise = Hooks(Generation()), Noise(options.seed)
    sizes = [Size(*picture.shape[-2:]) for picture in pyramid]
    model = Model(options, hooks.mode.padding_style, sizes)
    sampler = make_sampler(model, pyramid, hooks, noise)
    for stage in range(len(sizes)):
        if stage > 0:
            model.grow()
            model.amplitudes[-1] = options.noise_amplitude  # any will do, if both sides have it
        if stage in chosen:
            yield StageTrainer(sampler, hooks, noise), PlainLoop(sampler)


def same_training() -> bool:
    """Whether an iteration at each stage of a tiny training gives both sides the same weights."""
    # Lower stages learn fast here, so that none of their changes hides below the tolerance.
    options = TrainOptions(train_stages=5, min_size=12, filters=8, lr_scale=0.5)
    pyramid = make_pyramid(torch.linspace(-1, 1, 3 * 20 * 26).sin().view(1, 3, 20, 26), options)
    same = True
    for trainer, plain in both_sides(pyramid, options, range(len(pyramid))):
        stage, noise = trainer.stage, trainer.noise
        first = trainer.hooks.training_input(pyramid, options, noise.training(stage, 0, 0))
        shapes = [fixed.shape for fixed in plain.fixed]
        above = [noise.fresh(shapes[level], stage, 0, level) for level in range(1, stage + 1)]
        mixing = [noise.mixing(stage, 0, number) for number in range(options.critic_steps)]
        plain.step([first, *above], mixing)
        trainer.step(0)
        networks = (trainer.model.generator, trainer.model.critic)
        for ours, theirs in zip(networks, (plain.generator, plain.critic), strict=True):
            pairs = zip(ours.parameters(), theirs.parameters(), strict=True)
            same &= all(torch.allclose(a, b, RELATIVE, ABSOLUTE) for a, b in pairs)
    return same


def make_pyramid(picture: Tensor, options: TrainOptions) -> list[Tensor]:
    """The picture, (1, 3, H, W) in [-1, 1], at every stage's size."""
    size = fit(Size(*picture.shape[-2:]), options.max_size)
    return build_pyramid(resize(picture, size), Hooks(Generation()).stage_sizes(size, options))


TABLE_HEAD = f"{'stage':>5} {'size':>9} {'plain ms/step':>13} {'ours ms/step':>12} {'ratio':>6}"
TABLE_ROW = "{stage:>5} {size:>9} {plain_ms:13.1f} {ours_ms:12.1f} {ratio:6.2f}"


def time_stage(trainer: StageTrainer, plain: PlainLoop, repeats: int) -> dict[str, Any]:
    """Medians over `repeats` iterations of each side, in turns, after one of each to warm up."""
    times = []
    for step in range(repeats + 1):
        started = time.perf_counter()
        plain.random_step()
        middle = time.perf_counter()
        trainer.step(step)
        times.append((middle - started, time.perf_counter() - middle))
    plain_ms, ours_ms = (1000 * median(side) for side in zip(*times[1:], strict=True))
    return _figures(str(trainer.stage), str(plain.sizes[-1]), plain_ms, ours_ms)


def _figures(stage: str, size: str, plain_ms: float, ours_ms: float) -> dict[str, Any]:
    times = {"plain_ms": plain_ms, "ours_ms": ours_ms, "ratio": plain_ms / ours_ms}
    return {"stage": stage, "size": size, **times}


def _arguments(parser: argparse.ArgumentParser) -> argparse.Namespace:
    parser.add_argument("photo", nargs="?", type=Path, help="default: the drawn landscape")
    parser.add_argument("--max-size", type=int, default=250, help="longer side (%(default)s)")
    parser.add_argument("--train-stages", type=int, default=6, help="(%(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="timed turns (%(default)s)")
    parser.add_argument("--threads", type=int, help="for torch (as many as it chooses)")
    parser.add_argument("--stages", type=int, nargs="+", help="time only these, from 0 (all)")
    given = parser.parse_args()
    if given.repeats < 1 or (given.threads is not None and given.threads < 1):
        parser.error("--repeats and --threads must be at least 1")
    return given


def main() -> int:
    """Check the yardstick, time the stages, print the comparison."""
    parser = command_line(__doc__)
    given = _arguments(parser)
    sizing = {"max_size": given.max_size, "train_stages": given.train_stages}
    try:
        options = parse_options(TrainOptions, sizing)
        image = load_picture(given.photo).image if given.photo else EXAMPLES["landscape"]()
    except ConsinganError as error:
        parser.error(str(error))
    pyramid = make_pyramid(to_tensor(image), options)
    chosen = given.stages or range(len(pyramid))
    if not set(chosen) <= set(range(len(pyramid))):
        parser.error(f"--stages go from 0 to {len(pyramid) - 1}")
    if min(pyramid[0].shape[-2:]) < options.receptive_field:
        parser.error(f"the smallest stage is below the critic's {options.receptive_field} pixels")
    torch.set_num_threads(given.threads or torch.get_num_threads())
    if not same_training():
        print("the plain loop and the engine train differently: nothing timed", file=sys.stderr)
        return 1

    rows, table = [], sys.stderr if given.json else sys.stdout
    print(TABLE_HEAD, file=table)
    for trainer, plain in both_sides(pyramid, options, chosen):
        rows.append(time_stage(trainer, plain, given.repeats))
        print(TABLE_ROW.format(**rows[-1]), file=table, flush=True)
    plain_ms, ours_ms = (sum(row[side] for row in rows) for side in ("plain_ms", "ours_ms"))
    total = _figures("all" if len(rows) == len(pyramid) else "these", "", plain_ms, ours_ms)
    print(TABLE_ROW.format(**total), file=table)
    plain_minutes, ours_minutes = (ms * options.niter / 60_000 for ms in (plain_ms, ours_ms))
    summary = f"plain {plain_minutes:.1f} min, ours {ours_minutes:.1f} min"
    print(f"extrapolated to {options.niter} iterations a stage: {summary}", file=table)
    if given.json:
        facts = {"torch": torch.__version__, "threads": torch.get_num_threads()}
        facts |= {"repeats": given.repeats, "stages": rows, "total": total}
        minutes = {"niter": options.niter, "plain": plain_minutes, "ours": ours_minutes}
        print(json.dumps({**facts, "extrapolated_minutes": minutes}, indent=2))
    return 0


if __name__ == "__main__":
    run(main)
