"""Large pictures are made in parts, and come out the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import consingan
from consingan import Run, Size
from consingan.core.pictures.png import write_png
from consingan.errors import OptionError
from tests.conftest import TINY, tiny_image

Trained = Callable[..., Run]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A finished run of a mode, in float32."""
    out = tmp_path_factory.mktemp("runs")
    return lambda mode, **options: consingan.train(
        tiny_image(), mode, preset="paper", runs=out, **{**TINY, **options}
    )


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize(
    "mode", ["generation", "retarget", "animation", "harmonization", "editing"]
)
def test_tiles_equal_the_untiled_picture(trained: Trained, mode: str, batch_norm: bool) -> None:
    sampler = trained(mode, batch_norm=batch_norm).sampler("cpu")
    # What statistics are rounded by, the layers above make more of.
    tolerance = 1e-4 if batch_norm else 1e-5
    size = Size(150, 90)
    naive = torch.rand(1, 3, 80, 97) * 2 - 1
    whole_tile = 1000
    for make in (
        sampler.reconstruction,
        lambda: sampler.sample(3, size=size),
        lambda: sampler.repaint(naive),
    ):
        sampler.tile = whole_tile
        expected = make()
        told: list[tuple[int, int]] = []
        sampler.tile, sampler.on_tile = 13, partial(_tell, told)
        torch.testing.assert_close(make(), expected, rtol=0, atol=tolerance)
        assert told == [(k + 1, len(told)) for k in range(len(told))]
        assert told


def test_batch_norm_below_windows(tmp_path: Path) -> None:
    options = {**TINY, "batch_norm": True, "max_size": 60, "window": 33}
    run = consingan.train(tiny_image(40, 60), preset="paper", runs=tmp_path, **options)
    sampler = run.sampler("cpu")
    names = list(sampler.model.generator.state_dict())
    assert {name.partition(".block")[0] for name in names if "norm" in name} == {
        "head.norm.weight",
        "head.norm.bias",
        "body.0",
        "body.1",
    }
    expected = sampler.sample(0, size=Size(70, 90))
    sampler.tile = 30
    torch.testing.assert_close(sampler.sample(0, size=Size(70, 90)), expected, rtol=0, atol=1e-4)


def _tell(told: list[tuple[int, int]], done: int, count: int) -> None:
    told.append((done, count))


@given(height=st.integers(1, 40), width=st.integers(1, 30), cut=st.integers(1, 12))
def test_a_png_in_bands_is_the_picture(height: int, width: int, cut: int) -> None:
    pixels = np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = BytesIO()
    write_png(file, Size(height, width), (pixels[k : k + cut] for k in range(0, height, cut)))
    image = Image.open(file)
    assert image.mode == "RGB"
    assert np.array_equal(np.asarray(image), pixels)


def test_a_png_of_too_few_rows_is_an_error() -> None:
    with pytest.raises(ValueError, match="3 rows, not 4"):
        write_png(BytesIO(), Size(4, 2), [np.zeros((3, 2, 3), np.uint8)])


def test_a_large_picture_is_written_in_bands(trained: Trained, tmp_path: Path) -> None:
    run = trained("generation")
    options = {"width": 100, "height": 70, "num_samples": 1}
    whole_file = run.apply(tmp_path / "a", device="cpu", **options)[1]
    bands_file = run.apply(tmp_path / "b", device="cpu", tile=32, **options)[1]
    a, b = (np.asarray(Image.open(file), dtype=int) for file in (whole_file, bands_file))
    assert a.shape == (70, 100, 3)
    assert np.abs(a - b).max() <= 1
    with pytest.raises(OptionError, match="at least 32"):
        run.apply(tmp_path / "c", tile=31)
    assert not (tmp_path / "c").exists()
