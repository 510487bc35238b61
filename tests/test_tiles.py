"""Large pictures are made in parts, and come out the same."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import consingan
from consingan import Run, Size
from consingan.core.pictures.outputs import Outputs
from consingan.core.pictures.writing import FORMATS
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


@pytest.mark.parametrize("suffix", FORMATS)
@given(height=st.integers(1, 40), width=st.integers(1, 30), cut=st.integers(1, 12))
def test_a_picture_in_bands_is_the_whole(suffix: str, height: int, width: int, cut: int) -> None:
    picture = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(height))
    bands = (picture[:, :, row : row + cut] for row in range(0, height, cut))
    with TemporaryDirectory() as folder:
        outputs = Outputs(Path(folder) / f"a{suffix}")
        in_bands = outputs.save_bands("bands", Size(height, width), bands)
        assert in_bands.read_bytes() == outputs.save("whole", picture).read_bytes()


@pytest.mark.parametrize(
    ("bands", "message"),
    [
        ([(3, 2)], "the bands have 3 rows, not 4"),
        ([(3, 2), (3, 2)], "the bands have 6 rows, not 4"),
        ([(4, 3)], "a band is 3 pixels wide, not 2"),
    ],
)
def test_bands_of_another_size_are_an_error(
    bands: list[tuple[int, int]], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        Outputs(tmp_path).save_bands("a", Size(4, 2), (torch.zeros(1, 3, *band) for band in bands))
    assert list(tmp_path.iterdir()) == []


def test_no_band_is_made_of_what_is_no_still(tmp_path: Path) -> None:
    def bands() -> Iterator[torch.Tensor]:
        raise AssertionError
        yield

    with pytest.raises(OptionError, match="holds no still pictures"):
        Outputs(tmp_path / "a.gif").save_bands("a", Size(4, 2), bands())


BANDS = """
import sys
from pathlib import Path
import torch
from consingan import Size
from consingan.core.pictures.outputs import Outputs

def peak():
    return 1024 * int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])

outputs = Outputs(Path(sys.argv[1]))
outputs.save_bands("small", Size(100, 4000), [torch.zeros(1, 3, 100, 4000)])
before = peak()
outputs.save_bands("large", Size(4000, 4000), (torch.zeros(1, 3, 100, 4000) for _ in range(40)))
print((peak() - before) / 4000**2)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc says how much memory it took")
@pytest.mark.parametrize("name", ["", "a.jpg"])
def test_a_picture_in_bands_takes_its_pixels_and_little_more(tmp_path: Path, name: str) -> None:
    command = [sys.executable, "-c", BANDS, str(tmp_path / name)]
    root = Path(__file__).parents[1]
    run = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root)
    assert float(run.stdout) < 8  # bytes a pixel: Pillow's four, and what encodes; a tensor has 12


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
