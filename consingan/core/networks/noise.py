"""Seeded noise: every random number has an address, so that none needs to be stored.

A draw depends on the run's seed and on where it is used (stage, step, sample, level), and on
nothing drawn before it. That is what makes resuming exact and sample 7 the same picture whether 10
or 50 are asked for. Noise that belongs to a picture is addressed by pixel as well, tile by tile: a
window's noise is the whole picture's, cut, and the whole need never exist.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial

import torch
from torch import Tensor

from consingan.core.networks.window import Window
from consingan.errors import RunError

TILE = 32
"""Side, in pixels, of the squares that noise is drawn in."""
CACHED_TILES = 256
"""How many squares of the fixed noise are kept: 67 MB at 64 channels."""


def address_seed(seed: int, *address: int | str) -> int:
    """A 63-bit seed for one address below `seed`."""
    text = "/".join(map(str, (seed, *address)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


class Noise:
    """The random numbers of one run.

    What training uses up is drawn on `device`; what must be the same everywhere (the fixed noise,
    the noise of samples) is drawn on the CPU and moved. Noise is N(0, 1), float32, (N, C, H, W),
    in channels-last memory.
    """

    def __init__(self, seed: int, device: torch.device | str = "cpu") -> None:
        self.seed = seed
        self.device = torch.device(device)
        self._training = torch.Generator(self.device)
        self._portable = torch.Generator("cpu")
        self._fixed_tile = lru_cache(CACHED_TILES)(partial(self._tile, "fixed"))

    def training(self, *address: int | str) -> torch.Generator:
        """The device's generator, set to an address; valid until the next call."""
        return self._training.manual_seed(address_seed(self.seed, "train", *address))

    def portable(self, *address: int | str) -> torch.Generator:
        """The CPU's generator, set to an address; valid until the next call."""
        return self._portable.manual_seed(address_seed(self.seed, *address))

    def fresh(self, shape: Sequence[int], stage: int, step: int, level: int) -> Tensor:
        """The noise of `shape` that enters at `level` in one training step of `stage`."""
        count, channels, height, width = shape
        # Drawn in the order of channels-last memory, which the networks compute in.
        order = (count, height, width, channels)
        generator = self.training(stage, step, level)
        noise = torch.randn(order, generator=generator, device=generator.device)
        return noise.permute(0, 3, 1, 2)

    def mixing(self, stage: int, step: int, critic_step: int) -> Tensor:
        """The gradient penalty's mixing number, (1, 1, 1, 1), uniform in [0, 1)."""
        generator = self.training(stage, step, "mixing", critic_step)
        return torch.rand((1, 1, 1, 1), generator=generator, device=self.device)

    def directions(self, stage: int, step: int) -> Tensor:
        """Three directions in the space of colours, (3, 3): of length 1, at right angles."""
        generator = self.training(stage, step, "directions")
        first, other = torch.randn((2, 3), generator=generator, device=self.device)
        first = torch.nn.functional.normalize(first, dim=0)
        second = torch.nn.functional.normalize(torch.linalg.cross(first, other), dim=0)
        return torch.stack([first, second, torch.linalg.cross(first, second)])

    def fixed(self, level: int, channels: int, window: Window) -> Tensor:
        """A window of the noise at `level` that stands for the picture itself."""
        return self._window(partial(self._fixed_tile, level), channels, window)

    def sample(self, index: int, level: int, channels: int, window: Window) -> Tensor:
        """A window of the noise at `level` of sample number `index`."""
        return self._window(partial(self._tile, "sample", index, level), channels, window)

    def _window(self, tile: Callable[[int, int, int], Tensor], channels: int, at: Window) -> Tensor:
        noise = torch.empty(at.rows.length, at.columns.length, channels)
        for row in range(at.rows.start // TILE, -(-at.rows.stop // TILE)):
            top, bottom = max(at.rows.start, row * TILE), min(at.rows.stop, (row + 1) * TILE)
            for column in range(at.columns.start // TILE, -(-at.columns.stop // TILE)):
                left = max(at.columns.start, column * TILE)
                right = min(at.columns.stop, (column + 1) * TILE)
                drawn = tile(channels, row, column)[
                    top - row * TILE : bottom - row * TILE,
                    left - column * TILE : right - column * TILE,
                ]
                noise[
                    top - at.rows.start : bottom - at.rows.start,
                    left - at.columns.start : right - at.columns.start,
                ] = drawn
        return noise.permute(2, 0, 1)[None].to(self.device)

    def _tile(self, *address: int | str) -> Tensor:
        """One square, (TILE, TILE, channels); the address ends in channels, row and column."""
        channels = int(address[-3])
        return torch.randn((TILE, TILE, channels), generator=self.portable(*address))


class StoredNoise(Noise):
    """Noise whose fixed part is kept by value: no seed of ours gives an imported run's.

    `levels` holds it by the number of its stage, from "0", the fixed stage-0 input, on.
    """

    def __init__(
        self, seed: int, levels: Mapping[str, Tensor], device: torch.device | str = "cpu"
    ) -> None:
        super().__init__(seed, device)
        self._levels = {name: level.to(self.device) for name, level in levels.items()}

    def fixed(self, level: int, channels: int, window: Window) -> Tensor:
        """A window of the stored tensor. Raises RunError if it isn't there or doesn't reach."""
        stored = self._levels.get(str(level))
        height, width = window.rows.stop, window.columns.stop
        if stored is None or not (
            stored.shape[1] == channels and stored.shape[2] >= height and stored.shape[3] >= width
        ):
            size = f"{width}x{height}"
            raise RunError(
                f"the fixed noise has no stage {level} of {channels} channels and {size}"
            )
        return window.cut(stored)
