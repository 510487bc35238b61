"""Trains and makes the pictures of the READMEs and of docs/; an hour on two cores.

    python docs/make_pictures.py [NAME ...]

NAME is one of the functions below; all by default. Everything is drawn or made by this project.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

import consingan
from consingan import Size
from consingan.core.pictures.contact_sheet import Thumbnails
from consingan.core.pictures.resizing import resize
from consingan.core.pictures.tensors import to_image
from consingan.core.pictures.writing import save_image
from consingan.examples import EDITS, EXAMPLES

PICTURES = Path(__file__).parent / "pictures"
GAP, HEIGHT = 10, 200
"""Between pictures in a row, and how high they are at least, in pixels."""
TILES = ("tile-000", "preview-000")
"""The files that the mode `tile` makes of a sample: the tile, and the tile repeated."""
QUICK: dict[str, Any] = {
    "preset": "paper",
    "max_size": 48,
    "min_size": 16,
    "niter": 400,
    "train_stages": 4,
    "filters": 48,
}
"""Settings of the parameter comparisons: large enough to show the effect."""


def landscape() -> Image.Image:
    """The README's: the drawn landscape at 250 pixels, and samples of it."""
    sampler = _train(EXAMPLES["landscape"]()).sampler("cpu")
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


def tile() -> Image.Image:
    """The drawn stone wall, a tile of it, and the tile nine times."""
    run = _train(EXAMPLES["stone-wall"](), mode="tile", preset="draft", max_size=96)
    made = run.apply(tempfile.mkdtemp(), width=96, height=96)
    one, repeated = (Image.open(next(f for f in made if f.stem == n)) for n in TILES)
    return _beside(to_image(run.sampler("cpu").picture), one, repeated)


def paint() -> Image.Image:
    """The drawn landscape, a clip-art sketch, and the one's texture in the other's shapes."""
    run = _train(EXAMPLES["landscape"](), mode="paint", max_size=96)
    sketch = _sketch()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sketch.png"
        sketch.save(file)
        made = run.apply(tempfile.mkdtemp(), sketch=file, colours=8)
    picture = to_image(run.sampler("cpu").picture)
    return _beside(picture, sketch.resize(picture.size), Image.open(made[0]))


def superres() -> Image.Image:
    """The drawn stone wall at 80 pixels, four times enlarged: bicubic and learned."""
    run = _train(EXAMPLES["stone-wall"](), mode="superres", max_size=80)
    made = Image.open(run.apply(tempfile.mkdtemp(), factor=4)[0])
    bicubic = resize(run.sampler("cpu").picture, Size(made.height, made.width))
    return _beside(to_image(bicubic), made)


def inpaint() -> Image.Image:
    """The drawn landscape with a pasted object, and with the hole filled."""
    with tempfile.TemporaryDirectory() as folder:
        mask = Path(folder) / "mask.png"
        EDITS["landscape_naive_mask"]().save(mask)
        given = EDITS["landscape_naive"]()
        run = _train(given, mode="inpaint", mask=mask, margin=4, max_size=96)
    made = Image.open(run.apply(tempfile.mkdtemp())[0])
    return _beside(given.resize(made.size, Image.Resampling.LANCZOS), made)


def _sketch() -> Image.Image:
    """Flat mountains under a flat sky, as somebody would draw them with a mouse."""
    sketch = Image.new("RGB", (112, 75), (150, 180, 215))
    draw = ImageDraw.Draw(sketch)
    draw.ellipse((12, 6, 44, 18), (240, 240, 245))
    draw.ellipse((70, 12, 104, 22), (240, 240, 245))
    draw.polygon([(0, 52), (24, 20), (48, 52)], (130, 140, 150))
    draw.polygon([(40, 52), (70, 28), (100, 52)], (130, 140, 150))
    draw.rectangle((0, 50, 112, 75), (70, 95, 40))
    return sketch


def _beside(*images: Image.Image) -> Image.Image:
    """Pictures in a row, small ones enlarged by whole factors to about the tallest's height."""
    tallest = max(HEIGHT, *(image.height for image in images))
    factors = [max(1, tallest // image.height) for image in images]
    shown = [
        image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
        for image, factor in zip(images, factors, strict=True)
    ]
    size = sum(i.width + GAP for i in shown) - GAP, max(i.height for i in shown)
    row = Image.new("RGB", size, "white")
    left = 0
    for image in shown:
        row.paste(image, (left, 0))
        left += image.width + GAP
    return row


def _compare(option: str, values: Sequence[float]) -> Image.Image:
    sheet = Thumbnails()
    for value in values:
        picture = EXAMPLES["landscape"]()
        sampler = _train(picture, **{**QUICK, option: value}).sampler("cpu")
        for index in range(4):
            sheet.add(f"--{option.replace('_', '-')} {value}", to_image(sampler.sample(index)))
    return sheet.sheet()


def _train(picture: Image.Image, **options: Any) -> consingan.Run:
    return consingan.train(picture, runs=tempfile.mkdtemp(), **options)


PLUGINS = Path(__file__).parent.parent / "plugins"
ALL: dict[Path, Callable[[], Image.Image]] = {
    PICTURES / "landscape.png": landscape,
    PICTURES / "lr_scale.png": lr_scale,
    PICTURES / "train_stages.png": train_stages,
    PICTURES / "min_size.png": min_size,
    PLUGINS / "consingan-tile" / "example.png": tile,
    PLUGINS / "consingan-paint" / "example.png": paint,
    PLUGINS / "consingan-superres" / "example.png": superres,
    PLUGINS / "consingan-inpaint" / "example.png": inpaint,
}

if __name__ == "__main__":
    for file, make in ALL.items():
        if make.__name__ in (sys.argv[1:] or [make.__name__]):
            save_image(file, make())
            print(file)
