"""Seeded noise: every random number has an address, so that none needs to be stored.

A draw depends on the run's seed and on where it is used (stage, step, sample, level), and on
nothing drawn before it. That is what makes resuming exact and sample 7 the same picture whether 10
or 50 are asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from consingan.errors import RunError


def address_seed(seed: int, *address: int | str) -> int:
    """A 63-bit seed for one address below `seed`."""
    text = "/".join(map(str, (seed, *address)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


class Noise:
    """The random numbers of one run.

    What training uses up is drawn on `device`; what must be the same everywhere (the fixed noise,
    the noise of samples) is drawn on the CPU and moved. Noise is N(0, 1), float32, (N, C, H, W).
    """

    def __init__(self, seed: int, device: torch.device | str = "cpu") -> None:
        self.seed = seed
        self.device = torch.device(device)
        self._training = torch.Generator(self.device)
        self._portable = torch.Generator("cpu")

    def training(self, *address: int | str) -> torch.Generator:
        """The device's generator, set to an address; valid until the next call."""
        return self._training.manual_seed(address_seed(self.seed, "train", *address))

    def portable(self, *address: int | str) -> torch.Generator:
        """The CPU's generator, set to an address; valid until the next call."""
        return self._portable.manual_seed(address_seed(self.seed, *address))

    def fresh(self, shape: Sequence[int], stage: int, step: int, level: int) -> Tensor:
        """The noise that enters at `level` in one training step of `stage`."""
        return self._normal(shape, self.training(stage, step, level))

    def mixing(self, stage: int, step: int, critic_step: int) -> Tensor:
        """The gradient penalty's mixing number, (1, 1, 1, 1), uniform in [0, 1)."""
        generator = self.training(stage, step, "mixing", critic_step)
        return torch.rand((1, 1, 1, 1), generator=generator, device=self.device)

    def fixed(self, shape: Sequence[int], level: int) -> Tensor:
        """The noise at `level` that stands for the picture itself."""
        return self._normal(shape, self.portable("fixed", level))

    def sample(self, shape: Sequence[int], index: int, level: int) -> Tensor:
        """The noise at `level` of sample number `index`."""
        return self._normal(shape, self.portable("sample", index, level))

    def _normal(self, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        # Drawn in the order of channels-last memory, which the networks compute in.
        count, channels, height, width = shape
        order = (count, height, width, channels)
        noise = torch.randn(order, generator=generator, device=generator.device)
        return noise.permute(0, 3, 1, 2).to(self.device)


class StoredNoise(Noise):
    """Noise whose fixed part is kept by value: no seed of ours gives an imported run's.

    `levels` holds it by the number of its stage, from "0", the fixed stage-0 input, on.
    """

    def __init__(
        self, seed: int, levels: Mapping[str, Tensor], device: torch.device | str = "cpu"
    ) -> None:
        super().__init__(seed, device)
        self._levels = {name: level.to(self.device) for name, level in levels.items()}

    def fixed(self, shape: Sequence[int], level: int) -> Tensor:
        """The stored tensor. Raises RunError if there is none of that shape."""
        stored = self._levels.get(str(level))
        if stored is None or tuple(stored.shape) != tuple(shape):
            raise RunError(f"the run's fixed noise has no stage {level} of shape {tuple(shape)}")
        return stored
