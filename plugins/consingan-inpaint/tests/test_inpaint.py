"""What is masked is never learned from, what isn't stays as it is, and the hole is filled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from consingan_inpaint.filling import COLOUR_TOLERANCE, in_known_colours
from consingan_inpaint.mode import Inpaint, InpaintTrain
from PIL import Image

from benchmarks.compare_inpaint import main
from consingan import Size, cli
from consingan.core.hooks.dispatch import Hooks
from consingan.core.networks.stage_sizes import logarithmic_sizes
from consingan.core.run import Run
from consingan.errors import PictureError
from consingan.testing import ModeTests, tiny_picture, train_tiny
from consingan.testing.trainings import weights

HOLE = (slice(4, 12), slice(18, 27))
"""Rows and columns of the object in a tiny picture of 20 x 30."""


def _mask(height: int = 20, width: int = 30) -> Image.Image:
    mask = np.zeros((20, 30), np.uint8)
    mask[HOLE] = 255
    return Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST)


class TestInpaint(ModeTests):
    mode = Inpaint

    def train_options(self, folder: Path) -> dict[str, Any]:
        _mask().save(folder / "mask.png")
        return {"mask": folder / "mask.png", "margin": 0, "layers": 1}

    def apply_options(self, folder: Path) -> dict[str, Any]:
        return {"num_samples": 2}


def _train(folder: Path, picture: Image.Image, **options: Any) -> Run:
    file = folder / "mask.png"
    if not file.exists():
        _mask(picture.height, picture.width).save(file)
    given = {"max_size": 60, "layers": 1, "mask": file, "margin": 0, **options}
    return train_tiny(Inpaint, folder / "runs", given, picture=picture)


def _with_object(picture: Image.Image, colour: tuple[int, int, int]) -> Image.Image:
    pixels = np.asarray(picture).copy()
    scale = picture.width // 30
    rows, columns = (slice(side.start * scale, side.stop * scale) for side in HOLE)
    pixels[rows, columns] = colour
    return Image.fromarray(pixels)


@pytest.mark.parametrize(
    "options",
    [{}, {"window": 33}, {"max_size": 37}, {"max_size": 37, "window": 33}],
    ids=["whole", "windows", "reduced", "reduced windows"],
)
def test_what_is_masked_makes_no_difference(tmp_path: Path, options: dict[str, Any]) -> None:
    """Not to one bit of a weight or of a picture, whatever the object looks like."""
    made = []
    for name, colour in (("red", (255, 0, 0)), ("black", (0, 0, 0))):
        folder = tmp_path / name
        folder.mkdir()
        run = _train(folder, _with_object(tiny_picture(40, 60), colour), **options)
        [file, _] = run.apply(folder / "made", "cpu")
        made.append((weights(run), (run.path / "picture.png").read_bytes(), file.read_bytes()))
    assert made[0] == made[1]


def test_what_is_not_masked_stays_bit_for_bit(tmp_path: Path) -> None:
    picture = tiny_picture()
    run = _train(tmp_path, picture)
    [first, second, _] = run.apply(tmp_path / "made", "cpu", num_samples=2)
    pixels = [np.asarray(Image.open(file)) for file in (first, second)]
    known = np.asarray(_mask()) == 0
    assert all((made[known] == np.asarray(picture)[known]).all() for made in pixels)
    assert (pixels[0][~known] != pixels[1][~known]).any()


def test_the_margin_goes_with_the_object(tmp_path: Path) -> None:
    picture = tiny_picture(40, 60)
    run = _train(tmp_path, picture, margin=3)
    [file, _] = run.apply(tmp_path / "made", "cpu")
    changed = (np.asarray(Image.open(file)) != np.asarray(picture)).any(-1)
    rows, columns = np.nonzero(changed)
    assert (rows.min(), rows.max()) == (8 - 3, 23 + 3)
    assert (columns.min(), columns.max()) == (36 - 3, 53 + 3)


def test_the_hole_is_filled_with_what_is_around_it(tmp_path: Path) -> None:
    """Grey grain: not the green object, not a flat patch, and no seam."""
    grain = np.random.default_rng(0).normal(128, 25, (40, 60, 1)).clip(0, 255).astype(np.uint8)
    picture = _with_object(Image.fromarray(np.repeat(grain, 3, axis=2)), (0, 255, 0))
    run = _train(tmp_path, picture, niter=60, filters=16, lr_generator=2e-3)
    [file, _] = run.apply(tmp_path / "made", "cpu")
    hole = np.asarray(Image.open(file)).astype(float)[8:24, 36:54]
    assert np.abs(hole.mean((0, 1)) - 128).max() < 30
    assert hole.std((0, 1)).min() > 5


def test_stages_are_left_out_that_the_object_takes_up(tmp_path: Path) -> None:
    size = Size(160, 160)
    sizes = {}
    for side in (3, 60, 160):
        mask = np.zeros(size, np.uint8)
        mask[80 - side // 2 : 80 + (side + 1) // 2, 80 - side // 2 : 80 + (side + 1) // 2] = 255
        Image.fromarray(mask).save(tmp_path / f"{side}.png")
        options = InpaintTrain(mask=tmp_path / f"{side}.png")
        sizes[side] = Hooks(Inpaint()).stage_sizes(size, options)
    assert sizes[3] == logarithmic_sizes(size, 6, 25)
    assert sizes[60] == sizes[3][2:]
    assert sizes[160] == [size]


def test_masks_that_cannot_be_used_are_said(tmp_path: Path) -> None:
    for value, words in ((0, "marks nothing"), (255, "leaves no 7x7 pixels")):
        Image.new("L", (30, 20), value).save(tmp_path / "mask.png")
        with pytest.raises(PictureError, match=words):
            _train(tmp_path, tiny_picture())
    assert not (tmp_path / "runs").exists()


def test_the_command_line_removes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_picture().save("photo.png")
    _mask().save("mask.png")
    tiny = ["--max-size=30", "--min-size=15", "--train-stages=2", "--niter=2", "--filters=4"]
    assert cli.run(["inpaint", "plan", "photo.png", "--mask=mask.png", *tiny]) == 0
    assert cli.run(["inpaint", "train", "photo.png", "--mask=mask.png", *tiny]) == 0
    assert cli.run(["inpaint", "train", "photo.png", "--mask=none.png", *tiny]) == 2
    assert "does not exist" in capsys.readouterr().err
    Path("mask.png").unlink()  # the run has its own
    assert cli.run(["inpaint", "apply", "latest", "--num-samples=2", "--out=new"]) == 0
    assert len(list(Path("new").glob("filled-*.png"))) == 2


def test_a_damaged_mask_is_said(tmp_path: Path) -> None:
    run = _train(tmp_path, tiny_picture())
    Image.new("L", (30, 20), 255).save(run.path / "known.png")
    with pytest.raises(Exception, match=r"known.png.* is damaged"):
        run.sampler("cpu")


def test_the_comparison_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny_picture(40, 60).save(tmp_path / "photo.png")
    options = ["--max-size=48", "--json", "--set", "niter=2", "filters=4", "train_stages=2"]
    assert main([str(tmp_path / "photo.png"), *options]) == 0
    means = json.loads(capsys.readouterr().out)["means"]
    assert {"smooth", "inpaint"} <= means.keys()
    assert all(row["PSNR"] > 5 for row in means.values())


def test_a_filling_has_the_colours_of_the_picture() -> None:
    """Ones that it has nearly stay as they are, and smooth transitions with them."""
    picture = torch.zeros(1, 3, 6, 8)
    picture[..., 4:] = 0.5
    known = torch.ones(1, 1, 6, 8)
    known[..., 2:4, 3:5] = 0
    made = picture.clone()
    made[0, :, 2, 3] = torch.tensor([0.02, 0.0, -0.02])
    made[0, :, 3, 4] = torch.tensor([0.5, 1.0, 0.5])
    result = in_known_colours(made, picture, known)
    assert result[0, :, 2, 3].tolist() == pytest.approx([0.02, 0.0, -0.02])
    assert result[0, :, 3, 4].tolist() == pytest.approx(
        [0.5, 0.5 + COLOUR_TOLERANCE, 0.5], abs=1e-6
    )
    assert result[known.expand_as(made) > 0].equal(made[known.expand_as(made) > 0])
