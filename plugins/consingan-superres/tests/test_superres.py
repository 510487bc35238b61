"""Sizes, passes, what back-projection promises, and the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from consingan_superres.enlarging import back_project, enlarge, margins, passes, sizes_between
from consingan_superres.mode import Superres, SuperresTrain
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch.nn import functional

from benchmarks.compare_superres import main
from consingan import Size, cli
from consingan.core.hooks.dispatch import Hooks
from consingan.core.networks.window import Span, Window
from consingan.core.pictures.resizing import resize
from consingan.core.pictures.tensors import to_tensor
from consingan.core.run import Run
from consingan.testing import ModeTests, tiny_picture, train_tiny


class TestSuperres(ModeTests):
    mode = Superres

    def apply_options(self, folder: Path) -> dict[str, Any]:
        tiny_picture(13, 17).save(folder / "other.png")
        return {"picture": folder / "other.png", "factor": 2.5}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    options = {"train_stages": 2, "niter": 30}
    return train_tiny(Superres, tmp_path_factory.mktemp("runs"), options)


def test_the_stages_are_one_pass_at_one_ratio() -> None:
    sizes = Hooks(Superres()).stage_sizes(Size(100, 200), SuperresTrain(train_stages=3, growth=1.5))
    assert sizes == [Size(67, 133), Size(82, 163), Size(100, 200)]
    automatic = SuperresTrain(train_stages=0)
    assert len(Hooks(Superres()).stage_sizes(Size(100, 200), automatic)) == 2
    assert sizes_between(Size(3, 5), Size(9, 9), 1) == [Size(9, 9)]


@pytest.mark.parametrize(
    ("growth", "factor", "count"), [(2 ** (1 / 3), 4, 6), (2, 4, 2), (2, 2.7, 1), (1.5, 1.1, 1)]
)
def test_there_are_as_many_passes_as_come_nearest(growth: float, factor: float, count: int) -> None:
    assert passes(growth, factor) == count


def test_every_pass_runs_the_stages_at_the_ratio_that_they_learned(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampler, seen = run.sampler("cpu"), []
    generate = sampler.generate

    def watched(noise: Any, sizes: list[Size]) -> torch.Tensor:
        assert not noise(1, Window(Span(0, 9), Span(0, 9))).any()
        seen.append(sizes)
        return generate(noise, sizes)

    monkeypatch.setattr(sampler, "generate", watched)
    made = enlarge(sampler, sampler.picture, Size(32, 48), 0)
    assert made.shape == (1, 3, 32, 48)
    assert [(above.height, above.width) for _, above in seen] == [
        tuple(large + 2 * margins(small, large)[1] for small, large in sides)
        for sides in (((16, 20), (24, 30)), ((20, 25), (30, 38)), ((25, 32), (38, 48)))
    ]
    ratios = [above.width / below.width for below, above in seen]
    assert ratios == pytest.approx([2 ** (1 / 3)] * 3, abs=0.02)


@given(small=st.integers(2, 300), ratio=st.floats(1.1, 4))
def test_what_lies_beyond_a_border_stays_in_place(small: int, ratio: float) -> None:
    large = round(small * ratio)
    before, after = margins(small, large)
    assert 0 < before < small
    assert abs(after - before * (large - 1) / (small - 1)) <= 0.5


def test_no_frame_is_painted_at_the_border(run: Run) -> None:
    """What lies beyond a border is the mirrored picture, not the network's zeros."""
    sampler = run.sampler("cpu")
    picture = torch.full((1, 3, 16, 24), 0.3)
    made = enlarge(sampler, picture, Size(20, 30), 0)
    assert float(made.std(dim=(2, 3)).max()) < 1e-5


def test_back_projection_gives_the_picture_back(run: Run) -> None:
    sampler = run.sampler("cpu")
    picture = sampler.picture * 0.9
    made = enlarge(sampler, picture, Size(41, 57), 0)
    errors = [
        float((resize(back_project(made, picture, times), Size(16, 24)) - picture).abs().max())
        for times in (0, 2, 10)
    ]
    assert errors[0] > 0.05
    assert errors[2] < errors[1] < errors[0] / 2
    assert errors[2] < 2 / 255


def test_back_projection_improves_bicubic_where_detail_is_hidden() -> None:
    picture = to_tensor(tiny_picture(48, 48))
    small = resize(picture, Size(16, 16))
    made = functional.interpolate(small, (48, 48), mode="bicubic")
    better = back_project(made, small, 10)
    assert (better - picture).square().mean() < (made - picture).square().mean()


def test_it_learns_to_sharpen(tmp_path: Path) -> None:
    """It makes grain as the picture has, where bicubic enlargement has next to none."""
    grain = np.random.default_rng(0).normal(128, 40, (48, 48, 1)).clip(0, 255).astype(np.uint8)
    picture = Image.fromarray(np.repeat(grain, 3, axis=2))
    options = {"max_size": 48, "niter": 40, "filters": 8, "growth": 2, "train_stages": 2}
    run = train_tiny(Superres, tmp_path, {**options, "lr_generator": 2e-3}, picture=picture)
    sampler, size = run.sampler("cpu"), Size(96, 96)
    made = enlarge(sampler, sampler.picture, size, 4)
    assert _sharpness(made) > 1.3 * _sharpness(resize(sampler.picture, size))


def _sharpness(picture: torch.Tensor) -> float:
    return float(picture.diff(dim=-1).abs().mean())


def test_the_command_line_enlarges_by_any_factor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_picture().save("photo.png")
    tiny_picture(31, 19).save("other.png")
    tiny = ["--max-size=24", "--niter=2", "--filters=4"]
    assert cli.run(["superres", "train", "photo.png", *tiny]) == 0
    for options, size in (
        (["--factor=1.3"], (31, 21)),
        (["--factor=3.3", "--picture=other.png", "--back-projections=0"], (63, 102)),
    ):
        assert cli.run(["superres", "apply", "latest", *options, f"--out={size}"]) == 0
        with Image.open(Path(str(size)) / "enlarged.png") as image:
            assert image.size == size
    capsys.readouterr()
    assert cli.run(["superres", "apply", "latest", "--factor=1"]) == 2
    assert "--factor" in capsys.readouterr().err
    assert cli.run(["superres", "apply", "latest", "--picture=none.png"]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_the_comparison_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny_picture(48, 64).save(tmp_path / "photo.png")
    options = ["--max-size=64", "--factor=2", "--json", "--set", "niter=2", "filters=4"]
    assert main([str(tmp_path / "photo.png"), *options]) == 0
    means = json.loads(capsys.readouterr().out)["means"]
    assert means["bicubic, projected"]["PSNR"] > means["bicubic"]["PSNR"] > 10
    assert means["superres"]["SSIM"] > means["superres, not projected"]["SSIM"]
