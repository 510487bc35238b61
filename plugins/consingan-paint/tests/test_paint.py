"""Palettes, sketches, the stage where they enter, and what comes out."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from consingan_paint.mode import Paint, PaintTrain
from consingan_paint.palette import in_colours, palette
from consingan_paint.sketches import plain_sketch, random_sketch
from PIL import Image
from torch import Tensor

from consingan import Size, cli
from consingan.core.hooks.dispatch import Hooks
from consingan.core.networks.stage_sizes import logarithmic_sizes
from consingan.core.pictures.tensors import to_tensor
from consingan.testing import ModeTests, tiny_picture, train_tiny


class TestPaint(ModeTests):
    mode = Paint

    def apply_options(self, folder: Path) -> dict[str, Any]:
        tiny_picture(10, 15).save(folder / "sketch.png")
        return {"sketch": folder / "sketch.png", "colours": 4, "num_samples": 2}


def _colours(picture: Tensor) -> Tensor:
    return picture[0].flatten(1).T.unique(dim=0)


def _dots(height: int = 32, width: int = 48) -> Image.Image:
    """Dark red grain on the left, light blue grain on the right."""
    random = np.random.default_rng(0)
    left = np.arange(width)[None, :, None] < width // 2
    pixels = np.where(left, [140, 30, 30], [120, 160, 230]) + random.normal(
        0, 18, (height, width, 3)
    )
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def test_the_palette_of_a_few_flat_colours_is_those_colours() -> None:
    flat = torch.tensor([[-1.0, 0.5, 0.2], [0.9, -0.3, 0.0], [0.1, 0.1, 0.8]])
    labels = torch.arange(20 * 30).reshape(20, 30) % 7 % 3
    picture = flat[labels].permute(2, 0, 1)[None]
    found = palette(picture, 3)
    assert torch.cdist(flat, found).amin(dim=1).max() < 1e-5
    assert palette(picture, 5).isfinite().all()
    assert torch.allclose(in_colours(picture, found), picture, atol=1e-5)


def test_more_colours_are_closer_to_the_picture() -> None:
    picture = to_tensor(tiny_picture(40, 60))
    errors = [
        float((in_colours(picture, palette(picture, count)) - picture).square().mean())
        for count in (1, 2, 4, 16)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] == pytest.approx(float(picture.var(dim=(2, 3), correction=0).mean()), rel=0.01)


def test_sketches_are_flat_and_each_is_another() -> None:
    picture = to_tensor(tiny_picture(40, 60))
    generator = torch.Generator().manual_seed(0)
    sketches = [random_sketch(picture, generator) for _ in range(6)]
    assert all(2 <= len(_colours(sketch)) <= 8 for sketch in sketches)
    assert all(sketch.abs().max() <= 1 for sketch in sketches)
    assert all(not one.equal(other) for one, other in pairwise(sketches))
    generator.manual_seed(0)
    assert random_sketch(picture, generator).equal(sketches[0])
    assert len(_colours(plain_sketch(picture))) <= 6


@pytest.mark.parametrize(("start", "left_out"), [(0, 0), (2, 2), (5, 5), (9, 5)])
def test_a_sketch_enters_at_the_chosen_stage(start: int, left_out: int) -> None:
    size = Size(180, 250)
    sizes = Hooks(Paint()).stage_sizes(size, PaintTrain(start_stage=start))
    assert sizes == logarithmic_sizes(size, 6, 25)[left_out:]


def test_a_sketch_comes_out_in_the_pictures_colours_where_it_has_them(tmp_path: Path) -> None:
    options = {"max_size": 48, "niter": 30, "filters": 16, "start_stage": 1, "lr_generator": 2e-3}
    run = train_tiny(Paint, tmp_path / "runs", options, picture=_dots())
    upper = np.arange(32)[:, None, None] < 16
    flat = np.where(upper, [150, 20, 20], [110, 170, 255])  # its halves lie otherwise
    sketch = tmp_path / "sketch.png"
    Image.fromarray(np.broadcast_to(flat, (32, 48, 3)).astype(np.uint8)).save(sketch)
    [file, _] = run.apply(tmp_path / "out", "cpu", sketch=sketch, colours=2)
    with Image.open(file) as image:
        made = np.asarray(image).astype(float)
    above, below = made[3:13, 3:-3], made[19:29, 3:-3]
    assert np.abs(above.mean((0, 1)) - [140, 30, 30]).max() < 45
    assert np.abs(below.mean((0, 1)) - [120, 160, 230]).max() < 45
    assert above.std((0, 1)).mean() > 1  # grain, which the sketch has none of


def test_the_command_line_paints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_picture().save("photo.png")
    tiny_picture(50, 100).save("sketch.png")
    tiny = ["--max-size=24", "--min-size=12", "--train-stages=3", "--niter=2", "--filters=4"]
    assert cli.run(["paint", "train", "photo.png", *tiny, "--start-stage=1"]) == 0
    assert "--sketch SKETCH" in capsys.readouterr().out
    assert cli.run(["paint", "apply", "latest", "--sketch", "none.png"]) == 2
    assert "does not exist" in capsys.readouterr().err
    assert cli.run(["paint", "apply", "latest", "--sketch", "sketch.png", "--out", "new"]) == 0
    with Image.open("new/painted.png") as image:
        assert image.size == (24, 12)
