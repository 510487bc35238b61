"""Generator and critic together, with noise amplitudes and stage sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from consingan.core.networks.critic import Critic
from consingan.core.networks.generator import Generator
from consingan.core.networks.layers import initialize
from consingan.core.networks.noise import Noise
from consingan.core.networks.plan import Plan, plan
from consingan.core.networks.stage_sizes import normalized_stages
from consingan.core.networks.window import Window
from consingan.core.options.size import Size
from consingan.core.options.training import PaddingStyle, TrainOptions
from consingan.errors import RunError

GENERATOR, CRITIC, AMPLITUDE = "generator.", "critic.", "amplitude"


class Model:
    """Generator and critic of a run, with the stages that exist so far.

    `amplitudes[k]` is the noise amplitude at stage k. `sizes` has all stages that the run will
    have; the generator has the first `stages` of them.
    """

    def __init__(
        self,
        options: TrainOptions,
        padding: PaddingStyle,
        sizes: Sequence[Size],
        device: torch.device | str = "cpu",
    ) -> None:
        self.options = options
        self.sizes = list(sizes)
        self.normalized_stages = normalized_stages(sizes, options)
        self.amplitudes = [1.0]
        self.device = torch.device(device)
        self.dtype = torch.bfloat16 if options.precision == "bfloat16" else torch.float32
        """The precision that the networks compute in. Their weights are always float32."""
        self.generator = Generator(options, padding)
        self.critic = Critic(options)
        noise = Noise(options.seed)
        initialize(self.generator, options, noise.portable("weights", "generator"))
        initialize(self.critic, options, noise.portable("weights", "critic"))
        self._place()

    @property
    def stages(self) -> int:
        """How many stages the generator has."""
        return len(self.generator.body)

    def grow(self) -> None:
        """Add a stage. Its noise amplitude is 0 until it is set."""
        self.generator.grow(normalized=self.stages < self.normalized_stages)
        self.amplitudes.append(0.0)
        self._place()

    def plan(
        self,
        sizes: Sequence[Size] | None = None,
        window: Window | None = None,
        whole_stages: int = 0,
    ) -> Plan:
        """What the stages compute for a window of the picture; see `networks.plan.plan`.

        Args:
            sizes: the stages' sizes; by default the run's.
            window: the part of the picture; by default all of it.
            whole_stages: how many of the lowest stages compute all of their output.
        """
        sizes = self.sizes[: self.stages] if sizes is None else sizes
        return plan(sizes, self.options.layers, self.generator.padding, window, whole_stages)

    def generate(self, noise: Sequence[Tensor], plan: Plan) -> Tensor:
        """The planned window of the picture, (1, 3, h, w) in [-1, 1], from each stage's noise."""
        picture: Tensor = self.generator(self._computed_in(noise), self.amplitudes, plan)
        return picture

    def features(
        self,
        noise: Sequence[Tensor],
        plan: Plan,
        start: int = 0,
        stop: int | None = None,
        below: Tensor | None = None,
    ) -> Tensor:
        """See `Generator.features`."""
        noise = self._computed_in(noise)
        return self.generator.features(noise, self.amplitudes, plan, start, stop, below)

    def learning_groups(self) -> list[dict[str, Any]]:
        """The generator's parameters that learn, as optimizer groups with learning rates.

        The newest `train_depth` stages learn. The learning rate of each is `lr_scale` times that of
        the stage above it. The head learns together with stage 0, and the tail always learns. This
        call freezes all other parameters.
        """
        rate, scale = self.options.lr_generator, self.options.lr_scale
        newest, first = self.stages - 1, self.first_learning
        groups: list[dict[str, Any]] = [
            {"params": list(self.generator.body[stage].parameters()), "lr": rate * scale**age}
            for stage in range(first, self.stages)
            for age in [newest - stage]
        ]
        if first == 0:
            groups.append(
                {"params": list(self.generator.head.parameters()), "lr": rate * scale**newest}
            )
        groups.append({"params": list(self.generator.tail.parameters()), "lr": rate})
        self.generator.requires_grad_(False)
        for group in groups:
            for parameter in group["params"]:
                parameter.requires_grad_(True)
        return groups

    @property
    def first_learning(self) -> int:
        """The lowest stage that learns together with the newest."""
        return max(0, self.stages - self.options.train_depth)

    def stage_tensors(self) -> dict[str, Tensor]:
        """The tensors that training the newest stage added or changed, for its file; on the CPU."""
        parameters = self.generator.named_parameters()
        frozen = {GENERATOR + name for name, weight in parameters if not weight.requires_grad}
        return {name: t for name, t in self.all_tensors().items() if name not in frozen}

    def all_tensors(self) -> dict[str, Tensor]:
        """All tensors of the model, on the CPU, in the format of `load_stage`."""
        networks = ((GENERATOR, self.generator), (CRITIC, self.critic))
        tensors = {
            prefix + name: tensor
            for prefix, network in networks
            for name, tensor in network.state_dict().items()
        }
        tensors[AMPLITUDE] = torch.tensor(self.amplitudes[-1], dtype=torch.float64)
        return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}

    def load_stage(self, tensors: Mapping[str, Tensor]) -> None:
        """Load a stage file's tensors. Call `grow()` before for every stage but the first.

        Raises RunError if a name or a shape doesn't fit the run's options.
        """
        expected = {GENERATOR + name: t for name, t in self.generator.state_dict().items()}
        expected |= {CRITIC + name: t for name, t in self.critic.state_dict().items()}
        for name, tensor in tensors.items():
            if name == AMPLITUDE and tensor.numel() == 1:
                self.amplitudes[-1] = float(tensor)
            elif name in expected and expected[name].shape == tensor.shape:
                expected[name].copy_(tensor)
            else:
                raise RunError(f"tensor {name!r} {tuple(tensor.shape)} doesn't fit the run")
        newest = f"{GENERATOR}body.{self.stages - 1}."
        needed = {name for name in expected if name.startswith((newest, CRITIC))} | {AMPLITUDE}
        if missing := needed - tensors.keys():
            raise RunError(f"tensor {min(missing)!r} is missing")

    def _computed_in(self, noise: Sequence[Tensor]) -> list[Tensor]:
        return [level.to(self.dtype) for level in noise]

    def _place(self) -> None:
        for network in (self.generator, self.critic):
            network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # unknown to the stubs
