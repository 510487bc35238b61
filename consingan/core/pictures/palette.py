"""One palette for all frames of a clip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SAMPLES = 2**16
"""How many pixels the colours are chosen from at most."""


class Palette:
    """Turns RGB images into indices of the same colours, up to 256, with an ordered dither.

    A pixel's colour depends only on its value and place, so what stands still does not flicker; it
    would with error diffusion.
    """

    def __init__(self, frames: Sequence[Image.Image]) -> None:
        """Choose the colours from RGB images of any size, at least one."""
        random = np.random.default_rng(0)
        wanted = max(1, SAMPLES // len(frames))
        pixels = [np.asarray(frame.convert("RGB")).reshape(-1, 3) for frame in frames]
        samples = np.concatenate([random.permutation(each)[:wanted] for each in pixels])
        chosen = Image.fromarray(samples[None]).quantize(256, kmeans=100)  # after median cut
        colours = np.array(chosen.getpalette(), np.float32).reshape(-1, 3)
        self.colours = colours.astype(np.uint8).tobytes()
        """Red, green and blue of each index in turn, 0 to 255."""
        # The colour nearest to the centre of each cube of 4x4x4 RGB values: the argmin of
        # |colour|^2 / 2 - centre * colour. (Pillow takes the cubes' darkest corners: too dark.)
        axis = np.arange(64, dtype=np.float32) * 4 + 1.5
        green_blue = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
        distances = (colours**2).sum(axis=-1) / 2 - green_blue @ colours[:, 1:].T
        planes = [(distances - red * colours[:, 0]).argmin(axis=-1) for red in axis]
        self._nearest = np.stack(planes).astype(np.uint8)
        # Values rounded to steps of s have a root mean square error of s / sqrt(12), so this is
        # the step between colours; no dither where the palette has every colour of the frames.
        step = np.sqrt(12 * np.mean((colours[self._look_up(samples)] - samples) ** 2))
        self._dither = (step * _thresholds()).astype(np.float32)

    def __call__(self, image: Image.Image) -> NDArray[np.uint8]:
        """The index of each pixel's colour, (H, W)."""
        repeats = (-(-image.height // 8), -(-image.width // 8), 1)
        dither = np.tile(self._dither, repeats)[: image.height, : image.width]
        dithered = (np.asarray(image) + dither).round().clip(0, 255).astype(np.uint8)
        return self._look_up(dithered)

    def _look_up(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        red, green, blue = np.moveaxis(pixels >> 2, -1, 0)
        found: NDArray[np.uint8] = self._nearest[red, green, blue]
        return found


def _thresholds() -> Any:
    """Bayer's matrix (1973) for each of red, green and blue: (8, 8, 3) values, evenly in +-1/2."""
    matrix = np.zeros((1, 1))
    for _ in range(3):
        matrix = np.block([[4 * matrix, 4 * matrix + 2], [4 * matrix + 3, 4 * matrix + 1]])
    matrix = (matrix + 0.5) / 64 - 0.5
    # Mirrored, so that hues are dithered too, and the pattern is less visible than in greys.
    return np.stack([matrix, matrix[:, ::-1], matrix[::-1]], axis=-1)
