"""Trains and makes the pictures of the README and of docs/; a few minutes on two cores.

    python docs/make_pictures.py [NAME ...]

NAME is one of the functions below; all by default. Everything is drawn or made by this project.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

import consingan
from consingan.core.outputs import save_image
from consingan.core.pictures import to_image
from consingan.core.sheets import Thumbnails
from consingan.examples import EXAMPLES

PICTURES = Path(__file__).parent / "pictures"
QUICK: dict[str, Any] = {
    "max_size": 48,
    "min_size": 16,
    "niter": 400,
    "train_stages": 4,
    "filters": 48,
}
"""Settings of the parameter comparisons: large enough to show the effect."""


def landscape() -> Image.Image:
    """The README's: the drawn landscape, reduced to 64 pixels, and samples of it."""
    sampler = _train(EXAMPLES["landscape"](), max_size=64, niter=500).sampler("cpu")
    sheet = Thumbnails()
    sheet.add("the picture", to_image(sampler.picture))
    for index in range(7):
        sheet.add(f"sample {index}", to_image(sampler.sample(index)))
    return sheet.sheet()


def lr_scale() -> Image.Image:
    """Samples of trainings that differ in --lr-scale."""
    return _compare("lr_scale", [0.02, 0.5])


def train_stages() -> Image.Image:
    """Samples of trainings that differ in --train-stages."""
    return _compare("train_stages", [2, 6])


def min_size() -> Image.Image:
    """Samples of trainings that differ in --min-size."""
    return _compare("min_size", [11, 25])


def _compare(option: str, values: Sequence[float]) -> Image.Image:
    sheet = Thumbnails()
    for value in values:
        picture = EXAMPLES["landscape"]()
        sampler = _train(picture, **{**QUICK, option: value}).sampler("cpu")
        for index in range(4):
            sheet.add(f"--{option.replace('_', '-')} {value}", to_image(sampler.sample(index)))
    return sheet.sheet()


def _train(picture: Image.Image, **options: Any) -> consingan.Run:
    return consingan.train(picture, out=tempfile.mkdtemp(), **options)


ALL: dict[str, Callable[[], Image.Image]] = {
    "landscape": landscape,
    "lr_scale": lr_scale,
    "train_stages": train_stages,
    "min_size": min_size,
}

if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    for name in sys.argv[1:] or ALL:
        save_image(PICTURES / f"{name}.png", ALL[name]())
        print(PICTURES / f"{name}.png")
