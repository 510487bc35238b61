"""Seeded noise that can be drawn in any order, so that it needs no storage.

Each draw has an address: where it is used, such as stage, step and level. It depends on the seed
and the address only, not on earlier draws. So a resumed training continues exactly, and sample 7
is the same picture whether 10 or 50 are made. A picture's noise is drawn in squares that have
addresses too. So a window's noise is the same as in the whole picture, which need not be drawn.
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
"""Side, in pixels, of the squares that a picture's noise is drawn in."""
CACHED_TILES = 256
"""How many squares of the fixed noise are cached: 67 MB at 64 channels."""


def address_seed(seed: int, *address: int | str) -> int:
    """A 63-bit seed made from `seed` and an address."""
    text = "/".join(map(str, (seed, *address)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


class Noise:
    """The random numbers of one run.

    Training's own noise is drawn on `device`. The fixed noise and the noise of samples must be the
    same on every device, so they are drawn on the CPU and moved. Noise is N(0, 1), float32,
    (N, C, H, W), in channels-last memory.
    """

    def __init__(self, seed: int, device: torch.device | str = "cpu") -> None:
        self.seed = seed
        self.device = torch.device(device)
        self._training = torch.Generator(self.device)
        self._portable = torch.Generator("cpu")
        self._fixed_tile = lru_cache(CACHED_TILES)(partial(self._tile, "fixed"))

    def training(self, *address: int | str) -> torch.Generator:
        """The device's generator, seeded for an address. Use it before the next call."""
        return self._training.manual_seed(address_seed(self.seed, "train", *address))

    def portable(self, *address: int | str) -> torch.Generator:
        """The CPU's generator, seeded for an address. Use it before the next call."""
        return self._portable.manual_seed(address_seed(self.seed, *address))

    def fresh(self, shape: Sequence[int], stage: int, step: int, level: int) -> Tensor:
        """The noise that enters at stage `level` in one training step of `stage`."""
        count, channels, height, width = shape
        # Drawn in the order of channels-last memory, which the networks compute in.
        order = (count, height, width, channels)
        generator = self.training(stage, step, level)
        noise = torch.randn(order, generator=generator, device=generator.device)
        return noise.permute(0, 3, 1, 2)

    def mixing(self, stage: int, step: int, critic_step: int) -> Tensor:
        """The real picture's share in the gradient penalty's mixture, uniform in [0, 1).

        Its shape is (1, 1, 1, 1).
        """
        generator = self.training(stage, step, "mixing", critic_step)
        return torch.rand((1, 1, 1, 1), generator=generator, device=self.device)

    def directions(self, stage: int, step: int) -> Tensor:
        """Three random orthonormal directions in colour space, (3, 3), for the color loss."""
        generator = self.training(stage, step, "directions")
        first, other = torch.randn((2, 3), generator=generator, device=self.device)
        first = torch.nn.functional.normalize(first, dim=0)
        second = torch.nn.functional.normalize(torch.linalg.cross(first, other), dim=0)
        return torch.stack([first, second, torch.linalg.cross(first, second)])

    def fixed(self, level: int, channels: int, window: Window) -> Tensor:
        """A window of the fixed noise at stage `level`, from which the picture is reconstructed."""
        return self._window(partial(self._fixed_tile, level), channels, window)

    def sample(self, index: int, level: int, channels: int, window: Window) -> Tensor:
        """A window of the noise of sample `index` at stage `level`."""
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
        """One square of noise, (TILE, TILE, C). The address ends in channels, row and column."""
        channels = int(address[-3])
        return torch.randn((TILE, TILE, channels), generator=self.portable(*address))


class StoredNoise(Noise):
    """Noise whose fixed part is stored, as an imported run's cannot be drawn from a seed.

    `levels` has the fixed noise by stage number; "0" is the fixed input of stage 0.
    """

    def __init__(
        self, seed: int, levels: Mapping[str, Tensor], device: torch.device | str = "cpu"
    ) -> None:
        super().__init__(seed, device)
        self._levels = {name: level.to(self.device) for name, level in levels.items()}

    def fixed(self, level: int, channels: int, window: Window) -> Tensor:
        """A window of the stored tensor. Raises RunError if it is missing or too small."""
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
