"""Tiles wrap exactly, whatever their size, and their seams look like any other place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from consingan_tile.mode import Axes, Tile
from consingan_tile.seam import seam
from consingan_tile.torus import periodic_sample, periodic_window, sides
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from consingan import Size, cli, resize
from consingan.core.metrics.pixels import rmse
from consingan.core.networks.window import Span, Window, whole
from consingan.core.sampling import sampler as sampler_module
from consingan.core.sampling.sampler import Sampler
from consingan.testing import ModeTests, tiny_picture, train_tiny

EXACT = 1e-3
"""Positions of enlargement are float32: a quarter of what changes an eight-bit pixel."""


class TestTile(ModeTests):
    mode = Tile

    def apply_options(self, folder: Path) -> dict[str, Any]:
        return {"num_samples": 2}


@pytest.fixture(scope="module")
def sampler(tmp_path_factory: pytest.TempPathFactory) -> Sampler:
    """Of a run that learned enough to be lively."""
    run = train_tiny(Tile, tmp_path_factory.mktemp("runs"), {"niter": 40, "layers": 2})
    return run.sampler("cpu")


@given(height=st.integers(1, 70), width=st.integers(1, 70), index=st.integers(0, 3))
@settings(max_examples=25, deadline=None)
def test_the_result_is_periodic_out_of_reach_of_the_borders(
    sampler: Sampler, height: int, width: int, index: int
) -> None:
    rows, columns = sides(sampler, Size(height, width), "both")
    inner = Window(
        Span(rows.start, rows.lengths[-1] - rows.start),
        Span(columns.start, columns.lengths[-1] - columns.start),
    )
    assert inner.rows.length > height
    assert inner.columns.length > width
    made = periodic_window(sampler, rows, columns, inner, index, 0)
    assert (made[..., height:, :] - made[..., :-height, :]).abs().max() < EXACT
    assert (made[..., width:] - made[..., :-width]).abs().max() < EXACT
    tile = periodic_sample(sampler, Size(height, width), "both", index)
    assert (tile - made[..., :height, :width]).abs().max() < EXACT


def test_the_borders_have_an_effect_that_the_margin_is_there_for(sampler: Sampler) -> None:
    rows, columns = sides(sampler, Size(30, 30), "both")
    everything = whole(Size(rows.lengths[-1], columns.lengths[-1]))
    made = periodic_window(sampler, rows, columns, everything, 0, 0)
    assert (made[..., 30:31, :] - made[..., 0:1, :]).abs().max() > 10 * EXACT


def test_large_tiles_are_computed_in_parts_to_the_same_pixels(sampler: Sampler) -> None:
    at_once = periodic_sample(sampler, Size(50, 70), "x", 3)
    side, sampler.tile = sampler.tile, 32
    try:
        in_parts = periodic_sample(sampler, Size(50, 70), "x", 3)
    finally:
        sampler.tile = side
    assert (at_once - in_parts).abs().max() < EXACT


@pytest.mark.parametrize("axes", ["both", "x", "y"])
def test_a_larger_tile_is_the_same_tile_and_wraps(
    sampler: Sampler, axes: Axes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampler_module, "FINE", 15)  # the last two of three stages make texture
    size = Size(24, 33)
    made = periodic_sample(sampler, size, axes, 3, enlarge=2.5)
    assert made.shape == (1, 3, 60, 82)
    rows, columns = sides(sampler, size, axes, 2.5)
    inner = Window(*(Span(side.start, side.lengths[-1] - side.start) for side in (rows, columns)))
    around = periodic_window(sampler, rows, columns, inner, 3, 0)
    assert around.shape[2:] == (60 + (axes != "x"), 82 + (axes != "y"))
    assert (around[..., 60:, :] - around[..., : around.shape[2] - 60, :]).abs().sum() < EXACT
    assert (around[..., 82:] - around[..., : around.shape[3] - 82]).abs().sum() < EXACT
    reduced = resize(made, size)
    others = [rmse(reduced, periodic_sample(sampler, size, axes, index)) for index in range(6)]
    assert min(range(6), key=lambda index: others[index]) == 3


def test_tiles_are_lively_and_differ(sampler: Sampler) -> None:
    one, other = (periodic_sample(sampler, Size(20, 30), "both", index) for index in range(2))
    assert one.std() > 0.05
    assert (one - other).abs().max() > 0.05


@pytest.mark.parametrize("axes", ["both", "x", "y"])
def test_the_seam_is_as_any_other_place_on_the_axes_asked_for(sampler: Sampler, axes: Axes) -> None:
    tiles = [periodic_sample(sampler, Size(48, 40), axes, index) for index in range(24)]
    assert tiles[0].shape == (1, 3, 48, 40)
    for axis in "xy":
        mean = sum(seam(tile, axis) for tile in tiles) / len(tiles)
        if axes in ("both", axis):
            assert mean == pytest.approx(1, abs=0.1)
        else:
            assert mean > 1.2


def test_the_seam_of_a_picture_that_does_not_continue() -> None:
    ramp = torch.linspace(-1, 1, 11).expand(1, 3, 11, 11)
    assert seam(ramp, "x") == pytest.approx(10)
    assert seam(ramp.mT, "y") == pytest.approx(10)
    assert seam(ramp, "y") == 1.0


def test_the_command_line_makes_tiles_and_previews_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_picture().save("photo.png")
    tiny = ["--max-size=24", "--min-size=12", "--train-stages=2", "--niter=2", "--filters=4"]
    assert cli.run(["tile", "train", "photo.png", *tiny]) == 0
    size = ["--width=37", "--height=21", "--axes=x", "--index=0"]
    assert cli.run(["tile", "apply", "latest", *size, "--out=new"]) == 0
    sizes = {}
    for file in Path("new").glob("*.png"):
        with Image.open(file) as image:
            sizes[file.stem] = image.size
    assert sizes["tile-000"] == (37, 21)
    assert sizes["preview-000"] == (3 * 37, 21)
    assert json.loads(Path("new/seams.json").read_text())["tile-000"].keys() == {"x"}
